/* How loud it is: root mean square and peak of each hop.
 *
 * The rms is taken over the power of all channels, not of their sum, so that sound out of phase
 * between left and right counts; the peak is the largest sample of any channel.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/feature/stages.h>
#include <math.h>

struct settings {
    double smoothing_ms;
};

struct level {
    double hop_s;
    float rms, peak; /* as last shown */
};

enum { OUT_RMS, OUT_PEAK };

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, smoothing_ms, "smoothing_ms", "0", 0, 5000, "ms", JA_LIVE,
                    "Time constant with which rms and peak fall back after a rise; 0 shows every "
                    "hop as it is."),
};

static const struct ja_module module = {
    .name = "level",
    .help = "Loudness of the input as root mean square and peak.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    [OUT_RMS] = {"rms", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                 "Root mean square of the hop over all channels; a full-scale square wave is 1."},
    [OUT_PEAK] = {"peak", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                  "Largest absolute sample of the hop in any channel; 1 is full scale or beyond."},
};

static enum ja_status level_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    struct level *level = stage->state;

    (void)error;
    level->hop_s = (double)setup->hop / setup->rate;
    return JA_OK;
}

/* Rises at once, falls with the time constant. */
static float follow(float shown, double now, double keep) {
    return (float)fmin(1, fmax(now, shown * keep));
}

static void level_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct level *level = stage->state;
    double keep =
        settings->smoothing_ms > 0 ? exp(-level->hop_s * 1e3 / settings->smoothing_ms) : 0;
    double power = 0, peak = 0;

    (void)spectrum;
    for (unsigned c = 0; c < hop->channel_count; c++) {
        const float *samples = hop->channels[c];

        for (unsigned i = 0; i < hop->size; i++) {
            power += (double)samples[i] * samples[i];
            peak = fmax(peak, fabs(samples[i]));
        }
    }
    level->rms = follow(level->rms, sqrt(power / hop->channel_count / hop->size), keep);
    level->peak = follow(level->peak, peak, keep);
    out[OUT_RMS] = level->rms;
    out[OUT_PEAK] = level->peak;
}

static void level_reset(struct ja_stage *stage) {
    struct level *level = stage->state;

    level->rms = level->peak = 0;
}

const struct ja_stage_class ja_level_stage = {
    .module = &module,
    .state_size = sizeof(struct level),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .open = level_open,
    .process = level_process,
    .reset = level_reset,
};
