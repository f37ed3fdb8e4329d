/* Tests of a series of taps.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "feature/taps.h"

#include <math.h>
#include <stdbool.h>

static bool near(double a, double b) {
    return fabs(a - b) < 1e-9;
}

static void the_second_tap_tells_a_tempo(void **state) {
    struct ja_taps taps = {0};

    (void)state;
    assert_true(ja_taps_add(&taps, 10) == 0);
    assert_true(near(ja_taps_add(&taps, 10.5), 0.5));
    assert_true(near(ja_taps_add(&taps, 11.1), 0.55));
    assert_true(near(ja_taps_add(&taps, 11.6), 0.5));
}

static void a_bad_tap_does_no_harm(void **state) {
    struct ja_taps taps = {0};
    double period = 0;

    (void)state;
    for (int i = 0; i < 6; i++)
        period = ja_taps_add(&taps, 0.5 * i);
    assert_true(near(period, 0.5));
    assert_true(near(ja_taps_add(&taps, 2.53), 0.5));  /* a bounce */
    assert_true(near(ja_taps_add(&taps, 4.0), 0.5));   /* some missed */
    assert_true(near(ja_taps_add(&taps, 4.375), 0.5)); /* one too early */
}

static void only_the_last_eight_count(void **state) {
    struct ja_taps taps = {0};
    double time = 0, period = 0;

    (void)state;
    for (int i = 0; i < 20; i++)
        ja_taps_add(&taps, time += 0.5);
    for (int i = 0; i < 8; i++)
        period = ja_taps_add(&taps, time += 0.75);
    assert_true(near(period, 0.75));
    assert_int_equal(taps.interval_count, JA_TAP_INTERVALS);
}

static void a_pause_begins_a_new_series(void **state) {
    struct ja_taps taps = {0};

    (void)state;
    ja_taps_add(&taps, 0);
    assert_true(near(ja_taps_add(&taps, 0.5), 0.5));
    assert_true(near(ja_taps_add(&taps, 2.9), 0.5)); /* not yet a pause, and no beat length */
    assert_true(ja_taps_add(&taps, 5.5) == 0);
    assert_true(near(ja_taps_add(&taps, 6.5), 1));
    assert_true(ja_taps_add(&taps, 3) == 0); /* time was moved back */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_tap_tells_a_tempo),
        cmocka_unit_test(a_bad_tap_does_no_harm),
        cmocka_unit_test(only_the_last_eight_count),
        cmocka_unit_test(a_pause_begins_a_new_series),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
