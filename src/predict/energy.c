/* Foretells drops, breakdowns and build-ups, in beats.
 *
 * How likely one is within the next 4, 8, 16 or 32 beats is what the sound says (outputs of the
 * transition stage). When exactly is what the phrase says: parts last 2, 4, 8 or 16 bars, so the
 * candidates are the beats that are as far from the last transitions. A logistic of both says how
 * likely each is (src/train/announcements.py); the likeliest is announced once it is sure enough,
 * then counted down with each beat, and taken back by a confidence of 0 when the belief collapses.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/math.h>
#include <ja/predict/stages.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DROP, BREAKDOWN, BUILDUP, KINDS };
enum { SPANS = 4, AHEAD = 32, ANCHORS = 2 };
enum { SECTION_BUILDUP = 2 }; /* its place among section_odds */

static const int spans[SPANS] = {4, 8, 16, 32}; /* beats */
static const double keeping = 0.5; /* share of the asked confidence down to which one stays by it */
static const double moving = 1.5;  /* how much likelier another beat must be to change to it */
static const double fading = 0.97; /* of the confidence per beat, at most: doubt takes its time */
static const double same_beats = 1;     /* no further apart is the same announcement */
static const double least_anchor = 0.5; /* confidence above which a transition begins a phrase */
static const double patience = 2.5;     /* beats without one until nothing can be foretold */

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
    ROUND_BEFORE,  /* since the one before it */
    SPAN,          /* log odds that it comes within the candidate's span, by the sound alone */
    SPAN_BEFORE,   /* … within the span before that one */
    AHEAD_32,      /* beats until the candidate, in 32 */
    AFTER_BUILDUP, /* the last transition was that */
    AFTER_BREAKDOWN,
    AFTER_DROP,
    SINCE,        /* beats since it, as a logarithm to the base of 2 */
    LIKE_BUILDUP, /* log odds that it sounds like one */
    CLUES
};

static const struct {
    const char *label, *within;
    double weights[CLUES];
} kinds[KINDS] = {
    [DROP] = {"drop",
              "drop_within",
              {-1.25, -0.392, -1.1, 2.3, 1.29, 0.0604, 0.826, -0.464, -1.26, -0.269, -0.198, -0.429,
               -0.111, 0.0937}},
    [BREAKDOWN] = {"breakdown",
                   "breakdown_within",
                   {-0.672, -0.596, -1.56, 2.24, 2.82, 0.101, 0.773, -0.231, -1.6, -0.852, -1.6,
                    -0.821, 0.00372, -0.00223}},
    [BUILDUP] = {"buildup",
                 "buildup_within",
                 {-0.697, -0.349, -1.54, 2.72, 1.46, 0.069, 0.913, -0.333, -1.91, -1.23, -0.185,
                  -0.335, -0.109, -0.012}},
};

struct settings {
    double least_confidence;
};

struct predictor {
    const float *within[KINDS]; /* NULL: no such stage */
    const float *sections;      /* the same */
    double anchors[ANCHORS];    /* s of audio: the last transitions, the newest first; NAN none */
    const char *anchor;         /* kind of the newest */
    double beat, period;        /* s: of the last beat told */
    bool due;                   /* a beat has come */
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

    for (int a = 0; a < ANCHORS; a++)
        predictor->anchors[a] = NAN;
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
    double since = predictor->beat - predictor->anchors[anchor];

    return isnan(since) ? 0 : roundness(since / predictor->period + ahead);
}

static double log_odds(double p) {
    p = ja_clamp(p, 0.003, 0.997);
    return log(p / (1 - p));
}

/* How likely a kind is to come `ahead` beats from now; 0 for a beat that is no candidate. */
static double likelihood(const struct predictor *predictor, int kind, int ahead) {
    const float *within = predictor->within[kind];
    int round = roundness_ahead(predictor, 0, ahead), span = 0;
    int before = roundness_ahead(predictor, 1, ahead);
    double since = (predictor->beat - predictor->anchors[0]) / predictor->period, sum = 0;

    if (isnan(since) || (round < 2 && before < 3))
        return 0;
    while (spans[span] < ahead)
        span++;
    const double clues[CLUES] = {
        [ONE] = 1,
        [ROUND] = round,
        [ROUND_2] = round >= 2,
        [ROUND_3] = round >= 3,
        [ROUND_4] = round >= 4,
        [ROUND_BEFORE] = before,
        [SPAN] = log_odds((double)within[span]),
        [SPAN_BEFORE] = log_odds(span > 0 ? (double)within[span - 1] : 0),
        [AHEAD_32] = ahead / 32.0,
        [AFTER_BUILDUP] = strcmp(predictor->anchor, "buildup") == 0,
        [AFTER_BREAKDOWN] = strcmp(predictor->anchor, "breakdown") == 0,
        [AFTER_DROP] = strcmp(predictor->anchor, "drop") == 0,
        [SINCE] = log2(1 + fmax(0, since)),
        [LIKE_BUILDUP] = log_odds((double)predictor->sections[SECTION_BUILDUP]),
    };
    for (int c = 0; c < CLUES; c++)
        sum += kinds[kind].weights[c] * clues[c];
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
    if (announcement->open)
        confidence = fmax(confidence, fading * announcement->confidence);
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
    if (!(event->transition.confidence > least_anchor))
        return;
    memmove(predictor->anchors + 1, predictor->anchors, (ANCHORS - 1) * sizeof(double));
    predictor->anchors[0] = event->time;
    predictor->anchor = event->transition.kind;
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
