/* Tests of the mfcc stage: what each coefficient says, under every window.
 *
 * That the numbers are right is measured against another implementation by test/bench/features.sh.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

enum { COEFFICIENTS = 13, FILTERS = 40 };

static const struct ja_stage_class *const stages[] = {&ja_mfcc_stage, NULL};

static double amplitude, hz;

static double noise(double t, unsigned c) {
    return amplitude * rig_noise(t, c);
}

static double tone(double t, unsigned c) {
    (void)c;
    return amplitude * rig_sine(t, hz);
}

static struct rig *start(unsigned rate, int window, int window_size) {
    struct rig *rig = rig_new(rate, 1, stages);

    rig->analysis.window = window;
    rig->analysis.window_size = window_size;
    rig_start(rig);
    return rig;
}

/* Every band at the floor of 1e-10. */
static void silence_is_the_floor(void **state) {
    struct rig *rig = start(48000, 0, 2);

    (void)state;
    rig_play(rig, 0.5, rig_nothing);
    assert_true(fabs(rig->last[0] - sqrt(FILTERS) * log(1e-10)) < 1e-3);
    for (int c = 1; c < COEFFICIENTS; c++)
        assert_true(fabs(rig->last[c]) < 1e-3);
    rig_free(rig);
}

/* Ten times the amplitude adds ln 100 to every band: c0 alone sees it. */
static void the_level_moves_c0_alone(void **state) {
    (void)state;
    for (int window = 0; window < 3; window++) {
        for (int size = 0; size < 5; size++) {
            struct rig *rig = start(size % 2 ? 44100 : 48000, window, size);
            float before[COEFFICIENTS];

            amplitude = 0.05;
            rig_play(rig, 0.5, noise);
            memcpy(before, rig->last, sizeof before);
            ja_pipeline_reset(rig->pipeline);
            rig->fed = 0;
            amplitude = 0.5;
            rig_play(rig, 0.5, noise);
            assert_true(fabs(rig->last[0] - before[0] - sqrt(FILTERS) * log(100)) < 1e-2);
            for (int c = 1; c < COEFFICIENTS; c++)
                assert_true(fabs(rig->last[c] - before[c]) < 1e-2);
            assert_false(rig->bad);
            rig_free(rig);
        }
    }
}

/* c1 weighs the low bands against the high ones. */
static void c1_tells_dark_from_bright(void **state) {
    struct rig *rig = start(48000, 0, 2);
    float dark, grey;

    (void)state;
    amplitude = 0.5;
    hz = 100;
    rig_play(rig, 0.5, tone);
    dark = rig->last[1];
    hz = 1500;
    rig_play(rig, 0.5, tone);
    grey = rig->last[1];
    hz = 12000;
    rig_play(rig, 0.5, tone);
    assert_true(dark > grey + 5 && grey > rig->last[1] + 5);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_the_floor),
        cmocka_unit_test(the_level_moves_c0_alone),
        cmocka_unit_test(c1_tells_dark_from_bright),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
