/* Beats: an oscillator that follows what the beat tracker sights.
 *
 * The tracker's sightings come late, early, at half or double the tempo, or not at all. The
 * oscillator has a period within the allowed range of tempo and a time of the next beat; every
 * sighting near one of its beats pulls both a little, and only several sightings in a row that
 * contradict it make it start anew. A beat is published 25 ms before it sounds, so that
 * outputs can be in time. In silence the tracker goes on listening, but there are no beats.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "beat_aubio.h"

#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

static const double phase_pull = 0.25, period_pull = 0.25; /* of a sighting's error */
static const double near = 0.12;                           /* of a period: a sighting agrees */
static const double same_tempo = 0.08; /* relative: a sighting's period agrees */
static const double onset_pull = 0.4, onset_reach_s = 0.035;
static const double support_share = 0.15; /* of a new beat in the support */
static const double ahead_s = 0.025;      /* a beat is published before it sounds */
static const double patience_s = 5;       /* without a sighting */
enum { CONTRADICTIONS = 3, TRUSTED = 4 /* sightings in a row before beats are published */ };

struct settings {
    int engine;
};

struct beat {
    struct ja_stage_setup setup;
    struct ja_beat_aubio aubio;
    const float *silence, *onset; /* earlier stages' outputs; NULL: no such stage */
    bool started;
    double origin;             /* s of audio at the tracker's first sample */
    bool running;              /* the oscillator is */
    bool trusted;              /* and has been confirmed: beats are published */
    double last, next, period; /* s of audio; s */
    double last_sighting;      /* s of audio */
    int agreed, contradicted;  /* sightings in a row */
    double clarity;            /* aubio's confidence, not bounded */
    double support;            /* share of recent beats with an onset near them */
    bool supported;            /* there was one since the last beat */
    int seq;
};

enum { OUT_BEAT_PHASE, OUT_BAR_PHASE };

static const char *const engines[] = {"aubio", NULL};

static const struct ja_option options[] = {
    JA_OPTION_CHOICE(struct settings, engine, "engine", "aubio", engines, JA_REOPEN,
                     "Which beat tracker finds the beats."),
};

static const struct ja_module module = {
    .name = "beat",
    .help = "Beat tracking.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    [OUT_BEAT_PHASE] = {"beat_phase", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                        "Place within the beat, from 0 on the beat to 1 before the next; no value "
                        "while there are no beats."},
    [OUT_BAR_PHASE] = {"bar_phase", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                       "Place within the bar, from 0 to 1; no value while the bar is unknown."},
};

static enum ja_status beat_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                struct ja_error *error) {
    struct beat *beat = stage->state;

    beat->setup = *setup;
    beat->silence = ja_stage_input(stage, "silence");
    beat->onset = ja_stage_input(stage, "onset_detected");
    if (!ja_beat_aubio_init(&beat->aubio, setup->rate))
        return ja_fail(error, JA_FAILED, "no memory for beat");
    return JA_OK;
}

static void beat_close(struct ja_stage *stage) {
    struct beat *beat = stage->state;

    ja_beat_aubio_done(&beat->aubio);
}

/* aubio's tracker cannot be cleared: it is made anew. Beats are counted on. */
static void beat_reset(struct ja_stage *stage) {
    struct beat *beat = stage->state;
    struct ja_stage_setup setup = beat->setup;
    int seq = beat->seq;

    beat_close(stage);
    memset(beat, 0, sizeof *beat);
    stage->open = beat_open(stage, &setup, NULL) == JA_OK;
    beat->seq = seq;
}

/* The period doubled or halved into the allowed range; as it is when none is within. */
static double fold(const struct ja_stage *stage, double period) {
    const struct ja_tempo_settings *range = ja_stage_settings(stage, "tempo");
    double folded = period;

    if (!range)
        return period;
    while (folded < 60 / range->max_bpm)
        folded *= 2;
    while (folded > 60 / range->min_bpm)
        folded /= 2;
    return folded >= 60 / range->max_bpm ? folded : period;
}

static void start_over(struct beat *beat, double time, double period) {
    beat->period = period;
    beat->next = time;
    beat->running = true;
    beat->agreed = 1;
    beat->contradicted = 0;
    beat->support = 0.25;
}

