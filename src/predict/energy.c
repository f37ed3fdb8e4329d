/* Foretells drops, breakdowns and build-ups, in beats.
 *
 * How likely one is within the next 4, 8, 16 or 32 beats is what the sound says (outputs of the
 * transition stage). When exactly is what the phrase says: parts last 2, 4, 8 or 16 bars, so the
 * candidates are the beats that are as far from the last transitions. A logistic of both says how
 * likely each is (src/train/announcements.py); the likeliest is announced once it is sure enough,
 * then counted down with each beat, and taken back by a confidence of 0 when the belief collapses.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "energy_weights.h"

#include <ja/core/math.h>
#include <ja/predict/stages.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DROP, BREAKDOWN, BUILDUP, KINDS };
enum { SPANS = 4, AHEAD = 32, ANCHORS = 3 };
enum { SECTION_BUILDUP = 2 }; /* its place among section_odds */

static const int spans[SPANS] = {4, 8, 16, 32}; /* beats */
static const double keeping = 0.5; /* share of the asked confidence down to which one stays by it */
static const double moving = 1.5;  /* how much likelier another beat must be to change to it */
static const double same_beats = 1; /* no further apart is the same announcement */
static const double patience = 2.5; /* beats without one until nothing can be foretold */

struct announcement {
    bool open;
    double due;        /* s of audio */
    double confidence; /* as last told */
};

/* What speaks for a candidate. */
enum {
    ONE,
    ROUND, /* how round the phrase since the last transition would be, 0 … 4; and at least: */
    ROUND_2,
    ROUND_3,
    ROUND_4,
    ROUND_BEFORE, /* since the one before it */
    ROUND_OLDEST, /* and before that */
    SPAN,         /* log odds that it comes within the candidate's span, by the sound alone */
    SPAN_BEFORE,  /* … within the span before that one */
    SPAN_ALONE,   /* logarithm of what lies between */
    AHEAD_32,     /* beats until the candidate, in 32; and at most: */
    AHEAD_4,
    AHEAD_8,
    AHEAD_16,
    AFTER_BUILDUP, /* the last transition was that */
    AFTER_BREAKDOWN,
    AFTER_DROP,
    AFTER_RISE,
    BREAKDOWN_BEFORE, /* the one before it was that */
    SINCE,            /* beats since it, as a logarithm to the base of 2 */
    PHRASE_16,        /* it would be a phrase of so many beats */
    PHRASE_32,
    PHRASE_64,
    LIKE_BUILDUP, /* log odds that it sounds like one */
    BUILDUP_16,   /* the phrase would be a build-up of so many beats */
    BUILDUP_32,
    BUILDUP_64,
    BUILDUP_AHEAD_32,
    CLUES
};

_Static_assert((int)CLUES == (int)JA_PREDICT_ENERGY_CLUES, "as many as there are weights");

static const struct {
    const char *label, *within;
} kinds[KINDS] = {
    [DROP] = {"drop", "drop_within"},
    [BREAKDOWN] = {"breakdown", "breakdown_within"},
    [BUILDUP] = {"buildup", "buildup_within"},
};

struct settings {
    double least_confidence;
};

struct predictor {
    const float *within[KINDS]; /* NULL: no such stage */
    const float *sections;      /* the same */
    struct {
        double time; /* s of audio, NAN: none */
        const char *kind;
    } anchors[ANCHORS];  /* the last transitions, the newest first */
    double beat, period; /* s: of the last beat told */
    bool due;            /* a beat has come */
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
        predictor->announcements[k].open = false;
    predictor->due = false;
    predictor->beat = NAN;
}

static enum ja_status predictor_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                     struct ja_error *error) {
    struct predictor *predictor = stage->state;

