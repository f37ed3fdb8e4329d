/* The key: which scale the music of the last minutes is in.
 *
 * Two means of the chroma are kept: of all since the key was last sure to change, and of the recent
 * past, with an exponential memory. Each is made a vector of zero mean and length 1, and a linear
 * model that is the same for every root turns it into the probabilities of the 24 keys. The key
 * told is the one of the long mean. Where the recent past speaks for another one for a while, the
 * music has changed key, or the track has changed: the long mean begins anew from the recent one.
 *
 * The model's weights are logistic regression on 130 invented songs (src/train/harmony.py; modes
 * count by their third), and take the place of the profiles of C. L. Krumhansl and E. J. Kessler,
 * "Tracing the dynamic changes in perceived tonal organization", 1982.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tonality.h"

#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

static const struct ja_tonality_weights weights = {
    .major = {3.145, -1.006, -1.348, -2.070, 2.352, -0.007, -2.254, 3.283, -0.952, -0.841, -0.263,
              -0.040},
    .minor = {3.622, -0.498, -1.031, 1.819, -1.218, -1.127, -2.506, 3.476, -0.586, -0.889, 0.395,
              -1.458},
    .major_bias = -0.066,
    .minor_bias = 0.066,
};

static const char *const camelot[JA_TONALITIES] = {
    "8B", "3B",  "10B", "5B", "12B", "7B", "2B",  "9B", "4B", "11B", "6B", "1B",
    "5A", "12A", "7A",  "2A", "9A",  "4A", "11A", "6A", "1A", "8A",  "3A", "10A",
};

static const double judge_every_s = 1;
/* Confidence against probability and seconds heard: logistic regression on invented songs and on
 * recordings, in which a key is surer than in the songs. */
static const double per_logit = 1.6, per_log_time = 0.16, always = 1.1;
static const double usual_s = 30;     /* heard */
static const double clear = 0.2;      /* variation of the mean chroma; noise has less */
static const double told_again = 0.1; /* change of confidence */
static const double gone_s = 5;       /* without notes until the next track is expected */

struct settings {
    double memory_s, patience_s, hysteresis, first_s;
};

struct key {
    const float *chroma; /* NULL: no such stage */
    double whole[JA_TONES], recent[JA_TONES];
    double heard_s;    /* of notes in `whole` */
    double judged;     /* s of audio, when last */
    double silent_s;   /* since there were notes */
    double disputed_s; /* for which the recent past has spoken for another key */
    int told;          /* -1: none */
    double confidence; /* told */
};

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, memory_s, "memory_s", "45", 5, 600, "s", JA_LIVE,
                    "How far back the recent past goes, which can overrule the key so far."),
    JA_OPTION_FLOAT(struct settings, patience_s, "patience_s", "20", 0, 600, "s", JA_LIVE,
                    "How long the recent past must be in another key until that is told."),
    JA_OPTION_FLOAT(struct settings, hysteresis, "hysteresis", "0.15", 0, 1, NULL, JA_LIVE,
                    "By how much more probable than the one told another key must be."),
    JA_OPTION_FLOAT(struct settings, first_s, "first_s", "8", 1, 600, "s", JA_LIVE,
                    "How many seconds of notes are heard until a key is told."),
};

static const struct ja_module module = {
    .name = "key",
    .help = "The musical key.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static void key_reset(struct ja_stage *stage) {
    struct key *key = stage->state;

    *key = (struct key){.chroma = key->chroma, .judged = -INFINITY, .told = -1};
}

static enum ja_status key_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                               struct ja_error *error) {
    struct key *key = stage->state;

    (void)setup, (void)error;
    key->chroma = ja_stage_input(stage, "chroma");
    key_reset(stage);
    return JA_OK;
}

