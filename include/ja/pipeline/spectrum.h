/* A short-time spectrum: a window over the last samples and its FFT. The pipeline makes one that
 * all stages share; a stage that must resolve finer keeps one of its own.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PIPELINE_SPECTRUM_H
#define JA_PIPELINE_SPECTRUM_H

#include <ja/core/status.h>
#include <ja/pipeline/stage.h>

enum ja_window { JA_WINDOW_HANN, JA_WINDOW_HAMMING, JA_WINDOW_BLACKMAN };

struct ja_spectrum_maker;

/* `size` samples, a power of two. */
struct ja_spectrum_maker *ja_spectrum_new(enum ja_window window, unsigned size, unsigned rate,
                                          struct ja_error *error);
void ja_spectrum_free(struct ja_spectrum_maker *maker); /* NULL is fine */
/* Takes in the next `count` samples and returns the spectrum of the last `size`. */
const struct ja_spectrum *ja_spectrum_make(struct ja_spectrum_maker *maker, const float *samples,
                                           unsigned count);
void ja_spectrum_reset(struct ja_spectrum_maker *maker);

/* Power between two frequencies, below half the sample rate; a full-scale sine between them
 * gives 1. A bin that an edge cuts counts in part, so that bands may be narrower than a bin. */
double ja_spectrum_power(const struct ja_spectrum *spectrum, double from_hz, double to_hz);

#endif
