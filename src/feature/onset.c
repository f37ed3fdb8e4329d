/* Onsets: the moments at which notes and drum strokes begin, found within milliseconds.
 *
 * After every few milliseconds of sound (a step) aubio makes a short spectrum and one of its onset
 * detection functions. Of those that follow the level (hfc, energy) the rise over the last 13 ms is
 * taken; the others are differences already. An onset is where the rise is the largest of the last
 * 30 ms and stands above its own mean of the last 60 ms by a share, the threshold, of the mean of
 * the detection function: the causal peak picking of Böck, Krebs, Schedl, "Evaluating the Online
 * Capabilities of Onset Detection Methods", ISMIR 2012, with the constant made relative to the
 * level, so that breath and vibrato of loud sustained notes do not count. aubio's own peak picker
 * looks ahead and is four steps late.
 *
 * For the strength the sound must have come into the window, so an onset is published two slices
 * after the sound at the earliest.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "slide.h"

#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

enum {
    HISTORY = 64,            /* steps remembered, at least */
    FIRST_COUNT = 64 * 1024, /* more steps than the longest interval; a multiple of HISTORY */
    SHORTEST_WINDOW = 256,
    LOW_HZ = 200,
    HIGH_HZ = 2000,
    LOW_WINDOW = 2048, /* the low band needs finer resolution than the others */
};

static const double rise_s = 0.0133;
static const double peak_s = 0.030;
static const double mean_s = 0.060;
static const double strength_fall_s = 5;   /* time constant of the recent maximum */
static const double window_share = 0.15;   /* of the window: what detection lags behind the sound */
static const double hann_power = 3.0 / 16; /* sum of a sine's bins squared, per its mean square */

enum band { FULL, LOW, MID, HIGH, BANDS };

static const char *const band_names[BANDS] = {"full", "low", "mid", "high"};
/* The fewer bins a band has, the more noise lets it waver. */
static const double band_scales[BANDS] = {1, 3, 2, 1};

struct settings {
    bool enable;
    int method;
    double threshold, silence_db, min_interval_ms;
    bool bands;
    int window, step;
};

/* How aubio's detection functions are to be treated. Compression and whitening are those with which
 * aubio's own onset object uses them; the scale makes one threshold fit all of them. */
struct method {
    const char *name;
    bool is_level;
    double scale;
    float compression; /* of the logarithmic magnitude; 0: none */
    bool whitening;
    float relax_s, floor; /* of the whitening; 0: aubio's default */
    bool phases;          /* it looks at phases, too */
};

static const struct method methods[] = {
    {"hfc", true, 1, 1, false, 0, 0, false},
    {"energy", true, 1.33, 0, false, 0, 0, false},
    {"hfc", true, 1, 1, false, 0, 0, false},
    {"complex", false, 2, 1, true, 0, 0, true},
    {"phase", false, 4, 0, false, 0, 0, true},
    {"wphase", false, 5.3, 0, false, 0, 0, true},
    {"specdiff", false, 2.7, 0, false, 0, 0, false},
    {"kl", false, 4, 0.02f, true, 0, 0, false},
    {"mkl", false, 1.33, 0.02f, true, 0, 0, false},
    {"specflux", false, 4, 10, true, 100, 1, false},
};

static const char *const method_choices[] = {"default", "energy",   "hfc",      "complex",
                                             "phase",   "wphase",   "specdiff", "kl",
                                             "mkl",     "specflux", NULL};
static const char *const window_choices[] = {"256", "512", "1024", "2048", NULL};

/* Follows one detection function. */
struct picker {
    float level[HISTORY], rise[HISTORY]; /* newest at index count % HISTORY */
    uint64_t count;
    double recent_max;   /* of rise, falling */
    double last;         /* s of audio: end of the step with the last onset */
    uint64_t last_count; /* count then */
    unsigned waiting;    /* steps until it is published; 0: none */
    double found;        /* largest rise of the onset that waits */
};

