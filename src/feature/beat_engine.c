/* Beats by our own engine, and what to do when the music stops.
 *
 * In silence the engine goes on at the last tempo without listening, for a while, so that it is at
 * once right when the music returns. Whether those beats are told is the silence policy's choice.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "beat_tracker.h"

#include "taps.h"

#include <ja/beat/engine.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POLICY_STOP, POLICY_HOLD, POLICY_FLYWHEEL };
enum { ENGINE_AUTO, ENGINE_FLUX };

static const double least_share = 0.4; /* of the belief that agrees on a tempo worth a guess */
static const double remember_s = 10;   /* of silence over which the beat is kept in mind */
static const double vouched_confidence = 0.5; /* at least, in what the operator has told */

struct tracker {
    const struct ja_stage *stage;
    struct ja_engine *engine;
    double min_bpm, max_bpm; /* as last set */
    struct ja_priors priors; /* likewise */
    bool holding;            /* deaf, going on at the last tempo */
    bool held;               /* because the operator wants it so */
    struct ja_taps taps;
    double frame_end;  /* s of audio: of the engine's last frame, NAN before the first */
    double silent_s;   /* length of the present silence */
    int silent_beats;  /* told in it */
    double confidence; /* of the last beat before it */
    double guess_s;    /* provisional beat length, NAN: none */
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
    tracker->guess_s = tracker->frame_end = NAN;
    tracker->engine = ja_engine_new(&engine, error);
    return tracker->engine ? JA_OK : JA_FAILED;
}

static void tracker_close(void *state) {
    struct tracker *tracker = state;

    ja_engine_free(tracker->engine);
}

/* What the operator has told. */
static void forget_orders(struct tracker *tracker) {
    ja_engine_auto(tracker->engine);
    tracker->holding = tracker->held = false;
    tracker->taps.count = 0;
}

