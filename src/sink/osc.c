/* The target: sends results as OSC, by UDP or TCP, to one lighting or video program.
 *
 * What each address carries stands in osc_map.c; here is when it goes out. Events leave at once;
 * beats leave at the beat, by way of the schedule; values of the analysis frame are looked at
 * rate_hz times a second and sent when they have changed. Datagrams get lost, so whatever has a
 * lasting value is repeated every resend_s; a beat is sent once, since a second one would trigger
 * twice. Plain messages, no bundles: not every receiver takes those.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "osc_entry.h"
#include "schedule.h"
#include "slots.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <ja/net/osc_framing.h>
#include <ja/net/osc_writer.h>
#include <ja/net/outlet.h>
#include <ja/sink/sinks.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PACKET_BYTES = 512,
    PREFIX_SIZE = 64,
    ENTRIES = 128,            /* most lines of a map, and outputs */
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
    char map[8192];
    double rate_hz;
    bool on_change;
    double resend_s;
    double pulse_ms;
    double offset_ms;
    int bundle;  /* index: off, timetag */
    int silence; /* index: follow, stop, fade */
    double fade_s;
};

/* What was last sent of one entry. */
struct sent {
    bool once;
    uint64_t at_us;
    size_t count; /* of values */
    float values[JA_OSC_VALUES];
    struct ja_osc_argument held[JA_OSC_VALUES + 1]; /* the frame's, for the next beat */
};

/* What is kept per stream. */
struct channel {
    const char *stream;
    char prefix[2 * PREFIX_SIZE];
    uint64_t next_us;  /* when the frame's values are looked at again */
    uint64_t quiet_us; /* since when there is no music; 0: there is */
    bool faded;        /* its levels are at zero since */
    struct sent sent[ENTRIES];
    bool heard[JA_EVENT_TYPES]; /* has there been an event of the type? */
    struct ja_event latest[JA_EVENT_TYPES];
    bool holds_note;
    int note;  /* MIDI */
    int bars;  /* downbeats so far */
    int first; /* seq of the beat from which every n-th is counted */
};

struct target {
    struct ja_outlet *outlet; /* NULL: to host->packet */
    char owner[80];           /* "target NAME", for messages */
    struct ja_schedule *schedule;
    struct ja_osc_entry *entries; /* what is sent, and where */
    struct ja_osc_line *lines;    /* of the map, that entries refer to; NULL without one */
    size_t entry_count;
    struct ja_slots slots;
    struct channel *channels; /* JA_STREAMS of them, which mean nothing before they have a slot */
    uint64_t fader;           /* of the loop, while levels fall; 0: none do */
    struct ja_log_limit limit;
};

enum { UDP, TCP, SLIP };
static const char *const protocols[] = {"udp", "tcp", "slip", NULL};
enum { BUNDLE_OFF, BUNDLE_TIMETAG };
static const char *const bundles[] = {"off", "timetag", NULL};
enum { SILENCE_FOLLOW, SILENCE_STOP, SILENCE_FADE };
static const char *const silences[] = {"follow", "stop", "fade", NULL};

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
    JA_OPTION_LIST(S, map, "map", "", JA_LIVE,
                   "What this program wants in place of outputs, one line each: output=NAME "
                   "address=/PATH and whatever changes it on the way (see the README)."),
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
    JA_OPTION_CHOICE(S, bundle, "bundle", "off", bundles, JA_LIVE,
                     "off holds a beat back until it is due, which every receiver understands; "
                     "timetag sends it at once in a bundle that says when it is due, for receivers "
                     "that wait and whose clock agrees."),
    JA_OPTION_CHOICE(
        S, silence, "silence", "follow", silences, JA_LIVE,
        "In silence, or without input: follow beat.silence and leave levels where they "
        "are; stop beats and phases whatever that says; or fade, which lets the "
        "levels fall to zero besides."),
    JA_OPTION_FLOAT(S, fade_s, "fade_s", "2", 0.1, 60, "s", JA_LIVE,
                    "How long levels take to fade."),
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

