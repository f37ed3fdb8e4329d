/* Tests of beat, tempo, state and the beat predictor, together as they run.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>
#include <ja/predict/stages.h>

static const struct ja_stage_class *const stages[] = {
    &ja_silence_stage, &ja_onset_stage, &ja_beat_stage, &ja_tempo_stage, &ja_state_stage, NULL,
};
static const struct ja_stage_class *const with_predictor[] = {
    &ja_silence_stage, &ja_onset_stage,        &ja_beat_stage, &ja_tempo_stage,
    &ja_state_stage,   &ja_predict_beat_stage, NULL,
};

static double clicks_120(double t, unsigned c) {
    (void)c;
    return rig_clicks(t, 120);
}

static double clicks_90(double t, unsigned c) {
    (void)c;
    return rig_clicks(t, 90);
}

/* Kick on every beat, hiss between, over a soft chord: 128 bpm. */
static double drums(double t, unsigned c) {
    double beat = 60.0 / 128, since = fmod(t, beat), off = fmod(t + beat / 2, beat);
    double kick = 0.6 * exp(-since * 25) * rig_sine(since, 55 + 80 * exp(-since * 60));
    double beater = 0.2 * exp(-since * 400) * rig_noise(since, c);
    double hat = 0.03 * exp(-off * 80) * rig_noise(t, c);

    return kick + beater + hat + 0.03 * (rig_sine(t, 220) + rig_sine(t, 277) + rig_sine(t, 329.6));
}

static double noise(double t, unsigned c) {
    return 0.1 * rig_noise(t, c);
}

static int ascending(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;

    return (difference > 0) - (difference < 0);
}

/* Median distance of the beats after `from` s to multiples of `period`; their number in `count`. */
static double median_error(const struct rig *rig, double period, double from, size_t *count) {
    static double errors[RIG_EVENTS];

    *count = 0;
    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type == JA_EVENT_BEAT && event->time > from)
            errors[(*count)++] = remainder(event->time, period);
    }
    assert_true(*count > 0);
    qsort(errors, *count, sizeof *errors, ascending);
    return errors[*count / 2];
}

static void check_beats(unsigned rate, double bpm, rig_sound *sound) {
    struct rig *rig = rig_new(rate, 1, stages);
    size_t count;

    rig_start(rig);
    rig_play(rig, 40, sound);
    assert_true(fabs(median_error(rig, 60 / bpm, 10, &count)) < 0.004);
    assert_in_range(count, 30 * bpm / 60 - 2, 30 * bpm / 60 + 2);
    assert_true(fabs(rig_value(rig, "tempo") - bpm) < 0.5);
    assert_true(rig_value(rig, "tempo_confidence") > 0.5);
    assert_false(rig->bad);
    rig_free(rig);
}

static void beats_come_at_their_time(void **state) {
    (void)state;
    check_beats(44100, 90, clicks_90);
    check_beats(48000, 90, clicks_90);
    check_beats(48000, 120, clicks_120);
    check_beats(44100, 128, drums);
    check_beats(48000, 128, drums);
}

static void beats_are_counted_and_published_ahead(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    int seq = 0;
    size_t late = 0;

    (void)state;
    rig_start(rig);
    rig_play(rig, 30, drums);
    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];

        if (event->type != JA_EVENT_BEAT)
            continue;
        assert_int_equal(event->beat.seq, seq++);
        assert_in_range(event->beat.beat_in_bar, 0, 7);
        assert_true(event->beat.confidence >= 0 && event->beat.confidence <= 1);
        assert_true(event->emitted > event->time - 0.12);
        late += event->emitted > event->time;
    }
    assert_in_range(seq, 45, 64);
    assert_in_range(late, 0, 2);
    rig_free(rig);
}

static void range_folds_the_octave(void **state) {
    static const struct {
        rig_sound *sound;
        double min_bpm, max_bpm, bpm;
    } rows[] = {{clicks_90, 150, 220, 180}, {clicks_120, 50, 75, 60}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig *rig = rig_new(48000, 1, stages);

        rig_set(rig, "tempo", "min_bpm", rows[i].min_bpm);
        rig_set(rig, "tempo", "max_bpm", rows[i].max_bpm);
        rig_start(rig);
        rig_play(rig, 30, rows[i].sound);
        assert_true(fabs(rig_value(rig, "tempo") / rows[i].bpm - 1) < 0.02);
        rig_free(rig);
    }
}

static void silence_has_no_beats(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    size_t before;

    (void)state;
    rig_start(rig);
    rig_play(rig, 20, clicks_120);
    rig_play(rig, 2, rig_nothing);
    before = rig_count(rig, JA_EVENT_BEAT);
    rig_play(rig, 60, rig_nothing);
    assert_int_equal(rig_count(rig, JA_EVENT_BEAT), before);
    assert_true(isnan(rig_value(rig, "beat_phase")));
    assert_true(rig_value(rig, "tempo_confidence") == 0);
    assert_true(fabs(rig_value(rig, "tempo") - 120) < 1); /* held, does not slide */
    rig_play(rig, 15, clicks_120);
    assert_in_range(rig_count(rig, JA_EVENT_BEAT) - before, 10, 31);
    rig_free(rig);
}

