/* The one clock of the program: CLOCK_MONOTONIC in microseconds. JACK may count on another; its
 * times are translated where they come in (src/audio).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_CLOCK_H
#define JA_CORE_CLOCK_H

#include <stdint.h>

uint64_t ja_clock_us(void);

#endif
