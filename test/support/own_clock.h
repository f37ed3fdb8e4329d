/* A clock that the test owns: it stands still while the program works and moves on when the main
 * loop waits, so that a busy machine changes nothing and an hour costs no time.
 *
 * For programs that the Makefile links with $(OWN_CLOCK). Include in one source file per program.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TEST_OWN_CLOCK_H
#define JA_TEST_OWN_CLOCK_H

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static _Atomic uint64_t own_clock_us = 1000000000;
static uint64_t own_clock_oversleep_us; /* by so much every wait lasts too long */
static unsigned own_clock_waits;        /* until a timer was due, or in vain */
static bool own_clock_is_off;           /* the machine's clock runs, and waits are real */

static inline void own_clock_pass(uint64_t us) {
    own_clock_us += us;
}

uint64_t __real_ja_clock_us(void);
int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait,
                 const sigset_t *mask);

uint64_t __wrap_ja_clock_us(void);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait,
                 const sigset_t *mask);

uint64_t __wrap_ja_clock_us(void) {
    return own_clock_is_off ? __real_ja_clock_us() : own_clock_us;
}

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait,
                 const sigset_t *mask) {
    static const struct timespec none;
    if (own_clock_is_off)
        return __real_ppoll(fds, count, wait, mask);
    int ready = __real_ppoll(fds, count, &none, mask);
    if (ready == 0 && (wait->tv_sec > 0 || wait->tv_nsec > 0)) {
        own_clock_waits++;
        own_clock_pass((uint64_t)wait->tv_sec * 1000000 + (uint64_t)wait->tv_nsec / 1000 +
                       own_clock_oversleep_us);
    }
    return ready;
}

#endif
