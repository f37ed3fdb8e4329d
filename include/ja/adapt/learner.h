/* Learns from what the operator says: how often a tempo was an octave off, which transitions were
 * false or missed, by how much beats are nudged.
 *
 * All of it lives on the main thread. The analysis gets only the priors that follow from it
 * (ja/pipeline/priors.h). Every effect is bounded, and the last ten cases of a kind count most.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_ADAPT_LEARNER_H
#define JA_ADAPT_LEARNER_H

#include <ja/adapt/model.h>
#include <ja/config/option.h>
#include <ja/core/text.h>
#include <ja/pipeline/stage.h>

/* Options "learn.…". */
struct ja_learn_settings {
    bool enabled;
    char profile[64];
    double max_effect; /* 0…1 */
    bool use_offline;
};
extern const struct ja_module ja_learn_module;

/* What the operator can say. */
enum ja_verdict {
    JA_VERDICT_GOOD,
    JA_VERDICT_WRONG_OCTAVE,
    JA_VERDICT_OFF_BEAT,
    JA_VERDICT_WRONG_ONE,
    JA_VERDICT_ENERGY_GOOD,
    JA_VERDICT_ENERGY_FALSE,
    JA_VERDICT_ENERGY_MISSED,
    JA_VERDICTS
};

/* Which verdict `word` is; JA_VERDICTS and a sentence when it is none. */
enum ja_verdict ja_verdict_find(const char *word, struct ja_text *reply);
/* What the stages are to be told at once; false: nothing. */
bool ja_verdict_action(enum ja_verdict verdict, enum ja_beat_action *action);

/* What was told last on one stream: what a verdict is about. Zeroed, nothing was told. */
struct ja_ear {
    double bpm, beat_at; /* of the last beat, and s of audio when it was told; bpm 0: none */
    const char *kind;    /* of the last transition; NULL: none … */
    double kind_at;      /* … and when it was told */
    double doubted_bpm;  /* 0, or the tempo that is an octave off: the next beats say which … */
    double doubted_at;   /* … after this time */
};

/* Zeroed before it is first opened. */
struct ja_learner {
    struct ja_learn_settings settings;
    struct ja_model model;
    char path[JA_MODEL_PATH]; /* "": it is kept in memory only */
    char profile[64];         /* whose model it is; other than settings.profile: not for long */
    bool changed;             /* the priors, since they were last taken */
    bool unsaved;             /* the model, since it was last saved */
    bool save_failed;         /* the last time; told when it began */
    bool nudged;              /* in this run; else it goes by habit */
    double nudge_ms;          /* in force in this run */
};

/* What is known of a profile, or of what is to be. */
struct ja_profile {
    char name[64];
    char path[JA_MODEL_PATH]; /* "": there is no file */
    struct ja_model model;
    enum ja_status status; /* of reading or writing */
    struct ja_error error;
};

/* Begins, or goes over to another profile, with what is known of it. With `files` that is read and
 * will be kept. Every trouble with the file is logged, and learning goes on in memory. JA_USAGE,
 * and nothing has changed: the profile's name cannot be. */
enum ja_status ja_learner_open(struct ja_learner *learner, const struct ja_learn_settings *settings,
                               bool files, struct ja_error *error);
/* Saves what is unsaved; waits for the disk. When that fails it says so, once, and stays unsaved.
 */
void ja_learner_save(struct ja_learner *learner);

/* The same in steps, of which those that wait for the disk may be done in another thread. First,
 * nothing is read of the profile that the settings name: that is for ja_profile_load, and then
 * ja_learner_take_profile. */
enum ja_status ja_learner_configure(struct ja_learner *learner,
                                    const struct ja_learn_settings *settings, bool files,
                                    struct ja_profile *profile, struct ja_error *error);
void ja_profile_load(struct ja_profile *profile);
void ja_learner_take_profile(struct ja_learner *learner, const struct ja_profile *profile);
/* False: there is nothing to save. Else it is for ja_profile_save, and then
 * ja_learner_end_save. */
bool ja_learner_begin_save(struct ja_learner *learner, struct ja_profile *profile);
void ja_profile_save(struct ja_profile *profile);
void ja_learner_end_save(struct ja_learner *learner, const struct ja_profile *profile);
/* Removes the model's file of the profile; *was tells whether there was one. */
enum ja_status ja_learner_forget(const struct ja_learn_settings *settings, bool *was,
                                 struct ja_error *error);

/* The priors; false, and nothing written, when they have not changed since the last call. */
bool ja_learner_take(struct ja_learner *learner, struct ja_priors *priors);

/* An event was told on the stream of `ear`. */
void ja_learner_hear(struct ja_learner *learner, struct ja_ear *ear, const struct ja_event *event);
/* The operator says so now, `now` s of the stream's audio; `reply` says what is learnt. False, and
 * why, when nothing was told that it could be about. */
bool ja_learner_judge(struct ja_learner *learner, struct ja_ear *ear, enum ja_verdict verdict,
                      double now, struct ja_text *reply);
/* The operator nudges the beats by so many ms, or takes all nudges back. */
void ja_learner_nudged(struct ja_learner *learner, double ms);
void ja_learner_unnudged(struct ja_learner *learner);

#endif