struct onset {
    struct ja_stage_setup setup;
    const struct method *method;
    unsigned step, gathered; /* frames of a step; frames gathered of it */
    unsigned rise_steps, peak_steps, mean_steps, wait_steps;
    double step_s;
    double fall;                      /* of recent_max per step */
    double delay;                     /* s from sound to the step that shows it */
    struct ja_slide slide, low_slide; /* the latter with bands only */
    aubio_specdesc_t *descriptor;
    aubio_spectral_whitening_t *whitening;
    fvec_t *input, *value;
    cvec_t *spectrum, *low_spectrum;
    struct picker pickers[BANDS];
    float strength; /* of the last onset of the full band in this hop; 0: none */
};

enum { OUT_DETECTED, OUT_STRENGTH };

static const struct ja_option options[] = {
    JA_OPTION_BOOL(struct settings, enable, "enable", "true", JA_LIVE,
                   "Whether onsets are looked for."),
    JA_OPTION_CHOICE(struct settings, method, "method", "default", method_choices, JA_REOPEN,
                     "Onset detection function; the default is hfc, high frequency content."),
    JA_OPTION_FLOAT(struct settings, threshold, "threshold", "0.3", 0.01, 10, NULL, JA_LIVE,
                    "How far the detection function must rise, against its recent mean; lower "
                    "finds softer onsets and more false ones."),
    JA_OPTION_FLOAT(struct settings, silence_db, "silence_db", "-70", -120, 0, "dB", JA_LIVE,
                    "Sound quieter than this has no onsets."),
    JA_OPTION_FLOAT(struct settings, min_interval_ms, "min_interval_ms", "50", 5, 2000, "ms",
                    JA_LIVE, "Shortest time between two onsets of one band."),
    JA_OPTION_BOOL(struct settings, bands, "bands", "false", JA_REOPEN,
                   "Whether onsets below 200 Hz, up to 2 kHz and above are reported as well, as "
                   "low, mid and high."),
    JA_OPTION_CHOICE(struct settings, window, "window", "512", window_choices, JA_REOPEN,
                     "Samples of the spectrum in which onsets are looked for; longer is steadier "
                     "on deep notes and later."),
    JA_OPTION_INT(struct settings, step, "step", "1", 1, 3, "slices", JA_REOPEN,
                  "Slices of about 3.3 ms from one spectrum to the next: 1 is quickest, 3 takes "
                  "a third of the processor time."),
};

static const struct ja_module module = {
    .name = "onset",
    .help = "Beginnings of notes and drum strokes.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    [OUT_DETECTED] = {"onset_detected", NULL, JA_OUTPUT_BOOL, 1, 0, 1,
                      "Whether an onset was found in this hop."},
    [OUT_STRENGTH] = {"onset_strength", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                      "Strength of that onset against the strongest of the last seconds; 0 "
                      "without an onset."},
};

static void onset_close(struct ja_stage *stage) {
    struct onset *onset = stage->state;

    ja_slide_done(&onset->slide);
    ja_slide_done(&onset->low_slide);
    if (onset->descriptor)
        del_aubio_specdesc(onset->descriptor);
    if (onset->whitening)
        del_aubio_spectral_whitening(onset->whitening);
    if (onset->input)
        del_fvec(onset->input);
    if (onset->value)
        del_fvec(onset->value);
    if (onset->spectrum)
        del_cvec(onset->spectrum);
    if (onset->low_spectrum)
        del_cvec(onset->low_spectrum);
    memset(onset, 0, sizeof *onset);
}

static bool allocate(struct onset *onset, unsigned window, bool bands) {
    const struct method *method = onset->method;

    onset->input = new_fvec(onset->step);
    onset->value = new_fvec(1);
    onset->spectrum = new_cvec(window);
    onset->descriptor = new_aubio_specdesc(method->name, window);
    if (!ja_slide_init(&onset->slide, window, method->phases) || !onset->input || !onset->value ||
        !onset->spectrum || !onset->descriptor)
        return false;
    if (method->whitening) {
        onset->whitening = new_aubio_spectral_whitening(window, onset->step, onset->setup.rate);
        if (!onset->whitening)
            return false;
        if (method->relax_s > 0)
            aubio_spectral_whitening_set_relax_time(onset->whitening, method->relax_s);
        if (method->floor > 0)
            aubio_spectral_whitening_set_floor(onset->whitening, method->floor);
    }
    if (!bands)
        return true;
    onset->low_spectrum = new_cvec(LOW_WINDOW);
    return ja_slide_init(&onset->low_slide, LOW_WINDOW, false) && onset->low_spectrum;
}

