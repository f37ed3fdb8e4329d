/* Feedback becomes sums of cases, and these become small leanings.
 *
 * Tempo: for every sixth of an octave it is counted how often the told tempo was right, twice too
 * fast or twice too slow; a new case makes the ones before it count a tenth less. The share of the
 * wrong ones, as if two right cases had been seen before any, is evidence of at most
 * `most_evidence` a beat against that tempo, and as much for the one that was right. That decides
 * what is in doubt, such as beats twice as strong as the ones between them.
 *
 * Transitions: each false alarm raises the threshold of its kind by a tenth, each one missed lowers
 * all; the older the less.
 *
 * Nudges: the mean of what they came to.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/adapt/learner.h>

#include <ja/core/log.h>
#include <ja/core/math.h>

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static const double forgetting = 0.1;    /* of the older cases at each new one */
static const double right_before = 2000; /* thousandths of cases: right ones assumed */
static const double most_evidence = 0.4; /* logarithm of odds at each beat */
static const double certain_share = 0.7; /* of wrong cases; more make no difference */
static const double energy_step = 100;   /* thousandths, logarithm */
static const double nudge_share = 0.3;   /* of the last nudge in the mean */
static const double most_nudge_ms = 200; /* as the beat stage allows */
static const double beat_memory_s = 10, kind_memory_s = 30; /* how long one can speak of it */
static const double doubt_s = 8; /* how long another octave may take to come */

static const struct ja_option options[] = {
    JA_OPTION_BOOL(struct ja_learn_settings, enabled, "enabled", "true", JA_LIVE,
                   "Whether feedback and nudges are learnt from and what was learnt is used."),
    JA_OPTION_STRING(struct ja_learn_settings, profile, "profile", "default", JA_LIVE,
                     "Name of the venue or the operator; for each, what is learnt is kept apart."),
    JA_OPTION_FLOAT(struct ja_learn_settings, max_effect, "max_effect", "1", 0, 1, NULL, JA_LIVE,
                    "How much what was learnt may bear on the analysis; 1 is as much as it ever "
                    "may."),
    JA_OPTION_BOOL(struct ja_learn_settings, use_offline, "use_offline", "false", JA_START,
                   "Whether it is used and kept with --file too; without it a file gives the same "
                   "result every time."),
};

const struct ja_module ja_learn_module = {
    .name = "learn",
    .help = "Learning from the operator.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct ja_learn_settings),
};

/* --- Model and file --- */

/* Logs why nothing will be kept. */
static void keep_in_memory(struct ja_learner *learner, const struct ja_error *why) {
    ja_log(JA_LOG_WARNING, "what is learnt is not kept: %s", why->text);
    learner->path[0] = '\0';
}

void ja_profile_load(struct ja_profile *profile) {
    if (profile->path[0])
        profile->status = ja_model_load(&profile->model, profile->path, &profile->error);
}

void ja_learner_take_profile(struct ja_learner *learner, const struct ja_profile *profile) {
    learner->model = profile->model;
    learner->unsaved = learner->save_failed = false;
    learner->changed = true;
    ja_text_copy(learner->profile, sizeof learner->profile, profile->name);
    ja_text_copy(learner->path, sizeof learner->path, profile->path);
    if (profile->status == JA_USAGE)
        ja_log(JA_LOG_WARNING, "what was learnt is forgotten: %s", profile->error.text);
    else if (profile->status != JA_OK)
        keep_in_memory(learner, &profile->error);
    if (!learner->nudged)
        learner->nudge_ms = learner->model.latency_us * 1e-3 * learner->settings.max_effect;
}

enum ja_status ja_learner_configure(struct ja_learner *learner,
                                    const struct ja_learn_settings *settings, bool files,
                                    struct ja_profile *profile, struct ja_error *error) {
    *profile = (struct ja_profile){.status = JA_OK};
    profile->status = ja_model_path(settings->profile, profile->path, &profile->error);
    if (profile->status == JA_USAGE)
        return ja_fail(error, JA_USAGE, "%s", profile->error.text);
    ja_text_copy(profile->name, sizeof profile->name, settings->profile);
    if (!files)
        profile->status = JA_OK;
    if (!files || profile->status != JA_OK)
        profile->path[0] = '\0';
    learner->settings = *settings;
    learner->changed = true;
    return JA_OK;
}

