/* Who is connected: requests that wait for their answer, and WebSockets of each kind.
 *
 * All of this is the server's thread's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <ja/core/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMMANDS = 8, /* of one client that may be on their way to the main thread */
    ANSWER_BYTES = 4096,
};

/* A path that ends with '/' has the name of a stream behind it. */
static const struct {
    const char *path;
    enum ja_client_kind kind;
} sockets[] = {
    {"/api/v1/events", JA_CLIENT_BUS},
    {"/api/v1/stream/audio/", JA_CLIENT_AUDIO},
    {"/api/v1/stream/control/", JA_CLIENT_CONTROL},
    {"/api/v1/monitor/", JA_CLIENT_MONITOR},
};

/* The kind of socket behind a path, and the name at its end; JA_CLIENT_REQUEST: there is none. */
static enum ja_client_kind find_socket(const char *path, const char **id) {
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        size_t length = strlen(sockets[i].path);
        bool named = sockets[i].path[length - 1] == '/';
        *id = path + length;
        if (!strncmp(path, sockets[i].path, length) && (named || !path[length]))
            return sockets[i].kind;
    }
    return JA_CLIENT_REQUEST;
}

bool ja_clients_is_socket(const char *path) {
    const char *id;
    return find_socket(path, &id) != JA_CLIENT_REQUEST;
}

/* --- Coming and going --- */

struct ja_api_client *ja_clients_add(struct ja_api *api, struct ja_web_client *client,
                                     enum ja_client_kind kind) {
    struct ja_api_client *mine = calloc(1, sizeof *mine);
    if (!mine)
        return NULL;
    mine->client = client;
    mine->kind = kind;
    mine->number = ++api->last_number;
    mine->next = api->clients;
    api->clients = mine;
    ja_web_client_set(client, mine);
    return mine;
}

void ja_clients_count(struct ja_api *api) {
    unsigned listeners = 0;
    double most_hz = 0;
    for (const struct ja_api_client *one = api->clients; one; one = one->next) {
        listeners += one->kind != JA_CLIENT_REQUEST;
        if (one->kind == JA_CLIENT_BUS && (one->outputs & JA_WEB_ANALYSIS))
            most_hz = fmax(most_hz, one->rate_hz);
    }
    atomic_store(&api->listeners, listeners);
    atomic_store(&api->wanted_hz, (unsigned)ceil(most_hz));
}

bool ja_clients_open(void *data, struct ja_web_client *client,
                     const struct ja_web_request *request) {
    struct ja_api *api = data;
    const char *id;
    enum ja_client_kind kind = find_socket(request->path, &id);
    struct ja_api_client *mine = ja_clients_add(api, client, kind);
    if (!mine)
        return false;
    ja_clients_count(api);
    if (kind == JA_CLIENT_BUS)
        ja_bus_open(api, mine);
    else if (!ja_query_is_name(id))
        ja_clients_refuse(mine, kind == JA_CLIENT_MONITOR ? "audio_stream_error" : "error",
                          "bad_name", 1008, ja_query_name_rule);
    else if (!ja_text_copy(mine->id, sizeof mine->id, id))
        return false;
    else if (kind == JA_CLIENT_AUDIO)
        ja_audio_open(api, mine, request->query);
    else if (kind == JA_CLIENT_CONTROL)
        ja_control_socket_open(api, mine);
    else
        ja_monitor_open(api, mine, request->query);
    return true;
}

void ja_clients_closed(void *data, struct ja_web_client *client) {
    struct ja_api *api = data;
    struct ja_api_client *mine = ja_web_client_get(client), **link = &api->clients;
    if (!mine)
        return;
    if (mine->kind == JA_CLIENT_AUDIO)
        ja_audio_closed(api, mine);
    if (mine->kind == JA_CLIENT_MONITOR)
        ja_monitor_closed(api, mine);
    while (*link != mine)
        link = &(*link)->next;
    *link = mine->next;
    free(mine);
    ja_clients_count(api);
}

/* --- To one --- */

void ja_clients_send_event(struct ja_api_client *to, const char *text, size_t size) {
    char notice[64];
    if (to->dropped > 0) {
        int length =
            snprintf(notice, sizeof notice, "{\"type\":\"dropped\",\"events\":%u}", to->dropped);
        if (ja_web_send(to->client, true, notice, (size_t)length, true))
            to->dropped = 0;
    }
    if (to->dropped > 0 || !ja_web_send(to->client, true, text, size, true))
        to->dropped++;
}

