/* A sliding short-time Fourier transform. Its phases differ from aubio's by a constant for each
 * bin, which the differences that onset detection takes of them do not see.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "slide.h"

#include <string.h>

bool ja_slide_init(struct ja_slide *slide, unsigned window, bool phases) {
    slide->past = new_fvec(window);
    slide->shape = new_aubio_window("hanningz", window);
    slide->shaped = new_fvec(window);
    slide->packed = new_fvec(window);
    slide->fft = new_aubio_fft(window);
    slide->phases = phases;
    return slide->past && slide->shape && slide->shaped && slide->packed && slide->fft;
}

void ja_slide_done(struct ja_slide *slide) {
    if (slide->fft)
        del_aubio_fft(slide->fft);
    if (slide->packed)
        del_fvec(slide->packed);
    if (slide->shaped)
        del_fvec(slide->shaped);
    if (slide->shape)
        del_fvec(slide->shape);
    if (slide->past)
        del_fvec(slide->past);
    memset(slide, 0, sizeof *slide);
}

void ja_slide_do(struct ja_slide *slide, const fvec_t *input, cvec_t *spectrum) {
    fvec_t *past = slide->past;
    uint_t kept = past->length - input->length;

    memmove(past->data, past->data + input->length, kept * sizeof *past->data);
    memcpy(past->data + kept, input->data, input->length * sizeof *past->data);
    fvec_weighted_copy(past, slide->shape, slide->shaped);
    aubio_fft_do_complex(slide->fft, slide->shaped, slide->packed);
    aubio_fft_get_norm(slide->packed, spectrum);
    if (slide->phases)
        aubio_fft_get_phas(slide->packed, spectrum);
}
