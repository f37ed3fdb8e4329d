/* Voices, echo and hall of the demo track.
 *
 * A voice is two saw waves a little out of tune, one to each side, each through its own filter. The
 * hall is four delay lines that feed each other through a Householder matrix (Jot, Chaigne,
 * "Digital delay networks for designing artificial reverberators", AES 90, 1991).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "instrument.h"

#include "synth.h"

#include <stdlib.h>
#include <string.h>

/* What voices add to, within a chunk. */
struct mix {
    float dry[2][JA_SYNTH_CHUNK], echo[2][JA_SYNTH_CHUNK], hall[JA_SYNTH_CHUNK];
};

static bool line_init(struct ja_effect_line *line, double seconds, double rate) {
    line->frames = (unsigned)(seconds * rate) + 1;
    line->samples = calloc(line->frames, sizeof(float));
    return line->samples != NULL;
}

bool ja_band_init(struct ja_band *band, double rate, double echo_s) {
    static const double hall_s[JA_HALL_LINES] = {0.0437, 0.0531, 0.0613, 0.0719};
    band->rate = rate;
    band->brightness = 1.0;
    bool ok = line_init(&band->echo[0], echo_s, rate) && line_init(&band->echo[1], echo_s, rate);
    for (unsigned i = 0; ok && i < JA_HALL_LINES; i++)
        ok = line_init(&band->hall[i], hall_s[i], rate);
    return ok;
}

void ja_band_done(struct ja_band *band) {
    for (unsigned i = 0; i < 2; i++)
        free(band->echo[i].samples);
    for (unsigned i = 0; i < JA_HALL_LINES; i++)
        free(band->hall[i].samples);
    memset(band, 0, sizeof *band);
}

/* A free voice, or the oldest. */
static struct ja_voice *take_voice(struct ja_band *band) {
    struct ja_voice *oldest = &band->voices[0];
    for (unsigned v = 0; v < JA_VOICES; v++) {
        if (!band->voices[v].instrument)
            return &band->voices[v];
        if (band->voices[v].age > oldest->age)
            oldest = &band->voices[v];
    }
    return oldest;
}

void ja_band_play(struct ja_band *band, const struct ja_instrument *instrument, double midi,
                  double length_s, float gain, unsigned delay) {
    struct ja_voice *voice = take_voice(band);
    const double step = 440.0 * pow(2.0, (midi - 69.0) / 12.0) / band->rate;
    const double detune = pow(2.0, instrument->detune_cents / 2400.0);
    *voice = (struct ja_voice){
        .instrument = instrument,
        .delay = delay,
        .length = (int64_t)(length_s * band->rate),
        .phases = {0.0f, 0.37f, 0.0f},
        .steps = {(float)(step * detune), (float)(step / detune), (float)(step / 2.0)},
        .gain = gain * instrument->gain,
    };
}

static float next_saw(struct ja_voice *voice, unsigned wave) {
    float value = ja_saw(voice->phases[wave], voice->steps[wave]);
    voice->phases[wave] += voice->steps[wave];
    if (voice->phases[wave] >= 1.0f)
        voice->phases[wave] -= 1.0f;
    return value;
}

/* Where the loudness is heading, and with which time constant. */
static double loudness_target(const struct ja_voice *voice, double rate, double *constant_s) {
    const struct ja_instrument *instrument = voice->instrument;
    if (voice->age >= voice->length) {
        *constant_s = instrument->release_s;
        return 0.0;
    }
    if ((double)voice->age < 3.0 * instrument->attack_s * rate) {
        *constant_s = instrument->attack_s;
        return 1.0;
    }
    *constant_s = instrument->decay_s;
    return instrument->sustain;
}

static struct ja_filter_shape voice_filter(const struct ja_band *band,
                                           const struct ja_voice *voice) {
    const struct ja_instrument *instrument = voice->instrument;
    double opened = exp(-(double)voice->age / (instrument->opening_s * band->rate));
    double hz = band->brightness * (instrument->cutoff_hz + instrument->open_hz * opened);
    return ja_filter_shape(fmax(hz, 40.0), instrument->q, band->rate);
}

