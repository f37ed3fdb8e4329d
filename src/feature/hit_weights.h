/* The numbers of the drum hit detector's network; what they mean is told in hit.c.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_HIT_WEIGHTS_H
#define JA_FEATURE_HIT_WEIGHTS_H

enum {
    JA_HIT_DRUMS = 3, /* kick, snare, hat */
    JA_HIT_BANDS = 14,
    JA_HIT_LAGS = 9,
    JA_HIT_INPUTS = JA_HIT_LAGS * JA_HIT_BANDS, /* lag by lag */
    JA_HIT_HIDDEN = 32,
};

extern const float ja_hit_hidden[JA_HIT_HIDDEN][JA_HIT_INPUTS];
extern const float ja_hit_hidden_bias[JA_HIT_HIDDEN];
extern const float ja_hit_out[JA_HIT_DRUMS][JA_HIT_HIDDEN];
extern const float ja_hit_out_bias[JA_HIT_DRUMS];

#endif
