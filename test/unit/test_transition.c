/* Tests of transitions, sections and their announcements on arrangements made for it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/arrangement.h"

#include <ja/audio/source.h>
#include <ja/feature/stages.h>
#include <ja/predict/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_silence_stage,        &ja_beat_stage,
                                                      &ja_transition_stage,     &ja_section_stage,
                                                      &ja_predict_energy_stage, NULL};

static const struct part classic[] = {
    {8, GROOVE, 0.9},
    {8, PAD | LEAD, 0.7},
    {8, PAD | LEAD | ROLL | RISER, 0.8},
    {8, GROOVE | LEAD, 1},
    {0, 0, 0},
};

static struct rig *start(void) {
    struct rig *rig = rig_new(48000, 1, stages);

    rig_start(rig);
    return rig;
}

/* Played once, for several tests. */
static struct rig *played;

static struct rig *play(const struct part *parts) {
    struct rig *rig = start();

    arrangement = parts;
    rig_play(rig, arrangement_length(), arrangement_sound);
    return rig;
}

/* The transition of this kind nearest to `time`, NULL when there is none within `within`. */
static const struct ja_event *find(const struct rig *rig, const char *kind, double time,
                                   double within) {
    const struct ja_event *best = NULL;

    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];
        double far = fabs(event->time - time);

        if (event->type != JA_EVENT_TRANSITION || strcmp(event->transition.kind, kind) != 0 ||
            far > within)
            continue;
        if (!best || far < fabs(best->time - time))
            best = event;
    }
    return best;
}

static void assert_told(const struct rig *rig, const char *kind, double time) {
    const struct ja_event *event = find(rig, kind, time, 0.25);

    if (!event) {
        for (size_t i = 0; i < rig->event_count; i++)
            if (rig->events[i].type == JA_EVENT_TRANSITION)
                print_message("# %.2f %s, %.2f sure, told at %.2f\n", rig->events[i].time,
                              rig->events[i].transition.kind, rig->events[i].transition.confidence,
                              rig->events[i].emitted);
        fail_msg("no %s at %.2f s", kind, time);
    }
    assert_true(event->emitted - event->time < 5);
    assert_true(event->transition.confidence > 0 && event->transition.confidence <= 1);
}

static size_t count_kind(const struct rig *rig, const char *kind) {
    size_t count = 0;

    for (size_t i = 0; i < rig->event_count; i++)
        count += rig->events[i].type == JA_EVENT_TRANSITION &&
                 strcmp(rig->events[i].transition.kind, kind) == 0;
    return count;
}

static int play_classic(void **state) {
    (void)state;
    played = play(classic);
    return 0;
}

static int free_classic(void **state) {
    (void)state;
    rig_free(played);
    return 0;
}

static void breakdown_buildup_and_drop_are_told(void **state) {
    const struct rig *rig = played;

    (void)state;
    arrangement = classic;
    assert_told(rig, "breakdown", part_start(1));
    assert_told(rig, "buildup", part_start(2));
    assert_told(rig, "drop", part_start(3));
    assert_true(find(rig, "breakdown", part_start(1), 1)->transition.delta_db < -3);
    assert_int_equal(count_kind(rig, "drop"), 1);
}

/* No sixteenth tells that it begins, but what follows does. */
static void a_vague_buildup_is_told_late(void **state) {
    static const struct part parts[] = {{4, PAD | HAT, 0.6},   {8, GROOVE, 0.9},
                                        {8, PAD | HAT, 0.7},   {8, PAD | LEAD | RISER, 0.8},
                                        {4, GROOVE | LEAD, 1}, {0, 0, 0}};
    struct rig *rig = play(parts);
    double begins = part_start(3), beat = 60 / arrangement_bpm;
    const struct ja_event *told = find(rig, "buildup", begins, 0.5);

    (void)state;
    assert_non_null(told);
    assert_true(told->emitted > begins + 2 * beat && told->emitted < begins + 5 * beat);
    rig_free(rig);
}

