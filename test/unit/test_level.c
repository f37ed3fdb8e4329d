/* Tests of the level stage: known signals have known rms and peak.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_level_stage, NULL};

static double half_sine(double t, unsigned c) {
    (void)c;
    return 0.5 * rig_sine(t, 1000);
}

static double opposite(double t, unsigned c) {
    return c ? -half_sine(t, 0) : half_sine(t, 0);
}

static double loud(double t, unsigned c) {
    (void)t, (void)c;
    return -16;
}

static void sine_has_known_level(void **state) {
    (void)state;
    for (unsigned rate = 44100; rate <= 48000; rate += 3900) {
        struct rig *rig = rig_new(rate, 1, stages);

        rig_start(rig);
        rig_play(rig, 1, half_sine);
        assert_true(fabs(rig_value(rig, "rms") - 0.5 / sqrt(2)) < 1e-4);
        assert_true(fabs(rig_value(rig, "peak") - 0.5) < 1e-3);
        rig_free(rig);
    }
}

static void opposite_phase_counts(void **state) {
    struct rig *rig = rig_new(48000, 2, stages);

    (void)state;
    rig_start(rig);
    rig_play(rig, 1, opposite);
    assert_true(fabs(rig_value(rig, "rms") - 0.5 / sqrt(2)) < 1e-4);
    rig_free(rig);
}

static void stays_within_one(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    rig_play(rig, 0.1, loud);
    assert_true(rig_value(rig, "rms") == 1 && rig_value(rig, "peak") == 1);
    rig_play(rig, 0.1, rig_nothing);
    assert_true(rig_value(rig, "rms") == 0 && rig_value(rig, "peak") == 0);
    rig_free(rig);
}

static void smoothing_falls_with_its_constant(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_set(rig, "level", "smoothing_ms", 200);
    rig_start(rig);
    rig_play(rig, 0.1, loud);
    rig_play(rig, 0.2, rig_nothing);
    assert_true(fabs(rig_value(rig, "peak") - exp(-1)) < 0.01);
    ja_pipeline_reset(rig->pipeline);
    rig_play(rig, 0.01, rig_nothing);
    assert_true(rig_value(rig, "peak") == 0);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sine_has_known_level),
        cmocka_unit_test(opposite_phase_counts),
        cmocka_unit_test(stays_within_one),
        cmocka_unit_test(smoothing_falls_with_its_constant),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
