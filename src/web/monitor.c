/* What a stream hears, to all who listen to it: short blocks with a header, or as base64 in JSON.
 *
 * Whoever listens to the same stream is in one room. A listener that does not read in time misses
 * blocks, which the sequence numbers show; the others notice nothing, and the stream even less.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest.h"

#include <ja/core/json.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES = 32,
    VERSION = 1,
    FLOAT32 = 1,               /* format: float32 little-endian, interleaved */
    BLOCKS_PER_SECOND = 50,    /* 20 ms */
    SAMPLES_BYTES = 32 * 1024, /* most of one block */
    TEXT_BYTES = SAMPLES_BYTES / 3 * 4 + 1024,
    WAITING_BYTES = JA_WEB_WAITING_BYTES / 2, /* for one listener, from which on it misses some */
};

struct ja_room {
    struct ja_room *next;
    char name[JA_STREAM_NAME_BYTES];
    struct ja_monitor *monitor;
    unsigned listeners;
    bool running;          /* they have been told what comes */
    struct ja_block last;  /* the stream's, as it came */
    uint64_t lost;         /* monitor->lost, as last seen */
    unsigned block_frames; /* of a whole block */
    unsigned filled;       /* frames of the block that is being made */
    uint64_t frame;        /* number of its first */
    uint32_t seq;
    float *planes; /* JA_BLOCK_FRAMES of each channel */
    char *text;
    unsigned char message[HEADER_BYTES + SAMPLES_BYTES];
};

/* --- Words --- */

static void begin(const struct ja_room *room, const char *type, struct ja_text *text,
                  struct ja_json *json) {
    ja_json_open(json, text, room->text, TEXT_BYTES);
    ja_json_put_string(json, "type", type);
    ja_json_put_string(json, "stream", room->name);
    ja_json_key(json, "data");
    ja_json_begin_object(json);
}

static void finish(struct ja_json *json) {
    ja_json_end_object(json);
    ja_json_end_object(json);
}

static bool listens(const struct ja_api_client *client, const struct ja_room *room) {
    return client->kind == JA_CLIENT_MONITOR && client->room == room;
}

static void send_start(const struct ja_room *room, struct ja_api_client *to) {
    struct ja_text text;
    struct ja_json json;
    begin(room, "audio_stream_start", &text, &json);
    ja_json_put_count(&json, "sample_rate", room->last.rate);
    ja_json_put_count(&json, "channels", room->monitor->channels);
    ja_json_put_string(&json, "format", "float32le");
    ja_json_put_string(&json, "encoding", to->as_json ? "json" : "binary");
    ja_json_put_count(&json, "block_frames", room->block_frames);
    finish(&json);
    ja_web_send(to->client, true, text.data, text.length, false);
}

static void send_end(struct ja_api *api, struct ja_room *room, const char *reason) {
    struct ja_text text;
    struct ja_json json;
    if (!room->running)
        return;
    room->running = false;
    begin(room, "audio_stream_end", &text, &json);
    ja_json_put_string(&json, "reason", reason);
    ja_json_put_count(&json, "frame", room->frame);
    finish(&json);
    for (struct ja_api_client *to = api->clients; to; to = to->next)
        if (listens(to, room))
            ja_web_send(to->client, true, text.data, text.length, false);
}

/* --- Blocks --- */

static unsigned char *put_bytes(unsigned char *to, uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        *to++ = (unsigned char)(value >> 8 * i);
    return to;
}

static void put_header(struct ja_room *room) {
    unsigned char *to = room->message;
    memset(to, 0, HEADER_BYTES);
    memcpy(to, "JAPC", 4);
    to = put_bytes(to + 4, VERSION, 2);
    to = put_bytes(to, FLOAT32, 2);
    to = put_bytes(to, room->seq, 4);
    to = put_bytes(to, room->frame, 8);
    to = put_bytes(to, room->last.rate, 4);
    put_bytes(to, room->monitor->channels, 2);
}