/* `may_drop`: a newer value will follow. */
static void send_bytes(struct ja_sink *sink, const void *bytes, size_t size, bool may_drop) {
    const struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    unsigned char framed[2 * PACKET_BYTES + 2];
    if (!target->outlet) {
        bool taken = sink->host->packet(sink->host->data, bytes, size);
        sink->sent += taken;
        sink->failed += !taken;
        return;
    }
    if (settings->protocol != UDP) {
        size = settings->protocol == SLIP ? ja_osc_frame_slip(bytes, size, framed)
                                          : ja_osc_frame_length(bytes, size, framed);
        bytes = framed;
    }
    if (ja_outlet_send(target->outlet, bytes, size, may_drop))
        sink->sent++;
    else
        sink->failed++;
}

/* The packet of an entry, of what its row gives; 0 when there is nothing to send. */
static size_t encode(const struct channel *channel, const struct ja_osc_entry *entry,
                     const struct ja_osc_argument *values, bool rest, void *packet, size_t size) {
    struct ja_osc_argument arguments[JA_OSC_VALUES + 1];
    char texts[JA_OSC_TEXTS], types[JA_OSC_VALUES + 1] = "";
    char address[sizeof channel->prefix + sizeof entry->line->rule.address];
    struct ja_text text;
    if (!ja_osc_entry_fill(entry, channel->stream, values, rest, arguments, texts))
        return 0;
    for (size_t i = 0; arguments[i].type; i++)
        types[i] = arguments[i].type;
    ja_text_init(&text, address, sizeof address);
    ja_text_put(&text, entry->mapped ? "" : channel->prefix);
    ja_text_put(&text, entry->mapped ? entry->line->rule.address : entry->row->address);
    return ja_osc_write(packet, size, address, types, arguments);
}

static void send_entry(struct ja_sink *sink, const struct channel *channel,
                       const struct ja_osc_entry *entry, const struct ja_osc_argument *values) {
    _Alignas(4) unsigned char packet[PACKET_BYTES];
    size_t size = encode(channel, entry, values, false, packet, sizeof packet);
    if (size)
        send_bytes(sink, packet, size, entry->row->when == JA_OSC_CONTINUOUS);
    else
        sink->failed++;
}

/* --- Beats: by way of the schedule --- */

static double pulse_ms(const struct ja_sink *sink, const struct ja_osc_entry *entry) {
    const struct target_settings *settings = sink->settings;
    if (entry->mapped)
        return entry->line->rule.pulse_ms;
    return entry->row->when == JA_OSC_PULSE ? settings->pulse_ms : 0;
}

/* Group 0: nothing follows. Any other is an entry's pulse: one that begins ends the one before. */
static unsigned group_of(const struct target *target, const struct channel *channel,
                         const struct ja_osc_entry *entry) {
    return 1 + (unsigned)(channel - target->channels) * ENTRIES +
           (unsigned)(entry - target->entries);
}

/* A pulse carries its own end behind it, see hold(). */
static void send_scheduled(void *data, const struct ja_packet *packet) {
    struct ja_sink *sink = data;
    struct target *target = sink->state;
    if (packet->group == 0 || packet->release) {
        send_bytes(sink, packet->data, packet->size, false);
        return;
    }
    ja_schedule_release(target->schedule, packet->group);
    send_bytes(sink, packet->data, packet->size, false);
    struct ja_packet release = {.due_us = packet->due_us + packet->release_us,
                                .group = packet->group,
                                .release = true,
                                .size = packet->release_size};
    memcpy(release.data, packet->data + packet->size, packet->release_size);
    if (!ja_schedule_add(target->schedule, &release))
        send_bytes(sink, release.data, release.size, false);
}

static uint64_t unix_us(uint64_t clock_us) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 + clock_us - ja_clock_us();
}

/* Wraps what is in the packet so that the receiver waits, not we. */
static void put_timetag(struct ja_packet *packet) {
    unsigned char message[JA_SCHEDULE_BYTES];
    memcpy(message, packet->data, packet->size);
    packet->size = ja_osc_bundle(message, packet->size, unix_us(packet->due_us), packet->data);
    packet->due_us = ja_clock_us();
}

/* Sends at `due_us`, and a pulse's end after it. */
static void schedule_entry(struct ja_sink *sink, const struct channel *channel,
                           const struct ja_osc_entry *entry, uint64_t due_us,
                           const struct ja_osc_argument *values) {
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    struct ja_packet packet = {.due_us = due_us};
    double pulse = pulse_ms(sink, entry);
    size_t room = sizeof packet.data - JA_OSC_BUNDLE_BYTES;
    packet.size = encode(channel, entry, values, false, packet.data, room);
    if (packet.size && settings->bundle == BUNDLE_TIMETAG && pulse == 0)
        put_timetag(&packet);
    if (packet.size && pulse > 0) {
        packet.group = group_of(target, channel, entry);
        packet.release_us = (uint64_t)(pulse * 1000);
        packet.release_size = encode(channel, entry, values, true, packet.data + packet.size,
                                     sizeof packet.data - packet.size);
    }
    bool whole = packet.size && (pulse == 0 || packet.release_size);
    if (!whole || !ja_schedule_add(target->schedule, &packet)) {
        sink->failed++;
        ja_log_limited(&target->limit, JA_LOG_WARNING, "%s: no room for a beat", target->owner);
    }
}

