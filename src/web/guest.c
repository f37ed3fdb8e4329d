/* Sound in and results out of a stream whose source is a WebSocket.
 *
 * The inlet is kept short of sound, so that what cannot be analysed in time waits in the backlog,
 * where the oldest can be given up. Frames given up are counted by the inlet as lost, and their
 * numbers are left out: the stream sees the gap and tells it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest.h"

#include <ja/core/clock.h>
#include <ja/core/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    AHEAD_FRAMES = JA_BLOCK_FRAMES, /* in the inlet, from which on sound waits in the backlog */
    PLENTY_BYTES = 32 * 1024, /* waiting for the socket, from which on the newest frame counts */
};

struct ja_chunk {
    struct ja_chunk *next;
    unsigned frames;
    unsigned char samples[]; /* float32 little-endian, interleaved */
};

/* --- Life --- */

/* Called by the worker. */
static void results_came(void *data) {
    struct ja_guest *guest = data;
    atomic_store(&guest->ready, true);
    ja_web_wake(guest->api->web);
}

static bool goes_to_outputs(const struct ja_api *api, const char *name) {
    for (const char *one = NULL; (one = ja_list_next(api->settings.outputs, one));)
        if (!strcmp(one, name))
            return true;
    return false;
}

struct ja_guest *ja_guest_new(struct ja_api *api, const char *name, unsigned channels,
                              unsigned rate, struct ja_error *error) {
    struct ja_stream_setup setup = api->guest_setup;
    struct ja_guest *guest = calloc(1, sizeof *guest);
    if (!guest) {
        ja_fail(error, JA_FAILED, "no memory for stream %s", name);
        return NULL;
    }
    *guest = (struct ja_guest){.api = api,
                               .channels = channels,
                               .rate = rate,
                               .stream.place = -1,
                               .to_outputs = goes_to_outputs(api, name),
                               .rms = NAN,
                               .allowance = api->settings.audio_bytes,
                               .allowance_us = ja_clock_us(),
                               .heard_us = ja_clock_us()};
    ja_text_copy(guest->stream.name, sizeof guest->stream.name, name);
    setup.name = name;
    setup.channels = channels;
    guest->planes = calloc((size_t)channels * JA_BLOCK_FRAMES, sizeof *guest->planes);
    if (!guest->planes)
        ja_fail(error, JA_FAILED, "no memory for stream %s", name);
    else if ((guest->analysis = ja_stream_new(&setup, error)) &&
             ja_stream_start(guest->analysis, results_came, guest, error) == JA_OK)
        return guest;
    ja_guest_free(guest);
    return NULL;
}

struct ja_guest *ja_guest_find(const struct ja_api *api, const char *name) {
    struct ja_guest *guest = api->guests;
    while (guest && strcmp(guest->stream.name, name) != 0)
        guest = guest->next;
    return guest;
}

void ja_guest_free(struct ja_guest *guest) {
    ja_stream_free(guest->analysis);
    while (guest->first) {
        struct ja_chunk *next = guest->first->next;
        free(guest->first);
        guest->first = next;
    }
    free(guest->planes);
    free(guest);
}

/* --- Sound in --- */

/* Whatever the machine's own order of bytes. */
static float read_sample(const unsigned char *bytes) {
    uint32_t bits =
        bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    float sample;
    memcpy(&sample, &bits, sizeof sample);
    return sample;
}

static void write_block(struct ja_guest *guest, const unsigned char *samples, unsigned frames) {
    const float *planes[JA_CHANNELS];
    const unsigned channels = guest->channels;
    for (unsigned c = 0; c < channels; c++) {
        float *plane = guest->planes + (size_t)c * frames;
        for (size_t i = 0; i < frames; i++)
            plane[i] = read_sample(samples + (i * channels + c) * sizeof(float));
        planes[c] = plane;
    }
    const struct ja_block block = {.frame = guest->frame,
                                   .frames = frames,
                                   .rate = guest->rate,
                                   .channels = channels,
                                   .epoch = 1};
    ja_inlet_write(ja_stream_inlet(guest->analysis), &block, planes);
    guest->frame += frames;
}

