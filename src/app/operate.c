/* What the operator's commands do to the running program.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "modules.h"

#include <ja/core/clock.h>
#include <ja/core/json.h>
#include <ja/feature/stages.h>

#include <math.h>
#include <string.h>

/* --- Options --- */

enum ja_status ja_app_change(struct ja_app *app, ja_app_change_function *change, const void *wish,
                             struct ja_text *reply) {
    struct ja_error error;
    enum ja_status status = JA_FAILED;
    struct ja_config *next = ja_config_clone(app->config);
    if (!next) {
        ja_text_put(reply, "no memory for another configuration");
        return status;
    }
    status = change(next, wish, &error);
    if (status == JA_OK)
        status = ja_app_apply(app, next, &error);
    if (status != JA_OK) {
        ja_config_free(next);
        ja_text_put(reply, error.text);
    }
    return status;
}

/* As many as there are, the last with the name NULL. */
struct setting {
    const char *name, *value;
};

static enum ja_status set_options(struct ja_config *config, const void *wish,
                                  struct ja_error *error) {
    enum ja_status status = JA_OK;
    for (const struct setting *one = wish; one->name && status == JA_OK; one++)
        status = ja_config_set(config, JA_LAYER_LIVE, one->name, one->value, "live", error);
    return status;
}

static enum ja_status get(void *data, const char *option, struct ja_text *reply) {
    const struct ja_app *app = data;
    struct ja_error error;
    enum ja_layer layer;
    const char *origin;
    enum ja_status status = ja_config_get(app->config, option, reply, &layer, &origin, &error);
    if (status != JA_OK)
        ja_text_put(reply, error.text);
    return status;
}

static enum ja_status set(void *data, const char *option, const char *value,
                          struct ja_text *reply) {
    const struct setting wish[] = {{option, value}, {NULL, NULL}};
    enum ja_status status = ja_app_change(data, set_options, wish, reply);
    return status == JA_OK ? get(data, option, reply) : status;
}

static bool is_of_output(const char *name) {
    for (size_t i = 0; i < ja_sink_count; i++) {
        size_t length = strlen(ja_sinks[i]->module->name);
        if (!strncmp(ja_sinks[i]->module->name, name, length) && name[length] == '.')
            return true;
    }
    return false;
}

/* Where an output goes, any option of one that there is not yet, and what pads will command. */
static bool directs(void *data, const char *name) {
    static const char *const places[] = {"enable", "host", "port", "protocol", "interface", "ttl"};
    const struct ja_app *app = data;
    const struct ja_option *option;
    const char *instance;
    const struct ja_module *module = ja_config_find(app->config, name, &option, &instance, NULL);
    if (!module || !is_of_output(name))
        return module ? module == &ja_midi_in_module : is_of_output(name);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (!strcmp(option->name, places[i]))
            return true;
    return false;
}

static enum ja_status reset(void *data, struct ja_text *reply) {
    struct ja_app *app = data;
    ja_app_order(app, JA_BEAT_AUTO, 0, 0);
    for (size_t i = 0; i < app->stream_count; i++) {
        if (!ja_stream_reset(app->streams[i])) {
            ja_text_put(reply, "the analysis takes no commands now");
            return JA_FAILED;
        }
    }
    ja_text_put(reply, "analysis reset");
    return JA_OK;
}

bool ja_app_present_time(const struct ja_app *app, size_t i, double *time) {
    struct ja_stream_stats now;
    ja_stream_stats(app->streams[i], &now);
    *time = ja_tap_time(&app->taps[i], app->acted_us ? app->acted_us : ja_clock_us());
    if (isnan(*time))
        *time = now.now;
    return now.now > 0;
}

/* Tells every stream into which sound has come. */
static enum ja_status tell_streams(struct ja_app *app, struct ja_stage_command *command,
                                   struct ja_text *reply) {
    bool told = false;
    for (size_t i = 0; i < app->stream_count; i++) {
        if (!ja_app_present_time(app, i, &command->time))
            continue;
        if (!ja_stream_command(app->streams[i], command)) {
            ja_text_put(reply, "the analysis takes no commands now");
            return JA_FAILED;
        }
        told = true;
    }
    if (!told)
        ja_text_put(reply, "no sound has come in yet");
    return told ? JA_OK : JA_FAILED;
}

/* Whether the chosen tracker does what is asked; nudge and auto need none. */
static bool is_possible(const struct ja_app *app, enum ja_beat_action action,
                        struct ja_text *reply) {
    char engine[32];
    struct ja_text text;
    struct ja_error error;
    enum ja_layer layer;
    const char *origin;
    ja_text_init(&text, engine, sizeof engine);
    if (action == JA_BEAT_NUDGE || action == JA_BEAT_AUTO)
        return true;
    if (ja_config_get(app->config, "beat.engine", &text, &layer, &origin, &error) != JA_OK ||
        strcmp(engine, "aubio") != 0)
        return true;
    ja_text_put(reply, "aubio's tracker cannot be told that; it needs beat.engine auto or flux");
    return false;
}

