/* When the energy of the music changes: drops, breakdowns, build-ups, rises, falls, silence and the
 * return from it, as they happen.
 *
 * With every sixteenth a small network (one hidden layer, src/train/transitions.py) weighs the
 * evidence for a change two, four and eight sixteenths ago; the first that is sure enough is told,
 * as of the beat at which it happened. Another that remembers (outlook.h) says with every beat in
 * what part of the piece this seems to be, and how likely a drop, breakdown or build-up is within
 * the next beats: the stages that tell sections and foretell transitions read that. When that has
 * been another part for some beats and nothing was told, the likeliest change about its beginning
 * is told late.
 *
 * Silence is a rule: everything has sunk far below the loudest. So is a plain step of loudness,
 * told when it has lasted for two bars.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "dense.h"
#include "outlook.h"
#include "transition_weights.h"

#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <ja/pipeline/priors.h>
#include <math.h>
#include <string.h>

static const double silence_db = 45;     /* below the loudest */
static const double silence_s = 1;       /* until it is told */
static const double beat_recency = 0.06; /* of a beat in the mean confidence */
static const double beat_memory = 0.998; /* of its best, per beat: a breakdown may hide the beat */
static const double enough_beats = 0.4;  /* without, it is no music that has drops */
static const double sure_of_return = 0.97; /* below, what follows silence is just a return */
static const double apart_beats = 3;       /* two transitions of any kind, at least */
static const double alike_beats = 14;      /* two of the same kind */
static const double snap_beats = 0.3;      /* to the nearest beat */

/* A plain step of loudness is told late: what lasts less than two bars is none in most music. */
static const long step_ago = 2 * JA_TICKS_PER_BAR, step_before = 4 * JA_TICKS_PER_BAR;
static const long step_search = 6, step_span = 8; /* about that, for its place */
static const double step_beat_db = 2;             /* of each beat since */
static const double step_apart_beats = 16; /* from any other: what went before must be over */
static const double step_confidence = 0.4; /* what was seen of them */

/* When a change is looked for, in ticks after it; how sure one must be then, against the first
 * look; and what is off the log odds of what is told only then. */
static const struct {
    int ago;
    double factor, bias;
} looks[] = {{2, 1, 0}, {4, 0.67, -0.13}, {8, 0.53, -1.07}};
enum { LOOKS = sizeof looks / sizeof *looks };

enum kind { DROP, BREAKDOWN, BUILDUP, RISE, FALL, SILENCE, RETURN, KINDS };

/* A change that is told late: by its part's third beat, from four beats before to one after the
 * first of them, when enough has been heard. */
enum { LATE_KINDS = BUILDUP + 1, LATE_BEATS = 3 };
static const long late_first = (LATE_BEATS - 1) * JA_TICKS_PER_BEAT,
                  late_last = (LATE_BEATS + 4) * JA_TICKS_PER_BEAT;
static const long late_heard = (LATE_BEATS + 8) * JA_TICKS_PER_BEAT;
static const double late_confidence = 0.75; /* what was seen of them */
static const struct {
    int section;                 /* its place among the odds of sections */
    double likely, least_change; /* how likely that must be; the change, against its threshold */
} lates[LATE_KINDS] = {
    [DROP] = {3, 0.9, 0.27}, [BREAKDOWN] = {4, 0.7, 0.15}, [BUILDUP] = {2, 0.7, 0.1}};
enum { SEEN_TICKS = 32 }; /* more than late_last */

/* `threshold`: how sure the network must be; `bias`: of the log odds, from what the network says of
 * one sixteenth to how often what is told was right (src/train/transitions.py sees, on music that
 * it was not trained on). */
static const struct {
    const char *name;
    double threshold, bias;
} kinds[KINDS] = {
    [DROP] = {"drop", 0.3, 2.78},       [BREAKDOWN] = {"breakdown", 0.4, 2.56},
    [BUILDUP] = {"buildup", 0.3, 1.87}, [RISE] = {"rise", 0.2, 3.04},
    [FALL] = {"fall", 0.2, 1},          [SILENCE] = {"silence", 0, 0},
    [RETURN] = {"return", 0, 0},
};
static const double slope = 0.51; /* of the log odds, likewise */

