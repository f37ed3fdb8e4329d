/* Outputs that the configuration does not know. A subscriber by OSC gets a target of its own,
 * "sub-1" and so on, for as long as its lease lasts.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/sink/sinks.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char preset_kind[] = "target/";

/* The lowest number that no output has in its name. */
static void choose_name(const struct ja_app *app, char *name, size_t size) {
    bool taken = true;
    for (unsigned number = 1; taken; number++) {
        snprintf(name, size, "sub-%u", number);
        taken = false;
        for (size_t i = 0; i < app->sink_count; i++)
            taken = taken || !strcmp(app->sinks[i]->name, name);
    }
}

static enum ja_status set(struct ja_config *config, const char *instance, const char *option,
                          const char *value, struct ja_error *error) {
    char name[128];
    snprintf(name, sizeof name, "target.%s.%s", instance, option);
    return ja_config_set(config, JA_LAYER_ARGUMENT, name, value, "subscribe", error);
}

/* What a preset makes of a target: its only instance, which then gets the name. */
static enum ja_status find_instance(const struct ja_config *config, const char *wish, char *name,
                                    size_t size, struct ja_error *error) {
    const struct ja_module *module = ja_osc_sink.module;
    const char *instance, *found = NULL;
    for (size_t i = 0; (instance = ja_config_instance(config, module, i)); i++)
        if (!module->fallback_name || strcmp(instance, module->fallback_name) != 0)
            found = instance;
    if (!found)
        return ja_fail(error, JA_USAGE, "preset %.64s is not for a target of OSC", wish);
    ja_text_copy(name, size, found);
    return JA_OK;
}

/* The settings of a target that sends what is wished for to `host` and `port`; with a preset, that
 * is in `config`. */
static enum ja_status settle(struct ja_config *config, const char *name, const char *wish,
                             const char *host, int port, void *settings, struct ja_error *error) {
    char instance[64], number[16];
    enum ja_status status = JA_OK;
    ja_text_copy(instance, sizeof instance, name);
    snprintf(number, sizeof number, "%d", port);
    if (strncmp(wish, preset_kind, sizeof preset_kind - 1) != 0)
        status = set(config, instance, "outputs", wish, error);
    else
        status = find_instance(config, wish, instance, sizeof instance, error);
    if (status == JA_OK)
        status = set(config, instance, "protocol", "udp", error);
    if (status == JA_OK)
        status = set(config, instance, "host", host, error);
    if (status == JA_OK)
        status = set(config, instance, "port", number, error);
    if (status == JA_OK)
        ja_config_fill(config, ja_osc_sink.module, instance, settings);
    return status;
}

/* Opens a sink that is not configured. */
static struct ja_sink *lease(struct ja_app *app, const struct ja_sink_class *class,
                             const char *name, const char *wish, const char *host, int port,
                             struct ja_error *error) {
    struct ja_sink *sink = NULL;
    if (app->sink_count == JA_SINKS) {
        ja_fail(error, JA_FAILED, "there can be no more than %d outputs", JA_SINKS);
        return NULL;
    }
    void *settings = calloc(1, ja_osc_sink.module->settings_size);
    struct ja_config *config = ja_config_clone(app->subscribed ? app->subscribed : app->defaults);
    if (!settings || !config)
        ja_fail(error, JA_FAILED, "no memory for output %s", name);
    else if (settle(config, name, wish, host, port, settings, error) == JA_OK)
        sink = ja_sink_new(class, &app->host, name, settings, error);
    ja_config_free(config);
    free(settings);
    if (!sink)
        return NULL;
    sink->leased = true;
    app->sinks[app->sink_count++] = sink;
    return sink;
}

static void *open_sink(void *data, const char *wish, const char *host, int port,
                       struct ja_error *error) {
    struct ja_app *app = data;
    char name[64];
    choose_name(app, name, sizeof name);
    struct ja_sink *sink = lease(app, &ja_osc_sink, name, wish, host, port, error);
    if (sink)
        ja_log(JA_LOG_DEBUG, "%s: sending %s to %s, port %d", name, wish, host, port);
    return sink;
}

enum ja_status ja_app_open_inside(struct ja_app *app, const char *name, struct ja_error *error) {
    return lease(app, &ja_osc_inside_sink, name, "all", "127.0.0.1", 1, error) ? JA_OK : JA_FAILED;
}

static void close_sink(void *data, void *handle) {
    struct ja_app *app = data;
    struct ja_sink *sink = handle;
    for (size_t i = 0; i < app->sink_count; i++)
        if (app->sinks[i] == sink)
            app->sinks[i] = app->sinks[--app->sink_count];
    ja_log(JA_LOG_DEBUG, "%s: ended", sink->name);
    ja_sink_free(sink);
}

void ja_app_init_subscribers(struct ja_app *app, int most) {
    app->subscribers =
        (struct ja_subscribers){.most = most, .open = open_sink, .close = close_sink, .data = app};
}

static enum ja_status add(struct ja_app *app, const struct ja_preset_wish *wish,
                          const struct ja_config *read, struct ja_text *reply) {
    app->subscribed = read;
    enum ja_status status = ja_subscribers_add(&app->subscribers, &wish->peer, wish->name,
                                               wish->port, ja_clock_us(), reply);
    app->subscribed = NULL;
    return status;
}

enum ja_status ja_app_subscribe(const struct ja_operator *who, const char *wish, int port,
                                struct ja_text *reply) {
    struct ja_app *app = who->data;
    struct ja_preset_wish with = {
        .alone = true, .use = add, .peer = who->asker->peer, .port = port};
    bool fits = ja_text_copy(with.name, sizeof with.name, wish);
    if (fits && !strncmp(wish, preset_kind, sizeof preset_kind - 1))
        return ja_app_read_preset(who, &with, reply);
    return ja_subscribers_add(&app->subscribers, &with.peer, wish, port, ja_clock_us(), reply);
}

enum ja_status ja_app_unsubscribe(void *data, const struct ja_peer *peer, const char *wish,
                                  int port, struct ja_text *reply) {
    struct ja_app *app = data;
    return ja_subscribers_remove(&app->subscribers, peer, wish, port, reply);
}