static void put_base64(struct ja_text *text, const unsigned char *bytes, size_t size) {
    enum { PIECE = 3 * 256 };
    unsigned char digits[PIECE / 3 * 4 + 1];
    for (size_t at = 0; at < size; at += PIECE) {
        const size_t piece = size - at < PIECE ? size - at : PIECE;
        const int length = EVP_EncodeBlock(digits, bytes + at, (int)piece);
        ja_text_put_bytes(text, (const char *)digits, (size_t)length);
    }
}

/* The same block as JSON. */
static struct ja_text write_chunk(const struct ja_room *room, size_t sample_bytes) {
    struct ja_text text;
    struct ja_json json;
    begin(room, "audio_chunk", &text, &json);
    ja_json_put_count(&json, "seq", room->seq);
    ja_json_put_count(&json, "frame", room->frame);
    ja_json_put_count(&json, "sample_rate", room->last.rate);
    ja_json_put_count(&json, "channels", room->monitor->channels);
    ja_json_key(&json, "samples");
    ja_text_put(&text, "\"");
    put_base64(&text, room->message + HEADER_BYTES, sample_bytes);
    ja_text_put(&text, "\"");
    finish(&json);
    return text;
}

static void send_block(struct ja_api *api, const struct ja_api_client *to, bool is_text,
                       const void *bytes, size_t size) {
    if (ja_web_waiting(to->client) > WAITING_BYTES)
        atomic_fetch_add(&api->unheard, 1);
    else
        ja_web_send(to->client, is_text, bytes, size, false);
}

static void flush(struct ja_api *api, struct ja_room *room) {
    const size_t sample_bytes = (size_t)room->filled * room->monitor->channels * sizeof(float);
    struct ja_text text = {0};
    if (room->filled == 0)
        return;
    put_header(room);
    for (const struct ja_api_client *to = api->clients; to; to = to->next) {
        if (!listens(to, room))
            continue;
        if (to->as_json && !text.data)
            text = write_chunk(room, sample_bytes);
        if (to->as_json)
            send_block(api, to, true, text.data, text.length);
        else
            send_block(api, to, false, room->message, HEADER_BYTES + sample_bytes);
    }
    room->seq++;
    room->frame += room->filled;
    room->filled = 0;
}

/* --- From the stream --- */

static void begin_run(struct ja_api *api, struct ja_room *room, const struct ja_block *block) {
    const unsigned frame_bytes = room->monitor->channels * (unsigned)sizeof(float);
    const unsigned most = SAMPLES_BYTES / frame_bytes;
    send_end(api, room, "restart");
    room->last = *block;
    room->frame = block->frame;
    room->block_frames = block->rate / BLOCKS_PER_SECOND;
    if (room->block_frames > most)
        room->block_frames = most;
    room->running = true;
    for (struct ja_api_client *to = api->clients; to; to = to->next)
        if (listens(to, room))
            send_start(room, to);
}

/* What did not come this far for want of room counts as sent, so that numbers show it. */
static void skip_to(struct ja_api *api, struct ja_room *room, uint64_t frame) {
    const uint64_t lost = atomic_load(&room->monitor->lost);
    flush(api, room);
    room->seq += (uint32_t)(lost - room->lost);
    atomic_fetch_add(&api->unheard, lost - room->lost);
    room->lost = lost;
    room->frame = frame;
}

static void follow(struct ja_api *api, struct ja_room *room, const struct ja_block *block) {
    const struct ja_block *last = &room->last;
    if (!room->running || block->rate != last->rate || block->epoch != last->epoch) {
        flush(api, room);
        begin_run(api, room, block);
    } else if (block->frame != last->frame + last->frames) {
        skip_to(api, room, block->frame);
    }
    room->last = *block;
}

static void take_frame(struct ja_room *room, const struct ja_block *block, unsigned i) {
    const unsigned channels = room->monitor->channels;
    unsigned char *to = room->message + HEADER_BYTES;
    to += (size_t)room->filled * channels * sizeof(float);
    for (unsigned c = 0; c < channels; c++) {
        uint32_t bits;
        memcpy(&bits, &room->planes[(size_t)c * block->frames + i], sizeof bits);
        to = put_bytes(to, bits, sizeof bits);
    }
    room->filled++;
}

