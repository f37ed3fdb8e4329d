/* Tests of the scorer: what it makes of predictions that come true, come late, come twice or not at
 * all, and its figures.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "script_stage.h"

#include <ja/predict/stages.h>

static const struct ja_stage_class *const stages[] = {&script_stage, &ja_score_stage, NULL};

static struct rig *start(const struct line *lines, size_t count) {
    struct rig *rig = rig_new(48000, 1, stages);

    script_set(lines, count);
    rig_set(rig, "score", "every_s", 1);
    rig_start(rig);
    return rig;
}

static const struct ja_event_score *last_score(const struct rig *rig, const char *kind) {
    const struct ja_event_score *found = NULL;

    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type == JA_EVENT_SCORE && strcmp(event->score.kind, kind) == 0)
            found = &event->score;
    }
    return found;
}

// clang-format off
#define EVENT(at, of, when, ...) { at, {.type = of, .time = when, __VA_ARGS__}}
#define PREDICT(at, due, of, what, size, sure)                                                     \
    EVENT(at, JA_EVENT_PREDICTION, due, .prediction = {of, what, size, sure})
#define BEAT(at, when) EVENT(at, JA_EVENT_BEAT, when, .beat = {0, 0, 120, 0.9})
#define TRANSITION(at, when, what) EVENT(at, JA_EVENT_TRANSITION, when, .transition = {what, 6, 1})
#define TEMPO(at, new) EVENT(at, JA_EVENT_TEMPO, at, .tempo = {new, 1, "drift", NAN})
#define CHORD(at, when, what) EVENT(at, JA_EVENT_CHORD, when, .chord = {what, 1})
// clang-format on

enum { LINES = 12 };

/* --- Verdicts --- */

