/* Starts and stops the parts in order, and carries results from the streams to the sinks.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "modules.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/net/dnssd.h>

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SECOND_US = 1000000 };

static void server_counters(void *data, uint64_t *xruns) {
    const struct ja_app *app = data;
    *xruns = app->jack_status.xruns;
}

static bool midi_out(void *data, uint64_t time_us, const uint8_t *bytes, unsigned count) {
    const struct ja_app *app = data;
    return app->jack && ja_jack_midi(app->jack, time_us, bytes, count);
}

enum ja_status ja_app_init(struct ja_app *app, struct ja_config *config,
                           const struct ja_arguments *arguments, struct ja_error *error) {
    *app = (struct ja_app){
        .config = config, .arguments = arguments, .results_fd = -1, .signal_fd = -1};
    ja_app_init_operator(app);
    ja_config_fill(config, &ja_analysis_module, NULL, &app->analysis);
    app->loop = ja_loop_new(error);
    if (!app->loop)
        return JA_FAILED;
    app->resolver = ja_resolver_new(app->loop, error);
    if (!app->resolver)
        return JA_FAILED;
    app->chores = ja_chores_new(app->loop, error);
    if (!app->chores)
        return JA_FAILED;
    app->defaults = ja_config_blank(config);
    if (!app->defaults)
        return ja_fail(error, JA_FAILED, "no memory for another configuration");
    struct ja_learn_settings learn;
    memset(&learn, 0, sizeof learn);
    ja_config_fill(config, &ja_learn_module, NULL, &learn);
    enum ja_status status = ja_app_open_learner(app, &learn, error);
    if (status == JA_OK)
        status = ja_app_open_midi_in(app, error);
    if (status == JA_OK)
        status = ja_catalogue_init(&app->catalogue, ja_stages, ja_stage_count, error);
    app->host = (struct ja_sink_host){
        .loop = app->loop,
        .catalogue = &app->catalogue,
        .resolver = app->resolver,
        .start_us = ja_clock_us(),
        .taps = app->taps,
        .server = server_counters,
        .midi = midi_out,
        .find_os2l = ja_app_find_os2l,
        .data = app,
    };
    return status;
}

static void close_sinks(struct ja_app *app) {
    while (app->sink_count > 0)
        ja_sink_free(app->sinks[--app->sink_count]);
    app->closed = true;
}

/* Receivers hear of the end before anything that may hang: JACK's server, the disk, Avahi. */
void ja_app_done(struct ja_app *app, enum ja_status status) {
    ja_app_suspend_keys(app);
    ja_app_begin_save(app);
    close_sinks(app);
    bool left_jack = ja_app_stop_jack(app);
    ja_app_end_chores(app);
    if (!left_jack) {
        fflush(stdout);
        _exit(status);
    }
    ja_dnssd_free(app->dnssd);
    ja_app_close_web(app);
    ja_control_close(app->control);
    while (app->stream_count > 0)
        ja_stream_free(app->streams[--app->stream_count]);
    ja_catalogue_done(&app->catalogue);
    ja_resolver_free(app->resolver);
    ja_config_free(app->defaults);
    ja_loop_free(app->loop);
    if (app->results_fd >= 0)
        close(app->results_fd);
    if (app->signal_fd >= 0)
        close(app->signal_fd);
}

/* A file is analysed as a whole, however slow the machine. */
struct ja_governor_settings ja_app_governor_settings(const struct ja_app *app) {
    struct ja_governor_settings settings;
    memset(&settings, 0, sizeof settings);
    ja_config_fill(app->config, &ja_governor_module, NULL, &settings);
    if (!app->live && settings.level == JA_GOVERNOR_AUTO)
        settings.level = 1 + JA_LEVEL_MAXIMUM;
    return settings;
}

