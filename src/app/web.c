/* The web's way into the program: opens its service, and answers what only the main thread knows.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "modules.h"

#include <ja/config/value.h>
#include <ja/core/clock.h>
#include <ja/core/json.h>
#include <ja/core/log.h>
#include <ja/web/api.h>
#include <ja/web/metrics.h>
#include <ja/web/oscquery.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS = 256, METRICS_BYTES = 4096 };

static void begin_list(struct ja_json *json, const char *key) {
    ja_json_key(json, key);
    ja_json_begin_array(json);
}

/* --- Streams --- */

static void put_state(const struct ja_app *app, size_t i, struct ja_json *json) {
    const struct ja_event_state *state = &app->states[i].state;
    ja_json_put_string(json, "id", app->taps[i].name);
    ja_json_put_string(json, "state", state->state);
    ja_json_put_string(json, "reason", state->reason[0] ? state->reason : NULL);
}

static void put_guest(const struct ja_guest_facts *guest, struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_put_string(json, "id", guest->name);
    ja_json_put_string(json, "state", guest->state);
    ja_json_put_string(json, "reason", guest->reason[0] ? guest->reason : NULL);
    ja_json_put_count(json, "channels", guest->channels);
    ja_json_put_number(json, "time", guest->stats.now);
    ja_json_put_string(json, "source", "web");
    ja_json_put_count(json, "rate", guest->rate);
    ja_json_put_bool(json, "connected", guest->connected);
    ja_json_put_bool(json, "paused", guest->stats.paused);
    ja_json_end_object(json);
}

static unsigned read_list(struct ja_app *app, struct ja_json *json) {
    ja_json_begin_object(json);
    begin_list(json, "streams");
    for (size_t i = 0; i < app->stream_count; i++) {
        ja_json_begin_object(json);
        put_state(app, i, json);
        ja_json_put_count(json, "channels", ja_stream_channels(app->streams[i]));
        ja_json_put_number(json, "time", app->taps[i].stats.now);
        ja_json_put_string(json, "source", app->jack ? "jack" : "file");
        ja_json_put_bool(json, "paused", app->taps[i].stats.paused);
        ja_json_end_object(json);
    }
    for (size_t i = 0; i < ja_api_guests(app->api)->count; i++)
        put_guest(&ja_api_guests(app->api)->facts[i], json);
    ja_json_end_array(json);
    ja_json_end_object(json);
    return 200;
}

static const struct ja_guest_facts *find_guest(const struct ja_app *app, const char *name) {
    const struct ja_api_guests *guests = ja_api_guests(app->api);
    for (size_t i = 0; i < guests->count; i++)
        if (!strcmp(guests->facts[i].name, name))
            return &guests->facts[i];
    return NULL;
}

static void put_guest_stats(const struct ja_guest_facts *guest, struct ja_json *json) {
    const struct ja_tap tap = {.name = guest->name, .stats = guest->stats};
    ja_json_begin_object(json);
    ja_json_put_count(json, "rate", guest->rate);
    ja_json_put_count(json, "channels", guest->channels);
    ja_json_put_bool(json, "connected", guest->connected);
    ja_json_put_count(json, "received", guest->received);
    ja_json_put_count(json, "dropped", guest->dropped);
    ja_json_put_count(json, "waiting", guest->waiting);
    ja_json_put_count(json, "chunks", guest->chunks);
    ja_json_put_count(json, "dropped_chunks", guest->dropped_chunks);
    ja_app_put_stream(&tap, true, json);
    ja_json_end_object(json);
}

static unsigned read_stats(struct ja_app *app, const char *id, struct ja_json *json,
                           struct ja_error *error) {
    for (size_t i = 0; i < app->stream_count; i++) {
        if (strcmp(app->taps[i].name, id) != 0)
            continue;
        ja_stream_stats(app->streams[i], &app->taps[i].stats);
        ja_app_write_stream(&app->taps[i], true, json);
        return 200;
    }
    const struct ja_guest_facts *guest = find_guest(app, id);
    if (guest) {
        put_guest_stats(guest, json);
        return 200;
    }
    ja_fail(error, JA_USAGE, "there is no stream \"%.64s\"", id);
    return 404;
}

/* --- Health --- */

