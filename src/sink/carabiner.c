/* Tempo and beats for Ableton Link by way of Carabiner, a program on this machine that takes part
 * in a Link session and takes orders in lines of text over TCP.
 *
 * Its lines: "status" is answered by "status { :peers 0 :bpm 120.000000 :start 73743731220 :beat
 * 597.737570 }", as is any change of tempo or peers; "bpm 128"; "force-beat-at-time BEAT
 * MICROSECONDS QUANTUM". Microseconds are of Link's clock. Which one that is need not be known: a
 * status tells start, beat and tempo, hence what that clock said when it was written.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <ja/core/clock.h>
#include <ja/core/json.h>
#include <ja/core/log.h>
#include <ja/net/outlet.h>
#include <ja/sink/sinks.h>
#include <math.h>
#include <string.h>

enum { QUANTUM = 4 }; /* of the beats that a status tells */

static const double drift = 500e-6; /* at most, of two clocks of a machine */
static const uint64_t stale_us = 5000000;

struct carabiner_settings {
    struct ja_session_settings session;
    char host[256];
    int port;
};

struct status {
    double peers, bpm;
    double start_us;  /* Link's clock at beat 0 */
    uint64_t came_us; /* 0: never */
    double offset_us; /* Link's clock less ours */
    bool knows_offset;
};

struct carabiner {
    struct ja_outlet *outlet; /* NULL when not enabled */
    struct ja_session session;
    struct status status;
    char answer[256]; /* the beginning of one */
    size_t length;
    struct ja_log_limit limit;
};

#define S struct carabiner_settings
static const struct ja_option options[] = {
    JA_SESSION_OPTIONS(S),
    JA_OPTION_STRING(S, host, "host", "127.0.0.1", JA_LIVE,
                     "Host name or address of Carabiner, which takes orders of its own machine "
                     "alone."),
    JA_OPTION_INT(S, port, "port", "17000", 1, 65535, NULL, JA_LIVE, "TCP port it listens on."),
};
#undef S

static const struct ja_module module = {
    .name = "carabiner",
    .help = "Ableton Link by way of the program Carabiner.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct carabiner_settings),
};

/* --- What Carabiner says --- */

/* The number after `name` (":bpm "); false when there is none. */
static bool find_number(const char *answer, const char *name, double *number) {
    char digits[32];
    const char *found = strstr(answer, name);
    if (!found)
        return false;
    found += strlen(name);
    size_t length = strcspn(found, " }");
    if (length >= sizeof digits)
        return false;
    memcpy(digits, found, length);
    digits[length] = '\0';
    return ja_text_double(digits, number);
}

/* An answer is on its way for a while, never the reverse: the largest difference is the truest. */
static void learn_offset(struct status *status, double beat, uint64_t now_us) {
    double offset_us = status->start_us + beat * 60e6 / status->bpm - (double)now_us;
    double least_us = status->offset_us - drift * (double)(now_us - status->came_us);
    if (!status->knows_offset || offset_us > least_us)
        status->offset_us = offset_us;
    else
        status->offset_us = least_us;
    status->knows_offset = true;
}

/* Within what is possible by far, so that nothing that is made of it leaves its type. */
static bool is_possible(double peers, double bpm, double start_us) {
    return peers >= 0 && peers <= 1e6 && bpm >= 1 && bpm <= 1000 && fabs(start_us) <= 1e15;
}

static void take_answer(struct carabiner *carabiner, const char *answer) {
    struct status *status = &carabiner->status;
    double peers, bpm, start_us, beat;
    if (strncmp(answer, "status", 6) != 0) {
        ja_log_limited(&carabiner->limit, JA_LOG_WARNING, "carabiner: it says \"%s\"", answer);
        return;
    }
    if (!find_number(answer, ":peers ", &peers) || !find_number(answer, ":bpm ", &bpm) ||
        !find_number(answer, ":start ", &start_us) || !is_possible(peers, bpm, start_us)) {
        ja_log_limited(&carabiner->limit, JA_LOG_WARNING, "carabiner: no use in \"%s\"", answer);
        return;
    }
    uint64_t now_us = ja_clock_us();
    status->peers = peers;
    status->bpm = bpm;
    status->start_us = start_us;
    if (find_number(answer, ":beat ", &beat) && fabs(beat) <= 1e9)
        learn_offset(status, beat, now_us);
    status->came_us = now_us;
}

/* Answers end with } or, when they are complaints, with the line. */
static void hear(void *data, const void *bytes, size_t size) {
    struct ja_sink *sink = data;
    struct carabiner *carabiner = sink->state;
    const char *text = bytes;
    for (size_t i = 0; i < size; i++) {
        bool ends = text[i] == '\n' || text[i] == '}';
        if (!ends && (unsigned char)text[i] >= ' ' &&
            carabiner->length < sizeof carabiner->answer - 1)
            carabiner->answer[carabiner->length++] = text[i];
        if (!ends || carabiner->length == 0)
            continue;
        carabiner->answer[carabiner->length] = '\0';
        carabiner->length = 0;
        take_answer(carabiner, carabiner->answer);
    }
}

/* --- What it is told --- */

static void say(struct ja_sink *sink, const struct ja_text *line, bool may_drop) {
    struct carabiner *carabiner = sink->state;
    if (ja_outlet_send(carabiner->outlet, line->data, line->length, may_drop))
        sink->sent++;
    else
        sink->failed++;
}