/* --- Streams --- */

static void set_prefix(const struct ja_sink *sink, struct channel *channel, const char *stream) {
    const struct target_settings *settings = sink->settings;
    struct ja_text text;
    channel->stream = stream;
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
        for (size_t i = 0; i < target->entry_count; i++)
            ja_schedule_release(target->schedule, group_of(target, channel, &target->entries[i]));
        *channel = (struct channel){0};
        set_prefix(sink, channel, target->slots.names[slot]);
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

static bool is_time_to_repeat(const struct ja_sink *sink, const struct ja_osc_entry *entry,
                              const struct sent *sent, uint64_t now_us) {
    const struct target_settings *settings = sink->settings;
    double resend_s =
        entry->line->rule.resend_s < 0 ? settings->resend_s : entry->line->rule.resend_s;
    return resend_s > 0 && now_us + RESEND_SLACK_US >= sent->at_us + (uint64_t)(resend_s * 1e6);
}

/* Has the entry's own limit of rate been reached? */
static bool is_too_soon(const struct ja_osc_entry *entry, const struct sent *sent,
                        uint64_t now_us) {
    double max_hz = entry->line->rule.max_hz;
    return sent->once && max_hz > 0 && (double)(now_us - sent->at_us) < 1e6 / max_hz;
}

static bool is_sent_always(const struct ja_sink *sink, const struct ja_osc_entry *entry) {
    const struct target_settings *settings = sink->settings;
    if (entry->line->rule.when == JA_OSC_AS_OUTPUT)
        return entry->row->when == JA_OSC_CONTINUOUS && !settings->on_change;
    return entry->line->rule.when == JA_OSC_INTERVAL;
}

/* --- Silence --- */

static bool is_phase(const struct ja_osc_row *row) {
    const char *output = row->sources[0].output;
    return output && (!strcmp(output, "beat_phase") || !strcmp(output, "bar_phase"));
}

/* What fills the range from 0 to 1 and means loudness. */
static bool is_level(const struct ja_osc_entry *entry) {
    const struct ja_osc_row *row = entry->row;
    return row->when == JA_OSC_CONTINUOUS && row->sources[0].change == JA_OSC_UNIT &&
           !is_phase(row) && entry->line->rule.when != JA_OSC_BEATS;
}

/* Nothing that goes with the beat is to be sent. */
static bool rests(const struct ja_sink *sink, const struct channel *channel) {
    const struct target_settings *settings = sink->settings;
    return channel->quiet_us && settings->silence != SILENCE_FOLLOW;
}

static bool fades(const struct ja_sink *sink, const struct channel *channel) {
    const struct target_settings *settings = sink->settings;
    return channel->quiet_us && settings->silence == SILENCE_FADE;
}

static bool goes_with_beat(const struct ja_event *event) {
    return event->type == JA_EVENT_BEAT ||
           (event->type == JA_EVENT_PREDICTION && !strcmp(event->prediction.kind, "beat"));
}

/* Sends `share` of what was sent last. */
static void send_share(struct ja_sink *sink, struct channel *channel, size_t index, double share) {
    const struct target *target = sink->state;
    struct sent *sent = &channel->sent[index];
    struct ja_osc_argument values[JA_OSC_VALUES + 1];
    if (!sent->once || !is_level(&target->entries[index]))
        return;
    for (size_t i = 0; i < sent->count; i++) {
        values[i] = (struct ja_osc_argument){.type = 'f', .f = (float)share * sent->values[i]};
        if (share == 0)
            sent->values[i] = 0;
    }
    values[sent->count].type = '\0';
    send_entry(sink, channel, &target->entries[index], values);
}

static void fade(struct ja_sink *sink, struct channel *channel) {
    const struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    double past_s = (double)(ja_clock_us() - channel->quiet_us) / 1e6;
    double share = fmax(0, 1 - past_s / settings->fade_s);
    for (size_t i = 0; i < target->entry_count; i++)
        send_share(sink, channel, i, share);
    channel->faded = share == 0;
}

static void fade_due(void *data, uint64_t due_us) {
    struct ja_sink *sink = data;
    struct target *target = sink->state;
    bool goes_on = false;
    (void)due_us;
    for (size_t i = 0; i < JA_STREAMS && target->slots.names[i][0] && !silent(sink); i++) {
        struct channel *channel = &target->channels[i];
        if (fades(sink, channel) && !channel->faded)
            fade(sink, channel);
        goes_on |= fades(sink, channel) && !channel->faded;
    }
    if (goes_on)
        return;
    ja_loop_cancel(sink->host->loop, target->fader);
    target->fader = 0;
}

static void start_fading(struct ja_sink *sink) {
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    if (settings->silence == SILENCE_FADE && !target->fader)
        target->fader =
            ja_loop_every(sink->host->loop, (uint64_t)(1e6 / settings->rate_hz), fade_due, sink);
}

static void follow_quiet(struct ja_sink *sink, struct channel *channel,
                         const struct ja_event *state) {
    bool quiet = ja_is_quiet(state);
    if (quiet == (channel->quiet_us > 0))
        return;
    channel->quiet_us = quiet ? ja_clock_us() : 0;
    channel->faded = false;
    start_fading(sink);
}

static void offer_values(struct ja_sink *sink, struct channel *channel, size_t index,
                         const struct ja_frame *frame, uint64_t now_us) {
    const struct target *target = sink->state;
    const struct ja_osc_entry *entry = &target->entries[index];
    struct sent *sent = &channel->sent[index];
    struct ja_osc_argument values[JA_OSC_VALUES + 1];
    if ((rests(sink, channel) && is_phase(entry->row)) ||
        (fades(sink, channel) && is_level(entry)) ||
        !ja_osc_row_fill(entry->row, entry->positions, &(struct ja_osc_moment){.frame = frame},
                         values))
        return;
    if (entry->line->rule.when == JA_OSC_BEATS) {
        memcpy(sent->held, values, sizeof values);
        return;
    }
    if (is_too_soon(entry, sent, now_us) ||
        (sent->once && !is_sent_always(sink, entry) && !differ(entry->row, sent, values) &&
         !is_time_to_repeat(sink, entry, sent, now_us)))
        return;
    send_entry(sink, channel, entry, values);
    sent->once = true;
    sent->at_us = now_us;
    for (sent->count = 0; values[sent->count].type; sent->count++)
        sent->values[sent->count] = values[sent->count].f;
}

static bool is_of_frame(const struct ja_osc_row *row) {
    return row->event < 0 && row->when <= JA_OSC_STATE;
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
    for (size_t i = 0; i < target->entry_count; i++)
        if (is_of_frame(target->entries[i].row))
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

static bool is_its_beat(const struct channel *channel, const struct ja_osc_entry *entry,
                        const struct ja_event *event) {
    return event->type != JA_EVENT_BEAT ||
           (event->beat.seq - channel->first) % entry->line->rule.every == 0;
}

static void send_event_entry(struct ja_sink *sink, const struct ja_tap *tap,
                             struct channel *channel, size_t index, const struct ja_event *event) {
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    const struct ja_osc_entry *entry = &target->entries[index];
    const struct ja_osc_row *row = entry->row;
    struct sent *sent = &channel->sent[index];
    struct ja_osc_argument values[JA_OSC_VALUES + 1];
    struct ja_osc_moment moment = {
        .event = event, .until_s = seconds_until(sink, tap, event->time), .bars = channel->bars};
    uint64_t now_us = ja_clock_us();
    if (!is_its_beat(channel, entry, event) ||
        !ja_osc_row_fill(row, entry->positions, &moment, values))
        return;
    if (row->when == JA_OSC_BEAT || row->when == JA_OSC_PULSE) {
        uint64_t due_us = ja_tap_due_us(tap, event->time, settings->offset_ms);
        schedule_entry(sink, channel, entry, due_us, values);
        return;
    }
    if (event->type != JA_EVENT_NOTE && is_too_soon(entry, sent, now_us))
        return;
    if (pulse_ms(sink, entry) > 0)
        schedule_entry(sink, channel, entry, now_us, values);
    else
        send_entry(sink, channel, entry, values);
    sent->once = true;
    sent->at_us = now_us;
    remember(channel, event, values);
}

/* A value of the frame that goes out on the beat. */
static void send_held(struct ja_sink *sink, const struct ja_tap *tap, const struct channel *channel,
                      size_t index, const struct ja_event *beat) {
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    const struct ja_osc_entry *entry = &target->entries[index];
    const struct sent *sent = &channel->sent[index];
    if (sent->held[0].type && is_its_beat(channel, entry, beat))
        schedule_entry(sink, channel, entry, ja_tap_due_us(tap, beat->time, settings->offset_ms),
                       sent->held);
}

static void send_event(struct ja_sink *sink, const struct ja_tap *tap, struct channel *channel,
                       const struct ja_event *event) {
    const struct target *target = sink->state;
    for (size_t i = 0; i < target->entry_count; i++) {
        const struct ja_osc_row *row = target->entries[i].row;
        if (is_of_frame(row) && event->type == JA_EVENT_BEAT)
            send_held(sink, tap, channel, i, event);
        else if (ja_osc_row_wants(row, event))
            send_event_entry(sink, tap, channel, i, event);
    }
}

/* Bars, and from where every n-th beat is counted: a downbeat that is off the count begins it
 * anew. */
static void count_bar(struct channel *channel, const struct ja_event *event) {
    enum { USUAL_BAR = 4 };
    if (event->type != JA_EVENT_BEAT || event->beat.beat_in_bar != 1)
        return;
    channel->bars++;
    if ((event->beat.seq - channel->first) % USUAL_BAR != 0)
        channel->first = event->beat.seq;
}

static void target_event(struct ja_sink *sink, const struct ja_tap *tap,
                         const struct ja_event *event) {
    struct channel *channel = channel_of(sink, tap);
    if (!channel)
        return;
    if (event->type == JA_EVENT_STATE)
        follow_quiet(sink, channel, event);
    if (rests(sink, channel) && goes_with_beat(event))
        return;
    channel->latest[event->type] = *event;
    channel->heard[event->type] = true;
    count_bar(channel, event);
    if (!silent(sink))
        send_event(sink, tap, channel, event);
}

/* --- Once a second --- */

static void repeat_state(struct ja_sink *sink, const struct ja_tap *tap, struct channel *channel,
                         size_t index, uint64_t now_us) {
    const struct target *target = sink->state;
    const struct ja_osc_entry *entry = &target->entries[index];
    int type = entry->row->event;
    if (channel->heard[type] && is_time_to_repeat(sink, entry, &channel->sent[index], now_us))
        send_event_entry(sink, tap, channel, index, &channel->latest[type]);
}

static int count_of(uint64_t count) {
    return count > INT_MAX ? INT_MAX : (int)count;
}

static void send_figures(struct ja_sink *sink, const struct ja_tap *tap,
                         const struct channel *channel, const struct ja_osc_entry *entry,
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
    struct ja_osc_argument values[JA_OSC_VALUES + 1];
    const size_t nowhere[JA_OSC_SOURCES] = {0};
    if (ja_osc_row_fill(entry->row, nowhere, &(struct ja_osc_moment){.second = &second}, values))
        send_entry(sink, channel, entry, values);
}

static void stream_second(struct ja_sink *sink, const struct ja_tap *tap, uint64_t now_us) {
    const struct target *target = sink->state;
    struct channel *channel = channel_of(sink, tap);
    for (size_t i = 0; channel && i < target->entry_count; i++) {
        const struct ja_osc_row *row = target->entries[i].row;
        if (row->when == JA_OSC_SECOND)
            send_figures(sink, tap, channel, &target->entries[i], now_us);
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
    for (size_t i = 0; i < target->entry_count; i++)
        if (target->entries[i].row->when == JA_OSC_HEARTBEAT)
            send_figures(sink, NULL, &program, &target->entries[i], now_us);
}

/* --- Letting go, starting afresh --- */

static void end_note(struct ja_sink *sink, struct channel *channel) {
    const struct target *target = sink->state;
    for (size_t i = 0; channel->holds_note && i < target->entry_count; i++) {
        if (target->entries[i].row->event != JA_EVENT_NOTE)
            continue;
        struct ja_osc_argument end[] = {
            {.type = 'i', .i = channel->note}, {.type = 'f'}, {.type = 0}};
        send_entry(sink, channel, &target->entries[i], end);
    }
    channel->holds_note = false;
}

static void let_go(struct ja_sink *sink) {
    struct target *target = sink->state;
    ja_schedule_flush(target->schedule);
    for (size_t i = 0; i < JA_STREAMS && target->slots.names[i][0]; i++)
        end_note(sink, &target->channels[i]);
}

/* The receiver may be another one now, or knows nothing any more: everything is news. */
static void forget_sent(struct ja_sink *sink) {
    struct target *target = sink->state;
    for (size_t i = 0; i < JA_STREAMS && target->slots.names[i][0]; i++) {
        struct channel *channel = &target->channels[i];
        channel->next_us = 0;
        memset(channel->sent, 0, target->entry_count * sizeof channel->sent[0]);
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
static bool covers(const char *name, size_t length, const struct ja_osc_row *row) {
    const char *address = row->address + 1;
    return !strncmp(name, address, length) && (!address[length] || address[length] == '/');
}

/* Which outputs are listed; all when none is. */
static enum ja_status choose(const struct ja_sink *sink, bool wanted[JA_OSC_ROWS],
                             struct ja_error *error) {
    const struct target_settings *settings = sink->settings;
    const char *name = ja_list_next(settings->outputs, NULL);
    for (size_t i = 0; i < ja_osc_row_count; i++)
        wanted[i] = !name;
    for (; name; name = ja_list_next(settings->outputs, name)) {
        size_t length = strlen(name);
        bool all = !strcmp(name, "all"), known = all;
        for (size_t i = 0; i < ja_osc_row_count; i++)
            if (all || covers(name, length, &ja_osc_rows[i]))
                wanted[i] = known = true;
        if (!known)
            return ja_fail(error, JA_USAGE,
                           "target.%s.outputs: there is no output \"%s\"; the nearest is \"%s\" "
                           "(see --list-outputs)",
                           sink->name, name, ja_osc_nearest(name));
    }
    return JA_OK;
}

static enum ja_status read_line(const struct ja_sink *sink, size_t index, const char *text,
                                struct ja_osc_entry *entry, struct ja_osc_line *line,
                                struct ja_error *error) {
    struct ja_error reason;
    if (index == ENTRIES)
        return ja_fail(error, JA_USAGE, "target.%s.map: more than %d lines", sink->name, ENTRIES);
    if (ja_osc_entry_parse(entry, line, text, &reason) != JA_OK)
        return ja_fail(error, JA_USAGE, "target.%s.map, line %zu: %s", sink->name, index + 1,
                       reason.text);
    return JA_OK;
}

static enum ja_status target_check(const struct ja_sink *sink, struct ja_error *error) {
    const struct target_settings *settings = sink->settings;
    enum ja_status status = check_prefix(sink, error);
    bool wanted[JA_OSC_ROWS];
    if (status == JA_OK && !settings->map[0])
        return choose(sink, wanted, error);
    const char *text = NULL;
    for (size_t i = 0; status == JA_OK && (text = ja_list_next(settings->map, text)); i++) {
        struct ja_osc_entry entry;
        struct ja_osc_line line;
        status = read_line(sink, i, text, &entry, &line, error);
    }
    return status;
}

/* An entry of outputs that no stage makes is left out. */
static void take_entry(struct ja_sink *sink, struct ja_osc_entry *entries, size_t *count,
                       const struct ja_osc_entry *entry) {
    entries[*count] = *entry;
    *count += ja_osc_row_locate(entry->row, sink->host->catalogue, entries[*count].positions);
}

static enum ja_status take_outputs(struct ja_sink *sink, struct ja_osc_entry *entries,
                                   size_t *count, struct ja_error *error) {
    bool wanted[JA_OSC_ROWS];
    if (choose(sink, wanted, error) != JA_OK)
        return JA_USAGE;
    for (size_t i = 0; i < ja_osc_row_count; i++) {
        struct ja_osc_entry entry = ja_osc_entry_plain(&ja_osc_rows[i]);
        if (wanted[i])
            take_entry(sink, entries, count, &entry);
    }
    return JA_OK;
}

static enum ja_status take_map(struct ja_sink *sink, struct ja_osc_entry *entries,
                               struct ja_osc_line *lines, size_t *count, struct ja_error *error) {
    const struct target_settings *settings = sink->settings;
    const char *text = NULL;
    for (size_t i = 0; (text = ja_list_next(settings->map, text)); i++) {
        struct ja_osc_entry entry;
        if (read_line(sink, i, text, &entry, &lines[i], error) != JA_OK)
            return JA_USAGE;
        take_entry(sink, entries, count, &entry);
    }
    return JA_OK;
}

static size_t count_lines(const char *map) {
    size_t count = 0;
    for (const char *line = NULL; (line = ja_list_next(map, line));)
        count++;
    return count;
}

static enum ja_status take_settings(struct ja_sink *sink, struct ja_error *error) {
    struct target *target = sink->state;
    const struct target_settings *settings = sink->settings;
    size_t line_count = count_lines(settings->map), count = 0;
    size_t room = line_count ? line_count : ja_osc_row_count;
    struct ja_osc_entry *entries = malloc(room * sizeof *entries);
    struct ja_osc_line *lines = line_count ? malloc(line_count * sizeof *lines) : NULL;
    enum ja_status status;
    if (!entries || (line_count && !lines))
        status = ja_fail(error, JA_FAILED, "no memory for target \"%s\"", sink->name);
    else if (line_count)
        status = take_map(sink, entries, lines, &count, error);
    else
        status = take_outputs(sink, entries, &count, error);
    if (status != JA_OK) {
        free(entries);
        free(lines);
        return status;
    }
    free(target->entries);
    free(target->lines);
    target->entries = entries;
    target->lines = lines;
    target->entry_count = count;
    return JA_OK;
}

static void release(struct target *target) {
    ja_schedule_free(target->schedule);
    ja_outlet_free(target->outlet);
    free(target->channels);
    free(target->entries);
    free(target->lines);
}

static enum ja_status open_target(struct ja_sink *sink, bool inside, struct ja_error *error) {
    struct target *target = sink->state;
    snprintf(target->owner, sizeof target->owner, "target %s", sink->name);
    enum ja_status status = take_settings(sink, error);
    if (status == JA_OK && !inside)
        status = open_outlet(sink, error);
    if (status != JA_OK)
        goto fail;
    target->channels = malloc(JA_STREAMS * sizeof *target->channels);
    target->schedule = ja_schedule_new(sink->host->loop, send_scheduled, sink);
    if (target->channels && target->schedule)
        return JA_OK;
    status = ja_fail(error, JA_FAILED, "no memory for target \"%s\"", sink->name);
fail:
    release(target);
    return status;
}

static enum ja_status target_open(struct ja_sink *sink, struct ja_error *error) {
    return open_target(sink, false, error);
}

static enum ja_status inside_open(struct ja_sink *sink, struct ja_error *error) {
    return open_target(sink, true, error);
}

static bool is_elsewhere(const struct target_settings *a, const struct target_settings *b) {
    return a->protocol != b->protocol || strcmp(a->host, b->host) != 0 || a->port != b->port ||
           strcmp(a->interface, b->interface) != 0 || a->ttl != b->ttl;
}

static enum ja_status target_configure(struct ja_sink *sink, const void *former,
                                       struct ja_error *error) {
    const struct target_settings *before = former, *now = sink->settings;
    bool other_outputs = memcmp(before->outputs, now->outputs, sizeof now->outputs) != 0 ||
                         memcmp(before->map, now->map, sizeof now->map) != 0 ||
                         strcmp(before->prefix, now->prefix) != 0;
    if (is_elsewhere(before, now) || before->enable != now->enable || other_outputs)
        let_go(sink);
    enum ja_status status = other_outputs ? take_settings(sink, error) : JA_OK;
    if (status != JA_OK)
        return status;
    if (is_elsewhere(before, now) || before->enable != now->enable || other_outputs)
        forget_sent(sink);
    start_fading(sink);
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
    ja_loop_cancel(sink->host->loop, target->fader);
    release(target);
}

const struct ja_sink_class ja_osc_sink = {
    .module = &target_module,
    .state_size = sizeof(struct target),
    .live_only = true,
    .check = target_check,
    .open = target_open,
    .frame = target_frame,
    .event = target_event,
    .second = target_second,
    .muted = target_muted,
    .configure = target_configure,
    .close = target_close,
};

const struct ja_sink_class ja_osc_inside_sink = {
    .module = &target_module,
    .state_size = sizeof(struct target),
    .live_only = true,
    .check = target_check,
    .open = inside_open,
    .frame = target_frame,
    .event = target_event,
    .second = target_second,
    .muted = target_muted,
    .close = target_close,
};