enum ja_status ja_app_add_stream(struct ja_app *app, const char *name, unsigned channels,
                                 struct ja_error *error) {
    if (app->stream_count == JA_STREAMS)
        return ja_fail(error, JA_USAGE, "stream.%s: at most %d streams can be configured", name,
                       JA_STREAMS);
    void **settings = ja_app_stage_settings(app);
    if (!settings)
        return ja_fail(error, JA_FAILED, "no memory for the settings of stream %s", name);
    struct ja_governor_settings governor = ja_app_governor_settings(app);
    struct ja_stream_setup setup = {
        .name = name,
        .channels = channels,
        .analysis = &app->analysis,
        .stages = ja_stages,
        .stage_count = ja_stage_count,
        .settings = (const void *const *)settings,
        .governor = &governor,
    };
    struct ja_stream *stream = ja_stream_new(&setup, error);
    ja_app_free_stage_settings(settings);
    if (!stream)
        return JA_FAILED;
    app->taps[app->stream_count] =
        (struct ja_tap){.name = ja_stream_name(stream), .timebase = {.at = NAN}};
    app->streams[app->stream_count++] = stream;
    app->host.tap_count = app->stream_count;
    app->learner.changed = true; /* for it, all is new */
    ja_app_share_priors(app);
    return JA_OK;
}

/* --- Sinks --- */

static struct ja_sink *find_sink(const struct ja_app *app, const struct ja_sink_class *class,
                                 const char *name) {
    for (size_t i = 0; i < app->sink_count; i++) {
        if (!app->sinks[i]->leased && app->sinks[i]->class == class &&
            !strcmp(app->sinks[i]->name, name))
            return app->sinks[i];
    }
    return NULL;
}

enum ja_status ja_app_open_sink(struct ja_app *app, const struct ja_config *config,
                                const struct ja_sink_class *class, const char *instance,
                                struct ja_error *error) {
    const char *name = instance ? instance : class->module->name;
    if (find_sink(app, class, name))
        return JA_OK;
    if (app->sink_count == JA_SINKS)
        return ja_fail(error, JA_USAGE, "%s.%s: at most %d outputs can be configured",
                       class->module->name, name, JA_SINKS);
    void *settings = malloc(class->module->settings_size);
    if (!settings)
        return ja_fail(error, JA_FAILED, "no memory for output %s", name);
    ja_config_fill(config, class->module, instance, settings);
    struct ja_sink *sink = ja_sink_new(class, &app->host, name, settings, error);
    enum ja_status status = JA_OK;
    if (sink)
        app->sinks[app->sink_count++] = sink;
    else /* for the settings' sake, or the world's? */
        status = ja_sink_check(class, name, settings, NULL) == JA_OK ? JA_FAILED : JA_USAGE;
    free(settings);
    return status;
}

static enum ja_status open_class(struct ja_app *app, const struct ja_config *config,
                                 const struct ja_sink_class *class, struct ja_error *error) {
    if (class->live_only && !app->live)
        return JA_OK;
    if (!class->module->named)
        return ja_app_open_sink(app, config, class, NULL, error);
    enum ja_status status = JA_OK;
    const char *instance;
    for (size_t i = 0; (instance = ja_config_instance(config, class->module, i)) && !status; i++)
        status = ja_app_open_sink(app, config, class, instance, error);
    return status;
}

static bool configured(const struct ja_config *config, const struct ja_sink *sink) {
    const struct ja_module *module = sink->class->module;
    return ja_config_has(config, module, module->named ? sink->name : NULL);
}

enum ja_status ja_app_sync_sinks(struct ja_app *app, const struct ja_config *config,
                                 struct ja_error *error) {
    enum ja_status status = JA_OK;
    for (size_t i = 0; i < ja_sink_count && status == JA_OK; i++)
        status = open_class(app, config, ja_sinks[i], error);
    if (status != JA_OK)
        return status;
    for (size_t i = app->sink_count; i-- > 0;) {
        if (app->sinks[i]->leased || configured(config, app->sinks[i]))
            continue;
        ja_sink_free(app->sinks[i]);
        app->sinks[i] = app->sinks[--app->sink_count];
    }
    return JA_OK;
}

/* --- Results --- */

void ja_app_publish_event(struct ja_app *app, const struct ja_tap *tap,
                          const struct ja_event *event) {
    for (size_t i = 0; i < app->sink_count; i++)
        ja_sink_event(app->sinks[i], tap, event);
    if (app->jack && !strcmp(tap->name, "main"))
        ja_app_tell_transport(app, tap, event);
    ja_app_web_event(app, tap, event);
}

