/* Signals that are a formula of time: tones, chords, melodies, and the plain ones.
 *
 * Each gives the sample at a frame and keeps nothing from one to the next.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "synth.h"
#include "waveform.h"

#include <ja/core/text.h>
#include <stdlib.h>
#include <string.h>

/* The sine of so many turns since the beginning; exact for days because whole turns are dropped. */
static double sine(double turns) {
    return sin(JA_TAU * (turns - floor(turns)));
}

/* The tone's first harmonics, falling by `slope` each; not above `limit` of them. sin(nx) follows
 * from the two before: sin((n+1)x) = 2 cos x sin nx - sin (n-1)x. */
static double harmonics(double turns, unsigned limit, double slope) {
    const double x = JA_TAU * (turns - floor(turns)), twice_cosine = 2.0 * cos(x);
    double before = 0.0, now = sin(x), weight = 1.0, sum = 0.0;
    for (unsigned n = 0; n < limit; n++) {
        sum += weight * now;
        double next = twice_cosine * now - before;
        before = now;
        now = next;
        weight *= slope;
    }
    return sum;
}

static unsigned harmonics_below(double hz, unsigned most, double rate) {
    double fit = floor(0.45 * rate / hz);
    return fit < most ? (unsigned)fit : most;
}

static double midi_hz(double midi) {
    return 440.0 * pow(2.0, (midi - 69.0) / 12.0);
}

/* --- silence, dc, fullscale, impulse --- */

static void render_silence(struct ja_synth *synth, float *left, float *right) {
    (void)synth, (void)right;
    memset(left, 0, JA_SYNTH_CHUNK * sizeof *left);
}

const struct ja_signal ja_signal_silence = {
    .name = "silence",
    .help = "nothing: digital zero",
    .seconds = 10,
    .render = render_silence,
};

static void render_dc(struct ja_synth *synth, float *left, float *right) {
    (void)synth, (void)right;
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++)
        left[i] = 1.0f;
}

const struct ja_signal ja_signal_dc = {
    .name = "dc",
    .help = "a constant: what a faulty sound card adds",
    .seconds = 10,
    .level_db = -20,
    .render = render_dc,
};

static void render_fullscale(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    const double hz = synth->arguments[0].number;
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++) {
        double turns = (double)(synth->frame + i) * hz / synth->rate;
        left[i] = turns - floor(turns) < 0.5 ? 1.0f : -1.0f;
    }
}

static const struct ja_parameter fullscale_parameters[] = {
    {"hz", JA_PARAMETER_NUMBER, 1, 4000, 100, NULL, "frequency"},
};

const struct ja_signal ja_signal_fullscale = {
    .name = "fullscale",
    .help = "a square wave that touches both ends of the scale",
    .parameters = fullscale_parameters,
    .parameter_count = 1,
    .seconds = 10,
    .render = render_fullscale,
};

static void render_impulse(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    const int64_t at = llround(synth->arguments[0].number * synth->rate);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++)
        left[i] = synth->frame + i == at ? 1.0f : 0.0f;
}

static void truth_impulse(const struct ja_synth *synth, FILE *out) {
    if (synth->arguments[0].number < synth->seconds)
        ja_truth_onset(out, synth->arguments[0].number);
}

static const struct ja_parameter impulse_parameters[] = {
    {"at_s", JA_PARAMETER_NUMBER, 0, 604800, 1, NULL, "when, in seconds"},
};

const struct ja_signal ja_signal_impulse = {
    .name = "impulse",
    .help = "a single sample in silence",
    .parameters = impulse_parameters,
    .parameter_count = 1,
    .seconds = 3,
    .level_db = -1,
    .render = render_impulse,
    .truth = truth_impulse,
};

/* --- sine, sweep, hum --- */

static enum ja_status below_half_rate(const struct ja_synth *synth, double hz,
                                      struct ja_error *error) {
    if (hz < synth->rate / 2.0)
        return JA_OK;
    return ja_fail(error, JA_USAGE,
                   "synth:%s: %g Hz cannot be had at a rate of %g Hz; allowed is below %g Hz",
                   synth->signal->name, hz, synth->rate, synth->rate / 2.0);
}

static enum ja_status open_sine(struct ja_synth *synth, struct ja_error *error) {
    return below_half_rate(synth, synth->arguments[0].number, error);
}

