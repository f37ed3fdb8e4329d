/* How loud it is to the ear, in LUFS: the momentary and the short-term loudness of a loudness
 * meter.
 *
 * ITU-R BS.1770-4 with the windows of EBU Tech 3341: the K-weighted power of all channels, meant
 * over the last 0.4 s and the last 3 s, without gating. libebur128 does the weighting. It would sum
 * a whole window for every answer; here it is asked for each block of 10 ms only, and the blocks
 * are summed.
 *
 * Every channel weighs the same: which of them would be a surround channel is not known.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ebur128.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <stdlib.h>

enum { BLOCK_MS = 10, MOMENTARY_BLOCKS = 40, SHORT_BLOCKS = 300 };

static const double least_lufs = -70; /* nothing below is called loudness */
static const double offset_db = -0.691;

struct loudness {
    struct ja_stage_setup setup;
    ebur128_state *meter;
    float *samples;           /* of the block being filled, interleaved */
    unsigned block, gathered; /* frames of a block; gathered of it */
    double powers[SHORT_BLOCKS];
    uint64_t blocks; /* so far */
};

enum { OUT_MOMENTARY, OUT_SHORT };

static const struct ja_module module = {
    .name = "loudness",
    .help = "Loudness to the ear, as a meter after EBU R 128 shows it.",
};

static const struct ja_output outputs[] = {
    [OUT_MOMENTARY] = {"loudness_momentary", "LUFS", JA_OUTPUT_NUMBER, 1, -70, 10,
                       "Loudness of the last 0.4 s; no value below -70 and before the first "
                       "0.4 s."},
    [OUT_SHORT] = {"loudness_short", "LUFS", JA_OUTPUT_NUMBER, 1, -70, 10,
                   "Loudness of the last 3 s; no value below -70 and before the first 3 s."},
};

static void loudness_close(struct ja_stage *stage) {
    struct loudness *loudness = stage->state;

    if (loudness->meter)
        ebur128_destroy(&loudness->meter);
    free(loudness->samples);
    loudness->samples = NULL;
}

static enum ja_status loudness_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                    struct ja_error *error) {
    struct loudness *loudness = stage->state;

    loudness->setup = *setup;
    loudness->block = setup->rate * BLOCK_MS / 1000;
    loudness->gathered = 0;
    loudness->blocks = 0;
    loudness->samples = calloc((size_t)loudness->block * setup->channels, sizeof(float));
    loudness->meter = ebur128_init(setup->channels, setup->rate, EBUR128_MODE_M);
    if (!loudness->samples || !loudness->meter) {
        loudness_close(stage);
        return ja_fail(error, JA_FAILED, "no memory for loudness");
    }
    for (unsigned c = 0; c < setup->channels; c++)
        ebur128_set_channel(loudness->meter, c, EBUR128_LEFT);
    return JA_OK;
}

/* libebur128's filters cannot be cleared: they are made anew. */
static void loudness_reset(struct ja_stage *stage) {
    struct loudness *loudness = stage->state;
    struct ja_stage_setup setup = loudness->setup;

    loudness_close(stage);
    stage->open = loudness_open(stage, &setup, NULL) == JA_OK;
}

static void take_block(struct loudness *loudness) {
    double lufs = -HUGE_VAL;

    ebur128_add_frames_float(loudness->meter, loudness->samples, loudness->block);
    ebur128_loudness_window(loudness->meter, BLOCK_MS, &lufs);
    loudness->powers[loudness->blocks++ % SHORT_BLOCKS] = pow(10, (lufs - offset_db) / 10);
    loudness->gathered = 0;
}

/* Loudness of the last `count` blocks. */
static float mean_lufs(const struct loudness *loudness, unsigned count) {
    uint64_t at = loudness->blocks % SHORT_BLOCKS;
    double sum = 0, lufs;

    if (loudness->blocks < count)
        return NAN;
    for (unsigned i = 0; i < count; i++) {
        at = (at > 0 ? at : SHORT_BLOCKS) - 1;
        sum += loudness->powers[at];
    }
    lufs = offset_db + 10 * log10(sum / count);
    return lufs >= least_lufs ? (float)lufs : NAN;
}

static void loudness_process(struct ja_stage *stage, const struct ja_span *hop,
                             const struct ja_spectrum *spectrum, float *out) {
    struct loudness *loudness = stage->state;

    (void)spectrum;
    for (unsigned i = 0; i < hop->size; i++) {
        float *frame = loudness->samples + (size_t)loudness->gathered * hop->channel_count;

        for (unsigned c = 0; c < hop->channel_count; c++)
            frame[c] = hop->channels[c][i];
        if (++loudness->gathered == loudness->block)
            take_block(loudness);
    }
    out[OUT_MOMENTARY] = mean_lufs(loudness, MOMENTARY_BLOCKS);
    out[OUT_SHORT] = mean_lufs(loudness, SHORT_BLOCKS);
}

const struct ja_stage_class ja_loudness_stage = {
    .module = &module,
    .state_size = sizeof(struct loudness),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .open = loudness_open,
    .process = loudness_process,
    .reset = loudness_reset,
    .close = loudness_close,
};
