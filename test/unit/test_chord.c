/* Tests of chords: named rightly in any key and tuning, told where they began, and none where there
 * is none.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "harmony_sound.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const heard[] = {&ja_silence_stage, &ja_chroma_stage,
                                                     &ja_chord_stage, NULL};
static const struct ja_stage_class *const given[] = {&harmony_giver_stage, &ja_chord_stage, NULL};

static struct rig *start(const struct ja_stage_class *const *stages) {
    struct rig *rig = rig_new(48000, 1, stages);

    rig_start(rig);
    return rig;
}

static void assert_chord(const struct rig *rig, const char *name) {
    const struct ja_event *event = rig_last(rig, JA_EVENT_CHORD);

    assert_string_equal(event->chord.chord, name);
    assert_true(event->chord.confidence >= 0.5 && event->chord.confidence <= 1);
    assert_true(event->time <= event->emitted);
}

static void every_chord_is_named(void **state) {
    (void)state;
    for (int cents = -40; cents <= 40; cents += 40) {
        struct rig *rig = start(heard);

        harmony_playing.cents = cents;
        for (int chord = 0; chord < 24; chord++) {
            harmony_playing.inversion = chord % 3;
            harmony_playing.drums = chord % 4 < 2;
            harmony_play(rig, chord, 1.5);
            assert_chord(rig, harmony_names[chord]);
        }
        rig_free(rig);
    }
}

static void chords_begin_on_the_beat(void **state) {
    static const int chords[] = {0, 7, 21, 5, 0, 16, 5, 7};
    struct rig *rig = start(given);
    size_t told = 0;

    (void)state;
    harmony_given.beats = true;
    for (int i = 0; i < 8; i++)
        harmony_give(rig, chords[i], i ? 2 : 2.17); /* chroma is late */
    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type != JA_EVENT_CHORD)
            continue;
        assert_string_equal(event->chord.chord, harmony_names[chords[told]]);
        assert_true(fabs(event->time - 2.0 * (double)told) < 1e-9);
        assert_true(event->emitted - event->time < 1);
        told++;
    }
    assert_int_equal(told, 8);
    rig_free(rig);
}

static void chords_are_told_without_beats(void **state) {
    struct rig *rig = start(given);

    (void)state;
    harmony_given.beats = false;
    harmony_give(rig, 3, 3);
    assert_chord(rig, "Eb:maj");
    harmony_give(rig, 12, 3);
    assert_chord(rig, "C:min");
    assert_true(fabs(rig_last(rig, JA_EVENT_CHORD)->time - (3 - 0.17)) < 0.2);
    assert_int_equal(rig_count(rig, JA_EVENT_CHORD), 2);
    rig_free(rig);
}

static double noise(double t, unsigned c) {
    return 0.3 * rig_noise(t, c);
}

/* Seconds for which a chord was told, until the last event. */
static double seconds_with_chord(const struct rig *rig) {
    double sum = 0, since = NAN;

    for (size_t i = 0; i < rig->event_count; i++) {
        if (!isnan(since))
            sum += rig->events[i].emitted - since;
        since = strcmp(rig->events[i].chord.chord, "N") == 0 ? NAN : rig->events[i].emitted;
    }
    assert_true(isnan(since));
    return sum;
}

static void nothing_has_no_chord(void **state) {
    rig_sound *const sounds[] = {rig_nothing, noise, harmony_drums};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct rig *rig = start(heard);

        rig_play(rig, 15, sounds[i]);
        assert_true(seconds_with_chord(rig) <= (i == 2 ? 0.5 : 0));
        harmony_playing.cents = 0;
        harmony_playing.drums = false;
        harmony_play(rig, 9, 2);
        assert_chord(rig, "A:maj");
        rig_play(rig, 4, sounds[i]);
        assert_chord(rig, "N");
        rig_free(rig);
    }
}

static void reset_begins_without_chord(void **state) {
    struct rig *rig = start(given);

    (void)state;
    harmony_given.beats = false;
    harmony_give(rig, 4, 3);
    ja_pipeline_reset(rig->pipeline);
    harmony_give(rig, 24, 3);
    assert_int_equal(rig_count(rig, JA_EVENT_CHORD), 1);
    harmony_give(rig, 4, 3);
    assert_int_equal(rig_count(rig, JA_EVENT_CHORD), 2);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chord_is_named),          cmocka_unit_test(chords_begin_on_the_beat),
        cmocka_unit_test(chords_are_told_without_beats), cmocka_unit_test(nothing_has_no_chord),
        cmocka_unit_test(reset_begins_without_chord),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