static void render_sine(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    const double hz = synth->arguments[0].number;
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++)
        left[i] = (float)sine((double)(synth->frame + i) * hz / synth->rate);
}

static void truth_sine(const struct ja_synth *synth, FILE *out) {
    ja_truth_pitch(out, 0.0, synth->seconds, synth->arguments[0].number);
}

static const struct ja_parameter sine_parameters[] = {
    {"hz", JA_PARAMETER_NUMBER, 1, 90000, 440, NULL, "frequency"},
};

const struct ja_signal ja_signal_sine = {
    .name = "sine",
    .help = "one steady tone",
    .parameters = sine_parameters,
    .parameter_count = 1,
    .seconds = 10,
    .level_db = -12,
    .open = open_sine,
    .render = render_sine,
    .truth = truth_sine,
};

enum { SWEEP_FROM, SWEEP_TO };

static enum ja_status open_sweep(struct ja_synth *synth, struct ja_error *error) {
    return below_half_rate(
        synth, fmax(synth->arguments[SWEEP_FROM].number, synth->arguments[SWEEP_TO].number), error);
}

/* f(t) = from * r^(t/T), so the turns until t are from * T / ln r * (r^(t/T) - 1). */
static void render_sweep(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    const double from = synth->arguments[SWEEP_FROM].number;
    const double octaves = log(synth->arguments[SWEEP_TO].number / from);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++) {
        double t = (double)(synth->frame + i) / synth->rate;
        double grown =
            octaves == 0.0 ? t : expm1(octaves * t / synth->seconds) / octaves * synth->seconds;
        left[i] = (float)sine(from * grown);
    }
}

static const struct ja_parameter sweep_parameters[] = {
    [SWEEP_FROM] = {"from_hz", JA_PARAMETER_NUMBER, 1, 90000, 50, NULL, "frequency at the start"},
    [SWEEP_TO] = {"to_hz", JA_PARAMETER_NUMBER, 1, 90000, 5000, NULL, "frequency at the end"},
};

const struct ja_signal ja_signal_sweep = {
    .name = "sweep",
    .help = "a tone that glides evenly from one pitch to another",
    .parameters = sweep_parameters,
    .parameter_count = 2,
    .seconds = 10,
    .level_db = -12,
    .open = open_sweep,
    .render = render_sweep,
};

static void render_hum(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    enum { HARMONICS = 12 };
    const double slope = 0.7, peak = 2.2; /* of the sum below, rounded up */
    const double hz = synth->arguments[0].number;
    const unsigned count = harmonics_below(hz, HARMONICS, synth->rate);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++)
        left[i] =
            (float)(harmonics((double)(synth->frame + i) * hz / synth->rate, count, slope) / peak);
}

static const struct ja_parameter hum_parameters[] = {
    {"hz", JA_PARAMETER_NUMBER, 16, 400, 50, NULL, "mains frequency, 50 or 60"},
};

const struct ja_signal ja_signal_hum = {
    .name = "hum",
    .help = "mains hum with its harmonics: an earth loop",
    .parameters = hum_parameters,
    .parameter_count = 1,
    .seconds = 10,
    .level_db = -30,
    .render = render_hum,
};

/* --- notes --- */

enum { NOTES_MIDI, NOTES_LENGTH, NOTES_SOUNDING };
enum { NOTES_MAX = 256 };

struct notes {
    double midi[NOTES_MAX]; /* 0 is a rest */
    unsigned count;
};

/* The next item of a comma-separated list into `item`; false at its end or when it is too long. */
static bool next_item(const char **list, char *item, size_t size) {
    size_t length = strcspn(*list, ",");
    if (length == 0 || length >= size)
        return false;
    memcpy(item, *list, length);
    item[length] = '\0';
    *list += length + ((*list)[length] == ',');
    return true;
}

static enum ja_status open_notes(struct ja_synth *synth, struct ja_error *error) {
    const double lowest = 12, highest = 127;
    struct notes *notes = synth->state;
    const char *list = synth->arguments[NOTES_MIDI].text;
    char item[32];
    while (*list) {
        double midi;
        if (!next_item(&list, item, sizeof item) || !ja_text_double(item, &midi) ||
            (midi != 0 && (midi < lowest || midi > highest)))
            return ja_fail(error, JA_USAGE,
                           "synth:notes: midi is \"%.80s\"; allowed is a list as 60,62.5,0,64 of "
                           "numbers from %g to %g, 0 for a rest",
                           synth->arguments[NOTES_MIDI].text, lowest, highest);
        if (notes->count == NOTES_MAX)
            return ja_fail(error, JA_USAGE, "synth:notes: midi has more than %d notes", NOTES_MAX);
        notes->midi[notes->count++] = midi;
    }
    return notes->count > 0 ? below_half_rate(synth, midi_hz(notes->midi[0]), error)
                            : ja_fail(error, JA_USAGE, "synth:notes: midi is empty");
}

