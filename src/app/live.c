/* A live run: the JACK client feeds the streams until a signal ends it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/core/service.h>
#include <ja/core/text.h>

#include <poll.h>
#include <string.h>

enum { TRANSPORT_LEAVE, TRANSPORT_START };

static const uint64_t watchdog_us = 200000;    /* how often JACK's state is looked at */
static const uint64_t jack_grace_us = 1000000; /* how long a stalled server may hold up the end */

static struct ja_stream_settings stream_settings(const struct ja_app *app, const char *name) {
    struct ja_stream_settings settings;
    memset(&settings, 0, sizeof settings);
    ja_config_fill(app->config, &ja_stream_module, name, &settings);
    return settings;
}

enum ja_status ja_app_add_streams(struct ja_app *app, struct ja_error *error) {
    enum ja_status status = JA_OK;
    const char *name;
    for (size_t i = 0; (name = ja_config_instance(app->config, &ja_stream_module, i)) && !status;
         i++) {
        struct ja_stream_settings settings = stream_settings(app, name);
        status = ja_app_add_stream(app, name, (unsigned)settings.inputs, error);
    }
    return status;
}

static enum ja_status with_jack_setup(struct ja_app *app,
                                      enum ja_status (*start)(struct ja_app *app,
                                                              const struct ja_jack_setup *setup,
                                                              struct ja_error *error),
                                      struct ja_error *error) {
    struct ja_jack_settings settings;
    struct ja_stream_settings streams[JA_STREAMS];
    struct ja_jack_stream jack_streams[JA_STREAMS];
    memset(&settings, 0, sizeof settings);
    ja_config_fill(app->config, &ja_jack_module, NULL, &settings);
    for (size_t i = 0; i < app->stream_count; i++) {
        const char *name = ja_stream_name(app->streams[i]);
        streams[i] = stream_settings(app, name);
        jack_streams[i] = (struct ja_jack_stream){
            .name = name,
            .inputs = (unsigned)streams[i].inputs,
            .connect = streams[i].connect,
            .inlet = ja_stream_inlet(app->streams[i]),
        };
    }
    struct ja_jack_setup setup = {
        .client = settings.name,
        .server = settings.server[0] ? settings.server : NULL,
        .streams = jack_streams,
        .stream_count = app->stream_count,
        .timebase = (enum ja_timebase_mode)settings.timebase,
    };
    app->may_roll = settings.transport == TRANSPORT_START;
    return start(app, &setup, error);
}

void ja_app_tell_transport(struct ja_app *app, const struct ja_tap *tap,
                           const struct ja_event *event) {
    uint64_t beat_us = event->type == JA_EVENT_BEAT ? ja_tap_us(tap, event->time) : 0;
    if (beat_us > 0)
        ja_jack_beat(app->jack, beat_us, event->beat.bpm, event->beat.beat_in_bar);
    if (event->type != JA_EVENT_STATE)
        return;
    bool locked = !strcmp(event->state.state, "locked");
    if (locked && !app->locked && app->may_roll)
        ja_jack_roll(app->jack);
    app->locked = locked;
}

/* Why nothing can be heard on the i-th stream; "" when something can. */
static const char *why_deaf(const struct ja_app *app, size_t i) {
    unsigned connected = 0;
    switch (app->jack_status.state) {
    case JA_JACK_WAITING:
        return app->jack_status.reason;
    case JA_JACK_STALLED:
        return "The JACK server stands still."; /* its own reason counts the seconds */
    case JA_JACK_RUNNING:
        break;
    }
    for (unsigned input = 0; input < ja_stream_channels(app->streams[i]); input++)
        connected += ja_jack_connected(app->jack, i, input);
    return connected > 0 ? "" : "Nothing is connected to the inputs.";
}

/* Looks at JACK's state and tells the streams what has changed for them. */
static void look_at_jack(struct ja_app *app) {
    ja_jack_status(app->jack, &app->jack_status);
    for (size_t i = 0; i < app->stream_count; i++) {
        const char *reason = why_deaf(app, i);
        if (!strcmp(reason, app->deaf[i]))
            continue;
        ja_text_copy(app->deaf[i], sizeof app->deaf[i], reason);
        ja_stream_notice(app->streams[i], reason[0] ? JA_NOTICE_INPUT_LOST : JA_NOTICE_INPUT_BACK,
                         reason);
    }
}

static void jack_changed(void *data, int fd, short events) {
    (void)fd;
    (void)events;
    look_at_jack(data);
}

static void jack_due(void *data, uint64_t due_us) {
    (void)due_us;
    look_at_jack(data);
    ja_app_hear_midi(data); /* usually heard with the results, but those may fail to come */
}

static enum ja_status start_jack(struct ja_app *app, const struct ja_jack_setup *setup,
                                 struct ja_error *error) {
    enum ja_status status = ja_jack_start(&app->jack, setup, error);
    if (status != JA_OK)
        return status;
    ja_loop_every(app->loop, watchdog_us, jack_due, app);
    status = ja_loop_watch(app->loop, ja_jack_fd(app->jack), POLLIN, jack_changed, app, error);
    look_at_jack(app);
    return status;
}

enum ja_status ja_app_start_jack(struct ja_app *app, struct ja_error *error) {
    return with_jack_setup(app, start_jack, error);
}

bool ja_app_stop_jack(struct ja_app *app) {
    if (!app->jack)
        return true;
    ja_loop_unwatch(app->loop, ja_jack_fd(app->jack));
    if (!ja_jack_stop(app->jack, jack_grace_us)) {
        ja_log(JA_LOG_WARNING,
               "the JACK server does not answer: leaving without saying goodbye to it");
        return false;
    }
    app->jack = NULL;
    return true;
}

enum ja_status ja_app_run_live(struct ja_app *app, struct ja_error *error) {
    app->live = true;
    enum ja_status status = ja_app_add_streams(app, error);
    if (status == JA_OK)
        status = ja_app_sync_sinks(app, app->config, error);
    if (status == JA_OK)
        status = ja_app_open_control(app, error);
    if (status == JA_OK)
        status = ja_app_open_web(app, error);
    if (status == JA_OK)
        ja_app_show(app);
    if (status == JA_OK)
        status = ja_app_watch_signals(app, error);
    if (status == JA_OK)
        status = ja_app_start(app, error);
    if (status == JA_OK)
        status = ja_app_start_jack(app, error);
    if (status == JA_OK) {
        ja_app_open_service(app);
        ja_loop_run(app->loop);
        ja_service_tell("STOPPING=1");
    }
    ja_app_finish(app);
    return status;
}

static enum ja_status test_input(struct ja_app *app, const struct ja_jack_setup *setup,
                                 struct ja_error *error) {
    return ja_jack_test_input(setup, app->arguments->seconds, stdout, error);
}

enum ja_status ja_app_test_input(struct ja_app *app, struct ja_error *error) {
    enum ja_status status = ja_app_add_streams(app, error);
    return status == JA_OK ? with_jack_setup(app, test_input, error) : status;
}
