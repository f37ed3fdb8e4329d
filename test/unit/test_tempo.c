/* Tests of the tempo and of its foretelling, on beats as a tracker would tell them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "script_stage.h"

#include <ja/feature/stages.h>
#include <ja/predict/stages.h>

static const struct ja_stage_class *const stages[] = {
    &script_stage, &ja_tempo_stage, &ja_predict_tempo_stage, &ja_score_stage, NULL,
};

enum { MANY = 1200, SWAY = 17 };
static const double lead_s = 0.08;
static double sway_s; /* of the tracker, to and fro within SWAY beats */

/* Beats at `from` bpm, from `begin` on at a tempo that goes evenly to `to` within `length` s. */
struct course {
    const char *what;
    double from, to, begin, length, seconds;
    double jitter_s; /* largest error of a beat's time; of its tempo, in so many times its share */
};

static double tempo_at(const struct course *course, double t) {
    double share = course->length > 0 ? (t - course->begin) / course->length : t > course->begin;

    return course->from + (course->to - course->from) * ja_clamp(share, 0, 1);
}

static struct rig *play(const struct course *course, const char *word) {
    static struct line lines[MANY];
    struct rig *rig = rig_new(48000, 1, stages);
    size_t count = 0;

    print_message("# %s\n", course->what);
    lines[count++] = (struct line){
        0.01, {.type = JA_EVENT_STATE, .time = 0.01, .state = {word, "For the test."}}};
    for (double t = 1; t < course->seconds; t += 60 / tempo_at(course, t)) {
        double bpm = tempo_at(course, t), angle = 2 * JA_PI * (double)count / SWAY;
        double error = course->jitter_s * rig_noise(t, 0) + sway_s * sin(angle);
        double ahead = sway_s * cos(angle) * 2 * JA_PI / SWAY * bpm / 60;

        assert_true(count < MANY);
        lines[count++] = (struct line){
            t - lead_s,
            {.type = JA_EVENT_BEAT,
             .time = t + error,
             .beat = {(int)count, 0, bpm * (1 + course->jitter_s * rig_noise(t, 1) - ahead), 0.9}}};
    }
    script_set(lines, count);
    rig_start(rig);
    rig_play(rig, course->seconds, rig_nothing);
    assert_false(rig->bad);
    return rig;
}

/* The events of this change, or of any when it is NULL. */
static size_t count_changes(const struct rig *rig, const char *change) {
    size_t count = 0;

    for (size_t i = 0; i < rig->event_count; i++)
        count += rig->events[i].type == JA_EVENT_TEMPO &&
                 (!change || strcmp(rig->events[i].tempo.change, change) == 0);
    return count;
}

static void steady_music_has_one_tempo(void **state) {
    static const struct course rows[] = {
        {"exact", 120, 120, 0, 0, 300, 0},           {"slow", 61, 61, 0, 0, 300, 0.006},
        {"a drummer", 93, 93, 0, 0, 300, 0.01},      {"fast", 199, 199, 0, 0, 300, 0.01},
        {"wandering", 120, 121, 60, 60, 300, 0.004},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig *rig = play(&rows[i], "locked");

        assert_int_equal(count_changes(rig, NULL), 1);
        assert_int_equal(count_changes(rig, "start"), 1);
        assert_true(isnan(rig_last(rig, JA_EVENT_TEMPO)->tempo.from_bpm));
        assert_true(rig_last(rig, JA_EVENT_TEMPO)->emitted < 1 + 4 * 60 / rows[i].from);
        assert_int_equal(rig_count(rig, JA_EVENT_PREDICTION), 0);
        assert_true(fabs(rig_value(rig, "tempo") / rows[i].to - 1) < 0.004);
        rig_free(rig);
    }
}

/* As a tracker does on drums that are far from even. */
static void to_sway_is_no_drift(void **state) {
    static const struct course course = {"swaying", 168, 168, 0, 0, 300, 0.004};
    struct rig *rig;

    (void)state;
    sway_s = 0.009;
    rig = play(&course, "locked");
    sway_s = 0;
    assert_int_equal(count_changes(rig, NULL), 1);
    rig_free(rig);
}

