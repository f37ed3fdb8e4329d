/* The weights with which drops, breakdowns and build-ups are foretold.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PREDICT_ENERGY_WEIGHTS_H
#define JA_PREDICT_ENERGY_WEIGHTS_H

enum { JA_PREDICT_ENERGY_KINDS = 3, JA_PREDICT_ENERGY_CLUES = 19 };

extern const float ja_predict_energy_weights[JA_PREDICT_ENERGY_KINDS][JA_PREDICT_ENERGY_CLUES];

#endif