static const char *judge(const struct ja_app *app) {
    for (size_t i = 0; i < app->stream_count; i++)
        if (app->deaf[i][0])
            return "no_input";
    for (size_t i = 0; i < app->stream_count; i++)
        if (app->taps[i].stats.load > 0.9)
            return "overloaded";
    return "ok";
}

static void put_sinks(const struct ja_app *app, struct ja_json *json) {
    begin_list(json, "outputs");
    for (size_t i = 0; i < app->sink_count; i++) {
        const struct ja_sink *sink = app->sinks[i];
        ja_json_begin_object(json);
        ja_json_put_string(json, "name", sink->name);
        ja_json_put_string(json, "kind", sink->class->module->name);
        ja_json_put_bool(json, "in_use", ja_sink_in_use(sink));
        ja_json_put_bool(json, "muted", sink->mute);
        ja_json_put_count(json, "sent", sink->sent);
        ja_json_put_count(json, "failed", sink->failed);
        ja_json_end_object(json);
    }
    ja_json_end_array(json);
}

static unsigned read_health(struct ja_app *app, struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_put_string(json, "status", judge(app));
    ja_json_put_string(json, "version", JA_VERSION);
    ja_json_put_number(json, "uptime_s",
                       floor((double)(ja_clock_us() - app->host.start_us) * 1e-6));
    if (app->jack)
        ja_app_write_jack(&app->jack_status, json);
    begin_list(json, "streams");
    for (size_t i = 0; i < app->stream_count; i++) {
        ja_json_begin_object(json);
        put_state(app, i, json);
        ja_json_put_string(json, "level", ja_level_names[app->taps[i].stats.level]);
        ja_json_put_number(json, "load", app->taps[i].stats.load);
        ja_json_end_object(json);
    }
    ja_json_end_array(json);
    ja_app_put_orders(app, json);
    ja_json_put_count(json, "web_streams", ja_api_guests(app->api)->count);
    put_sinks(app, json);
    ja_json_put_count(json, "clients", ja_api_listeners(app->api));
    ja_json_end_object(json);
    return 200;
}

/* --- Options --- */

static void put_value(struct ja_json *json, const struct ja_option *option, const void *value) {
    switch (option->type) {
    case JA_BOOL:
        ja_json_bool(json, *(const bool *)value);
        break;
    case JA_INT:
        ja_json_integer(json, *(const int *)value);
        break;
    case JA_FLOAT:
        ja_json_number(json, *(const double *)value);
        break;
    case JA_CHOICE:
        ja_json_string(json, option->choices[*(const int *)value]);
        break;
    case JA_STRING:
        ja_json_string(json, value);
        break;
    case JA_LIST:
        ja_json_begin_array(json);
        for (const char *item = NULL; (item = ja_list_next(value, item));)
            ja_json_string(json, item);
        ja_json_end_array(json);
        break;
    }
}

static void put_fallback(struct ja_json *json, const struct ja_option *option) {
    void *value = calloc(1, option->size);
    ja_json_key(json, "default");
    if (value && ja_value_parse(option, option->fallback, value, NULL) == JA_OK)
        put_value(json, option, value);
    else
        ja_json_string(json, option->fallback);
    free(value);
}

static void put_range(struct ja_json *json, const struct ja_option *option) {
    if (option->type == JA_INT || option->type == JA_FLOAT) {
        ja_json_put_number(json, "min", option->min);
        ja_json_put_number(json, "max", option->max);
    }
    if (option->type != JA_CHOICE)
        return;
    begin_list(json, "choices");
    for (const char *const *choice = option->choices; *choice; choice++)
        ja_json_string(json, *choice);
    ja_json_end_array(json);
}

static void put_origin(struct ja_json *json, const struct ja_config *config, const char *name) {
    char unused[1];
    struct ja_text text;
    enum ja_layer layer;
    const char *origin = NULL;
    ja_text_init(&text, unused, sizeof unused);
    ja_config_get(config, name, &text, &layer, &origin, NULL);
    ja_json_put_string(json, "origin", origin);
}

