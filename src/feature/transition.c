/* When the energy of the music changes: drops, breakdowns, build-ups, rises, falls, silence and the
 * return from it, as they happen.
 *
 * With every sixteenth a small network (one hidden layer, src/train/transitions.py) weighs the
 * evidence for a change two, four and eight sixteenths ago; the first that is sure enough is told,
 * as of the beat at which it happened. Another says in what part of the piece this seems to be, and
 * how likely a drop, breakdown or build-up is within the next beats: the stages that tell sections
 * and foretell transitions read that.
 *
 * Silence is a rule: everything has sunk far below the loudest. So is a plain step of loudness,
 * told when it has lasted for two bars.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
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
} looks[] = {{2, 1, 0}, {4, 0.67, -0.63}, {8, 0.53, -1.75}};
enum { LOOKS = sizeof looks / sizeof *looks };

enum kind { DROP, BREAKDOWN, BUILDUP, RISE, FALL, SILENCE, RETURN, KINDS };

/* `threshold`: how sure the network must be; `bias`: of the log odds, from what the network says of
 * one sixteenth to how often what is told was right (src/train/transitions.py sees, on music that
 * it was not trained on). */
static const struct {
    const char *name;
    double threshold, bias;
} kinds[KINDS] = {
    [DROP] = {"drop", 0.25, 2.89},       [BREAKDOWN] = {"breakdown", 0.3, 2.56},
    [BUILDUP] = {"buildup", 0.18, 2.25}, [RISE] = {"rise", 0.2, 3.24},
    [FALL] = {"fall", 0.2, 1},           [SILENCE] = {"silence", 0, 0},
    [RETURN] = {"return", 0, 0},
};
static const double slope = 0.55; /* of the log odds, likewise */

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
    float odds[JA_OUTLOOK_SECTIONS];
    float within[JA_OUTLOOK_FORETOLD][JA_OUTLOOK_SPANS - 1];
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

enum { OUT_SECTION, OUT_WITHIN = JA_OUTLOOK_SECTIONS };