static void put_done(enum ja_beat_action action, double number, struct ja_text *reply) {
    static const char *const done[] = {
        [JA_BEAT_TAP] = "tapped",
        [JA_BEAT_RESYNC] = "the bar begins here",
        [JA_BEAT_HALF] = "half the tempo, pinned",
        [JA_BEAT_DOUBLE] = "double the tempo, pinned",
        [JA_BEAT_AUTO] = "following the music alone",
    };
    if (action == JA_BEAT_NUDGE)
        ja_text_format(reply, "nudged by %.6g ms", number);
    else if (action == JA_BEAT_HOLD)
        ja_text_put(reply, number > 0 ? "holding the tempo" : "no longer holding the tempo");
    else if (action == JA_BEAT_LOCK)
        ja_text_put(reply, number > 0 ? "tempo locked" : "tempo no longer locked");
    else
        ja_text_put(reply, done[action]);
}

static void put_end(bool ends, double for_s, struct ja_text *reply) {
    if (for_s > 0 && ends)
        ja_text_format(reply, "; ends after %.6g s", for_s);
    else if (for_s > 0)
        ja_text_put(reply, "; but it does not end by itself: no memory");
}

static bool is_off(enum ja_beat_action action, double number) {
    return (action == JA_BEAT_HOLD || action == JA_BEAT_LOCK) && number == 0;
}

/* What came of it, with numbers, is told as a state event. */
static enum ja_status beat(void *data, enum ja_beat_action action, double number, double for_s,
                           struct ja_text *reply) {
    struct ja_app *app = data;
    if (is_off(action, number))
        for_s = 0;
    struct ja_stage_command command = {.action = action, .numbers = {number}, .for_s = for_s};
    if (!is_possible(app, action, reply))
        return JA_FAILED;
    enum ja_status status = tell_streams(app, &command, reply);
    if (status != JA_OK)
        return status;
    put_done(action, number, reply);
    put_end(ja_app_order(app, action, number, for_s), for_s, reply);
    if (action == JA_BEAT_NUDGE)
        ja_learner_nudged(&app->learner, number);
    if (action == JA_BEAT_AUTO)
        ja_learner_unnudged(&app->learner);
    ja_app_share_priors(app);
    return status;
}

static enum ja_status feedback(void *data, const char *word, struct ja_text *reply) {
    struct ja_app *app = data;
    enum ja_beat_action action;
    enum ja_verdict verdict = ja_verdict_find(word, reply);
    if (verdict == JA_VERDICTS)
        return JA_USAGE;
    bool acts = ja_verdict_action(verdict, &action);
    if (acts && !is_possible(app, action, reply))
        return JA_FAILED;
    enum ja_status status = ja_app_feedback(app, verdict, reply);
    if (status == JA_OK && acts)
        ja_app_order(app, action, 0, 0);
    return status;
}

static struct ja_tempo_settings tempo_settings(const struct ja_app *app) {
    struct ja_tempo_settings settings;
    memset(&settings, 0, sizeof settings);
    ja_config_fill(app->config, ja_tempo_stage.module, NULL, &settings);
    return settings;
}

/* The options, and besides the stages: what was pinned is no longer. */
static enum ja_status range(void *data, double min_bpm, double max_bpm, double for_s,
                            struct ja_text *reply) {
    struct ja_app *app = data;
    struct ja_stage_command command = {
        .action = JA_BEAT_RANGE, .numbers = {min_bpm, max_bpm}, .for_s = for_s};
    struct ja_tempo_settings before = tempo_settings(app);
    char numbers[2][32], unused[64];
    struct ja_text low, high, ignored;
    ja_text_init(&low, numbers[0], sizeof numbers[0]);
    ja_text_init(&high, numbers[1], sizeof numbers[1]);
    ja_text_init(&ignored, unused, sizeof unused);
    ja_text_format(&low, "%.9g", min_bpm);
    ja_text_format(&high, "%.9g", max_bpm);
    const struct setting wish[] = {
        {"tempo.min_bpm", numbers[0]}, {"tempo.max_bpm", numbers[1]}, {NULL, NULL}};
    enum ja_status status = ja_app_change(app, set_options, wish, reply);
    if (status != JA_OK)
        return status;
    tell_streams(app, &command, &ignored); /* before any sound there is nothing to undo */
    ja_text_format(reply, "tempi from %.6g to %.6g bpm", min_bpm, max_bpm);
    put_end(ja_app_order_range(app, before.min_bpm, before.max_bpm, for_s), for_s, reply);
    return JA_OK;
}