struct settings {
    double sensitivity, least_db;
};

struct transition {
    struct ja_evidence evidence;
    double last, last_of[KINDS]; /* s of audio: the last transition, that of a kind */
    enum kind kind;              /* of the last, KINDS: none yet */
    double beats;                /* 0…1: mean confidence of the last ones */
    double best_beats;           /* the best of that, not long ago */
    bool silent;
    double quiet_since; /* s of audio, NAN: it is not quiet */
    double back_since;  /* s of audio: when sound came after silence, NAN: it has not */
    struct ja_outlook outlook;
    double outlook_beat; /* s of audio: the beat that began when it was made */
    /* Log odds of a change that began with a tick, the most that was said of it; a ring. */
    float seen[SEEN_TICKS][LATE_KINDS];
    int alike[LATE_KINDS]; /* beats in a row that sounded like the part it leads to */
};

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, sensitivity, "sensitivity", "1", 0.25, 4, NULL, JA_LIVE,
                    "How readily transitions are told; 2 halves the sureness asked for, 0.5 "
                    "doubles it."),
    JA_OPTION_FLOAT(struct settings, least_db, "least_db", "5", 1, 20, "dB", JA_LIVE,
                    "Least change of loudness that is told as a rise or a fall, two bars later, "
                    "where nothing else speaks for it."),
};

static const struct ja_module module = {
    .name = "transition",
    .help = "Changes of energy: rise, fall, build-up, drop, breakdown, silence, return.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
};

enum {
    OUT_SECTION,
    OUT_WITHIN = JA_OUTLOOK_SECTIONS,
    OUT_AGE = OUT_WITHIN + JA_OUTLOOK_FORETOLD * JA_OUTLOOK_SPANS
};

static const struct ja_output outputs[] = {
    {"section_odds", NULL, JA_OUTPUT_NUMBER, JA_OUTLOOK_SECTIONS, 0, 1,
     "How much this sounds like intro, groove, build-up, drop, breakdown, outro."},
    {"drop_within", NULL, JA_OUTPUT_NUMBER, JA_OUTLOOK_SPANS, 0, 1,
     "How likely a drop comes within the next 1, 2 ... 8, 10, 12, 14, 16, 20, 24, 28, 32 beats, by "
     "the sound alone."},
    {"breakdown_within", NULL, JA_OUTPUT_NUMBER, JA_OUTLOOK_SPANS, 0, 1,
     "The same for a breakdown."},
    {"buildup_within", NULL, JA_OUTPUT_NUMBER, JA_OUTLOOK_SPANS, 0, 1, "The same for a build-up."},
    {"outlook_age", "s", JA_OUTPUT_NUMBER, 1, 0, NAN,
     "How long ago the beat began from which these count."},
};

static void transition_reset(struct ja_stage *stage) {
    struct transition *transition = stage->state;

    memset(transition, 0, sizeof *transition);
    ja_evidence_reset(&transition->evidence);
    transition->last = -INFINITY;
    transition->kind = KINDS;
    for (int k = 0; k < KINDS; k++)
        transition->last_of[k] = -INFINITY;
    transition->quiet_since = transition->back_since = NAN;
    ja_outlook_reset(&transition->outlook);
    transition->outlook_beat = NAN;
    memset(transition->alike, 0, sizeof transition->alike);
}

static enum ja_status transition_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                      struct ja_error *error) {
    (void)setup, (void)error;
    transition_reset(stage);
    return JA_OK;
}

static void transition_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct transition *transition = stage->state;

    if (event->type != JA_EVENT_BEAT)
        return;
    ja_evidence_beat(&transition->evidence, event);
    transition->beats += beat_recency * (event->beat.confidence - transition->beats);
    transition->best_beats = fmax(transition->best_beats * beat_memory, transition->beats);
}

/* --- The network --- */

