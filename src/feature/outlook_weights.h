/* The weights of the network that says what is to come.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_OUTLOOK_WEIGHTS_H
#define JA_FEATURE_OUTLOOK_WEIGHTS_H

#include "evidence.h"

enum {
    JA_OUTLOOK_CLUES = JA_CLUES_LEVEL, /* the first */
    JA_OUTLOOK_HIDDEN = 48,
    JA_OUTLOOK_SECTIONS = 6, /* intro, groove, buildup, drop, breakdown, outro: one of them */
    JA_OUTLOOK_FORETOLD = 3, /* drop, breakdown, buildup: … */
    JA_OUTLOOK_SPANS = 16,   /* … within 1-8, 10, 12, 14, 16, 20, 24, 28, 32 beats, or later */
    JA_OUTLOOK_LEAVES = JA_OUTLOOK_SECTIONS + JA_OUTLOOK_FORETOLD * (JA_OUTLOOK_SPANS + 1),
};

/* Gates: reset, update, new. */
extern const float ja_outlook_hear_weights[3 * JA_OUTLOOK_HIDDEN][JA_OUTLOOK_CLUES];
extern const float ja_outlook_hear_bias[3 * JA_OUTLOOK_HIDDEN];
extern const float ja_outlook_know_weights[3 * JA_OUTLOOK_HIDDEN][JA_OUTLOOK_HIDDEN];
extern const float ja_outlook_know_bias[3 * JA_OUTLOOK_HIDDEN];
extern const float ja_outlook_leave_weights[JA_OUTLOOK_LEAVES][JA_OUTLOOK_HIDDEN];
extern const float ja_outlook_leave_bias[JA_OUTLOOK_LEAVES];

#endif