static void put_option(struct ja_json *json, const struct ja_config *config, const char *name,
                       const struct ja_option *option, const void *value) {
    static const char *const types[] = {
        [JA_BOOL] = "bool",     [JA_INT] = "int",       [JA_FLOAT] = "float",
        [JA_CHOICE] = "choice", [JA_STRING] = "string", [JA_LIST] = "list"};
    static const char *const effects[] = {
        [JA_LIVE] = "live", [JA_REOPEN] = "reopen", [JA_START] = "start"};
    ja_json_begin_object(json);
    ja_json_put_string(json, "name", name);
    ja_json_put_string(json, "type", types[option->type]);
    ja_json_key(json, "value");
    put_value(json, option, value);
    put_fallback(json, option);
    put_range(json, option);
    ja_json_put_string(json, "unit", option->unit);
    ja_json_put_string(json, "help", option->help);
    ja_json_put_string(json, "effect", effects[option->effect]);
    put_origin(json, config, name);
    ja_json_end_object(json);
}

/* All options of a module or of one instance; `wanted`: that one alone, when not NULL. */
static void put_module(struct ja_json *json, const struct ja_config *config,
                       const struct ja_module *module, const char *instance,
                       const struct ja_option *wanted) {
    unsigned char *settings = calloc(1, module->settings_size);
    if (!settings)
        return;
    ja_config_fill(config, module, instance, settings);
    for (size_t i = 0; i < module->option_count; i++) {
        const struct ja_option *option = &module->options[i];
        char name[128];
        struct ja_text text;
        if (wanted && option != wanted)
            continue;
        ja_text_init(&text, name, sizeof name);
        ja_text_format(&text, "%s%s%s.%s", module->name, instance ? "." : "",
                       instance ? instance : "", option->name);
        put_option(json, config, name, option, settings + option->offset);
    }
    free(settings);
}

static unsigned read_options(struct ja_app *app, struct ja_json *json) {
    const struct ja_module *modules[JA_MODULES];
    size_t count = ja_modules_collect(modules);
    const char *instance;
    ja_json_begin_object(json);
    begin_list(json, "options");
    for (size_t m = 0; m < count; m++) {
        if (!modules[m]->named)
            put_module(json, app->config, modules[m], NULL, NULL);
        for (size_t i = 0;
             modules[m]->named && (instance = ja_config_instance(app->config, modules[m], i)); i++)
            put_module(json, app->config, modules[m], instance, NULL);
    }
    ja_json_end_array(json);
    ja_json_end_object(json);
    return 200;
}

static unsigned read_option(struct ja_app *app, const char *name, struct ja_json *json,
                            struct ja_error *error) {
    const struct ja_option *option;
    const char *instance;
    const struct ja_module *module = ja_config_find(app->config, name, &option, &instance, error);
    if (!module)
        return 404;
    put_module(json, app->config, module, instance, option);
    return 200;
}

/* --- Ports --- */

static unsigned read_ports(struct ja_app *app, struct ja_json *json) {
    static struct ja_jack_port ports[PORTS]; /* one main thread */
    size_t count = app->jack ? ja_jack_ports(app->jack, ports, PORTS) : 0;
    ja_json_begin_object(json);
    begin_list(json, "ports");
    for (size_t i = 0; i < count; i++) {
        ja_json_begin_object(json);
        ja_json_put_string(json, "name", ports[i].name);
        ja_json_put_string(json, "type", ports[i].type);
        ja_json_put_string(json, "direction", ports[i].direction);
        ja_json_put_bool(json, "physical", ports[i].physical);
        ja_json_put_bool(json, "connected", ports[i].connected);
        ja_json_end_object(json);
    }
    ja_json_end_array(json);
    ja_json_end_object(json);
    return 200;
}

/* --- Metrics --- */

/* Names as Prometheus wants them: base units, counters end with _total. */
static void put_gauge(struct ja_text *text, const char *name, const char *type, const char *help) {
    ja_text_format(text, "# HELP jack_analyzer_%s %s\n# TYPE jack_analyzer_%s %s\n", name, help,
                   name, type);
}

#define STREAM_VALUE(name, expression)                                                             \
    static double name(const struct ja_stream_stats *stats) {                                      \
        return (double)(expression);                                                               \
    }