static void rise_and_fall_are_told(void **state) {
    static const struct part parts[] = {
        {4, GROOVE, 0.3}, {8, GROOVE, 1}, {4, GROOVE, 0.3}, {0, 0, 0}};
    struct rig *rig = play(parts);

    (void)state;
    assert_told(rig, "rise", part_start(1));
    assert_told(rig, "fall", part_start(2));
    rig_free(rig);
}

static void silence_and_return_are_told(void **state) {
    static const struct part parts[] = {{4, GROOVE, 1}, {2, 0, 0}, {4, GROOVE, 1}, {0, 0, 0}};
    struct rig *rig = play(parts);

    (void)state;
    assert_told(rig, "silence", part_start(1));
    assert_told(rig, "return", part_start(2));
    assert_int_equal(count_kind(rig, "drop"), 0);
    rig_free(rig);
}

/* So much louder that all before is forgotten. */
static void loud_music_after_quiet_is_a_start(void **state) {
    static const struct part parts[] = {{4, GROOVE, 0.003}, {2, 0, 0}, {4, GROOVE, 1}, {0, 0, 0}};
    struct rig *rig = play(parts);

    (void)state;
    assert_told(rig, "silence", part_start(1));
    assert_int_equal(count_kind(rig, "drop"), 0);
    assert_false(rig->bad);
    rig_free(rig);
}

static double noise(double t, unsigned c) {
    return 0.3 * rig_noise(t, c);
}

/* The synthesiser's, from its start each time. */
static double speech(double t, unsigned c) {
    static struct ja_source *source;
    static float samples[2][1024], *channels[] = {samples[0], samples[1]};
    static int count, at;
    struct ja_error error;

    (void)c;
    if (t == 0) {
        ja_source_close(source);
        assert_int_equal(ja_source_open(&source, "synth:speech?seconds=90", &error), JA_OK);
        count = at = 0;
    }
    if (at == count) {
        count = ja_source_read(source, channels, 1024, &error);
        at = 0;
    }
    return count > 0 ? samples[0][at++] : 0;
}

static void nothing_is_told_where_nothing_changes(void **state) {
    static const struct part steady[] = {{32, GROOVE, 1}, {0, 0, 0}};
    rig_sound *const sounds[] = {arrangement_sound, noise, rig_nothing, speech};

    (void)state;
    arrangement = steady;
    for (size_t s = 0; s < sizeof sounds / sizeof *sounds; s++) {
        struct rig *rig = start();

        rig_play(rig, 30, sounds[s]);
        assert_int_equal(count_kind(rig, "drop"), 0);
        assert_int_equal(count_kind(rig, "breakdown"), 0);
        assert_true(rig_count(rig, JA_EVENT_TRANSITION) <= (s == 3));
        assert_int_equal(rig_count(rig, JA_EVENT_PREDICTION), 0);
        rig_free(rig);
    }
}

static void assert_same_transitions(const struct rig *a, size_t from, const struct rig *b,
                                    double later) {
    size_t i = from, j = 0, found = 0;

    for (;; i++, j++) {
        while (i < a->event_count && a->events[i].type != JA_EVENT_TRANSITION)
            i++;
        while (j < b->event_count && b->events[j].type != JA_EVENT_TRANSITION)
            j++;
        if (i == a->event_count || j == b->event_count)
            break;
        assert_string_equal(a->events[i].transition.kind, b->events[j].transition.kind);
        assert_true(fabs(a->events[i].time - later - b->events[j].time) < 0.05);
        found++;
    }
    assert_true(i == a->event_count && j == b->event_count);
    assert_true(found >= 3);
}

/* A hundredth of the level, after something else that reset makes forgotten. */
static void neither_level_nor_what_was_before_reset_matters(void **state) {
    struct rig *rig = start();
    double later = 4;
    size_t before;

    (void)state;
    rig_play(rig, later, noise);
    ja_pipeline_reset(rig->pipeline);
    before = rig->event_count;
    rig->fed = 0; /* the sound begins anew, the time does not */
    arrangement = classic;
    arrangement_gain = 0.01;
    rig_play(rig, arrangement_length(), arrangement_sound);
    arrangement_gain = 1;
    assert_same_transitions(rig, before, played, later);
    rig_free(rig);
}

