/* Foretells drops, breakdowns and build-ups, in beats.
 *
 * How likely one is within so many beats is what the sound says (outputs of the transition stage).
 * On which beat exactly is what the phrase says: parts last 2, 4, 8 or 16 bars, so beats that are
 * as far from the last transitions are likelier than others. Log odds of both are added up for each
 * of the next 32 beats, which compete with each other and with none (src/train/announcements.py).
 * The likeliest, with the beats beside it, is announced once it is near and has been sure enough
 * for two beats, then counted down with each beat, and taken back by a confidence of 0 when the
 * belief collapses.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "energy_weights.h"

#include <ja/core/math.h>
#include <ja/predict/stages.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DROP, BREAKDOWN, BUILDUP, KINDS };
enum { SPANS = 16, AHEAD = 32, ANCHORS = 3 };

/* Beats; those of the transition stage. */
static const int spans[SPANS] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, AHEAD};
static const double keeping = 0.5; /* share of the asked confidence down to which one stays by it */
static const double moving = 1.5;  /* how much likelier another beat must be to change to it */
static const int same_beats = 1;   /* no further apart is the same announcement */
static const int most_ahead = 8;   /* beats: what is expected later comes true less often */
static const double same_beat_s = 0.1;
static const double patience = 2.5; /* beats without one until nothing can be foretold */

struct announcement {
    bool open;
    double due;        /* s of audio */
    double confidence; /* as last told */
    double expected;   /* s of audio: when it was with the last beat, NAN: not surely enough */
};

/* What speaks for a beat, against none of them. */
enum {
    SOUND, /* log odds by the sound alone */
    ONE,
    ROUND_1, /* how round the phrase since the last transition would be, at least: 4, 8 … beats */
    ROUND_2,
    ROUND_3,
    ROUND_4,
    BEFORE_2, /* since the one before it */
    BEFORE_3,
    BEFORE_4,
    OLDEST_3, /* and before that */
    OLDEST_4,
    PHRASE_16, /* it would be a phrase of so many beats */
    PHRASE_32,
    PHRASE_64,
    BUILDUP_8, /* it would be a build-up of so many beats */
    BUILDUP_16,
    BUILDUP_32,
    BUILDUP_64,
    BREAKDOWN_16, /* or a breakdown of 16, 32 or 64 */
    CLUES
};

_Static_assert((int)CLUES == (int)JA_PREDICT_ENERGY_CLUES, "as many as there are weights");

/* `doubt` is taken off the log odds: what is announced is what seemed likeliest when it did most.
 */
static const struct {
    const char *label, *within;
    double doubt;
} kinds[KINDS] = {
    [DROP] = {"drop", "drop_within", 0},
    [BREAKDOWN] = {"breakdown", "breakdown_within", 0.8},
    [BUILDUP] = {"buildup", "buildup_within", 0.6},
};

struct settings {
    double least_confidence;
};

struct predictor {
    const float *within[KINDS], *age; /* NULL: no such stage */
    struct {
        double time; /* s of audio, NAN: none */
        const char *kind;
    } anchors[ANCHORS];  /* the last transitions, the newest first */
    double beat;         /* s of audio: the one from which is counted */
    double told, period; /* s: the last beat told */
    struct announcement announcements[KINDS];
};

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, least_confidence, "least_confidence", "0.5", 0.05, 1, NULL,
                    JA_LIVE, "How sure one must be of a coming transition to announce it."),
};

static const struct ja_module module = {
    .name = "predict_energy",
    .help = "Foretells drops, breakdowns and build-ups.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

static void predictor_reset(struct ja_stage *stage) {
    struct predictor *predictor = stage->state;

    for (int a = 0; a < ANCHORS; a++) {
        predictor->anchors[a].time = NAN;
        predictor->anchors[a].kind = "";
    }
    for (int k = 0; k < KINDS; k++)
        predictor->announcements[k] = (struct announcement){.expected = NAN};
    predictor->beat = predictor->told = NAN;
}

static enum ja_status predictor_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                     struct ja_error *error) {
    struct predictor *predictor = stage->state;

    (void)setup, (void)error;
    for (int k = 0; k < KINDS; k++)
        predictor->within[k] = ja_stage_input(stage, kinds[k].within);
    predictor->age = ja_stage_input(stage, "outlook_age");
    predictor_reset(stage);
    return JA_OK;
}

