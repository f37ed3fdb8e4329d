/* What tells the first beat of a bar from its others: each beat's sound against its neighbours'.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_BEAT_ACCENT_H
#define JA_BEAT_ACCENT_H

#include "bar.h"
#include "mel.h"

enum {
    JA_ACCENT_FRAMES = 256, /* that are remembered: more than two of the longest beats */
    JA_ACCENT_GROUPS = 4,   /* of bands: kick, low-mid, mid, hat */
    JA_ACCENT_CLUES = 1 + 2 * JA_ACCENT_GROUPS,
};

struct ja_accent {
    float logs[JA_ACCENT_FRAMES][JA_MEL_BANDS]; /* a ring */
    long frames;                                /* heard so far */
    double sound[JA_MEL_BANDS];                 /* from the last beat to this one, mean */
    double mean[JA_ACCENT_CLUES];               /* of the last beats */
    unsigned beats;                             /* weighed so far */
};

void ja_accent_reset(struct ja_accent *accent);
/* One frame of JA_MEL_BANDS logarithmic powers, ja_network_logs(). */
void ja_accent_hear(struct ja_accent *accent, const float *logs);
/* The beat at `frame`, counted from the reset, has been heard, up to now: how well it fits each
 * role, natural logarithm of the likelihood against that of any beat. `downbeat` is what the
 * network says of it, 0…1. */
void ja_accent_weigh(struct ja_accent *accent, double frame, double downbeat,
                     double evidence[JA_BAR_ROLES]);

#endif
