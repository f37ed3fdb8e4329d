/* Foretells the next chord and when it comes, from what was played since the track began.
 *
 * The chords form a text in which the next letter is guessed: every earlier place with the same
 * last 0, 1 … 4 chords before it votes for the chord that followed there, recent places more.
 * The votes of longer contexts count first; what they leave undecided goes to the next shorter one,
 * as prediction by partial matching escapes (I. H. Witten and T. C. Bell, "The zero-frequency
 * problem", IEEE Trans. Inf. Theory 37(4), 1991, method C, blended). How many beats the present
 * chord stays is guessed from the same places, each weighted by how much of its past agrees.
 *
 * "N", no chord, is passed over: drums alone say nothing of what comes after them.
 *
 * A prediction is told when a chord begins, and again on a beat when what is expected has changed.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/math.h>
#include <ja/predict/stages.h>
#include <math.h>
#include <string.h>

enum {
    PAST = 256,  /* chords remembered */
    LABELS = 32, /* different chords; more than there are */
    ORDERS = 5,  /* contexts of 0 to 4 chords */
    MOST_BEATS = 64,
    ENOUGH = 3, /* chords, before anything is foretold */
};

static const double recency = 0.985; /* weight of a place against the one after it */
static const double agreement = 6;   /* weight of a place with one chord more in common */
static const double period_without_beats = 0.5; /* s */
static const double told_again = 0.1;           /* change of confidence */
static const double notice_s = 0.8;             /* until a chord is told after it began */

struct place {
    int label;
    double beats; /* how long it stayed */
};

struct guess {
    int label;         /* -1: none */
    double beats;      /* until it begins, from the present chord's beginning */
    double confidence; /* 0…1 */
};

struct harmony {
    const char *labels[LABELS];
    int label_count;
    struct place past[PAST]; /* the last one is the present chord */
    int count;
    double since;        /* s of audio: when the present chord began */
    double beat, period; /* s: last beat, between beats */
    struct guess told;
    double told_time;
};

static const struct ja_module module = {
    .name = "predict_harmony",
    .help = "Foretells the next chord.",
};

static void harmony_reset(struct ja_stage *stage) {
    struct harmony *harmony = stage->state;

    *harmony =
        (struct harmony){.beat = -INFINITY, .period = period_without_beats, .told = {.label = -1}};
}

static enum ja_status harmony_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                   struct ja_error *error) {
    (void)setup, (void)error;
    harmony_reset(stage);
    return JA_OK;
}

static int find_label(struct harmony *harmony, const char *name) {
    int i = 0;

    while (i < harmony->label_count && strcmp(harmony->labels[i], name) != 0)
        i++;
    if (i == harmony->label_count) {
        if (i == LABELS)
            return LABELS - 1;
        harmony->labels[harmony->label_count++] = name;
    }
    return i;
}

/* How many chords up to and with `place` are the last ones too. */
static int common(const struct harmony *harmony, int place) {
    int last = harmony->count - 1, length = 0;

    while (length < ORDERS - 1 && place - length >= 0 &&
           harmony->past[place - length].label == harmony->past[last - length].label)
        length++;
    return length;
}

/* Of each chord: how probable it is that it comes next. */
static void foresee(const struct harmony *harmony, double chances[LABELS]) {
    double votes[ORDERS][LABELS] = {{0}}, weight = 1;
    int last = harmony->count - 1;

    for (int place = last - 1; place >= 0; place--, weight *= recency) {
        int next = harmony->past[place + 1].label, length = common(harmony, place);

        for (int order = 0; order <= length && next != harmony->past[last].label; order++)
            votes[order][next] += weight;
    }
    for (int i = 0; i < LABELS; i++)
        chances[i] = 1.0 / (LABELS - 1);
    for (int order = 0; order < ORDERS; order++) {
        double all = 0, different = 0;

        for (int i = 0; i < LABELS; i++) {
            all += votes[order][i];
            different += votes[order][i] > 0;
        }
        for (int i = 0; i < LABELS && all > 0; i++)
            chances[i] = (votes[order][i] + different * chances[i]) / (all + different);
    }
}

/* After how many beats, more than `least`, the present chord ends; 0: not known. `share` is of the
 * votes that say so. */