static enum ja_status test_beats(void *data, double bpm, bool on, double for_s,
                                 struct ja_text *reply) {
    if (on)
        return ja_app_start_test_beats(data, bpm, for_s, reply);
    ja_app_end_test_beats(data);
    ja_text_put(reply, "no test beats");
    return JA_OK;
}

static enum ja_status learn(void *data, const char *command, struct ja_text *reply) {
    return ja_app_learn_midi(data, command, reply);
}

static enum ja_status pause_all(void *data, bool paused, struct ja_text *reply) {
    struct ja_app *app = data;
    for (size_t i = 0; i < app->stream_count; i++) {
        if (!ja_stream_pause(app->streams[i], paused)) {
            ja_text_put(reply, "the analysis takes no commands now");
            return JA_FAILED;
        }
    }
    app->paused = paused;
    ja_app_web_operator(app);
    ja_text_put(reply, paused ? "paused" : "running");
    return JA_OK;
}

/* The options, and so it can be asked for, and lasts until it is changed. */
static enum ja_status level(void *data, const char *name, struct ja_text *reply) {
    const struct setting wish[] = {{"governor.level", name}, {NULL, NULL}};
    enum ja_status status = ja_app_change(data, set_options, wish, reply);
    if (status == JA_OK)
        ja_text_format(reply, "level %s", name);
    return status;
}

static enum ja_status mute(void *data, const char *output, bool muted, struct ja_text *reply) {
    struct ja_app *app = data;
    for (size_t i = 0; i < app->sink_count; i++) {
        if (strcmp(app->sinks[i]->name, output) != 0)
            continue;
        ja_sink_mute(app->sinks[i], muted);
        ja_text_format(reply, "%s %s", output, muted ? "muted" : "sending");
        return JA_OK;
    }
    ja_text_format(reply, "no output is called %s; there are:", output);
    for (size_t i = 0; i < app->sink_count; i++)
        ja_text_format(reply, " %s", app->sinks[i]->name);
    return JA_USAGE;
}

/* --- Statistics --- */

/* An answer goes out as one small packet (control/osc.c), and must be whole: of the first stream
 * all numbers are told, of the others the essentials, of those that find no room only how many. */
enum {
    STATS_BYTES = 880,
    STATS_TAIL = 48, /* for closing braces and how many are left out */
};

static void write_level_loads(const struct ja_stream_stats *stats, struct ja_json *json) {
    ja_json_key(json, "level_load");
    ja_json_begin_object(json);
    for (int i = 0; i < JA_LEVELS; i++) {
        if (!isnan(stats->level_load[i]))
            ja_json_put_number(json, ja_level_names[i], stats->level_load[i]);
    }
    ja_json_end_object(json);
}

static void write_details(const struct ja_stream_stats *stats, struct ja_json *json) {
    ja_json_put_bool(json, "paused", stats->paused);
    ja_json_put_count(json, "delivered", stats->delivered);
    ja_json_put_count(json, "processed", stats->processed);
    ja_json_put_count(json, "lost_blocks", stats->lost_blocks);
    ja_json_put_count(json, "repaired", stats->repaired);
    ja_json_put_count(json, "frames_withheld", stats->frames_withheld);
    ja_json_put_count(json, "events_withheld", stats->events_withheld);
    ja_json_put_number(json, "worst_hop_ms", stats->worst_hop_ms);
    ja_json_put_number(json, "queue_ms", stats->queue_ms);
    ja_json_put_string(json, "strategies", stats->strategies);
    write_level_loads(stats, json);
}

void ja_app_put_stream(const struct ja_tap *tap, bool all, struct ja_json *json) {
    const struct ja_stream_stats *stats = &tap->stats;
    ja_json_put_time(json, "time", stats->now);
    ja_json_put_count(json, "lost", stats->lost);
    ja_json_put_number(json, "load", stats->load);
    ja_json_put_string(json, "level", ja_level_names[stats->level]);
    if (all)
        write_details(stats, json);
}

void ja_app_write_stream(const struct ja_tap *tap, bool all, struct ja_json *json) {
    ja_json_begin_object(json);
    ja_app_put_stream(tap, all, json);
    ja_json_end_object(json);
}

