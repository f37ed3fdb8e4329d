/* What OSCQuery needs of the program: values of outputs, options, and the way in for packets.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/log.h>
#include <ja/sink/sinks.h>
#include <ja/web/oscquery.h>

#include <stdlib.h>
#include <string.h>

static bool packet_sent(void *data, const void *bytes, size_t size) {
    const struct ja_app *app = data;
    return app->oscquery && ja_oscquery_packet(app->oscquery, bytes, size);
}

static void packet_heard(void *data, const void *packet, size_t size) {
    const struct ja_app *app = data;
    if (app->control)
        ja_control_take(app->control, packet, size);
}

/* A port that is taken is no reason not to play: it is told, and the rest goes on. */
static enum ja_status open_service(struct ja_app *app, struct ja_error *error) {
    struct ja_oscquery_settings settings;
    struct ja_control_settings control;
    struct ja_jack_settings jack;
    struct ja_oscquery_host host = {.catalogue = &app->catalogue,
                                    .streams = app->stream_names,
                                    .stream_count = app->stream_count,
                                    .heard = packet_heard,
                                    .data = app};
    memset(&settings, 0, sizeof settings);
    memset(&control, 0, sizeof control);
    memset(&jack, 0, sizeof jack);
    ja_config_fill(app->config, &ja_oscquery_module, NULL, &settings);
    ja_config_fill(app->config, &ja_control_module, NULL, &control);
    ja_config_fill(app->config, &ja_jack_module, NULL, &jack);
    if (!settings.enable)
        return JA_OK;
    for (size_t i = 0; i < app->stream_count; i++)
        app->stream_names[i] = ja_stream_name(app->streams[i]);
    ja_text_copy(app->name, sizeof app->name, jack.name);
    host.name = app->name;
    host.osc_port = control.enable ? control.port : 0;
    enum ja_status status = ja_oscquery_open(&app->oscquery, app->web, &settings, &host, error);
    if (status != JA_FAILED)
        return status;
    ja_log(JA_LOG_WARNING, "%s; going on without", error->text);
    return JA_OK;
}

/* Where the values come from: a target whose packets go to the server's thread. */
static enum ja_status open_values(struct ja_app *app, struct ja_error *error) {
    if (!app->oscquery)
        return JA_OK;
    app->host.packet = packet_sent;
    ja_app_tell_oscquery(app);
    return ja_app_open_inside(app, "oscquery", error);
}

enum ja_status ja_app_open_oscquery(struct ja_app *app, struct ja_error *error) {
    enum ja_status status = open_service(app, error);
    return status == JA_OK ? open_values(app, error) : status;
}

void ja_app_tell_oscquery(struct ja_app *app) {
    if (app->oscquery && !ja_oscquery_options(app->oscquery, app->config))
        ja_log(JA_LOG_WARNING, "oscquery: the options' new values could not be told");
}
