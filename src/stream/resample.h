/* Brings sound of any rate to the analysis rate.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_STREAM_RESAMPLE_H
#define JA_STREAM_RESAMPLE_H

#include <ja/core/status.h>
#include <stdbool.h>
#include <stddef.h>

struct ja_resampler;

/* 44100 or 48000: the rate that sound of `rate` is analysed at. */
unsigned ja_resample_target(unsigned rate);

/* From `from` to `to` Hz. The result does not depend on how the input is cut. */
struct ja_resampler *ja_resampler_new(unsigned from, unsigned to, unsigned channels,
                                      struct ja_error *error);
void ja_resampler_free(struct ja_resampler *resampler); /* NULL is fine */

typedef void ja_resampler_function(void *data, const float *const *channels, size_t count);

/* Takes in `count` frames and hands on what has come out. */
void ja_resampler_feed(struct ja_resampler *resampler, const float *const *channels, size_t count,
                       ja_resampler_function *function, void *data);
/* Hands on the rest: the end of the sound. */
void ja_resampler_finish(struct ja_resampler *resampler, ja_resampler_function *function,
                         void *data);
void ja_resampler_reset(struct ja_resampler *resampler);
/* Input frames that are missing until the next have come out. */
unsigned ja_resampler_missing(const struct ja_resampler *resampler);
/* Most seconds by which the output is behind the input. */
double ja_resampler_lag(const struct ja_resampler *resampler);

#endif
