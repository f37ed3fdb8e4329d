/* Streams that take their sound by WebSocket: who sends, who comes back in time, and which have
 * ended.
 *
 * A stream belongs to one socket at a time. When that goes, the stream waits a little for its
 * sender to come back; the sound then goes on where it stopped.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest.h"

#include <ja/core/clock.h>
#include <ja/core/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_RATE = 8000,
    MOST_RATE = 192000,
    FIRST_RATE = 44100,
    LEAST_HZ = 10,
    FIRST_HZ = 10,
    ANSWER_BYTES = 1024,
    /* Codes of a close frame, RFC 6455 7.4.1 and IANA's list. */
    CLOSE_NORMAL = 1000,
    CLOSE_BAD_DATA = 1007,
    CLOSE_POLICY = 1008,
    CLOSE_FAULT = 1011,
    CLOSE_LATER = 1013,
};

/* A sender that has been silent for so long is taken for gone when another comes. */
static const uint64_t silent_us = 2000000;
/* Counters told so recently are not told again for another question. */
static const uint64_t fresh_us = 20000;

/* What somebody wants of a stream, or why not. */
struct wish {
    unsigned channels, rate, update_hz;
    const char *code; /* NULL: nothing is wrong */
    unsigned status, close_code;
    struct ja_error error;
};

/* --- All of them --- */

void ja_audio_tell(struct ja_api *api) {
    static struct ja_asked_guests asked; /* one server's thread */
    const uint64_t now_us = ja_clock_us();
    if (api->guests_told && (api->guest_count == 0 || now_us - api->guests_told_us < fresh_us))
        return;
    api->guests_told_us = now_us;
    asked.kind = JA_ASKED_GUESTS;
    asked.guests.count = 0;
    for (struct ja_guest *guest = api->guests; guest; guest = guest->next)
        ja_guest_facts(guest, &asked.guests.facts[asked.guests.count++]);
    size_t unused = (JA_WEB_STREAMS - asked.guests.count) * sizeof asked.guests.facts[0];
    api->guests_told = ja_web_ask(api->web, api->service, &asked, sizeof asked - unused);
}

static void end(struct ja_guest *guest) {
    struct ja_api *api = guest->api;
    struct ja_guest **link = &api->guests;
    ja_monitor_end(api, guest->stream.name);
    while (*link != guest)
        link = &(*link)->next;
    *link = guest->next;
    if (guest->socket)
        guest->socket->guest = NULL;
    ja_guest_free(guest);
    api->guest_count--;
    api->guests_told = false;
}

/* --- What is wanted --- */

static struct wish refuse(struct wish wish, unsigned status, unsigned close_code,
                          const char *code) {
    wish.status = status;
    wish.close_code = close_code;
    wish.code = code;
    return wish;
}

static struct wish read_wish(const struct ja_api *api, const char *query) {
    struct wish wish = {.channels = 1, .rate = FIRST_RATE, .update_hz = FIRST_HZ};
    const char *code = NULL;
    if (!ja_query_number(query, "channels", 1, JA_CHANNELS, &wish.channels)) {
        ja_fail(&wish.error, JA_USAGE, "channels must be between 1 and %d", JA_CHANNELS);
        code = "bad_channels";
    } else if (!ja_query_number(query, "rate", LEAST_RATE, MOST_RATE, &wish.rate)) {
        ja_fail(&wish.error, JA_USAGE, "rate must be between %d and %d Hz", LEAST_RATE, MOST_RATE);
        code = "bad_rate";
    } else if (!ja_query_number(query, "update_hz", LEAST_HZ, JA_WEB_MOST_HZ, &wish.update_hz)) {
        ja_fail(&wish.error, JA_USAGE, "update_hz must be between %d and %d", LEAST_HZ,
                JA_WEB_MOST_HZ);
        code = "bad_update_hz";
    } else if (wish.rate * wish.channels * sizeof(float) > (size_t)api->settings.audio_bytes) {
        ja_fail(&wish.error, JA_USAGE,
                "%u channels at %u Hz are %zu bytes a second, more than web.audio_bytes: %d",
                wish.channels, wish.rate, wish.rate * wish.channels * sizeof(float),
                api->settings.audio_bytes);
        code = "bad_rate";
    }
    return code ? refuse(wish, 400, CLOSE_POLICY, code) : wish;
}

