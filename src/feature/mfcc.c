/* Mel frequency cepstral coefficients: the colour of the sound in a few numbers.
 *
 * S. B. Davis, P. Mermelstein, "Comparison of parametric representations for monosyllabic word
 * recognition in continuously spoken sentences", IEEE Trans. ASSP 28(4), 1980, by the conventions
 * of HTK where they differ: 40 triangular filters of peak 1 from 30 Hz to 16 kHz, equally far apart
 * on the mel scale 2595 log10(1 + f / 700), over the power spectrum; natural logarithm, of at least
 * 1e-10 (-100 dB against a full-scale sine); orthonormal DCT of type II, of which the first 13
 * coefficients are kept, c0 among them; no liftering, no pre-emphasis.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/beat/mel_filters.h>
#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>

enum { FILTERS = 40, COEFFICIENTS = 13 };

static const double low_hz = 30, high_hz = 16000;
static const float least = 1e-10f;

struct mfcc {
    struct ja_mel_filters *filters;
    float cosines[COEFFICIENTS][FILTERS];
};

static const struct ja_module module = {
    .name = "mfcc",
    .help = "Mel frequency cepstral coefficients.",
};

static const struct ja_output outputs[] = {
    {"mfcc", NULL, JA_OUTPUT_NUMBER, COEFFICIENTS, NAN, NAN,
     "Cepstrum of 40 mel bands: the first value follows the loudness, the others the colour of "
     "the sound."},
};

static enum ja_status mfcc_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                struct ja_error *error) {
    struct mfcc *mfcc = stage->state;

    mfcc->filters = ja_mel_filters_new(FILTERS, low_hz, high_hz, setup->window, setup->rate);
    if (!mfcc->filters)
        return ja_fail(error, JA_FAILED, "no memory for mfcc");
    for (unsigned c = 0; c < COEFFICIENTS; c++)
        for (unsigned f = 0; f < FILTERS; f++)
            mfcc->cosines[c][f] = (float)(sqrt((c == 0 ? 1.0 : 2.0) / FILTERS) *
                                          cos(JA_PI * c * (f + 0.5) / FILTERS));
    return JA_OK;
}

static void mfcc_process(struct ja_stage *stage, const struct ja_span *hop,
                         const struct ja_spectrum *spectrum, float *out) {
    const struct mfcc *mfcc = stage->state;
    float bands[FILTERS];

    (void)hop;
    ja_mel_filters_apply(mfcc->filters, spectrum->power, bands);
    for (unsigned f = 0; f < FILTERS; f++)
        bands[f] = logf(fmaxf(bands[f], least));
    for (unsigned c = 0; c < COEFFICIENTS; c++) {
        out[c] = 0;
        for (unsigned f = 0; f < FILTERS; f++)
            out[c] += mfcc->cosines[c][f] * bands[f];
    }
}

static void mfcc_close(struct ja_stage *stage) {
    struct mfcc *mfcc = stage->state;

    ja_mel_filters_free(mfcc->filters);
}

const struct ja_stage_class ja_mfcc_stage = {
    .module = &module,
    .state_size = sizeof(struct mfcc),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .needs_spectrum = true,
    .level = JA_LEVEL_HIGH,
    .open = mfcc_open,
    .process = mfcc_process,
    .close = mfcc_close,
};