void ja_app_write_jack(const struct ja_jack_status *status, struct ja_json *json) {
    ja_json_key(json, "jack");
    ja_json_begin_object(json);
    ja_json_put_string(json, "client", status->client);
    ja_json_put_string(json, "state", status->reason);
    ja_json_put_count(json, "rate", status->rate);
    ja_json_put_count(json, "period", status->period);
    ja_json_put_count(json, "cycles", status->cycles);
    ja_json_put_count(json, "xruns", status->xruns);
    ja_json_put_count(json, "midi_unheard", status->midi_unheard);
    ja_json_end_object(json);
}

/* Takes back what came after `before` when it leaves no room for the tail. */
static bool fits(struct ja_json *json, const struct ja_json *before, const struct ja_text *text) {
    if (!json->text->full && json->text->length + STATS_TAIL < json->text->size)
        return true;
    *json->text = *text;
    *json = *before;
    json->text->data[text->length] = '\0';
    return false;
}

static void write_streams(struct ja_app *app, struct ja_json *json) {
    size_t told = 0;
    bool room = true;
    ja_json_key(json, "streams");
    ja_json_begin_object(json);
    while (told < app->stream_count && room) {
        const struct ja_json before = *json;
        const struct ja_text text = *json->text;
        ja_stream_stats(app->streams[told], &app->taps[told].stats);
        ja_json_key(json, app->taps[told].name);
        ja_app_write_stream(&app->taps[told], told == 0, json);
        room = fits(json, &before, &text);
        told += room;
    }
    ja_json_end_object(json);
    if (told < app->stream_count)
        ja_json_put_count(json, "left_out", app->stream_count - told);
}

/* {"sub-1":"beat to 127.0.0.1:9000"} */
static void write_subscribers(const struct ja_app *app, struct ja_json *json) {
    uint64_t left_out = 0;
    ja_json_key(json, "subscribers");
    ja_json_begin_object(json);
    for (size_t i = 0; i < JA_SUBSCRIBERS; i++) {
        const struct ja_subscriber *one = &app->subscribers.entries[i];
        const struct ja_json before = *json;
        const struct ja_text text = *json->text;
        char place[80], what[JA_WISH_BYTES + sizeof place];
        if (!one->handle)
            continue;
        ja_subscriber_place(one, place, sizeof place);
        snprintf(what, sizeof what, "%s to %s", one->wish, place);
        ja_json_put_string(json, ((const struct ja_sink *)one->handle)->name, what);
        left_out += !fits(json, &before, &text);
    }
    if (left_out > 0)
        ja_json_put_count(json, "left_out", left_out);
    ja_json_end_object(json);
}

static bool has_subscribers(const struct ja_app *app) {
    for (size_t i = 0; i < JA_SUBSCRIBERS; i++)
        if (app->subscribers.entries[i].handle)
            return true;
    return false;
}

static enum ja_status stats(void *data, struct ja_text *reply) {
    struct ja_app *app = data;
    char answer[STATS_BYTES];
    struct ja_text text;
    struct ja_json json;
    ja_json_open(&json, &text, answer, sizeof answer);
    if (app->jack)
        ja_app_write_jack(&app->jack_status, &json);
    ja_json_key(&json, "operator");
    ja_json_begin_object(&json);
    ja_app_put_orders(app, &json);
    ja_json_end_object(&json);
    write_streams(app, &json);
    const struct ja_json before = json;
    const struct ja_text streams = text;
    if (has_subscribers(app)) {
        write_subscribers(app, &json);
        fits(&json, &before, &streams);
    }
    ja_json_end_object(&json);
    ja_text_put(reply, answer);
    return JA_OK;
}

static enum ja_status streams(void *data, struct ja_text *reply) {
    const struct ja_app *app = data;
    struct ja_json json;
    ja_json_init(&json, reply);
    ja_json_begin_object(&json);
    ja_json_key(&json, "streams");
    ja_json_begin_array(&json);
    for (size_t i = 0; i < app->stream_count; i++) {
        ja_json_begin_object(&json);
        ja_json_put_string(&json, "id", app->taps[i].name);
        ja_json_put_integer(&json, "channels", ja_stream_channels(app->streams[i]));
        ja_json_put_string(&json, "state", app->states[i].state.state);
        ja_json_end_object(&json);
    }
    ja_json_end_array(&json);
    ja_json_end_object(&json);
    return JA_OK;
}

void ja_app_init_operator(struct ja_app *app) {
    app->operator=(struct ja_operator){
        .data = app,
        .set = set,
        .directs = directs,
        .get = get,
        .preset = ja_app_preset,
        .reset = reset,
        .pause = pause_all,
        .mute = mute,
        .level = level,
        .beat = beat,
        .range = range,
        .test_beats = test_beats,
        .learn = learn,
        .feedback = feedback,
        .stats = stats,
        .streams = streams,
        .subscribe = ja_app_subscribe,
        .unsubscribe = ja_app_unsubscribe,
    };
}