static void write_chunk(struct ja_guest *guest, const unsigned char *samples, unsigned frames) {
    const size_t frame_bytes = guest->channels * sizeof(float);
    while (frames > 0) {
        unsigned now = frames < JA_BLOCK_FRAMES ? frames : JA_BLOCK_FRAMES;
        write_block(guest, samples, now);
        samples += now * frame_bytes;
        frames -= now;
    }
}

/* Is the worker about to run out of sound? */
static bool wants_more(const struct ja_guest *guest, unsigned frames) {
    struct ja_stream_stats stats;
    ja_stream_stats(guest->analysis, &stats);
    return stats.delivered - stats.lost - stats.processed < AHEAD_FRAMES &&
           ja_inlet_has_room(ja_stream_inlet(guest->analysis), guest->channels,
                             frames + JA_BLOCK_FRAMES);
}

static void take_first(struct ja_guest *guest) {
    struct ja_chunk *chunk = guest->first;
    guest->first = chunk->next;
    if (!guest->first)
        guest->last = NULL;
    guest->waiting_chunks--;
    guest->waiting -= chunk->frames;
    free(chunk);
}

static void drop_first(struct ja_guest *guest) {
    const unsigned frames = guest->first->frames;
    guest->dropped_chunks++;
    guest->dropped += frames;
    guest->frame += frames;
    ja_inlet_lose(ja_stream_inlet(guest->analysis), frames);
    take_first(guest);
}

static bool keep_chunk(struct ja_guest *guest, const void *samples, size_t size, unsigned frames) {
    struct ja_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        return false;
    *chunk = (struct ja_chunk){.frames = frames};
    memcpy(chunk->samples, samples, size);
    if (guest->last)
        guest->last->next = chunk;
    else
        guest->first = chunk;
    guest->last = chunk;
    guest->waiting_chunks++;
    guest->waiting += frames;
    return true;
}

static void pump(struct ja_guest *guest) {
    while (guest->first && wants_more(guest, guest->first->frames)) {
        write_chunk(guest, guest->first->samples, guest->first->frames);
        take_first(guest);
    }
}

/* A second's worth may come at once, after silence. */
static bool spend(struct ja_guest *guest, size_t size) {
    const double most = guest->api->settings.audio_bytes;
    const uint64_t now_us = ja_clock_us();
    guest->allowance += (double)(now_us - guest->allowance_us) * 1e-6 * most;
    guest->allowance = fmin(guest->allowance, most) - (double)size;
    guest->allowance_us = now_us;
    return guest->allowance >= 0;
}

enum ja_guest_verdict ja_guest_hear(struct ja_guest *guest, const void *bytes, size_t size) {
    const size_t frame_bytes = guest->channels * sizeof(float);
    if (size % frame_bytes != 0)
        return JA_GUEST_BAD_SIZE;
    if (!spend(guest, size))
        return JA_GUEST_TOO_FAST;
    if (size == 0)
        return JA_GUEST_FINE;
    const unsigned frames = (unsigned)(size / frame_bytes);
    pump(guest);
    if (!guest->first && wants_more(guest, frames))
        write_chunk(guest, bytes, frames);
    else if (!keep_chunk(guest, bytes, size, frames))
        return JA_GUEST_NO_MEMORY;
    while (guest->waiting_chunks > (unsigned)guest->api->settings.backlog_chunks)
        drop_first(guest);
    guest->heard_us = ja_clock_us();
    guest->chunks++;
    guest->frames += frames;
    return JA_GUEST_FINE;
}

/* --- Results out --- */

static void begin(struct ja_api *api, struct ja_text *text, struct ja_json *json) {
    ja_text_init(text, api->text, sizeof api->text);
    ja_json_init(json, text);
}

/* What finds no room on its way is counted as what the web has lost. */
static void pass_on(struct ja_guest *guest, enum ja_asked_kind kind, const void *result,
                    size_t size) {
    struct ja_api *api = guest->api;
    struct ja_asked_result head = {.kind = kind};
    if (!guest->to_outputs || sizeof head + size > sizeof api->result)
        return;
    ja_text_copy(head.stream, sizeof head.stream, guest->stream.name);
    memcpy(api->result, &head, sizeof head);
    memcpy(api->result + sizeof head, result, size);
    if (!ja_web_ask(api->web, api->service, api->result, sizeof head + size))
        atomic_fetch_add(&api->unpassed, 1);
}