STREAM_VALUE(audio_of, stats->now)
STREAM_VALUE(delivered_of, stats->delivered)
STREAM_VALUE(lost_of, stats->lost)
STREAM_VALUE(lost_blocks_of, stats->lost_blocks)
STREAM_VALUE(repaired_of, stats->repaired)
STREAM_VALUE(withheld_of, stats->frames_withheld + stats->events_withheld)
STREAM_VALUE(load_of, stats->load)
STREAM_VALUE(worst_hop_of, stats->worst_hop_ms * 1e-3)
STREAM_VALUE(queue_of, stats->queue_ms * 1e-3)
STREAM_VALUE(level_of, stats->level)
#undef STREAM_VALUE

static const struct {
    const char *name, *type, *help;
    double (*value)(const struct ja_stream_stats *stats);
} stream_metrics[] = {
    {"audio_seconds_total", "counter", "Sound analysed.", audio_of},
    {"frames_delivered_total", "counter", "Frames of sound that came.", delivered_of},
    {"frames_lost_total", "counter", "Frames of sound that were lost.", lost_of},
    {"blocks_lost_total", "counter", "Blocks of sound that were lost.", lost_blocks_of},
    {"samples_repaired_total", "counter", "Samples that were no numbers or too large.",
     repaired_of},
    {"results_withheld_total", "counter", "Frames and events that found no room.", withheld_of},
    {"load_ratio", "gauge", "Share of real time that the analysis needs.", load_of},
    {"worst_hop_seconds", "gauge", "Longest time for one hop in the last second.", worst_hop_of},
    {"queue_seconds", "gauge", "Sound that waits to be analysed.", queue_of},
    {"level", "gauge", "How much is analysed: 0 low, 3 maximum.", level_of},
};

/* In a label: stream and output names hold letters, digits, '-' and '_' only. */
static void put_stream_metrics(const struct ja_app *app, struct ja_text *text) {
    for (size_t m = 0; m < sizeof stream_metrics / sizeof stream_metrics[0]; m++) {
        put_gauge(text, stream_metrics[m].name, stream_metrics[m].type, stream_metrics[m].help);
        for (size_t i = 0; i < app->stream_count; i++)
            ja_text_format(text, "jack_analyzer_%s{stream=\"%s\"} %.9g\n", stream_metrics[m].name,
                           app->taps[i].name, stream_metrics[m].value(&app->taps[i].stats));
        const struct ja_api_guests *guests = ja_api_guests(app->api);
        for (size_t i = 0; i < guests->count; i++)
            ja_text_format(text, "jack_analyzer_%s{stream=\"%s\"} %.9g\n", stream_metrics[m].name,
                           guests->facts[i].name, stream_metrics[m].value(&guests->facts[i].stats));
    }
}

static void put_sink_metrics(const struct ja_app *app, struct ja_text *text) {
    for (int failed = 0; failed < 2; failed++) {
        const char *name = failed ? "output_failed_total" : "output_sent_total";
        put_gauge(text, name, "counter",
                  failed ? "Messages that could not be sent." : "Messages sent.");
        for (size_t i = 0; i < app->sink_count; i++) {
            const struct ja_sink *sink = app->sinks[i];
            ja_text_format(text, "jack_analyzer_%s{kind=\"%s\",output=\"%s\"} %llu\n", name,
                           sink->class->module->name, sink->name,
                           (unsigned long long)(failed ? sink->failed : sink->sent));
        }
    }
}

static void put_one(struct ja_text *text, const char *name, const char *type, const char *help,
                    double value) {
    put_gauge(text, name, type, help);
    ja_text_format(text, "jack_analyzer_%s %.9g\n", name, value);
}

static unsigned read_metrics(struct ja_app *app, struct ja_text *text) {
    for (size_t i = 0; i < app->stream_count; i++)
        ja_stream_stats(app->streams[i], &app->taps[i].stats);
    put_one(text, "uptime_seconds", "gauge", "Since the program's start.",
            (double)(ja_clock_us() - app->host.start_us) * 1e-6);
    put_one(text, "cpu_seconds_total", "counter", "Processor time used.", ja_cpu_seconds());
    put_one(text, "jack_running", "gauge", "Whether the JACK server runs.",
            app->jack && app->jack_status.state == JA_JACK_RUNNING);
    put_one(text, "jack_cycles_total", "counter", "Process cycles.",
            (double)app->jack_status.cycles);
    put_one(text, "jack_xruns_total", "counter", "Xruns.", (double)app->jack_status.xruns);
    if (app->control)
        put_one(text, "osc_refused_total", "counter",
                "OSC packets that are none, or more than is done.",
                (double)ja_control_stats(app->control).refused);
    put_one(text, "web_clients", "gauge", "WebSockets.", ja_api_listeners(app->api));
    put_one(text, "web_lost_total", "counter", "Messages that found no room on the way to the web.",
            (double)ja_api_lost(app->api));
    put_one(text, "web_streams", "gauge", "Streams that take their sound by WebSocket.",
            (double)ja_api_guests(app->api)->count);
    put_one(text, "web_monitor_dropped_total", "counter",
            "Blocks of sound that listeners were too slow for.", (double)ja_api_unheard(app->api));
    put_stream_metrics(app, text);
    put_sink_metrics(app, text);
    return 200;
}

