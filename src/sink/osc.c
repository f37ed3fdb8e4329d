/* The target: sends results as OSC, by UDP or TCP, to one lighting or video program.
 *
 * What each address carries stands in osc_map.c; here is when it goes out. Events leave at once;
 * beats leave at the beat, by way of the schedule; values of the analysis frame are looked at
 * rate_hz times a second and sent when they have changed. Datagrams get lost, so whatever has a
 * lasting value is repeated every resend_s; a beat is sent once, since a second one would trigger
 * twice. Plain messages, no bundles: not every receiver takes those.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "osc_map.h"
#include "schedule.h"
#include "slots.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <ja/net/osc_writer.h>
#include <ja/net/outlet.h>
#include <ja/sink/sinks.h>
#include <limits.h>
#include <math.h>
#include <string.h>

enum {
    PACKET_BYTES = 512,
    PREFIX_SIZE = 64,
    RESEND_SLACK_US = 100000, /* repeats are looked for once a second, not to the millisecond */
};

struct target_settings {
    bool enable;
    int protocol; /* index: udp, tcp, slip */
    char host[256];
    int port;
    char interface[64];
    int ttl;
    char prefix[PREFIX_SIZE];
    char outputs[512];
    double rate_hz;
    bool on_change;
    double resend_s;
    double pulse_ms;
    double offset_ms;
};

/* What was last sent from one row. */
struct sent {
    bool once;
    uint64_t at_us;
    float values[JA_OSC_VALUES];
};

/* What is kept per stream. */
struct channel {
    char prefix[2 * PREFIX_SIZE];
    uint64_t next_us; /* when the frame's values are looked at again */
    struct sent sent[JA_OSC_ROWS];
    bool heard[JA_EVENT_TYPES]; /* has there been an event of the type? */
    struct ja_event latest[JA_EVENT_TYPES];
    bool holds_note;
    int note; /* MIDI */
    int bars; /* downbeats so far */
};

struct target {
    struct ja_outlet *outlet;
    char owner[80]; /* "target NAME", for messages */
    struct ja_schedule *schedule;
    bool chosen[JA_OSC_ROWS]; /* wanted, and a stage makes it */
    size_t positions[JA_OSC_ROWS][JA_OSC_SOURCES];
    struct ja_slots slots;
    struct channel channels[JA_STREAMS];
    struct ja_log_limit limit;
};

enum { UDP, TCP, SLIP };
static const char *const protocols[] = {"udp", "tcp", "slip", NULL};

#define S struct target_settings
static const struct ja_option target_options[] = {
    JA_OPTION_BOOL(S, enable, "enable", "true", JA_LIVE, "Send to this target."),
    JA_OPTION_CHOICE(S, protocol, "protocol", "udp", protocols, JA_LIVE,
                     "How packets travel: udp, or tcp with each packet's length before it (OSC "
                     "1.0), or slip, which is TCP with SLIP framing (OSC 1.1)."),
    JA_OPTION_STRING(S, host, "host", "127.0.0.1", JA_LIVE,
                     "Host name or address to send to; a broadcast address or multicast group "
                     "within the local network will do."),
    JA_OPTION_INT(S, port, "port", "7771", 1, 65535, NULL, JA_LIVE, "Port to send to."),
    JA_OPTION_STRING(S, interface, "interface", "", JA_LIVE,
                     "Network interface by which multicast leaves, such as eth0; empty leaves the "
                     "choice to the system."),
    JA_OPTION_INT(S, ttl, "ttl", "1", 0, 255, NULL, JA_LIVE,
                  "How many networks multicast crosses; 1 stays within the local one."),
    JA_OPTION_STRING(S, prefix, "prefix", "/ja", JA_LIVE,
                     "What every address starts with; other streams than main add their name."),
    JA_OPTION_LIST(S, outputs, "outputs", "all", JA_LIVE,
                   "Addresses to send, without the prefix, each with all below it (beat, "
                   "level/rms); all, or an empty list, is everything."),
    JA_OPTION_FLOAT(S, rate_hz, "rate_hz", "30", 1, 200, "Hz", JA_LIVE,
                    "How often values such as level, phase and pitch are sent at most."),
    JA_OPTION_BOOL(S, on_change, "on_change", "true", JA_LIVE,
                   "Send such values only when they have changed."),
    JA_OPTION_FLOAT(S, resend_s, "resend_s", "1", 0, 60, "s", JA_LIVE,
                    "Values and state that have not changed are repeated after this time; 0 never "
                    "repeats."),
    JA_OPTION_FLOAT(S, pulse_ms, "pulse_ms", "120", 1, 2000, "ms", JA_LIVE,
                    "How long a pulse stays at 1."),
    JA_OPTION_FLOAT(S, offset_ms, "offset_ms", "0", -500, 500, "ms", JA_LIVE,
                    "Beats leave this much after the beat, or before it when negative."),
};
#undef S