/* A sender that is far behind gets the newest. */
static void send_frame(struct ja_guest *guest, const struct ja_text *text) {
    struct ja_web_client *client = guest->socket->client;
    if (ja_web_waiting(client) < PLENTY_BYTES)
        ja_web_send(client, true, text->data, text->length, true);
    else
        ja_web_send_latest(client, JA_CLIENTS_FRAMES, true, text->data, text->length);
}

static void hand_out_frame(struct ja_guest *guest, const struct ja_frame *frame) {
    struct ja_api *api = guest->api;
    struct ja_text text;
    struct ja_json json;
    long long tick = (long long)floor(frame->time * guest->update_hz + 1e-6);
    const struct ja_catalogue_entry *rms = ja_catalogue_find(api->host.catalogue, "rms");
    if (rms)
        guest->rms = frame->values[rms->first];
    bool due = guest->socket && tick != guest->tick;
    bool wanted = ja_bus_wants(api, &guest->stream, frame->time);
    if (!due && !wanted)
        return;
    begin(api, &text, &json);
    ja_frame_write_json(frame, api->host.catalogue, guest->stream.name, &json);
    if (due)
        send_frame(guest, &text);
    guest->tick = due ? tick : guest->tick;
    if (wanted)
        ja_bus_frame(api, &guest->stream, frame->time, text.data, text.length);
}

static void hand_out_event(struct ja_guest *guest, const struct ja_event *event) {
    struct ja_text text;
    struct ja_json json;
    if (event->type == JA_EVENT_STATE) {
        guest->state = event->state.state;
        ja_text_copy(guest->reason, sizeof guest->reason, event->state.reason);
        guest->api->guests_told = false;
    }
    begin(guest->api, &text, &json);
    ja_event_write_json(event, guest->stream.name, &json);
    if (guest->socket)
        ja_clients_send_event(guest->socket, text.data, text.length);
    ja_bus_event(guest->api, &guest->stream, 1u << event->type, ja_bus_lasting(event), text.data,
                 text.length);
}

void ja_guest_deliver(struct ja_guest *guest) {
    struct ja_message message;
    while (ja_stream_receive(guest->analysis, &message)) {
        if (message.type == JA_MESSAGE_FRAME) {
            hand_out_frame(guest, message.frame);
            pass_on(guest, JA_ASKED_FRAME, message.frame, message.size);
        } else if (message.type == JA_MESSAGE_EVENT) {
            hand_out_event(guest, message.event);
            pass_on(guest, JA_ASKED_EVENT, message.event, message.size);
        }
    }
    pump(guest);
}

void ja_guest_tell_dropped(struct ja_guest *guest) {
    const uint64_t chunks = guest->dropped_chunks - guest->told_dropped_chunks;
    const uint64_t frames = guest->dropped - guest->told_dropped;
    struct ja_text text;
    struct ja_json json;
    if (chunks == 0 || !guest->socket)
        return;
    begin(guest->api, &text, &json);
    ja_json_begin_object(&json);
    ja_json_put_string(&json, "type", "dropped");
    ja_json_put_string(&json, "stream", guest->stream.name);
    ja_json_put_integer(&json, "chunks", (long long)chunks);
    ja_json_put_integer(&json, "frames", (long long)frames);
    ja_json_end_object(&json);
    if (!ja_web_send(guest->socket->client, true, text.data, text.length, true))
        return;
    guest->told_dropped_chunks = guest->dropped_chunks;
    guest->told_dropped = guest->dropped;
}

/* What waits is counted before what is delivered: both are this thread's. */
void ja_guest_facts(const struct ja_guest *guest, struct ja_guest_facts *facts) {
    *facts = (struct ja_guest_facts){.channels = guest->channels,
                                     .rate = guest->rate,
                                     .connected = guest->socket != NULL,
                                     .state = guest->state,
                                     .received = guest->frames,
                                     .dropped = guest->dropped,
                                     .chunks = guest->chunks,
                                     .dropped_chunks = guest->dropped_chunks,
                                     .waiting = guest->waiting};
    ja_text_copy(facts->name, sizeof facts->name, guest->stream.name);
    ja_text_copy(facts->reason, sizeof facts->reason, guest->reason);
    ja_stream_stats(guest->analysis, &facts->stats);
}
