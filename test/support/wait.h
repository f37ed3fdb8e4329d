/* Waiting for another thread, on a machine that may be busy with other things.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TEST_WAIT_H
#define JA_TEST_WAIT_H

#include <time.h>

static inline void wait_a_little(void) {
    nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}

/* Between two looks at what the other thread is about to do: it mostly has the other processor, and
 * when it has none, giving this one up for a moment helps where yielding it to all others does not.
 */
static inline void look_again(void) {
    static _Thread_local unsigned looks;
    if (++looks % 1024 == 0)
        wait_a_little();
}

#endif
