/* Pitch: the fundamental frequency of a single voice or instrument.
 *
 * aubio looks at the last 2048 samples of every hop. What it finds is passed on when the sound is
 * loud enough, the frequency within the allowed range and the confidence high enough; otherwise
 * there is no pitch. Methods without a usable confidence of their own get the normalised
 * autocorrelation at the period found (the fraction of the sound that repeats after one period).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "aubio.h"

#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

enum { WINDOW = 2048 };

static const double yinfft_tolerance = 0.85; /* aubio's default, as the option's */

struct settings {
    bool enable;
    int method;
    double tolerance, min_confidence, min_hz, max_hz, silence_db;
};

struct method {
    const char *name;
    double tolerance; /* what aubio needs where yinfft needs 0.85; 0: it uses none */
    bool confidence;  /* aubio has one */
};

static const struct method methods[] = {
    {"yinfft", 0.85, false}, {"yinfast", 0.15, true}, {"yin", 0.15, true},   {"mcomb", 0, false},
    {"fcomb", 0, false},     {"schmitt", 0, false},   {"specacf", 0, false},
};
static const char *const method_choices[] = {"yinfft", "yinfast", "yin",     "mcomb",
                                             "fcomb",  "schmitt", "specacf", NULL};

struct pitch {
    struct ja_stage_setup setup;
    const struct method *method;
    aubio_pitch_t *detector;
    fvec_t *input, *found;
    float recent[WINDOW]; /* the samples that the detector sees */
};

enum { OUT_PITCH, OUT_CONFIDENCE };

static const struct ja_option options[] = {
    JA_OPTION_BOOL(struct settings, enable, "enable", "true", JA_LIVE,
                   "Whether the pitch is looked for."),
    JA_OPTION_CHOICE(struct settings, method, "method", "yinfast", method_choices, JA_REOPEN,
                     "Pitch detection method; yin and mcomb take many times the processor time of "
                     "the others."),
    JA_OPTION_FLOAT(struct settings, tolerance, "tolerance", "0.85", 0.05, 1, NULL, JA_LIVE,
                    "How imperfectly a sound may repeat itself to have a pitch, for the yin "
                    "methods; lower is stricter."),
    JA_OPTION_FLOAT(struct settings, min_confidence, "min_confidence", "0.8", 0, 1, NULL, JA_LIVE,
                    "Below this confidence there is no pitch."),
    JA_OPTION_FLOAT(struct settings, min_hz, "min_hz", "50", 20, 5000, "Hz", JA_LIVE,
                    "Lowest pitch."),
    JA_OPTION_FLOAT(struct settings, max_hz, "max_hz", "2500", 40, 10000, "Hz", JA_LIVE,
                    "Highest pitch."),
    JA_OPTION_FLOAT(struct settings, silence_db, "silence_db", "-50", -120, 0, "dB", JA_LIVE,
                    "Sound quieter than this has no pitch."),
};

static const struct ja_module module = {
    .name = "pitch",
    .help = "Fundamental frequency of a single voice.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    [OUT_PITCH] = {"pitch", "Hz", JA_OUTPUT_NUMBER, 1, 20, 10000,
                   "Fundamental frequency; no value without a clear pitch."},
    [OUT_CONFIDENCE] = {"pitch_confidence", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                        "How clearly the sound has one pitch; 0 in silence."},
};

static void pitch_close(struct ja_stage *stage) {
    struct pitch *pitch = stage->state;

    if (pitch->detector)
        del_aubio_pitch(pitch->detector);
    if (pitch->input)
        del_fvec(pitch->input);
    if (pitch->found)
        del_fvec(pitch->found);
    memset(pitch, 0, sizeof *pitch);
}

static void pitch_configure(struct ja_stage *stage) {
    const struct settings *settings = stage->settings;
    struct pitch *pitch = stage->state;
    double tolerance = settings->tolerance * pitch->method->tolerance / yinfft_tolerance;

    if (tolerance > 0)
        aubio_pitch_set_tolerance(pitch->detector, (smpl_t)tolerance);
}

static enum ja_status pitch_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    const struct settings *settings = stage->settings;
    struct pitch *pitch = stage->state;

    if (setup->hop >= WINDOW)
        return ja_fail(error, JA_USAGE, "analysis.hop = %u: pitch needs less than %d frames",
                       setup->hop, WINDOW);
    ja_aubio_prepare();
    pitch->setup = *setup;
    pitch->method = &methods[settings->method];
    pitch->input = new_fvec(setup->hop);
    pitch->found = new_fvec(1);
    pitch->detector = new_aubio_pitch(pitch->method->name, WINDOW, setup->hop, setup->rate);
    if (!pitch->input || !pitch->found || !pitch->detector) {
        pitch_close(stage);
        return ja_fail(error, JA_FAILED, "no memory for pitch");
    }
    aubio_pitch_set_silence(pitch->detector, -200); /* we gate ourselves */
    pitch_configure(stage);
    return JA_OK;
}

/* aubio's objects cannot be cleared: they are made anew. */
static void pitch_reset(struct ja_stage *stage) {
    struct pitch *pitch = stage->state;
    struct ja_stage_setup setup = pitch->setup;

    pitch_close(stage);
    stage->open = pitch_open(stage, &setup, NULL) == JA_OK;
}

/* Normalised autocorrelation of the window at one lag, after Boersma 1993. */
static double autocorrelation(const float *samples, double period) {
    unsigned lag = (unsigned)lround(period);
    double product = 0, before = 0, after = 0;

    if (lag >= WINDOW / 2)
        return 0;
    for (unsigned i = lag; i < WINDOW; i++) {
        product += (double)samples[i] * samples[i - lag];
        before += (double)samples[i - lag] * samples[i - lag];
        after += (double)samples[i] * samples[i];
    }
    return before > 0 && after > 0 ? product / sqrt(before * after) : 0;
}

static double confidence(const struct pitch *pitch, double hz) {
    double value;

    if (!isfinite(hz) || hz <= 0)
        return 0;
    if (pitch->method->confidence)
        value = aubio_pitch_get_confidence(pitch->detector);
    else
        value = autocorrelation(pitch->recent, pitch->setup.rate / hz);
    return isfinite(value) ? ja_clamp(value, 0, 1) : 0;
}

static void take_in(struct pitch *pitch, const struct ja_span *hop) {
    memcpy(pitch->input->data, hop->mono, hop->size * sizeof *hop->mono);
    memmove(pitch->recent, pitch->recent + hop->size, (WINDOW - hop->size) * sizeof(float));
    memcpy(pitch->recent + WINDOW - hop->size, hop->mono, hop->size * sizeof(float));
}

static void pitch_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct pitch *pitch = stage->state;
    double hz, clarity;

    (void)spectrum;
    if (!settings->enable)
        return;
    take_in(pitch, hop);
    aubio_pitch_do(pitch->detector, pitch->input, pitch->found);
    out[OUT_CONFIDENCE] = 0;
    if (aubio_db_spl(pitch->input) < settings->silence_db)
        return;
    hz = pitch->found->data[0];
    clarity = confidence(pitch, hz);
    out[OUT_CONFIDENCE] = (float)clarity;
    if (clarity >= settings->min_confidence && clarity > 0 && hz >= settings->min_hz &&
        hz <= settings->max_hz)
        out[OUT_PITCH] = (float)hz;
}

const struct ja_stage_class ja_pitch_stage = {
    .module = &module,
    .state_size = sizeof(struct pitch),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .level = JA_LEVEL_HIGH,
    .open = pitch_open,
    .process = pitch_process,
    .configure = pitch_configure,
    .reset = pitch_reset,
    .close = pitch_close,
};