static double foresee_beats(const struct harmony *harmony, double least, double *share) {
    double votes[MOST_BEATS + 1] = {0}, weight = 1, all = 0;
    int best = 0;

    for (int place = harmony->count - 2; place >= 0; place--, weight *= recency) {
        double beats = round(harmony->past[place].beats);
        double vote = weight * pow(agreement, common(harmony, place));

        if (beats < 1 || beats > MOST_BEATS || beats <= least)
            continue;
        votes[(int)beats] += vote;
        all += vote;
        if (votes[(int)beats] > votes[best])
            best = (int)beats;
    }
    *share = all > 0 ? votes[best] / all : 0;
    return best;
}

static struct guess make_guess(const struct harmony *harmony, double now) {
    struct guess guess = {.label = -1};
    double chances[LABELS], share;

    if (harmony->count < ENOUGH)
        return guess;
    guess.beats =
        foresee_beats(harmony, (now - notice_s - harmony->since) / harmony->period, &share);
    if (guess.beats == 0)
        return guess;
    foresee(harmony, chances);
    guess.label = 0;
    for (int i = 1; i < harmony->label_count; i++) {
        if (chances[i] > chances[guess.label])
            guess.label = i;
    }
    guess.confidence = chances[guess.label];
    return guess;
}

/* When a chord is due that comes `beats` after the present one: on the beat, when there are. */
static double due_time(const struct harmony *harmony, double beats) {
    double time = harmony->since + beats * harmony->period;
    double from_beat = round((time - harmony->beat) / harmony->period);

    return isfinite(harmony->beat) ? harmony->beat + from_beat * harmony->period : time;
}

static void foretell(struct ja_stage *stage, double now) {
    struct harmony *harmony = stage->state;
    struct guess guess = make_guess(harmony, now);
    struct ja_event event = {.type = JA_EVENT_PREDICTION};

    if (guess.label < 0)
        return;
    event.time = due_time(harmony, guess.beats);
    if (event.time <= now || (guess.label == harmony->told.label &&
                              fabs(event.time - harmony->told_time) < harmony->period / 2 &&
                              fabs(guess.confidence - harmony->told.confidence) < told_again))
        return;
    event.prediction.kind = "harmony";
    event.prediction.label = harmony->labels[guess.label];
    event.prediction.value = (event.time - now) / harmony->period;
    event.prediction.confidence = guess.confidence;
    harmony->told = guess;
    harmony->told_time = event.time;
    ja_stage_emit(stage, &event);
}

/* A chord that comes again after none is still the same one. */
static void append(struct harmony *harmony, int label, double time) {
    struct place *past = harmony->past;
    double beats = (time - harmony->since) / harmony->period;

    if (harmony->count > 0 && past[harmony->count - 1].label == label)
        return;
    if (harmony->count > 0 && beats < 0.5)
        harmony->count--; /* it was mistaken for another one */
    else if (harmony->count > 0)
        past[harmony->count - 1].beats = beats;
    if (harmony->count == PAST)
        memmove(past, past + 1, (size_t)--harmony->count * sizeof *past);
    past[harmony->count++] = (struct place){.label = label};
}

static void hear_chord(struct ja_stage *stage, const struct ja_event *event) {
    struct harmony *harmony = stage->state;

    if (strcmp(event->chord.chord, "N") == 0)
        return;
    append(harmony, find_label(harmony, event->chord.chord), event->time);
    harmony->since = event->time;
    harmony->told.label = -1;
    foretell(stage, event->emitted);
}

static void hear_beat(struct ja_stage *stage, const struct ja_event *event) {
    struct harmony *harmony = stage->state;

    harmony->beat = event->time;
    harmony->period = 60 / event->beat.bpm;
    foretell(stage, fmax(event->time, event->emitted));
}

static void harmony_heard(struct ja_stage *stage, const struct ja_event *event) {
    if (event->type == JA_EVENT_CHORD)
        hear_chord(stage, event);
    else if (event->type == JA_EVENT_BEAT)
        hear_beat(stage, event);
    else if (event->type == JA_EVENT_STATE && (strcmp(event->state.state, "silent") == 0 ||
                                               strcmp(event->state.state, "no_input") == 0))
        harmony_reset(stage); /* what comes after may be another track */
}

static void harmony_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    struct harmony *harmony = stage->state;

    (void)now;
    harmony->beat += command->shift_s;
}

const struct ja_stage_class ja_predict_harmony_stage = {
    .module = &module,
    .state_size = sizeof(struct harmony),
    .events = 1u << JA_EVENT_PREDICTION,
    .level = JA_LEVEL_MAXIMUM,
    .open = harmony_open,
    .heard = harmony_heard,
    .command = harmony_command,
    .reset = harmony_reset,
};
