/* Bands, flux, flatness and centroid of each hop in one pass over the shared spectrum, gathered in
 * ticks of a sixteenth; and the comparisons that tell a change from a pattern.
 *
 * A change shows best against the same place of the bars before: the pattern of the drums falls
 * out. Flatness is that of the bands' powers (A. Gray, J. Markel, "A spectral-flatness measure for
 * studying the autocorrelation method of linear prediction", IEEE Trans. ASSP 22(3), 1974); flux is
 * the half-wave rectified difference of log powers (S. Böck, G. Widmer, "Maximum filter vibrato
 * suppression for onset detection", DAFx 2013, without the filter).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence.h"

#include <math.h>
#include <string.h>

static const double lowest_hz = 30, highest_hz = 16000;
static const double default_period = 0.5; /* s, before any beat */
static const double floor_db = 60;        /* below the loudest: what is quieter is silence */
static const double silence_db = 45;      /* below it: a pause, which is not to be forgotten over */
static const double start_db = 30;        /* above all before: that was not music yet */
static const double sinking_db = 0.02;    /* of the loudest, per tick of sound */
static const float best_sinking = 0.01f;  /* dB per tick */
static const float bass_margin = 8;       /* dB below its best: the bass is gone */
static const double band_db = 4.342944819032518; /* 10 / ln 10 */

enum { LOW_BANDS = 6, LOW_FLUX_BANDS = 11, MID_BANDS = 17 }; /* first of the next */

static const enum ja_series best_series[JA_BESTS] = {JA_SERIES_LOW, JA_SERIES_KICK, JA_SERIES_HIGH,
                                                     JA_SERIES_FULL};
static const enum ja_series trend_series[] = {
    JA_SERIES_LOW,       JA_SERIES_HIGH,     JA_SERIES_FULL,    JA_SERIES_FLUX_LOW,
    JA_SERIES_FLUX_HIGH, JA_SERIES_FLATNESS, JA_SERIES_CENTROID};
static const enum ja_series extreme_series[] = {JA_SERIES_FULL, JA_SERIES_KICK, JA_SERIES_HIGH,
                                                JA_SERIES_FLUX_LOW, JA_SERIES_FLUX_HIGH};
static const long extreme_windows = 16; /* a beat apart */

void ja_evidence_reset(struct ja_evidence *evidence) {
    memset(evidence, 0, sizeof *evidence);
    evidence->period = default_period;
    evidence->loudest = -200;
    for (int i = 0; i < JA_BESTS; i++)
        evidence->best[i] = -200;
}

/* --- The grid --- */

static double position(const struct ja_evidence *evidence, double time) {
    return (double)evidence->beat_number + (time - evidence->beat_time) / evidence->period;
}

/* Beats that fail to come are counted all the same. */
void ja_evidence_beat(struct ja_evidence *evidence, const struct ja_event *beat) {
    evidence->beat_number = lround(position(evidence, beat->time));
    evidence->beat_time = beat->time;
    evidence->beat_place = beat->beat.beat_in_bar;
    evidence->period = 60 / beat->beat.bpm;
}

/* Of the beat to which a tick belongs, in bars of four. */
static int place_of(const struct ja_evidence *evidence, long tick) {
    long beat = (tick - ((tick % JA_TICKS_PER_BEAT) + JA_TICKS_PER_BEAT) % JA_TICKS_PER_BEAT) /
                JA_TICKS_PER_BEAT;
    long place = (evidence->beat_place - 1 + beat - evidence->beat_number) % 4;

    return evidence->beat_place == 0 ? 0 : (int)((place + 4) % 4) + 1;
}

/* --- From spectrum to ticks --- */

static void make_edges(struct ja_evidence *evidence, const struct ja_spectrum *spectrum) {
    double octaves = log2(highest_hz / lowest_hz);
    unsigned last = 0;

    for (int b = 0; b <= JA_EVIDENCE_BANDS; b++) {
        double hz = lowest_hz * exp2(octaves * b / JA_EVIDENCE_BANDS);
        unsigned bin = (unsigned)lround(hz / spectrum->bin_hz);

        last = evidence->edges[b] = bin > last ? bin : last + 1;
    }
    evidence->window = spectrum->window;
}

