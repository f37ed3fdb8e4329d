/* The live bus: who listens by WebSocket, what each wants, and handing it out.
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
    FIRST_HZ = 30, /* frames a second for who has not said */
    COMMANDS = 8,  /* of one client that may be on their way to the main thread */
    ANSWER_BYTES = 4096,
};

/* --- Who listens --- */

struct ja_api_client *ja_bus_add(struct ja_api *api, struct ja_web_client *client) {
    struct ja_api_client *mine = calloc(1, sizeof *mine);
    if (!mine)
        return NULL;
    mine->client = client;
    mine->number = ++api->last_number;
    mine->next = api->clients;
    api->clients = mine;
    ja_web_client_set(client, mine);
    return mine;
}

/* What the main thread need not write when nobody wants it. */
static void count_wishes(struct ja_api *api) {
    unsigned listeners = 0;
    double most_hz = 0;
    for (const struct ja_api_client *one = api->clients; one; one = one->next) {
        listeners += one->is_socket;
        if (one->is_socket && (one->outputs & JA_WEB_ANALYSIS) && one->rate_hz > most_hz)
            most_hz = one->rate_hz;
    }
    atomic_store(&api->listeners, listeners);
    atomic_store(&api->wanted_hz, (unsigned)ceil(most_hz));
}

void ja_bus_closed(void *data, struct ja_web_client *client) {
    struct ja_api *api = data;
    struct ja_api_client *mine = ja_web_client_get(client), **link = &api->clients;
    if (!mine)
        return;
    while (*link != mine)
        link = &(*link)->next;
    *link = mine->next;
    free(mine);
    count_wishes(api);
}

/* --- To one client --- */

