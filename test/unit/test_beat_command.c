/* Tests of what the operator can tell the beat, on the stages together as they run.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>
#include <ja/predict/stages.h>

enum { ENGINE_FLUX = 1, ENGINE_AUBIO = 2 };

static const struct ja_stage_class *const stages[] = {
    &ja_silence_stage, &ja_onset_stage,        &ja_beat_stage, &ja_tempo_stage,
    &ja_state_stage,   &ja_predict_beat_stage, NULL,
};

static double clicks_120(double t, unsigned c) {
    (void)c;
    return rig_clicks(t, 120);
}

static double clicks_100(double t, unsigned c) {
    (void)c;
    return rig_clicks(t, 100);
}

static double clicks_90(double t, unsigned c) {
    (void)c;
    return rig_clicks(t, 90);
}

static double noise(double t, unsigned c) {
    return 0.1 * rig_noise(t, c);
}

static struct rig *start(void) {
    struct rig *rig = rig_new(48000, 1, stages);

    rig_start(rig);
    return rig;
}

static double now(const struct rig *rig) {
    return (double)rig->fed / rig->rate;
}

static void tell_at(struct rig *rig, enum ja_beat_action action, double number, double time) {
    struct ja_stage_command command = {.action = action, .numbers = {number}, .time = time};

    ja_pipeline_command(rig->pipeline, &command);
}

static void tell(struct rig *rig, enum ja_beat_action action, double number) {
    tell_at(rig, action, number, now(rig));
}

static void assert_says(const struct rig *rig, const char *reason) {
    assert_string_equal(rig_last(rig, JA_EVENT_STATE)->state.reason, reason);
}

/* The reason is `words`, a tempo within 1 of `bpm`, and " bpm.". */
static void assert_says_tempo(const struct rig *rig, const char *words, double bpm) {
    const char *reason = rig_last(rig, JA_EVENT_STATE)->state.reason;
    char *rest;

    assert_memory_equal(reason, words, strlen(words));
    assert_true(fabs(strtod(reason + strlen(words), &rest) - bpm) < 1);
    assert_string_equal(rest, " bpm.");
}

/* Beats from `from` to `to`, the largest distance of one to the grid of `bpm` through `origin`, and
 * the largest distance of their own tempo to `bpm`. */
static size_t beats(const struct rig *rig, double from, double to, double bpm, double origin,
                    double *off_grid, double *off_tempo) {
    size_t count = 0;

    *off_grid = *off_tempo = 0;
    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type != JA_EVENT_BEAT || event->time < from || event->time >= to)
            continue;
        count++;
        *off_grid = fmax(*off_grid, fabs(remainder(event->time - origin, 60 / bpm)));
        *off_tempo = fmax(*off_tempo, fabs(event->beat.bpm - bpm));
    }
    return count;
}

/* One beat for each of the grid, within `slack_s`. */
static void assert_grid(const struct rig *rig, double from, double to, double bpm, double origin,
                        double slack_s) {
    double off_grid, off_tempo, expected = (to - from) * bpm / 60;
    size_t count = beats(rig, from, to, bpm, origin, &off_grid, &off_tempo);

    if (fabs((double)count - expected) > 1.01 || off_grid > slack_s || off_tempo > 0.03 * bpm)
        fail_msg("%zu beats from %g to %g s, %.3f s off the grid of %g bpm, %.2f bpm off", count,
                 from, to, off_grid, bpm, off_tempo);
}

static void half_pins_half_the_tempo(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 12, clicks_120);
    rig->event_count = 0;
    tell(rig, JA_BEAT_HALF, 0);
    assert_says_tempo(rig, "Tempo pinned near ", 60);
    rig_play(rig, 1.6, clicks_120);
    assert_int_equal(rig_count(rig, JA_EVENT_TEMPO), 1); /* it is told at once … */
    assert_true(fabs(rig_last(rig, JA_EVENT_TEMPO)->tempo.bpm - 60) < 1);
    rig_play(rig, 18.4, clicks_120);
    assert_int_equal(rig_count(rig, JA_EVENT_TEMPO), 1);
    assert_int_equal(rig_count(rig, JA_EVENT_STATE), 1); /* … and nothing is lost by it */
    assert_grid(rig, 16, 32, 60, 0.5 * (lround(rig_last(rig, JA_EVENT_BEAT)->time * 2) % 2), 0.02);
    tell(rig, JA_BEAT_AUTO, 0);
    rig_play(rig, 20, clicks_120);
    assert_grid(rig, 44, 52, 120, 0, 0.02);
    rig_free(rig);
}