static void a_jump_is_a_step(void **state) {
    static const struct course rows[] = {
        {"up 3 %", 124, 127.8, 40, 0, 80, 0.002}, {"down 5 %", 130, 123.5, 40, 0, 80, 0.004},
        {"up 12 %", 100, 112, 40, 0, 80, 0.004},  {"down 30 %", 140, 98, 40, 0, 80, 0.004},
        {"to the double", 80, 160, 40, 0, 80, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig *rig = play(&rows[i], "locked");
        const struct ja_event *told = rig_last(rig, JA_EVENT_TEMPO);

        assert_int_equal(count_changes(rig, NULL), 2);
        assert_string_equal(told->tempo.change, "step");
        assert_true(told->emitted < 40 + 8 * 60 / rows[i].to);
        assert_true(fabs(told->time - 40) < 3 * 60 / rows[i].to);
        assert_true(fabs(told->tempo.from_bpm / rows[i].from - 1) < 0.01);
        assert_true(fabs(told->tempo.bpm / rows[i].to - 1) < 0.01);
        assert_true(fabs(rig_value(rig, "tempo") / rows[i].to - 1) < 0.002);
        assert_int_equal(rig_count(rig, JA_EVENT_PREDICTION), 0);
        rig_free(rig);
    }
}

static const struct course ramps[] = {
    {"up in 16 bars", 120, 128, 30, 31, 90, 0},
    {"up in 16 bars, a drummer", 120, 128, 30, 31, 90, 0.002},
    {"down in 16 bars", 128, 120, 30, 31, 90, 0.002},
    {"up in 8 bars", 100, 108, 30, 18, 80, 0.002},
    {"down in 32 bars", 90, 82, 30, 90, 150, 0.001},
};

static void a_ramp_is_told_as_drift(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ramps / sizeof *ramps; i++) {
        const struct course *ramp = &ramps[i];
        struct rig *rig = play(ramp, "locked");

        assert_int_equal(count_changes(rig, "step"), 0);
        assert_true(count_changes(rig, "drift") >= 3);
        for (size_t e = 0; e < rig->event_count; e++) {
            const struct ja_event_tempo *tempo = &rig->events[e].tempo;

            if (rig->events[e].type != JA_EVENT_TEMPO || strcmp(tempo->change, "drift") != 0)
                continue;
            assert_true((tempo->bpm > tempo->from_bpm) == (ramp->to > ramp->from));
            assert_true(fabs(tempo->bpm / tempo_at(ramp, rig->events[e].time) - 1) < 0.008);
        }
        assert_true(fabs(rig_value(rig, "tempo") / ramp->to - 1) < 0.003);
        rig_free(rig);
    }
}

static void a_ramp_is_foretold(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ramps / sizeof *ramps; i++) {
        const struct course *ramp = &ramps[i];
        struct rig *rig = play(ramp, "locked");
        size_t foretold = 0, told_s = 0;

        for (size_t e = 0; e < rig->event_count; e++) {
            const struct ja_event *event = &rig->events[e];

            if (event->type != JA_EVENT_PREDICTION || event->time > ramp->begin + ramp->length)
                continue;
            foretold++;
            assert_string_equal(event->prediction.kind, "tempo");
            assert_string_equal(event->prediction.label, ramp->to > ramp->from ? "rise" : "fall");
            assert_true(event->emitted > ramp->begin && event->time > event->emitted);
            assert_true(fabs(event->prediction.value / tempo_at(ramp, event->time) - 1) < 0.01);
            assert_true(event->prediction.confidence > 0 && event->prediction.confidence < 1);
        }
        for (size_t e = 0; e < rig->event_count; e++)
            told_s += rig->events[e].type == JA_EVENT_SCORE &&
                      strcmp(rig->events[e].score.kind, "tempo") == 0 &&
                      rig->events[e].score.hits > 0;
        assert_true(foretold >= 1);
        assert_true(told_s >= 1);
        /* When it is over, that is noticed. */
        assert_true(rig_last(rig, JA_EVENT_PREDICTION)->emitted <
                    ramp->begin + ramp->length + 24 * 60 / ramp->to);
        rig_free(rig);
    }
}

static void nothing_is_foretold_of_beats_that_are_not_sure(void **state) {
    struct rig *rig = play(&ramps[0], "noise");

    (void)state;
    assert_int_equal(rig_count(rig, JA_EVENT_PREDICTION), 0);
    rig_free(rig);
}

/* An operator's nudge is no change of tempo, and a ramp is looked for anew after an order. */
static void a_nudge_is_no_change(void **state) {
    static struct line lines[400];
    struct ja_stage_command nudge = {.action = JA_BEAT_NUDGE, .shift_s = 0.1};
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    for (int i = 0; i < 400; i++)
        lines[i] = (struct line){i * 0.5 + 0.9,
                                 {.type = JA_EVENT_BEAT,
                                  .time = i * 0.5 + 1 + (i > 100 ? 0.1 : 0),
                                  .beat = {i, 0, 120, 0.9}}};
    script_set(lines, 400);
    rig_start(rig);
    rig_play(rig, 51, rig_nothing);
    ja_pipeline_command(rig->pipeline, &nudge);
    rig_play(rig, 50, rig_nothing);
    assert_int_equal(count_changes(rig, NULL), 1);
    assert_true(fabs(rig_value(rig, "tempo") - 120) < 0.01);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_music_has_one_tempo),
        cmocka_unit_test(to_sway_is_no_drift),
        cmocka_unit_test(a_jump_is_a_step),
        cmocka_unit_test(a_ramp_is_told_as_drift),
        cmocka_unit_test(a_ramp_is_foretold),
        cmocka_unit_test(nothing_is_foretold_of_beats_that_are_not_sure),
        cmocka_unit_test(a_nudge_is_no_change),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
