/* The scorer: meets every prediction with what then happened, so that no predictor judges itself.
 *
 * A prediction is a claim: this will happen, then, and I am so sure. It has come true when an event
 * of the type that its kind names, and that agrees with it, happens near enough to when it was due;
 * it has failed when that time is over. One row of a table per kind says what that means.
 *
 * Of the beats every statement is a claim of its own, the one a beat ahead as well as the one eight
 * beats ahead. Of the others, which are stated again as long as they are expected, an announcement
 * counts once, as it was when it was surest: what is stated again with the same label, due at about
 * the same time, belongs to it. To take it back (confidence 0) does not unsay it: somebody may have
 * lit the fog machine.
 *
 * What a predicted beat meets is the beat that the tracker tells when the time has come, having
 * heard the music until then. Where it is steadily wrong, at the off-beat or at double tempo, its
 * predictions come true all the same: nobody here can know better. On 51 annotated pieces 98.1 % of
 * 70784 predictions are said to have come true, and 96.1 % have a beat by the annotation within 70
 * ms; on 47 pieces that the tracker was never trained on, 97.6 % and 86.1 % of 42511. To ask for an
 * onset near the beat as well was tried and is worse (right for 85 % of the 51 pieces' predictions
 * instead of 95.5 %), because beats need not sound.
 *
 * Claims that nobody can judge, because the sound has a gap, was lost or an operator has changed
 * the beat, are counted but not scored. Calibration is as in reliability diagrams: DeGroot,
 * Fienberg, "The Comparison and Evaluation of Forecasters", 1983.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/predict/stages.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BEAT, ENERGY, TEMPO, HARMONY, KINDS };
enum {
    CLAIMS = 128,    /* open at a time, of one kind */
    VERDICTS = 8192, /* remembered, of one kind: at 215 bpm those of the longest window */
};

struct settings {
    double window_s, every_s;
};

struct claim {
    const char *label;
    double value;
    double from_bpm;   /* the tempo when it was stated, NAN not known */
    double stated;     /* s of audio: when, for the first time */
    double due;        /* s of audio */
    double first_due;  /* the same, as stated for the first time */
    double confidence; /* 0…1 */
};

struct verdict {
    double due;       /* s of audio */
    float confidence; /* 0…1 */
    float late_s;     /* NAN: it did not come true */
};

struct tally {
    struct claim claims[CLAIMS]; /* the oldest first */
    int claim_count;
    struct verdict verdicts[VERDICTS]; /* a ring */
    unsigned first, count;             /* of the verdicts within the window */
    int total_n, total_hits, unjudged; /* since start */
    bool changed;                      /* since the last score */
};

struct scorer {
    struct tally tallies[KINDS];
    float late_s[VERDICTS]; /* room to sort in */
    double bpm;             /* of the last beat, NAN: none yet */
    double next;            /* s of audio: when scores are due, NAN: not known yet */
};

struct rule {
    const char *kind;
    enum ja_event_type met_by;
    bool (*agrees)(const struct claim *claim, const struct ja_event *event); /* NULL: always */
    bool each;          /* every statement counts */
    double tolerance_s; /* from the due time, to both sides */
    double patience_s;  /* further time in which the event may be noticed */
};

static bool transition_agrees(const struct claim *claim, const struct ja_event *event) {
    const char *kind = event->transition.kind;

    return claim->label && kind && strcmp(claim->label, kind) == 0;
}

/* The tempo has gone at least half the way, and not twice as far. */
static bool tempo_agrees(const struct claim *claim, const struct ja_event *event) {
    double way = (event->tempo.bpm - claim->from_bpm) / (claim->value - claim->from_bpm);

    return way >= 0.5 && way < 2;
}

static bool chord_agrees(const struct claim *claim, const struct ja_event *event) {
    const char *chord = event->chord.chord;

    return claim->label && chord && strcmp(claim->label, chord) == 0;
}

/* 70 ms is how near a beat must be in the field's evaluations (MIREX). The others are told less
 * exactly; a tempo that changes slowly is told every few seconds only. */
static const struct rule rules[KINDS] = {
    [BEAT] = {"beat", JA_EVENT_BEAT, NULL, true, 0.07, 0.2},
    [ENERGY] = {"energy", JA_EVENT_TRANSITION, transition_agrees, false, 1, 8},
    [TEMPO] = {"tempo", JA_EVENT_TEMPO, tempo_agrees, false, 3, 8},
    [HARMONY] = {"harmony", JA_EVENT_CHORD, chord_agrees, false, 0.5, 3},
};

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, window_s, "window_s", "120", 10, 240, "s", JA_LIVE,
                    "Over how much of the past predictions are scored."),
    JA_OPTION_FLOAT(struct settings, every_s, "every_s", "5", 1, 60, "s", JA_LIVE,
                    "How often scores are told, while there is something new."),
};

