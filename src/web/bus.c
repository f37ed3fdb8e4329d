/* The live bus: what each of its listeners wants, and handing it out.
 *
 * All of this is the server's thread's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <math.h>
#include <string.h>

enum { FIRST_HZ = 30 }; /* frames a second for who has not said */

struct ja_bus_stream *ja_bus_find(struct ja_api *api, const char *name) {
    for (size_t i = 0; i < api->stream_count; i++)
        if (!strcmp(api->streams[i].name, name))
            return &api->streams[i];
    return NULL;
}

/* --- What one wants --- */

/* The client's own number of a stream; -1: it does not want it. */
static int slot_of(const struct ja_api_client *client, const struct ja_bus_stream *stream) {
    if (client->kind != JA_CLIENT_BUS)
        return -1;
    if (client->name_count == 0)
        return stream->place;
    for (size_t i = 0; i < client->name_count; i++)
        if (!strcmp(client->names[i], stream->name))
            return JA_STREAMS + (int)i;
    return -1;
}

static bool is_due(const struct ja_api_client *client, int slot, double time, long long *tick) {
    if (slot < 0 || !(client->outputs & JA_WEB_ANALYSIS) || client->rate_hz <= 0)
        return false;
    *tick = (long long)floor(time * client->rate_hz + 1e-6);
    return *tick != client->ticks[slot];
}

void ja_bus_open(struct ja_api *api, struct ja_api_client *mine) {
    mine->outputs = JA_WEB_ALL;
    mine->rate_hz = FIRST_HZ;
    ja_web_send(mine->client, true, api->hello, api->hello_size, false);
    if (api->operator.size> 0)
        ja_clients_send_event(mine, api->operator.text, api->operator.size);
    for (size_t s = 0; s < api->stream_count; s++)
        ja_bus_send_lasting(mine, &api->streams[s]);
    ja_clients_count(api);
}

void ja_bus_subscribe(struct ja_api *api, struct ja_api_client *from,
                      const struct ja_web_message *message) {
    if (message->outputs)
        from->outputs = message->outputs;
    if (!isnan(message->rate_hz))
        from->rate_hz = message->rate_hz;
    if (message->has_streams) {
        memcpy(from->names, message->streams, sizeof from->names);
        from->name_count = message->stream_count;
    }
    ja_clients_count(api);
    ja_clients_answer(from, message, "ack", true, "subscribed");
}

/* --- To all --- */

static void keep(struct ja_bus_stream *stream, unsigned outputs, unsigned place, const char *text,
                 size_t size) {
    if (place == 0 || size > JA_API_LASTING_BYTES)
        return;
    struct ja_api_lasting *lasting = &stream->lasting[place - 1];
    lasting->outputs = outputs;
    lasting->size = size;
    memcpy(lasting->text, text, size);
}

unsigned ja_bus_lasting(const struct ja_event *event) {
    static const char *const kinds[JA_API_SCORES] = {"beat", "energy", "tempo", "harmony"};
    switch (event->type) {
    case JA_EVENT_TEMPO:
    case JA_EVENT_SECTION:
    case JA_EVENT_KEY:
    case JA_EVENT_CHORD:
    case JA_EVENT_STATE:
    case JA_EVENT_LEVEL:
        return 1 + (unsigned)event->type;
    case JA_EVENT_SCORE:
        for (unsigned i = 0; i < JA_API_SCORES; i++)
            if (!strcmp(kinds[i], event->score.kind))
                return 1 + JA_EVENT_TYPES + i;
        return 0;
    default:
        return 0;
    }
}

void ja_bus_send_lasting(struct ja_api_client *to, const struct ja_bus_stream *stream) {
    for (size_t i = 0; i < JA_API_LASTING; i++)
        if (stream->lasting[i].size > 0)
            ja_clients_send_event(to, stream->lasting[i].text, stream->lasting[i].size);
}

void ja_bus_event(struct ja_api *api, struct ja_bus_stream *stream, unsigned outputs,
                  unsigned lasting, const char *text, size_t size) {
    keep(stream, outputs, lasting, text, size);
    for (struct ja_api_client *to = api->clients; to; to = to->next)
        if (slot_of(to, stream) >= 0 && (to->outputs & outputs))
            ja_clients_send_event(to, text, size);
}

bool ja_bus_wants(const struct ja_api *api, const struct ja_bus_stream *stream, double time) {
    long long tick;
    for (const struct ja_api_client *one = api->clients; one; one = one->next)
        if (is_due(one, slot_of(one, stream), time, &tick))
            return true;
    return false;
}

/* By the sound's own time, so that the gaps are even. */
void ja_bus_frame(struct ja_api *api, const struct ja_bus_stream *stream, double time,
                  const char *text, size_t size) {
    for (struct ja_api_client *to = api->clients; to; to = to->next) {
        int slot = slot_of(to, stream);
        long long tick;
        if (!is_due(to, slot, time, &tick))
            continue;
        to->ticks[slot] = tick;
        ja_web_send_latest(to->client, (unsigned)slot, true, text, size);
    }
}

void ja_bus_operator(struct ja_api *api, const char *text, size_t size) {
    if (size > sizeof api->operator.text)
        return;
    api->operator.size = size;
    memcpy(api->operator.text, text, size);
    for (struct ja_api_client *to = api->clients; to; to = to->next)
        if (to->kind == JA_CLIENT_BUS && (to->outputs & JA_WEB_OPERATOR))
            ja_clients_send_event(to, text, size);
}

void ja_bus_metrics(struct ja_api *api, const struct ja_bus_stream *stream, const char *text,
                    size_t size) {
    for (struct ja_api_client *to = api->clients; to; to = to->next) {
        int slot = slot_of(to, stream);
        if (slot >= 0 && (to->outputs & JA_WEB_METRICS))
            ja_web_send_latest(to->client, JA_API_SLOTS + (unsigned)slot, true, text, size);
    }
}
