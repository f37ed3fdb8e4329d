/* Commands that need a preset: it is read beside the loop, then the command goes on.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/config/preset.h>

#include <stdlib.h>

enum { REPLY_BYTES = 1024 };

struct reading {
    struct ja_chore chore;
    struct ja_app *app;
    struct ja_waiter *waiter;
    struct ja_preset_wish wish;
    struct ja_config *config;
    enum ja_status status;
    struct ja_error error;
};

static void begin(struct ja_chore *chore) {
    struct reading *reading = (struct reading *)chore;
    const struct ja_app *app = reading->app;
    reading->config = ja_config_clone(reading->wish.alone ? app->defaults : app->config);
}

static void work(struct ja_chore *chore) {
    struct reading *reading = (struct reading *)chore;
    reading->status = reading->config
                          ? ja_preset_apply(reading->config, reading->wish.name, &reading->error)
                          : ja_fail(&reading->error, JA_FAILED, "no memory to read a preset");
}

static void done(struct ja_chore *chore, bool worked) {
    struct reading *reading = (struct reading *)chore;
    enum ja_status status = worked ? reading->status : JA_FAILED;
    char answer[REPLY_BYTES];
    struct ja_text reply;
    ja_text_init(&reply, answer, sizeof answer);
    if (!worked || reading->app->closed)
        ja_text_put(&reply, "the program ends");
    else if (status != JA_OK)
        ja_text_put(&reply, reading->error.text);
    else
        status = reading->wish.use(reading->app, &reading->wish, reading->config, &reply);
    ja_command_answer(reading->waiter, status, answer);
    ja_config_free(reading->config);
    free(reading);
}

enum ja_status ja_app_read_preset(const struct ja_operator *who, const struct ja_preset_wish *wish,
                                  struct ja_text *reply) {
    struct ja_app *app = who->data;
    struct reading *reading = malloc(sizeof *reading);
    if (!reading) {
        ja_text_put(reply, "no memory to read a preset");
        return JA_FAILED;
    }
    *reading = (struct reading){
        .chore = {.begin = begin, .work = work, .done = done}, .app = app, .wish = *wish};
    bool can = ja_command_put_off(who, &reading->waiter, reply);
    if (can && ja_chores_add(app->chores, &reading->chore))
        return JA_OK;
    if (can)
        ja_command_answer(reading->waiter, JA_FAILED, "too many presets at a time: try again");
    free(reading);
    return JA_FAILED;
}

/* --- The command "preset" --- */

static enum ja_status take_layer(struct ja_config *config, const void *read,
                                 struct ja_error *error) {
    return ja_config_take_layer(config, JA_LAYER_PRESET, read, error);
}

static enum ja_status lay(struct ja_app *app, const struct ja_preset_wish *wish,
                          const struct ja_config *read, struct ja_text *reply) {
    enum ja_status status = ja_app_change(app, take_layer, read, reply);
    if (status == JA_OK)
        ja_text_format(reply, "preset %s", wish->name);
    return status;
}

enum ja_status ja_app_preset(const struct ja_operator *who, const char *name,
                             struct ja_text *reply) {
    struct ja_preset_wish wish = {.use = lay};
    ja_text_copy(wish.name, sizeof wish.name, name); /* one so long that it is cut is wrong, too */
    return ja_app_read_preset(who, &wish, reply);
}
