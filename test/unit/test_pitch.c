/* Tests of the pitch stage: tones have their pitch, everything else none.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_pitch_stage, NULL};

/* Eight harmonics of 220 Hz. */
static double voice(double t, unsigned c) {
    double sum = 0;

    (void)c;
    for (int k = 1; k <= 8; k++)
        sum += 0.2 / k * rig_sine(t, 220 * k);
    return sum;
}

static double high(double t, unsigned c) {
    (void)c;
    return 0.3 * rig_sine(t, 4000);
}

static double faint(double t, unsigned c) {
    return 1e-4 * voice(t, c);
}

static double noise(double t, unsigned c) {
    return 0.3 * rig_noise(t, c);
}

static void check(unsigned rate, int method, double cents) {
    struct rig *rig = rig_new(rate, 1, stages);

    rig_set(rig, "pitch", "method", method);
    rig_start(rig);
    rig_play(rig, 0.5, voice);
    assert_true(fabs(1200 * log2(rig_value(rig, "pitch") / 220)) < cents);
    assert_true(rig_value(rig, "pitch_confidence") > 0.9);
    assert_true(rig_value(rig, "pitch_confidence") <= 1);
    rig_free(rig);
}

static void methods_find_a_voice(void **state) {
    (void)state;
    for (int method = 0; method <= 4; method++) { /* schmitt and specacf are for simpler sounds */
        check(44100, method, 25);
        check(48000, method, 25);
    }
}

static void no_pitch_without_a_tone(void **state) {
    rig_sound *const others[] = {rig_nothing, noise, high, faint};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct rig *rig = rig_new(48000, 1, stages);

        rig_keep(rig, 1000);
        rig_start(rig);
        rig_play(rig, 2, others[i]);
        for (size_t k = 0; k < rig->kept_count; k += 2)
            assert_true(isnan(rig->kept[k]) && rig->kept[k + 1] >= 0 && rig->kept[k + 1] <= 1);
        rig_free(rig);
    }
}

static void off_has_no_value(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_set(rig, "pitch", "enable", false);
    rig_start(rig);
    rig_play(rig, 0.5, voice);
    assert_true(isnan(rig_value(rig, "pitch")) && isnan(rig_value(rig, "pitch_confidence")));
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_find_a_voice),
        cmocka_unit_test(no_pitch_without_a_tone),
        cmocka_unit_test(off_has_no_value),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