/* 0…1: rises and falls in so many seconds at the ends of a note. */
static double note_shape(double since, double length, double rise_s, double fall_s) {
    if (since >= length)
        return 0.0;
    return fmin(1.0, fmin(since / rise_s, (length - since) / fall_s));
}

static void render_notes(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    enum { HARMONICS = 6 };
    const double slope = 0.5, peak = 1.5, rise_s = 0.005, fall_s = 0.03;
    const struct notes *notes = synth->state;
    const double length = synth->arguments[NOTES_LENGTH].number;
    const double sounding = length * synth->arguments[NOTES_SOUNDING].number;
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++) {
        double t = (double)(synth->frame + i) / synth->rate;
        double number = floor(t / length), since = t - number * length;
        double midi = notes->midi[(uint64_t)number % notes->count], hz = midi_hz(midi);
        double shape = midi > 0 ? note_shape(since, sounding, rise_s, fall_s) : 0.0;
        unsigned count = harmonics_below(hz, HARMONICS, synth->rate);
        left[i] = shape > 0 ? (float)(shape / peak * harmonics(since * hz, count, slope)) : 0.0f;
    }
}

static void truth_notes(const struct ja_synth *synth, FILE *out) {
    const struct notes *notes = synth->state;
    const double length = synth->arguments[NOTES_LENGTH].number;
    const double sounding = length * synth->arguments[NOTES_SOUNDING].number;
    for (uint64_t n = 0; (double)n * length < synth->seconds; n++) {
        double time = (double)n * length, midi = notes->midi[n % notes->count];
        if (midi == 0)
            continue;
        ja_truth_onset(out, time);
        ja_truth_pitch(out, time, fmin(time + sounding, synth->seconds), midi_hz(midi));
    }
}

static const struct ja_parameter notes_parameters[] = {
    [NOTES_MIDI] = {"midi", JA_PARAMETER_TEXT, 0, 0, 0, "57,60,64,69,67,64,62,60",
                    "MIDI notes, again and again; 0 is a rest, 57.5 a quarter tone higher than A"},
    [NOTES_LENGTH] = {"note_s", JA_PARAMETER_NUMBER, 0.05, 60, 0.5, NULL, "from note to note"},
    [NOTES_SOUNDING] = {"sounding", JA_PARAMETER_NUMBER, 0.1, 1, 0.9, NULL,
                        "share of that in which the note sounds"},
};

const struct ja_signal ja_signal_notes = {
    .name = "notes",
    .help = "a melody, one note at a time",
    .parameters = notes_parameters,
    .parameter_count = 3,
    .seconds = 20,
    .level_db = -9,
    .state_size = sizeof(struct notes),
    .open = open_notes,
    .render = render_notes,
    .truth = truth_notes,
};

/* --- chord --- */

enum { CHORD_NAMES, CHORD_LENGTH };
enum { CHORDS_MAX = 64, CHORD_TONES = 5, CHORD_NAME = 12 };

struct chord {
    char name[CHORD_NAME];
    unsigned tones;
    double hz[CHORD_TONES]; /* the bass first */
};

struct chords {
    struct chord list[CHORDS_MAX];
    unsigned count;
};

/* Semitones above the root. */
static const struct quality {
    const char *name;
    unsigned tones;
    int steps[CHORD_TONES - 1];
} qualities[] = {
    {"maj", 3, {0, 4, 7}},      {"min", 3, {0, 3, 7}},      {"7", 4, {0, 4, 7, 10}},
    {"maj7", 4, {0, 4, 7, 11}}, {"min7", 4, {0, 3, 7, 10}}, {"dim", 3, {0, 3, 6}},
    {"aug", 3, {0, 4, 8}},      {"sus2", 3, {0, 2, 7}},     {"sus4", 3, {0, 5, 7}},
};