/* The last that was said of a drop before `time`. */
static const struct ja_event *last_said(const struct rig *rig, double time) {
    const struct ja_event *last = NULL;

    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type == JA_EVENT_PREDICTION && event->emitted <= time &&
            strcmp(event->prediction.label, "drop") == 0)
            last = event;
    }
    return last;
}

static void a_drop_is_announced_and_counted_down(void **state) {
    const struct rig *rig = played;

    (void)state;
    arrangement = classic;
    double drop = part_start(3), beat = 60 / arrangement_bpm;
    for (int ahead = 4; ahead >= 2; ahead--) {
        const struct ja_event *said = last_said(rig, drop - (ahead - 0.3) * beat);

        assert_non_null(said);
        assert_string_equal(said->prediction.kind, "energy");
        assert_true(said->prediction.confidence >= 0.5);
        assert_true(fabs(said->time - drop) <= beat);
        assert_true(fabs(said->prediction.value - ahead) <= 1);
        assert_true(said->emitted > drop - (ahead + 1) * beat);
    }
}

static void a_drop_that_fails_to_come_is_taken_back(void **state) {
    static const struct part fake[] = {
        {8, GROOVE, 0.9}, {8, PAD | LEAD, 0.7}, {8, PAD | LEAD | ROLL | RISER, 0.8}, {8, PAD, 0.5},
        {0, 0, 0},
    };
    struct rig *rig = play(fake);
    double due = part_start(3), bar = 240 / arrangement_bpm;
    const struct ja_event *said = last_said(rig, due - bar), *after;

    (void)state;
    assert_non_null(said);
    assert_true(said->prediction.confidence >= 0.5);
    after = last_said(rig, due + 2 * bar);
    assert_true(after->prediction.confidence < said->prediction.confidence ||
                after->time < due + bar);
    assert_int_equal(count_kind(rig, "drop"), 0);
    rig_free(rig);
}

static void sections_are_heard_before_transitions(void **state) {
    const struct ja_event *first = NULL;

    (void)state;
    for (size_t i = 0; i < played->event_count && !first; i++)
        if (played->events[i].type == JA_EVENT_SECTION ||
            played->events[i].type == JA_EVENT_TRANSITION)
            first = &played->events[i];
    assert_non_null(first);
    assert_int_equal(first->type, JA_EVENT_SECTION);
    assert_true(first->emitted < 8);
}

static void sections_are_told_without_flicker(void **state) {
    static const char *const wanted[] = {"breakdown", "buildup", "drop"};
    const struct rig *rig = played;
    size_t next = 0;
    const char *last = "";

    (void)state;
    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type != JA_EVENT_SECTION)
            continue;
        assert_string_not_equal(event->section.label, last);
        assert_true(event->section.confidence >= 0 && event->section.confidence <= 1);
        last = event->section.label;
        if (next < 3 && strcmp(last, wanted[next]) == 0)
            next++;
    }
    assert_int_equal(next, 3);
    assert_true(rig_count(rig, JA_EVENT_SECTION) <= 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breakdown_buildup_and_drop_are_told),
        cmocka_unit_test(a_vague_buildup_is_told_late),
        cmocka_unit_test(rise_and_fall_are_told),
        cmocka_unit_test(silence_and_return_are_told),
        cmocka_unit_test(loud_music_after_quiet_is_a_start),
        cmocka_unit_test(nothing_is_told_where_nothing_changes),
        cmocka_unit_test(neither_level_nor_what_was_before_reset_matters),
        cmocka_unit_test(a_drop_is_announced_and_counted_down),
        cmocka_unit_test(a_drop_that_fails_to_come_is_taken_back),
        cmocka_unit_test(sections_are_heard_before_transitions),
        cmocka_unit_test(sections_are_told_without_flicker),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, play_classic, free_classic);
}
