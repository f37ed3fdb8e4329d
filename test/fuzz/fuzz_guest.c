/* Lets senders of sound and listeners come, speak and go as the bytes say: every message to them
 * must be JSON or a block of sound, and every frame of sound must be accounted for.
 *
 * Lines, of which the first letter says what happens:
 *   oPATH?QUERY  a WebSocket is opened, in the first of four places that is free
 *   0TEXT        the first says this, 1 to 3 the others
 *   #2 960       the third sends so many bytes of sound
 *   c1           the second goes
 *   PPATH?QUERY  a request; G asks for something
 *   t1500        so many ms pass
 *   w            the streams' workers work
 *   s            settings change
 * The streams are played by this file, and so is the clock.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "web_stub.h"

#include "web/parts.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/stream/stream.h>
#include <math.h>
#include <stdio.h>

enum { PLACES = 4, LINE_BYTES = 512, STREAMS = 3, SOUND_BYTES = 65536 };

static uint64_t now_us;

uint64_t ja_clock_us(void) {
    return now_us;
}

/* --- Streams --- */

struct ja_stream {
    char name[JA_STREAM_NAME_BYTES];
    unsigned channels;
    struct ja_monitor monitor;
    uint64_t delivered, processed, lost;
    unsigned untold; /* messages */
    bool paused;
    void (*wake)(void *data);
    void *data;
    struct ja_stream *next;
};

static struct ja_stream *streams;

struct ja_stream *ja_stream_new(const struct ja_stream_setup *setup, struct ja_error *error) {
    struct ja_stream *stream = calloc(1, sizeof *stream);
    (void)error;
    require(stream && setup->channels > 0 && setup->channels <= JA_CHANNELS);
    snprintf(stream->name, sizeof stream->name, "%s", setup->name);
    stream->channels = setup->channels;
    ja_monitor_init(&stream->monitor, stream->channels);
    stream->next = streams;
    streams = stream;
    return stream;
}

enum ja_status ja_stream_start(struct ja_stream *stream, void (*wake)(void *data), void *data,
                               struct ja_error *error) {
    if (stream->channels == JA_CHANNELS)
        return ja_fail(error, JA_FAILED, "no thread for so many channels");
    stream->wake = wake;
    stream->data = data;
    return JA_OK;
}

void ja_stream_free(struct ja_stream *stream) {
    struct ja_stream **link = &streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    ja_monitor_done(&stream->monitor);
    free(stream);
}

struct ja_inlet *ja_stream_inlet(struct ja_stream *stream) {
    return (struct ja_inlet *)stream;
}

struct ja_monitor *ja_stream_monitor(struct ja_stream *stream) {
    return &stream->monitor;
}

bool ja_inlet_has_room(const struct ja_inlet *inlet, unsigned channels, unsigned frames) {
    const struct ja_stream *stream = (const struct ja_stream *)inlet;
    require(channels == stream->channels);
    return frames < 20000;
}

/* All samples are looked at, and come in order. */
bool ja_inlet_write(struct ja_inlet *inlet, const struct ja_block *block,
                    const float *const *channels) {
    struct ja_stream *stream = (struct ja_stream *)inlet;
    static float samples[JA_CHANNELS * JA_BLOCK_FRAMES];
    require(block->frames > 0 && block->frames <= JA_BLOCK_FRAMES);
    require(block->channels == stream->channels && block->frame == stream->delivered);
    for (size_t c = 0; c < block->channels; c++)
        memcpy(samples + c * block->frames, channels[c], block->frames * sizeof *samples);
    stream->delivered += block->frames;
    ja_monitor_offer(&stream->monitor, block, samples);
    return true;
}

void ja_inlet_lose(struct ja_inlet *inlet, uint64_t frames) {
    struct ja_stream *stream = (struct ja_stream *)inlet;
    stream->delivered += frames;
    stream->lost += frames;
}

void ja_stream_stats(const struct ja_stream *stream, struct ja_stream_stats *stats) {
    *stats = (struct ja_stream_stats){.delivered = stream->delivered,
                                      .processed = stream->processed,
                                      .lost = stream->lost,
                                      .strategies = "",
                                      .paused = stream->paused};
}

static void work(void) {
    for (struct ja_stream *stream = streams; stream; stream = stream->next) {
        stream->processed = stream->delivered - stream->lost;
        stream->untold += 3;
        if (stream->wake)
            stream->wake(stream->data);
    }
}