static const struct row {
    const char *what, *kind;
    int n, hits;
    double median_ms; /* of the hits, NAN: none; n = 0: there is no score at all */
    struct line lines[LINES];
} rows[] = {
    {"exact", "beat", 1, 1, 0, {PREDICT(1, 2, "beat", "1", 120, 0.8), BEAT(1.9, 2)}},
    {"late", "beat", 1, 1, 60, {PREDICT(1, 2, "beat", "1", 120, 0.8), BEAT(2, 2.06)}},
    {"early", "beat", 1, 1, -60, {PREDICT(1, 2, "beat", "1", 120, 0.8), BEAT(1.9, 1.94)}},
    {"too late", "beat", 1, 0, NAN, {PREDICT(1, 2, "beat", "1", 120, 0.8), BEAT(2, 2.08)}},
    {"too early", "beat", 1, 0, NAN, {PREDICT(1, 2, "beat", "1", 120, 0.8), BEAT(1.9, 1.92)}},
    {"missed", "beat", 1, 0, NAN, {PREDICT(1, 2, "beat", "1", 120, 0.8)}},
    {"told long after", "beat", 1, 0, NAN, {PREDICT(1, 2, "beat", "1", 120, 0.8), BEAT(3, 2)}},
    {"not foretold", "beat", 0, 0, NAN, {BEAT(1.9, 2)}},
    {"foretold when it had happened",
     "beat",
     1,
     0,
     NAN,
     {PREDICT(2, 2.05, "beat", "1", 120, 0.8), BEAT(2.1, 1.99)}},
    {"due in the past", "beat", 0, 0, NAN, {PREDICT(2, 1.9, "beat", "1", 120, 0.8), BEAT(2, 1.9)}},
    {"not sure of anything",
     "beat",
     0,
     0,
     NAN,
     {PREDICT(1, 2, "beat", "1", 120, NAN), PREDICT(1, 2, "beat", "1", 120, 0)}},
    {"every statement of a beat counts",
     "beat",
     3,
     2,
     10,
     {PREDICT(1, 1.5, "beat", "1", 120, 0.8), PREDICT(1, 2, "beat", "1", 120, 0.8), BEAT(1.4, 1.6),
      PREDICT(1.4, 2, "beat", "1", 120, 0.8), BEAT(1.9, 2.01)}},
    {"a kind nobody knows", "beat", 0, 0, NAN, {PREDICT(1, 2, "weather", "rain", 0, 1)}},
    {"a transition",
     "energy",
     1,
     1,
     400,
     {PREDICT(1, 3, "energy", "drop", 6, 0.8), TRANSITION(5, 3.4, "drop")}},
    {"another transition",
     "energy",
     1,
     0,
     NAN,
     {PREDICT(1, 3, "energy", "drop", 6, 0.8), TRANSITION(5, 3.4, "rise")}},
    {"an announcement that is repeated counts once",
     "energy",
     1,
     1,
     -100,
     {PREDICT(1, 4, "energy", "drop", 6, 0.4), PREDICT(2, 3.5, "energy", "drop", 6, 0.8),
      PREDICT(3, 4.9, "energy", "drop", 6, 0.5), TRANSITION(5, 3.4, "drop")}},
    {"it cannot be put off for ever",
     "energy",
     2,
     1,
     0,
     {PREDICT(1, 3, "energy", "drop", 6, 0.8), PREDICT(2, 3.8, "energy", "drop", 6, 0.8),
      PREDICT(3, 4.6, "energy", "drop", 6, 0.8), TRANSITION(5, 4.6, "drop")}},
    {"taken back, it has been said all the same",
     "energy",
     1,
     0,
     NAN,
     {PREDICT(1, 3, "energy", "drop", 6, 0.8), PREDICT(2, 3, "energy", "drop", 6, 0)}},
    {"one transition fulfils one announcement, the nearest",
     "energy",
     2,
     1,
     -200,
     {PREDICT(1, 3, "energy", "drop", 6, 0.8), PREDICT(1, 4.2, "energy", "drop", 6, 0.8),
      TRANSITION(5, 4, "drop")}},
    {"two transitions fulfil two",
     "energy",
     2,
     2,
     0,
     {PREDICT(1, 3, "energy", "drop", 6, 0.8), PREDICT(1, 3, "energy", "rise", 6, 0.8),
      TRANSITION(5, 3, "drop"), TRANSITION(5, 3, "rise")}},
    {"without a label", "energy", 1, 0, NAN, {PREDICT(1, 3, "energy", NULL, 6, 0.8)}},
    {"the tempo has gone the way",
     "tempo",
     1,
     1,
     -500,
     {BEAT(0.5, 0.6), PREDICT(1, 5, "tempo", "rise", 124, 0.8), TEMPO(2, 121), TEMPO(4.5, 123)}},
    {"the tempo has gone the other way",
     "tempo",
     1,
     0,
     NAN,
     {BEAT(0.5, 0.6), PREDICT(1, 5, "tempo", "rise", 124, 0.8), TEMPO(4.5, 117)}},
    {"the tempo has gone too far",
     "tempo",
     1,
     0,
     NAN,
     {BEAT(0.5, 0.6), PREDICT(1, 5, "tempo", "rise", 124, 0.8), TEMPO(4.5, 130)}},
    {"of a tempo that was not known",
     "tempo",
     1,
     0,
     NAN,
     {PREDICT(1, 5, "tempo", "rise", 124, 0.8), TEMPO(4.5, 124)}},
    {"a chord",
     "harmony",
     1,
     1,
     100,
     {PREDICT(1, 2, "harmony", "A:min", 0, 0.8), CHORD(3, 2.1, "A:min")}},
    {"another chord",
     "harmony",
     1,
     0,
     NAN,
     {PREDICT(1, 2, "harmony", "A:min", 0, 0.8), CHORD(3, 2.1, "A:maj"), CHORD(3, 2.1, NULL)}},
};

static size_t lines_of(const struct row *row) {
    size_t count = 0;

    while (count < LINES && row->lines[count].at > 0)
        count++;
    return count;
}