enum ja_status ja_learner_open(struct ja_learner *learner, const struct ja_learn_settings *settings,
                               bool files, struct ja_error *error) {
    struct ja_profile profile;
    enum ja_status status = ja_learner_configure(learner, settings, files, &profile, error);
    if (status != JA_OK || !strcmp(learner->profile, profile.name))
        return status;
    ja_profile_load(&profile);
    ja_learner_take_profile(learner, &profile);
    return JA_OK;
}

bool ja_learner_begin_save(struct ja_learner *learner, struct ja_profile *profile) {
    bool due = learner->unsaved && learner->path[0];
    learner->unsaved = false;
    if (!due)
        return false;
    profile->model = learner->model;
    ja_text_copy(profile->path, sizeof profile->path, learner->path);
    return true;
}

void ja_profile_save(struct ja_profile *profile) {
    profile->status = ja_model_save(&profile->model, profile->path, &profile->error);
}

void ja_learner_end_save(struct ja_learner *learner, const struct ja_profile *profile) {
    bool failed = profile->status != JA_OK;
    if (failed && !learner->save_failed)
        ja_log(JA_LOG_WARNING, "what is learnt cannot be written and stays in memory: %s",
               profile->error.text);
    learner->save_failed = failed;
    learner->unsaved |= failed;
}

void ja_learner_save(struct ja_learner *learner) {
    struct ja_profile profile;
    if (!ja_learner_begin_save(learner, &profile))
        return;
    ja_profile_save(&profile);
    ja_learner_end_save(learner, &profile);
}

enum ja_status ja_learner_forget(const struct ja_learn_settings *settings, bool *was,
                                 struct ja_error *error) {
    char path[JA_MODEL_PATH];
    enum ja_status status = ja_model_path(settings->profile, path, error);
    if (status != JA_OK)
        return status;
    *was = unlink(path) == 0;
    if (!*was && errno != ENOENT && errno != ENOTDIR)
        return ja_fail(error, JA_FAILED, "%.300s: %s", path, strerror(errno));
    return JA_OK;
}

static void has_learnt(struct ja_learner *learner) {
    learner->changed = learner->unsaved = true;
}

/* --- Priors --- */

/* 0…1: how sure it is that tempi here are wrong to this side. */
static double doubt(const struct ja_model *model, int i, enum ja_tempo_case which) {
    const int *cases = model->tempo[i];
    double wrong = cases[which] / (cases[0] + cases[1] + cases[2] + right_before);
    return fmin(1, wrong / certain_share);
}

static void lean(double *tempo, int from, int to, double evidence) {
    tempo[from] -= evidence;
    if (to >= 0 && to < JA_PRIOR_TEMPI)
        tempo[to] += evidence;
}

bool ja_learner_take(struct ja_learner *learner, struct ja_priors *priors) {
    const struct ja_model *model = &learner->model;
    double effect = learner->settings.enabled ? learner->settings.max_effect : 0;
    double most = most_evidence * effect;
    if (!learner->changed)
        return false;
    *priors = ja_neutral_priors;
    for (int i = 0; i < JA_PRIOR_TEMPI; i++) {
        lean(priors->tempo, i, i - JA_PRIOR_OCTAVE, most * doubt(model, i, JA_TEMPO_TOO_FAST));
        lean(priors->tempo, i, i + JA_PRIOR_OCTAVE, most * doubt(model, i, JA_TEMPO_TOO_SLOW));
    }
    for (int i = 0; i < JA_PRIOR_TEMPI; i++)
        priors->tempo[i] = ja_clamp(priors->tempo[i], -most, most);
    for (int i = 0; i < JA_PRIOR_KINDS; i++)
        priors->energy[i] = exp(effect * model->energy[i] * 1e-3);
    priors->latency_s = effect * model->latency_us * 1e-6;
    learner->changed = false;
    return true;
}

/* --- Learning --- */

/* A case counts for the two tempi that it lies between, more for the nearer. */
static void count_tempo(struct ja_learner *learner, double bpm, enum ja_tempo_case which) {
    double place = ja_prior_place(bpm);
    for (int i = 0; i < JA_PRIOR_TEMPI; i++) {
        double weight = 1 - fabs(place - i);
        int *cases = learner->model.tempo[i];
        if (weight <= 0)
            continue;
        for (int c = 0; c < JA_TEMPO_CASES; c++)
            cases[c] = (int)(cases[c] * (1 - forgetting * weight));
        cases[which] += (int)lround(1000 * weight);
        if (cases[which] > JA_MODEL_CASES)
            cases[which] = JA_MODEL_CASES;
    }
    has_learnt(learner);
}

