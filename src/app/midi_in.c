/* Commands by MIDI: takes what came in at the port midi_in, and keeps what was learnt as an option.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/log.h>

#include <string.h>

static struct ja_midi_in_settings settings_of(const struct ja_config *config) {
    struct ja_midi_in_settings settings;
    memset(&settings, 0, sizeof settings);
    ja_config_fill(config, &ja_midi_in_module, NULL, &settings);
    return settings;
}

enum ja_status ja_app_check_midi_in(const struct ja_config *config, struct ja_error *error) {
    struct ja_midi_in_settings settings = settings_of(config);
    struct ja_midi_in in = {.count = 0};
    return ja_midi_in_read(&in, settings.bind, error);
}

enum ja_status ja_app_open_midi_in(struct ja_app *app, struct ja_error *error) {
    struct ja_midi_in_settings settings = settings_of(app->config);
    return ja_midi_in_read(&app->midi_in, settings.bind, error);
}

enum ja_status ja_app_learn_midi(struct ja_app *app, const char *command, struct ja_text *reply) {
    struct ja_error error;
    enum ja_status status = ja_midi_in_learn(&app->midi_in, command, &error);
    if (status != JA_OK)
        ja_text_put(reply, error.text);
    else if (app->midi_in.learning[0])
        ja_text_format(reply, "the next %s at midi_in is bound to \"%s\"",
                       app->midi_in.learns_range ? "controller" : "note or controller", command);
    else
        ja_text_put(reply, "nothing is to be learnt");
    return status;
}

/* True when the message was for that. */
static bool learn(struct ja_app *app, const struct ja_midi_message *message) {
    struct ja_midi_in_settings settings = settings_of(app->config);
    char list[sizeof settings.bind], answer[512];
    struct ja_text text, reply;
    ja_text_init(&text, list, sizeof list);
    ja_text_init(&reply, answer, sizeof answer);
    if (!ja_midi_in_learnt(&app->midi_in, message->bytes, message->count, settings.bind, &text))
        return false;
    if (text.full)
        ja_text_put(&reply, "there is no room for another binding");
    else
        app->operator.set(app, "midi_in.bind", list, &reply);
    ja_log(JA_LOG_NOTICE, "MIDI: bound: %s", answer);
    return true;
}

void ja_app_hear_midi(struct ja_app *app) {
    struct ja_midi_message message;
    while (app->jack && ja_jack_hear_midi(app->jack, &message)) {
        app->acted_us = message.time_us;
        if (!learn(app, &message))
            ja_midi_in_run(&app->midi_in, message.bytes, message.count, &app->operator);
        app->acted_us = 0;
    }
}