/* An event, or before the first that finds room again, how many did not. */
static void send_event(struct ja_api_client *to, const char *text, size_t size) {
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

static void say_answer(struct ja_api_client *to, const struct ja_web_message *message,
                       const char *type, bool fine, const char *sentence) {
    char buffer[ANSWER_BYTES];
    struct ja_text text;
    struct ja_json json;
    ja_text_init(&text, buffer, sizeof buffer);
    ja_json_init(&json, &text);
    ja_json_begin_object(&json);
    ja_json_key(&json, "type");
    ja_json_string(&json, type);
    if (message->has_id) {
        ja_json_key(&json, "id");
        ja_json_integer(&json, message->id);
    }
    if (sentence) {
        ja_json_key(&json, "command");
        ja_json_string(&json, message->call.name[0] ? message->call.name : NULL);
        ja_json_key(&json, "ok");
        ja_json_bool(&json, fine);
        ja_json_key(&json, "text");
        ja_json_string(&json, sentence);
    }
    ja_json_end_object(&json);
    ja_web_send(to->client, true, text.data, text.length, false);
}

bool ja_bus_open(void *data, struct ja_web_client *client, const struct ja_web_request *request) {
    struct ja_api *api = data;
    (void)request;
    struct ja_api_client *mine = ja_bus_add(api, client);
    if (!mine)
        return false;
    mine->is_socket = true;
    mine->outputs = JA_WEB_ALL;
    mine->rate_hz = FIRST_HZ;
    ja_web_send(client, true, api->hello, api->hello_size, false);
    for (size_t s = 0; s < api->stream_count; s++)
        for (size_t i = 0; i < JA_API_LASTING; i++)
            if (api->lasting[s][i].size > 0)
                send_event(mine, api->lasting[s][i].text, api->lasting[s][i].size);
    count_wishes(api);
    return true;
}

/* --- From one client --- */

static void subscribe(struct ja_api *api, struct ja_api_client *from,
                      const struct ja_web_message *message) {
    if (message->outputs)
        from->outputs = message->outputs;
    if (!isnan(message->rate_hz))
        from->rate_hz = message->rate_hz;
    count_wishes(api);
    say_answer(from, message, "ack", true, "subscribed");
}

static void pass_command(struct ja_api *api, struct ja_api_client *from,
                         const struct ja_web_message *message) {
    struct ja_asked asked = {.kind = JA_ASKED_COMMAND, .client = from->number, .message = *message};
    if (from->asked >= COMMANDS || !ja_web_ask(api->web, api->service, &asked, sizeof asked))
        say_answer(from, message, "ack", false, "too many commands at a time: wait for answers");
    else
        from->asked++;
}

void ja_bus_heard(void *data, struct ja_web_client *client, bool text, const void *bytes,
                  size_t size) {
    struct ja_api_client *from = ja_web_client_get(client);
    struct ja_web_message message = {0};
    struct ja_error error;
    if (!text)
        say_answer(from, &message, "ack", false, "messages here must be text");
    else if (ja_web_message_read(&message, bytes, size, &error) != JA_OK)
        say_answer(from, &message, "ack", false, error.text);
    else if (message.kind == JA_WEB_PING)
        say_answer(from, &message, "pong", true, NULL);
    else if (message.kind == JA_WEB_SUBSCRIBE)
        subscribe(data, from, &message);
    else
        pass_command(data, from, &message);
}

/* --- To all --- */

static void keep(struct ja_api *api, const struct ja_told *told, const char *text) {
    if (told->lasting == 0 || told->size > JA_API_LASTING_BYTES)
        return;
    struct ja_api_lasting *lasting = &api->lasting[told->stream][told->lasting - 1];
    lasting->outputs = told->outputs;
    lasting->size = told->size;
    memcpy(lasting->text, text, told->size);
}

static void hand_out_event(struct ja_api *api, const struct ja_told *told, const char *text) {
    keep(api, told, text);
    for (struct ja_api_client *to = api->clients; to; to = to->next)
        if (to->is_socket && (to->outputs & told->outputs))
            send_event(to, text, told->size);
}

/* By the sound's own time, so that the gaps are even. */
static void hand_out_frame(struct ja_api *api, const struct ja_told *told, const char *text) {
    for (struct ja_api_client *to = api->clients; to; to = to->next) {
        if (!to->is_socket || !(to->outputs & JA_WEB_ANALYSIS) || to->rate_hz <= 0)
            continue;
        long long tick = (long long)floor(told->time * to->rate_hz + 1e-6);
        if (tick == to->ticks[told->stream])
            continue;
        to->ticks[told->stream] = tick;
        ja_web_send_latest(to->client, told->stream, true, text, told->size);
    }
}

static void hand_out_metrics(struct ja_api *api, const struct ja_told *told, const char *text) {
    for (struct ja_api_client *to = api->clients; to; to = to->next)
        if (to->is_socket && (to->outputs & JA_WEB_METRICS))
            ja_web_send_latest(to->client, JA_STREAMS + told->stream, true, text, told->size);
}

/* The client may have left meanwhile. */
static void pass_answer(struct ja_api *api, const struct ja_told *told) {
    struct ja_api_client *to = api->clients;
    while (to && to->number != told->client)
        to = to->next;
    if (to && to->is_socket) {
        to->asked--;
        ja_web_send(to->client, true, told->body, told->size, false);
    } else if (to) {
        to->number = 0; /* it has its answer */
        ja_web_answer(to->client, told->status, told->type, told->body, told->size);
    }
    free(told->body);
}

void ja_bus_told(void *data, const void *bytes, size_t size) {
    struct ja_api *api = data;
    struct ja_told told;
    (void)size;
    memcpy(&told, bytes, sizeof told);
    const char *text = (const char *)bytes + sizeof told;
    switch (told.kind) {
    case JA_TOLD_ANSWER:
        pass_answer(api, &told);
        break;
    case JA_TOLD_EVENT:
        hand_out_event(api, &told, text);
        break;
    case JA_TOLD_FRAME:
        hand_out_frame(api, &told, text);
        break;
    case JA_TOLD_METRICS:
        hand_out_metrics(api, &told, text);
        break;
    }
}