bool ja_stream_receive(struct ja_stream *stream, struct ja_message *message) {
    static union {
        struct ja_frame frame;
        unsigned char room[sizeof(struct ja_frame) + sizeof(float)];
    } one;
    static struct ja_event event;
    static struct ja_timebase timebase;
    if (stream->untold == 0)
        return false;
    const double time = (double)stream->processed / 48000;
    *message = (struct ja_message){.type = (enum ja_message_type)(stream->untold-- % 3)};
    one.frame.time = time;
    one.frame.values[0] = 0.5f;
    timebase.at = time;
    event = (struct ja_event){.type = JA_EVENT_STATE, .time = time, .emitted = time};
    event.state.state = "silent";
    snprintf(event.state.reason, sizeof event.state.reason, "\xff\"");
    message->frame = &one.frame;
    message->size = sizeof one;
    if (message->type == JA_MESSAGE_EVENT) {
        message->event = &event;
        message->size = sizeof event;
    } else if (message->type == JA_MESSAGE_TIMEBASE) {
        message->timebase = &timebase;
    }
    return true;
}

bool ja_stream_reset(struct ja_stream *stream) {
    return !stream->paused;
}

bool ja_stream_pause(struct ja_stream *stream, bool paused) {
    bool changes = stream->paused != paused;
    stream->paused = paused;
    return changes;
}

bool ja_stream_configure(struct ja_stream *stream, const struct ja_module *module,
                         const void *settings) {
    (void)stream, (void)module;
    return settings != NULL;
}

/* --- The program behind it --- */

struct stage_settings {
    int number;
};

static const struct ja_option options[] = {
    JA_OPTION_INT(struct stage_settings, number, "number", "1", 0, 9, NULL, JA_LIVE, "A number."),
};
static const struct ja_module stage_module = {.name = "stage",
                                              .options = options,
                                              .option_count = 1,
                                              .settings_size = sizeof(struct stage_settings)};
static const struct ja_output outputs[] = {
    {"rms", NULL, JA_OUTPUT_NUMBER, 1, NAN, NAN, "How loud."},
};
static const struct ja_stage_class stage = {
    .module = &stage_module, .outputs = outputs, .output_count = 1};
static const struct ja_stage_class *const stages[] = {&stage};
static const struct stage_settings stage_settings = {1};
static const void *const settings_of_stages[] = {&stage_settings};
static const struct ja_governor_settings governor = {.level = 1 + JA_LEVEL_MAXIMUM};
static const struct ja_stream_setup setup = {.name = "main",
                                             .channels = 2,
                                             .stages = stages,
                                             .stage_count = 1,
                                             .settings = settings_of_stages,
                                             .governor = &governor};

static struct ja_catalogue catalogue;
static struct ja_stream *own;
static struct ja_api *api;

/* Whoever is asked for: what is known of him adds up. */
static unsigned read_for(void *data, const char *what, struct ja_text *text,
                         struct ja_error *error) {
    const struct ja_api_guests *guests = ja_api_guests(api);
    (void)data;
    require(guests->count <= STREAMS);
    for (size_t i = 0; i < guests->count; i++) {
        const struct ja_guest_facts *one = &guests->facts[i];
        require(one->received == one->stats.delivered + one->waiting);
        require(one->stats.lost == one->dropped && one->dropped_chunks <= one->chunks);
    }
    ja_text_put(text, "[]");
    ja_fail(error, JA_USAGE, "nothing");
    return strstr(what, "none") ? 404 : 200;
}

static enum ja_status steer(void *data, const char *stream, const char *command,
                            struct ja_text *reply) {
    (void)data;
    ja_text_format(reply, "%s: %s", stream, command);
    return JA_OK;
}

static void guest_event(void *data, const char *stream, const struct ja_event *event) {
    (void)data;
    require(!strcmp(stream, "a") && event->type == JA_EVENT_STATE);
}

static void guest_frame(void *data, const char *stream, const struct ja_frame *frame) {
    (void)data;
    require(!strcmp(stream, "a") && frame->time >= 0);
}

static void open_service(void) {
    static const char *const names[] = {"main"};
    static const struct ja_operator nobody;
    struct ja_api_settings settings = {.enable = true,
                                       .address = "127.0.0.1",
                                       .port = 8090,
                                       .clients = PLACES,
                                       .streams = STREAMS,
                                       .outputs = "a\0",
                                       .backlog_chunks = 2,
                                       .audio_bytes = 200000,
                                       .resume_s = 2,
                                       .idle_s = 5};
    struct ja_error error;
    ja_log_set_level(JA_LOG_ERROR);
    require(ja_catalogue_init(&catalogue, stages, 1, &error) == JA_OK);
    own = ja_stream_new(&setup, &error);
    const struct ja_api_host host = {.operator= & nobody,
                                     .catalogue = &catalogue,
                                     .streams = names,
                                     .stream_count = 1,
                                     .analyses = &own,
                                     .guests = &setup,
                                     .steer = steer,
                                     .guest_event = guest_event,
                                     .guest_frame = guest_frame,
                                     .read = read_for};
    require(ja_api_open(&api, &stub_web, &settings, &host, &error) == JA_OK);
}

