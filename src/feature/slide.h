/* The spectrum of a window that slides along the sound, as aubio's phase vocoder makes it, but
 * without the phases where nobody asks for them: they cost more than the rest.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_SLIDE_H
#define JA_FEATURE_SLIDE_H

#include "aubio.h"

#include <stdbool.h>

struct ja_slide {
    fvec_t *past;   /* the last `window` samples */
    fvec_t *shape;  /* the window function */
    fvec_t *shaped; /* past × shape */
    fvec_t *packed; /* its transform */
    aubio_fft_t *fft;
    bool phases;
};

bool ja_slide_init(struct ja_slide *slide, unsigned window, bool phases);
void ja_slide_done(struct ja_slide *slide); /* of a zeroed one is fine */
/* Takes in `input`, at most a window long, and leaves magnitudes (and phases) in `spectrum`. */
void ja_slide_do(struct ja_slide *slide, const fvec_t *input, cvec_t *spectrum);

#endif
