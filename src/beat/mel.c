/* Log-mel front end: 40 triangular bands from 30 Hz to 16 kHz over a Hann window of 2048 samples, a
 * frame every hundredth of a second, so that frame t ends with sample (t + 1) * rate / 100.
 *
 * Mel scale: D. O'Shaughnessy, Speech Communication, 1987: m = 2595 log10(1 + f / 700). Triangles
 * have peak 1.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "mel.h"

#include <aubio/aubio.h>
#include <ja/core/math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 2048, BINS = WINDOW / 2 + 1 };

static const double lowest_hz = 30, highest_hz = 16000;

/* One triangle: weights of the bins first … first + count - 1. */
struct band {
    unsigned first, count;
    float *weights;
};

struct ja_mel {
    unsigned hop;
    unsigned filled; /* samples of the current hop */
    float *window, *history;
    fvec_t *windowed, *packed;
    aubio_fft_t *fft;
    float *power;
    struct band bands[JA_MEL_BANDS];
    float frame[JA_MEL_BANDS];
};

static double to_mel(double hz) {
    return 2595 * log10(1 + hz / 700);
}

static double to_hz(double mel) {
    return 700 * (pow(10, mel / 2595) - 1);
}

static double edge_hz(unsigned i) {
    double low = to_mel(lowest_hz), high = to_mel(highest_hz);
    return to_hz(low + (high - low) * i / (JA_MEL_BANDS + 1));
}

static double triangle(double hz, double left, double centre, double right) {
    if (hz <= left || hz >= right)
        return 0;
    return hz <= centre ? (hz - left) / (centre - left) : (right - hz) / (right - centre);
}

static bool make_band(struct band *band, unsigned i, double bin_hz) {
    double left = edge_hz(i), centre = edge_hz(i + 1), right = edge_hz(i + 2);
    band->first = (unsigned)ceil(left / bin_hz);
    unsigned last = (unsigned)floor(right / bin_hz);
    if (last > BINS - 1)
        last = BINS - 1;
    band->count = last >= band->first ? last - band->first + 1 : 0;
    band->weights = calloc(band->count + 1, sizeof *band->weights);
    for (unsigned b = 0; band->weights && b < band->count; b++)
        band->weights[b] = (float)triangle((band->first + b) * bin_hz, left, centre, right);
    return band->weights;
}

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
    bool ok = mel->window && mel->history && mel->power && mel->windowed && mel->packed && mel->fft;
    for (unsigned i = 0; i < JA_MEL_BANDS; i++)
        ok = make_band(&mel->bands[i], i, (double)rate / WINDOW) && ok;
    if (!ok)
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
    for (unsigned i = 0; i < JA_MEL_BANDS; i++)
        free(mel->bands[i].weights);
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

static void sum_bands(struct ja_mel *mel) {
    for (unsigned i = 0; i < JA_MEL_BANDS; i++) {
        const struct band *band = &mel->bands[i];
        const float *power = mel->power + band->first;
        float sum = 0;
        for (unsigned b = 0; b < band->count; b++)
            sum += band->weights[b] * power[b];
        mel->frame[i] = sum;
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
        sum_bands(mel);
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