static const struct ja_module target_module = {
    .name = "target",
    .help = "A program that gets the results as OSC.",
    .options = target_options,
    .option_count = sizeof target_options / sizeof target_options[0],
    .settings_size = sizeof(struct target_settings),
    .named = true,
    .fallback_name = "default",
};

static bool silent(const struct ja_sink *sink) {
    const struct target_settings *settings = sink->settings;
    return sink->mute || !settings->enable;
}

/* --- Sending --- */

/* Begins and ends with END, which makes an interrupted packet end too. */
static size_t frame_slip(const unsigned char *bytes, size_t size, unsigned char *framed) {
    enum { END = 0xc0, ESC = 0xdb, ESC_END = 0xdc, ESC_ESC = 0xdd };
    size_t length = 0;
    framed[length++] = END;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == END || bytes[i] == ESC) {
            framed[length++] = ESC;
            framed[length++] = bytes[i] == END ? ESC_END : ESC_ESC;
        } else {
            framed[length++] = bytes[i];
        }
    }
    framed[length++] = END;
    return length;
}

static size_t frame_length(const unsigned char *bytes, size_t size, unsigned char *framed) {
    for (int i = 0; i < 4; i++)
        framed[i] = (unsigned char)(size >> (24 - 8 * i));
    memcpy(framed + 4, bytes, size);
    return size + 4;
}

/* `may_drop`: a newer value will follow. */
static void send_bytes(struct ja_sink *sink, const void *bytes, size_t size, bool may_drop) {
    const struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    unsigned char framed[2 * PACKET_BYTES + 2];
    if (settings->protocol != UDP) {
        size = settings->protocol == SLIP ? frame_slip(bytes, size, framed)
                                          : frame_length(bytes, size, framed);
        bytes = framed;
    }
    if (ja_outlet_send(target->outlet, bytes, size, may_drop))
        sink->sent++;
    else
        sink->failed++;
}

static size_t encode(const struct channel *channel, const struct ja_osc_row *row,
                     const struct ja_osc_argument *arguments, void *packet, size_t size) {
    char address[sizeof channel->prefix + 64];
    struct ja_text text;
    ja_text_init(&text, address, sizeof address);
    ja_text_put(&text, channel->prefix);
    ja_text_put(&text, row->address);
    char types[JA_OSC_VALUES + 1] = "";
    for (size_t i = 0; arguments[i].type; i++)
        types[i] = arguments[i].type;
    return ja_osc_write(packet, size, address, types, arguments);
}

static void send_row(struct ja_sink *sink, const struct channel *channel,
                     const struct ja_osc_row *row, const struct ja_osc_argument *arguments) {
    _Alignas(4) unsigned char packet[PACKET_BYTES];
    size_t size = encode(channel, row, arguments, packet, sizeof packet);
    if (size)
        send_bytes(sink, packet, size, row->when == JA_OSC_CONTINUOUS);
    else
        sink->failed++;
}

/* --- Beats: by way of the schedule --- */

/* Group 0: nothing follows. Any other is a stream's pulse: one that begins ends the one before. */
static void send_scheduled(void *data, const struct ja_packet *packet) {
    struct ja_sink *sink = data;
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    if (packet->group == 0 || packet->release) {
        send_bytes(sink, packet->data, packet->size, false);
        return;
    }
    ja_schedule_release(target->schedule, packet->group);
    send_bytes(sink, packet->data, packet->size, false);
    struct ja_packet release = *packet;
    release.release = true;
    release.due_us += (uint64_t)(settings->pulse_ms * 1000);
    memset(release.data + release.size - 4, 0, 4); /* its one float: 0.0 is four zeros */
    if (!ja_schedule_add(target->schedule, &release))
        send_bytes(sink, release.data, release.size, false);
}

