/* Chroma: how much of each of the twelve notes sounds, whatever the octave.
 *
 * Every 50 ms, from the last 8192 samples m (Hann window, a full-scale sine gives magnitude 1):
 *
 *  1. Peaks: local maxima of the magnitude between 60 Hz and 2200 Hz, above -100 dB; frequency and
 *     height from the parabola through the three logarithms around each (J. O. Smith and X. Serra,
 *     "PARSHL", 1987). Its pitch p is 69 + 12 log2(f / 440 Hz), its weight w the square root of its
 *     height.
 *  2. Tuning: t = arg(z) / 2 pi semitones, with z = 0.05 s / 20 s-decaying sum of w exp(2 pi i p)
 *     over the peaks from p = 45 up (K. Dressler and S. Streich, "Tuning frequency estimation
 *     using circular statistics", ISMIR 2007).
 *  3. Notes: with q = p - t, note n = round(q) gets the greatest w cos^2(pi (q - n)) of its peaks.
 *  4. Drums: each note's value is the median of its last five (after D. FitzGerald, "Harmonic/
 *     percussive separation using median filtering", DAFx 2010).
 *  5. Chroma: notes an octave apart are added, with a weight rising from 0 at n = 45 to 1 at 57 and
 *     falling from 1 at 77 to 0 at 96; then all is divided by the greatest of the twelve.
 *
 * A pitch class profile after E. Gomez, "Tonal description of music audio signals", 2006.
 * Whitening, harmonic subtraction and a second chroma of the bass made chords no more right and are
 * left out.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <ja/pipeline/spectrum.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 8192,
    STEPS_PER_SECOND = 20,
    LOWEST = 36, /* MIDI notes */
    HIGHEST = 96,
    NOTES = HIGHEST - LOWEST + 1,
    CLASSES = 12,
    STEADY = 5, /* steps of the median */
};

static const double min_hz = 60, max_hz = 2200;
static const float faintest = 1e-5f;  /* magnitude */
static const double tuning_from = 45; /* MIDI note */
static const double tuning_memory_s = 20;
static const double weight_edges[4] = {45, 57, 77, 96}; /* 0, 1, 1, 0 */

struct settings {
    bool enable;
};

struct chroma {
    struct ja_spectrum_maker *maker;
    float *gathered; /* step samples, not yet looked at */
    unsigned step, filled;
    const float *silence; /* NULL: no such stage */
    float notes[STEADY][NOTES];
    unsigned place;      /* of the oldest of these */
    double cosine, sine; /* of the tuning */
    bool found;          /* whether there is a chroma */
    float classes[CLASSES];
};

enum { OUT_CHROMA, OUT_TUNING = CLASSES };

static const struct ja_option options[] = {
    JA_OPTION_BOOL(struct settings, enable, "enable", "true", JA_LIVE,
                   "Whether chroma, and with it key and chords, are looked for."),
};

static const struct ja_module module = {
    .name = "chroma",
    .help = "How much of each of the twelve notes sounds.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static const struct ja_output outputs[] = {
    {"chroma", NULL, JA_OUTPUT_NUMBER, CLASSES, 0, 1,
     "How much of each note C, Db … B sounds, in any octave and tuning, the strongest being 1; no "
     "values in silence."},
    {"tuning", "cents", JA_OUTPUT_NUMBER, 1, -50, 50,
     "How far the instruments are tuned away from 440 Hz; no value in silence."},
};

static void chroma_close(struct ja_stage *stage) {
    struct chroma *chroma = stage->state;

    ja_spectrum_free(chroma->maker);
    free(chroma->gathered);
}

static enum ja_status chroma_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                  struct ja_error *error) {
    struct chroma *chroma = stage->state;

    *chroma = (struct chroma){.step = setup->rate / STEPS_PER_SECOND,
                              .silence = ja_stage_input(stage, "silence")};
    chroma->maker = ja_spectrum_new(JA_WINDOW_HANN, WINDOW, setup->rate, error);
    if (!chroma->maker)
        return JA_FAILED;
    chroma->gathered = calloc(chroma->step, sizeof *chroma->gathered);
    if (!chroma->gathered) {
        chroma_close(stage);
        return ja_fail(error, JA_FAILED, "no memory for chroma");
    }
    return JA_OK;
}

static void chroma_reset(struct ja_stage *stage) {
    struct chroma *chroma = stage->state;

    ja_spectrum_reset(chroma->maker);
    chroma->filled = 0;
    memset(chroma->notes, 0, sizeof chroma->notes);
    chroma->place = 0;
    chroma->cosine = chroma->sine = 0;
    chroma->found = false;
}

struct peak {
    double pitch;  /* MIDI note, fractional */
    double weight; /* square root of its magnitude */
};

/* The peak around bin `k`, by the parabola through it and its neighbours. */
static struct peak read_peak(const struct ja_spectrum *spectrum, unsigned k) {
    double left = log(spectrum->magnitude[k - 1] + 1e-12);
    double middle = log(spectrum->magnitude[k]);
    double right = log(spectrum->magnitude[k + 1] + 1e-12);
    double curve = left - 2 * middle + right;
    double offset = curve < 0 ? ja_clamp(0.5 * (left - right) / curve, -0.5, 0.5) : 0;
    double height = middle - 0.25 * (left - right) * offset;

