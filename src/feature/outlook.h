/* What is to come, by the sound alone: a small recurrent network that hears one beat after the
 * other (src/train/outlook.py).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_OUTLOOK_H
#define JA_FEATURE_OUTLOOK_H

#include "outlook_weights.h"

struct ja_outlook {
    float state[JA_OUTLOOK_HIDDEN];
    /* How much it sounds like intro, groove, build-up, drop, breakdown, outro; sum 1. */
    float sections[JA_OUTLOOK_SECTIONS];
    /* How likely a drop, breakdown or build-up comes within so many beats of the one that begins:
     * JA_OUTLOOK_SPANS says how many. All NAN until a beat has been heard. */
    float within[JA_OUTLOOK_FORETOLD][JA_OUTLOOK_SPANS];
};

void ja_outlook_reset(struct ja_outlook *outlook);
/* A beat that is over: the clues of its sixteenths against what was before, each scaled and passed
 * through tanh. */
void ja_outlook_hear(struct ja_outlook *outlook, const float clues[JA_OUTLOOK_CLUES]);

#endif
