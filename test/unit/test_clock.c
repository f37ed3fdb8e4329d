/* Tests the clock: it is CLOCK_MONOTONIC in microseconds and never goes back.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ja/core/clock.h>
#include <time.h>

static uint64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void tells_the_monotonic_time_in_microseconds(void **state) {
    (void)state;
    uint64_t before = monotonic_us();
    uint64_t between = ja_clock_us();
    assert_in_range(between, before, monotonic_us());
}

static void never_goes_back(void **state) {
    (void)state;
    uint64_t last = ja_clock_us();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = ja_clock_us();
        assert_true(now >= last);
        last = now;
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_monotonic_time_in_microseconds),
        cmocka_unit_test(never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
