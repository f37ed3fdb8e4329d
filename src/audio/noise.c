/* Signals without beat or pitch to be found: noise, and something like speech.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "synth.h"
#include "waveform.h"

/* --- noise --- */

enum { PINK_ROWS = 16 };

struct noise {
    uint64_t random;
    uint64_t count;
    float rows[PINK_ROWS];
};

static enum ja_status open_noise(struct ja_synth *synth, struct ja_error *error) {
    (void)error;
    struct noise *noise = synth->state;
    noise->random = synth->seed;
    for (unsigned i = 0; i < PINK_ROWS; i++)
        noise->rows[i] = ja_random_sample(&noise->random);
    return JA_OK;
}

/* A sum of random numbers of which the n-th is renewed every 2^n samples falls by 3 dB an octave.
 * Source: Voss's method in McCartney's order; Gardner, "White and brown music, fractal curves and
 * one-over-f fluctuations", Scientific American, April 1978. */
static float pink(struct noise *noise) {
    unsigned row = 0;
    for (uint64_t n = ++noise->count; !(n & 1) && row < PINK_ROWS - 1; n >>= 1)
        row++;
    noise->rows[row] = ja_random_sample(&noise->random);
    float sum = ja_random_sample(&noise->random);
    for (unsigned i = 0; i < PINK_ROWS; i++)
        sum += noise->rows[i];
    return sum / (PINK_ROWS + 1);
}

static void render_noise(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    struct noise *noise = synth->state;
    const bool is_pink = synth->arguments[0].number > 0;
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++)
        left[i] = is_pink ? pink(noise) : ja_random_sample(&noise->random);
}

static const struct ja_parameter noise_parameters[] = {
    {"colour", JA_PARAMETER_CHOICE, 0, 0, 0, "white|pink", "evenly spread, or like a crowd"},
};

const struct ja_signal ja_signal_noise = {
    .name = "noise",
    .help = "random numbers",
    .parameters = noise_parameters,
    .parameter_count = 1,
    .seconds = 10,
    .level_db = -20,
    .state_size = sizeof(struct noise),
    .open = open_noise,
    .render = render_noise,
};

/* --- speech
 *
 * Phrases of four to nine syllables with pauses between; a syllable is often a hiss and then a
 * buzz, both through three resonances as of a mouth. All lengths are drawn at random, so there is
 * no beat in it.
 */

enum { FORMANTS = 3, VOWELS = 6 };

static const double formants_hz[VOWELS][FORMANTS] = {
    {730, 1090, 2440}, {530, 1840, 2480}, {270, 2290, 3010},
    {570, 840, 2410},  {300, 870, 2240},  {500, 1500, 2500},
};
static const double hiss_hz[FORMANTS] = {2600, 4200, 6000};

enum sound { PAUSE, HISS, BUZZ };

struct speech {
    uint64_t random;
    enum sound sound;
    unsigned syllables;   /* left in the phrase */
    double left_s, all_s; /* of this sound */
    double hz;            /* the voice */
    double target_hz;
    float phase;
    double formants[FORMANTS], target[FORMANTS];
    struct ja_filter filters[FORMANTS];
    double level;
};

static void start_sound(struct speech *speech, enum sound sound, double from_s, double to_s) {
    speech->sound = sound;
    speech->left_s = speech->all_s = ja_random_between(&speech->random, from_s, to_s);
}

static void start_buzz(struct speech *speech) {
    start_sound(speech, BUZZ, 0.08, 0.24);
    const double *vowel = formants_hz[ja_random(&speech->random) % VOWELS];
    for (unsigned i = 0; i < FORMANTS; i++)
        speech->target[i] = vowel[i];
    /* The voice falls towards the end of the phrase. */
    speech->target_hz = 95 + 4.0 * speech->syllables + ja_random_between(&speech->random, 0, 25);
}

static void start_hiss(struct speech *speech) {
    start_sound(speech, HISS, 0.04, 0.12);
    for (unsigned i = 0; i < FORMANTS; i++)
        speech->target[i] = hiss_hz[i] * ja_random_between(&speech->random, 0.8, 1.2);
}

static void next_sound(struct speech *speech) {
    const double hiss_share = 0.6, gap_share = 0.4;
    if (speech->sound == HISS) {
        start_buzz(speech);
    } else if (speech->syllables == 0) {
        start_sound(speech, PAUSE, 0.3, 0.9);
        speech->syllables = 4 + (unsigned)(ja_random(&speech->random) % 6);
    } else {
        speech->syllables--;
        if (speech->sound == BUZZ && ja_random_between(&speech->random, 0, 1) < gap_share)
            start_sound(speech, PAUSE, 0.02, 0.07);
        else if (ja_random_between(&speech->random, 0, 1) < hiss_share)
            start_hiss(speech);
        else
            start_buzz(speech);
    }
}

/* Voice and resonances glide towards where they should be. */
static void glide(struct speech *speech, double seconds) {
    const double formant_share = 1.0 - exp(-seconds / 0.02);
    const double pitch_share = 1.0 - exp(-seconds / 0.06);
    for (unsigned i = 0; i < FORMANTS; i++)
        speech->formants[i] += formant_share * (speech->target[i] - speech->formants[i]);
    speech->hz += pitch_share * (speech->target_hz - speech->hz);
}

static float speech_sample(struct speech *speech, float step,
                           const struct ja_filter_shape shapes[FORMANTS]) {
    static const float weights[FORMANTS] = {1.0f, 0.6f, 0.3f};
    float input = 0.0f, sum = 0.0f;
    if (speech->sound == BUZZ)
        input = ja_saw(speech->phase, step);
    else if (speech->sound == HISS)
        input = 0.5f * ja_random_sample(&speech->random);
    speech->phase += step;
    speech->phase -= speech->phase >= 1.0f ? 1.0f : 0.0f;
    for (unsigned i = 0; i < FORMANTS; i++)
        sum +=
            weights[i] * shapes[i].damping * ja_filter(&speech->filters[i], &shapes[i], input).band;
    return sum;
}

static enum ja_status open_speech(struct ja_synth *synth, struct ja_error *error) {
    (void)error;
    struct speech *speech = synth->state;
    speech->random = synth->seed;
    speech->hz = speech->target_hz = 120;
    for (unsigned i = 0; i < FORMANTS; i++)
        speech->formants[i] = speech->target[i] = formants_hz[0][i];
    return JA_OK;
}

static void render_speech(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    struct speech *speech = synth->state;
    const double chunk_s = JA_SYNTH_CHUNK / synth->rate;
    const double loudness = 4.0, rise = 1.0 - exp(-1.0 / (0.012 * synth->rate));
    if (speech->left_s <= 0)
        next_sound(speech);
    speech->left_s -= chunk_s;
    glide(speech, chunk_s);
    struct ja_filter_shape shapes[FORMANTS];
    for (unsigned i = 0; i < FORMANTS; i++)
        shapes[i] = ja_filter_shape(speech->formants[i], 8.0, synth->rate);
    const bool dies = speech->left_s < 0.03; /* each sound fades before it ends */
    const double target = speech->sound == PAUSE || dies ? 0.0 : loudness;
    const float step = (float)(speech->hz / synth->rate);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++) {
        speech->level += rise * (target - speech->level);
        left[i] = ja_soft_limit((float)speech->level * speech_sample(speech, step, shapes));
    }
}

const struct ja_signal ja_signal_speech = {
    .name = "speech",
    .help = "somebody talking, or nearly: syllables and pauses without a beat",
    .seconds = 20,
    .level_db = -6,
    .state_size = sizeof(struct speech),
    .open = open_speech,
    .render = render_speech,
};
