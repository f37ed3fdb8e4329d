/* Tests of the bands stage: a tone is in its band with its level, under every window.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_bands_stage, NULL};

static double hz, amplitude;

static double tone(double t, unsigned c) {
    (void)c;
    return amplitude * rig_sine(t, hz) + 0.1;
}

static double direct_current(double t, unsigned c) {
    (void)t, (void)c;
    return 0.8;
}

static double square(double t, unsigned c) {
    (void)c;
    return rig_sine(t, 100) > 0 ? 16 : -16;
}

static struct rig *start(unsigned rate, int window, int window_size) {
    struct rig *rig = rig_new(rate, 1, stages);

    rig->analysis.window = window;
    rig->analysis.window_size = window_size;
    rig_start(rig);
    return rig;
}

/* The middle of each of the eight bands from 40 Hz to 16 kHz. */
static double middle_hz(int band) {
    return 40 * pow(400, (band + 0.5) / 8);
}

static void a_tone_is_in_its_band(void **state) {
    (void)state;
    for (int window = 0; window < 3; window++) {
        for (int band = 0; band < 8; band++) {
            struct rig *rig = start(band % 2 ? 44100 : 48000, window, 4);

            hz = middle_hz(band);
            amplitude = 0.5;
            rig_play(rig, 0.5, tone);
            for (int b = 0; b < 8; b++) {
                if (b == band)
                    assert_true(fabs(rig->last[b] - 0.5) < 0.005);
                else
                    assert_true(rig->last[b] < 0.01);
            }
            assert_true(isnan(rig->last[8]));
            rig_free(rig);
        }
    }
}

static void short_windows_tell_them_apart(void **state) {
    (void)state;
    for (int size = 0; size < 4; size++) {
        struct rig *rig = start(48000, 0, size);

        for (int band = 3; band < 8; band++) {
            hz = middle_hz(band);
            amplitude = 0.5;
            rig_play(rig, 0.5, tone);
            for (int b = 0; b < 8; b++)
                assert_true((rig->last[b] > 0.4) == (b == band));
        }
        rig_free(rig);
    }
}

static void number_and_edges_can_be_chosen(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_set(rig, "bands", "count", 3);
    rig_set(rig, "bands", "min_hz", 100);
    rig_set(rig, "bands", "max_hz", 2700);
    rig_start(rig);
    hz = 520; /* 100, 300, 900, 2700 */
    amplitude = 1;
    rig_play(rig, 0.5, tone);
    assert_true(rig->last[0] < 0.01 && rig->last[1] > 0.99 && rig->last[2] < 0.01);
    assert_true(isnan(rig->last[3]));
    rig_free(rig);
}

static void wrong_edges_are_refused(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    struct ja_error error = {""};
    struct ja_pipeline_setup setup = {
        .rate = 48000,
        .channels = 1,
        .analysis = &rig->analysis,
        .stages = rig->classes,
        .stage_count = rig->count,
        .settings = (const void *const *)rig->settings,
    };

    (void)state;
    rig_set(rig, "bands", "min_hz", 2000);
    rig_set(rig, "bands", "max_hz", 1000);
    assert_null(ja_pipeline_new(&setup, &error));
    assert_string_equal(error.text, "bands.min_hz = 2000: must be below bands.max_hz = 1000");
    rig_free(rig);
}

static void silence_and_offset_are_nothing(void **state) {
    for (int window = 0; window < 3; window++) {
        struct rig *rig = start(48000, window, 2);

        (void)state;
        rig_play(rig, 0.5, rig_nothing);
        for (int b = 0; b < 8; b++)
            assert_true(rig->last[b] == 0);
        rig_play(rig, 0.5, direct_current);
        for (int b = 0; b < 8; b++)
            assert_true(rig->last[b] < 1e-5);
        rig_free(rig);
    }
}

static void nothing_is_above_one(void **state) {
    struct rig *rig = start(48000, 0, 2);

    (void)state;
    rig_play(rig, 0.5, square);
    assert_true(rig->last[1] == 1); /* 100 Hz */
    for (int b = 0; b < 8; b++)
        assert_true(rig->last[b] >= 0 && rig->last[b] <= 1);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_is_in_its_band),
        cmocka_unit_test(short_windows_tell_them_apart),
        cmocka_unit_test(number_and_edges_can_be_chosen),
        cmocka_unit_test(wrong_edges_are_refused),
        cmocka_unit_test(silence_and_offset_are_nothing),
        cmocka_unit_test(nothing_is_above_one),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