void ja_monitor_woken(struct ja_api *api) {
    struct ja_block block;
    for (struct ja_room *room = api->rooms; room; room = room->next) {
        while (ja_monitor_read(room->monitor, &block, room->planes)) {
            follow(api, room, &block);
            for (unsigned i = 0; i < block.frames; i++) {
                take_frame(room, &block, i);
                if (room->filled == room->block_frames)
                    flush(api, room);
            }
        }
    }
}

/* --- Coming and going --- */

static struct ja_monitor *find_monitor(struct ja_api *api, const char *name) {
    const struct ja_bus_stream *own = ja_bus_find(api, name);
    if (own)
        return api->monitors[own->place];
    const struct ja_guest *guest = ja_guest_find(api, name);
    return guest ? ja_stream_monitor(guest->analysis) : NULL;
}

/* Called by the streams' workers. */
static void wake(void *data) {
    const struct ja_api *api = data;
    ja_web_wake(api->web);
}

static void free_room(struct ja_api *api, struct ja_room *room) {
    struct ja_room **link = &api->rooms;
    while (*link != room)
        link = &(*link)->next;
    *link = room->next;
    ja_monitor_stop(room->monitor);
    free(room->planes);
    free(room->text);
    free(room);
}

static struct ja_room *make_room(struct ja_api *api, const char *name, struct ja_monitor *monitor) {
    struct ja_room *room = calloc(1, sizeof *room);
    if (!room)
        return NULL;
    room->monitor = monitor;
    room->lost = atomic_load(&monitor->lost);
    ja_text_copy(room->name, sizeof room->name, name);
    room->next = api->rooms;
    api->rooms = room;
    room->planes = calloc((size_t)monitor->channels * JA_BLOCK_FRAMES, sizeof *room->planes);
    room->text = malloc(TEXT_BYTES);
    if (room->planes && room->text && ja_monitor_start(monitor, wake, api))
        return room;
    free_room(api, room);
    return NULL;
}

static struct ja_room *find_room(const struct ja_api *api, const char *name) {
    struct ja_room *room = api->rooms;
    while (room && strcmp(room->name, name) != 0)
        room = room->next;
    return room;
}

void ja_monitor_open(struct ja_api *api, struct ja_api_client *mine, const char *query) {
    struct ja_monitor *monitor = find_monitor(api, mine->id);
    struct ja_room *room = find_room(api, mine->id);
    mine->as_json = ja_query_has(query, "encoding", "json");
    if (!monitor) {
        ja_clients_refuse(mine, "audio_stream_error", "not_found", 1008, "there is no such stream");
        return;
    }
    if (!room)
        room = make_room(api, mine->id, monitor);
    if (!room) {
        ja_clients_refuse(mine, "audio_stream_error", "failed", 1011, "no memory to listen in");
        return;
    }
    mine->room = room;
    room->listeners++;
    if (room->running)
        send_start(room, mine);
}

void ja_monitor_closed(struct ja_api *api, struct ja_api_client *mine) {
    if (!mine->room)
        return;
    if (--mine->room->listeners == 0)
        free_room(api, mine->room);
    mine->room = NULL;
}

void ja_monitor_end(struct ja_api *api, const char *name) {
    struct ja_room *room = find_room(api, name);
    if (!room)
        return;
    ja_monitor_woken(api);
    flush(api, room);
    send_end(api, room, "the stream has ended");
    for (struct ja_api_client *one = api->clients; one; one = one->next) {
        if (!listens(one, room))
            continue;
        ja_web_close(one->client, 1000, "ended");
        one->room = NULL;
    }
    free_room(api, room);
}

void ja_monitor_ended(struct ja_api *api) {
    for (struct ja_room *room = api->rooms; room; room = room->next)
        ja_monitor_stop(room->monitor);
}