static void schedule_row(struct ja_sink *sink, const struct ja_tap *tap,
                         const struct channel *channel, const struct ja_osc_row *row,
                         const struct ja_event *event, const struct ja_osc_argument *arguments) {
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    struct ja_packet packet = {.due_us = ja_tap_due_us(tap, event->time, settings->offset_ms)};
    if (row->when == JA_OSC_PULSE)
        packet.group = 1 + (unsigned)(channel - target->channels);
    packet.size = encode(channel, row, arguments, packet.data, sizeof packet.data);
    if (!packet.size || !ja_schedule_add(target->schedule, &packet)) {
        sink->failed++;
        ja_log_limited(&target->limit, JA_LOG_WARNING, "%s: no room for a beat", target->owner);
    }
}

/* --- Streams --- */

static void set_prefix(const struct ja_sink *sink, struct channel *channel, const char *stream) {
    const struct target_settings *settings = sink->settings;
    struct ja_text text;
    ja_text_init(&text, channel->prefix, sizeof channel->prefix);
    ja_text_put(&text, settings->prefix);
    if (strcmp(stream, "main") != 0)
        ja_text_format(&text, "/%s", stream);
}

static struct channel *channel_of(struct ja_sink *sink, const struct ja_tap *tap) {
    struct target *target = sink->state;
    bool fresh;
    int slot = ja_slot(&target->slots, sink->host, tap->name, &fresh);
    if (slot < 0)
        return NULL;
    struct channel *channel = &target->channels[slot];
    if (fresh) {
        ja_schedule_release(target->schedule, 1 + (unsigned)slot);
        *channel = (struct channel){0};
        set_prefix(sink, channel, tap->name);
    }
    return channel;
}

/* --- Values of the frame --- */

static bool differ(const struct ja_osc_row *row, const struct sent *sent,
                   const struct ja_osc_argument *arguments) {
    for (size_t i = 0; arguments[i].type; i++)
        if (fabs((double)arguments[i].f - sent->values[i]) > row->epsilon)
            return true;
    return false;
}

static bool is_time_to_repeat(const struct ja_sink *sink, const struct sent *sent,
                              uint64_t now_us) {
    const struct target_settings *settings = sink->settings;
    return settings->resend_s > 0 &&
           now_us + RESEND_SLACK_US >= sent->at_us + (uint64_t)(settings->resend_s * 1e6);
}

static void offer_values(struct ja_sink *sink, struct channel *channel, size_t index,
                         const struct ja_frame *frame, uint64_t now_us) {
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    const struct ja_osc_row *row = &ja_osc_rows[index];
    struct sent *sent = &channel->sent[index];
    struct ja_osc_argument arguments[JA_OSC_VALUES + 1];
    if (!ja_osc_row_fill(row, target->positions[index], &(struct ja_osc_moment){.frame = frame},
                         arguments))
        return;
    bool always = row->when == JA_OSC_CONTINUOUS && !settings->on_change;
    if (sent->once && !always && !differ(row, sent, arguments) &&
        !is_time_to_repeat(sink, sent, now_us))
        return;
    send_row(sink, channel, row, arguments);
    *sent = (struct sent){.once = true, .at_us = now_us};
    for (size_t i = 0; arguments[i].type; i++)
        sent->values[i] = arguments[i].f;
}

static void target_frame(struct ja_sink *sink, const struct ja_tap *tap,
                         const struct ja_frame *frame) {
    const struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    struct channel *channel = silent(sink) ? NULL : channel_of(sink, tap);
    uint64_t now_us = ja_clock_us();
    if (!channel || now_us < channel->next_us)
        return;
    /* Frames come in bursts: stay on the grid, unless far behind it. */
    uint64_t period_us = (uint64_t)(1e6 / settings->rate_hz);
    channel->next_us += period_us;
    if (channel->next_us <= now_us)
        channel->next_us = now_us + period_us;
    for (size_t i = 0; i < ja_osc_row_count; i++)
        if (target->chosen[i] && ja_osc_rows[i].event < 0 && ja_osc_rows[i].when <= JA_OSC_STATE)
            offer_values(sink, channel, i, frame, now_us);
}

/* --- Events --- */