    return (struct peak){69 + 12 * log2((k + offset) * spectrum->bin_hz / 440), exp(0.5 * height)};
}

static unsigned find_peaks(const struct ja_spectrum *spectrum, struct peak *peaks) {
    const float *magnitude = spectrum->magnitude;
    unsigned end = (unsigned)(max_hz / spectrum->bin_hz), count = 0;

    for (unsigned k = (unsigned)(min_hz / spectrum->bin_hz); k < end; k++) {
        if (magnitude[k] > faintest && magnitude[k] > magnitude[k - 1] &&
            magnitude[k] >= magnitude[k + 1])
            peaks[count++] = read_peak(spectrum, k);
    }
    return count;
}

/* Follows the tuning; returns it in semitones. */
static double follow_tuning(struct chroma *chroma, const struct peak *peaks, unsigned count) {
    double keep = exp(-1 / (tuning_memory_s * STEPS_PER_SECOND));

    chroma->cosine *= keep;
    chroma->sine *= keep;
    for (unsigned i = 0; i < count; i++) {
        if (peaks[i].pitch < tuning_from)
            continue;
        chroma->cosine += peaks[i].weight * cos(2 * JA_PI * peaks[i].pitch);
        chroma->sine += peaks[i].weight * sin(2 * JA_PI * peaks[i].pitch);
    }
    return atan2(chroma->sine, chroma->cosine) / (2 * JA_PI);
}

static void fill_notes(float *notes, const struct peak *peaks, unsigned count, double tuning) {
    memset(notes, 0, NOTES * sizeof *notes);
    for (unsigned i = 0; i < count; i++) {
        double pitch = peaks[i].pitch - tuning;
        long note = lround(pitch);
        double fit = cos(JA_PI * (pitch - (double)note));

        if (note >= LOWEST && note <= HIGHEST)
            notes[note - LOWEST] =
                fmaxf(notes[note - LOWEST], (float)(peaks[i].weight * fit * fit));
    }
}

static float median(const struct chroma *chroma, unsigned note) {
    float sorted[STEADY];

    for (int i = 0; i < STEADY; i++) {
        int place = i;

        for (; place > 0 && sorted[place - 1] > chroma->notes[i][note]; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = chroma->notes[i][note];
    }
    return sorted[STEADY / 2];
}

static double weight(int note) {
    double rise = (note - weight_edges[0]) / (weight_edges[1] - weight_edges[0]);
    double fall = (weight_edges[3] - note) / (weight_edges[3] - weight_edges[2]);

    return ja_clamp(fmin(rise, fall), 0, 1);
}

static void fold(struct chroma *chroma) {
    float greatest = 0;

    memset(chroma->classes, 0, sizeof chroma->classes);
    for (unsigned i = 0; i < NOTES; i++) {
        float *class = &chroma->classes[(LOWEST + i) % CLASSES];

        *class += (float)weight(LOWEST + (int)i) * median(chroma, i);
        greatest = fmaxf(greatest, *class);
    }
    chroma->found = greatest > 0;
    for (int i = 0; i < CLASSES && chroma->found; i++)
        chroma->classes[i] /= greatest;
}

static void look(struct chroma *chroma) {
    const struct ja_spectrum *spectrum =
        ja_spectrum_make(chroma->maker, chroma->gathered, chroma->step);
    struct peak peaks[WINDOW / 16]; /* at most every other bin, and only up to max_hz */
    unsigned count = find_peaks(spectrum, peaks);
    double tuning = follow_tuning(chroma, peaks, count);

    fill_notes(chroma->notes[chroma->place], peaks, count, tuning);
    chroma->place = (chroma->place + 1) % STEADY;
    fold(chroma);
}

static void chroma_process(struct ja_stage *stage, const struct ja_span *hop,
                           const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct chroma *chroma = stage->state;

    (void)spectrum;
    if (!settings->enable)
        return;
    for (unsigned taken = 0; taken < hop->size;) {
        unsigned missing = chroma->step - chroma->filled, rest = hop->size - taken;
        unsigned now = rest < missing ? rest : missing;

        memcpy(chroma->gathered + chroma->filled, hop->mono + taken, now * sizeof *hop->mono);
        taken += now;
        chroma->filled = (chroma->filled + now) % chroma->step;
        if (chroma->filled == 0)
            look(chroma);
    }
    if (!chroma->found || (chroma->silence && *chroma->silence > 0))
        return;
    memcpy(out + OUT_CHROMA, chroma->classes, sizeof chroma->classes);
    out[OUT_TUNING] = (float)(100 / (2 * JA_PI) * atan2(chroma->sine, chroma->cosine));
}

const struct ja_stage_class ja_chroma_stage = {
    .module = &module,
    .state_size = sizeof(struct chroma),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .level = JA_LEVEL_MAXIMUM,
    .open = chroma_open,
    .process = chroma_process,
    .reset = chroma_reset,
    .close = chroma_close,
};