static struct ja_guest *begin(struct ja_api *api, const char *name, struct wish *wish) {
    const int most =
        api->settings.streams < JA_WEB_STREAMS ? api->settings.streams : JA_WEB_STREAMS;
    if (ja_bus_find(api, name)) {
        ja_fail(&wish->error, JA_USAGE, "%s is one of the program's own streams", name);
        *wish = refuse(*wish, 409, CLOSE_POLICY, "taken");
        return NULL;
    }
    if (api->guest_count >= (unsigned)most) {
        ja_fail(&wish->error, JA_USAGE, "there are %d streams already, as many as may be", most);
        *wish = refuse(*wish, 503, CLOSE_LATER, "too_many_streams");
        return NULL;
    }
    struct ja_guest *guest = ja_guest_new(api, name, wish->channels, wish->rate, &wish->error);
    if (!guest) {
        *wish = refuse(*wish, 503, CLOSE_FAULT, "failed");
        return NULL;
    }
    guest->next = api->guests;
    api->guests = guest;
    api->guest_count++;
    api->guests_told = false;
    return guest;
}

/* --- Sockets --- */

static void say_start(struct ja_api_client *to, const struct ja_guest *guest, bool resumed) {
    char buffer[ANSWER_BYTES];
    struct ja_text text;
    struct ja_json json;
    ja_json_open(&json, &text, buffer, sizeof buffer);
    ja_json_put_string(&json, "type", "stream_start");
    ja_json_put_string(&json, "stream", guest->stream.name);
    ja_json_key(&json, "data");
    ja_json_begin_object(&json);
    ja_json_put_integer(&json, "sample_rate", guest->rate);
    ja_json_put_integer(&json, "channels", guest->channels);
    ja_json_put_integer(&json, "update_hz", guest->update_hz);
    ja_json_put_bool(&json, "resumed", resumed);
    ja_json_put_integer(&json, "frame", (long long)guest->frames);
    ja_json_end_object(&json);
    ja_json_end_object(&json);
    ja_web_send(to->client, true, text.data, text.length, false);
}

/* A former sender gives way when it seems to be gone. */
static bool take_over(struct ja_guest *guest, uint64_t now_us) {
    if (!guest->socket)
        return true;
    if (now_us - guest->heard_us < silent_us)
        return false;
    ja_clients_refuse(guest->socket, "error", "replaced", CLOSE_POLICY,
                      "another sender has come for this stream");
    guest->socket->guest = NULL;
    guest->socket = NULL;
    return true;
}

void ja_audio_open(struct ja_api *api, struct ja_api_client *mine, const char *query) {
    struct wish wish = read_wish(api, query);
    struct ja_guest *guest = wish.code ? NULL : ja_guest_find(api, mine->id);
    bool resumed = false;
    if (guest && !take_over(guest, ja_clock_us())) {
        ja_fail(&wish.error, JA_USAGE, "somebody else sends to %s", mine->id);
        wish = refuse(wish, 409, CLOSE_LATER, "taken");
    } else if (guest && (guest->rate != wish.rate || guest->channels != wish.channels)) {
        end(guest);
        guest = NULL;
    } else if (guest) {
        resumed = guest->frames > 0;
    }
    if (!wish.code && !guest)
        guest = begin(api, mine->id, &wish);
    if (wish.code) {
        ja_clients_refuse(mine, "error", wish.code, wish.close_code, wish.error.text);
        return;
    }
    mine->guest = guest;
    guest->socket = mine;
    guest->update_hz = wish.update_hz;
    guest->heard_us = ja_clock_us();
    guest->left_us = 0;
    api->guests_told = false;
    say_start(mine, guest, resumed);
    ja_bus_send_lasting(mine, &guest->stream);
}