static void follow(struct ja_stage *stage, const struct ja_beat_sighting *sighting) {
    struct beat *beat = stage->state;
    double time = beat->origin + sighting->time;
    double period = fold(stage, sighting->period);
    double grid = fmin(period, sighting->period);
    double error = remainder(time - beat->next, fmin(grid, beat->period));

    beat->last_sighting = time;
    beat->clarity = sighting->clarity;
    if (!beat->running) {
        start_over(beat, time, period);
        return;
    }
    if (fabs(error) > near * beat->period ||
        fabs(period - beat->period) > same_tempo * beat->period) {
        beat->agreed = 0;
        if (++beat->contradicted >= CONTRADICTIONS)
            start_over(beat, time, period);
        return;
    }
    beat->agreed++;
    beat->trusted |= beat->agreed >= TRUSTED;
    beat->contradicted = 0;
    beat->next += phase_pull * error;
    beat->period += period_pull * (period - beat->period);
}

/* Onsets near a beat tell where exactly it is: more finely than the tracker's hops of 12 ms. */
static void beat_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct beat *beat = stage->state;
    double error;

    if (event->type != JA_EVENT_ONSET || strcmp(event->onset.band, "full") != 0 || !beat->running)
        return;
    error = remainder(event->time - beat->next, beat->period);
    if (fabs(error) >= onset_reach_s)
        return;
    beat->next += onset_pull * event->onset.strength * error;
    beat->supported = true;
}

/* Probability that a beat is within 70 ms of where a listener hears it: a logistic regression of
 * aubio's confidence and the number of sightings that agreed, fitted on annotated music. Where
 * hardly a beat has an onset, as in noise, there is nothing to be sure of. */
static double confidence(const struct beat *beat) {
    double clarity = fmin(beat->clarity, 4);
    double agreed = fmin(beat->agreed, 8) / 8;
    double support = beat->onset && !isnan(*beat->onset) ? fmin(1, 2 * beat->support) : 1;

    return support / (1 + exp(0.45 - 0.53 * clarity - 0.70 * agreed));
}

static void publish(struct ja_stage *stage) {
    struct beat *beat = stage->state;
    struct ja_event event = {
        .type = JA_EVENT_BEAT,
        .time = beat->next,
        .beat = {.seq = beat->seq++, .bpm = 60 / beat->period, .confidence = confidence(beat)},
    };

    beat->support += support_share * (beat->supported - beat->support);
    beat->supported = false;
    ja_stage_emit(stage, &event);
}

/* Moves the oscillator on to `until`; beats on the way are published unless `mute`. */
static void advance(struct ja_stage *stage, double until, bool mute) {
    struct beat *beat = stage->state;

    while (beat->next <= until) {
        bool too_soon = beat->next - beat->last < beat->period / 2;

        if (!too_soon && !mute) {
            publish(stage);
            beat->last = beat->next;
        }
        beat->next += beat->period;
    }
}

static float phase(const struct beat *beat, double now) {
    double beats = (now - beat->next) / beat->period;

    return (float)(beats - floor(beats));
}

static void beat_process(struct ja_stage *stage, const struct ja_span *hop,
                         const struct ja_spectrum *spectrum, float *out) {
    struct beat *beat = stage->state;
    bool silent = beat->silence && *beat->silence > 0;
    struct ja_beat_sighting sighting;

    (void)spectrum;
    if (!beat->started) {
        beat->origin = hop->time;
        beat->last = -INFINITY;
        beat->started = true;
    }
    if (ja_beat_aubio_feed(&beat->aubio, hop->mono, hop->size, &sighting) && !silent)
        follow(stage, &sighting);
    if (silent || hop->end - beat->last_sighting > patience_s)
        beat->running = beat->trusted = false;
    if (!beat->running)
        return;
    advance(stage, hop->end + ahead_s, !beat->trusted);
    out[OUT_BEAT_PHASE] = phase(beat, hop->end);
}

const struct ja_stage_class ja_beat_stage = {
    .module = &module,
    .state_size = sizeof(struct beat),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .events = 1u << JA_EVENT_BEAT,
    .open = beat_open,
    .process = beat_process,
    .heard = beat_heard,
    .reset = beat_reset,
    .close = beat_close,
};