/* --- When --- */

/* How well a phrase of so many beats would be rounded: 0 … 4. */
static int roundness(double beats) {
    long whole = lround(beats);
    int rounds = 0;

    if (whole <= 0)
        return 0;
    for (long multiple = 4; multiple <= 32 && whole % multiple == 0; multiple *= 2)
        rounds++;
    return rounds;
}

/* Of the phrase from a transition to so many beats ahead. */
static int roundness_ahead(const struct predictor *predictor, int anchor, int ahead) {
    double since = predictor->beat - predictor->anchors[anchor].time;

    return isnan(since) ? 0 : roundness(since / predictor->period + ahead);
}

static bool was(const struct predictor *predictor, int anchor, const char *kind) {
    return strcmp(predictor->anchors[anchor].kind, kind) == 0;
}

/* What phrases and transitions say of a beat. */
static void add_phrase(const struct predictor *predictor, int ahead, double clues[CLUES]) {
    double phrase = (predictor->beat - predictor->anchors[0].time) / predictor->period + ahead;
    int before = roundness_ahead(predictor, 1, ahead);
    int oldest = roundness_ahead(predictor, 2, ahead);

    for (int i = 0; i < 4; i++)
        clues[ROUND_1 + i] = roundness_ahead(predictor, 0, ahead) > i;
    for (int i = 0; i < 3; i++)
        clues[BEFORE_2 + i] = before > i + 1;
    for (int i = 0; i < 2; i++)
        clues[OLDEST_3 + i] = oldest > i + 2;
    for (int i = 0; i < 4; i++) {
        bool is_so_long = fabs(phrase - (8 << i)) < 0.6;

        if (i > 0)
            clues[PHRASE_16 + i - 1] = is_so_long;
        clues[BUILDUP_8 + i] = is_so_long && was(predictor, 0, "buildup");
        clues[BREAKDOWN_16] += i > 0 && is_so_long && was(predictor, 0, "breakdown");
    }
}

/* Log odds of a beat against none, by the sound alone. */
static double hear(const float within[SPANS], int ahead) {
    int span = 0;

    while (spans[span] < ahead)
        span++;
    double before = span > 0 ? (double)within[span - 1] : 0;
    double share =
        ((double)within[span] - before) / (spans[span] - (span > 0 ? spans[span - 1] : 0));
    return log(fmax(share, 1e-5) / fmax(1 - (double)within[SPANS - 1], 1e-4));
}

/* How likely a kind is to come with each of the next beats. */
static void weigh(const struct predictor *predictor, int kind, double chances[AHEAD]) {
    double sum = 1;

    for (int n = 1; n <= AHEAD; n++) {
        double clues[CLUES] = {[ONE] = 1}, odds = 0;

        clues[SOUND] = hear(predictor->within[kind], n);
        add_phrase(predictor, n, clues);
        for (int c = 0; c < CLUES; c++)
            odds += (double)ja_predict_energy_weights[kind][c] * clues[c];
        sum += chances[n - 1] = exp(fmin(odds, 50));
    }
    for (int n = 0; n < AHEAD; n++)
        chances[n] /= sum;
}

/* That a kind comes with a beat or one of its neighbours. */
static double sureness(int kind, const double chances[AHEAD], int ahead) {
    double sum = 0;

    for (int n = ahead - 1; n <= ahead + 1; n++)
        if (n >= 1 && n <= AHEAD)
            sum += chances[n - 1];
    return sum / (sum + (1 - sum) * exp(kinds[kind].doubt));
}

/* --- Announcements --- */

static void tell(struct ja_stage *stage, int kind, double due, double confidence) {
    const struct predictor *predictor = stage->state;
    struct ja_event event = {
        .type = JA_EVENT_PREDICTION,
        .time = due,
        .prediction = {.kind = "energy",
                       .label = kinds[kind].label,
                       .value = fmax(0, round((due - predictor->beat) / predictor->period)),
                       .confidence = confidence},
    };

    ja_stage_emit(stage, &event);
}

static void withdraw(struct ja_stage *stage, int kind, double now) {
    struct predictor *predictor = stage->state;
    struct announcement *announcement = &predictor->announcements[kind];

    if (announcement->open && announcement->due > now)
        tell(stage, kind, announcement->due, 0);
    announcement->open = false;
}