static void verdicts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct rig *rig = start(row->lines, lines_of(row));
        const struct ja_event_score *score;

        print_message("# %s\n", row->what);
        rig_play(rig, 20, rig_nothing);
        score = last_score(rig, row->kind);
        if (row->n == 0) {
            assert_null(score);
        } else {
            assert_non_null(score);
            assert_int_equal(score->n, row->n);
            assert_int_equal(score->hits, row->hits);
            assert_true(fabs(score->hit_rate - (double)row->hits / row->n) < 1e-9);
            assert_int_equal(isnan(score->median_error_ms), isnan(row->median_ms));
            assert_true(isnan(row->median_ms) ||
                        fabs(score->median_error_ms - row->median_ms) < 0.01);
            assert_int_equal(score->total_n, row->n);
            assert_int_equal(score->total_hits, row->hits);
        }
        assert_false(rig->bad);
        rig_free(rig);
    }
}

/* --- Figures --- */

enum { MANY = 2400 };
static struct line many[MANY];

/* Beats every 0.25 s from 1 s on, each foretold at once; `missing` of each ten do not come. */
static size_t write_beats(double seconds, double confidence, int missing) {
    size_t count = 0;
    int beat = 0;

    for (double t = 1; t < seconds; t += 0.25, beat++) {
        many[count++] = (struct line)PREDICT(t, t + 0.2, "beat", "beat", 240, confidence);
        if (beat % 10 >= missing)
            many[count++] = (struct line)BEAT(t + 0.1, t + 0.2);
        assert_true(count < MANY);
    }
    return count;
}

static void calibration_is_by_tenths(void **state) {
    static const double stated[] = {0.05, 0.25, 0.74, 0.76, 0.99, 1};
    static const struct {
        int bin, count;
        double stated, observed;
    } bins[] = {{0, 1, 0.05, 1}, {2, 1, 0.25, 0}, {7, 2, 0.75, 0.5}, {9, 2, 0.995, 1}};
    static const bool comes[] = {true, false, true, false, true, true};
    const struct ja_event_score *score;
    size_t count = 0, filled = 0;
    struct rig *rig;

    (void)state;
    for (int i = 0; i < 6; i++) {
        many[count++] = (struct line)PREDICT(1 + i, 1.5 + i, "beat", "beat", 60, stated[i]);
        if (comes[i])
            many[count++] = (struct line)BEAT(1.4 + i, 1.5 + i);
    }
    rig = start(many, count);
    rig_play(rig, 9, rig_nothing);
    score = last_score(rig, "beat");
    assert_non_null(score);
    assert_int_equal(score->n, 6);
    for (int b = 0; b < JA_RELIABILITY_BINS; b++) {
        const struct ja_reliability *bin = &score->calibration[b];

        if (filled < 4 && bins[filled].bin == b) {
            assert_int_equal(bin->count, bins[filled].count);
            assert_true(fabs(bin->stated - bins[filled].stated) < 1e-6);
            assert_true(fabs(bin->observed - bins[filled].observed) < 1e-9);
            filled++;
        } else {
            assert_int_equal(bin->count, 0);
            assert_true(isnan(bin->stated) && isnan(bin->observed));
        }
    }
    assert_int_equal(filled, 4);
    rig_free(rig);
}

static void the_window_slides(void **state) {
    const struct ja_event_score *score;
    struct rig *rig = start(many, write_beats(61, 0.8, 2));

    (void)state;
    rig_set(rig, "score", "window_s", 20);
    assert_int_equal(
        ja_pipeline_configure(rig->pipeline, ja_score_stage.module, rig->settings[1], NULL), JA_OK);
    rig_play(rig, 62, rig_nothing);
    score = last_score(rig, "beat");
    assert_true(score->window_s == 20);
    assert_in_range(score->n, 76, 81);
    assert_true(fabs(score->hit_rate - 0.8) < 0.03);
    assert_int_equal(score->total_n, 240);
    assert_int_equal(score->total_hits, 192);
    rig_free(rig);
}

static void scores_come_now_and_then_and_when_changed(void **state) {
    struct rig *rig = start(many, write_beats(11, 0.8, 0));
    double last = 0;

    (void)state;
    rig_play(rig, 60, rig_nothing);
    assert_in_range(rig_count(rig, JA_EVENT_SCORE), 9, 11);
    for (size_t i = 0; i < rig->event_count; i++) {
        if (rig->events[i].type != JA_EVENT_SCORE)
            continue;
        assert_true(rig->events[i].time - last >= 1);
        last = rig->events[i].time;
    }
    assert_true(last < 13);
    rig_free(rig);
}

