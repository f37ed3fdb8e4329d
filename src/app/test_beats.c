/* Beats without music, for patching: while they run, every output gets them as if they came from
 * the stream main, and nothing that was heard.
 *
 * They are told as real ones are, a moment before they are due and with a frame for what is sent at
 * a rate. Nobody who forgot them shall wonder for long why the lights ignore the music: the state
 * says what they are, and they end by themselves.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/clock.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR = 4, STEP_US = 20000, LEAD_US = 100000 };
static const double least_bpm = 20, most_bpm = 400;
static const double least_s = 1, most_s = 600;

static void tell_state(struct ja_app *app, const char *state, const char *reason) {
    struct ja_event event = {.type = JA_EVENT_STATE, .state.state = state};
    event.time = event.emitted = ja_tap_time(&app->test.tap, ja_clock_us());
    snprintf(event.state.reason, sizeof event.state.reason, "%s", reason);
    ja_app_publish_event(app, &app->test.tap, &event);
}

/* The next beat, and what comes after it. */
static void tell_beat(struct ja_app *app, uint64_t now_us) {
    static const char *const places[BAR] = {"1", "2", "3", "4"};
    const struct ja_test_beats *test = &app->test;
    struct ja_event event = {
        .type = JA_EVENT_BEAT,
        .time = ja_tap_time(&test->tap, (uint64_t)test->next_us),
        .emitted = ja_tap_time(&test->tap, now_us),
        .beat = {.seq = test->seq,
                 .beat_in_bar = 1 + test->seq % BAR,
                 .bpm = test->bpm,
                 .confidence = 1},
    };
    ja_app_publish_event(app, &test->tap, &event);
    event.type = JA_EVENT_PREDICTION;
    event.time += 60 / test->bpm;
    event.prediction = (struct ja_event_prediction){.kind = "beat",
                                                    .label = places[(test->seq + 1) % BAR],
                                                    .value = test->bpm,
                                                    .confidence = 1};
    ja_app_publish_event(app, &test->tap, &event);
}

static void put_value(struct ja_app *app, const char *output, double value) {
    const struct ja_catalogue_entry *entry = ja_catalogue_find(&app->catalogue, output);
    if (entry)
        app->test.frame->values[entry->first] = (float)value;
}

static void tell_frame(struct ja_app *app, uint64_t now_us) {
    struct ja_test_beats *test = &app->test;
    double beats = test->seq - (test->next_us - (double)now_us) * test->bpm / 60e6;
    for (size_t i = 0; i < app->catalogue.values; i++)
        test->frame->values[i] = NAN;
    test->frame->time = ja_tap_time(&test->tap, now_us);
    put_value(app, "beat_phase", beats - floor(beats));
    put_value(app, "bar_phase", beats / BAR - floor(beats / BAR));
    put_value(app, "tempo", test->bpm);
    put_value(app, "tempo_fast", test->bpm);
    put_value(app, "tempo_confidence", 1);
    ja_app_publish_frame(app, &test->tap, test->frame);
}

/* Every stream's outputs learn again how things stand. */
static void end(struct ja_app *app) {
    struct ja_test_beats *test = &app->test;
    ja_loop_cancel(app->loop, test->timer);
    free(test->frame);
    tell_state(app, "no_input", "The test beats have ended.");
    *test = (struct ja_test_beats){0};
    for (size_t i = 0; i < app->stream_count; i++) {
        struct ja_event *state = &app->states[i];
        double now = ja_tap_time(&app->taps[i], ja_clock_us());
        if (!state->state.state)
            continue;
        if (!isnan(now))
            state->time = state->emitted = now;
        ja_app_publish_event(app, &app->taps[i], state);
    }
    ja_app_web_operator(app);
}

static void step(void *data, uint64_t due_us) {
    struct ja_app *app = data;
    struct ja_test_beats *test = &app->test;
    uint64_t now_us = ja_clock_us();
    (void)due_us;
    if (now_us >= test->end_us) {
        end(app);
        return;
    }
    for (; test->next_us < (double)(now_us + LEAD_US); test->seq++) {
        if (test->next_us >= (double)now_us) /* else we stood still */
            tell_beat(app, now_us);
        test->next_us += 60e6 / test->bpm;
    }
    tell_frame(app, now_us);
}

/* Its time goes on where the stream's is, where that is known. */
static void set_time(struct ja_app *app, uint64_t now_us) {
    struct ja_tap *tap = &app->test.tap;
    *tap = (struct ja_tap){.name = "main", .timebase = {.at = NAN}};
    for (size_t i = 0; i < app->stream_count; i++)
        if (!strcmp(app->taps[i].name, tap->name))
            tap->timebase = app->taps[i].timebase;
    if (isnan(tap->timebase.at))
        tap->timebase = (struct ja_timebase){.at = 0, .us = (double)now_us, .rate = 48000};
}

static bool start(struct ja_app *app) {
    struct ja_test_beats *test = &app->test;
    uint64_t now_us = ja_clock_us();
    if (test->timer)
        return true;
    test->frame =
        malloc(sizeof *test->frame + app->catalogue.values * sizeof test->frame->values[0]);
    test->timer = test->frame ? ja_loop_every(app->loop, STEP_US, step, app) : 0;
    if (!test->timer) {
        free(test->frame);
        test->frame = NULL;
        return false;
    }
    set_time(app, now_us);
    test->next_us = (double)(now_us + LEAD_US + STEP_US);
    return true;
}

static enum ja_status check(double bpm, double for_s, struct ja_text *reply) {
    if (!(bpm >= least_bpm && bpm <= most_bpm))
        ja_text_format(reply, "test-beats takes %g to %g bpm, not %.6g", least_bpm, most_bpm, bpm);
    else if (!(for_s >= least_s && for_s <= most_s))
        ja_text_format(reply, "test-beats ends after %g to %g s, not %.6g", least_s, most_s, for_s);
    else
        return JA_OK;
    return JA_USAGE;
}

enum ja_status ja_app_start_test_beats(struct ja_app *app, double bpm, double for_s,
                                       struct ja_text *reply) {
    char reason[128];
    if (for_s == 0)
        for_s = most_s;
    if (check(bpm, for_s, reply) != JA_OK)
        return JA_USAGE;
    if (!start(app)) {
        ja_text_put(reply, "no memory for test beats");
        return JA_FAILED;
    }
    app->test.bpm = bpm;
    app->test.end_us = ja_clock_us() + (uint64_t)(for_s * 1e6);
    snprintf(reason, sizeof reason,
             "Test beats at %.6g bpm, not the music's; they end after %.6g s.", bpm, for_s);
    tell_state(app, "locked", reason);
    ja_app_web_operator(app);
    ja_text_format(reply, "test beats at %.6g bpm; they end after %.6g s unless renewed", bpm,
                   for_s);
    return JA_OK;
}

void ja_app_end_test_beats(struct ja_app *app) {
    if (app->test.timer)
        end(app);
}