/* --- Who comes --- */

static struct ja_web_client places[PLACES];
static bool taken[PLACES];

static struct ja_web_request request_of(const char *method, char *path) {
    char *query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    return (struct ja_web_request){.method = method,
                                   .path = path,
                                   .query = query ? query : "",
                                   .authorization = "",
                                   .body = ""};
}

static void go(const struct ja_web_service *service, size_t place) {
    if (taken[place])
        service->closed(service->data, &places[place]);
    taken[place] = false;
}

static void come(const struct ja_web_service *service, char *path) {
    const struct ja_web_request request = request_of("GET", path);
    size_t place = 0;
    while (place < PLACES && taken[place])
        place++;
    if (place == PLACES || service->admit(service->data, &request) != 0)
        return;
    places[place] = (struct ja_web_client){.is_socket = true};
    taken[place] = true;
    if (!service->open(service->data, &places[place], &request))
        go(service, place);
}

static void say(const struct ja_web_service *service, size_t place, bool text, const char *bytes,
                size_t size) {
    char *copy = malloc(size + 1); /* aligned, and its end is watched to the byte */
    require(copy != NULL);
    memcpy(copy, bytes, size);
    if (taken[place] && !places[place].is_closed)
        service->heard(service->data, &places[place], text, copy, size);
    free(copy);
}

static void send_sound(const struct ja_web_service *service, const char *words) {
    static const char sound[SOUND_BYTES];
    long size = strtol(words + (words[0] != '\0'), NULL, 10);
    if (words[0] >= '0' && words[0] < '0' + PLACES && size >= 0 && size <= SOUND_BYTES)
        say(service, (size_t)(words[0] - '0'), false, sound, (size_t)size);
}

static void ask(const struct ja_web_service *service, const char *method, char *path) {
    struct ja_web_client asker = {.is_socket = false};
    const struct ja_web_request request = request_of(method, path);
    if (path[0] != '/')
        return;
    service->request(service->data, &asker, &request);
    require(asker.answers == 1);
    service->closed(service->data, &asker);
}

static void pass_time(const struct ja_web_service *service, const char *words) {
    long ms = strtol(words, NULL, 10);
    for (; ms > 0 && ms <= 10000; ms -= 1000) {
        now_us += 1000u * (uint64_t)(ms < 1000 ? ms : 1000);
        if (ms >= 1000)
            service->second(service->data);
    }
}

static void change_settings(void) {
    static const struct stage_settings other = {2};
    ja_api_configure(api, &stage_module, &other);
    ja_api_configure(api, &ja_governor_module, &governor);
}

static void do_line(const struct ja_web_service *service, char *line, size_t length) {
    switch (line[0]) {
    case 'o':
        come(service, line + 1);
        break;
    case '0':
    case '1':
    case '2':
    case '3':
        say(service, (size_t)(line[0] - '0'), true, line + 1, length - 1);
        break;
    case '#':
        send_sound(service, line + 1);
        break;
    case 'c':
        go(service, (unsigned char)line[1] % PLACES);
        break;
    case 'P':
        ask(service, "POST", line + 1);
        break;
    case 'G':
        ask(service, "GET", line + 1);
        break;
    case 't':
        pass_time(service, line + 1);
        break;
    case 'w':
        work();
        service->woken(service->data);
        break;
    case 's':
        change_settings();
        break;
    default:
        break;
    }
}

/* As when the server ends, so that the next bytes find nothing of these. */
static void end(const struct ja_web_service *service) {
    service->ended(service->data);
    for (size_t i = 0; i < PLACES; i++)
        go(service, i);
    require(!api->guests && !api->clients && !api->rooms && ja_api_listeners(api) == 0);
    require(streams == own && !own->next);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    const char *at = (const char *)bytes, *end_of_bytes = at + size;
    char line[LINE_BYTES];
    now_us = 1000000;
    if (!api)
        open_service();
    const struct ja_web_service *service = &stub_web.services[0];
    while (at < end_of_bytes) {
        const char *next = memchr(at, '\n', (size_t)(end_of_bytes - at));
        size_t length = (size_t)((next ? next : end_of_bytes) - at);
        if (length > 0 && length < sizeof line) {
            memcpy(line, at, length);
            line[length] = '\0';
            do_line(service, line, length);
        }
        at += length + 1;
    }
    end(service);
    return 0;
}
