/* Tests of the silence stage: threshold, hold time, hysteresis, constant offsets.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_silence_stage, NULL};

static double offset(double t, unsigned c) {
    (void)t, (void)c;
    return 0.7;
}

static double low_noise(double t, unsigned c) {
    return 3e-4 * rig_noise(t, c);
}

static double denormal(double t, unsigned c) {
    (void)t, (void)c;
    return 1e-41;
}

static double tone(double t, unsigned c) {
    (void)c;
    return 0.1 * rig_sine(t, 100);
}

/* 1.5 dB above the threshold of -70 dB, within the hysteresis. */
static double borderline(double t, unsigned c) {
    (void)c;
    return 0.000531 * rig_sine(t, 1000);
}

static double slow_clicks(double t, unsigned c) {
    (void)c;
    return fmod(t, 1.0) < 0.005 ? 0.5 * rig_noise(t, 0) : 0;
}

static void quiet_things_are_silent(void **state) {
    rig_sound *const quiet[] = {rig_nothing, offset, low_noise, denormal};

    (void)state;
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++) {
        struct rig *rig = rig_new(48000, 2, stages);

        rig_start(rig);
        rig_play(rig, 0.01, quiet[i]);
        assert_true(rig_value(rig, "silence") == 1);
        rig_play(rig, 2, tone);
        assert_true(rig_value(rig, "silence") == 0);
        rig_play(rig, 2, quiet[i]);
        assert_true(rig_value(rig, "silence") == 1);
        rig_free(rig);
    }
}

static void holds_and_ends_at_once(void **state) {
    struct rig *rig = rig_new(44100, 1, stages);

    (void)state;
    rig_start(rig);
    rig_play(rig, 1, tone);
    rig_play(rig, 1.1, rig_nothing);
    assert_true(rig_value(rig, "silence") == 0);
    rig_play(rig, 0.2, rig_nothing);
    assert_true(rig_value(rig, "silence") == 1);
    rig_play(rig, 0.02, tone);
    assert_true(rig_value(rig, "silence") == 0);
    rig_free(rig);
}

static void borderline_level_keeps_what_was(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    rig_play(rig, 2, rig_nothing);
    rig_play(rig, 2, borderline);
    assert_true(rig_value(rig, "silence") == 1);
    rig_play(rig, 1, tone);
    rig_play(rig, 3, borderline);
    assert_true(rig_value(rig, "silence") == 0);
    rig_free(rig);
}

static void clicks_once_a_second_are_no_silence(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    rig_keep(rig, 1000);
    rig_play(rig, 5, slow_clicks);
    for (size_t i = 0; i < rig->kept_count; i++)
        assert_true(rig->kept[i] == 0);
    assert_int_equal(rig->kept_count, 500);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_things_are_silent),
        cmocka_unit_test(holds_and_ends_at_once),
        cmocka_unit_test(borderline_level_keeps_what_was),
        cmocka_unit_test(clicks_once_a_second_are_no_silence),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