static double period_ms(const struct ja_app *app) {
    const struct ja_jack_status *status = &app->jack_status;
    return status->rate > 0 ? 1000.0 * status->period / status->rate : 0;
}

static void tell_metrics(struct ja_app *app, size_t i, double cpu) {
    const struct ja_metrics metrics = {.stream = app->taps[i].name,
                                       .stats = &app->taps[i].stats,
                                       .wait_ms = period_ms(app),
                                       .rms = app->web_rms[i],
                                       .cpu = cpu,
                                       .xruns = app->jack_status.xruns,
                                       .lost = ja_api_lost(app->api),
                                       .unheard = ja_api_unheard(app->api),
                                       .clients = ja_api_listeners(app->api)};
    char buffer[METRICS_BYTES];
    struct ja_text text;
    struct ja_json json;
    ja_text_init(&text, buffer, sizeof buffer);
    ja_json_init(&json, &text);
    ja_metrics_write(&metrics, &json);
    ja_api_metrics(app->api, metrics.stream, text.data, text.length);
}

void ja_app_web_second(struct ja_app *app) {
    if (!app->api)
        return;
    double cpu = ja_cpu_percent(&app->web_cpu);
    for (size_t i = 0; i < app->stream_count; i++)
        tell_metrics(app, i, cpu);
}

/* --- Service --- */

static unsigned read_for(void *data, const char *what, struct ja_text *text,
                         struct ja_error *error) {
    static const char options[] = "options/", stats[] = "stream/stats/";
    struct ja_app *app = data;
    struct ja_json json;
    ja_json_init(&json, text);
    if (!strcmp(what, "metrics"))
        return read_metrics(app, text);
    if (!strcmp(what, "stream/list"))
        return read_list(app, &json);
    if (!strcmp(what, "stream/health"))
        return read_health(app, &json);
    if (!strcmp(what, "ports"))
        return read_ports(app, &json);
    if (!strcmp(what, "options"))
        return read_options(app, &json);
    if (!strncmp(what, options, sizeof options - 1))
        return read_option(app, what + sizeof options - 1, &json, error);
    if (!strncmp(what, stats, sizeof stats - 1))
        return read_stats(app, what + sizeof stats - 1, &json, error);
    ja_fail(error, JA_USAGE, "there is no %.100s", what);
    return 404;
}

static enum ja_status steer(void *data, const char *name, const char *command,
                            struct ja_text *reply) {
    struct ja_app *app = data;
    struct ja_stream *stream = NULL;
    for (size_t i = 0; i < app->stream_count; i++)
        if (!strcmp(app->taps[i].name, name))
            stream = app->streams[i];
    bool pauses = !strcmp(command, "pause"), resets = !strcmp(command, "reset_analysis");
    if (!stream || !(resets ? ja_stream_reset(stream) : ja_stream_pause(stream, pauses))) {
        ja_text_put(reply, stream ? "the analysis takes no commands now" : "the stream has ended");
        return JA_FAILED;
    }
    ja_text_put(reply, resets ? "analysis reset" : pauses ? "paused" : "running");
    return JA_OK;
}

/* Outputs are told as of any other stream; there is no clock to its sound. */
static struct ja_tap guest_tap(const struct ja_app *app, const char *name) {
    const struct ja_guest_facts *guest = find_guest(app, name);
    struct ja_tap tap = {.name = name, .timebase = {.at = NAN}};
    if (guest)
        tap.stats = guest->stats;
    tap.taken_us = tap.told_us = ja_clock_us();
    return tap;
}

