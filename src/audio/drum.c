/* Drum sounds from sines and filtered noise.
 *
 * Every sound begins with its attack in its very first sample, so that a hit lies exactly where it
 * was put.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "drum.h"

#include "waveform.h"

#include <stdlib.h>
#include <string.h>

/* What a sound is made of; all decays in seconds to 1/e. */
struct recipe {
    const char *name; /* of the event */
    double seconds;
    double tone, tone_decay_s;          /* share and decay of the tone */
    double hz, drop_hz, drop_s;         /* its pitch: hz + drop_hz falling away in drop_s */
    double overtones;                   /* how much of 2nd and 3rd harmonic it has */
    double noise, noise_decay_s;        /* share and decay of the noise */
    double low_cut_hz, band_hz, band_q; /* its filters; band_hz 0: none */
    double attack, attack_decay_s;      /* a burst of plain noise at the start */
    unsigned claps;                     /* the noise starts so many times, 11 ms apart */
};

static const struct recipe recipes[JA_DRUMS] = {
    [JA_DRUM_KICK] = {.name = "kick",
                      .seconds = 0.5,
                      .tone = 1.0,
                      .tone_decay_s = 0.13,
                      .hz = 48,
                      .drop_hz = 210,
                      .drop_s = 0.028,
                      .attack = 0.35,
                      .attack_decay_s = 0.0015},
    [JA_DRUM_SNARE] = {.name = "snare",
                       .seconds = 0.4,
                       .tone = 0.5,
                       .tone_decay_s = 0.06,
                       .hz = 185,
                       .drop_hz = 90,
                       .drop_s = 0.01,
                       .noise = 0.7,
                       .noise_decay_s = 0.085,
                       .low_cut_hz = 1200,
                       .attack = 0.4,
                       .attack_decay_s = 0.002},
    [JA_DRUM_CLAP] = {.name = "snare",
                      .seconds = 0.45,
                      .noise = 1.0,
                      .noise_decay_s = 0.09,
                      .low_cut_hz = 700,
                      .band_hz = 1500,
                      .band_q = 1.2,
                      .attack = 0.15,
                      .attack_decay_s = 0.002,
                      .claps = 3},
    [JA_DRUM_HAT] =
        {.name = "hat", .seconds = 0.15, .noise = 1.0, .noise_decay_s = 0.022, .low_cut_hz = 7500},
    [JA_DRUM_OPEN_HAT] =
        {.name = "hat", .seconds = 0.5, .noise = 1.0, .noise_decay_s = 0.11, .low_cut_hz = 6500},
    [JA_DRUM_CRASH] = {.seconds = 4.0,
                       .noise = 1.0,
                       .noise_decay_s = 0.9,
                       .low_cut_hz = 3500,
                       .attack = 0.3,
                       .attack_decay_s = 0.03},
    [JA_DRUM_BASS] = {.seconds = 0.3,
                      .tone = 1.0,
                      .tone_decay_s = 0.12,
                      .hz = 55,
                      .overtones = 0.5,
                      .attack = 0.05,
                      .attack_decay_s = 0.002},
    [JA_DRUM_CLICK] = {.seconds = 0.03,
                       .tone = 1.0,
                       .tone_decay_s = 0.004,
                       .hz = 1500,
                       .attack = 0.5,
                       .attack_decay_s = 0.0005},
    [JA_DRUM_ACCENT] = {.seconds = 0.03,
                        .tone = 1.0,
                        .tone_decay_s = 0.004,
                        .hz = 2500,
                        .attack = 0.5,
                        .attack_decay_s = 0.0005},
};

const char *ja_drum_name(enum ja_drum drum) {
    return recipes[drum].name;
}

static double tone_at(const struct recipe *recipe, double t) {
    if (recipe->tone == 0)
        return 0.0;
    double turns = recipe->hz * t;
    if (recipe->drop_s > 0)
        turns += recipe->drop_hz * recipe->drop_s * (1.0 - exp(-t / recipe->drop_s));
    double x = JA_TAU * turns;
    double wave = sin(x) + recipe->overtones * (sin(2 * x) + 0.6 * sin(3 * x));
    return recipe->tone * exp(-t / recipe->tone_decay_s) * wave;
}