static void measure(struct ja_evidence *evidence, const struct ja_spectrum *spectrum) {
    float loudest = (float)(evidence->loudest / band_db);
    float silence = expf(loudest) * 1e-6f + 1e-20f;
    double sums[3] = {0, 0, 0}, logs = 0, weighted = 0, total = 0;
    double flux[2] = {0, 0};

    for (int b = 0; b < JA_EVIDENCE_BANDS; b++) {
        unsigned end = evidence->edges[b + 1];
        float power = 0, log_power;

        for (unsigned i = evidence->edges[b]; i < end && i < spectrum->bins; i++)
            power += spectrum->power[i];
        sums[b < LOW_BANDS ? 0 : b < MID_BANDS ? 1 : 2] += power;
        log_power = logf(power + silence);
        logs += log_power;
        weighted += b * (double)(power + silence);
        total += power + silence;
        flux[b >= LOW_FLUX_BANDS] += fmaxf(0, log_power - evidence->past[1][b]);
        evidence->past[1][b] = evidence->past[0][b];
        evidence->past[0][b] = log_power;
    }
    for (int i = 0; i < 3; i++)
        evidence->power[i] += sums[i];
    evidence->power[JA_SERIES_FULL] += sums[0] + sums[1] + sums[2];
    evidence->most_low = fmax(evidence->most_low, sums[0]);
    if (evidence->count > 0 || evidence->hops > 1) {
        evidence->flux[0] += flux[0] / LOW_FLUX_BANDS;
        evidence->flux[1] += flux[1] / (JA_EVIDENCE_BANDS - LOW_FLUX_BANDS);
    }
    evidence->flatness += logs / JA_EVIDENCE_BANDS - log(total / JA_EVIDENCE_BANDS);
    evidence->centroid += weighted / total * log2(highest_hz / lowest_hz) / JA_EVIDENCE_BANDS;
    evidence->hops++;
}

static float level(const struct ja_evidence *evidence, double power) {
    return (float)fmax(10 * log10(power + 1e-20), evidence->loudest - floor_db);
}

static void follow_bests(struct ja_evidence *evidence) {
    for (int i = 0; i < JA_BESTS; i++) {
        float bar = ja_evidence_mean(evidence, best_series[i], 0, JA_TICKS_PER_BAR);

        evidence->best[i] = fmaxf(evidence->best[i] - best_sinking, bar);
    }
    bool bass = ja_evidence_mean(evidence, JA_SERIES_KICK, 0, JA_TICKS_PER_BAR) >
                evidence->best[1] - bass_margin;
    evidence->bass_there = bass ? 0 : evidence->bass_there + 1;
    evidence->bass_gone = bass ? evidence->bass_gone + 1 : 0;
}

static void finish_tick(struct ja_evidence *evidence) {
    double hops = evidence->hops;
    double full_db = 10 * log10(evidence->power[JA_SERIES_FULL] / hops + 1e-20);
    if (full_db > evidence->loudest + start_db)
        evidence->count = 0;
    struct ja_tick *tick = &evidence->ticks[evidence->count % JA_TICKS];

    if (full_db > evidence->loudest - silence_db)
        evidence->loudest = fmax(full_db, evidence->loudest - sinking_db);
    tick->start = evidence->tick_start;
    tick->number = evidence->tick_number;
    tick->place = place_of(evidence, evidence->tick_number);
    for (int i = JA_SERIES_LOW; i <= JA_SERIES_FULL; i++)
        tick->values[i] = level(evidence, evidence->power[i] / hops);
    tick->values[JA_SERIES_KICK] = level(evidence, evidence->most_low);
    tick->values[JA_SERIES_FLUX_LOW] = (float)evidence->flux[0];
    tick->values[JA_SERIES_FLUX_HIGH] = (float)evidence->flux[1];
    tick->values[JA_SERIES_FLATNESS] = (float)(evidence->flatness / hops);
    tick->values[JA_SERIES_CENTROID] = (float)(evidence->centroid / hops);
    evidence->count++;
    memset(evidence->power, 0, sizeof evidence->power);
    evidence->most_low = evidence->flux[0] = evidence->flux[1] = 0;
    evidence->flatness = evidence->centroid = 0;
    evidence->hops = 0;
    follow_bests(evidence);
}

/* A hop's sound lies in the middle of the spectrum's window. */
bool ja_evidence_hear(struct ja_evidence *evidence, const struct ja_span *hop,
                      const struct ja_spectrum *spectrum) {
    double time = hop->end - 0.5 * spectrum->window / hop->rate;
    long number = (long)floor(JA_TICKS_PER_BEAT * position(evidence, time));
    bool finished = evidence->started && number > evidence->tick_number && evidence->hops > 0;

    if (evidence->window != spectrum->window)
        make_edges(evidence, spectrum);
    if (finished)
        finish_tick(evidence);
    if (finished || !evidence->started) {
        evidence->tick_start = time - 0.5 * hop->size / hop->rate;
        evidence->tick_number = number;
        evidence->started = true;
    }
    measure(evidence, spectrum);
    return finished;
}

/* --- Comparisons --- */

const struct ja_tick *ja_evidence_tick(const struct ja_evidence *evidence, long ago) {
    return &evidence->ticks[(evidence->count - 1 - ago) % JA_TICKS];
}

float ja_evidence_mean(const struct ja_evidence *evidence, enum ja_series series, long ago,
                       long span) {
    long known = evidence->count < JA_TICKS ? evidence->count : JA_TICKS;
    float sum = 0;

    if (ago + span > known)
        span = known - ago;
    if (span <= 0)
        return NAN;
    for (long i = ago; i < ago + span; i++)
        sum += ja_evidence_tick(evidence, i)->values[series];
    return sum / (float)span;
}

