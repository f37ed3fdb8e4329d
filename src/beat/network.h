/* The learned ear for beats: a small causal network that says, a hundred times a second, how likely
 * a beat and a downbeat were just now.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_BEAT_NETWORK_H
#define JA_BEAT_NETWORK_H

#include "mel.h"

/* The activation peaks this many frames after the frame that ends at the beat. */
enum { JA_NETWORK_DELAY = 8 };

struct ja_network;

struct ja_network_out {
    double beat;     /* 0…1 */
    double downbeat; /* 0…1 */
};

struct ja_network *ja_network_new(struct ja_error *error);
void ja_network_free(struct ja_network *network); /* NULL is fine */
void ja_network_reset(struct ja_network *network);
/* One frame of JA_MEL_BANDS powers. */
struct ja_network_out ja_network_step(struct ja_network *network, const float *bands);
/* That frame's powers as the network hears them: 0.15 ln(1 + 1e5 power / level). */
const float *ja_network_logs(const struct ja_network *network);

#endif
