/* Tests of the loudness stage: what EBU Tech 3341 asks of a meter, and when there is a value.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_loudness_stage, NULL};

static double hz, level_db;

static double tone(double t, unsigned c) {
    (void)c;
    return pow(10, level_db / 20) * rig_sine(t, hz);
}

static double left_only(double t, unsigned c) {
    return c == 0 ? tone(t, c) : 0;
}

static double direct_current(double t, unsigned c) {
    (void)t, (void)c;
    return 0.8;
}

static struct rig *start(unsigned rate, unsigned channels, int hop) {
    struct rig *rig = rig_new(rate, channels, stages);

    hz = 1000;
    level_db = -23;
    rig->analysis.hop = hop;
    rig_start(rig);
    return rig;
}

static void assert_lufs(const struct rig *rig, const char *name, double expected) {
    if (!(fabs(rig_value(rig, name) - expected) < 0.1))
        fail_msg("%s is %.2f, not %.2f", name, (double)rig_value(rig, name), expected);
}

/* Tech 3341, cases 1 and 2: 1 kHz at -23 dBFS in both channels of a stereo signal is -23 LUFS. */
static void a_tone_has_its_loudness(void **state) {
    static const int hops[] = {0, 64, 1000, 4096};

    (void)state;
    for (unsigned rate = 44100; rate <= 48000; rate += 3900) {
        for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
            struct rig *rig = start(rate, 2, hops[i]);

            rig_play(rig, 3.2, tone);
            assert_lufs(rig, "loudness_momentary", -23);
            assert_lufs(rig, "loudness_short", -23);
            level_db = -33;
            rig_play(rig, 3.2, tone);
            assert_lufs(rig, "loudness_short", -33);
            rig_free(rig);
        }
    }
}

/* BS.1770-4, table 1: the weighting falls in the bass and rises by 4 dB in the treble. */
static void it_is_weighted(void **state) {
    struct rig *rig = start(48000, 1, 0);

    (void)state;
    level_db = -20;
    rig_play(rig, 0.5, tone);
    assert_lufs(rig, "loudness_momentary", -23.0);
    hz = 60;
    rig_play(rig, 0.5, tone);
    assert_true(rig_value(rig, "loudness_momentary") < -25.5);
    hz = 8000;
    rig_play(rig, 0.5, tone);
    assert_true(rig_value(rig, "loudness_momentary") > -20.5);
    rig_play(rig, 2, direct_current);
    assert_true(isnan(rig_value(rig, "loudness_momentary")));
    rig_free(rig);
}

static void channels_add_up(void **state) {
    struct rig *rig = start(48000, 2, 0);

    (void)state;
    rig_play(rig, 0.5, left_only);
    assert_lufs(rig, "loudness_momentary", -26.0);
    rig_free(rig);
}

static void it_is_known_after_its_time(void **state) {
    struct rig *rig = start(48000, 1, 0);

    (void)state;
    rig_play(rig, 0.39, tone);
    assert_true(isnan(rig_value(rig, "loudness_momentary")));
    rig_play(rig, 0.01, tone);
    assert_lufs(rig, "loudness_momentary", -26.1);
    rig_play(rig, 2.59, tone);
    assert_true(isnan(rig_value(rig, "loudness_short")));
    rig_play(rig, 0.01, tone);
    assert_lufs(rig, "loudness_short", -26.0);
    level_db = -43; /* 20 dB less */
    rig_play(rig, 0.4, tone);
    assert_lufs(rig, "loudness_momentary", -46.0);
    assert_lufs(rig, "loudness_short", -26 + 10 * log10(2.604 / 3));
    rig_free(rig);
}

static void silence_has_none(void **state) {
    struct rig *rig = start(48000, 2, 0);

    (void)state;
    rig_play(rig, 4, rig_nothing);
    assert_true(isnan(rig_value(rig, "loudness_momentary")));
    assert_true(isnan(rig_value(rig, "loudness_short")));
    level_db = -69;
    rig_play(rig, 1, tone);
    assert_lufs(rig, "loudness_momentary", -69);
    level_db = -71;
    rig_play(rig, 1, tone);
    assert_true(isnan(rig_value(rig, "loudness_momentary")));
    rig_free(rig);
}

static void full_scale_is_measured(void **state) {
    struct rig *rig = start(44100, 1, 0);

    (void)state;
    level_db = 20 * log10(16); /* the largest sample there is */
    rig_play(rig, 1, tone);
    assert_lufs(rig, "loudness_momentary", level_db - 3);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_has_its_loudness), cmocka_unit_test(it_is_weighted),
        cmocka_unit_test(channels_add_up),         cmocka_unit_test(it_is_known_after_its_time),
        cmocka_unit_test(silence_has_none),        cmocka_unit_test(full_scale_is_measured),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