/* 0 when there is nothing to compare with. */
static float difference(float a, float b) {
    return isnan(a) || isnan(b) ? 0 : a - b;
}

/* The same ticks of the last four bars. */
static float same_place(const struct ja_evidence *evidence, enum ja_series series, long ago) {
    float sum = 0;
    int count = 0;

    for (int bar = 1; bar <= 4; bar++) {
        float mean = ja_evidence_mean(evidence, series, (long)bar * JA_TICKS_PER_BAR, ago);

        if (!isnan(mean)) {
            sum += mean;
            count++;
        }
    }
    return count > 0 ? sum / (float)count : NAN;
}

static float *add_series(const struct ja_evidence *evidence, enum ja_series series, long ago,
                         float *clue) {
    float after = ja_evidence_mean(evidence, series, 0, ago);
    float beat = ja_evidence_mean(evidence, series, ago, JA_TICKS_PER_BEAT);
    float bar = ja_evidence_mean(evidence, series, ago, JA_TICKS_PER_BAR);
    float four = ja_evidence_mean(evidence, series, ago, 4 * JA_TICKS_PER_BAR);
    float sixteen = ja_evidence_mean(evidence, series, ago, 16 * JA_TICKS_PER_BAR);

    *clue++ = difference(after, beat);
    *clue++ = difference(after, bar);
    *clue++ = difference(after, four);
    *clue++ = difference(after, same_place(evidence, series, ago));
    *clue++ = difference(bar, four);
    *clue++ = difference(four, sixteen);
    return clue;
}

static float spread(const struct ja_evidence *evidence, enum ja_series series) {
    float mean = ja_evidence_mean(evidence, series, 0, JA_TICKS_PER_BAR), sum = 0;
    long known = evidence->count < JA_TICKS_PER_BAR ? evidence->count : JA_TICKS_PER_BAR;

    for (long i = 0; i < known; i++)
        sum += fabsf(ja_evidence_tick(evidence, i)->values[series] - mean);
    return sum / (float)known;
}

/* What is after the change against the most and the least that so many ticks were before it. */
static float *add_extremes(const struct ja_evidence *evidence, enum ja_series series, long ago,
                           float *clue) {
    long known = evidence->count < JA_TICKS ? evidence->count : JA_TICKS;
    float after = ja_evidence_mean(evidence, series, 0, ago);
    float most = -INFINITY, least = INFINITY;

    for (long window = 0; window < extreme_windows; window++) {
        long from = ago + window * JA_TICKS_PER_BEAT;
        float mean = ja_evidence_mean(evidence, series, from, ago);

        if (from + ago > known)
            break;
        most = fmaxf(most, mean);
        least = fminf(least, mean);
    }
    *clue++ = isinf(most) ? 0 : after - most;
    *clue++ = isinf(least) ? 0 : after - least;
    return clue;
}

static float bars(long ticks) {
    return log2f(1 + (float)ticks / JA_TICKS_PER_BAR);
}

void ja_evidence_clues(const struct ja_evidence *evidence, long ago, float clues[JA_CLUES]) {
    const struct ja_tick *first = ja_evidence_tick(evidence, ago - 1);
    float *clue = clues;

    for (int s = 0; s < JA_SERIES_COUNT; s++)
        clue = add_series(evidence, (enum ja_series)s, ago, clue);
    for (size_t i = 0; i < sizeof trend_series / sizeof *trend_series; i++)
        for (long span = JA_TICKS_PER_BAR; span <= 2 * JA_TICKS_PER_BAR; span *= 2)
            *clue++ = difference(ja_evidence_mean(evidence, trend_series[i], 0, span),
                                 ja_evidence_mean(evidence, trend_series[i], span, span));
    for (int i = 0; i < JA_BESTS; i++) {
        *clue++ =
            ja_evidence_mean(evidence, best_series[i], ago, JA_TICKS_PER_BAR) - evidence->best[i];
        *clue++ = ja_evidence_mean(evidence, best_series[i], 0, ago) - evidence->best[i];
        if (isnan(clue[-2]))
            clue[-2] = clue[-1];
    }
    *clue++ = spread(evidence, JA_SERIES_KICK);
    *clue++ = spread(evidence, JA_SERIES_FLUX_LOW);
    *clue++ = spread(evidence, JA_SERIES_FLUX_HIGH);
    *clue++ = bars(evidence->bass_there);
    *clue++ = bars(evidence->bass_gone);
    *clue++ = bars(evidence->count < JA_TICKS ? evidence->count : JA_TICKS);
    *clue++ = first->number % JA_TICKS_PER_BEAT == 0;
    *clue++ = first->place == 0 ? 0 : first->place == 1 ? 1 : -1;
    *clue++ = (float)ago / JA_TICKS_PER_BEAT;
    for (size_t i = 0; i < sizeof extreme_series / sizeof *extreme_series; i++)
        clue = add_extremes(evidence, extreme_series[i], ago, clue);
}