static double seconds_until(const struct ja_sink *sink, const struct ja_tap *tap, double time) {
    const struct target_settings *settings = sink->settings;
    uint64_t at_us = ja_tap_us(tap, time);
    if (at_us == 0)
        return NAN;
    return fmax(0, ((double)at_us - (double)ja_clock_us()) / 1e6 + settings->offset_ms / 1000);
}

static void remember(struct channel *channel, const struct ja_event *event,
                     const struct ja_osc_argument *arguments) {
    if (event->type != JA_EVENT_NOTE)
        return;
    channel->holds_note = event->note.on;
    channel->note = arguments[0].i;
}

static void send_event_row(struct ja_sink *sink, const struct ja_tap *tap, struct channel *channel,
                           size_t index, const struct ja_event *event) {
    struct target *target = sink->state;
    const struct ja_osc_row *row = &ja_osc_rows[index];
    struct ja_osc_argument arguments[JA_OSC_VALUES + 1];
    struct ja_osc_moment moment = {
        .event = event, .until_s = seconds_until(sink, tap, event->time), .bars = channel->bars};
    if (!ja_osc_row_fill(row, target->positions[index], &moment, arguments))
        return;
    if (row->when == JA_OSC_BEAT || row->when == JA_OSC_PULSE) {
        schedule_row(sink, tap, channel, row, event, arguments);
        return;
    }
    send_row(sink, channel, row, arguments);
    channel->sent[index].at_us = ja_clock_us();
    remember(channel, event, arguments);
}

static void send_event(struct ja_sink *sink, const struct ja_tap *tap, struct channel *channel,
                       const struct ja_event *event) {
    const struct target *target = sink->state;
    for (size_t i = 0; i < ja_osc_row_count; i++)
        if (target->chosen[i] && ja_osc_row_wants(&ja_osc_rows[i], event))
            send_event_row(sink, tap, channel, i, event);
}

static void target_event(struct ja_sink *sink, const struct ja_tap *tap,
                         const struct ja_event *event) {
    struct channel *channel = channel_of(sink, tap);
    if (!channel)
        return;
    channel->latest[event->type] = *event;
    channel->heard[event->type] = true;
    if (event->type == JA_EVENT_BEAT && event->beat.beat_in_bar == 1)
        channel->bars++;
    if (!silent(sink))
        send_event(sink, tap, channel, event);
}

/* --- Once a second --- */

static void repeat_state(struct ja_sink *sink, const struct ja_tap *tap, struct channel *channel,
                         size_t index, uint64_t now_us) {
    int type = ja_osc_rows[index].event;
    if (channel->heard[type] && is_time_to_repeat(sink, &channel->sent[index], now_us))
        send_event_row(sink, tap, channel, index, &channel->latest[type]);
}

static int count_of(uint64_t count) {
    return count > INT_MAX ? INT_MAX : (int)count;
}

static void send_figures(struct ja_sink *sink, const struct ja_tap *tap,
                         const struct channel *channel, const struct ja_osc_row *row,
                         uint64_t now_us) {
    const struct ja_sink_host *host = sink->host;
    uint64_t xruns = 0;
    if (host->server)
        host->server(host->data, &xruns);
    struct ja_osc_second second = {.xruns = count_of(xruns),
                                   .uptime_s = count_of((now_us - host->start_us) / 1000000)};
    if (tap) {
        second.lost_blocks = count_of(tap->stats.lost_blocks);
        second.load = tap->stats.load;
        second.worst_hop_ms = tap->stats.worst_hop_ms;
        second.queue_ms = tap->stats.queue_ms;
    }
    struct ja_osc_argument arguments[JA_OSC_VALUES + 1];
    const size_t nowhere[JA_OSC_SOURCES] = {0};
    if (ja_osc_row_fill(row, nowhere, &(struct ja_osc_moment){.second = &second}, arguments))
        send_row(sink, channel, row, arguments);
}

static void stream_second(struct ja_sink *sink, const struct ja_tap *tap, uint64_t now_us) {
    const struct target *target = sink->state;
    struct channel *channel = channel_of(sink, tap);
    for (size_t i = 0; channel && i < ja_osc_row_count; i++) {
        const struct ja_osc_row *row = &ja_osc_rows[i];
        if (!target->chosen[i])
            continue;
        if (row->when == JA_OSC_SECOND)
            send_figures(sink, tap, channel, row, now_us);
        else if (row->when == JA_OSC_STATE && row->event >= 0)
            repeat_state(sink, tap, channel, i, now_us);
    }
}