static const struct ja_module module = {
    .name = "score",
    .help = "Tells how many predictions come true.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

/* --- Claims --- */

static void forget_claims(struct tally *tally) {
    tally->unjudged += tally->claim_count;
    tally->claim_count = 0;
}

static void remove_claim(struct tally *tally, int i) {
    tally->claim_count--;
    memmove(&tally->claims[i], &tally->claims[i + 1],
            (size_t)(tally->claim_count - i) * sizeof *tally->claims);
}

static void judge(struct tally *tally, int i, double late_s) {
    const struct claim *claim = &tally->claims[i];

    tally->total_n++;
    tally->total_hits += !isnan(late_s);
    tally->changed = true;
    if (tally->count == VERDICTS) {
        tally->first++;
        tally->count--;
    }
    tally->verdicts[(tally->first + tally->count++) % VERDICTS] =
        (struct verdict){claim->due, (float)claim->confidence, (float)late_s};
    remove_claim(tally, i);
}

static bool same_label(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The announcement that a statement repeats, or NULL. */
static struct claim *find_repeated(struct tally *tally, const struct rule *rule,
                                   const struct claim *claim) {
    for (int i = tally->claim_count - 1; i >= 0; i--) {
        if (same_label(tally->claims[i].label, claim->label) &&
            fabs(tally->claims[i].first_due - claim->due) <= rule->tolerance_s)
            return &tally->claims[i];
    }
    return NULL;
}

static void add_claim(struct tally *tally, const struct rule *rule, const struct claim *claim) {
    struct claim *repeated = rule->each ? NULL : find_repeated(tally, rule, claim);

    if (repeated && claim->confidence >= repeated->confidence) {
        repeated->due = claim->due;
        repeated->value = claim->value;
        repeated->confidence = claim->confidence;
    }
    if (repeated || claim->confidence <= 0)
        return;
    if (tally->claim_count == CLAIMS) {
        tally->unjudged++;
        remove_claim(tally, 0);
    }
    tally->claims[tally->claim_count++] = *claim;
}

static void hear_prediction(struct scorer *scorer, const struct ja_event *event) {
    const struct ja_event_prediction *prediction = &event->prediction;
    struct claim claim = {
        .label = prediction->label,
        .value = prediction->value,
        .from_bpm = scorer->bpm,
        .stated = event->emitted,
        .due = event->time,
        .first_due = event->time,
        .confidence = fmin(prediction->confidence, 1),
    };

    if (!(event->time > event->emitted) || isnan(prediction->confidence))
        return;
    for (int k = 0; k < KINDS; k++) {
        if (strcmp(prediction->kind, rules[k].kind) == 0)
            add_claim(&scorer->tallies[k], &rules[k], &claim);
    }
}

/* --- What happens --- */

/* How far the event is from what was claimed, INFINITY when it is something else, or had happened
 * before. */
static double distance(const struct claim *claim, const struct rule *rule,
                       const struct ja_event *event) {
    double late_s = event->time - claim->due;

    if (event->time <= claim->stated || !(fabs(late_s) <= rule->tolerance_s) ||
        (rule->agrees && !rule->agrees(claim, event)))
        return INFINITY;
    return fabs(late_s);
}

/* Every statement that is right of its own, but one announcement only: the nearest. */
static void meet(struct tally *tally, const struct rule *rule, const struct ja_event *event) {
    double least = INFINITY;
    int nearest = -1;

    for (int i = tally->claim_count - 1; i >= 0; i--) {
        double far = distance(&tally->claims[i], rule, event);

        if (rule->each && isfinite(far)) {
            judge(tally, i, event->time - tally->claims[i].due);
        } else if (far < least) {
            least = far;
            nearest = i;
        }
    }
    if (nearest >= 0)
        judge(tally, nearest, event->time - tally->claims[nearest].due);
}

static void scorer_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct scorer *scorer = stage->state;

    for (int k = 0; k < KINDS; k++) {
        if (event->type == rules[k].met_by)
            meet(&scorer->tallies[k], &rules[k], event);
    }
    if (event->type == JA_EVENT_PREDICTION)
        hear_prediction(scorer, event);
    else if (event->type == JA_EVENT_BEAT)
        scorer->bpm = event->beat.bpm;
}

/* Claims whose time is over have not come true. */
static void give_up(struct tally *tally, const struct rule *rule, double now) {
    for (int i = tally->claim_count - 1; i >= 0; i--) {
        if (now > tally->claims[i].due + rule->tolerance_s + rule->patience_s)
            judge(tally, i, NAN);
    }
}

/* --- Scores --- */

static const struct verdict *verdict_at(const struct tally *tally, unsigned i) {
    return &tally->verdicts[(tally->first + i) % VERDICTS];
}

static void fill_bins(const struct tally *tally, struct ja_reliability *bins) {
    for (unsigned i = 0; i < tally->count; i++) {
        const struct verdict *verdict = verdict_at(tally, i);
        int tenth = (int)(verdict->confidence * JA_RELIABILITY_BINS);
        struct ja_reliability *bin =
            &bins[tenth < JA_RELIABILITY_BINS ? tenth : JA_RELIABILITY_BINS - 1];

        bin->stated += (double)verdict->confidence;
        bin->observed += !isnan(verdict->late_s);
        bin->count++;
    }
    for (int b = 0; b < JA_RELIABILITY_BINS; b++) {
        bins[b].stated /= bins[b].count; /* NAN when it is empty */
        bins[b].observed /= bins[b].count;
    }
}

static int ascending(const void *a, const void *b) {
    float first = *(const float *)a, second = *(const float *)b;

    return (first > second) - (first < second);
}

static double median_ms(float *late_s, size_t count) {
    if (count == 0)
        return NAN;
    qsort(late_s, count, sizeof *late_s, ascending);
    return 500 * ((double)late_s[(count - 1) / 2] + (double)late_s[count / 2]);
}

static void tell(struct ja_stage *stage, const struct tally *tally, const struct rule *rule,
                 double now) {
    const struct settings *settings = stage->settings;
    struct scorer *scorer = stage->state;
    struct ja_event event = {
        .type = JA_EVENT_SCORE,
        .time = now,
        .score = {.kind = rule->kind,
                  .n = (int)tally->count,
                  .window_s = settings->window_s,
                  .total_n = tally->total_n,
                  .total_hits = tally->total_hits,
                  .unjudged = tally->unjudged},
    };
    int hits = 0;

    for (unsigned i = 0; i < tally->count; i++) {
        float late_s = verdict_at(tally, i)->late_s;

        if (!isnan(late_s))
            scorer->late_s[hits++] = late_s;
    }
    event.score.hits = hits;
    event.score.hit_rate = tally->count > 0 ? (double)hits / tally->count : NAN;
    event.score.median_error_ms = median_ms(scorer->late_s, (size_t)hits);
    fill_bins(tally, event.score.calibration);
    ja_stage_emit(stage, &event);
}

static void slide(struct tally *tally, double from) {
    while (tally->count > 0 && verdict_at(tally, 0)->due < from) {
        tally->first++;
        tally->count--;
    }
}

static void scorer_process(struct ja_stage *stage, const struct ja_span *hop,
                           const struct ja_spectrum *spectrum, float *out) {
    const struct settings *settings = stage->settings;
    struct scorer *scorer = stage->state;
    bool told = !isnan(scorer->next) && hop->end >= scorer->next;

    (void)spectrum, (void)out;
    if (isnan(scorer->next) || told)
        scorer->next = hop->end + settings->every_s;
    for (int k = 0; k < KINDS; k++) {
        struct tally *tally = &scorer->tallies[k];

        give_up(tally, &rules[k], hop->end);
        if (!told || !tally->changed)
            continue;
        slide(tally, hop->end - settings->window_s);
        tell(stage, tally, &rules[k], hop->end);
        tally->changed = false;
    }
}

/* --- From outside --- */

/* What was counted since start stays. */
static void scorer_reset(struct ja_stage *stage) {
    struct scorer *scorer = stage->state;

    for (int k = 0; k < KINDS; k++) {
        forget_claims(&scorer->tallies[k]);
        scorer->tallies[k].count = 0;
        scorer->tallies[k].changed = false;
    }
    scorer->bpm = scorer->next = NAN;
}

static enum ja_status scorer_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                  struct ja_error *error) {
    (void)setup, (void)error;
    scorer_reset(stage);
    return JA_OK;
}

static void scorer_notice(struct ja_stage *stage, enum ja_notice notice, const char *reason,
                          double now) {
    struct scorer *scorer = stage->state;

    (void)reason, (void)now;
    for (int k = 0; k < KINDS && notice == JA_NOTICE_INPUT_LOST; k++)
        forget_claims(&scorer->tallies[k]);
}

/* What was foretold of beats moves along with them, or is void. */
static void scorer_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    struct scorer *scorer = stage->state;
    struct tally *beats = &scorer->tallies[BEAT];

    (void)now;
    if (command->action != JA_BEAT_NUDGE) {
        forget_claims(beats);
        forget_claims(&scorer->tallies[TEMPO]);
    }
    for (int i = 0; i < beats->claim_count; i++)
        beats->claims[i].due += command->shift_s;
}

const struct ja_stage_class ja_score_stage = {
    .module = &module,
    .state_size = sizeof(struct scorer),
    .events = 1u << JA_EVENT_SCORE,
    .open = scorer_open,
    .process = scorer_process,
    .heard = scorer_heard,
    .notice = scorer_notice,
    .command = scorer_command,
    .reset = scorer_reset,
};