/* How loud the noise is. A clap's bursts fall quickly until the last. */
static double noise_shape(const struct recipe *recipe, double t) {
    const double apart_s = 0.011, burst_decay_s = 0.004;
    if (recipe->noise == 0)
        return 0.0;
    double last = recipe->claps > 1 ? (recipe->claps - 1) * apart_s : 0.0;
    if (t < last)
        return exp(-fmod(t, apart_s) / burst_decay_s);
    return exp(-(t - last) / recipe->noise_decay_s);
}

struct noise_filters {
    struct ja_filter low_cut, band;
    struct ja_filter_shape low_cut_shape, band_shape;
};

static float filtered(struct noise_filters *filters, const struct recipe *recipe, float noise) {
    if (recipe->low_cut_hz > 0)
        noise = ja_filter(&filters->low_cut, &filters->low_cut_shape, noise).high;
    if (recipe->band_hz > 0)
        noise = ja_filter(&filters->band, &filters->band_shape, noise).band;
    return noise;
}

static void make(const struct recipe *recipe, float *samples, unsigned frames, double rate,
                 uint64_t seed) {
    const double half_rate = rate / 2.0, fade_s = 0.005;
    struct noise_filters filters = {
        .low_cut_shape = ja_filter_shape(fmin(recipe->low_cut_hz, 0.8 * half_rate), 0.8, rate),
        .band_shape = ja_filter_shape(fmax(recipe->band_hz, 1.0), fmax(recipe->band_q, 0.5), rate),
    };
    double peak = 0.0;
    for (unsigned i = 0; i < frames; i++) {
        double t = i / rate, left_s = recipe->seconds - t;
        float white = ja_random_sample(&seed);
        if (i == 0)
            white = 1.0f; /* the attack is there at once */
        double sum = tone_at(recipe, t) +
                     recipe->noise * noise_shape(recipe, t) * filtered(&filters, recipe, white);
        if (recipe->attack > 0)
            sum += recipe->attack * exp(-t / recipe->attack_decay_s) * white;
        samples[i] = (float)(sum * fmin(1.0, left_s / fade_s));
        peak = fmax(peak, fabs(samples[i]));
    }
    for (unsigned i = 0; i < frames; i++)
        samples[i] = (float)(samples[i] / peak);
}

bool ja_drum_kit_init(struct ja_drum_kit *kit, unsigned wanted, double rate, uint64_t seed) {
    for (unsigned d = 0; d < JA_DRUMS; d++) {
        if (!(wanted & 1u << d))
            continue;
        unsigned frames = (unsigned)(recipes[d].seconds * rate);
        kit->sounds[d].samples = malloc(frames * sizeof(float));
        if (!kit->sounds[d].samples)
            return false;
        kit->sounds[d].frames = frames;
        make(&recipes[d], kit->sounds[d].samples, frames, rate, seed + d);
    }
    return true;
}

void ja_drum_kit_done(struct ja_drum_kit *kit) {
    for (unsigned d = 0; d < JA_DRUMS; d++)
        free(kit->sounds[d].samples);
    memset(kit, 0, sizeof *kit);
}

void ja_drum_play(struct ja_drum_player *player, enum ja_drum drum, unsigned delay, float left,
                  float right) {
    if (player->count == JA_DRUM_VOICES) /* the oldest gives way */
        memmove(player->voices, player->voices + 1, --player->count * sizeof player->voices[0]);
    player->voices[player->count++] =
        (struct ja_drum_voice){.drum = drum, .delay = delay, .left = left, .right = right};
}

static void mix_voice(const struct ja_drum_player *player, struct ja_drum_voice *voice, float *left,
                      float *right, unsigned frames) {
    const float *samples = player->kit->sounds[voice->drum].samples + voice->at;
    unsigned left_frames = player->kit->sounds[voice->drum].frames - voice->at;
    unsigned count = frames - voice->delay < left_frames ? frames - voice->delay : left_frames;
    for (unsigned i = 0; i < count; i++)
        left[voice->delay + i] += voice->left * samples[i];
    for (unsigned i = 0; right && i < count; i++)
        right[voice->delay + i] += voice->right * samples[i];
    voice->at += count;
    voice->delay = 0;
}

void ja_drum_mix(struct ja_drum_player *player, float *left, float *right, unsigned frames) {
    unsigned kept = 0;
    for (unsigned v = 0; v < player->count; v++) {
        struct ja_drum_voice *voice = &player->voices[v];
        mix_voice(player, voice, left, right, frames);
        if (voice->at < player->kit->sounds[voice->drum].frames)
            player->voices[kept++] = *voice;
    }
    player->count = kept;
}
