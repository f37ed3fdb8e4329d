/* Part of a second build of the program, in which its n-th allocation fails: n is JA_FAIL_AT.
 * Without it, how many there were is told at the end, on standard error.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/failing.h"

#include <stdio.h>
#include <stdlib.h>

static const unsigned NEVER = 1u << 30;

static void tell_count(void) {
    fprintf(stderr, "%u allocations\n", NEVER - fail_at);
}

__attribute__((constructor)) static void begin(void) {
    const char *number = getenv("JA_FAIL_AT");
    fail_at = number ? (unsigned)atoi(number) : NEVER;
    if (!number)
        atexit(tell_count);
}
