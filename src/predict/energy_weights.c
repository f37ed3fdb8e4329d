/* What says how likely a drop, breakdown or build-up is at a beat ahead. Written by
 * src/train/announcements.py.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "energy_weights.h"

// clang-format off
const float ja_predict_energy_weights[3][19] = {
    {0.74401f, -2.1718f, -1.1215f, 2.0272f, 1.312f, 0.06122f, 0.54574f, 0.47218f, 0.28062f, 0.32129f, 0.28384f, -0.77579f, -0.63313f, 0.071859f, 1.0916f, 1.2326f, 1.5755f, 1.4962f, 1.2499f},
    {0.82731f, -1.6642f, -1.4149f, 1.0997f, 2.0258f, 1.8855f, 0.017454f, 0.34836f, 0.082317f, -0.13164f, 0.25277f, 1.0905f, 0.23965f, 0.88027f, -0.046659f, -0.45805f, -0.94161f, -0.5966f, -1.7961f},
    {0.7066f, -2.2636f, -0.69768f, 1.4754f, 1.1434f, 0.1002f, 0.34944f, 0.29753f, 0.34643f, 0.2173f, 0.50569f, 0.34751f, 0.71629f, 0.87788f, -0.059313f, -0.86649f, -1.417f, -0.63371f, 0.99255f},
};