/* The likeliest of the beats first … last. */
static int likeliest(const double chances[AHEAD], int first, int last) {
    int best = first = first < 1 ? 1 : first;

    for (int n = first; n <= last && n <= AHEAD; n++)
        if (chances[n - 1] > chances[best - 1])
            best = n;
    return best;
}

/* The beat to announce: the likeliest, or the one that is announced while it is nearly as likely.
 */
static int choose(const struct predictor *predictor, int kind, double *confidence) {
    const struct announcement *announcement = &predictor->announcements[kind];
    double chances[AHEAD];
    int told, kept, best;

    weigh(predictor, kind, chances);
    best = likeliest(chances, 1, AHEAD);
    *confidence = sureness(kind, chances, best);
    if (!announcement->open)
        return best;
    told = (int)lround((announcement->due - predictor->beat) / predictor->period);
    if (told < 1 || told > AHEAD)
        return best;
    kept = likeliest(chances, told - same_beats, told + same_beats);
    if (*confidence > moving * sureness(kind, chances, kept))
        return best;
    *confidence = sureness(kind, chances, kept);
    return kept;
}

/* Whether it is near, and was expected then a beat ago too. */
static bool is_ripe(struct announcement *announcement, int ahead, double due, double period) {
    bool again = fabs(due - announcement->expected) <= 1.5 * period;

    announcement->expected = ahead <= most_ahead ? due : NAN;
    return again && ahead <= most_ahead;
}

static void foretell(struct ja_stage *stage, int kind, double now) {
    const struct settings *settings = stage->settings;
    struct predictor *predictor = stage->state;
    struct announcement *announcement = &predictor->announcements[kind];
    double confidence;
    int ahead = choose(predictor, kind, &confidence);
    double due = predictor->beat + ahead * predictor->period;

    if (announcement->open && fabs(due - announcement->due) > 1.5 * predictor->period)
        withdraw(stage, kind, now);
    if (confidence < settings->least_confidence * (announcement->open ? keeping : 1)) {
        withdraw(stage, kind, now);
        announcement->expected = NAN;
        return;
    }
    if (!announcement->open && !is_ripe(announcement, ahead, due, predictor->period))
        return;
    *announcement = (struct announcement){true, due, confidence, NAN};
    tell(stage, kind, due, confidence);
}

static void predictor_process(struct ja_stage *stage, const struct ja_span *hop,
                              const struct ja_spectrum *spectrum, float *out) {
    struct predictor *predictor = stage->state;
    bool lost = !(hop->end - predictor->told < patience * predictor->period);
    double beat = predictor->age ? hop->end - (double)*predictor->age : NAN;
    bool is_new = !isnan(beat) && !(beat - predictor->beat < same_beat_s);

    (void)spectrum, (void)out;
    if (is_new)
        predictor->beat = beat;
    for (int k = 0; k < KINDS; k++) {
        if (lost)
            withdraw(stage, k, hop->end);
        else if (is_new)
            foretell(stage, k, hop->end);
    }
}

static void hear_transition(struct predictor *predictor, const struct ja_event *event) {
    memmove(predictor->anchors + 1, predictor->anchors, (ANCHORS - 1) * sizeof *predictor->anchors);
    predictor->anchors[0].time = event->time;
    predictor->anchors[0].kind = event->transition.kind;
    for (int k = 0; k < KINDS; k++)
        if (strcmp(kinds[k].label, event->transition.kind) == 0)
            predictor->announcements[k].open = false;
}

static void predictor_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct predictor *predictor = stage->state;

    if (event->type == JA_EVENT_TRANSITION)
        hear_transition(predictor, event);
    if (event->type != JA_EVENT_BEAT)
        return;
    predictor->told = event->time;
    predictor->period = 60 / event->beat.bpm;
}

static void predictor_command(struct ja_stage *stage, struct ja_stage_command *command,
                              double now) {
    struct predictor *predictor = stage->state;

    (void)now;
    predictor->beat += command->shift_s;
    predictor->told += command->shift_s;
}

const struct ja_stage_class ja_predict_energy_stage = {
    .module = &module,
    .state_size = sizeof(struct predictor),
    .events = 1u << JA_EVENT_PREDICTION,
    .level = JA_LEVEL_LOW,
    .open = predictor_open,
    .process = predictor_process,
    .heard = predictor_heard,
    .command = predictor_command,
    .reset = predictor_reset,
};