static void weigh(const float *input, float *leaves) {
    float hidden[JA_CHANGE_HIDDEN];

    ja_dense(ja_transition_change_enter[0], ja_transition_change_enter_bias, input, JA_CLUES,
             hidden, JA_CHANGE_HIDDEN);
    for (int h = 0; h < JA_CHANGE_HIDDEN; h++)
        hidden[h] = tanhf(hidden[h]);
    ja_dense(ja_transition_change_leave[0], ja_transition_change_leave_bias, hidden,
             JA_CHANGE_HIDDEN, leaves, JA_CHANGE_LEAVES);
}

/* --- Decisions --- */

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

/* The one place where it is decided how sure one must be of a kind. */
static double threshold(const struct ja_stage *stage, enum kind kind, double look) {
    const struct settings *settings = stage->settings;
    double factor = ja_priors_energy(ja_stage_priors(stage), kinds[kind].name);

    return ja_clamp(kinds[kind].threshold * look * factor / settings->sensitivity, 0.02, 0.98);
}

static double change_db(const struct ja_evidence *evidence, long ago) {
    float before = ja_evidence_mean(evidence, JA_SERIES_FULL, ago, 4 * JA_TICKS_PER_BAR);
    float after = ja_evidence_mean(evidence, JA_SERIES_FULL, 0, ago);

    return isnan(before) ? NAN : (double)(after - before);
}

/* A change so near to a beat happened on it. */
static double snap(const struct ja_evidence *evidence, double time) {
    double beats = (time - evidence->beat_time) / evidence->period, whole = round(beats);

    return fabs(beats - whole) < snap_beats ? evidence->beat_time + whole * evidence->period : time;
}

static bool is_apart(const struct transition *transition, enum kind kind, double time) {
    double period = transition->evidence.period;

    return time - transition->last > apart_beats * period &&
           time - transition->last_of[kind] > alike_beats * period;
}

static void tell(struct ja_stage *stage, enum kind kind, double time, double delta_db,
                 double confidence) {
    struct transition *transition = stage->state;
    struct ja_event event = {
        .type = JA_EVENT_TRANSITION,
        .time = time,
        .transition = {.kind = kinds[kind].name, .delta_db = delta_db, .confidence = confidence},
    };

    transition->last = transition->last_of[kind] = time;
    transition->kind = kind;
    ja_stage_emit(stage, &event);
}

/* The kind of which one is surest, against what is asked for. */
static enum kind surest(const struct ja_stage *stage, int look, const float *leaves,
                        double *confidence) {
    enum kind best = KINDS;
    double most = 1;

    for (int k = DROP; k <= FALL; k++) {
        double sure = logistic((double)leaves[k]);
        double ratio = sure / threshold(stage, (enum kind)k, looks[look].factor);

        if (ratio >= most) {
            most = ratio;
            best = (enum kind)k;
            *confidence = logistic(slope * (double)leaves[k] + kinds[k].bias + looks[look].bias);
        }
    }
    return best;
}

/* Whether this is music that has transitions. */
static bool is_music(const struct transition *transition) {
    return transition->best_beats >= enough_beats && isnan(transition->quiet_since);
}

static void decide(struct ja_stage *stage, int look, const float *leaves) {
    struct transition *transition = stage->state;
    const struct ja_evidence *evidence = &transition->evidence;
    long ago = looks[look].ago;
    double time = snap(evidence, ja_evidence_tick(evidence, ago - 1)->start), confidence = 0;
    double delta_db = change_db(evidence, ago);
    enum kind kind = surest(stage, look, leaves, &confidence);

    if (kind == KINDS || !is_music(transition) || !is_apart(transition, kind, time))
        return;
    if (!isnan(transition->back_since) && confidence < sure_of_return)
        return;
    tell(stage, kind, time, delta_db, confidence);
    transition->back_since = NAN;
}

static float *seen_at(struct transition *transition, long ago) {
    return transition->seen[(transition->evidence.count - ago) % SEEN_TICKS];
}

