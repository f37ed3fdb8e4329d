/* Spectral flatness, or Wiener entropy: whether the sound is a tone or noise.
 *
 *     flatness = geometric mean / arithmetic mean    of the powers of all bins but the first
 *
 * A. H. Gray, J. D. Markel, "A spectral-flatness measure for studying the autocorrelation method of
 * linear prediction of speech analysis", IEEE Trans. ASSP 22(3), 1974. The bins of white noise
 * waver so much in a single spectrum that theirs is not 1 but about exp(-0.577) = 0.56.
 *
 * The logarithm is taken of the product of every few bins, not of every bin.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "least.h"

#include <ja/feature/stages.h>
#include <math.h>

enum { FACTORS = 8 };

static const double least = 1e-20; /* of a bin: eight of them stay above the smallest double */

static const struct ja_module module = {
    .name = "flatness",
    .help = "Flatness of the spectrum.",
};

static const struct ja_output outputs[] = {
    {"spectral_flatness", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
     "Wiener entropy: 0 for a tone, about 0.56 for white noise; no value in silence."},
};

static void flatness_process(struct ja_stage *stage, const struct ja_span *hop,
                             const struct ja_spectrum *spectrum, float *out) {
    unsigned count = spectrum->bins - 1; /* a multiple of FACTORS */
    const float *power = spectrum->power + 1;
    double sum = 0, logarithms = 0;

    (void)stage, (void)hop;
    for (unsigned k = 0; k < count; k += FACTORS) {
        double product = 1;

        for (unsigned i = k; i < k + FACTORS; i++) {
            product *= power[i] + least;
            sum += power[i];
        }
        logarithms += log(product);
    }
    if (sum >= JA_LEAST_POWER)
        out[0] = (float)fmin(1, exp(logarithms / count) / (sum / count));
}

const struct ja_stage_class ja_flatness_stage = {
    .module = &module,
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .needs_spectrum = true,
    .level = JA_LEVEL_MEDIUM,
    .process = flatness_process,
};