static void double_pins_double_the_tempo(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 12, clicks_90);
    tell(rig, JA_BEAT_DOUBLE, 0);
    assert_says_tempo(rig, "Tempo pinned near ", 180);
    rig_play(rig, 20, clicks_90);
    assert_grid(rig, 16, 32, 180, 0, 0.02);
    tell(rig, JA_BEAT_HALF, 0);
    tell(rig, JA_BEAT_HALF, 0);
    assert_non_null(strstr(rig_last(rig, JA_EVENT_STATE)->state.reason, "from 55 to 220 bpm."));
    rig_play(rig, 12, clicks_90);
    assert_grid(rig, 36, 44, 90, 0, 0.02);
    rig_free(rig);
}

static void check_wrong_octave(rig_sound *clicks, double bpm, double right_bpm) {
    struct rig *rig = start();

    rig_play(rig, 12, clicks);
    assert_true(fabs(rig_last(rig, JA_EVENT_BEAT)->beat.bpm - bpm) < 1);
    tell(rig, JA_BEAT_WRONG_OCTAVE, 0);
    assert_says_tempo(rig, "Tempo pinned near ", right_bpm);
    rig_play(rig, 12, clicks);
    assert_true(fabs(rig_last(rig, JA_EVENT_BEAT)->beat.bpm - right_bpm) < 1);
    tell(rig, JA_BEAT_WRONG_OCTAVE, 0); /* so it was right */
    rig_play(rig, 12, clicks);
    assert_grid(rig, 30, 36, bpm, 0, 0.02);
    rig_free(rig);
}

static void wrong_octave_takes_the_other(void **state) {
    (void)state;
    check_wrong_octave(clicks_120, 120, 60);
    check_wrong_octave(clicks_90, 90, 180);
}

/* Deaf for a while, so that the clicks do not pull it back. */
static void off_beat_shifts_by_half(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 12, clicks_120);
    tell(rig, JA_BEAT_HOLD, 1);
    tell(rig, JA_BEAT_OFF_BEAT, 0);
    assert_says(rig, "Beats moved by half a beat, at 120.0 bpm.");
    rig_play(rig, 6, clicks_120);
    assert_grid(rig, 13, 18, 120, 0.25, 0.02);
    tell(rig, JA_BEAT_HOLD, 0); /* listening again, the clicks are clear */
    tell(rig, JA_BEAT_OFF_BEAT, 0);
    rig_play(rig, 6, clicks_120);
    assert_grid(rig, 19, 24, 120, 0, 0.02);
    assert_int_equal(rig_count(rig, JA_EVENT_TEMPO), 1);
    rig_free(rig);
}

/* Of clicks at twice the tempo any may be the beat: so it is what it is told to be, without a beat
 * too many or too few, whenever that is said. */
static void off_beat_is_said_at_any_time(void **state) {
    static const double times[] = {20, 20.13, 20.45, 20.52, 20.91};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct rig *rig = start();
        rig_play(rig, 12, clicks_120);
        tell(rig, JA_BEAT_HALF, 0);
        rig_play(rig, times[i] - 12, clicks_120);
        double before = rig_last(rig, JA_EVENT_BEAT)->time;
        tell(rig, JA_BEAT_OFF_BEAT, 0);
        rig->event_count = 0;
        rig_play(rig, 5, clicks_120);
        assert_grid(rig, 21, 25, 60, before + 0.5, 0.02);
        assert_int_equal(rig_count(rig, JA_EVENT_STATE), 0); /* it is never lost */
        rig_free(rig);
    }
}

static void hold_goes_on_through_noise(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 16, clicks_120);
    tell(rig, JA_BEAT_HOLD, 1);
    assert_says_tempo(rig, "Holding ", 120);
    rig_play(rig, 10, noise);
    assert_grid(rig, 16, 26, 120, 0, 0.03);
    rig_play(rig, 20, rig_nothing);
    assert_grid(rig, 26, 46, 120, 0, 0.05);
    tell(rig, JA_BEAT_HOLD, 0);
    rig_play(rig, 2, rig_nothing);
    size_t before = rig_count(rig, JA_EVENT_BEAT);
    rig_play(rig, 2, rig_nothing);
    assert_int_equal(rig_count(rig, JA_EVENT_BEAT), before);
    rig_play(rig, 15, clicks_100);
    assert_grid(rig, now(rig) - 5, now(rig), 100, 0, 0.02);
    rig_free(rig);
}