static void target_second(struct ja_sink *sink) {
    const struct target *target = sink->state;
    if (silent(sink))
        return;
    uint64_t now_us = ja_clock_us();
    for (size_t i = 0; i < sink->host->tap_count; i++)
        stream_second(sink, &sink->host->taps[i], now_us);
    struct channel program = {0}; /* the program's own figures stand under the bare prefix */
    set_prefix(sink, &program, "main");
    for (size_t i = 0; i < ja_osc_row_count; i++)
        if (target->chosen[i] && ja_osc_rows[i].when == JA_OSC_HEARTBEAT)
            send_figures(sink, NULL, &program, &ja_osc_rows[i], now_us);
}

/* --- Letting go, starting afresh --- */

static void end_note(struct ja_sink *sink, struct channel *channel) {
    for (size_t i = 0; channel->holds_note && i < ja_osc_row_count; i++) {
        if (ja_osc_rows[i].event != JA_EVENT_NOTE)
            continue;
        struct ja_osc_argument end[] = {
            {.type = 'i', .i = channel->note}, {.type = 'f'}, {.type = 0}};
        send_row(sink, channel, &ja_osc_rows[i], end);
    }
    channel->holds_note = false;
}

static void let_go(struct ja_sink *sink) {
    struct target *target = sink->state;
    ja_schedule_flush(target->schedule);
    for (size_t i = 0; i < JA_STREAMS; i++)
        end_note(sink, &target->channels[i]);
}

/* The receiver may be another one now, or knows nothing any more: everything is news. */
static void forget_sent(struct ja_sink *sink) {
    struct target *target = sink->state;
    for (size_t i = 0; i < JA_STREAMS; i++) {
        struct channel *channel = &target->channels[i];
        channel->next_us = 0;
        memset(channel->sent, 0, sizeof channel->sent);
        set_prefix(sink, channel, target->slots.names[i]);
    }
}

static void target_muted(struct ja_sink *sink) {
    if (sink->mute)
        let_go(sink);
    else
        forget_sent(sink);
}

/* --- Where to --- */

static void receiver_is_there(void *data) {
    forget_sent(data);
}

/* A new way out; the old one goes only when there is one. */
static enum ja_status open_outlet(struct ja_sink *sink, struct ja_error *error) {
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    struct ja_outlet_setup setup = {
        .loop = sink->host->loop,
        .resolver = sink->host->resolver,
        .owner = target->owner,
        .transport = settings->protocol == UDP ? JA_TRANSPORT_UDP : JA_TRANSPORT_TCP,
        .host = settings->host,
        .port = settings->port,
        .interface = settings->interface,
        .ttl = settings->ttl,
        .ready = receiver_is_there,
        .data = sink,
    };
    struct ja_outlet *outlet = ja_outlet_new(&setup, error);
    if (!outlet)
        return JA_FAILED;
    ja_outlet_free(target->outlet);
    target->outlet = outlet;
    return JA_OK;
}

/* --- Settings --- */

static enum ja_status check_prefix(const struct ja_sink *sink, struct ja_error *error) {
    const struct target_settings *settings = sink->settings;
    const char *prefix = settings->prefix;
    size_t length = strlen(prefix);
    bool fine = length == 0 || (prefix[0] == '/' && prefix[length - 1] != '/');
    for (const char *c = prefix; *c; c++)
        fine = fine && *c > ' ' && *c < 127 && !strchr("#*,?[]{}", *c);
    if (fine)
        return JA_OK;
    return ja_fail(error, JA_USAGE,
                   "target.%s.prefix is \"%s\": it must start with '/', not end with one, and hold "
                   "no blank and none of #*,?[]{}",
                   sink->name, prefix);
}

/* "beat" stands for /beat and everything below it. */
static bool covers(const char *name, const struct ja_osc_row *row) {
    size_t length = strlen(name);
    const char *address = row->address + 1;
    return !strcmp(name, "all") ||
           (!strncmp(name, address, length) && (!address[length] || address[length] == '/'));
}

static const char *nearest_address(const char *name) {
    const char *nearest = "all";
    unsigned least = ja_text_distance(name, nearest);
    for (size_t i = 0; i < ja_osc_row_count; i++) {
        unsigned distance = ja_text_distance(name, ja_osc_rows[i].address + 1);
        if (distance < least) {
            least = distance;
            nearest = ja_osc_rows[i].address + 1;
        }
    }
    return nearest;
}

