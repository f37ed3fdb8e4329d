/* Between the operator, the learner and the streams: feedback goes to the learner, what follows
 * from it to the streams, and soon after to the disk.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/clock.h>

#include <string.h>

static const uint64_t save_after_us = 5000000;  /* so that much said at once is one file */
static const uint64_t save_again_us = 60000000; /* after it has failed */

enum ja_status ja_app_open_learner(struct ja_app *app, const struct ja_learn_settings *settings,
                                   struct ja_error *error) {
    bool files = !app->arguments->file || settings->use_offline;
    ja_learner_save(&app->learner);
    enum ja_status status = ja_learner_open(&app->learner, settings, files, error);
    ja_app_share_priors(app);
    return status;
}

static void save_due(void *data, uint64_t due_us) {
    struct ja_app *app = data;
    (void)due_us;
    app->save_timer = 0;
    ja_learner_save(&app->learner);
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