static void tracker_reset(void *state) {
    struct tracker *tracker = state;

    forget_orders(tracker);
    ja_engine_reset(tracker->engine);
    tracker->guess_s = tracker->frame_end = NAN;
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

static double preference(const void *data, double bpm) {
    return ja_priors_tempo(data, bpm);
}

static void follow_priors(struct tracker *tracker, const struct ja_priors *priors) {
    if (memcmp(tracker->priors.tempo, priors->tempo, sizeof priors->tempo) == 0)
        return;
    tracker->priors = *priors;
    ja_engine_prefer(tracker->engine, preference, &tracker->priors);
}

static void follow_silence(struct tracker *tracker, const struct ja_tracker_hop *hop) {
    const struct ja_beat_settings *settings = settings_of(tracker);
    bool keeps = settings->silence != POLICY_STOP || tracker->silent_s < remember_s;
    bool hold = tracker->held || (hop->silent && keeps);

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

    if (tracker->held) {
        beat.confidence = tracker->confidence;
        tell(data, &beat);
        return;
    }
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
    follow_priors(tracker, hop->priors);
    follow_silence(tracker, hop);
    for (unsigned done = 0; done < span->size;) {
        struct ja_engine_frame frame;
        bool complete;
        done += ja_engine_feed(tracker->engine, span->mono + done, span->size - done, &frame,
                               &complete);
        if (!complete)
            continue;
        tracker->frame_end = span->time + (double)done / span->rate;
        tracker->guess_s = frame.tempo_share > least_share ? frame.period_s : NAN;
        if (frame.beat)
            tell_beat(tracker, hop, tracker->frame_end, &frame, tell, data);
    }
    return hop->silent ? NAN : tracker->guess_s;
}

/* --- What the operator tells --- */

static void say(struct ja_stage_command *command, const char *format, double bpm) {
    snprintf(command->outcome, sizeof command->outcome, format, bpm);
}

static void tap(struct tracker *tracker, struct ja_stage_command *command, double ago_s) {
    double period = ja_taps_add(&tracker->taps, command->time);

    ja_engine_tap(tracker->engine, period, ago_s);
    if (period > 0) {
        tracker->confidence = fmax(tracker->confidence, vouched_confidence);
        say(command, "Tempo tapped near %.1f bpm.", ja_engine_bpm(tracker->engine));
    } else {
        say(command, "Beat tapped; the tempo stays near %.1f bpm.", ja_engine_bpm(tracker->engine));
    }
}

static void change_octave(struct tracker *tracker, struct ja_stage_command *command,
                          bool (*change)(struct ja_engine *engine)) {
    bool done = change(tracker->engine);

    say(command,
        done ? "Tempo pinned near %.1f bpm."
             : "The tempo stays near %.1f bpm: the tracker goes from 55 to 220 bpm.",
        ja_engine_bpm(tracker->engine));
}

static void hold(struct tracker *tracker, struct ja_stage_command *command) {
    tracker->held = command->numbers[0] > 0;
    tracker->holding = tracker->held; /* else the next hop tells */
    ja_engine_hold(tracker->engine, tracker->held);
    if (tracker->held)
        tracker->confidence = fmax(tracker->confidence, vouched_confidence);
    say(command, tracker->held ? "Holding %.1f bpm." : "Following the music again from %.1f bpm.",
        ja_engine_bpm(tracker->engine));
}

static void lock(struct tracker *tracker, struct ja_stage_command *command) {
    bool wanted = command->numbers[0] > 0;

    ja_engine_lock(tracker->engine, wanted);
    say(command,
        wanted ? "Tempo locked near %.1f bpm, within 4 %%." : "Tempo no longer locked to %.1f bpm.",
        ja_engine_bpm(tracker->engine));
}

static void set_range(struct tracker *tracker, struct ja_stage_command *command) {
    tracker->min_bpm = command->numbers[0];
    tracker->max_bpm = command->numbers[1];
    ja_engine_set_range(tracker->engine, tracker->min_bpm, tracker->max_bpm);
    snprintf(command->outcome, sizeof command->outcome, "Looking for tempi from %g to %g bpm.",
             tracker->min_bpm, tracker->max_bpm);
}

static void tracker_command(void *state, struct ja_stage_command *command) {
    struct tracker *tracker = state;
    double ago_s = isnan(tracker->frame_end) ? 0 : tracker->frame_end - command->time;

    switch (command->action) {
    case JA_BEAT_TAP:
        tap(tracker, command, ago_s);
        break;
    case JA_BEAT_RESYNC:
        ja_engine_resync(tracker->engine, ago_s);
        say(command, "Bars begin here, at %.1f bpm.", ja_engine_bpm(tracker->engine));
        break;
    case JA_BEAT_HALF:
        change_octave(tracker, command, ja_engine_halve);
        break;
    case JA_BEAT_DOUBLE:
        change_octave(tracker, command, ja_engine_double);
        break;
    case JA_BEAT_WRONG_OCTAVE:
        change_octave(tracker, command, ja_engine_change_octave);
        break;
    case JA_BEAT_OFF_BEAT:
        command->shift_s = ja_engine_shift_half(tracker->engine);
        say(command, "Beats moved by half a beat, at %.1f bpm.", ja_engine_bpm(tracker->engine));
        break;
    case JA_BEAT_WRONG_ONE:
        ja_engine_refute_bar(tracker->engine);
        say(command, "The bar begins on another beat, at %.1f bpm.",
            ja_engine_bpm(tracker->engine));
        break;
    case JA_BEAT_AUTO:
        forget_orders(tracker);
        say(command, "Following the music alone, now near %.1f bpm.",
            ja_engine_bpm(tracker->engine));
        break;
    case JA_BEAT_RANGE:
        set_range(tracker, command);
        break;
    case JA_BEAT_HOLD:
        hold(tracker, command);
        break;
    case JA_BEAT_LOCK:
        lock(tracker, command);
        break;
    case JA_BEAT_NUDGE: /* is the stage's */
        break;
    }
}

const struct ja_tracker_class ja_engine_tracker = {
    .size = sizeof(struct tracker),
    .open = tracker_open,
    .process = tracker_process,
    .command = tracker_command,
    .reset = tracker_reset,
    .close = tracker_close,
};
