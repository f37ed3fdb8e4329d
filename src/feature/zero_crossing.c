/* Zero crossing rate: how often the wave changes its sign; high for hiss, low for bass.
 *
 * Samples that are exactly zero have the sign of the one before.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/feature/stages.h>

struct zero_crossing {
    bool started, negative; /* sign of the last sample that was not zero */
};

static const struct ja_module module = {
    .name = "zero_crossing",
    .help = "Rate of zero crossings.",
};

static const struct ja_output outputs[] = {
    {"zero_crossing_rate", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
     "Zero crossings per sample of the hop; a sine has twice its frequency over the sample rate."},
};

static void zero_crossing_process(struct ja_stage *stage, const struct ja_span *hop,
                                  const struct ja_spectrum *spectrum, float *out) {
    struct zero_crossing *state = stage->state;
    unsigned crossings = 0;

    (void)spectrum;
    for (unsigned i = 0; i < hop->size; i++) {
        bool negative = hop->mono[i] < 0;

        if (hop->mono[i] == 0)
            continue;
        crossings += state->started && negative != state->negative;
        state->started = true;
        state->negative = negative;
    }
    out[0] = (float)crossings / (float)hop->size;
}

static void zero_crossing_reset(struct ja_stage *stage) {
    struct zero_crossing *state = stage->state;

    state->started = false;
}

const struct ja_stage_class ja_zero_crossing_stage = {
    .module = &module,
    .state_size = sizeof(struct zero_crossing),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .level = JA_LEVEL_MEDIUM,
    .process = zero_crossing_process,
    .reset = zero_crossing_reset,
};
