/* Beats by aubio's tracker: an oscillator that follows what it sights.
 *
 * The tracker's sightings come late, early, at half or double the tempo, or not at all. The
 * oscillator has a period within the allowed range of tempo and a time of the next beat; every
 * sighting near one of its beats pulls both a little, and only several sightings in a row that
 * contradict it make it start anew. A beat is published 25 ms before it sounds, so that
 * outputs can be in time. In silence the tracker goes on listening, but there are no beats.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "beat_aubio.h"
#include "beat_tracker.h"

#include <ja/core/log.h>
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

struct oscillator {
    unsigned rate;
    struct ja_beat_aubio aubio;
    const float *onset; /* the onset stage's output; NULL: no such stage */
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
};

static enum ja_status oscillator_open(void *tracker, const struct ja_stage *stage,
                                      const struct ja_stage_setup *setup, struct ja_error *error) {
    struct oscillator *beat = tracker;

    beat->rate = setup->rate;
    beat->onset = ja_stage_input(stage, "onset_detected");
    if (!ja_beat_aubio_init(&beat->aubio, setup->rate))
        return ja_fail(error, JA_FAILED, "no memory for aubio's beat tracker");
    return JA_OK;
}

static void oscillator_close(void *tracker) {
    struct oscillator *beat = tracker;

    ja_beat_aubio_done(&beat->aubio);
}

/* aubio's tracker cannot be cleared: it is made anew. */
static void oscillator_reset(void *tracker) {
    struct oscillator *beat = tracker;
    struct oscillator fresh = {.rate = beat->rate, .onset = beat->onset};

    ja_beat_aubio_done(&beat->aubio);
    *beat = fresh;
    if (!ja_beat_aubio_init(&beat->aubio, beat->rate))
        ja_log(JA_LOG_ERROR,
               "no memory for aubio's beat tracker: no beats until it is opened anew");
}

/* The period doubled or halved into the allowed range; as it is when none is within. */
static double fold(const struct ja_tracker_hop *hop, double period) {
    double folded = period;

    while (folded < 60 / hop->max_bpm)
        folded *= 2;
    while (folded > 60 / hop->min_bpm)
        folded /= 2;
    return folded >= 60 / hop->max_bpm ? folded : period;
}

static void start_over(struct oscillator *beat, double time, double period) {
    beat->period = period;
    beat->next = time;
    beat->running = true;
    beat->agreed = 1;
    beat->contradicted = 0;
    beat->support = 0.25;
}

static void follow(struct oscillator *beat, const struct ja_tracker_hop *hop,
                   const struct ja_beat_sighting *sighting) {
    double time = beat->origin + sighting->time;
    double period = fold(hop, sighting->period);
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
static void oscillator_heard(void *tracker, const struct ja_event *event) {
    struct oscillator *beat = tracker;
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
static double confidence(const struct oscillator *beat) {
    double clarity = fmin(beat->clarity, 4);
    double agreed = fmin(beat->agreed, 8) / 8;
    double support = beat->onset && !isnan(*beat->onset) ? fmin(1, 2 * beat->support) : 1;

    return support / (1 + exp(0.45 - 0.53 * clarity - 0.70 * agreed));
}

static void publish(struct oscillator *beat, ja_beat_function *tell, void *data) {
    struct ja_told_beat told = {
        .time = beat->next, .period = beat->period, .confidence = confidence(beat)};

    beat->support += support_share * (beat->supported - beat->support);
    beat->supported = false;
    tell(data, &told);
}

/* Moves the oscillator on to `until`; beats on the way are published once it is trusted. */
static void advance(struct oscillator *beat, double until, ja_beat_function *tell, void *data) {
    while (beat->next <= until) {
        bool too_soon = beat->next - beat->last < beat->period / 2;

        if (!too_soon && beat->trusted) {
            publish(beat, tell, data);
            beat->last = beat->next;
        }
        beat->next += beat->period;
    }
}

static double oscillator_process(void *tracker, const struct ja_tracker_hop *hop,
                                 ja_beat_function *tell, void *data) {
    struct oscillator *beat = tracker;
    const struct ja_span *span = hop->span;
    struct ja_beat_sighting sighting;

    if (!beat->started) {
        beat->origin = span->time;
        beat->last = -INFINITY;
        beat->started = true;
    }
    if (beat->aubio.tempo && ja_beat_aubio_feed(&beat->aubio, span->mono, span->size, &sighting) &&
        !hop->silent)
        follow(beat, hop, &sighting);
    if (hop->silent || span->end - beat->last_sighting > patience_s)
        beat->running = beat->trusted = false;
    if (!beat->running)
        return NAN;
    advance(beat, span->end + ahead_s, tell, data);
    return beat->period;
}

const struct ja_tracker_class ja_oscillator_tracker = {
    .size = sizeof(struct oscillator),
    .open = oscillator_open,
    .process = oscillator_process,
    .heard = oscillator_heard,
    .reset = oscillator_reset,
    .close = oscillator_close,
};
