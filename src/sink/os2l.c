/* Beats for DMX programs that speak OS2L (QLC+, SoundSwitch, Daslight …): one flat JSON object per
 * line over TCP, on the beat.
 *
 * The DMX program is the server. Its answers ("feedback") are not needed and not read.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

#include <ja/core/json.h>
#include <ja/core/log.h>
#include <ja/net/outlet.h>
#include <ja/sink/sinks.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double steady = 0.2; /* share of a beat by which the next may miss its place */

struct os2l_settings {
    bool enable;
    char host[256];
    int port;
    char stream[64];
    double offset_ms;
    int silence; /* index: follow, stop */
};

struct os2l {
    struct ja_outlet *outlet;
    char owner[80]; /* "os2l NAME", for messages */
    struct ja_schedule *schedule;
    char host[256]; /* where to, when it was found */
    int port;
    double last; /* s of audio: the beat before; NAN: none */
    bool quiet;  /* there is no music */
    struct ja_log_limit limit;
};

enum { SILENCE_FOLLOW, SILENCE_STOP };
static const char *const silences[] = {"follow", "stop", NULL};
#define S struct os2l_settings
static const struct ja_option options[] = {
    JA_OPTION_BOOL(S, enable, "enable", "true", JA_LIVE, "Send to this program."),
    JA_OPTION_STRING(S, host, "host", "127.0.0.1", JA_LIVE,
                     "Host name or address of the DMX program; auto finds one in the local network "
                     "by DNS-SD, and then its port, too."),
    JA_OPTION_INT(S, port, "port", "9996", 1, 65535, NULL, JA_LIVE,
                  "TCP port it listens on; QLC+ has 9996."),
    JA_OPTION_STRING(S, stream, "stream", "main", JA_LIVE, "Stream whose beats are sent."),
    JA_OPTION_FLOAT(S, offset_ms, "offset_ms", "0", -500, 500, "ms", JA_LIVE,
                    "Beats leave this much after the beat, or before it when negative."),
    JA_OPTION_CHOICE(S, silence, "silence", "follow", silences, JA_LIVE,
                     "In silence, follow beat.silence, or stop whatever that says."),
};
#undef S

static const struct ja_module module = {
    .name = "os2l",
    .help = "A DMX program that gets the beats as OS2L.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct os2l_settings),
    .named = true,
};

static void send_now(void *data, const struct ja_packet *packet) {
    struct ja_sink *sink = data;
    struct os2l *os2l = sink->state;
    if (os2l->outlet && ja_outlet_send(os2l->outlet, packet->data, packet->size, false))
        sink->sent++;
    else
        sink->failed++;
}

/* Has the grid of beats moved since the last one? */
static bool has_jumped(const struct os2l *os2l, const struct ja_event *event) {
    double beats = (event->time - os2l->last) * event->beat.bpm / 60;
    return !(fabs(beats - 1) < steady);
}

static size_t write_beat(const struct os2l *os2l, const struct ja_event *event, char *line,
                         size_t size) {
    struct ja_text text;
    struct ja_json json;
    ja_json_open(&json, &text, line, size);
    ja_json_put_string(&json, "evt", "beat");
    ja_json_put_bool(&json, "change", has_jumped(os2l, event));
    ja_json_put_integer(&json, "pos", event->beat.seq);
    ja_json_put_number(&json, "bpm", round(event->beat.bpm * 100) / 100);
    ja_json_put_number(&json, "strength", round(event->beat.confidence * 100) / 100);
    ja_json_end_object(&json);
    ja_text_put(&text, "\n");
    return text.full ? 0 : text.length;
}

static void os2l_event(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_event *event) {
    struct os2l *os2l = sink->state;
    const struct os2l_settings *settings = sink->settings;
    if (strcmp(tap->name, settings->stream) != 0)
        return;
    if (event->type == JA_EVENT_STATE)
        os2l->quiet = ja_is_quiet(event);
    if (event->type != JA_EVENT_BEAT || !settings->enable ||
        (os2l->quiet && settings->silence == SILENCE_STOP))
        return;
    struct ja_packet packet = {.due_us = ja_tap_due_us(tap, event->time, settings->offset_ms)};
    packet.size = write_beat(os2l, event, (char *)packet.data, sizeof packet.data);
    os2l->last = event->time;
    if (!packet.size || !ja_schedule_add(os2l->schedule, &packet)) {
        sink->failed++;
        ja_log_limited(&os2l->limit, JA_LOG_WARNING, "%s: no room for a beat", os2l->owner);
    }
}