static void ask(void *data) {
    static char order[] = "status\n";
    struct ja_sink *sink = data;
    const struct ja_text line = {order, sizeof order, sizeof order - 1, false};
    say(sink, &line, true);
}

static void become_ready(void *data) {
    struct ja_sink *sink = data;
    struct carabiner *carabiner = sink->state;
    carabiner->length = 0;
    carabiner->status = (struct status){0};
    ja_session_reset(&carabiner->session);
    ask(sink);
}

static void say_tempo(struct ja_sink *sink, double bpm) {
    char bytes[64];
    struct ja_text line;
    struct ja_json number;
    ja_text_init(&line, bytes, sizeof bytes);
    ja_text_put(&line, "bpm ");
    ja_json_init(&number, &line); /* for its decimal point */
    ja_json_number(&number, bpm);
    ja_text_put(&line, "\n");
    say(sink, &line, false);
}

static void say_beat(struct ja_sink *sink, double beat, double link_us) {
    char bytes[96];
    struct ja_text line;
    ja_text_init(&line, bytes, sizeof bytes);
    ja_text_format(&line, "force-beat-at-time %lld %lld %d\n", llrint(beat), llrint(link_us),
                   QUANTUM);
    say(sink, &line, false);
}

static bool knows_session(const struct carabiner *carabiner) {
    const struct status *status = &carabiner->status;
    return carabiner->outlet && ja_outlet_is_ready(carabiner->outlet) && status->knows_offset &&
           ja_clock_us() - status->came_us < stale_us;
}

static void carabiner_event(struct ja_sink *sink, const struct ja_tap *tap,
                            const struct ja_event *event) {
    struct carabiner *carabiner = sink->state;
    const struct carabiner_settings *settings = sink->settings;
    const struct status *status = &carabiner->status;
    uint64_t us = ja_session_beat_us(&settings->session, tap, event);
    if (us == 0 || !knows_session(carabiner))
        return;
    double link_us = (double)us + status->offset_us;
    struct ja_session_view view = {
        .peers = (unsigned)status->peers,
        .bpm = status->bpm,
        .beat = (link_us - status->start_us) * status->bpm / 60e6,
    };
    struct ja_session_wish wish =
        ja_session_hear(&carabiner->session, &settings->session, QUANTUM, &event->beat, &view);
    if (!isnan(wish.bpm))
        say_tempo(sink, wish.bpm);
    if (!isnan(wish.beat))
        say_beat(sink, wish.beat, link_us);
}

static void carabiner_frame(struct ja_sink *sink, const struct ja_tap *tap,
                            const struct ja_frame *frame) {
    struct carabiner *carabiner = sink->state;
    const struct carabiner_settings *settings = sink->settings;
    ja_session_frame(&carabiner->session, &settings->session, tap, frame);
}

/* --- On and off --- */

static void carabiner_second(struct ja_sink *sink) {
    struct carabiner *carabiner = sink->state;
    if (carabiner->outlet && ja_outlet_is_ready(carabiner->outlet) && !sink->mute)
        ask(sink);
}

static void carabiner_muted(struct ja_sink *sink) {
    struct carabiner *carabiner = sink->state;
    ja_session_reset(&carabiner->session);
}

/* Opens the way to it, or closes it when it is not enabled. */
static enum ja_status open_outlet(struct ja_sink *sink, struct ja_error *error) {
    struct carabiner *carabiner = sink->state;
    const struct carabiner_settings *settings = sink->settings;
    struct ja_outlet_setup setup = {
        .loop = sink->host->loop,
        .resolver = sink->host->resolver,
        .owner = "carabiner",
        .transport = JA_TRANSPORT_TCP,
        .host = settings->host,
        .port = settings->port,
        .ready = become_ready,
        .heard = hear,
        .data = sink,
    };
    struct ja_outlet *outlet = settings->session.enable ? ja_outlet_new(&setup, error) : NULL;
    if (settings->session.enable && !outlet)
        return JA_FAILED;
    ja_outlet_free(carabiner->outlet);
    carabiner->outlet = outlet;
    return JA_OK;
}

static enum ja_status carabiner_open(struct ja_sink *sink, struct ja_error *error) {
    struct carabiner *carabiner = sink->state;
    ja_session_init(&carabiner->session, sink->host->catalogue);
    return open_outlet(sink, error);
}

static enum ja_status carabiner_configure(struct ja_sink *sink, const void *former,
                                          struct ja_error *error) {
    struct carabiner *carabiner = sink->state;
    const struct carabiner_settings *before = former, *now = sink->settings;
    ja_session_reset(&carabiner->session);
    if (before->session.enable == now->session.enable && strcmp(before->host, now->host) == 0 &&
        before->port == now->port)
        return JA_OK;
    return open_outlet(sink, error);
}

static void carabiner_close(struct ja_sink *sink) {
    struct carabiner *carabiner = sink->state;
    ja_outlet_free(carabiner->outlet);
}

const struct ja_sink_class ja_carabiner_sink = {
    .module = &module,
    .state_size = sizeof(struct carabiner),
    .live_only = true,
    .open = carabiner_open,
    .frame = carabiner_frame,
    .event = carabiner_event,
    .second = carabiner_second,
    .muted = carabiner_muted,
    .configure = carabiner_configure,
    .close = carabiner_close,
};
