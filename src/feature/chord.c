/* Chords: which major or minor chord sounds, and since when.
 *
 * A hidden Markov model with a state for each of the 24 chords and one for none ("N"). Twenty times
 * a second its belief takes in the chroma, by a linear model that is the same for every root, and
 * may move on to another chord: readily on a beat, most readily on the first of a bar, hardly in
 * between; without beats, at any time alike. With each chord goes the time at which the belief in
 * it came in rather than stayed: that is when it began. A chord is told once the belief in it is
 * high enough. (Forward algorithm: L. R. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE
 * 77(2), 1989, eq. 20; as for chords in A. Sheh and D. Ellis, ISMIR 2003.)
 *
 * The model's weights are logistic regression on invented songs, as those of the key, and for no
 * chord on noise of several colours and drums besides.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tonality.h"

#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

enum {
    NONE = JA_TONALITIES,
    CHORDS, /* with it */
    BEATS = 16,
};

static const struct ja_tonality_weights weights = {
    .major = {5.349, -1.606, -0.583, -3.099, 4.363, -1.254, -1.353, 5.119, -1.781, -5.602, 0.302,
              1.102},
    .minor = {5.244, -1.294, -0.535, 3.981, -0.572, -3.341, -2.624, 5.237, -2.753, -2.513, 1.367,
              -1.900},
    .major_bias = -3.008,
    .minor_bias = -2.399,
};
/* Of no chord: per sum of the notes, per sum of their squares, and always (5.4 by regression, which
 * leaves out more chords than it keeps drums from being one). */
static const double none_per_sum = -1.529, none_per_square = 2.096, none_bias = 4.6;
static const double none_in_silence = 8; /* logit */

static const double step_s = 0.05;
static const double delay_s = 0.17; /* of the chroma: half its window and half its median */
static const double trust = 0.35;   /* in one step's evidence: steps are far from independent */
static const double change_on_one = 0.4, change_on_beat = 0.2, change_between = 0.0005;
static const double change_without_beats = 0.02; /* per step */
static const double beatless_s = 3;              /* since the last beat */

/* Of the log odds: from the belief to how often a chord that is told is right, in invented songs;
 * one believed in by 0.65 is in half of the cases. */
static const double slope = 1.1, bias = -0.4;

struct settings {
    double min_confidence;
};

struct beat {
    double time; /* s of audio */
    bool first;  /* of the bar */
};

struct chord {
    const float *chroma;      /* NULL: no such stage */
    struct beat beats[BEATS]; /* to come, in order */
    unsigned beat_count;
    double last_beat; /* s of audio: the last one that came */
    double looked;    /* s of audio: end of the last step */
    double belief[CHORDS], since[CHORDS];
    int told;
    double told_since; /* s of audio: the beginning when there was none; NAN: nothing heard yet */
};

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, min_confidence, "min_confidence", "0.5", 0.2, 0.99, NULL,
                    JA_LIVE, "How sure a chord must be until it is told."),
};

static const struct ja_module module = {
    .name = "chord",
    .help = "Chords: major, minor or none.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static void chord_reset(struct ja_stage *stage) {
    struct chord *chord = stage->state;

    *chord = (struct chord){.chroma = chord->chroma,
                            .last_beat = -INFINITY,
                            .looked = -INFINITY,
                            .told = NONE,
                            .told_since = NAN};
    chord->belief[NONE] = 1;
}

static enum ja_status chord_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    struct chord *chord = stage->state;

    (void)setup, (void)error;
    chord->chroma = ja_stage_input(stage, "chroma");
    chord_reset(stage);
    return JA_OK;
}

static void chord_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct chord *chord = stage->state;

    if (event->type != JA_EVENT_BEAT || chord->beat_count == BEATS)
        return;
    chord->beats[chord->beat_count++] = (struct beat){event->time, event->beat.beat_in_bar == 1};
}

/* Takes the beats up to `time`; returns how readily the chord changes, and when it would. */
static double change(struct chord *chord, double time, double *when) {
    double chance = time - chord->last_beat > beatless_s ? change_without_beats : change_between;
    unsigned passed = 0;

    *when = time;
    for (; passed < chord->beat_count && chord->beats[passed].time <= time; passed++) {
        chance = chord->beats[passed].first ? change_on_one : change_on_beat;
        *when = chord->last_beat = chord->beats[passed].time;
    }
    chord->beat_count -= passed;
    memmove(chord->beats, chord->beats + passed, chord->beat_count * sizeof *chord->beats);
    return chance;
}

static void move_on(struct chord *chord, double chance, double when) {
    for (int i = 0; i < CHORDS; i++) {
        double stay = (1 - chance) * chord->belief[i];
        double come = chance * (1 - chord->belief[i]) / (CHORDS - 1);

        if (come > stay)
            chord->since[i] = when;
        chord->belief[i] = stay + come;
    }
}

static void take_in(struct chord *chord) {
    double notes[JA_TONES], scores[CHORDS] = {0}, none = none_bias;

    if (isnan(chord->chroma[0])) {
        scores[NONE] = none_in_silence;
    } else {
        for (int i = 0; i < JA_TONES; i++) {
            notes[i] = chord->chroma[i];
            none += none_per_sum * notes[i] + none_per_square * notes[i] * notes[i];
        }
        ja_tonality_scores(&weights, notes, scores);
        scores[NONE] = none;
    }
    for (int i = 0; i < CHORDS; i++)
        scores[i] = trust * scores[i] + log(chord->belief[i]);
    ja_tonality_softmax(scores, CHORDS);
    memcpy(chord->belief, scores, sizeof scores);
}

static double certainty(double belief) {
    return 1 / (1 + exp(-slope * log((belief + 1e-9) / (1 - belief + 1e-9)) - bias));
}

static void tell(struct ja_stage *stage, int which) {
    struct chord *chord = stage->state;
    struct ja_event event = {
        .type = JA_EVENT_CHORD,
        .time = fmax(chord->since[which], chord->told_since),
        .chord = {ja_tonality_names[which], certainty(chord->belief[which])},
    };

    chord->told = which;
    chord->told_since = event.time;
    ja_stage_emit(stage, &event);
}

static void chord_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct chord *chord = stage->state;
    double when, chance;

    (void)spectrum, (void)out;
    if (!chord->chroma || hop->end - chord->looked < step_s - 1e-6)
        return;
    if (isnan(chord->told_since))
        chord->told_since = hop->time;
    chord->looked = hop->end;
    chance = change(chord, hop->end - delay_s, &when);
    move_on(chord, chance, when);
    take_in(chord);
    for (int i = 0; i < CHORDS; i++) {
        if (certainty(chord->belief[i]) >= settings->min_confidence &&
            chord->belief[i] > chord->belief[chord->told])
            tell(stage, i);
    }
}

static void chord_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    struct chord *chord = stage->state;

    (void)now;
    for (unsigned i = 0; i < chord->beat_count; i++)
        chord->beats[i].time += command->shift_s;
}

const struct ja_stage_class ja_chord_stage = {
    .module = &module,
    .state_size = sizeof(struct chord),
    .events = 1u << JA_EVENT_CHORD,
    .level = JA_LEVEL_MAXIMUM,
    .open = chord_open,
    .process = chord_process,
    .heard = chord_heard,
    .command = chord_command,
    .reset = chord_reset,
};
