/* How energetic the music is, from 0 to 1 against the recent past: what a light desk dims with.
 *
 * The momentary loudness L, smoothed, is placed within the range in which it has lately moved:
 *
 *     energy = 1 - (high - L) / (high - low),  clamped to 0…1
 *
 * Both ends follow L, outwards with a tenth of the window as time constant, inwards with the
 * window: so they are expectiles of L over about that time (an end at which L is ten times
 * more often inside than outside). The range is never narrower than an option says, so that steady
 * music is steadily high, and never wider than 30 dB, so that a break of a second does not flatten
 * what follows. In the first seconds the memory is only as long as what has been heard.
 *
 * Silence has no energy, and the range waits for what comes after it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>

static const double first_high_lufs = -20; /* music louder than this begins at 1 */
static const double widest_db = 30;
static const double first_memory_s = 1;
static const double outwards = 0.1; /* time constant, as a share of the memory */

struct settings {
    double window_s, range_db, smoothing_ms;
};

struct energy {
    const float *loudness, *silence; /* NULL: no such stage */
    double hop_s;
    double heard_s;        /* of sound so far; 0: none */
    double now, low, high; /* LUFS; `now` is NAN in silence */
};

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, window_s, "window_s", "30", 2, 600, "s", JA_LIVE,
                    "How much of the past the energy is measured against."),
    JA_OPTION_FLOAT(struct settings, range_db, "range_db", "10", 3, 30, "dB", JA_LIVE,
                    "Least distance in loudness between energy 0 and 1; smaller shows finer "
                    "changes of steady music."),
    JA_OPTION_FLOAT(struct settings, smoothing_ms, "smoothing_ms", "200", 0, 10000, "ms", JA_LIVE,
                    "Time constant with which the energy follows the loudness of the last 0.4 s."),
};

static const struct ja_module module = {
    .name = "energy",
    .help = "Energy of the music against the recent past.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    {"energy", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
     "Where the loudness lies between the quietest and the loudest of the last half minute; 0 in "
     "silence."},
};

static void energy_reset(struct ja_stage *stage) {
    struct energy *energy = stage->state;

    energy->now = NAN;
    energy->heard_s = 0;
}

static enum ja_status energy_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                  struct ja_error *error) {
    struct energy *energy = stage->state;

    (void)error;
    energy->loudness = ja_stage_input(stage, "loudness_momentary");
    energy->silence = ja_stage_input(stage, "silence");
    energy->hop_s = (double)setup->hop / setup->rate;
    energy_reset(stage);
    return JA_OK;
}

/* One hop of an exponential approach. */
static double approach(const struct energy *energy, double from, double to, double constant_s) {
    return constant_s > 0 ? to + (from - to) * exp(-energy->hop_s / constant_s) : to;
}

static void follow_range(struct energy *energy, const struct settings *settings) {
    double now = energy->now, memory;

    if (energy->heard_s == 0) {
        energy->high = fmax(now, first_high_lufs);
        energy->low = energy->high - settings->range_db;
        energy->heard_s = first_memory_s;
    }
    energy->heard_s = fmin(settings->window_s, energy->heard_s + energy->hop_s);
    memory = energy->heard_s;
    energy->high =
        approach(energy, energy->high, now, now > energy->high ? outwards * memory : memory);
    energy->low =
        approach(energy, energy->low, now, now < energy->low ? outwards * memory : memory);
}

static void energy_process(struct ja_stage *stage, const struct ja_span *hop,
                           const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct energy *energy = stage->state;
    bool silent = energy->silence && *energy->silence == 1;
    double loudness = energy->loudness ? (double)*energy->loudness : NAN;

    (void)hop, (void)spectrum;
    if (silent || isnan(loudness)) {
        energy->now = NAN;
        out[0] = 0;
        return;
    }
    energy->now = isnan(energy->now)
                      ? loudness
                      : approach(energy, energy->now, loudness, settings->smoothing_ms / 1e3);
    follow_range(energy, settings);
    out[0] =
        (float)ja_clamp(1 - (energy->high - energy->now) /
                                ja_clamp(energy->high - energy->low, settings->range_db, widest_db),
                        0, 1);
}

const struct ja_stage_class ja_energy_stage = {
    .module = &module,
    .state_size = sizeof(struct energy),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .open = energy_open,
    .process = energy_process,
    .reset = energy_reset,
};