static unsigned steps(double seconds, double step_s) {
    return (unsigned)ja_clamp(round(seconds / step_s), 1, HISTORY - 1);
}

static enum ja_status onset_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    const struct settings *settings = stage->settings;
    struct onset *onset = stage->state;
    unsigned window = SHORTEST_WINDOW << settings->window;
    double step_s = (double)setup->slice * settings->step / setup->rate;

    ja_aubio_prepare();
    onset->setup = *setup;
    onset->method = &methods[settings->method];
    onset->step = setup->slice * (unsigned)settings->step;
    if (onset->step >= window)
        return ja_fail(error, JA_USAGE,
                       "onset.window = %u: must be longer than a step of onset.step = %d slices, "
                       "%u frames",
                       window, settings->step, onset->step);
    onset->step_s = step_s;
    onset->rise_steps = steps(rise_s, step_s);
    onset->peak_steps = steps(peak_s, step_s);
    onset->mean_steps = steps(mean_s, step_s);
    onset->wait_steps = settings->step == 1;
    onset->fall = exp(-step_s / strength_fall_s);
    onset->delay = step_s / 2 + window_share * window / setup->rate;
    for (enum band band = FULL; band < BANDS; band++)
        onset->pickers[band].count = FIRST_COUNT;
    if (!allocate(onset, window, settings->bands)) {
        onset_close(stage);
        return ja_fail(error, JA_FAILED, "no memory for onset");
    }
    return JA_OK;
}

/* aubio's objects cannot be cleared: they are made anew. */
static void onset_reset(struct ja_stage *stage) {
    struct onset *onset = stage->state;
    struct ja_stage_setup setup = onset->setup;

    onset_close(stage);
    stage->open = onset_open(stage, &setup, NULL) == JA_OK;
}

/* High frequency content between two frequencies, of logarithmic magnitudes; `power` is that part's
 * mean square against full scale. */
static double band_level(const cvec_t *spectrum, double bin_hz, double from_hz, double to_hz,
                         double *power) {
    double sum = 0, squares = 0;
    double window = 2.0 * (spectrum->length - 1);

    for (uint_t k = 0; k < spectrum->length; k++) {
        double norm = spectrum->norm[k];

        if (k * bin_hz >= from_hz && k * bin_hz < to_hz) {
            sum += (k + 1) * log1p(norm);
            squares += norm * norm;
        }
    }
    *power = squares / (window * window * hann_power);
    return sum;
}

/* Mean of the last `count` values. */
static double mean(const float *history, uint64_t newest, unsigned count) {
    double sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += history[(newest + HISTORY - i) % HISTORY];
    return sum / count;
}

static bool is_largest(const float *history, uint64_t newest, unsigned count) {
    for (unsigned i = 1; i < count; i++) {
        if (history[(newest + HISTORY - i) % HISTORY] > history[newest % HISTORY])
            return false;
    }
    return true;
}

/* Takes the next value of a detection function; true when there is a peak. */
static bool pick(const struct onset *onset, struct picker *picker, double value, bool is_level,
                 double threshold) {
    uint64_t newest = ++picker->count;
    double before = picker->level[(newest + HISTORY - onset->rise_steps) % HISTORY];
    double rise = is_level ? fmax(0, value - before) : value;
    double level;

    if (!isfinite(rise))
        value = rise = 0;
    picker->level[newest % HISTORY] = (float)value;
    picker->rise[newest % HISTORY] = (float)rise;
    picker->recent_max = fmax(rise, picker->recent_max * onset->fall);
    if (is_level)
        level = mean(picker->level, newest - onset->rise_steps, onset->mean_steps);
    else
        level = mean(picker->level, newest, onset->mean_steps);
    return rise > 0 && is_largest(picker->rise, newest, onset->peak_steps) &&
           rise >= mean(picker->rise, newest, onset->mean_steps) + threshold * level;
}