static void keep_odds(struct transition *transition, int look, const float *leaves) {
    float *seen = seen_at(transition, looks[look].ago);

    for (int k = 0; k < LATE_KINDS; k++)
        seen[k] = look == 0 ? leaves[k] : fmaxf(seen[k], leaves[k]);
}

static void decide_late(struct ja_stage *stage, enum kind kind) {
    struct transition *transition = stage->state;
    const struct ja_evidence *evidence = &transition->evidence;
    long best = late_first;

    if (evidence->count < late_heard)
        return;
    for (long ago = late_first; ago <= late_last; ago++)
        if (seen_at(transition, ago)[kind] > seen_at(transition, best)[kind])
            best = ago;
    double sure = logistic((double)seen_at(transition, best)[kind]);
    double time = snap(evidence, ja_evidence_tick(evidence, best - 1)->start);
    if (sure >= threshold(stage, kind, lates[kind].least_change) && is_music(transition) &&
        is_apart(transition, kind, time))
        tell(stage, kind, time, change_db(evidence, best), late_confidence);
}

/* dB by which each of the beats since is louder, or each quieter, than what was before; else 0. */
static double step_of(const struct ja_evidence *evidence) {
    double before = (double)ja_evidence_mean(evidence, JA_SERIES_FULL, step_ago, step_before);
    double step = (double)ja_evidence_mean(evidence, JA_SERIES_FULL, 0, step_ago) - before;

    for (long ago = 0; ago < step_ago; ago += JA_TICKS_PER_BEAT) {
        double beat =
            (double)ja_evidence_mean(evidence, JA_SERIES_FULL, ago, JA_TICKS_PER_BEAT) - before;

        if (copysign(1, step) * beat < step_beat_db)
            return 0;
    }
    return step;
}

/* So many ticks ago, about when it was, loudness stepped most. */
static long step_place(const struct ja_evidence *evidence) {
    float most = 0;
    long place = step_ago;

    for (long ago = step_ago - step_search; ago <= step_ago + step_search; ago++) {
        float step = fabsf(ja_evidence_mean(evidence, JA_SERIES_FULL, ago - step_span, step_span) -
                           ja_evidence_mean(evidence, JA_SERIES_FULL, ago, step_span));

        if (step > most) {
            most = step;
            place = ago;
        }
    }
    return place;
}

/* Louder, and the bass still away, after a breakdown is a build-up. */
static enum kind step_kind(const struct transition *transition, bool up) {
    bool away = transition->evidence.bass_there >= step_ago;

    return up && away && transition->kind == BREAKDOWN ? BUILDUP : up ? RISE : FALL;
}

static void decide_step(struct ja_stage *stage) {
    const struct settings *settings = stage->settings;
    struct transition *transition = stage->state;
    const struct ja_evidence *evidence = &transition->evidence;

    if (evidence->count < step_ago + step_before || !is_music(transition) ||
        transition->kind == BUILDUP)
        return;
    double step = step_of(evidence), time;
    enum kind kind = step_kind(transition, step > 0);
    double least = settings->least_db * ja_priors_energy(ja_stage_priors(stage), kinds[kind].name);

    if (fabs(step) < least)
        return;
    time = ja_evidence_tick(evidence, step_place(evidence) - 1)->start;
    if (time - transition->last > step_apart_beats * evidence->period)
        tell(stage, kind, snap(evidence, time), step, step_confidence);
}

static void follow_silence(struct ja_stage *stage) {
    struct transition *transition = stage->state;
    const struct ja_evidence *evidence = &transition->evidence;
    const struct ja_tick *tick = ja_evidence_tick(evidence, 0);
    double period = evidence->period, end = tick->start + period / JA_TICKS_PER_BEAT;

    if ((double)tick->values[JA_SERIES_KICK] > evidence->loudest - silence_db ||
        (double)tick->values[JA_SERIES_FULL] > evidence->loudest - silence_db) {
        if (transition->silent)
            transition->back_since = tick->start;
        transition->silent = false;
        transition->quiet_since = NAN;
        return;
    }
    transition->back_since = NAN;
    if (isnan(transition->quiet_since))
        transition->quiet_since = tick->start;
    if (!transition->silent && end - transition->quiet_since >= silence_s) {
        transition->silent = true;
        if (evidence->count * period / JA_TICKS_PER_BEAT > 2 * silence_s)
            tell(stage, SILENCE, transition->quiet_since, change_db(evidence, JA_TICKS_PER_BEAT),
                 1);
    }
}