/* "A:min", "F#:maj7", "Bb:7", or "N" for none; false when it is none of these. */
static bool read_chord(struct chord *chord, const char *name) {
    static const int naturals[] = {9, 11, 0, 2, 4, 5, 7}; /* A…G above C */
    const int bass_octave = 48, upper_octave = 60;
    *chord = (struct chord){.tones = 0};
    if (!ja_text_copy(chord->name, sizeof chord->name, name))
        return false;
    if (strcmp(name, "N") == 0)
        return true;
    if (name[0] < 'A' || name[0] > 'G')
        return false;
    int root = naturals[name[0] - 'A'];
    const char *rest = name + 1;
    if (*rest == '#' || *rest == 'b')
        root = (root + (*rest++ == '#' ? 1 : 11)) % 12;
    if (*rest++ != ':')
        return false;
    for (size_t q = 0; q < sizeof qualities / sizeof qualities[0]; q++) {
        if (strcmp(qualities[q].name, rest) != 0)
            continue;
        chord->hz[chord->tones++] = midi_hz(bass_octave + root);
        for (unsigned i = 0; i < qualities[q].tones; i++)
            chord->hz[chord->tones++] = midi_hz(upper_octave + (root + qualities[q].steps[i]) % 12);
        return true;
    }
    return false;
}

static enum ja_status open_chord(struct ja_synth *synth, struct ja_error *error) {
    struct chords *chords = synth->state;
    const char *list = synth->arguments[CHORD_NAMES].text;
    char item[CHORD_NAME];
    while (*list) {
        if (chords->count == CHORDS_MAX)
            return ja_fail(error, JA_USAGE, "synth:chord: names has more than %d chords",
                           CHORDS_MAX);
        if (!next_item(&list, item, sizeof item) || !read_chord(&chords->list[chords->count], item))
            return ja_fail(error, JA_USAGE,
                           "synth:chord: names is \"%.80s\"; allowed is a list as A:min,F#:maj,N "
                           "with maj, min, 7, maj7, min7, dim, aug, sus2, sus4",
                           synth->arguments[CHORD_NAMES].text);
        chords->count++;
    }
    return chords->count > 0 ? JA_OK : ja_fail(error, JA_USAGE, "synth:chord: names is empty");
}

static void render_chord(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    enum { HARMONICS = 5 };
    const double slope = 0.45, peak = 1.35 * CHORD_TONES, rise_s = 0.02, fall_s = 0.05;
    const struct chords *chords = synth->state;
    const double length = synth->arguments[CHORD_LENGTH].number;
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++) {
        double t = (double)(synth->frame + i) / synth->rate;
        double number = floor(t / length), since = t - number * length;
        const struct chord *chord = &chords->list[(uint64_t)number % chords->count];
        double sum = 0.0;
        for (unsigned n = 0; n < chord->tones; n++)
            sum += harmonics(since * chord->hz[n],
                             harmonics_below(chord->hz[n], HARMONICS, synth->rate), slope);
        left[i] = (float)(sum * note_shape(since, length, rise_s, fall_s) / peak);
    }
}

static void truth_chord(const struct ja_synth *synth, FILE *out) {
    const struct chords *chords = synth->state;
    const double length = synth->arguments[CHORD_LENGTH].number;
    for (uint64_t n = 0; (double)n * length < synth->seconds; n++) {
        const struct chord *chord = &chords->list[n % chords->count];
        double time = (double)n * length;
        if (chord->tones > 0)
            ja_truth_onset(out, time);
        ja_truth_chord(out, time, fmin(time + length, synth->seconds), chord->name);
    }
}

static const struct ja_parameter chord_parameters[] = {
    [CHORD_NAMES] = {"names", JA_PARAMETER_TEXT, 0, 0, 0, "A:min,F:maj,C:maj,G:maj",
                     "chords, again and again; N is none"},
    [CHORD_LENGTH] = {"chord_s", JA_PARAMETER_NUMBER, 0.1, 600, 2, NULL, "from chord to chord"},
};

const struct ja_signal ja_signal_chord = {
    .name = "chord",
    .help = "chords of plain tones, one after another",
    .parameters = chord_parameters,
    .parameter_count = 2,
    .seconds = 32,
    .level_db = -9,
    .state_size = sizeof(struct chords),
    .open = open_chord,
    .render = render_chord,
    .truth = truth_chord,
};