/* Sets wanted[i] for every row in the list of outputs. */
static enum ja_status choose(const struct ja_sink *sink, bool wanted[JA_OSC_ROWS],
                             struct ja_error *error) {
    const struct target_settings *settings = sink->settings;
    const char *name = ja_list_next(settings->outputs, NULL);
    for (size_t i = 0; i < ja_osc_row_count; i++)
        wanted[i] = !name;
    for (; name; name = ja_list_next(settings->outputs, name)) {
        bool known = false;
        for (size_t i = 0; i < ja_osc_row_count; i++)
            if (covers(name, &ja_osc_rows[i]))
                wanted[i] = known = true;
        if (!known)
            return ja_fail(error, JA_USAGE,
                           "target.%s.outputs: there is no output \"%s\"; the nearest is \"%s\" "
                           "(see --list-outputs)",
                           sink->name, name, nearest_address(name));
    }
    return JA_OK;
}

static enum ja_status take_settings(struct ja_sink *sink, struct ja_error *error) {
    struct target *target = sink->state;
    bool wanted[JA_OSC_ROWS];
    enum ja_status status = check_prefix(sink, error);
    if (status == JA_OK)
        status = choose(sink, wanted, error);
    for (size_t i = 0; status == JA_OK && i < ja_osc_row_count; i++)
        target->chosen[i] =
            ja_osc_row_locate(&ja_osc_rows[i], sink->host->catalogue, target->positions[i]) &&
            wanted[i];
    return status;
}

static enum ja_status target_open(struct ja_sink *sink, struct ja_error *error) {
    struct target *target = sink->state;
    snprintf(target->owner, sizeof target->owner, "target %s", sink->name);
    enum ja_status status = take_settings(sink, error);
    if (status == JA_OK)
        status = open_outlet(sink, error);
    if (status != JA_OK)
        return status;
    target->schedule = ja_schedule_new(sink->host->loop, send_scheduled, sink);
    if (target->schedule)
        return JA_OK;
    ja_outlet_free(target->outlet);
    return ja_fail(error, JA_FAILED, "no memory for target \"%s\"", sink->name);
}

static bool is_elsewhere(const struct target_settings *a, const struct target_settings *b) {
    return a->protocol != b->protocol || strcmp(a->host, b->host) != 0 || a->port != b->port ||
           strcmp(a->interface, b->interface) != 0 || a->ttl != b->ttl;
}

static enum ja_status target_configure(struct ja_sink *sink, const void *former,
                                       struct ja_error *error) {
    const struct target *target = sink->state;
    const struct target_settings *before = former, *now = sink->settings;
    bool chosen[JA_OSC_ROWS];
    memcpy(chosen, target->chosen, sizeof chosen);
    enum ja_status status = take_settings(sink, error);
    if (status != JA_OK)
        return status;
    if (is_elsewhere(before, now) || strcmp(before->prefix, now->prefix) != 0 ||
        before->enable != now->enable || memcmp(chosen, target->chosen, sizeof chosen) != 0) {
        let_go(sink);
        forget_sent(sink);
    }
    return is_elsewhere(before, now) ? open_outlet(sink, error) : JA_OK;
}

static void target_close(struct ja_sink *sink) {
    struct target *target = sink->state;
    let_go(sink);
    const struct ja_schedule_stats *stats = ja_schedule_stats(target->schedule);
    ja_log(JA_LOG_DEBUG,
           "target %s: %llu sent, %llu failed, %llu late (worst %.1f ms), %llu without room",
           sink->name, (unsigned long long)sink->sent, (unsigned long long)sink->failed,
           (unsigned long long)stats->late, (double)stats->worst_us / 1000,
           (unsigned long long)stats->overflow);
    ja_schedule_free(target->schedule);
    ja_outlet_free(target->outlet);
}

const struct ja_sink_class ja_osc_sink = {
    .module = &target_module,
    .state_size = sizeof(struct target),
    .live_only = true,
    .open = target_open,
    .frame = target_frame,
    .event = target_event,
    .second = target_second,
    .muted = target_muted,
    .configure = target_configure,
    .close = target_close,
};
