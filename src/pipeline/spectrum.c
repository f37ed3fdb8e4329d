/* Short-time Fourier transform on aubio's FFT (which guards FFTW's planner against other threads).
 *
 * Windows are periodic, as is usual for analysis: F. J. Harris, "On the use of windows for harmonic
 * analysis with the discrete Fourier transform", Proc. IEEE 66(1), 1978. A constant offset, which
 * cheap sound cards add, is taken away first, so that it is not in any bin.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/pipeline/spectrum.h>

#include <ja/core/math.h>

#include <aubio/aubio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ja_spectrum_maker {
    struct ja_spectrum spectrum;
    float *window;  /* scaled so that a full-scale sine gives magnitude 1 */
    float *history; /* the last `size` samples */
    fvec_t *windowed;
    fvec_t *packed; /* re 0…N/2, then im N/2-1…1 */
    float *magnitude, *power;
    aubio_fft_t *fft;
};

static double window_value(enum ja_window window, double phase) {
    switch (window) {
    case JA_WINDOW_HAMMING:
        return 0.54 - 0.46 * cos(phase);
    case JA_WINDOW_BLACKMAN:
        return 0.42 - 0.5 * cos(phase) + 0.08 * cos(2 * phase);
    case JA_WINDOW_HANN:
        break;
    }
    return 0.5 - 0.5 * cos(phase);
}

/* Returns its equivalent noise bandwidth in bins. */
static double fill_window(float *values, enum ja_window window, unsigned size) {
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < size; i++) {
        double value = window_value(window, 2 * JA_PI * i / size);
        sum += value;
        squares += value * value;
    }
    for (unsigned i = 0; i < size; i++)
        values[i] = (float)(window_value(window, 2 * JA_PI * i / size) * 2 / sum);
    return size * squares / (sum * sum);
}

struct ja_spectrum_maker *ja_spectrum_new(enum ja_window window, unsigned size, unsigned rate,
                                          struct ja_error *error) {
    unsigned bins = size / 2 + 1;
    struct ja_spectrum_maker *maker = calloc(1, sizeof *maker);
    if (!maker)
        goto no_memory;
    maker->window = calloc(size, sizeof *maker->window);
    maker->history = calloc(size, sizeof *maker->history);
    maker->magnitude = calloc(bins, sizeof *maker->magnitude);
    maker->power = calloc(bins, sizeof *maker->power);
    maker->windowed = new_fvec(size);
    maker->packed = new_fvec(size);
    maker->fft = new_aubio_fft(size);
    if (!maker->window || !maker->history || !maker->magnitude || !maker->power ||
        !maker->windowed || !maker->packed || !maker->fft)
        goto no_memory;
    maker->spectrum = (struct ja_spectrum){size,
                                           bins,
                                           (double)rate / size,
                                           maker->magnitude,
                                           maker->power,
                                           fill_window(maker->window, window, size)};
    return maker;

no_memory:
    ja_spectrum_free(maker);
    ja_fail(error, JA_FAILED, "no memory for a spectrum of %u samples", size);
    return NULL;
}

void ja_spectrum_free(struct ja_spectrum_maker *maker) {
    if (!maker)
        return;
    if (maker->fft)
        del_aubio_fft(maker->fft);
    if (maker->packed)
        del_fvec(maker->packed);
    if (maker->windowed)
        del_fvec(maker->windowed);
    free(maker->power);
    free(maker->magnitude);
    free(maker->history);
    free(maker->window);
    free(maker);
}

static void take_in(struct ja_spectrum_maker *maker, const float *samples, unsigned count) {
    unsigned size = maker->spectrum.window;
    if (count >= size) {
        memcpy(maker->history, samples + count - size, size * sizeof *samples);
        return;
    }
    memmove(maker->history, maker->history + count, (size - count) * sizeof *samples);
    memcpy(maker->history + size - count, samples, count * sizeof *samples);
}

static double mean(const struct ja_spectrum_maker *maker) {
    double sum = 0;
    for (unsigned i = 0; i < maker->spectrum.window; i++)
        sum += maker->history[i];
    return sum / maker->spectrum.window;
}

const struct ja_spectrum *ja_spectrum_make(struct ja_spectrum_maker *maker, const float *samples,
                                           unsigned count) {
    unsigned size = maker->spectrum.window;
    take_in(maker, samples, count);
    float offset = (float)mean(maker);
    for (unsigned i = 0; i < size; i++)
        maker->windowed->data[i] = (maker->history[i] - offset) * maker->window[i];
    aubio_fft_do_complex(maker->fft, maker->windowed, maker->packed);
    const float *packed = maker->packed->data;
    for (unsigned i = 0; i < maker->spectrum.bins; i++) {
        float re = packed[i];
        float im = i > 0 && i < size / 2 ? packed[size - i] : 0;
        maker->power[i] = re * re + im * im;
        maker->magnitude[i] = sqrtf(maker->power[i]);
    }
    return &maker->spectrum;
}

void ja_spectrum_reset(struct ja_spectrum_maker *maker) {
    memset(maker->history, 0, maker->spectrum.window * sizeof *maker->history);
}

double ja_spectrum_power(const struct ja_spectrum *spectrum, double from_hz, double to_hz) {
    /* In bins from the first one's lower edge. */
    double from = from_hz / spectrum->bin_hz + 0.5, to = to_hz / spectrum->bin_hz + 0.5;
    unsigned first = (unsigned)from, last = (unsigned)to;
    double sum = (to - last) * spectrum->power[last] - (from - first) * spectrum->power[first];
    for (unsigned k = first; k < last; k++)
        sum += spectrum->power[k];
    return fmax(0, sum) / spectrum->sine_power;
}
