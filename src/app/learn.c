/* Between the operator, the learner and the streams: feedback goes to the learner, what follows
 * from it to the streams, and soon after to the disk.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/clock.h>

#include <stdlib.h>
#include <string.h>

static const uint64_t save_after_us = 5000000;  /* so that much said at once is one file */
static const uint64_t save_again_us = 60000000; /* after it has failed */

static bool has_files(const struct ja_app *app, const struct ja_learn_settings *settings) {
    return !app->arguments->file || settings->use_offline;
}

enum ja_status ja_app_open_learner(struct ja_app *app, const struct ja_learn_settings *settings,
                                   struct ja_error *error) {
    return ja_learner_open(&app->learner, settings, has_files(app, settings), error);
}

/* --- Beside the loop --- */

/* What is unsaved is written, then another profile is read, if one is wanted. */
struct keeping {
    struct ja_chore chore;
    struct ja_app *app;
    bool saves, loads;
    struct ja_profile saved, loaded;
};

static void begin(struct ja_chore *chore) {
    struct keeping *keeping = (struct keeping *)chore;
    keeping->saves = ja_learner_begin_save(&keeping->app->learner, &keeping->saved);
}

static void work(struct ja_chore *chore) {
    struct keeping *keeping = (struct keeping *)chore;
    if (keeping->saves)
        ja_profile_save(&keeping->saved);
    if (keeping->loads)
        ja_profile_load(&keeping->loaded);
}

/* Unless something was learnt meanwhile, which has to be saved first, or a third profile is wanted
 * by now. */
static void done(struct ja_chore *chore, bool worked) {
    struct keeping *keeping = (struct keeping *)chore;
    struct ja_app *app = keeping->app;
    struct ja_learner *learner = &app->learner;
    if (worked && keeping->saves)
        ja_learner_end_save(learner, &keeping->saved);
    bool wanted =
        worked && keeping->loads && !strcmp(keeping->loaded.name, learner->settings.profile);
    if (wanted && learner->unsaved && !learner->save_failed && ja_chores_add(app->chores, chore))
        return;
    if (wanted)
        ja_learner_take_profile(learner, &keeping->loaded);
    free(keeping);
    ja_app_share_priors(app);
}

static bool keep(struct ja_app *app, const struct ja_profile *load) {
    struct keeping *keeping = calloc(1, sizeof *keeping);
    if (!keeping)
        return false;
    keeping->chore = (struct ja_chore){.begin = begin, .work = work, .done = done};
    keeping->app = app;
    keeping->loads = load != NULL;
    if (load)
        keeping->loaded = *load;
    if (ja_chores_add(app->chores, &keeping->chore))
        return true;
    free(keeping);
    return false;
}

enum ja_status ja_app_change_learner(struct ja_app *app, const struct ja_learn_settings *settings,
                                     struct ja_error *error) {
    struct ja_learner *learner = &app->learner;
    struct ja_learn_settings before = learner->settings;
    struct ja_profile profile;
    enum ja_status status =
        ja_learner_configure(learner, settings, has_files(app, settings), &profile, error);
    if (status == JA_OK && strcmp(before.profile, profile.name) != 0 && !keep(app, &profile)) {
        learner->settings = before;
        status = ja_fail(error, JA_FAILED, "learn.profile: there is too much to read: try again");
    }
    ja_app_share_priors(app);
    return status;
}

void ja_app_begin_save(struct ja_app *app) {
    if (app->learner.unsaved)
        keep(app, NULL);
}

void ja_app_end_chores(struct ja_app *app) {
    ja_chores_free(app->chores);
    app->chores = NULL;
    ja_learner_save(&app->learner);
}

static void save_due(void *data, uint64_t due_us) {
    struct ja_app *app = data;
    (void)due_us;
    app->save_timer = 0;
    keep(app, NULL); /* else the next results ask again */
}

void ja_app_share_priors(struct ja_app *app) {
    struct ja_priors priors;
    uint64_t wait_us = app->learner.save_failed ? save_again_us : save_after_us;
    if (app->learner.unsaved && !app->save_timer)
        app->save_timer = ja_loop_at(app->loop, ja_clock_us() + wait_us, save_due, app);
    if (!ja_learner_take(&app->learner, &priors))
        return;
    for (size_t i = 0; i < app->stream_count; i++) {
        if (!ja_stream_set_priors(app->streams[i], &priors))
            app->learner.changed = true; /* with the next results, then */
    }
}

/* What is said is about the first stream on which something was told that it can be about. */
enum ja_status ja_app_feedback(struct ja_app *app, enum ja_verdict verdict, struct ja_text *reply) {
    struct ja_stage_command command = {0};
    bool acts = ja_verdict_action(verdict, &command.action), done = false;
    size_t before = reply->length;
    for (size_t i = 0; i < app->stream_count && !done; i++) {
        if (!ja_app_present_time(app, i, &command.time))
            continue;
        reply->length = before;
        done = ja_learner_judge(&app->learner, &app->ears[i], verdict, command.time, reply);
        if (done && acts && !ja_stream_command(app->streams[i], &command)) {
            ja_text_put(reply, "; but the analysis takes no commands now");
            return JA_FAILED;
        }
    }
    if (reply->length == before)
        ja_text_put(reply, "no sound has come in yet");
    ja_app_share_priors(app);
    return done ? JA_OK : JA_FAILED;
}