static const struct ja_output outputs[] = {
    {"section_odds", NULL, JA_OUTPUT_NUMBER, JA_OUTLOOK_SECTIONS, 0, 1,
     "How much this sounds like intro, groove, build-up, drop, breakdown, outro."},
    {"drop_within", NULL, JA_OUTPUT_NUMBER, JA_OUTLOOK_SPANS - 1, 0, 1,
     "How likely a drop comes within the next 4, 8, 16, 32 beats, by the sound alone."},
    {"breakdown_within", NULL, JA_OUTPUT_NUMBER, JA_OUTLOOK_SPANS - 1, 0, 1,
     "The same for a breakdown."},
    {"buildup_within", NULL, JA_OUTPUT_NUMBER, JA_OUTLOOK_SPANS - 1, 0, 1,
     "The same for a build-up."},
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
    for (int i = 0; i < JA_OUTLOOK_SECTIONS; i++)
        transition->odds[i] = NAN;
    for (int f = 0; f < JA_OUTLOOK_FORETOLD; f++)
        for (int i = 0; i < JA_OUTLOOK_SPANS - 1; i++)
            transition->within[f][i] = NAN;
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

struct layer {
    const float *weights, *bias; /* outputs × inputs, outputs */
    int inputs, outputs;
};

static const struct layer change_enter = {
    ja_transition_change_enter[0], ja_transition_change_enter_bias, JA_CLUES, JA_CHANGE_HIDDEN};
static const struct layer change_leave = {ja_transition_change_leave[0],
                                          ja_transition_change_leave_bias, JA_CHANGE_HIDDEN,
                                          JA_CHANGE_LEAVES};
static const struct layer outlook_enter = {ja_transition_outlook_enter[0],
                                           ja_transition_outlook_enter_bias, JA_OUTLOOK_CLUES,
                                           JA_OUTLOOK_HIDDEN};
static const struct layer outlook_leave = {ja_transition_outlook_leave[0],
                                           ja_transition_outlook_leave_bias, JA_OUTLOOK_HIDDEN,
                                           JA_OUTLOOK_LEAVES};

static void pass(const struct layer *layer, const float *input, float *output) {
    for (int o = 0; o < layer->outputs; o++) {
        const float *weights = layer->weights + o * layer->inputs;

        output[o] = layer->bias[o];
        for (int i = 0; i < layer->inputs; i++)
            output[o] += weights[i] * input[i];
    }
}

static void weigh(const struct layer *enter, const struct layer *leave, const float *input,
                  float *leaves) {
    float hidden[JA_CHANGE_HIDDEN];

    pass(enter, input, hidden);
    for (int h = 0; h < enter->outputs; h++)
        hidden[h] = tanhf(hidden[h]);
    pass(leave, hidden, leaves);
}

static void share(float *values, int count) {
    float most = values[0], sum = 0;

    for (int i = 1; i < count; i++)
        most = fmaxf(most, values[i]);
    for (int i = 0; i < count; i++)
        sum += values[i] = expf(values[i] - most);
    for (int i = 0; i < count; i++)
        values[i] /= sum;
}

static void keep_outlook(struct transition *transition, float *leaves) {
    float *spans = leaves + JA_OUTLOOK_SECTIONS;

    share(leaves, JA_OUTLOOK_SECTIONS);
    memcpy(transition->odds, leaves, sizeof transition->odds);
    for (int f = 0; f < JA_OUTLOOK_FORETOLD; f++, spans += JA_OUTLOOK_SPANS) {
        float sum = 0;

        share(spans, JA_OUTLOOK_SPANS);
        for (int i = 0; i < JA_OUTLOOK_SPANS - 1; i++)
            transition->within[f][i] = sum += spans[i];
    }
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

static void decide(struct ja_stage *stage, int look, const float *leaves) {
    struct transition *transition = stage->state;
    const struct ja_evidence *evidence = &transition->evidence;
    long ago = looks[look].ago;
    double time = snap(evidence, ja_evidence_tick(evidence, ago - 1)->start), confidence = 0;
    double delta_db = change_db(evidence, ago);
    enum kind kind = surest(stage, look, leaves, &confidence);

    if (transition->best_beats < enough_beats)
        return;
    if (kind == KINDS || !isnan(transition->quiet_since) || !is_apart(transition, kind, time))
        return;
    if (!isnan(transition->back_since) && confidence < sure_of_return)
        return;
    tell(stage, kind, time, delta_db, confidence);
    transition->back_since = NAN;
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

    if (evidence->count < step_ago + step_before || !isnan(transition->quiet_since) ||
        transition->best_beats < enough_beats || transition->kind == BUILDUP)
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

static void finish_tick(struct ja_stage *stage) {
    struct transition *transition = stage->state;
    float clues[JA_CLUES], input[JA_CLUES], change[JA_CHANGE_LEAVES], outlook[JA_OUTLOOK_LEAVES];

    follow_silence(stage);
    for (int i = 0; i < LOOKS && transition->evidence.count > looks[i].ago; i++) {
        ja_evidence_clues(&transition->evidence, looks[i].ago, clues);
        for (int c = 0; c < JA_CLUES; c++)
            input[c] = tanhf(clues[c] * ja_transition_unit[c]);
        weigh(&change_enter, &change_leave, input, change);
        decide(stage, i, change);
        if (i > 0)
            continue;
        weigh(&outlook_enter, &outlook_leave, input, outlook);
        keep_outlook(transition, outlook);
    }
    decide_step(stage);
    tell_return(stage);
}

static void transition_process(struct ja_stage *stage, const struct ja_span *hop,
                               const struct ja_spectrum *spectrum, float *out) {
    struct transition *transition = stage->state;

    if (ja_evidence_hear(&transition->evidence, hop, spectrum))
        finish_tick(stage);
    memcpy(out + OUT_SECTION, transition->odds, sizeof transition->odds);
    memcpy(out + OUT_WITHIN, transition->within, sizeof transition->within);
}

static void transition_command(struct ja_stage *stage, struct ja_stage_command *command,
                               double now) {
    struct transition *transition = stage->state;

    (void)now;
    transition->evidence.beat_time += command->shift_s;
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
