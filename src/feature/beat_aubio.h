/* aubio's beat tracker, fed with blocks of any size and corrected for what it does systematically
 * wrong.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_BEAT_AUBIO_H
#define JA_FEATURE_BEAT_AUBIO_H

#include "aubio.h"

#include <stdbool.h>

struct ja_beat_aubio {
    unsigned rate, hop; /* aubio's own hop, frames */
    aubio_tempo_t *tempo;
    fvec_t *input, *output;
    unsigned gathered;  /* frames of the next hop */
    unsigned long hops; /* done */
    unsigned beats;     /* since aubio last looked at the whole picture */
    uint_t last;        /* aubio's last beat, frames */
};

/* What aubio says about a beat. */
struct ja_beat_sighting {
    double time;    /* s since the first sample fed */
    double period;  /* s */
    double clarity; /* aubio's confidence: not bounded, larger is better */
};

bool ja_beat_aubio_init(struct ja_beat_aubio *aubio, unsigned rate);
void ja_beat_aubio_done(struct ja_beat_aubio *aubio);
/* Takes `count` samples, at most a hop; true when a beat was sighted. */
bool ja_beat_aubio_feed(struct ja_beat_aubio *aubio, const float *mono, unsigned count,
                        struct ja_beat_sighting *sighting);

#endif
