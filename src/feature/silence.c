/* Whether anything is playing at all.
 *
 * The level is compared with a threshold after a gentle high-pass, so that a sound card's constant
 * offset is no sound. Silence begins when the level has stayed below the threshold for the hold
 * time and ends in the first hop that is clearly above it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <stdlib.h>

static const double corner_hz = 10;    /* of the high-pass */
static const double hysteresis_db = 3; /* between ending and beginning */

struct settings {
    double threshold_db, hold_ms;
};

struct silence {
    unsigned channels;
    double *offset; /* of each channel: what the high-pass takes away */
    double follow;  /* of the offset per sample */
    bool started, silent;
    double quiet_since; /* s of audio */
};

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, threshold_db, "threshold_db", "-70", -120, 0, "dB", JA_LIVE,
                    "Level below which the input counts as silent, as root mean square against "
                    "full scale."),
    JA_OPTION_FLOAT(struct settings, hold_ms, "hold_ms", "1200", 0, 60000, "ms", JA_LIVE,
                    "How long the level must stay below the threshold until silence is declared; "
                    "longer than the pauses between slow beats."),
};

static const struct ja_module module = {
    .name = "silence",
    .help = "Detection of silence, with hysteresis.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    {"silence", NULL, JA_OUTPUT_BOOL, 1, 0, 1, "Whether the input is silent."},
};

static void silence_reset(struct ja_stage *stage) {
    struct silence *silence = stage->state;

    for (unsigned c = 0; c < silence->channels; c++)
        silence->offset[c] = 0;
    silence->started = false;
}

static enum ja_status silence_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                   struct ja_error *error) {
    struct silence *silence = stage->state;

    silence->channels = setup->channels;
    silence->follow = 1 - exp(-2 * JA_PI * corner_hz / setup->rate);
    silence->offset = calloc(setup->channels, sizeof *silence->offset);
    if (!silence->offset)
        return ja_fail(error, JA_FAILED, "silence: no memory");
    return JA_OK;
}

static void silence_close(struct ja_stage *stage) {
    struct silence *silence = stage->state;

    free(silence->offset);
}

/* Mean power of the high-passed hop over all channels. */
static double power(struct silence *silence, const struct ja_span *hop) {
    double sum = 0;

    for (unsigned c = 0; c < hop->channel_count; c++) {
        double offset = silence->started ? silence->offset[c] : (double)hop->channels[c][0];

        for (unsigned i = 0; i < hop->size; i++) {
            double sample = hop->channels[c][i] - offset;

            offset += silence->follow * sample;
            sum += sample * sample;
        }
        silence->offset[c] = offset;
    }
    return sum / hop->channel_count / hop->size;
}

static void silence_process(struct ja_stage *stage, const struct ja_span *hop,
                            const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct silence *silence = stage->state;
    double level_db = 10 * log10(power(silence, hop) + 1e-30);

    (void)spectrum;
    if (!silence->started) {
        silence->silent = level_db < settings->threshold_db;
        silence->quiet_since = hop->time;
        silence->started = true;
    }
    if (level_db >= settings->threshold_db + (silence->silent ? hysteresis_db : 0)) {
        silence->silent = false;
        silence->quiet_since = hop->end;
    } else if (hop->end - silence->quiet_since >= settings->hold_ms / 1e3) {
        silence->silent = true;
    }
    out[0] = silence->silent;
}

const struct ja_stage_class ja_silence_stage = {
    .module = &module,
    .state_size = sizeof(struct silence),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .open = silence_open,
    .process = silence_process,
    .reset = silence_reset,
    .close = silence_close,
};