static void tapped_beats_go_on_when_held(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 2.05, rig_nothing);
    for (int i = 0; i < 6; i++) {
        tell_at(rig, JA_BEAT_TAP, 0, now(rig) - 0.02); /* it takes a while to come in */
        rig_play(rig, 0.6, rig_nothing);
        assert_non_null(strstr(rig_last(rig, JA_EVENT_STATE)->state.reason,
                               i == 0 ? "Beat tapped" : "Tempo tapped near 100.0 bpm."));
    }
    assert_int_equal(rig_count(rig, JA_EVENT_BEAT), 0); /* by the silence policy */
    tell(rig, JA_BEAT_HOLD, 1);
    tell_at(rig, JA_BEAT_TAP, 0, now(rig) - 0.02);
    rig_play(rig, 12, rig_nothing);
    assert_grid(rig, 6, 17.6, 100, 2.03, 0.01);
    tell(rig, JA_BEAT_AUTO, 0);
    size_t before = rig_count(rig, JA_EVENT_BEAT);
    rig_play(rig, 5, rig_nothing);
    assert_int_equal(rig_count(rig, JA_EVENT_BEAT), before);
    rig_free(rig);
}

static void taps_choose_the_octave_and_tracking_goes_on(void **state) {
    struct rig *rig = start();

    (void)state;
    rig_play(rig, 10, clicks_90);
    for (int i = 0; i < 5; i++) {
        rig_play(rig, 1.0 / 3, clicks_90);
        tell_at(rig, JA_BEAT_TAP, 0, now(rig) + 0.02 * (i % 2)); /* nobody taps exactly */
    }
    rig_play(rig, 15, clicks_90);
    assert_grid(rig, now(rig) - 10, now(rig), 180, 0, 0.02);
    rig_free(rig);
}

static void tap_row(struct rig *rig, int count, double interval_s, double late_s,
                    rig_sound *sound) {
    rig_play(rig, late_s, sound);
    for (int i = 0; i < count; i++) {
        tell(rig, JA_BEAT_TAP, 0);
        rig_play(rig, interval_s, sound);
    }
}

/* Whatever was tapped by mistake, and held: soon after auto the beats are the music's. */
static void auto_undoes_wrong_taps(void **state) {
    static const struct {
        int count;
        double interval_s, late_s;
    } rows[] = {{5, 1.0 / 3, 0}, {8, 0.437, 0.2}, {1, 1, 0.3}, {9, 0.28, 0.1}, {3, 1.05, 0.25}};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        struct rig *rig = start();
        rig_play(rig, 10, clicks_90);
        if (i % 2)
            tell(rig, JA_BEAT_HOLD, 1);
        tap_row(rig, rows[i / 2].count, rows[i / 2].interval_s, rows[i / 2].late_s, clicks_90);
        rig_play(rig, 5, clicks_90);
        tell(rig, JA_BEAT_AUTO, 0);
        rig_play(rig, 16, clicks_90);
        assert_grid(rig, now(rig) - 8, now(rig), 90, 0, 0.02);
        rig_free(rig);
    }
}

static void says_when_an_order_ends(void **state) {
    struct rig *rig = start();
    struct ja_stage_command hold = {.action = JA_BEAT_HOLD, .numbers = {1}, .for_s = 2.5};

    (void)state;
    rig_play(rig, 12, clicks_120);
    ja_pipeline_command(rig->pipeline, &hold);
    assert_says(rig, "Holding 120.0 bpm. It ends after 2.5 s.");
    rig_free(rig);
}

/* Plays until `seconds` before the beat that is due next, by the last one told and its tempo. */
static double play_to_beat(struct rig *rig, double seconds) {
    const struct ja_event *last = rig_last(rig, JA_EVENT_BEAT);
    double due = last->time + 2 * 60 / last->beat.bpm;

    rig_play(rig, due - seconds - now(rig), clicks_120);
    return due;
}

static void check_resync(int engine, double early_s) {
    struct rig *rig = rig_new(48000, 1, stages);
    int told = 0;

    rig_set(rig, "beat", "engine", engine);
    rig_start(rig);
    rig_play(rig, 14.1, clicks_120);
    for (int shift = 0; shift < 2; shift++) { /* whatever the place was before */
        double due = play_to_beat(rig, early_s);
        tell(rig, JA_BEAT_RESYNC, 0);
        rig_play(rig, 4.2 + 0.5 * shift, clicks_120);
        for (size_t i = 0; i < rig->event_count; i++) {
            const struct ja_event *event = &rig->events[i];
            long beat = lround((event->time - due) * 2);

            if (event->type != JA_EVENT_BEAT || event->emitted < due - early_s)
                continue;
            /* Clicks that are all alike leave it open to the network how long the bar is. */
            if (engine != ENGINE_FLUX && beat > 2)
                break;
            told++;
            if (event->beat.beat_in_bar != (beat + 4) % 4 + 1)
                fail_msg("engine %d, %g s early: place %d, %ld beats after the one", engine,
                         early_s, event->beat.beat_in_bar, beat);
        }
    }
    assert_true(told > (engine == ENGINE_FLUX ? 12 : 3));
    rig_free(rig);
}

