/* A bank of triangular filters on the mel scale: how much a spectrum has in bands as wide as the
 * ear's.
 *
 * Mel scale: D. O'Shaughnessy, Speech Communication, 1987: m = 2595 log10(1 + f / 700). Each
 * triangle has its peak, 1, in the middle and ends at its neighbours' middles; the middles are
 * equally far apart in mel, the outermost triangles end at low_hz and high_hz.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_BEAT_MEL_FILTERS_H
#define JA_BEAT_MEL_FILTERS_H

struct ja_mel_filters;

/* For spectra of `window` samples at `rate` Hz. NULL without memory. */
struct ja_mel_filters *ja_mel_filters_new(unsigned count, double low_hz, double high_hz,
                                          unsigned window, unsigned rate);
void ja_mel_filters_free(struct ja_mel_filters *filters); /* NULL is fine */
/* `power`: window / 2 + 1 bins; `bands`: count sums. */
void ja_mel_filters_apply(const struct ja_mel_filters *filters, const float *power, float *bands);

#endif