/* Returns how much the twelve differ, against their mean. */
static double judge(const double mean[JA_TONES], double keys[JA_TONALITIES]) {
    double shape[JA_TONES], sum = 0, square = 0;

    for (int i = 0; i < JA_TONES; i++)
        sum += mean[i];
    for (int i = 0; i < JA_TONES; i++) {
        shape[i] = mean[i] - sum / JA_TONES;
        square += shape[i] * shape[i];
    }
    for (int i = 0; i < JA_TONES; i++)
        shape[i] /= sqrt(square) + 1e-12;
    ja_tonality_scores(&weights, shape, keys);
    ja_tonality_softmax(keys, JA_TONALITIES);
    return sqrt(square * JA_TONES) / (sum + 1e-12);
}

static double certainty(double probability, double heard_s, double variation) {
    double odds = probability / (1 - probability + 1e-9);
    double logit = per_logit * log(odds + 1e-9) + per_log_time * log(heard_s / usual_s) + always;

    return fmin(1, variation / clear) / (1 + exp(-logit));
}

static int best(const double keys[JA_TONALITIES]) {
    int best = 0;

    for (int i = 1; i < JA_TONALITIES; i++) {
        if (keys[i] > keys[best])
            best = i;
    }
    return best;
}

static void tell(struct ja_stage *stage, double time, int which, double confidence) {
    struct key *key = stage->state;
    struct ja_event event = {
        .type = JA_EVENT_KEY,
        .time = time,
        .key = {ja_tonality_names[which], camelot[which], confidence},
    };

    key->told = which;
    key->confidence = confidence;
    ja_stage_emit(stage, &event);
}

/* What was before the recent past does not count any more. */
static void begin_anew(struct key *key, double memory_s) {
    memcpy(key->whole, key->recent, sizeof key->whole);
    key->heard_s = fmin(key->heard_s, memory_s);
    key->disputed_s = 0;
}

static void dispute(struct key *key, const struct settings *settings) {
    double keys[JA_TONALITIES];
    int other;

    judge(key->recent, keys);
    other = best(keys);
    if (other != key->told && keys[other] > keys[key->told] + settings->hysteresis)
        key->disputed_s += judge_every_s;
    else
        key->disputed_s = 0;
    if (key->disputed_s > settings->patience_s)
        begin_anew(key, settings->memory_s);
}

static void decide(struct ja_stage *stage, double now) {
    const struct settings *settings = stage->settings;
    struct key *key = stage->state;
    double keys[JA_TONALITIES], variation, confidence;
    int winner;

    if (key->heard_s < settings->first_s)
        return;
    if (key->told >= 0)
        dispute(key, settings);
    variation = judge(key->whole, keys);
    winner = best(keys);
    if (key->told >= 0 && keys[winner] < keys[key->told] + settings->hysteresis)
        winner = key->told;
    confidence = certainty(keys[winner], key->heard_s, variation);
    if (winner != key->told || fabs(confidence - key->confidence) >= told_again)
        tell(stage, now, winner, confidence);
}

static void take_in(struct key *key, double seconds, double memory_s) {
    double keep = exp(-seconds / memory_s);

    for (int i = 0; i < JA_TONES; i++) {
        key->whole[i] += seconds * key->chroma[i];
        key->recent[i] = keep * key->recent[i] + seconds * key->chroma[i];
    }
    key->heard_s += seconds;
    key->silent_s = 0;
}

static void key_process(struct ja_stage *stage, const struct ja_span *hop,
                        const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct key *key = stage->state;
    double seconds = hop->end - hop->time;

    (void)spectrum, (void)out;
    if (!key->chroma)
        return;
    if (isnan(key->chroma[0])) {
        key->silent_s += seconds;
        if (key->silent_s > gone_s)
            key_reset(stage);
        return;
    }
    take_in(key, seconds, settings->memory_s);
    if (hop->end - key->judged >= judge_every_s - 1e-6) {
        key->judged = hop->end;
        decide(stage, hop->end);
    }
}

const struct ja_stage_class ja_key_stage = {
    .module = &module,
    .state_size = sizeof(struct key),
    .events = 1u << JA_EVENT_KEY,
    .level = JA_LEVEL_MAXIMUM,
    .open = key_open,
    .process = key_process,
    .reset = key_reset,
};