static void resync_begins_the_bar(void **state) {
    static const double early_s[] = {-0.06, 0, 0.04, 0.09};

    (void)state;
    for (size_t i = 0; i < sizeof early_s / sizeof *early_s; i++) {
        check_resync(0, early_s[i]);
        check_resync(ENGINE_FLUX, early_s[i]);
    }
}

static void wrong_one_moves_the_bar(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    int one = 0;

    (void)state;
    rig_set(rig, "beat", "engine", ENGINE_FLUX);
    rig_start(rig);
    rig_play(rig, 12, clicks_120);
    tell(rig, JA_BEAT_RESYNC, 0);
    rig_play(rig, 4, clicks_120);
    int before = rig_last(rig, JA_EVENT_BEAT)->beat.beat_in_bar;
    assert_in_range(before, 1, 4);
    tell(rig, JA_BEAT_WRONG_ONE, 0);
    assert_says_tempo(rig, "The bar begins on another beat, at ", 120);
    rig->event_count = 0;
    rig_play(rig, 8, clicks_120); /* four bars */
    assert_int_not_equal(rig_last(rig, JA_EVENT_BEAT)->beat.beat_in_bar, before);
    for (size_t i = 0; i < rig->event_count; i++)
        one += rig->events[i].type == JA_EVENT_BEAT && rig->events[i].beat.beat_in_bar == 1;
    assert_int_equal(one, 4);
    rig_free(rig);
}

static void check_nudge(int engine) {
    struct rig *plain = rig_new(48000, 1, stages), *nudged = rig_new(48000, 1, stages);
    static const double nudges[] = {15, 35, -20, -400};
    static const double sums[] = {15, 50, 30, -200};
    size_t counts[2];

    rig_set(plain, "beat", "engine", engine);
    rig_set(nudged, "beat", "engine", engine);
    rig_start(plain);
    rig_start(nudged);
    rig_play(plain, 12, clicks_120);
    rig_play(nudged, 12, clicks_120);
    for (size_t i = 0; i < sizeof nudges / sizeof *nudges; i++) {
        tell(nudged, JA_BEAT_NUDGE, nudges[i]);
        rig_play(plain, 3, clicks_120);
        rig_play(nudged, 3, clicks_120);
        double shift = rig_last(nudged, JA_EVENT_BEAT)->time - rig_last(plain, JA_EVENT_BEAT)->time;
        assert_true(fabs(shift - sums[i] * 1e-3) < 1e-9);
    }
    assert_says(nudged, "Beats are told 200 ms early, no more is possible.");
    ja_pipeline_reset(plain->pipeline);
    ja_pipeline_reset(nudged->pipeline);
    rig_play(plain, 12, clicks_120);
    rig_play(nudged, 12, clicks_120);
    assert_true(fabs(rig_last(nudged, JA_EVENT_BEAT)->time + 0.2 -
                     rig_last(plain, JA_EVENT_BEAT)->time) < 1e-9);
    tell(nudged, JA_BEAT_AUTO, 0);
    rig_play(plain, 3, clicks_120);
    rig_play(nudged, 3, clicks_120);
    assert_true(fabs(rig_last(nudged, JA_EVENT_BEAT)->time - rig_last(plain, JA_EVENT_BEAT)->time) <
                0.002);
    counts[0] = rig_count(plain, JA_EVENT_BEAT);
    counts[1] = rig_count(nudged, JA_EVENT_BEAT);
    assert_int_equal(counts[0], counts[1]);
    for (size_t i = 0; i < nudged->event_count; i++) {
        if (nudged->events[i].type == JA_EVENT_STATE)
            assert_string_not_equal(nudged->events[i].state.state, "lost");
    }
    assert_string_equal(rig_last(nudged, JA_EVENT_STATE)->state.state, "locked");
    rig_free(plain);
    rig_free(nudged);
}

static void nudge_shifts_exactly(void **state) {
    (void)state;
    check_nudge(0);
    check_nudge(ENGINE_AUBIO); /* whatever the tracker */
}