void ja_audio_heard(struct ja_api *api, struct ja_api_client *from, const void *bytes,
                    size_t size) {
    static const struct {
        const char *code, *sentence;
        unsigned close_code;
    } faults[] = {
        [JA_GUEST_BAD_SIZE] = {"bad_size",
                               "a message must hold whole frames: 4 bytes for each channel",
                               CLOSE_BAD_DATA},
        [JA_GUEST_TOO_FAST] = {"too_fast", "more sound comes in a second than web.audio_bytes",
                               CLOSE_POLICY},
        [JA_GUEST_NO_MEMORY] = {"failed", "no memory for the sound", CLOSE_FAULT},
    };
    (void)api;
    if (!from->guest)
        return;
    enum ja_guest_verdict verdict = ja_guest_hear(from->guest, bytes, size);
    if (verdict != JA_GUEST_FINE)
        ja_clients_refuse(from, "error", faults[verdict].code, faults[verdict].close_code,
                          faults[verdict].sentence);
}

void ja_audio_closed(struct ja_api *api, struct ja_api_client *mine) {
    if (!mine->guest)
        return;
    mine->guest->socket = NULL;
    mine->guest->left_us = ja_clock_us();
    mine->guest = NULL;
    api->guests_told = false;
}

/* --- Requests --- */

static void answer(struct ja_web_client *client, const char *name, const char *what) {
    char buffer[ANSWER_BYTES];
    struct ja_text text;
    struct ja_json json;
    ja_json_open(&json, &text, buffer, sizeof buffer);
    ja_json_put_string(&json, "id", name);
    ja_json_put_string(&json, "state", what);
    ja_json_end_object(&json);
    ja_web_answer(client, 200, "application/json", text.data, text.length);
}

static void start(struct ja_api *api, struct ja_web_client *client, const char *name,
                  const char *query) {
    struct wish wish = read_wish(api, query);
    struct ja_guest *guest = wish.code ? NULL : ja_guest_find(api, name);
    if (guest && (guest->rate != wish.rate || guest->channels != wish.channels)) {
        ja_fail(&wish.error, JA_USAGE, "stream %s has %u channels at %u Hz", name, guest->channels,
                guest->rate);
        wish = refuse(wish, 409, CLOSE_POLICY, "taken");
    } else if (!wish.code && !guest) {
        guest = begin(api, name, &wish);
    }
    if (wish.code)
        ja_error_answer(client, wish.status, wish.error.text);
    else
        answer(client, name, guest->socket ? "connected" : "waiting");
}

static void stop(struct ja_api *api, struct ja_web_client *client, const char *name) {
    struct ja_guest *guest = ja_guest_find(api, name);
    if (!guest) {
        bool own = ja_bus_find(api, name);
        ja_error_answer(client, own ? 409 : 404,
                        own ? "this is one of the program's own streams"
                            : "there is no such stream");
        return;
    }
    if (guest->socket)
        ja_web_close(guest->socket->client, CLOSE_NORMAL, "stopped");
    end(guest);
    answer(client, name, "ended");
}

void ja_audio_request(struct ja_api *api, struct ja_web_client *client,
                      const struct ja_web_request *request, bool is_start) {
    const char *name = strrchr(request->path, '/') + 1;
    if (!ja_query_is_name(name))
        ja_error_answer(client, 400, ja_query_name_rule);
    else if (is_start)
        start(api, client, name, request->query);
    else
        stop(api, client, name);
}

/* --- As time goes by --- */

void ja_audio_greet(const struct ja_api *api, struct ja_api_client *to, const char *name) {
    const struct ja_guest *guest = ja_guest_find(api, name);
    if (guest)
        ja_bus_send_lasting(to, &guest->stream);
}

void ja_audio_woken(struct ja_api *api) {
    for (struct ja_guest *guest = api->guests; guest; guest = guest->next)
        if (atomic_load(&guest->ready) && atomic_exchange(&guest->ready, false))
            ja_guest_deliver(guest);
}