static void render_voice(struct ja_band *band, struct ja_voice *voice, struct mix *mix,
                         unsigned frames) {
    const struct ja_instrument *instrument = voice->instrument;
    double constant_s;
    const float target = (float)loudness_target(voice, band->rate, &constant_s);
    const float share = (float)(1.0 - exp(-1.0 / (constant_s * band->rate)));
    const struct ja_filter_shape shape = voice_filter(band, voice);
    const float below = (float)instrument->octave_below;
    for (unsigned i = voice->delay; i < frames; i++) {
        voice->loudness += share * (target - voice->loudness);
        float under = below > 0 ? below * next_saw(voice, 2) : 0.0f;
        float level = voice->gain * voice->loudness;
        float left = level * ja_filter(&voice->filters[0], &shape, next_saw(voice, 0) + under).low;
        float right = level * ja_filter(&voice->filters[1], &shape, next_saw(voice, 1) + under).low;
        mix->dry[0][i] += left;
        mix->dry[1][i] += right;
        mix->echo[0][i] += instrument->echo * left;
        mix->echo[1][i] += instrument->echo * right;
        mix->hall[i] += instrument->hall * (left + right);
    }
    voice->age += frames - voice->delay;
    voice->delay = 0;
    const float inaudible = 1e-4f;
    if (target == 0.0f && voice->loudness < inaudible)
        voice->instrument = NULL;
}

static float *line_place(struct ja_effect_line *line) {
    return &line->samples[line->at];
}

static void line_advance(struct ja_effect_line *line) {
    if (++line->at == line->frames)
        line->at = 0;
}

/* Echoes that change sides; what they give goes to the hall as well. */
static void add_echo(struct ja_band *band, struct mix *mix, unsigned frames) {
    const float feedback = 0.45f, to_hall = 0.3f;
    for (unsigned i = 0; i < frames; i++) {
        float *left = line_place(&band->echo[0]), *right = line_place(&band->echo[1]);
        float out_left = *left, out_right = *right;
        *left = mix->echo[0][i] + feedback * out_right;
        *right = mix->echo[1][i] + feedback * out_left;
        line_advance(&band->echo[0]);
        line_advance(&band->echo[1]);
        mix->dry[0][i] += out_left;
        mix->dry[1][i] += out_right;
        mix->hall[i] += to_hall * (out_left + out_right);
    }
}

static void add_hall(struct ja_band *band, struct mix *mix, unsigned frames) {
    const float feedback = 0.84f;
    const float damping = (float)(1.0 - exp(-JA_TAU * 4500.0 / band->rate));
    const float keep_awake = 1e-18f; /* no denormal numbers in a dying tail */
    for (unsigned i = 0; i < frames; i++) {
        float sum = 0.0f, out[JA_HALL_LINES];
        for (unsigned n = 0; n < JA_HALL_LINES; n++) {
            band->damped[n] += damping * (*line_place(&band->hall[n]) - band->damped[n]);
            out[n] = band->damped[n];
            sum += out[n];
        }
        for (unsigned n = 0; n < JA_HALL_LINES; n++) {
            *line_place(&band->hall[n]) =
                mix->hall[i] + keep_awake + feedback * (out[n] - 0.5f * sum);
            line_advance(&band->hall[n]);
        }
        mix->dry[0][i] += out[0] - out[2];
        mix->dry[1][i] += out[1] - out[3];
    }
}

void ja_band_render(struct ja_band *band, float *left, float *right, unsigned frames) {
    struct mix mix = {0};
    for (unsigned v = 0; v < JA_VOICES; v++)
        if (band->voices[v].instrument)
            render_voice(band, &band->voices[v], &mix, frames);
    add_echo(band, &mix, frames);
    add_hall(band, &mix, frames);
    memcpy(left, mix.dry[0], frames * sizeof *left);
    memcpy(right, mix.dry[1], frames * sizeof *right);
}