/* What the operator is used to holds from the start; in this run the nudges decide. */
static void habit_shifts_from_the_start(void **state) {
    struct rig *plain = start(), *used = start();
    struct ja_priors priors = ja_neutral_priors;

    (void)state;
    priors.latency_s = -0.03;
    ja_pipeline_set_priors(used->pipeline, &priors);
    for (int step = 0; step < 3; step++) {
        rig_play(plain, 6, clicks_120);
        rig_play(used, 6, clicks_120);
        double shift = rig_last(used, JA_EVENT_BEAT)->time - rig_last(plain, JA_EVENT_BEAT)->time;
        assert_true(fabs(shift - (step == 0 ? -0.03 : -0.02)) < 1e-9);
        tell(used, JA_BEAT_NUDGE, step == 0 ? 10 : 0);
        priors.latency_s = 0.01;
        ja_pipeline_set_priors(used->pipeline, &priors);
    }
    assert_says(used, "Beats are told 20 ms early.");
    rig_free(plain);
    rig_free(used);
}

/* Clicks at 160 bpm, every second one softer. */
static double uneven_clicks(double t, unsigned c) {
    (void)c;
    return rig_clicks(t, 80) + 0.6 * rig_clicks(t + 60 / 160.0, 80);
}

static void priors_decide_the_octave(void **state) {
    struct ja_priors priors = ja_neutral_priors;

    (void)state;
    for (int side = -1; side <= 1; side += 2) {
        struct rig *rig = start();
        priors.tempo[(int)ja_prior_place(80)] = 0.3 * side;
        priors.tempo[(int)ja_prior_place(160)] = -0.3 * side;
        ja_pipeline_set_priors(rig->pipeline, &priors);
        rig_play(rig, 20, uneven_clicks);
        assert_grid(rig, 14, 20, side > 0 ? 80 : 160, 0, 0.02);
        rig_free(rig);
    }
}

static void lock_survives_another_tempo(void **state) {
    struct rig *rig = start();
    double off_grid, off_tempo;

    (void)state;
    rig_play(rig, 15, clicks_120);
    tell(rig, JA_BEAT_LOCK, 1);
    assert_says(rig, "Tempo locked near 120.0 bpm, within 4 %.");
    rig_play(rig, 15, clicks_100);
    rig_play(rig, 15, clicks_120);
    beats(rig, 15, 45, 120, 0, &off_grid, &off_tempo);
    assert_true(off_tempo < 0.06 * 120);
    assert_grid(rig, 40, 45, 120, 0, 0.02); /* the phase is followed still */
    tell(rig, JA_BEAT_LOCK, 0);
    rig_play(rig, 15, clicks_100);
    assert_grid(rig, 55, 60, 100, 0, 0.02);
    rig_free(rig);
}

static void range_is_taken_at_once(void **state) {
    struct rig *rig = start();
    struct ja_stage_command command = {.action = JA_BEAT_RANGE, .numbers = {55, 75}};

    (void)state;
    rig_play(rig, 12, clicks_120);
    tell(rig, JA_BEAT_LOCK, 1); /* the range replaces it */
    rig_set(rig, "tempo", "min_bpm", 55);
    rig_set(rig, "tempo", "max_bpm", 75);
    assert_int_equal(
        ja_pipeline_configure(rig->pipeline, ja_tempo_stage.module, rig->settings[3], NULL), JA_OK);
    ja_pipeline_command(rig->pipeline, &command);
    assert_says(rig, "Looking for tempi from 55 to 75 bpm.");
    rig_play(rig, 12, clicks_120);
    assert_grid(rig, 17, 24, 60, 0.5 * (lround(rig_last(rig, JA_EVENT_BEAT)->time * 2) % 2), 0.02);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_pins_half_the_tempo),
        cmocka_unit_test(double_pins_double_the_tempo),
        cmocka_unit_test(wrong_octave_takes_the_other),
        cmocka_unit_test(off_beat_shifts_by_half),
        cmocka_unit_test(off_beat_is_said_at_any_time),
        cmocka_unit_test(wrong_one_moves_the_bar),
        cmocka_unit_test(hold_goes_on_through_noise),
        cmocka_unit_test(tapped_beats_go_on_when_held),
        cmocka_unit_test(taps_choose_the_octave_and_tracking_goes_on),
        cmocka_unit_test(auto_undoes_wrong_taps),
        cmocka_unit_test(says_when_an_order_ends),
        cmocka_unit_test(resync_begins_the_bar),
        cmocka_unit_test(nudge_shifts_exactly),
        cmocka_unit_test(habit_shifts_from_the_start),
        cmocka_unit_test(priors_decide_the_octave),
        cmocka_unit_test(lock_survives_another_tempo),
        cmocka_unit_test(range_is_taken_at_once),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