static void guest_event(void *data, const char *name, const struct ja_event *event) {
    const struct ja_app *app = data;
    const struct ja_tap tap = guest_tap(app, name);
    for (size_t i = 0; i < app->sink_count; i++)
        ja_sink_event(app->sinks[i], &tap, event);
}

static void guest_frame(void *data, const char *name, const struct ja_frame *frame) {
    const struct ja_app *app = data;
    const struct ja_tap tap = guest_tap(app, name);
    for (size_t i = 0; i < app->sink_count; i++)
        ja_sink_frame(app->sinks[i], &tap, frame);
}

static enum ja_status open_api(struct ja_app *app, struct ja_error *error) {
    const char *streams[JA_STREAMS];
    struct ja_api_settings settings;
    memset(&settings, 0, sizeof settings);
    ja_config_fill(app->config, &ja_web_module, NULL, &settings);
    if (!settings.enable)
        return JA_OK;
    for (size_t i = 0; i < app->stream_count; i++)
        streams[i] = app->taps[i].name;
    void **stage_settings = ja_app_stage_settings(app);
    if (!stage_settings)
        return ja_fail(error, JA_FAILED, "no memory for the settings of streams from the web");
    const struct ja_governor_settings governor = ja_app_governor_settings(app);
    const struct ja_stream_setup guests = {.analysis = &app->analysis,
                                           .stages = ja_stages,
                                           .stage_count = ja_stage_count,
                                           .settings = (const void *const *)stage_settings,
                                           .governor = &governor};
    const struct ja_api_host host = {.operator= & app->operator,
                                     .catalogue = & app->catalogue,
                                     .streams = streams,
                                     .stream_count = app->stream_count,
                                     .analyses = app->streams,
                                     .guests = &guests,
                                     .steer = steer,
                                     .guest_event = guest_event,
                                     .guest_frame = guest_frame,
                                     .read = read_for,
                                     .data = app};
    enum ja_status status = ja_api_open(&app->api, app->web, &settings, &host, error);
    ja_app_free_stage_settings(stage_settings);
    ja_app_web_operator(app);
    return status;
}

/* What is wrong in the configuration ends the start; that a port is taken must not silence the
 * lights. */
enum ja_status ja_app_open_web(struct ja_app *app, struct ja_error *error) {
    app->web = ja_web_new(app->loop, error);
    if (!app->web)
        return JA_FAILED;
    enum ja_status status = open_api(app, error);
    if (status == JA_FAILED) {
        ja_log(JA_LOG_ERROR, "%s; going on without the web", error->text);
        ja_api_close(app->api);
        app->api = NULL;
        status = JA_OK;
    }
    if (status == JA_OK)
        status = ja_app_open_oscquery(app, error);
    if (status == JA_OK && (app->api || app->oscquery))
        return ja_web_start(app->web, error);
    ja_app_close_web(app);
    return status;
}

void ja_app_close_web(struct ja_app *app) {
    ja_web_free(app->web);
    ja_api_close(app->api);
    ja_oscquery_close(app->oscquery);
    app->web = NULL;
    app->api = NULL;
    app->oscquery = NULL;
}

void ja_app_web_operator(struct ja_app *app) {
    char buffer[128];
    struct ja_text text;
    struct ja_json json;
    if (!app->api)
        return;
    ja_json_open(&json, &text, buffer, sizeof buffer);
    ja_json_put_string(&json, "type", "operator");
    ja_app_put_orders(app, &json);
    ja_json_end_object(&json);
    ja_api_operator(app->api, text.data, text.length);
}

void ja_app_web_configure(struct ja_app *app, const struct ja_module *module,
                          const void *settings) {
    if (app->api)
        ja_api_configure(app->api, module, settings);
}

void ja_app_web_event(struct ja_app *app, const struct ja_tap *tap, const struct ja_event *event) {
    if (app->api)
        ja_api_event(app->api, tap->name, event);
}

void ja_app_web_frame(struct ja_app *app, const struct ja_tap *tap, const struct ja_frame *frame) {
    if (!app->api)
        return;
    const struct ja_catalogue_entry *rms = ja_catalogue_find(&app->catalogue, "rms");
    for (size_t i = 0; i < app->stream_count && rms; i++)
        if (&app->taps[i] == tap)
            app->web_rms[i] = frame->values[rms->first];
    ja_api_frame(app->api, tap->name, frame);
}