static void shift_threshold(struct ja_learner *learner, int kind, double step) {
    int *energy = &learner->model.energy[kind];
    double next = (1 - forgetting) * *energy + step;
    *energy = (int)ja_clamp(next, -JA_MODEL_ENERGY, JA_MODEL_ENERGY);
    has_learnt(learner);
}

/* The next beats tell which octave was taken. */
static void resolve_doubt(struct ja_learner *learner, struct ja_ear *ear,
                          const struct ja_event *beat) {
    double octaves = log2(ear->doubted_bpm / beat->beat.bpm);
    if (beat->emitted > ear->doubted_at && fabs(fabs(octaves) - 1) < 0.25)
        count_tempo(learner, ear->doubted_bpm, octaves > 0 ? JA_TEMPO_TOO_FAST : JA_TEMPO_TOO_SLOW);
    else if (beat->emitted < ear->doubted_at + doubt_s)
        return;
    ear->doubted_bpm = 0;
}

void ja_learner_hear(struct ja_learner *learner, struct ja_ear *ear, const struct ja_event *event) {
    if (event->type == JA_EVENT_BEAT && event->beat.bpm > 0) {
        if (ear->doubted_bpm > 0)
            resolve_doubt(learner, ear, event);
        ear->bpm = event->beat.bpm;
        ear->beat_at = event->emitted;
    } else if (event->type == JA_EVENT_TRANSITION) {
        ear->kind = event->transition.kind;
        ear->kind_at = event->emitted;
    }
}

/* --- Verdicts --- */

typedef void judge_function(struct ja_learner *learner, struct ja_ear *ear, double now,
                            struct ja_text *reply);

static bool may_learn(const struct ja_learner *learner, struct ja_text *reply) {
    if (!learner->settings.enabled)
        ja_text_put(reply, "; nothing is learnt while learn.enabled is false");
    return learner->settings.enabled;
}

static void judge_good(struct ja_learner *learner, struct ja_ear *ear, double now,
                       struct ja_text *reply) {
    (void)now;
    ja_text_format(reply, "%.1f bpm is right", ear->bpm);
    if (!may_learn(learner, reply))
        return;
    count_tempo(learner, ear->bpm, JA_TEMPO_RIGHT);
    ja_text_put(reply, ": such tempi are doubted less");
}

static void judge_wrong_octave(struct ja_learner *learner, struct ja_ear *ear, double now,
                               struct ja_text *reply) {
    ja_text_format(reply, "taking the other octave of %.1f bpm", ear->bpm);
    if (!may_learn(learner, reply))
        return;
    ear->doubted_bpm = ear->bpm;
    ear->doubted_at = now;
    ja_text_put(reply, ": such tempi are doubted more");
}

static void judge_off_beat(struct ja_learner *learner, struct ja_ear *ear, double now,
                           struct ja_text *reply) {
    (void)learner, (void)ear, (void)now;
    ja_text_put(reply, "beats moved by half a beat; nothing is learnt from that");
}

static void judge_wrong_one(struct ja_learner *learner, struct ja_ear *ear, double now,
                            struct ja_text *reply) {
    (void)learner, (void)ear, (void)now;
    ja_text_put(reply, "the bar begins on another beat; nothing is learnt from that");
}

static void put_factor(const struct ja_learner *learner, int kind, struct ja_text *reply) {
    ja_text_format(reply, "%.2f times the usual", exp(learner->model.energy[kind] * 1e-3));
}

static void judge_transition(struct ja_learner *learner, const struct ja_ear *ear, double step,
                             struct ja_text *reply) {
    int kind = ja_prior_kind(ear->kind);
    if (!may_learn(learner, reply) || kind < 0)
        return;
    shift_threshold(learner, kind, step);
    ja_text_put(reply, ": its threshold is now ");
    put_factor(learner, kind, reply);
}

static void judge_energy_good(struct ja_learner *learner, struct ja_ear *ear, double now,
                              struct ja_text *reply) {
    (void)now;
    ja_text_format(reply, "the %s was right", ear->kind);
    judge_transition(learner, ear, 0, reply);
}

static void judge_energy_false(struct ja_learner *learner, struct ja_ear *ear, double now,
                               struct ja_text *reply) {
    (void)now;
    ja_text_format(reply, "the %s was a false alarm", ear->kind);
    judge_transition(learner, ear, energy_step, reply);
}