void ja_clients_answer(struct ja_api_client *to, const struct ja_web_message *message,
                       const char *type, bool fine, const char *sentence) {
    char buffer[ANSWER_BYTES];
    struct ja_text text;
    struct ja_json json;
    ja_json_open(&json, &text, buffer, sizeof buffer);
    ja_json_put_string(&json, "type", type);
    if (message->has_id)
        ja_json_put_integer(&json, "id", message->id);
    if (sentence) {
        ja_json_put_string(&json, "command", message->call.name[0] ? message->call.name : NULL);
        ja_json_put_bool(&json, "ok", fine);
        ja_json_put_string(&json, "text", sentence);
    }
    ja_json_end_object(&json);
    ja_web_send(to->client, true, text.data, text.length, false);
}

void ja_clients_refuse(struct ja_api_client *to, const char *type, const char *code,
                       unsigned close_code, const char *sentence) {
    char buffer[ANSWER_BYTES];
    struct ja_text text;
    struct ja_json json;
    ja_json_open(&json, &text, buffer, sizeof buffer);
    ja_json_put_string(&json, "type", type);
    ja_json_put_string(&json, "stream", to->id[0] ? to->id : NULL);
    ja_json_put_string(&json, "error", sentence);
    ja_json_put_string(&json, "code", code);
    ja_json_end_object(&json);
    ja_web_send(to->client, true, text.data, text.length, false);
    ja_web_close(to->client, close_code, code);
}

void ja_clients_send_metrics(struct ja_api *api, const char *id, const char *text, size_t size) {
    for (struct ja_api_client *to = api->clients; to; to = to->next)
        if (to->kind > JA_CLIENT_BUS && !strcmp(to->id, id))
            ja_web_send_latest(to->client, JA_CLIENTS_METRICS, true, text, size);
}

/* --- From one --- */

void ja_clients_ask(struct ja_api *api, struct ja_api_client *from, struct ja_asked *asked) {
    asked->client = from->number;
    if (from->asked >= COMMANDS || !ja_web_ask(api->web, api->service, asked, sizeof *asked))
        ja_clients_answer(from, &asked->message, "ack", false,
                          "too many commands at a time: wait for answers");
    else
        from->asked++;
}

static void hear_message(struct ja_api *api, struct ja_api_client *from,
                         const struct ja_web_message *message) {
    if (message->kind == JA_WEB_PING)
        ja_clients_answer(from, message, "pong", true, NULL);
    else if (from->kind == JA_CLIENT_BUS)
        ja_bus_heard(api, from, message);
    else
        ja_control_socket_heard(api, from, message);
}

void ja_clients_heard(void *api, struct ja_web_client *client, bool text, const void *bytes,
                      size_t size) {
    struct ja_api_client *from = ja_web_client_get(client);
    struct ja_web_message message = {0};
    struct ja_error error;
    if (!text && from->kind == JA_CLIENT_AUDIO)
        ja_audio_heard(api, from, bytes, size);
    else if (!text)
        ja_clients_answer(from, &message, "ack", false, "messages here must be text");
    else if (ja_web_message_read(&message, bytes, size, &error) != JA_OK)
        ja_clients_answer(from, &message, "ack", false, error.text);
    else
        hear_message(api, from, &message);
}

/* --- From the main thread --- */

/* The client may have left meanwhile. */
static void pass_answer(struct ja_api *api, const struct ja_told *told) {
    struct ja_api_client *to = api->clients;
    while (to && to->number != told->client)
        to = to->next;
    if (to && to->kind != JA_CLIENT_REQUEST) {
        to->asked--;
        ja_web_send(to->client, true, told->body, told->size, false);
    } else if (to) {
        to->number = 0; /* it has its answer */
        ja_web_answer(to->client, told->status, told->type, told->body, told->size);
    }
    free(told->body);
}

/* Metrics of the program's own stream. */
static void pass_metrics(struct ja_api *api, const struct ja_bus_stream *stream, const char *text,
                         size_t size) {
    ja_bus_metrics(api, stream, text, size);
    ja_clients_send_metrics(api, stream->name, text, size);
}

void ja_clients_told(void *data, const void *bytes, size_t size) {
    struct ja_api *api = data;
    struct ja_told told;
    (void)size;
    memcpy(&told, bytes, sizeof told);
    const char *text = (const char *)bytes + sizeof told;
    struct ja_bus_stream *stream = &api->streams[told.stream];
    switch (told.kind) {
    case JA_TOLD_ANSWER:
        pass_answer(api, &told);
        break;
    case JA_TOLD_EVENT:
        ja_bus_event(api, stream, told.outputs, told.lasting, text, told.size);
        break;
    case JA_TOLD_FRAME:
        ja_bus_frame(api, stream, told.time, text, told.size);
        break;
    case JA_TOLD_METRICS:
        pass_metrics(api, stream, text, told.size);
        break;
    case JA_TOLD_SETTINGS:
        ja_audio_settings(api, told.module, text);
        break;
    case JA_TOLD_OPERATOR:
        ja_bus_operator(api, text, told.size);
        break;
    }
}