static void os2l_muted(struct ja_sink *sink) {
    struct os2l *os2l = sink->state;
    ja_schedule_flush(os2l->schedule);
    os2l->last = NAN;
}

static bool is_found(const struct os2l_settings *settings) {
    return !settings->host[0] || !strcmp(settings->host, "auto");
}

static enum ja_status open_outlet(struct ja_sink *sink, struct ja_error *error) {
    struct os2l *os2l = sink->state;
    const struct os2l_settings *settings = sink->settings;
    struct ja_outlet_setup setup = {
        .loop = sink->host->loop,
        .resolver = sink->host->resolver,
        .owner = os2l->owner,
        .transport = JA_TRANSPORT_TCP,
        .host = is_found(settings) ? os2l->host : settings->host,
        .port = is_found(settings) ? os2l->port : settings->port,
    };
    struct ja_outlet *outlet = ja_outlet_new(&setup, error);
    if (!outlet)
        return JA_FAILED;
    ja_outlet_free(os2l->outlet);
    os2l->outlet = outlet;
    return JA_OK;
}

static enum ja_status os2l_open(struct ja_sink *sink, struct ja_error *error) {
    struct os2l *os2l = sink->state;
    os2l->last = NAN;
    snprintf(os2l->owner, sizeof os2l->owner, "os2l %s", sink->name);
    if (!is_found(sink->settings) && open_outlet(sink, error) != JA_OK)
        return JA_FAILED;
    os2l->schedule = ja_schedule_new(sink->host->loop, send_now, sink);
    if (os2l->schedule)
        return JA_OK;
    ja_outlet_free(os2l->outlet);
    return ja_fail(error, JA_FAILED, "no memory for %s", os2l->owner);
}

static enum ja_status os2l_configure(struct ja_sink *sink, const void *former,
                                     struct ja_error *error) {
    struct os2l *os2l = sink->state;
    const struct os2l_settings *before = former, *now = sink->settings;
    if (strcmp(before->stream, now->stream) != 0 || before->enable != now->enable)
        os2l_muted(sink);
    if (strcmp(before->host, now->host) == 0 && before->port == now->port)
        return JA_OK;
    os2l->port = 0;
    if (!is_found(now))
        return open_outlet(sink, error);
    ja_outlet_free(os2l->outlet);
    os2l->outlet = NULL;
    return JA_OK;
}

/* Goes where the DMX program is now; stays with the last one when there is none. */
static void os2l_second(struct ja_sink *sink) {
    struct os2l *os2l = sink->state;
    const struct os2l_settings *settings = sink->settings;
    const struct ja_sink_host *host = sink->host;
    char found[sizeof os2l->host];
    int port;
    if (!settings->enable || !is_found(settings) || !host->find_os2l ||
        !host->find_os2l(host->data, found, sizeof found, &port) ||
        (port == os2l->port && !strcmp(found, os2l->host)))
        return;
    memcpy(os2l->host, found, sizeof found);
    os2l->port = port;
    struct ja_error error;
    if (open_outlet(sink, &error) == JA_OK)
        ja_log(JA_LOG_NOTICE, "%s: found at %s, port %d", os2l->owner, found, port);
    else
        os2l->port = 0;
}

static void os2l_close(struct ja_sink *sink) {
    struct os2l *os2l = sink->state;
    ja_schedule_free(os2l->schedule);
    ja_outlet_free(os2l->outlet);
}

const struct ja_sink_class ja_os2l_sink = {
    .module = &module,
    .state_size = sizeof(struct os2l),
    .live_only = true,
    .open = os2l_open,
    .event = os2l_event,
    .second = os2l_second,
    .muted = os2l_muted,
    .configure = os2l_configure,
    .close = os2l_close,
};
