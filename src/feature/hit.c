/* Drum hits: kick, snare and hat in the mix, each told about 17 ms after its beginning.
 *
 * Every 300th of a second (a step) the power in 14 bands, the deep ones of the last 1024 samples,
 * the others of the last 512, is set against the level of the last 4 s, as a logarithm. A small
 * network (one hidden layer of 32) sees these values now and at a few steps before, and says how
 * likely each drum has just begun. A hit is where that is above a threshold and twice its lowest
 * since the hit before. The network has learnt from invented songs, whose hits are known, what
 * tells a kick from a bass note and a snare from a hat: src/train/hits.py makes the songs, trains
 * it and writes hit_weights.c.
 *
 * A hit's strength is the level in the drum's own bands against the strongest hit of the last
 * seconds.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "hit_weights.h"

#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <ja/pipeline/spectrum.h>
#include <math.h>
#include <string.h>

enum {
    STEPS_PER_SECOND = 300,
    DEEP_WINDOW = 1024,
    HIGH_WINDOW = 512,
    DEEP_BANDS = JA_HIT_BANDS / 2, /* the lower half of the bands */
    MOST_STEP = 48000 / STEPS_PER_SECOND,
    MEMORY = 4 * STEPS_PER_SECOND, /* steps, of the level */
    HISTORY = 32,                  /* steps, more than the longest lag */
    GAP = 18,                      /* steps between two hits of a drum, at least */
};

static const double edges_hz[JA_HIT_BANDS + 1] = {20,   55,   85,   120,  180,  270,   400,  600,
                                                  1000, 1700, 2900, 4800, 7500, 11000, 16000};
static const unsigned lags[JA_HIT_LAGS] = {0, 1, 2, 3, 4, 6, 9, 14, 24}; /* steps */
static const double least_level = 1e-9;
static const double least_power = 1e-6; /* nothing quieter is a hit: -60 dB */
static const double strongest_fall_s = 5;
static const double delay_s = 0.0165; /* from a hit to the end of the step that shows it */

/* What a drum is called, and the bands that its strength is read from. */
static const struct drum {
    const char *name;
    unsigned first, last;
} drums[JA_HIT_DRUMS] = {{"kick", 0, 3}, {"snare", 4, 11}, {"hat", 12, 13}};

struct settings {
    bool enable;
    double sensitivity[JA_HIT_DRUMS];
};

struct hit {
    struct ja_spectrum_maker *deep, *high;
    unsigned step, gathered; /* samples */
    float samples[MOST_STEP];
    uint64_t steps;
    double level; /* mean power over MEMORY */
    double power[JA_HIT_BANDS];
    float seen[HISTORY][JA_HIT_BANDS]; /* newest at steps % HISTORY */
    struct {
        uint64_t last; /* step of the last hit */
        double lowest; /* likelihood since then */
        double strongest;
    } drums[JA_HIT_DRUMS];
};

static const struct ja_option options[] = {
    JA_OPTION_BOOL(struct settings, enable, "enable", "true", JA_LIVE,
                   "Whether drum hits are looked for."),
    JA_OPTION_FLOAT(struct settings, sensitivity[0], "kick", "0.5", 0.02, 0.98, NULL, JA_LIVE,
                    "How readily something is called a kick; higher finds more and more that are "
                    "none."),
    JA_OPTION_FLOAT(struct settings, sensitivity[1], "snare", "0.5", 0.02, 0.98, NULL, JA_LIVE,
                    "The same for snare drums and claps."),
    JA_OPTION_FLOAT(struct settings, sensitivity[2], "hat", "0.5", 0.02, 0.98, NULL, JA_LIVE,
                    "The same for hi-hats and cymbals."),
};

static const struct ja_module module = {
    .name = "hit",
    .help = "Drum hits: kick, snare and hat.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static void hit_reset(struct ja_stage *stage) {
    struct hit *hit = stage->state;

    ja_spectrum_reset(hit->deep);
    ja_spectrum_reset(hit->high);
    *hit = (struct hit){.deep = hit->deep, .high = hit->high, .step = hit->step};
}

static void hit_close(struct ja_stage *stage) {
    struct hit *hit = stage->state;

    ja_spectrum_free(hit->deep);
    ja_spectrum_free(hit->high);
}

static enum ja_status hit_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                               struct ja_error *error) {
    struct hit *hit = stage->state;

    hit->step = setup->rate / STEPS_PER_SECOND;
    hit->deep = ja_spectrum_new(JA_WINDOW_HANN, DEEP_WINDOW, setup->rate, error);
    hit->high = ja_spectrum_new(JA_WINDOW_HANN, HIGH_WINDOW, setup->rate, error);
    if (!hit->deep || !hit->high) {
        hit_close(stage);
        return JA_FAILED;
    }
    return JA_OK;
}

