/* The weights of the network that weighs the evidence for transitions.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_TRANSITION_WEIGHTS_H
#define JA_FEATURE_TRANSITION_WEIGHTS_H

#include "evidence.h"

enum {
    JA_CHANGE_HIDDEN = 96,
    JA_CHANGE_LEAVES = 5, /* log odds of drop, breakdown, buildup, rise, fall */
};

/* The input is tanh(clue × unit). */
extern const float ja_transition_unit[JA_CLUES];
extern const float ja_transition_change_enter[JA_CHANGE_HIDDEN][JA_CLUES];
extern const float ja_transition_change_enter_bias[JA_CHANGE_HIDDEN];
extern const float ja_transition_change_leave[JA_CHANGE_LEAVES][JA_CHANGE_HIDDEN];
extern const float ja_transition_change_leave_bias[JA_CHANGE_LEAVES];

#endif