static void tempo_tells_start_and_step(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    const char *changes[2] = {"", ""};
    double last = NAN;

    (void)state;
    rig_start(rig);
    rig_play(rig, 20, clicks_120);
    rig_play(rig, 40, clicks_90);
    for (size_t i = 0, n = 0; i < rig->event_count; i++) {
        if (rig->events[i].type != JA_EVENT_TEMPO)
            continue;
        if (n < 2 && strcmp(rig->events[i].tempo.change, "drift") != 0)
            changes[n++] = rig->events[i].tempo.change;
        last = rig->events[i].tempo.bpm;
    }
    assert_string_equal(changes[0], "start");
    assert_string_equal(changes[1], "step");
    assert_true(fabs(last - 90) < 2);
    rig_free(rig);
}

/* The words of all state events, one after another. */
static void words(const struct rig *rig, char *text, size_t size) {
    *text = '\0';
    for (size_t i = 0; i < rig->event_count; i++) {
        if (rig->events[i].type == JA_EVENT_STATE) {
            size_t length = strlen(text);

            snprintf(text + length, size - length, "%s ", rig->events[i].state.state);
            assert_int_not_equal(strlen(rig->events[i].state.reason), 0);
        }
    }
}

static void state_follows_the_music(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    char text[256];

    (void)state;
    rig_start(rig);
    rig_play(rig, 0.01, rig_nothing);
    words(rig, text, sizeof text);
    assert_string_equal(text, "silent ");
    rig_play(rig, 20, clicks_120);
    words(rig, text, sizeof text);
    assert_string_equal(text, "silent learning locked ");
    rig_play(rig, 5, rig_nothing);
    ja_pipeline_notice(rig->pipeline, JA_NOTICE_INPUT_LOST, "The server has gone.");
    assert_string_equal(rig->events[rig->event_count - 1].state.reason, "The server has gone.");
    rig_play(rig, 1, rig_nothing);
    ja_pipeline_reset(rig->pipeline);
    rig_play(rig, 1, rig_nothing);
    ja_pipeline_notice(rig->pipeline, JA_NOTICE_INPUT_BACK, "It is back.");
    rig_play(rig, 1, rig_nothing);
    words(rig, text, sizeof text);
    assert_string_equal(text, "silent learning locked silent no_input silent ");
    rig_free(rig);
}

static void noise_locks_nothing(void **state) {
    struct rig *rig = rig_new(48000, 1, with_predictor);

    (void)state;
    rig_start(rig);
    rig_play(rig, 30, noise);
    for (size_t i = 0; i < rig->event_count; i++) {
        if (rig->events[i].type == JA_EVENT_STATE)
            assert_string_not_equal(rig->events[i].state.state, "locked");
        if (rig->events[i].type == JA_EVENT_BEAT)
            assert_true(rig->events[i].beat.confidence < 0.8);
    }
    rig_free(rig);
}

/* Of the beats foretold `ahead` beats before, how many came within 20 ms. */
static double share_that_came(const struct rig *rig, int ahead) {
    size_t foretold = 0, came = 0;

    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];
        double beats = (event->time - event->emitted) * event->prediction.value / 60;

        if (event->type != JA_EVENT_PREDICTION || lround(beats - 0.2) != ahead || event->time > 29)
            continue;
        foretold++;
        for (size_t k = i; k < rig->event_count; k++) {
            if (rig->events[k].type == JA_EVENT_BEAT &&
                fabs(rig->events[k].time - event->time) < 0.02) {
                came++;
                break;
            }
        }
    }
    assert_true(foretold > 30);
    return (double)came / (double)foretold;
}

static void predictions_come_true(void **state) {
    struct rig *rig = rig_new(48000, 1, with_predictor);

    (void)state;
    rig_start(rig);
    rig_play(rig, 30, drums);
    for (size_t i = 0; i < rig->event_count; i++) {
        if (rig->events[i].type == JA_EVENT_PREDICTION)
            assert_true(rig->events[i].time > rig->events[i].emitted);
    }
    assert_true(share_that_came(rig, 1) > 0.9);
    assert_true(share_that_came(rig, 8) > 0.8);
    rig_free(rig);
}

static void a_flywheel_runs_out(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    size_t before;

    (void)state;
    rig_set(rig, "beat", "silence", 2);
    rig_set(rig, "beat", "flywheel_beats", 8);
    rig_start(rig);
    rig_play(rig, 20, clicks_120);
    before = rig_count(rig, JA_EVENT_BEAT);
    rig_play(rig, 30, rig_nothing);
    assert_in_range(rig_count(rig, JA_EVENT_BEAT) - before, 6, 14);
    assert_string_equal(rig_last(rig, JA_EVENT_STATE)->state.state, "silent");
    rig_free(rig);
}

static void noise_is_called_noise(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    rig_play(rig, 15, noise);
    assert_string_equal(rig_last(rig, JA_EVENT_STATE)->state.state, "noise");
    rig_play(rig, 15, clicks_120);
    assert_string_equal(rig_last(rig, JA_EVENT_STATE)->state.state, "locked");
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_come_at_their_time),
        cmocka_unit_test(beats_are_counted_and_published_ahead),
        cmocka_unit_test(range_folds_the_octave),
        cmocka_unit_test(silence_has_no_beats),
        cmocka_unit_test(tempo_tells_start_and_step),
        cmocka_unit_test(state_follows_the_music),
        cmocka_unit_test(noise_locks_nothing),
        cmocka_unit_test(predictions_come_true),
        cmocka_unit_test(a_flywheel_runs_out),
        cmocka_unit_test(noise_is_called_noise),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