/* The bands of the next step, into `power` and `seen`. */
static void take_step(struct hit *hit) {
    const struct ja_spectrum *deep = ja_spectrum_make(hit->deep, hit->samples, hit->step);
    const struct ja_spectrum *high = ja_spectrum_make(hit->high, hit->samples, hit->step);
    float *seen = hit->seen[++hit->steps % HISTORY];
    double total = 0, scale;

    for (unsigned b = 0; b < JA_HIT_BANDS; b++) {
        hit->power[b] =
            ja_spectrum_power(b < DEEP_BANDS ? deep : high, edges_hz[b], edges_hz[b + 1]);
        total += hit->power[b];
    }
    hit->level += fmax(1.0 / (double)hit->steps, 1.0 / MEMORY) * (total - hit->level);
    scale = 1e5 / fmax(hit->level, least_level);
    for (unsigned b = 0; b < JA_HIT_BANDS; b++)
        seen[b] = 0.15f * logf(1 + (float)(scale * hit->power[b]));
}

static void run_network(const struct hit *hit, double likelihood[JA_HIT_DRUMS]) {
    float input[JA_HIT_INPUTS], hidden[JA_HIT_HIDDEN];

    for (unsigned i = 0; i < JA_HIT_LAGS; i++)
        memcpy(input + i * JA_HIT_BANDS, hit->seen[(hit->steps + HISTORY - lags[i]) % HISTORY],
               sizeof hit->seen[0]);
    for (unsigned h = 0; h < JA_HIT_HIDDEN; h++) {
        float sum = ja_hit_hidden_bias[h];

        for (unsigned i = 0; i < JA_HIT_INPUTS; i++)
            sum += ja_hit_hidden[h][i] * input[i];
        hidden[h] = tanhf(sum);
    }
    for (unsigned d = 0; d < JA_HIT_DRUMS; d++) {
        double sum = ja_hit_out_bias[d];

        for (unsigned h = 0; h < JA_HIT_HIDDEN; h++)
            sum += ja_hit_out[d][h] * hidden[h];
        likelihood[d] = 1 / (1 + exp(-sum));
    }
}

static void publish(struct ja_stage *stage, unsigned d, double now) {
    struct hit *hit = stage->state;
    double power = 0;
    struct ja_event event = {.type = JA_EVENT_HIT, .time = fmax(0, now - delay_s)};

    for (unsigned b = drums[d].first; b <= drums[d].last; b++)
        power += hit->power[b];
    hit->drums[d].strongest *=
        exp(-(double)(hit->steps - hit->drums[d].last) / STEPS_PER_SECOND / strongest_fall_s);
    hit->drums[d].strongest = fmax(power, hit->drums[d].strongest);
    hit->drums[d].last = hit->steps;
    event.hit.drum = drums[d].name;
    event.hit.strength = sqrt(power / hit->drums[d].strongest);
    ja_stage_emit(stage, &event);
}

static void look(struct ja_stage *stage, double now) {
    const struct settings *settings = stage->settings;
    struct hit *hit = stage->state;
    double likelihood[JA_HIT_DRUMS], total = 0;

    take_step(hit);
    for (unsigned b = 0; b < JA_HIT_BANDS; b++)
        total += hit->power[b];
    run_network(hit, likelihood);
    for (unsigned d = 0; d < JA_HIT_DRUMS; d++) {
        bool likely = likelihood[d] > 1 - settings->sensitivity[d] && total > least_power;
        bool soon = hit->drums[d].last > 0 && hit->steps - hit->drums[d].last < GAP;

        if (likely && likelihood[d] > 2 * hit->drums[d].lowest && !soon) {
            publish(stage, d, now);
            hit->drums[d].lowest = 1;
        }
        hit->drums[d].lowest = fmin(hit->drums[d].lowest, likelihood[d]);
    }
}

static void hit_listen(struct ja_stage *stage, const struct ja_span *slice) {
    const struct settings *settings = stage->settings;
    struct hit *hit = stage->state;

    for (unsigned i = 0; settings->enable && i < slice->size; i++) {
        hit->samples[hit->gathered++] = slice->mono[i];
        if (hit->gathered == hit->step) {
            hit->gathered = 0;
            look(stage, slice->time + (i + 1.0) / slice->rate);
        }
    }
}

const struct ja_stage_class ja_hit_stage = {
    .module = &module,
    .state_size = sizeof(struct hit),
    .events = 1u << JA_EVENT_HIT,
    .level = JA_LEVEL_MEDIUM,
    .open = hit_open,
    .listen = hit_listen,
    .reset = hit_reset,
    .close = hit_close,
};
