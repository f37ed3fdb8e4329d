/* Spectral centroid: where the middle of the sound lies, how bright it is.
 *
 *     centroid = sum f m / sum m    over all bins of frequency f and magnitude m
 *
 * G. Peeters, "A large set of audio features for sound description", IRCAM, 2004, 6.1.1.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "least.h"

#include <ja/feature/stages.h>

static const struct ja_module module = {
    .name = "centroid",
    .help = "Centre of the spectrum.",
};

static const struct ja_output outputs[] = {
    {"spectral_centroid", "Hz", JA_OUTPUT_NUMBER, 1, 0, 24000,
     "Mean frequency of the spectrum, weighted with its magnitudes; no value in silence."},
};

static void centroid_process(struct ja_stage *stage, const struct ja_span *hop,
                             const struct ja_spectrum *spectrum, float *out) {
    double sum = 0, moment = 0;

    (void)stage, (void)hop;
    for (unsigned k = 0; k < spectrum->bins; k++) {
        sum += spectrum->magnitude[k];
        moment += (double)k * spectrum->magnitude[k];
    }
    if (sum >= JA_LEAST_MAGNITUDE)
        out[0] = (float)(moment / sum * spectrum->bin_hz);
}

const struct ja_stage_class ja_centroid_stage = {
    .module = &module,
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .needs_spectrum = true,
    .level = JA_LEVEL_MEDIUM,
    .process = centroid_process,
};