static void tell_metrics(struct ja_api *api, struct ja_guest *guest, double cpu) {
    struct ja_guest_facts facts;
    struct ja_text text;
    struct ja_json json;
    ja_guest_facts(guest, &facts);
    const struct ja_metrics metrics = {.stream = guest->stream.name,
                                       .stats = &facts.stats,
                                       .guest = &facts,
                                       .wait_ms = 1000.0 * (double)facts.waiting / facts.rate,
                                       .rms = guest->rms,
                                       .cpu = cpu,
                                       .unheard = atomic_load(&api->unheard),
                                       .clients = atomic_load(&api->listeners)};
    ja_text_init(&text, api->text, sizeof api->text);
    ja_json_init(&json, &text);
    ja_metrics_write(&metrics, &json);
    ja_clients_send_metrics(api, guest->stream.name, text.data, text.length);
    ja_bus_metrics(api, &guest->stream, text.data, text.length);
}

/* Its sender has not come back, or nothing has come for long. */
static bool is_over(const struct ja_guest *guest, uint64_t now_us) {
    const struct ja_api_settings *settings = &guest->api->settings;
    const uint64_t second_us = 1000000;
    if (guest->left_us && now_us - guest->left_us > (uint64_t)settings->resume_s * second_us)
        return true;
    return now_us - guest->heard_us > (uint64_t)settings->idle_s * second_us;
}

void ja_audio_second(struct ja_api *api) {
    const double cpu = ja_cpu_percent(&api->cpu);
    const uint64_t now_us = ja_clock_us();
    for (struct ja_guest *guest = api->guests, *next; guest; guest = next) {
        next = guest->next;
        if (is_over(guest, now_us)) {
            if (guest->socket)
                ja_web_close(guest->socket->client, CLOSE_NORMAL, "idle");
            end(guest);
            continue;
        }
        ja_guest_deliver(guest); /* also hands on what waits while it is paused */
        ja_guest_tell_dropped(guest);
        tell_metrics(api, guest, cpu);
    }
    ja_audio_tell(api);
}

void ja_audio_ended(struct ja_api *api) {
    while (api->guests)
        end(api->guests);
}

/* --- Settings --- */

void ja_audio_settings(struct ja_api *api, const struct ja_module *module, const void *settings) {
    struct ja_governor_settings governor;
    const struct ja_stream_setup *setup = &api->guest_setup;
    if (module == &ja_governor_module) {
        memcpy(&governor, settings, sizeof governor);
        governor.level = api->settings.level;
        api->guest_governor = governor;
        settings = &governor;
    }
    for (size_t i = 0; i < setup->stage_count; i++)
        if (setup->stages[i]->module == module)
            memcpy((void *)(uintptr_t)setup->settings[i], settings, module->settings_size);
    for (struct ja_guest *guest = api->guests; guest; guest = guest->next)
        ja_stream_configure(guest->analysis, module, settings);
}

bool ja_audio_init(struct ja_api *api, const struct ja_stream_setup *from) {
    struct ja_stream_setup *setup = &api->guest_setup;
    api->guests_told = true;
    if (!from)
        return true;
    *setup = *from;
    setup->background = true;
    setup->settings = NULL;
    api->guest_governor = *from->governor;
    api->guest_governor.level = api->settings.level;
    setup->governor = &api->guest_governor;
    void **copies = calloc(setup->stage_count + 1, sizeof *copies);
    setup->settings = (const void *const *)copies;
    for (size_t i = 0; copies && i < setup->stage_count; i++) {
        const size_t size = setup->stages[i]->module->settings_size;
        copies[i] = malloc(size + 1);
        if (!copies[i])
            return false;
        if (size)
            memcpy(copies[i], from->settings[i], size);
    }
    return copies != NULL;
}

void ja_audio_done(struct ja_api *api) {
    void **copies = (void **)(uintptr_t)api->guest_setup.settings;
    for (size_t i = 0; copies && i < api->guest_setup.stage_count; i++)
        free(copies[i]);
    free(copies);
    api->guest_setup.settings = NULL;
}
