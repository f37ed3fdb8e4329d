/* The weights of the network that weighs the evidence for transitions.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_TRANSITION_WEIGHTS_H
#define JA_FEATURE_TRANSITION_WEIGHTS_H

#include "evidence.h"

enum {
    JA_CHANGE_HIDDEN = 96,
    JA_CHANGE_LEAVES = 5, /* log odds of drop, breakdown, buildup, rise, fall */

    JA_OUTLOOK_HIDDEN = 24,
    JA_OUTLOOK_CLUES = JA_CLUES_LEVEL, /* the first */
    JA_OUTLOOK_SECTIONS = 6, /* intro, groove, buildup, drop, breakdown, outro: one of them */
    JA_OUTLOOK_FORETOLD = 3, /* drop, breakdown, buildup: … */
    JA_OUTLOOK_SPANS = 5,    /* … within 4, 8, 16, 32 beats, or later */
    JA_OUTLOOK_LEAVES = JA_OUTLOOK_SECTIONS + JA_OUTLOOK_FORETOLD * JA_OUTLOOK_SPANS,
};

/* The input is tanh(clue × unit). */
extern const float ja_transition_unit[JA_CLUES];
extern const float ja_transition_change_enter[JA_CHANGE_HIDDEN][JA_CLUES];
extern const float ja_transition_change_enter_bias[JA_CHANGE_HIDDEN];
extern const float ja_transition_change_leave[JA_CHANGE_LEAVES][JA_CHANGE_HIDDEN];
extern const float ja_transition_change_leave_bias[JA_CHANGE_LEAVES];
extern const float ja_transition_outlook_enter[JA_OUTLOOK_HIDDEN][JA_OUTLOOK_CLUES];
extern const float ja_transition_outlook_enter_bias[JA_OUTLOOK_HIDDEN];
extern const float ja_transition_outlook_leave[JA_OUTLOOK_LEAVES][JA_OUTLOOK_HIDDEN];
extern const float ja_transition_outlook_leave_bias[JA_OUTLOOK_LEAVES];

#endif