/* Sound after silence, unless the network knew a better word for it. */
static void tell_return(struct ja_stage *stage) {
    struct transition *transition = stage->state;
    const struct ja_evidence *evidence = &transition->evidence;

    if (isnan(transition->back_since) || evidence->count < 2 ||
        ja_evidence_tick(evidence, 1)->start < transition->back_since)
        return;
    if (isfinite(transition->last_of[SILENCE]))
        tell(stage, RETURN, transition->back_since, change_db(evidence, 2), 1);
    transition->back_since = NAN;
}

/* What speaks for a change so many ticks ago, as the networks take it. */
static void gather(const struct transition *transition, long ago, float input[JA_CLUES]) {
    ja_evidence_clues(&transition->evidence, ago, input);
    for (int c = 0; c < JA_CLUES; c++)
        input[c] = tanhf(input[c] * ja_transition_unit[c]);
}

/* With the last tick of a beat. */
static void look_ahead(struct ja_stage *stage) {
    struct transition *transition = stage->state;
    const struct ja_evidence *evidence = &transition->evidence;
    const struct ja_tick *tick = ja_evidence_tick(evidence, 0);
    float input[JA_CLUES];

    if ((tick->number + 1) % JA_TICKS_PER_BEAT != 0 || evidence->count <= JA_TICKS_PER_BEAT)
        return;
    gather(transition, JA_TICKS_PER_BEAT, input);
    ja_outlook_hear(&transition->outlook, input);
    transition->outlook_beat = tick->start + evidence->period / JA_TICKS_PER_BEAT;
    for (int k = 0; k < LATE_KINDS; k++) {
        bool alike = (double)transition->outlook.sections[lates[k].section] >= lates[k].likely;

        transition->alike[k] = alike ? transition->alike[k] + 1 : 0;
        if (transition->alike[k] == LATE_BEATS)
            decide_late(stage, (enum kind)k);
    }
}

static void finish_tick(struct ja_stage *stage) {
    struct transition *transition = stage->state;
    float input[JA_CLUES], leaves[JA_CHANGE_LEAVES];

    follow_silence(stage);
    for (int i = 0; i < LOOKS && transition->evidence.count > looks[i].ago; i++) {
        gather(transition, looks[i].ago, input);
        weigh(input, leaves);
        keep_odds(transition, i, leaves);
        decide(stage, i, leaves);
    }
    look_ahead(stage);
    decide_step(stage);
    tell_return(stage);
}

static void transition_process(struct ja_stage *stage, const struct ja_span *hop,
                               const struct ja_spectrum *spectrum, float *out) {
    struct transition *transition = stage->state;

    if (ja_evidence_hear(&transition->evidence, hop, spectrum))
        finish_tick(stage);
    memcpy(out + OUT_SECTION, transition->outlook.sections, sizeof transition->outlook.sections);
    memcpy(out + OUT_WITHIN, transition->outlook.within, sizeof transition->outlook.within);
    out[OUT_AGE] = (float)(hop->end - transition->outlook_beat);
}

static void transition_command(struct ja_stage *stage, struct ja_stage_command *command,
                               double now) {
    struct transition *transition = stage->state;

    (void)now;
    transition->evidence.beat_time += command->shift_s;
    transition->outlook_beat += command->shift_s;
}

const struct ja_stage_class ja_transition_stage = {
    .module = &module,
    .state_size = sizeof(struct transition),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .events = 1u << JA_EVENT_TRANSITION,
    .needs_spectrum = true,
    .level = JA_LEVEL_LOW,
    .open = transition_open,
    .process = transition_process,
    .heard = transition_heard,
    .command = transition_command,
    .reset = transition_reset,
};