static void publish(struct ja_stage *stage, enum band band) {
    struct onset *onset = stage->state;
    struct picker *picker = &onset->pickers[band];
    double strength = picker->recent_max > 0 ? picker->found / picker->recent_max : 0;
    struct ja_event event = {
        .type = JA_EVENT_ONSET,
        .time = fmax(0, picker->last - onset->delay),
        .onset = {.strength = ja_clamp(strength, 0, 1), .band = band_names[band]},
    };

    if (band == FULL)
        onset->strength = (float)event.onset.strength;
    ja_stage_emit(stage, &event);
}

/* One step of one band; `now` is its end. */
static void follow(struct ja_stage *stage, enum band band, double value, bool audible, double now) {
    const struct settings *settings = stage->settings;
    struct onset *onset = stage->state;
    struct picker *picker = &onset->pickers[band];
    bool is_level = band != FULL || onset->method->is_level;
    double threshold =
        settings->threshold * (band == FULL ? onset->method->scale : band_scales[band]);
    double interval = round(settings->min_interval_ms / 1e3 / onset->step_s);
    bool peak = pick(onset, picker, value, is_level, threshold);

    if (picker->waiting > 0) {
        picker->found = fmax(picker->found, picker->rise[picker->count % HISTORY]);
        if (--picker->waiting == 0)
            publish(stage, band);
    } else if (peak && audible && picker->count - picker->last_count >= interval) {
        picker->last = now;
        picker->last_count = picker->count;
        picker->found = picker->rise[picker->count % HISTORY];
        picker->waiting = onset->wait_steps;
        if (picker->waiting == 0)
            publish(stage, band);
    }
}

static void follow_bands(struct ja_stage *stage, double now) {
    static const double edges_hz[] = {[LOW] = 0, [MID] = LOW_HZ, [HIGH] = HIGH_HZ, INFINITY};
    const struct settings *settings = stage->settings;
    struct onset *onset = stage->state;

    ja_slide_do(&onset->low_slide, onset->input, onset->low_spectrum);
    for (enum band band = LOW; band < BANDS; band++) {
        const cvec_t *spectrum = band == LOW ? onset->low_spectrum : onset->spectrum;
        double bin_hz = onset->setup.rate / (2.0 * (spectrum->length - 1));
        double power;
        double level = band_level(spectrum, bin_hz, edges_hz[band], edges_hz[band + 1], &power);

        follow(stage, band, level, 10 * log10(power + 1e-30) > settings->silence_db, now);
    }
}

static void onset_listen(struct ja_stage *stage, const struct ja_span *slice) {
    const struct settings *settings = stage->settings;
    struct onset *onset = stage->state;
    bool audible;

    memcpy(onset->input->data + onset->gathered, slice->mono, slice->size * sizeof *slice->mono);
    onset->gathered += slice->size;
    if (onset->gathered < onset->step)
        return;
    onset->gathered = 0;
    if (!settings->enable)
        return;
    audible = aubio_db_spl(onset->input) > settings->silence_db;
    ja_slide_do(&onset->slide, onset->input, onset->spectrum);
    if (onset->low_spectrum)
        follow_bands(stage, slice->end);
    if (onset->whitening)
        aubio_spectral_whitening_do(onset->whitening, onset->spectrum);
    if (onset->method->compression > 0)
        cvec_logmag(onset->spectrum, onset->method->compression);
    aubio_specdesc_do(onset->descriptor, onset->spectrum, onset->value);
    follow(stage, FULL, onset->value->data[0], audible, slice->end);
}

static void onset_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct onset *onset = stage->state;

    (void)hop, (void)spectrum;
    if (!settings->enable)
        return;
    out[OUT_DETECTED] = onset->strength > 0;
    out[OUT_STRENGTH] = onset->strength;
    onset->strength = 0;
}

const struct ja_stage_class ja_onset_stage = {
    .module = &module,
    .state_size = sizeof(struct onset),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .events = 1u << JA_EVENT_ONSET,
    .open = onset_open,
    .listen = onset_listen,
    .process = onset_process,
    .reset = onset_reset,
    .close = onset_close,
};