/* Nobody knows of which kind it was. */
static void judge_energy_missed(struct ja_learner *learner, struct ja_ear *ear, double now,
                                struct ja_text *reply) {
    (void)ear, (void)now;
    ja_text_put(reply, "a transition was missed");
    if (!may_learn(learner, reply))
        return;
    for (int i = 0; i < JA_PRIOR_KINDS; i++)
        shift_threshold(learner, i, -energy_step);
    ja_text_put(reply, ": all thresholds are lower, that of a drop is now ");
    put_factor(learner, ja_prior_kind("drop"), reply);
}

enum { ABOUT_BEAT, ABOUT_TRANSITION, ABOUT_NOTHING, NO_ACTION = -1 };

static const struct {
    const char *word, *plain; /* and a shorter one, or NULL */
    int about;
    int action;
    judge_function *judge;
} verdicts[JA_VERDICTS] = {
    [JA_VERDICT_GOOD] = {"good", NULL, ABOUT_BEAT, NO_ACTION, judge_good},
    [JA_VERDICT_WRONG_OCTAVE] = {"wrong-octave", NULL, ABOUT_BEAT, JA_BEAT_WRONG_OCTAVE,
                                 judge_wrong_octave},
    [JA_VERDICT_OFF_BEAT] = {"off-beat", NULL, ABOUT_BEAT, JA_BEAT_OFF_BEAT, judge_off_beat},
    [JA_VERDICT_WRONG_ONE] = {"wrong-one", NULL, ABOUT_BEAT, JA_BEAT_WRONG_ONE, judge_wrong_one},
    [JA_VERDICT_ENERGY_GOOD] = {"energy-good", NULL, ABOUT_TRANSITION, NO_ACTION,
                                judge_energy_good},
    [JA_VERDICT_ENERGY_FALSE] = {"energy-false", "false-alarm", ABOUT_TRANSITION, NO_ACTION,
                                 judge_energy_false},
    [JA_VERDICT_ENERGY_MISSED] = {"energy-missed", "missed", ABOUT_NOTHING, NO_ACTION,
                                  judge_energy_missed},
};

enum ja_verdict ja_verdict_find(const char *word, struct ja_text *reply) {
    for (int i = 0; i < JA_VERDICTS; i++) {
        if (strcmp(word, verdicts[i].word) == 0 ||
            (verdicts[i].plain && strcmp(word, verdicts[i].plain) == 0))
            return (enum ja_verdict)i;
    }
    ja_text_put(reply, "feedback takes");
    for (int i = 0; i < JA_VERDICTS; i++)
        ja_text_format(reply, "%s %s", i > 0 ? "," : "", verdicts[i].word);
    ja_text_format(reply, ", not \"%.32s\"", word);
    return JA_VERDICTS;
}

bool ja_verdict_action(enum ja_verdict verdict, enum ja_beat_action *action) {
    if (verdicts[verdict].action == NO_ACTION)
        return false;
    *action = (enum ja_beat_action)verdicts[verdict].action;
    return true;
}

bool ja_learner_judge(struct ja_learner *learner, struct ja_ear *ear, enum ja_verdict verdict,
                      double now, struct ja_text *reply) {
    int about = verdicts[verdict].about;
    if (about == ABOUT_BEAT && !(ear->bpm > 0 && now - ear->beat_at < beat_memory_s)) {
        ja_text_format(reply, "no beat was told in the last %g s", beat_memory_s);
        return false;
    }
    if (about == ABOUT_TRANSITION && !(ear->kind && now - ear->kind_at < kind_memory_s)) {
        ja_text_format(reply, "no transition was told in the last %g s", kind_memory_s);
        return false;
    }
    verdicts[verdict].judge(learner, ear, now, reply);
    return true;
}

/* --- Nudges --- */

void ja_learner_nudged(struct ja_learner *learner, double ms) {
    struct ja_model *model = &learner->model;
    learner->nudge_ms = ja_clamp(learner->nudge_ms + ms, -most_nudge_ms, most_nudge_ms);
    learner->nudged = true;
    if (!learner->settings.enabled)
        return;
    double wanted_us = ja_clamp(learner->nudge_ms * 1e3, -JA_MODEL_LATENCY_US, JA_MODEL_LATENCY_US);
    model->latency_us += (int)lround(nudge_share * (wanted_us - model->latency_us));
    has_learnt(learner);
}

void ja_learner_unnudged(struct ja_learner *learner) {
    learner->nudge_ms = 0;
    learner->nudged = true;
}
