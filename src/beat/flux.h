/* Where beats might be, without any learning: how much each of four bands rises.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_BEAT_FLUX_H
#define JA_BEAT_FLUX_H

#include "mel.h"

enum { JA_FLUX_BANDS = 4, JA_FLUX_LAG = 2 };

struct ja_flux {
    struct ja_mel_level level;
    float past[JA_FLUX_LAG][JA_MEL_BANDS]; /* log powers of the last frames */
    unsigned at;
    double peak[JA_FLUX_BANDS];
};

void ja_flux_reset(struct ja_flux *flux);
/* The beat activation 0…1 of the frame with these band powers; its peak lies one frame after the
 * beat. */
double ja_flux_step(struct ja_flux *flux, const float *bands);

#endif
