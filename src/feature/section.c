/* In what part of the piece the music is.
 *
 * A belief over the parts is carried from beat to beat (the forward recursion of a hidden Markov
 * model): parts last, the transition stage's ear leans on it a little with every beat, and a
 * transition that happens leans on it much. A part is told when the belief is clear, "unknown" when
 * it has not been for two bars.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

enum part { INTRO, GROOVE, BUILDUP, DROP, BREAKDOWN, OUTRO, PARTS, UNKNOWN = PARTS };

static const char *const names[PARTS + 1] = {"intro",     "groove", "buildup", "drop",
                                             "breakdown", "outro",  "unknown"};

static const double leaving = 1 / 96.0;          /* probability of a part's end, per beat */
static const double ear = 0.6;                   /* weight of a beat's odds: they are much alike */
static const double weight_most = 40;            /* of a transition, when it is certain */
static const double clear = 0.6, unclear = 0.35; /* belief to tell a part, to give it up */
static const int patience = 8;                   /* beats of unclear belief */
static const double recent_beats = 12;           /* a transition explains what is told after it */

/* Where parts go: intro, groove, build-up, drop, breakdown, outro. */
static const double follows[PARTS][PARTS] = {
    {0, .6, .2, .05, .14, .01},   {.01, 0, .25, .07, .55, .12}, {.01, .1, 0, .78, .1, .01},
    {.01, .35, .15, 0, .35, .14}, {.01, .14, .6, .2, 0, .05},   {.5, .3, .05, .05, .1, 0},
};

struct section {
    const float *odds; /* NULL: no such stage */
    double belief[PARTS];
    enum part part;
    double since;      /* s of audio: when it began, NAN not known */
    double transition; /* s of audio: the last one */
    double beat, period;
    int unclear_beats;
    bool beat_due; /* a beat has come: what the ear says of it is known when this stage runs */
    bool due;      /* to be judged */
};

static const struct ja_module module = {
    .name = "section",
    .help = "Parts of the piece: intro, groove, build-up, drop, breakdown, outro.",
};

static void forget(struct section *section) {
    for (int p = 0; p < PARTS; p++)
        section->belief[p] = 1.0 / PARTS;
}

static void section_reset(struct ja_stage *stage) {
    struct section *section = stage->state;

    *section = (struct section){.odds = section->odds,
                                .part = UNKNOWN,
                                .since = NAN,
                                .transition = -INFINITY,
                                .period = 0.5};
    forget(section);
}

static enum ja_status section_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                   struct ja_error *error) {
    struct section *section = stage->state;

    (void)setup, (void)error;
    section->odds = ja_stage_input(stage, "section_odds");
    section_reset(stage);
    return JA_OK;
}

static void normalise(struct section *section) {
    double sum = 0;

    for (int p = 0; p < PARTS; p++)
        sum += section->belief[p];
    for (int p = 0; p < PARTS; p++)
        section->belief[p] /= sum;
}

static void advance(struct section *section) {
    double next[PARTS];

    for (int to = 0; to < PARTS; to++) {
        double come = 0;

        for (int from = 0; from < PARTS; from++)
            come += section->belief[from] * follows[from][to];
        next[to] = (1 - leaving) * section->belief[to] + leaving * come;
    }
    memcpy(section->belief, next, sizeof next);
    for (int p = 0; p < PARTS && section->odds && !isnan(section->odds[p]); p++)
        section->belief[p] *= pow((double)section->odds[p] + 1e-3, ear);
    normalise(section);
}

static void tell(struct ja_stage *stage, enum part part, double time, double confidence) {
    struct section *section = stage->state;
    double bars = (time - section->since) / section->period / 4;
    struct ja_event event = {
        .type = JA_EVENT_SECTION,
        .time = time,
        .section = {.label = names[part],
                    .confidence = confidence,
                    .bars = isnan(bars) ? 0 : (int)lround(fmax(0, bars))},
    };

    section->part = part;
    section->since = time;
    section->unclear_beats = 0;
    ja_stage_emit(stage, &event);
}

static void judge(struct ja_stage *stage, double now) {
    struct section *section = stage->state;
    bool explained = now - section->transition < recent_beats * section->period &&
                     !(section->transition <= section->since);
    enum part best = INTRO;

    for (int p = 1; p < PARTS; p++)
        if (section->belief[p] > section->belief[best])
            best = (enum part)p;
    section->unclear_beats = section->belief[best] < unclear ? section->unclear_beats + 1 : 0;
    if (best != section->part && section->belief[best] >= clear)
        tell(stage, best, explained ? section->transition : fmax(0, now), section->belief[best]);
    else if (section->part != UNKNOWN && section->unclear_beats >= patience)
        tell(stage, UNKNOWN, now, 1 - section->belief[best]);
}

/* What a transition says of the part that begins with it. */
static void hear_transition(struct ja_stage *stage, const struct ja_event *event) {
    static const struct {
        const char *kind;
        double weights[PARTS];
    } rows[] = {
        {"drop", {0, .2, 0, 1, 0, 0}},      {"breakdown", {0, 0, 0, 0, 1, .15}},
        {"buildup", {0, 0, 1, 0, 0.05, 0}}, {"rise", {0, 1, .1, .2, .05, 0}},
        {"fall", {0.05, .2, 0, 0, .7, .7}},
    };
    struct section *section = stage->state;
    const struct ja_event_transition *transition = &event->transition;

    section->transition = event->time;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].kind, transition->kind) != 0)
            continue;
        for (int p = 0; p < PARTS; p++)
            section->belief[p] *= 1 + weight_most * rows[i].weights[p] * transition->confidence;
        normalise(section);
        section->due = true;
    }
    if (strcmp(transition->kind, "silence") == 0) {
        forget(section);
        if (section->part != UNKNOWN)
            tell(stage, UNKNOWN, event->time, transition->confidence);
    }
}

static void section_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct section *section = stage->state;

    if (event->type == JA_EVENT_TRANSITION)
        hear_transition(stage, event);
    if (event->type != JA_EVENT_BEAT)
        return;
    section->period = 60 / event->beat.bpm;
    section->beat_due = true;
}

static void section_process(struct ja_stage *stage, const struct ja_span *hop,
                            const struct ja_spectrum *spectrum, float *out) {
    struct section *section = stage->state;

    (void)spectrum, (void)out;
    if (section->beat_due)
        advance(section);
    if (section->due || section->beat_due)
        judge(stage, hop->end);
    section->due = section->beat_due = false;
}

const struct ja_stage_class ja_section_stage = {
    .module = &module,
    .state_size = sizeof(struct section),
    .events = 1u << JA_EVENT_SECTION,
    .level = JA_LEVEL_LOW,
    .open = section_open,
    .process = section_process,
    .heard = section_heard,
    .reset = section_reset,
};
