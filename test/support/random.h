/* Numbers that look random and are the same at every run: xorshift64*.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TEST_RANDOM_H
#define JA_TEST_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state; /* the seed; not 0 */
};

static inline uint64_t random_next(struct random *random) {
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * 0x2545f4914f6cdd1d;
}

/* 0 … count - 1 */
static inline uint64_t random_below(struct random *random, uint64_t count) {
    return (random_next(random) >> 11) % count;
}

/* 0 … 1, 1 excluded */
static inline double random_unit(struct random *random) {
    return (double)(random_next(random) >> 11) / 9007199254740992.0;
}

#endif
