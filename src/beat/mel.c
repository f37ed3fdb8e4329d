/* Log-mel front end: 40 triangular bands from 30 Hz to 16 kHz over a Hann window of 2048 samples, a
 * frame every hundredth of a second, so that frame t ends with sample (t + 1) * rate / 100.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "mel.h"

#include <aubio/aubio.h>
#include <ja/beat/mel_filters.h>
#include <ja/core/math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 2048, BINS = WINDOW / 2 + 1 };

static const double lowest_hz = 30, highest_hz = 16000;

struct ja_mel {
    unsigned hop;
    unsigned filled; /* samples of the current hop */
    float *window, *history;
    fvec_t *windowed, *packed;
    aubio_fft_t *fft;
    float *power;
    struct ja_mel_filters *filters;
    float frame[JA_MEL_BANDS];
};

static void fill_window(float *window) {
    for (unsigned i = 0; i < WINDOW; i++) /* the sum of a Hann window is WINDOW / 2 */
        window[i] = (float)((0.5 - 0.5 * cos(2 * JA_PI * i / WINDOW)) * 2 / (WINDOW / 2));
}

struct ja_mel *ja_mel_new(unsigned rate, struct ja_error *error) {
    struct ja_mel *mel = calloc(1, sizeof *mel);
    if (!mel)
        goto no_memory;
    mel->hop = rate / JA_MEL_FRAMES_PER_SECOND;
    mel->window = calloc(WINDOW, sizeof *mel->window);
    mel->history = calloc(WINDOW, sizeof *mel->history);
    mel->power = calloc(BINS, sizeof *mel->power);
    mel->windowed = new_fvec(WINDOW);
    mel->packed = new_fvec(WINDOW);
    mel->fft = new_aubio_fft(WINDOW);
    mel->filters = ja_mel_filters_new(JA_MEL_BANDS, lowest_hz, highest_hz, WINDOW, rate);
    if (!mel->window || !mel->history || !mel->power || !mel->windowed || !mel->packed ||
        !mel->fft || !mel->filters)
        goto no_memory;
    fill_window(mel->window);
    return mel;

no_memory:
    ja_mel_free(mel);
    ja_fail(error, JA_FAILED, "no memory for the mel bands");
    return NULL;
}

void ja_mel_free(struct ja_mel *mel) {
    if (!mel)
        return;
    ja_mel_filters_free(mel->filters);
    if (mel->fft)
        del_aubio_fft(mel->fft);
    if (mel->packed)
        del_fvec(mel->packed);
    if (mel->windowed)
        del_fvec(mel->windowed);
    free(mel->power);
    free(mel->history);
    free(mel->window);
    free(mel);
}

void ja_mel_reset(struct ja_mel *mel) {
    mel->filled = 0;
    memset(mel->history, 0, WINDOW * sizeof *mel->history);
}

static void transform(struct ja_mel *mel) {
    for (unsigned i = 0; i < WINDOW; i++)
        mel->windowed->data[i] = mel->history[i] * mel->window[i];
    aubio_fft_do_complex(mel->fft, mel->windowed, mel->packed);
    const float *packed = mel->packed->data; /* re 0 … N/2, then im N/2-1 … 1 */
    for (unsigned i = 0; i < BINS; i++) {
        float re = packed[i], im = i > 0 && i < WINDOW / 2 ? packed[WINDOW - i] : 0;
        mel->power[i] = re * re + im * im;
    }
}

unsigned ja_mel_feed(struct ja_mel *mel, const float *samples, unsigned count,
                     const float **bands) {
    unsigned missing = mel->hop - mel->filled;
    unsigned taken = count < missing ? count : missing;
    memmove(mel->history, mel->history + taken, (WINDOW - taken) * sizeof *samples);
    memcpy(mel->history + WINDOW - taken, samples, taken * sizeof *samples);
    mel->filled += taken;
    *bands = NULL;
    if (mel->filled == mel->hop) {
        mel->filled = 0;
        transform(mel);
        ja_mel_filters_apply(mel->filters, mel->power, mel->frame);
        *bands = mel->frame;
    }
    return taken;
}

double ja_mel_level_follow(struct ja_mel_level *level, const float *bands) {
    double sum = 0;
    for (unsigned i = 0; i < JA_MEL_BANDS; i++)
        sum += bands[i];
    double share = fmax(1.0 / ++level->frames, 1.0 / 400);
    if (level->frames > 400)
        level->frames = 400;
    level->mean += share * (sum / JA_MEL_BANDS - level->mean);
    return fmax(level->mean, 1e-9);
}
