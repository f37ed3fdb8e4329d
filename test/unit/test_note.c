/* Tests of the note stage: a melody comes out note by note, and every note that begins also ends.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {
    &ja_level_stage, &ja_onset_stage, &ja_pitch_stage, &ja_note_stage, NULL,
};

static const double melody[] = {60, 64, 67, 67, 72, 55};
enum { NOTES = sizeof melody / sizeof *melody };

/* A note each half second, plucked, 0.4 s long. */
static double pluck(double t, unsigned c) {
    double since = fmod(t, 0.5);
    double hz = 440 * exp2((melody[(int)(t / 0.5) % NOTES] - 69) / 12);
    double sum = 0;

    (void)c;
    for (int k = 1; k <= 5; k++)
        sum += 0.3 / k * rig_sine(since, hz * k);
    return since < 0.4 ? sum * fmin(1, since * 200) * exp(-since * 4) : 0;
}

/* The same without pauses: notes follow one another. */
static double legato(double t, unsigned c) {
    double hz = (int)(t / 0.5) % 2 ? 330 : 247;

    (void)c;
    return 0.3 * rig_sine(t, hz);
}

static struct rig *start(void) {
    struct rig *rig = rig_new(48000, 1, stages);

    rig_set(rig, "note", "enable", true);
    rig_start(rig);
    return rig;
}

/* Notes begin and end in turn, in order of time. Returns how many began. */
static size_t check_pairs(const struct rig *rig, bool ended) {
    bool on = false;
    double last = -1;
    size_t count = 0;

    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type != JA_EVENT_NOTE)
            continue;
        assert_true(event->note.on != on);
        assert_true(event->time >= last && event->time <= event->emitted);
        on = event->note.on;
        last = event->time;
        count += on;
    }
    assert_true(!on || !ended);
    return count;
}

static void melody_comes_out(void **state) {
    struct rig *rig = start();
    size_t n = 0;

    (void)state;
    rig_play(rig, 0.5 * NOTES, pluck);
    assert_int_equal(check_pairs(rig, true), NOTES);
    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type != JA_EVENT_NOTE || !event->note.on)
            continue;
        assert_true(fabs(event->note.midi - melody[n]) < 0.3);
        assert_true(fabs(event->note.hz / (440 * exp2((event->note.midi - 69) / 12)) - 1) < 1e-6);
        assert_true(fabs(event->time - 0.5 * (double)n) < 0.03);
        assert_true(event->note.velocity > 0.3 && event->note.velocity <= 1);
        n++;
    }
    rig_free(rig);
}

static void legato_changes_note(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 4, legato);
    assert_in_range(check_pairs(rig, false), 8, 9);
    rig_play(rig, 1, rig_nothing);
    check_pairs(rig, true);
    rig_free(rig);
}

static void reset_and_switching_off_end_the_note(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 0.3, pluck);
    ja_pipeline_reset(rig->pipeline);
    rig_play(rig, 0.01, pluck);
    assert_int_equal(check_pairs(rig, true), 1);
    rig_play(rig, 0.5, pluck);
    rig_set(rig, "note", "enable", false);
    assert_int_equal(
        ja_pipeline_configure(rig->pipeline, ja_note_stage.module, rig->settings[3], NULL), JA_OK);
    rig_play(rig, 1, pluck);
    check_pairs(rig, true);
    rig_free(rig);
}

/* What is left out tells no more, and leaves no note sounding. */
static void being_left_out_ends_the_note(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 0.45, legato);
    assert_int_equal(check_pairs(rig, false), 1);
    ja_pipeline_set_level(rig->pipeline, JA_LEVEL_MEDIUM);
    assert_int_equal(check_pairs(rig, true), 1);
    assert_true(fabs(rig_last(rig, JA_EVENT_NOTE)->time - 0.45) < 0.011);
    rig_play(rig, 2, legato);
    assert_int_equal(check_pairs(rig, true), 1);
    assert_true(isnan(rig_value(rig, "pitch")));
    ja_pipeline_set_level(rig->pipeline, JA_LEVEL_HIGH);
    rig_play(rig, 0.3, legato);
    assert_int_equal(check_pairs(rig, false), 2);
    rig_free(rig);
}

static void off_by_default(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    rig_play(rig, 2, pluck);
    assert_int_equal(rig_count(rig, JA_EVENT_NOTE), 0);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(melody_comes_out),
        cmocka_unit_test(legato_changes_note),
        cmocka_unit_test(reset_and_switching_off_end_the_note),
        cmocka_unit_test(being_left_out_ends_the_note),
        cmocka_unit_test(off_by_default),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
