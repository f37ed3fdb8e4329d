/* Who is connected: requests that wait for their answer, and WebSockets. What goes to one of them.
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

void ja_clients_remove(struct ja_api *api, struct ja_api_client *mine) {
    struct ja_api_client **link = &api->clients;
    while (*link != mine)
        link = &(*link)->next;
    *link = mine->next;
    free(mine);
    ja_clients_count(api);
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

/* --- Between one and the main thread --- */

void ja_clients_ask(struct ja_api *api, struct ja_api_client *from, struct ja_asked *asked) {
    asked->client = from->number;
    if (from->asked >= COMMANDS || !ja_web_ask(api->web, api->service, asked, sizeof *asked))
        ja_clients_answer(from, &asked->message, "ack", false,
                          "too many commands at a time: wait for answers");
    else
        from->asked++;
}

/* The client may have left meanwhile. */
void ja_clients_pass(struct ja_api *api, const struct ja_told *told) {
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