/* --- What cannot be judged --- */

static void too_many_are_counted_as_unjudged(void **state) {
    const struct ja_event_score *score;
    struct rig *rig;

    (void)state;
    for (int i = 0; i < 140; i++)
        many[i] = (struct line)PREDICT(1, 3 + 0.001 * i, "beat", "beat", 120, 0.8);
    rig = start(many, 140);
    rig_play(rig, 6, rig_nothing);
    score = last_score(rig, "beat");
    assert_non_null(score);
    assert_int_equal(score->n, 128);
    assert_int_equal(score->unjudged, 12);
    rig_free(rig);
}

static void lose_input(struct rig *rig) {
    ja_pipeline_notice(rig->pipeline, JA_NOTICE_INPUT_LOST, "The server has gone.");
}

static void reset(struct rig *rig) {
    ja_pipeline_reset(rig->pipeline);
}

static void leave_out(struct rig *rig) {
    ja_pipeline_skip(rig->pipeline, 0.1);
}

static void command(struct rig *rig, enum ja_beat_action action, double shift_s) {
    struct ja_stage_command told = {.action = action, .shift_s = shift_s};

    ja_pipeline_command(rig->pipeline, &told);
}

static void tap(struct rig *rig) {
    command(rig, JA_BEAT_TAP, 0);
}

static void what_is_cut_off_is_not_judged(void **state) {
    static const struct line lines[] = {PREDICT(1, 3, "beat", "beat", 120, 0.8), BEAT(2.9, 3),
                                        PREDICT(4, 4.5, "beat", "beat", 120, 0.8), BEAT(4.4, 4.5)};
    static void (*const cuts[])(struct rig *) = {lose_input, reset, leave_out, tap};

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        const struct ja_event_score *score;
        struct rig *rig = start(lines, 4);

        rig_play(rig, 2, rig_nothing);
        cuts[i](rig);
        rig_play(rig, 4, rig_nothing);
        score = last_score(rig, "beat");
        assert_non_null(score);
        assert_int_equal(score->n, 1);
        assert_int_equal(score->hits, 1);
        assert_int_equal(score->unjudged, 1);
        rig_free(rig);
    }
}

/* A reset empties the window, not what is counted since start. */
static void totals_outlive_a_reset(void **state) {
    static const struct line lines[] = {PREDICT(1, 1.5, "beat", "beat", 120, 0.8), BEAT(1.4, 1.5),
                                        PREDICT(4, 4.5, "beat", "beat", 120, 0.8)};
    const struct ja_event_score *score;
    struct rig *rig = start(lines, 3);

    (void)state;
    rig_play(rig, 3, rig_nothing);
    ja_pipeline_reset(rig->pipeline);
    rig_play(rig, 4, rig_nothing);
    score = last_score(rig, "beat");
    assert_int_equal(score->n, 1);
    assert_int_equal(score->hits, 0);
    assert_int_equal(score->total_n, 2);
    assert_int_equal(score->total_hits, 1);
    rig_free(rig);
}

static void a_nudge_moves_what_was_foretold(void **state) {
    static const struct line lines[] = {PREDICT(1, 3, "beat", "beat", 120, 0.8), BEAT(2.9, 3.15)};
    const struct ja_event_score *score;
    struct rig *rig = start(lines, 2);

    (void)state;
    rig_play(rig, 2, rig_nothing);
    command(rig, JA_BEAT_NUDGE, 0.15);
    rig_play(rig, 3, rig_nothing);
    score = last_score(rig, "beat");
    assert_non_null(score);
    assert_int_equal(score->hits, 1);
    assert_true(fabs(score->median_error_ms) < 0.01);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(calibration_is_by_tenths),
        cmocka_unit_test(the_window_slides),
        cmocka_unit_test(scores_come_now_and_then_and_when_changed),
        cmocka_unit_test(too_many_are_counted_as_unjudged),
        cmocka_unit_test(what_is_cut_off_is_not_judged),
        cmocka_unit_test(totals_outlive_a_reset),
        cmocka_unit_test(a_nudge_moves_what_was_foretold),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
