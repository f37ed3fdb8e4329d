/* How much there is in each of a few frequency bands, for lights and meters.
 *
 * The edges are equally far apart in octaves.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/feature/stages.h>
#include <ja/pipeline/spectrum.h>
#include <math.h>

enum { MOST_BANDS = 16 };

struct settings {
    int count;
    double min_hz, max_hz;
};

struct bands {
    double edges_hz[MOST_BANDS + 1];
};

static const struct ja_option options[] = {
    JA_OPTION_INT(struct settings, count, "count", "8", 1, MOST_BANDS, NULL, JA_REOPEN,
                  "How many bands there are."),
    JA_OPTION_FLOAT(struct settings, min_hz, "min_hz", "40", 10, 5000, "Hz", JA_REOPEN,
                    "Lower edge of the lowest band."),
    JA_OPTION_FLOAT(struct settings, max_hz, "max_hz", "16000", 100, 22000, "Hz", JA_REOPEN,
                    "Upper edge of the highest band; those between are equally far apart in "
                    "octaves."),
};

static const struct ja_module module = {
    .name = "bands",
    .help = "Energy in frequency bands.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    {"bands", NULL, JA_OUTPUT_NUMBER, MOST_BANDS, 0, 1,
     "Level of each of bands.count bands, the lowest first: the amplitude of a sine with the same "
     "energy; 1 is full scale."},
};

static enum ja_status bands_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    const struct settings *settings = stage->settings;
    struct bands *bands = stage->state;

    (void)setup;
    if (settings->min_hz >= settings->max_hz)
        return ja_fail(error, JA_USAGE, "bands.min_hz = %g: must be below bands.max_hz = %g",
                       settings->min_hz, settings->max_hz);
    for (int b = 0; b <= settings->count; b++)
        bands->edges_hz[b] = settings->min_hz *
                             pow(settings->max_hz / settings->min_hz, (double)b / settings->count);
    return JA_OK;
}

static void bands_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    const struct bands *bands = stage->state;

    (void)hop;
    for (int b = 0; b < settings->count; b++)
        out[b] = (float)sqrt(
            fmin(1, ja_spectrum_power(spectrum, bands->edges_hz[b], bands->edges_hz[b + 1])));
}

const struct ja_stage_class ja_bands_stage = {
    .module = &module,
    .state_size = sizeof(struct bands),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .needs_spectrum = true,
    .open = bands_open,
    .process = bands_process,
};