void ja_app_publish_frame(struct ja_app *app, const struct ja_tap *tap,
                          const struct ja_frame *frame) {
    for (size_t i = 0; i < app->sink_count; i++)
        ja_sink_frame(app->sinks[i], tap, frame);
    ja_app_web_frame(app, tap, frame);
}

static void log_level(const struct ja_tap *tap, const struct ja_event_level *level) {
    ja_log(JA_LOG_NOTICE, "stream %s: level %s after %s. %s", tap->name, level->to, level->from,
           level->reason);
}

static void deliver_message(struct ja_app *app, struct ja_tap *tap,
                            const struct ja_message *message) {
    tap->taken_us = message->taken_us;
    tap->told_us = message->told_us;
    if (message->type == JA_MESSAGE_TIMEBASE) {
        tap->timebase = *message->timebase;
        return;
    }
    if (message->type == JA_MESSAGE_EVENT)
        ja_learner_hear(&app->learner, &app->ears[tap - app->taps], message->event);
    if (message->type == JA_MESSAGE_EVENT && message->event->type == JA_EVENT_LEVEL)
        log_level(tap, &message->event->level);
    if (message->type == JA_MESSAGE_EVENT && message->event->type == JA_EVENT_STATE)
        app->states[tap - app->taps] = *message->event;
    if (message->type == JA_MESSAGE_EVENT && tap == app->taps)
        ja_app_service_event(app, message->event);
    if (app->test.timer) /* nothing that is heard is mixed in */
        return;
    if (message->type == JA_MESSAGE_FRAME)
        ja_app_publish_frame(app, tap, message->frame);
    else
        ja_app_publish_event(app, tap, message->event);
}

void ja_app_deliver(struct ja_app *app) {
    struct ja_message message;
    for (size_t i = 0; i < app->stream_count; i++) {
        while (ja_stream_receive(app->streams[i], &message))
            deliver_message(app, &app->taps[i], &message);
    }
    ja_app_share_priors(app);
}

/* Called by the workers. */
static void wake(void *data) {
    const struct ja_app *app = data;
    eventfd_write(app->results_fd, 1);
}

static void results_came(void *data, int fd, short events) {
    eventfd_t count;
    (void)events;
    eventfd_read(fd, &count);
    ja_app_hear_midi(data);
    ja_app_deliver(data);
}

static void every_second(void *data, uint64_t due_us) {
    struct ja_app *app = data;
    (void)due_us;
    ja_subscribers_expire(&app->subscribers, ja_clock_us());
    for (size_t i = 0; i < app->stream_count; i++)
        ja_stream_stats(app->streams[i], &app->taps[i].stats);
    for (size_t i = 0; i < app->sink_count; i++)
        ja_sink_second(app->sinks[i]);
    ja_app_web_second(app);
}

enum ja_status ja_app_start(struct ja_app *app, struct ja_error *error) {
    app->results_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (app->results_fd < 0)
        return ja_fail(error, JA_FAILED, "no event descriptor: %s", strerror(errno));
    enum ja_status status =
        ja_loop_watch(app->loop, app->results_fd, POLLIN, results_came, app, error);
    for (size_t i = 0; i < app->stream_count && status == JA_OK; i++)
        status = ja_stream_start(app->streams[i], wake, app, error);
    ja_app_warn_of_offsets(app, app->config);
    ja_loop_every(app->loop, SECOND_US, every_second, app);
    ja_app_open_keys(app);
    return status;
}

void ja_app_finish(struct ja_app *app) {
    for (size_t i = 0; i < app->stream_count; i++)
        ja_stream_stop(app->streams[i]);
    ja_app_end_test_beats(app);
    ja_app_deliver(app);
}

enum ja_status ja_app_open_control(struct ja_app *app, struct ja_error *error) {
    struct ja_control_settings settings;
    memset(&settings, 0, sizeof settings);
    ja_config_fill(app->config, &ja_control_module, NULL, &settings);
    if (!settings.enable)
        return JA_OK;
    ja_app_init_subscribers(app, settings.subscribers);
    return ja_control_open(&app->control, &settings, app->loop, &app->operator, error);
}
