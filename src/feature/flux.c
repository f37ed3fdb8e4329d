/* Spectral flux: how much of the sound is new.
 *
 *     flux = sum max(0, m - m') / sum m    over all bins, m now and m' one hop before
 *
 * The half-wave rectified difference of magnitudes as in S. Dixon, "Onset Detection Revisited",
 * DAFx 2006, equation 2.7, against the magnitudes themselves, so that it does not depend on the
 * level: 0 when nothing grows, 1 when all of it was not there a hop ago.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "least.h"

#include <ja/feature/stages.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct flux {
    unsigned bins;
    float *before;
};

static const struct ja_module module = {
    .name = "flux",
    .help = "Growth of the spectrum.",
};

static const struct ja_output outputs[] = {
    {"spectral_flux", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
     "Share of the spectrum's magnitudes that was not there one hop before; 0 in silence."},
};

static enum ja_status flux_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                struct ja_error *error) {
    struct flux *flux = stage->state;

    flux->bins = setup->window / 2 + 1;
    flux->before = calloc(flux->bins, sizeof *flux->before);
    if (!flux->before)
        return ja_fail(error, JA_FAILED, "no memory for flux");
    return JA_OK;
}

static void flux_process(struct ja_stage *stage, const struct ja_span *hop,
                         const struct ja_spectrum *spectrum, float *out) {
    struct flux *flux = stage->state;
    double sum = 0, growth = 0;

    (void)hop;
    for (unsigned k = 0; k < spectrum->bins; k++) {
        float now = spectrum->magnitude[k], difference = now - flux->before[k];

        sum += now;
        growth += difference + fabsf(difference); /* twice what is above 0, without a branch */
        flux->before[k] = now;
    }
    out[0] = sum >= JA_LEAST_MAGNITUDE ? (float)(growth / 2 / sum) : 0;
}

static void flux_reset(struct ja_stage *stage) {
    struct flux *flux = stage->state;

    memset(flux->before, 0, flux->bins * sizeof *flux->before);
}

static void flux_close(struct ja_stage *stage) {
    struct flux *flux = stage->state;

    free(flux->before);
}

const struct ja_stage_class ja_flux_stage = {
    .module = &module,
    .state_size = sizeof(struct flux),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .needs_spectrum = true,
    .level = JA_LEVEL_MEDIUM,
    .open = flux_open,
    .process = flux_process,
    .reset = flux_reset,
    .close = flux_close,
};
