/* The one clock of the program: CLOCK_MONOTONIC in microseconds, as JACK's own time.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/clock.h>

#include <time.h>

uint64_t ja_clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