    (void)setup, (void)error;
    for (int k = 0; k < KINDS; k++)
        predictor->within[k] = ja_stage_input(stage, kinds[k].within);
    predictor->sections = ja_stage_input(stage, "section_odds");
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

static double log_odds(double p) {
    p = ja_clamp(p, 0.003, 0.997);
    return log(p / (1 - p));
}

static bool was(const struct predictor *predictor, int anchor, const char *kind) {
    return strcmp(predictor->anchors[anchor].kind, kind) == 0;
}

static bool is_about(double beats, double length) {
    return fabs(beats - length) < 0.6;
}

/* What phrases and transitions say of a candidate. */
static void add_phrase(const struct predictor *predictor, int ahead, double clues[CLUES]) {
    double since = (predictor->beat - predictor->anchors[0].time) / predictor->period;
    double phrase = since + ahead;
    int round = roundness_ahead(predictor, 0, ahead);
    bool rising = was(predictor, 0, "buildup");

    clues[ROUND] = round;
    clues[ROUND_2] = round >= 2;
    clues[ROUND_3] = round >= 3;
    clues[ROUND_4] = round >= 4;
    clues[ROUND_BEFORE] = roundness_ahead(predictor, 1, ahead);
    clues[ROUND_OLDEST] = roundness_ahead(predictor, 2, ahead);
    clues[AFTER_BUILDUP] = rising;
    clues[AFTER_BREAKDOWN] = was(predictor, 0, "breakdown");
    clues[AFTER_DROP] = was(predictor, 0, "drop");
    clues[AFTER_RISE] = was(predictor, 0, "rise");
    clues[BREAKDOWN_BEFORE] = was(predictor, 1, "breakdown");
    clues[SINCE] = log2(1 + fmax(0, since));
    clues[PHRASE_16] = is_about(phrase, 16);
    clues[PHRASE_32] = is_about(phrase, 32);
    clues[PHRASE_64] = is_about(phrase, 64);
    for (int i = 0; i < 3 && rising; i++)
        clues[BUILDUP_16 + i] = clues[PHRASE_16 + i];
    clues[BUILDUP_AHEAD_32] = rising * ahead / 32.0;
}

/* What the sound says of it. */
static void add_sound(const struct predictor *predictor, int kind, int ahead, double clues[CLUES]) {
    const float *within = predictor->within[kind];
    int span = 0;

    while (spans[span] < ahead)
        span++;
    double until = (double)within[span], before = span > 0 ? (double)within[span - 1] : 0;
    clues[SPAN] = log_odds(until);
    clues[SPAN_BEFORE] = log_odds(before);
    clues[SPAN_ALONE] = log(fmax(until - before, 0.003));
    clues[LIKE_BUILDUP] = log_odds((double)predictor->sections[SECTION_BUILDUP]);
    clues[AHEAD_32] = ahead / 32.0;
    clues[AHEAD_4] = ahead <= 4;
    clues[AHEAD_8] = ahead <= 8;
    clues[AHEAD_16] = ahead <= 16;
}

/* How likely a kind is to come `ahead` beats from now; 0 for a beat that is no candidate. */
static double likelihood(const struct predictor *predictor, int kind, int ahead) {
    double clues[CLUES] = {[ONE] = 1}, sum = 0;

    if (isnan(predictor->anchors[0].time) ||
        (roundness_ahead(predictor, 0, ahead) < 2 && roundness_ahead(predictor, 1, ahead) < 3))
        return 0;
    add_phrase(predictor, ahead, clues);
    add_sound(predictor, kind, ahead, clues);
    for (int c = 0; c < CLUES; c++)
        sum += (double)ja_predict_energy_weights[kind][c] * clues[c];
    return 1 / (1 + exp(-sum));
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

/* The beat to announce: the likeliest, or the one that is announced while it is nearly as likely.
 */
static int choose(const struct predictor *predictor, int kind, double *confidence) {
    const struct announcement *announcement = &predictor->announcements[kind];
    long told =
        announcement->open ? lround((announcement->due - predictor->beat) / predictor->period) : 0;
    double told_sure = 0;
    int best = 0;

    *confidence = 0;
    for (int n = 1; n <= AHEAD; n++) {
        double sure = likelihood(predictor, kind, n);

        if (labs(n - told) <= same_beats && announcement->open)
            told_sure = fmax(told_sure, sure);
        if (sure > *confidence) {
            *confidence = sure;
            best = n;
        }
    }
    if (told < 1 || told > AHEAD || *confidence > moving * told_sure)
        return best;
    *confidence = told_sure;
    return (int)told;
}

static void foretell(struct ja_stage *stage, int kind, double now) {
    const struct settings *settings = stage->settings;
    struct predictor *predictor = stage->state;
    struct announcement *announcement = &predictor->announcements[kind];
    double confidence;
    int ahead = choose(predictor, kind, &confidence);
    double due = predictor->beat + ahead * predictor->period;

    if (ahead == 0 ||
        (announcement->open && fabs(due - announcement->due) > 1.5 * predictor->period))
        withdraw(stage, kind, now);
    if (confidence < settings->least_confidence * (announcement->open ? keeping : 1)) {
        withdraw(stage, kind, now);
        return;
    }
    *announcement = (struct announcement){true, due, confidence};
    tell(stage, kind, due, confidence);
}

static void predictor_process(struct ja_stage *stage, const struct ja_span *hop,
                              const struct ja_spectrum *spectrum, float *out) {
    struct predictor *predictor = stage->state;
    bool lost = !(hop->end - predictor->beat < patience * predictor->period);

    (void)spectrum, (void)out;
    for (int k = 0; k < KINDS; k++) {
        if (lost)
            withdraw(stage, k, hop->end);
        else if (predictor->due && predictor->within[k] && !isnan(predictor->within[k][0]))
            foretell(stage, k, hop->end);
    }
    predictor->due = false;
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
    predictor->beat = event->time;
    predictor->period = 60 / event->beat.bpm;
    predictor->due = true;
}

static void predictor_command(struct ja_stage *stage, struct ja_stage_command *command,
                              double now) {
    struct predictor *predictor = stage->state;

    (void)now;
    predictor->beat += command->shift_s;
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
