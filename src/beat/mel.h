/* The front end of the beat engine: a hundred times a second, how loud each of 40 mel bands is
 * against the recent past.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_BEAT_MEL_H
#define JA_BEAT_MEL_H

#include <ja/core/status.h>
#include <stdbool.h>

enum { JA_MEL_BANDS = 40, JA_MEL_FRAMES_PER_SECOND = 100 };

struct ja_mel;

/* For sound of `rate` Hz, 44100 or 48000. */
struct ja_mel *ja_mel_new(unsigned rate, struct ja_error *error);
void ja_mel_free(struct ja_mel *mel); /* NULL is fine */
void ja_mel_reset(struct ja_mel *mel);

/* Takes in up to `count` samples, as far as the next frame's end; returns how many. `*bands` is the
 * frame's JA_MEL_BANDS powers when it is complete, else NULL. A full-scale sine has power 1 in the
 * bands around it. */
unsigned ja_mel_feed(struct ja_mel *mel, const float *samples, unsigned count, const float **bands);

/* Follows the level: 4 s of memory, cumulative at first. */
struct ja_mel_level {
    double mean;
    unsigned frames;
};
/* The level after this frame; never below 1e-9. */
double ja_mel_level_follow(struct ja_mel_level *level, const float *bands);

#endif
