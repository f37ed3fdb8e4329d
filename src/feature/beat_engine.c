/* Beats by our own engine, and what to do when the music stops.
 *
 * In silence the engine goes on at the last tempo without listening, for a while, so that it is at
 * once right when the music returns. Whether those beats are told is the silence policy's choice.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "beat_tracker.h"

#include <ja/beat/engine.h>
#include <math.h>

enum { POLICY_STOP, POLICY_HOLD, POLICY_FLYWHEEL };
enum { ENGINE_AUTO, ENGINE_FLUX };

static const double least_share = 0.4; /* of the belief that agrees on a tempo worth a guess */
static const double remember_s = 10;   /* of silence over which the beat is kept in mind */

struct tracker {
    const struct ja_stage *stage;
    struct ja_engine *engine;
    double min_bpm, max_bpm; /* as last set */
    bool holding;            /* deaf, going on at the last tempo */
    double silent_s;         /* length of the present silence */
    int silent_beats;        /* told in it */
    double confidence;       /* of the last beat before it */
    double guess_s;          /* provisional beat length, NAN: none */
};

static const struct ja_beat_settings *settings_of(const struct tracker *tracker) {
    return tracker->stage->settings;
}

static enum ja_status tracker_open(void *state, const struct ja_stage *stage,
                                   const struct ja_stage_setup *setup, struct ja_error *error) {
    struct tracker *tracker = state;
    const struct ja_beat_settings *settings = stage->settings;
    struct ja_engine_setup engine = {
        .rate = setup->rate,
        .lead_frames = (unsigned)lround(settings->lead_ms / 10),
        .network = settings->engine == ENGINE_AUTO,
        .min_bpm = 1, /* as slow and as fast as it can, until the first hop tells the range */
        .max_bpm = 1000,
    };

    tracker->stage = stage;
    tracker->guess_s = NAN;
    tracker->engine = ja_engine_new(&engine, error);
    return tracker->engine ? JA_OK : JA_FAILED;
}

static void tracker_close(void *state) {
    struct tracker *tracker = state;

    ja_engine_free(tracker->engine);
}

static void tracker_reset(void *state) {
    struct tracker *tracker = state;

    ja_engine_reset(tracker->engine);
    tracker->guess_s = NAN;
    tracker->holding = false;
    tracker->silent_s = 0;
    tracker->silent_beats = 0;
}

static void follow_range(struct tracker *tracker, const struct ja_tracker_hop *hop) {
    if (hop->min_bpm == tracker->min_bpm && hop->max_bpm == tracker->max_bpm)
        return;
    tracker->min_bpm = hop->min_bpm;
    tracker->max_bpm = hop->max_bpm;
    ja_engine_set_range(tracker->engine, hop->min_bpm, hop->max_bpm);
}

static void follow_silence(struct tracker *tracker, const struct ja_tracker_hop *hop) {
    const struct ja_beat_settings *settings = settings_of(tracker);
    bool keeps = settings->silence != POLICY_STOP || tracker->silent_s < remember_s;
    bool hold = hop->silent && keeps;

    if (hop->silent) {
        tracker->silent_s += (double)hop->span->size / hop->span->rate;
    } else {
        tracker->silent_s = 0;
        tracker->silent_beats = 0;
    }
    if (hold != tracker->holding)
        ja_engine_hold(tracker->engine, hold);
    tracker->holding = hold;
}

/* How sure to be of a beat in silence, or -1 when it is not to be told. */
static double confidence_in_silence(struct tracker *tracker) {
    const struct ja_beat_settings *settings = settings_of(tracker);
    double share;

    if (settings->silence == POLICY_HOLD)
        return tracker->confidence;
    share = 1 - (double)tracker->silent_beats / (settings->flywheel_beats + 1);
    if (settings->silence == POLICY_STOP || share <= 0)
        return -1;
    return tracker->confidence * share;
}

static void tell_beat(struct tracker *tracker, const struct ja_tracker_hop *hop, double end,
                      const struct ja_engine_frame *frame, ja_beat_function *tell, void *data) {
    struct ja_told_beat beat = {
        .time = end + frame->beat_in_s,
        .period = frame->period_s,
        .confidence = frame->confidence,
        .beat_in_bar = frame->beat_in_bar,
    };

    if (hop->silent) {
        tracker->silent_beats++;
        beat.confidence = confidence_in_silence(tracker);
    } else {
        tracker->confidence = beat.confidence;
    }
    if (beat.confidence >= settings_of(tracker)->least_confidence)
        tell(data, &beat);
}

static double tracker_process(void *state, const struct ja_tracker_hop *hop, ja_beat_function *tell,
                              void *data) {
    struct tracker *tracker = state;
    const struct ja_span *span = hop->span;

    follow_range(tracker, hop);
    follow_silence(tracker, hop);
    for (unsigned done = 0; done < span->size;) {
        struct ja_engine_frame frame;
        bool complete;
        done += ja_engine_feed(tracker->engine, span->mono + done, span->size - done, &frame,
                               &complete);
        if (complete && frame.beat)
            tell_beat(tracker, hop, span->time + (double)done / span->rate, &frame, tell, data);
        if (complete)
            tracker->guess_s = frame.tempo_share > least_share ? frame.period_s : NAN;
    }
    return hop->silent ? NAN : tracker->guess_s;
}

const struct ja_tracker_class ja_engine_tracker = {
    .size = sizeof(struct tracker),
    .open = tracker_open,
    .process = tracker_process,
    .reset = tracker_reset,
    .close = tracker_close,
};
