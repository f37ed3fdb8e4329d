/* Notes: when a single voice begins and ends a note, and which.
 *
 * A note begins once the pitch has stayed within half a semitone of its median for four hops; it is
 * dated back to the onset that preceded, or to the first of these hops. It ends when the pitch is
 * gone for a few hops, when it has settled on another note, or when an onset strikes the same note
 * again. Velocity is the peak level around the beginning, over a range of 40 dB.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

enum {
    STABLE = 4, /* hops of the same pitch that make a note */
    GONE = 4,   /* hops without pitch that end one */
};

static const double same_note = 0.5;       /* semitones */
static const double onset_reach_s = 0.125; /* from an onset to the first hops of stable pitch */
static const double velocity_range_db = 40;

struct settings {
    bool enable;
};

struct note {
    const float *pitch, *rms; /* earlier stages' outputs; NULL: no such stage */
    double recent[STABLE];    /* MIDI numbers of the last hops in a row with pitch */
    int count;                /* of these */
    int gone;                 /* hops in a row without pitch */
    double onset;             /* s of audio: last one; NAN: used up */
    double loudest;           /* rms since shortly before that */
    bool sounding;
    double midi;   /* of the note that sounds */
    double now;    /* s of audio: end of the last hop */
    bool must_end; /* reset while a note sounded */
};

static const struct ja_option options[] = {
    JA_OPTION_BOOL(struct settings, enable, "enable", "false", JA_LIVE,
                   "Whether notes are told; meant for a single voice or instrument."),
};

static const struct ja_module module = {
    .name = "note",
    .help = "Notes of a single voice or instrument.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static enum ja_status note_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                struct ja_error *error) {
    struct note *note = stage->state;

    (void)setup, (void)error;
    note->pitch = ja_stage_input(stage, "pitch");
    note->rms = ja_stage_input(stage, "rms");
    note->onset = NAN;
    return JA_OK;
}

/* A note that sounds is ended in the next hop: events cannot be published here. */
static void note_reset(struct ja_stage *stage) {
    struct note *note = stage->state;

    note->must_end = note->sounding;
    note->count = note->gone = 0;
    note->onset = NAN;
    note->loudest = 0;
}

static double hz(double midi) {
    return 440 * exp2((midi - 69) / 12);
}

static void tell(struct ja_stage *stage, bool on, double time, double velocity) {
    struct note *note = stage->state;
    struct ja_event event = {
        .type = JA_EVENT_NOTE,
        .time = time,
        .note = {.on = on, .midi = note->midi, .hz = hz(note->midi), .velocity = velocity},
    };

    note->sounding = on;
    ja_stage_emit(stage, &event);
}

static void note_shed(struct ja_stage *stage, double now) {
    struct note *note = stage->state;

    if (note->sounding)
        tell(stage, false, now, 0);
}

static double median(const double values[STABLE]) {
    double sorted[STABLE];

    for (int i = 0; i < STABLE; i++) {
        int place = i;

        for (; place > 0 && sorted[place - 1] > values[i]; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = values[i];
    }
    return (sorted[STABLE / 2 - 1] + sorted[STABLE / 2]) / 2;
}

/* The median of the last hops, NAN when they are not one note. */
static double stable_pitch(const struct note *note) {
    double middle;

    if (note->count < STABLE)
        return NAN;
    middle = median(note->recent);
    for (int i = 0; i < STABLE; i++) {
        if (fabs(note->recent[i] - middle) > same_note)
            return NAN;
    }
    return middle;
}

static double velocity(const struct note *note) {
    double level_db = 20 * log10(note->loudest * sqrt(2) + 1e-9);

    return ja_clamp(1 + level_db / velocity_range_db, 1 / 127.0, 1);
}

static void begin(struct ja_stage *stage, const struct ja_span *hop, double midi) {
    struct note *note = stage->state;
    double first = hop->end - STABLE * (hop->end - hop->time);
    double time = first - note->onset < onset_reach_s ? note->onset : first;

    if (note->sounding)
        tell(stage, false, fmax(time, 0), 0);
    note->midi = midi;
    tell(stage, true, fmax(time, 0), velocity(note));
    note->onset = NAN;
    note->loudest = 0;
}

static void take_in(struct note *note) {
    double found = note->pitch ? *note->pitch : NAN;

    note->loudest = fmax(note->loudest, note->rms && !isnan(*note->rms) ? *note->rms : 0);
    if (isnan(found)) {
        note->gone++;
        note->count = 0;
        return;
    }
    note->gone = 0;
    memmove(note->recent, note->recent + 1, (STABLE - 1) * sizeof *note->recent);
    note->recent[STABLE - 1] = 69 + 12 * log2(found / 440);
    if (note->count < STABLE)
        note->count++;
}

static void note_process(struct ja_stage *stage, const struct ja_span *hop,
                         const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct note *note = stage->state;
    double midi;

    (void)spectrum, (void)out;
    if (note->must_end || (note->sounding && !settings->enable))
        tell(stage, false, note->now, 0);
    note->must_end = false;
    note->now = hop->end;
    if (!settings->enable)
        return;
    take_in(note);
    midi = stable_pitch(note);
    if (note->sounding && note->gone >= GONE)
        tell(stage, false, hop->end - GONE * (hop->end - hop->time), 0);
    else if (!isnan(midi) &&
             (!note->sounding || fabs(midi - note->midi) > same_note || !isnan(note->onset)))
        begin(stage, hop, midi);
}

static void note_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct note *note = stage->state;

    if (event->type != JA_EVENT_ONSET || strcmp(event->onset.band, "full") != 0)
        return;
    note->onset = event->time;
    note->count = 0; /* what was before does not belong to the new note */
    note->loudest = 0;
}

const struct ja_stage_class ja_note_stage = {
    .module = &module,
    .state_size = sizeof(struct note),
    .events = 1u << JA_EVENT_NOTE,
    .level = JA_LEVEL_HIGH,
    .open = note_open,
    .process = note_process,
    .heard = note_heard,
    .reset = note_reset,
    .shed = note_shed,
};
