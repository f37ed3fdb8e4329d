/* WebSockets by their path: which part each kind belongs to, when it comes, speaks and goes; and
 * what the main thread tells, to the part that it is for.
 *
 * All of this is the server's thread's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

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

bool ja_sockets_has(const char *path) {
    const char *id;
    return find_socket(path, &id) != JA_CLIENT_REQUEST;
}

/* --- Coming and going --- */

bool ja_sockets_open(void *data, struct ja_web_client *client,
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

void ja_sockets_closed(void *data, struct ja_web_client *client) {
    struct ja_api *api = data;
    struct ja_api_client *mine = ja_web_client_get(client);
    if (!mine)
        return;
    if (mine->kind == JA_CLIENT_AUDIO)
        ja_audio_closed(api, mine);
    if (mine->kind == JA_CLIENT_MONITOR)
        ja_monitor_closed(api, mine);
    ja_clients_remove(api, mine);
}

/* --- From one --- */

/* What the bus is asked for; streams that the client has not heard of before greet it. */
static void hear_bus(struct ja_api *api, struct ja_api_client *from,
                     const struct ja_web_message *message) {
    struct ja_asked asked = {.kind = JA_ASKED_COMMAND, .message = *message};
    if (message->kind == JA_WEB_SUBSCRIBE) {
        ja_bus_subscribe(api, from, message);
        for (size_t i = 0; i < message->stream_count; i++)
            ja_audio_greet(api, from, message->streams[i]);
    } else {
        ja_audio_tell(api);
        ja_clients_ask(api, from, &asked);
    }
}

static void hear_message(struct ja_api *api, struct ja_api_client *from,
                         const struct ja_web_message *message) {
    if (message->kind == JA_WEB_PING)
        ja_clients_answer(from, message, "pong", true, NULL);
    else if (from->kind == JA_CLIENT_BUS)
        hear_bus(api, from, message);
    else
        ja_control_socket_heard(api, from, message);
}

void ja_sockets_heard(void *api, struct ja_web_client *client, bool text, const void *bytes,
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

/* Metrics of the program's own stream. */
static void pass_metrics(struct ja_api *api, const struct ja_bus_stream *stream, const char *text,
                         size_t size) {
    ja_bus_metrics(api, stream, text, size);
    ja_clients_send_metrics(api, stream->name, text, size);
}

void ja_sockets_told(void *data, const void *bytes, size_t size) {
    struct ja_api *api = data;
    struct ja_told told;
    (void)size;
    memcpy(&told, bytes, sizeof told);
    const char *text = (const char *)bytes + sizeof told;
    struct ja_bus_stream *stream = &api->streams[told.stream];
    switch (told.kind) {
    case JA_TOLD_ANSWER:
        ja_clients_pass(api, &told);
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
