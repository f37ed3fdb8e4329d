/* Tests of chroma: the notes of a chord stand out in any key, tuning, inversion and over drums.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "harmony_sound.h"

#include "../support/failing.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_silence_stage, &ja_chroma_stage, NULL};

static struct rig *start(unsigned rate) {
    struct rig *rig = rig_new(rate, 1, stages);

    rig_start(rig);
    return rig;
}

static float *chroma(struct rig *rig) {
    return rig->last + ja_catalogue_find(&rig->catalogue, "chroma")->first;
}

static void check_chord(struct rig *rig, int chord) {
    float quietest = 1, loudest_other = 0;

    for (int i = 0; i < 12; i++) {
        float value = chroma(rig)[i];

        assert_true(value >= 0 && value <= 1);
        if (harmony_belongs(chord, i))
            quietest = fminf(quietest, value);
        else
            loudest_other = fmaxf(loudest_other, value);
    }
    assert_true(quietest > loudest_other);
}

static void chords_stand_out(void **state) {
    (void)state;
    for (int chord = 0; chord < 24; chord++) {
        for (int cents = -40; cents <= 40; cents += 40) {
            struct rig *rig = start(chord % 2 ? 44100 : 48000);

            harmony_playing.cents = cents;
            harmony_playing.inversion = chord % 3;
            harmony_playing.drums = chord % 4 < 2;
            harmony_play(rig, chord, 1.2);
            check_chord(rig, chord);
            assert_true(fabs(rig_value(rig, "tuning") - cents) < 8);
            rig_free(rig);
        }
    }
}

/* C2 and E2: the harmonics tell what the fundamentals alone would not. */
static double low_third(double t, unsigned c) {
    double sum = 0;

    (void)c;
    for (int k = 1; k <= 8; k++)
        sum += 0.1 / k * (rig_sine(t, 65.41 * k) + rig_sine(t, 82.41 * k));
    return sum;
}

static void low_notes_are_told_apart(void **state) {
    struct rig *rig = start(48000);
    float *values;

    (void)state;
    rig_play(rig, 1, low_third);
    values = chroma(rig);
    for (int i = 0; i < 12; i++)
        assert_true(i == 0 || i == 4 || (values[i] < values[0] && values[i] < values[4]));
    rig_free(rig);
}

static void no_value_in_silence(void **state) {
    struct rig *rig = start(48000);

    (void)state;
    harmony_play(rig, 5, 1);
    assert_false(isnan(chroma(rig)[0]));
    rig_play(rig, 2, rig_nothing);
    for (int i = 0; i < 12; i++)
        assert_true(isnan(chroma(rig)[i]));
    assert_true(isnan(rig_value(rig, "tuning")));
    rig_free(rig);
}

static void off_has_no_value(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_set(rig, "chroma", "enable", false);
    rig_start(rig);
    harmony_play(rig, 5, 1);
    assert_true(isnan(chroma(rig)[0]) && isnan(rig_value(rig, "tuning")));
    rig_free(rig);
}

/* `error`: why there is none. */
static struct ja_pipeline *make(struct rig *rig, int hop, struct ja_error *error) {
    struct ja_analysis_settings analysis = {.window_size = 2, .hop = hop};
    struct ja_pipeline_setup setup = {
        .rate = rig->rate,
        .channels = 1,
        .analysis = &analysis,
        .stages = rig->classes,
        .stage_count = rig->count,
        .settings = (const void *const *)rig->settings,
        .out = {rig_frame, rig_event, rig},
    };

    return ja_pipeline_new(&setup, error);
}

static void the_hop_does_not_matter(void **state) {
    static const int hops[] = {64, 480, 500, 4000};
    float first[12];

    (void)state;
    harmony_playing.cents = 0;
    harmony_playing.drums = true;
    for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
        struct rig *rig = start(48000);

        ja_pipeline_free(rig->pipeline);
        rig->pipeline = make(rig, hops[i], NULL);
        assert_non_null(rig->pipeline);
        harmony_play(rig, 3, 2); /* a multiple of every hop and of 50 ms */
        if (i == 0)
            memcpy(first, chroma(rig), sizeof first);
        assert_memory_equal(first, chroma(rig), sizeof first);
        rig_free(rig);
    }
}

static void reset_forgets_the_tuning(void **state) {
    struct rig *rig = start(48000);

    (void)state;
    harmony_playing.cents = -30;
    harmony_play(rig, 0, 3);
    ja_pipeline_reset(rig->pipeline);
    harmony_playing.cents = 30;
    harmony_play(rig, 0, 1);
    assert_true(fabs(rig_value(rig, "tuning") - 30) < 5);
    rig_free(rig);
}

static void running_out_of_memory_is_said(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    unsigned n = 0;

    (void)state;
    for (;;) {
        struct ja_error error = {""};

        fail_at = ++n;
        rig->pipeline = make(rig, 0, &error);
        if (rig->pipeline)
            break;
        assert_non_null(strstr(error.text, "memory"));
    }
    fail_at = 0;
    assert_true(n > 10);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chords_stand_out),
        cmocka_unit_test(low_notes_are_told_apart),
        cmocka_unit_test(no_value_in_silence),
        cmocka_unit_test(off_has_no_value),
        cmocka_unit_test(the_hop_does_not_matter),
        cmocka_unit_test(reset_forgets_the_tuning),
        cmocka_unit_test(running_out_of_memory_is_said),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
