/* Requests: one table says what there is, which is also described as openapi.json.
 *
 * All of this is the server's thread's. What it cannot answer itself goes to the main thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <ja/config/preset.h>
#include <ja/core/json.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES = 64 * 1024 };

static const char json_type[] = "application/json";

typedef void answer_function(struct ja_api *api, struct ja_web_client *client,
                             const struct ja_web_request *request);

static answer_function answer_read, answer_presets, answer_commands, answer_description,
    answer_command, answer_option, answer_socket, answer_start, answer_stop;

/* A path that ends with '/' wants a name behind it. */
static const struct route {
    const char *method, *path, *name, *summary;
    answer_function *answer;
} routes[] = {
    {"GET", "/api/v1/stream/list", NULL, "The streams and what they make of their input.",
     answer_read},
    {"GET", "/api/v1/stream/stats/", "id", "Counters and load of one stream.", answer_read},
    {"GET", "/api/v1/stream/health", NULL, "Is all well: JACK, streams, outputs.", answer_read},
    {"GET", "/api/v1/options", NULL,
     "Every option with value, default, range, unit, help and origin.", answer_read},
    {"GET", "/api/v1/options/", "name", "One option.", answer_read},
    {"PUT", "/api/v1/options/", "name", "Sets an option: {\"value\": 0.4}.", answer_option},
    {"GET", "/api/v1/presets", NULL, "The presets that can be found.", answer_presets},
    {"GET", "/api/v1/commands", NULL, "The commands with their arguments.", answer_commands},
    {"POST", "/api/v1/command", NULL, "Runs a command: {\"command\": \"nudge\", \"args\": [5]}.",
     answer_command},
    {"GET", "/api/v1/ports", NULL, "The JACK ports that could be connected.", answer_read},
    {"GET", "/api/v1/openapi.json", NULL, "This description.", answer_description},
    {"POST", "/api/v1/stream/start/", "id",
     "Creates a stream that takes its sound by WebSocket; ?rate=…&channels=…&update_hz=….",
     answer_start},
    {"POST", "/api/v1/stream/stop/", "id", "Ends such a stream.", answer_stop},
    {"GET", "/api/v1/events", NULL, "The live bus, by WebSocket.", answer_socket},
    {"GET", "/api/v1/stream/audio/", "id",
     "Takes sound, float32 little-endian, and tells what is in it, by WebSocket; "
     "?rate=44100&channels=1&update_hz=10.",
     answer_socket},
    {"GET", "/api/v1/stream/control/", "id",
     "Commands about one stream, by WebSocket: get_stats, reset_analysis, list_streams, pause, "
     "resume.",
     answer_socket},
    {"GET", "/api/v1/monitor/", "id",
     "What a stream hears, by WebSocket: binary, or base64 with ?encoding=json.", answer_socket},
    {"GET", "/metrics", NULL, "Counters for Prometheus.", answer_read},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

/* --- Answers of the main thread --- */

static void ask(struct ja_api *api, struct ja_web_client *client, struct ja_asked *asked) {
    struct ja_api_client *mine = ja_clients_add(api, client, JA_CLIENT_REQUEST);
    ja_audio_tell(api);
    asked->client = mine ? mine->number : 0;
    if (mine && ja_web_ask(api->web, api->service, asked, sizeof *asked))
        return;
    if (mine)
        mine->number = 0;
    ja_error_answer(client, 503, "there is too much to do: try again");
}

static void answer_read(struct ja_api *api, struct ja_web_client *client,
                        const struct ja_web_request *request) {
    static const char prefix[] = "/api/v1/";
    struct ja_asked asked = {.kind = JA_ASKED_READ};
    bool is_api = !strncmp(request->path, prefix, sizeof prefix - 1);
    const char *what = request->path + (is_api ? sizeof prefix - 1 : 1);
    if (ja_text_copy(asked.what, sizeof asked.what, what))
        ask(api, client, &asked);
    else
        ja_error_answer(client, 404, "there is nothing with so long a name");
}

static void answer_command(struct ja_api *api, struct ja_web_client *client,
                           const struct ja_web_request *request) {
    struct ja_asked asked = {.kind = JA_ASKED_POST};
    struct ja_error error;
    if (ja_web_message_read(&asked.message, request->body, request->size, &error) != JA_OK)
        ja_error_answer(client, 400, error.text);
    else if (asked.message.kind != JA_WEB_COMMAND)
        ja_error_answer(client, 400, "only a WebSocket can subscribe or ping");
    else
        ask(api, client, &asked);
}

static void answer_option(struct ja_api *api, struct ja_web_client *client,
                          const struct ja_web_request *request) {
    struct ja_asked asked = {.kind = JA_ASKED_OPTION};
    struct ja_error error;
    const char *name = strrchr(request->path, '/') + 1;
    if (ja_web_value_read(&asked.message.call, name, request->body, request->size, &error) != JA_OK)
        ja_error_answer(client, 400, error.text);
    else
        ask(api, client, &asked);
}

/* --- Answers from tables and files --- */

static void answer_list(struct ja_web_client *client, void (*write)(struct ja_json *json)) {
    char *buffer = malloc(LIST_BYTES);
    struct ja_text text;
    struct ja_json json;
    if (!buffer) {
        ja_error_answer(client, 503, "no memory for an answer");
        return;
    }
    ja_text_init(&text, buffer, LIST_BYTES);
    ja_json_init(&json, &text);
    write(&json);
    if (text.full)
        ja_error_answer(client, 503, "there are too many for one answer");
    else
        ja_web_answer(client, 200, json_type, text.data, text.length);
    free(buffer);
}

static bool write_preset(void *data, const char *name, const char *description, const char *path) {
    struct ja_json *json = data;
    ja_json_begin_object(json);
    ja_json_put_string(json, "name", name);
    ja_json_put_string(json, "description", description);
    ja_json_put_string(json, "file", path);
    ja_json_end_object(json);
    return true;
}

static void write_presets(struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_key(json, "presets");
    ja_json_begin_array(json);
    ja_preset_each(write_preset, json);
    ja_json_end_array(json);
    ja_json_end_object(json);
}

static void answer_presets(struct ja_api *api, struct ja_web_client *client,
                           const struct ja_web_request *request) {
    (void)api, (void)request;
    answer_list(client, write_presets);
}

static void write_commands(struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_key(json, "commands");
    ja_json_begin_array(json);
    for (size_t i = 0; i < ja_command_count; i++) {
        ja_json_begin_object(json);
        ja_json_put_string(json, "name", ja_commands[i].name);
        ja_json_put_string(json, "arguments", ja_commands[i].arguments);
        ja_json_put_string(json, "help", ja_commands[i].help);
        ja_json_end_object(json);
    }
    ja_json_end_array(json);
    ja_json_end_object(json);
}

static void answer_commands(struct ja_api *api, struct ja_web_client *client,
                            const struct ja_web_request *request) {
    (void)api, (void)request;
    answer_list(client, write_commands);
}

static void answer_socket(struct ja_api *api, struct ja_web_client *client,
                          const struct ja_web_request *request) {
    (void)api, (void)request;
    ja_error_answer(client, 426, "this is a WebSocket");
}

static void answer_start(struct ja_api *api, struct ja_web_client *client,
                         const struct ja_web_request *request) {
    ja_audio_request(api, client, request, true);
}

static void answer_stop(struct ja_api *api, struct ja_web_client *client,
                        const struct ja_web_request *request) {
    ja_audio_request(api, client, request, false);
}

/* --- The description --- */

static void describe_parameter(const struct route *route, struct ja_json *json) {
    ja_json_key(json, "parameters");
    ja_json_begin_array(json);
    ja_json_begin_object(json);
    ja_json_put_string(json, "name", route->name);
    ja_json_put_string(json, "in", "path");
    ja_json_put_bool(json, "required", true);
    ja_json_key(json, "schema");
    ja_json_begin_object(json);
    ja_json_put_string(json, "type", "string");
    ja_json_end_object(json);
    ja_json_end_object(json);
    ja_json_end_array(json);
}

static void describe_body(struct ja_json *json) {
    ja_json_key(json, "requestBody");
    ja_json_begin_object(json);
    ja_json_key(json, "content");
    ja_json_begin_object(json);
    ja_json_key(json, json_type);
    ja_json_begin_object(json);
    ja_json_key(json, "schema");
    ja_json_begin_object(json);
    ja_json_put_string(json, "type", "object");
    for (int i = 0; i < 4; i++)
        ja_json_end_object(json);
}

static void describe_answer(const char *status, const char *description, struct ja_json *json) {
    ja_json_key(json, status);
    ja_json_begin_object(json);
    ja_json_put_string(json, "description", description);
    ja_json_end_object(json);
}

static void describe_operation(const struct route *route, struct ja_json *json) {
    char method[8];
    size_t i = 0;
    for (; route->method[i]; i++)
        method[i] = (char)(route->method[i] | 0x20);
    method[i] = '\0';
    ja_json_key(json, method);
    ja_json_begin_object(json);
    ja_json_put_string(json, "summary", route->summary);
    if (route->name)
        describe_parameter(route, json);
    if (route->method[0] == 'P' && route->answer != answer_start && route->answer != answer_stop)
        describe_body(json);
    ja_json_key(json, "responses");
    ja_json_begin_object(json);
    describe_answer(route->answer == answer_socket ? "101" : "200", route->summary, json);
    describe_answer("default", "{\"error\": a sentence, \"code\": a word}", json);
    ja_json_end_object(json);
    ja_json_end_object(json);
}

/* Methods of one path stand beside each other in the table. */
static void describe_path(size_t first, struct ja_json *json) {
    char path[128];
    struct ja_text text;
    ja_text_init(&text, path, sizeof path);
    ja_text_put(&text, routes[first].path);
    if (routes[first].name)
        ja_text_format(&text, "{%s}", routes[first].name);
    ja_json_key(json, path);
    ja_json_begin_object(json);
    for (size_t i = first; i < ROUTES && !strcmp(routes[i].path, routes[first].path); i++)
        describe_operation(&routes[i], json);
    ja_json_end_object(json);
}

static void write_description(struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_put_string(json, "openapi", "3.0.3");
    ja_json_key(json, "info");
    ja_json_begin_object(json);
    ja_json_put_string(json, "title", "jack-analyzer");
    ja_json_put_string(json, "version", JA_VERSION);
    ja_json_end_object(json);
    ja_json_key(json, "paths");
    ja_json_begin_object(json);
    for (size_t i = 0; i < ROUTES; i++)
        if (i == 0 || strcmp(routes[i - 1].path, routes[i].path) != 0)
            describe_path(i, json);
    ja_json_end_object(json);
    ja_json_end_object(json);
}

static void answer_description(struct ja_api *api, struct ja_web_client *client,
                               const struct ja_web_request *request) {
    (void)api, (void)request;
    answer_list(client, write_description);
}

/* --- Finding the way --- */

static bool is_path(const struct route *route, const char *path) {
    size_t length = strlen(route->path);
    if (!route->name)
        return !strcmp(route->path, path);
    return !strncmp(route->path, path, length) && path[length] && !strchr(path + length, '/');
}

static bool is_secret(const char *path) {
    return !strncmp(path, "/api/", 5) || !strcmp(path, "/metrics");
}

static bool may_ask(const struct ja_api *api, const struct ja_web_request *request) {
    return !api->token[0] || ja_token_is_borne(api->token, request);
}

unsigned ja_http_admit(void *data, const struct ja_web_request *request) {
    const struct ja_api *api = data;
    if (!may_ask(api, request))
        return 401;
    if (!ja_sockets_has(request->path))
        return 404;
    return atomic_load(&api->listeners) < (unsigned)api->settings.clients ? 0 : 503;
}

void ja_http_request(void *data, struct ja_web_client *client,
                     const struct ja_web_request *request) {
    struct ja_api *api = data;
    const char *method = strcmp(request->method, "HEAD") ? request->method : "GET";
    bool known = false;
    if (is_secret(request->path) && !may_ask(api, request)) {
        ja_error_answer(client, 401, "a token is needed: Authorization: Bearer …, or ?token=…");
        return;
    }
    for (size_t i = 0; i < ROUTES; i++) {
        if (!is_path(&routes[i], request->path))
            continue;
        known = true;
        if (strcmp(routes[i].method, method) != 0)
            continue;
        routes[i].answer(api, client, request);
        return;
    }
    if (known || (!is_secret(request->path) && strcmp(method, "GET") != 0))
        ja_error_answer(client, 405, "this path takes another method");
    else if (is_secret(request->path))
        ja_error_answer(client, 404,
                        "there is no such path; /api/v1/openapi.json tells what there is");
    else
        ja_page_answer(api->root, client, request->path);
}
