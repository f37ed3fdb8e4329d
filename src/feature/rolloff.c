/* Spectral rolloff: up to which frequency the sound reaches.
 *
 * The lowest bin at and below which a share of the power of all bins lies: G. Peeters, "A large set
 * of audio features for sound description", IRCAM, 2004, 6.1.7 (who takes 0.95; 0.85 is as usual).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "least.h"

#include <ja/feature/stages.h>

struct settings {
    double share;
};

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, share, "share", "0.85", 0.01, 0.99, NULL, JA_LIVE,
                    "Share of the energy that lies below the rolloff."),
};

static const struct ja_module module = {
    .name = "rolloff",
    .help = "Frequency up to which the spectrum reaches.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    {"spectral_rolloff", "Hz", JA_OUTPUT_NUMBER, 1, 0, 24000,
     "Frequency below which the share rolloff.share of the energy lies; no value in silence."},
};

static void rolloff_process(struct ja_stage *stage, const struct ja_span *hop,
                            const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    double total = 0, sum = 0;
    unsigned k = 0;

    (void)hop;
    for (unsigned b = 0; b < spectrum->bins; b++)
        total += spectrum->power[b];
    if (total < JA_LEAST_POWER)
        return;
    while (k < spectrum->bins - 1 && (sum += spectrum->power[k]) < settings->share * total)
        k++;
    out[0] = (float)(k * spectrum->bin_hz);
}

const struct ja_stage_class ja_rolloff_stage = {
    .module = &module,
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .needs_spectrum = true,
    .level = JA_LEVEL_MEDIUM,
    .process = rolloff_process,
};
