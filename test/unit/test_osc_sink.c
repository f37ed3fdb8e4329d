/* Tests of the OSC target: what arrives on a real loopback socket, byte for byte, and when.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/failing.h"
#include "../support/sink_rig.h"
#include "../support/tcp.h"
#include "sink/osc_map.h"
#include <ja/net/socket.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 1024 };

struct receiver {
    struct sink_rig *rig;
    int fd, port;
    char port_option[32]; /* "port=12345" */
    _Alignas(8) unsigned char packet[PACKET];
    size_t size;
    char said[PACKET]; /* the packet in words: "/ja/beat iiff 4 2 128 0.9" */
};

static void open_receiver(struct receiver *receiver) {
    struct ja_error error;
    struct sockaddr_in bound;
    socklen_t length = sizeof bound;
    receiver->fd = ja_udp_listen("127.0.0.1", 0, &error);
    assert_true(receiver->fd >= 0);
    assert_int_equal(getsockname(receiver->fd, (struct sockaddr *)&bound, &length), 0);
    receiver->port = ntohs(bound.sin_port);
    snprintf(receiver->port_option, sizeof receiver->port_option, "port=%d", receiver->port);
}

static int set_up(void **state) {
    static struct receiver receiver;
    if (rig_set_up(state) != 0)
        return -1;
    receiver.rig = *state;
    open_receiver(&receiver);
    *state = &receiver;
    return 0;
}

static int tear_down(void **state) {
    struct receiver *receiver = *state;
    close(receiver->fd);
    void *rig = receiver->rig;
    return rig_tear_down(&rig);
}

static void put_in_words(void *data, const struct ja_osc_message *message) {
    struct receiver *receiver = data;
    struct ja_text text;
    ja_text_init(&text, receiver->said, sizeof receiver->said);
    ja_text_format(&text, "%s %s", message->address, message->types);
    for (size_t i = 0; i < message->count; i++) {
        const struct ja_osc_argument *argument = &message->arguments[i];
        if (argument->type == 'i')
            ja_text_format(&text, " %d", (int)argument->i);
        else if (argument->type == 'f')
            ja_text_format(&text, " %.6g", (double)argument->f);
        else
            ja_text_format(&text, " \"%s\"", argument->s);
    }
}

/* What is there already, or "". */
static const char *pick(struct receiver *receiver) {
    receiver->said[0] = '\0';
    ssize_t size = recv(receiver->fd, receiver->packet, PACKET, MSG_DONTWAIT);
    if (size < 0)
        return receiver->said;
    receiver->size = (size_t)size;
    assert_true(ja_osc_read(receiver->packet, receiver->size, put_in_words, receiver));
    return receiver->said;
}

/* Runs the loop until something is there. */
static const char *next(struct receiver *receiver) {
    uint64_t end_us = ja_clock_us() + 5000000;
    while (!*pick(receiver) && ja_clock_us() < end_us)
        rig_run(receiver->rig, 1000);
    return receiver->said;
}

/* A target whose address is known. */
#define TARGET(receiver, ...)                                                                      \
    ready((receiver)->rig,                                                                         \
          RIG_SINK((receiver)->rig, &ja_osc_sink, (receiver)->port_option, __VA_ARGS__))

static struct ja_sink *ready(struct sink_rig *rig, struct ja_sink *sink) {
    rig_run(rig, 20000);
    return sink;
}

static struct ja_event beat_at(double time) {
    return (struct ja_event){.type = JA_EVENT_BEAT,
                             .time = time,
                             .beat = {.seq = 7, .beat_in_bar = 3, .bpm = 128, .confidence = 0.5}};
}

static void sends_these_bytes(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "outputs=beat");
    const struct ja_event event = beat_at(0);
    ja_sink_event(sink, receiver->rig->taps, &event);
    static const unsigned char beat[] = "/ja/beat\0\0\0\0,iiff\0\0\0"
                                        "\0\0\0\7\0\0\0\3\x43\0\0\0\x3f\0\0";
    next(receiver);
    assert_int_equal(receiver->size, sizeof beat);
    assert_memory_equal(receiver->packet, beat, sizeof beat);
    static const unsigned char pulse[] = "/ja/beat/pulse\0\0,f\0\0\x3f\x80\0";
    next(receiver);
    assert_int_equal(receiver->size, sizeof pulse);
    assert_memory_equal(receiver->packet, pulse, sizeof pulse);
    static const unsigned char release[] = "/ja/beat/pulse\0\0,f\0\0\0\0\0";
    next(receiver);
    assert_memory_equal(receiver->packet, release, sizeof release);
    ja_sink_free(sink);
}

static void predicted_beat_waits_for_its_moment(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "outputs=beat", "offset_ms=-50", "pulse_ms=60");
    rig_set_clock(receiver->rig);
    uint64_t start_us = ja_clock_us();
    const struct ja_event event = beat_at(0.25); /* leaves 200 ms from now */
    ja_sink_event(sink, receiver->rig->taps, &event);
    assert_string_equal(pick(receiver), "");
    assert_string_equal(next(receiver), "/ja/beat iiff 7 3 128 0.5");
    uint64_t beat_us = ja_clock_us() - start_us;
    assert_string_equal(next(receiver), "/ja/beat/pulse f 1");
    assert_string_equal(next(receiver), "/ja/beat/pulse f 0");
    uint64_t release_us = ja_clock_us() - start_us;
    assert_in_range(beat_us, 200000, 201000); /* the receiver looks every millisecond */
    assert_in_range(release_us, 260000, 261000);
    ja_sink_free(sink);
}

static void new_pulse_ends_the_one_before(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "outputs=beat/pulse", "pulse_ms=2000");
    const struct ja_event event = beat_at(0);
    ja_sink_event(sink, receiver->rig->taps, &event);
    ja_sink_event(sink, receiver->rig->taps, &event);
    assert_string_equal(next(receiver), "/ja/beat/pulse f 1");
    assert_string_equal(next(receiver), "/ja/beat/pulse f 0");
    assert_string_equal(next(receiver), "/ja/beat/pulse f 1");
    ja_sink_free(sink); /* releases */
    assert_string_equal(pick(receiver), "/ja/beat/pulse f 0");
    assert_string_equal(pick(receiver), "");
}

static void mute_releases_and_silences(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "pulse_ms=2000", "outputs=beat/pulse,note,state");
    const struct ja_event beat = beat_at(0), future = beat_at(3600);
    const struct ja_event note = {.type = JA_EVENT_NOTE,
                                  .note = {.on = true, .midi = 60.4, .velocity = 0.75}};
    const struct ja_event news = {.type = JA_EVENT_STATE,
                                  .state = {.state = "silent", .reason = "Nothing to hear."}};
    ja_sink_event(sink, receiver->rig->taps, &beat);
    ja_sink_event(sink, receiver->rig->taps, &future);
    ja_sink_event(sink, receiver->rig->taps, &note);
    assert_string_equal(next(receiver), "/ja/beat/pulse f 1");
    assert_string_equal(next(receiver), "/ja/note if 60 0.75");
    ja_sink_mute(sink, true);
    assert_string_equal(pick(receiver), "/ja/beat/pulse f 0");
    assert_string_equal(pick(receiver), "/ja/note if 60 0");
    ja_sink_event(sink, receiver->rig->taps, &beat);
    ja_sink_event(sink, receiver->rig->taps, &news);
    ja_sink_second(sink);
    rig_run(receiver->rig, 10000);
    assert_string_equal(pick(receiver), "");
    ja_sink_mute(sink, false);
    ja_sink_second(sink); /* what was learnt meanwhile */
    assert_string_equal(pick(receiver), "/ja/state ss \"silent\" \"Nothing to hear.\"");
    ja_sink_free(sink);
    assert_string_equal(pick(receiver), "");
}

static void counts_bars(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "outputs=bar");
    struct ja_event beat = {.type = JA_EVENT_BEAT, .beat = {.bpm = 120}};
    for (int i = 0; i < 8; i++) {
        beat.beat.beat_in_bar = i % 4 + 1;
        ja_sink_event(sink, receiver->rig->taps, &beat);
    }
    assert_string_equal(next(receiver), "/ja/bar i 1");
    assert_string_equal(next(receiver), "/ja/bar i 2");
    rig_run(receiver->rig, 10000);
    assert_string_equal(pick(receiver), "");
    ja_sink_free(sink);
}

static void says_when_the_next_beat_comes(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "outputs=beat/next");
    struct ja_event event = {
        .type = JA_EVENT_PREDICTION,
        .time = 10,
        .emitted = 9.6,
        .prediction = {.kind = "beat", .label = "4", .value = 120, .confidence = 0.25}};
    rig_set_clock(receiver->rig);
    ja_sink_event(sink, receiver->rig->taps, &event);
    float seconds;
    int beat_in_bar;
    assert_int_equal(sscanf(next(receiver), "/ja/beat/next fiff %f %d", &seconds, &beat_in_bar), 2);
    assert_true(seconds > 9.5f && seconds <= 10);
    assert_int_equal(beat_in_bar, 4);
    assert_non_null(strstr(receiver->said, " 4 120 0.25"));
    event.emitted = 9; /* the beat after the next one */
    ja_sink_event(sink, receiver->rig->taps, &event);
    event.emitted = 9.6;
    event.prediction.kind = "energy"; /* another kind: another address */
    ja_sink_event(sink, receiver->rig->taps, &event);
    event.prediction.kind = "beat";
    receiver->rig->taps[0].timebase.at = NAN; /* no clock: nothing to say */
    ja_sink_event(sink, receiver->rig->taps, &event);
    rig_run(receiver->rig, 10000);
    assert_string_equal(pick(receiver), "");
    ja_sink_free(sink);
}

static void sends_events(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "outputs=onset,note,state");
    static const char *const bands[] = {"full", "low", "mid", "high", NULL};
    static const char *const said[] = {"/ja/onset f 1", "/ja/onset/low f 1", "/ja/onset/mid f 1",
                                       "/ja/onset/high f 1"};
    for (size_t i = 0; i < 5; i++) {
        struct ja_event onset = {.type = JA_EVENT_ONSET,
                                 .onset = {.strength = 1.5, .band = bands[i]}};
        ja_sink_event(sink, receiver->rig->taps, &onset);
        if (bands[i])
            assert_string_equal(next(receiver), said[i]);
    }
    struct ja_event end = {.type = JA_EVENT_NOTE, .note = {.midi = 69, .velocity = 0.5}};
    ja_sink_event(sink, receiver->rig->taps, &end);
    assert_string_equal(next(receiver), "/ja/note if 69 0");
    struct ja_event unknown = {.type = JA_EVENT_ONSET, .onset = {.strength = NAN, .band = "full"}};
    ja_sink_event(sink, receiver->rig->taps, &unknown); /* that it happened counts */
    assert_string_equal(next(receiver), "/ja/onset f 0");
    ja_sink_free(sink);
}

static void sends_values_when_they_change(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink =
        TARGET(receiver, "rate_hz=200", "resend_s=0", "outputs=level,pitch,phase,bpm");
    float *values = receiver->rig->frame->values;
    values[RIG_RMS] = 0.25f;
    values[RIG_PEAK] = 3; /* clamped */
    values[RIG_TEMPO] = 120;
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/bpm f 120");
    assert_string_equal(next(receiver), "/ja/level/rms f 0.25");
    assert_string_equal(next(receiver), "/ja/level/peak f 1");
    rig_run(receiver->rig, 6000);
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(pick(receiver), "");
    rig_run(receiver->rig, 6000);
    values[RIG_RMS] = 0.5f;
    values[RIG_PITCH] = 440;
    values[RIG_CLARITY] = 0.5f;
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/pitch fff 440 69 0.5");
    assert_string_equal(next(receiver), "/ja/level/rms f 0.5");
    assert_string_equal(pick(receiver), "");
    ja_sink_free(sink);
}

static void tell_state(struct receiver *receiver, struct ja_sink *sink, const char *word) {
    struct ja_event event = {.type = JA_EVENT_STATE, .state.state = word};
    ja_sink_event(sink, receiver->rig->taps, &event);
}

/* Whether nothing of the beat leaves, whatever beat.silence says. */
static void check_rest(struct receiver *receiver, struct ja_sink *sink) {
    const struct ja_event beat = beat_at(0);
    struct ja_event next_beat = {.type = JA_EVENT_PREDICTION,
                                 .prediction = {.kind = "beat", .label = "1", .value = 120}};
    receiver->rig->frame->values[RIG_PHASE] = 0.75f;
    ja_sink_event(sink, receiver->rig->taps, &beat);
    ja_sink_event(sink, receiver->rig->taps, &next_beat);
    rig_run(receiver->rig, 6000);
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
}

static void stops_in_silence_on_request(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "silence=stop", "rate_hz=200", "resend_s=0",
                                  "outputs=beat,phase,level/rms");
    receiver->rig->frame->values[RIG_PHASE] = 0.25f;
    receiver->rig->frame->values[RIG_RMS] = 0.5f;
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/phase f 0.25");
    assert_string_equal(next(receiver), "/ja/level/rms f 0.5");
    tell_state(receiver, sink, "flywheel");
    check_rest(receiver, sink);
    receiver->rig->frame->values[RIG_RMS] = 0; /* levels are what they are */
    rig_run(receiver->rig, 6000);
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/level/rms f 0");
    tell_state(receiver, sink, "learning");
    const struct ja_event beat = beat_at(0);
    ja_sink_event(sink, receiver->rig->taps, &beat);
    assert_string_equal(next(receiver), "/ja/beat iiff 7 3 128 0.5");
    ja_sink_free(sink);
}

static void fades_in_silence_on_request(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "silence=fade", "fade_s=0.3", "rate_hz=50",
                                  "resend_s=0", "outputs=beat,phase,level/rms,bpm");
    float last = 0.5f, level;
    unsigned steps = 0;
    receiver->rig->frame->values[RIG_RMS] = last;
    receiver->rig->frame->values[RIG_TEMPO] = 120;
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/bpm f 120");
    assert_string_equal(next(receiver), "/ja/level/rms f 0.5");
    tell_state(receiver, sink, "no_input"); /* no more frames come, or some that are not wanted */
    check_rest(receiver, sink);
    for (; last > 0; last = level, steps++) {
        if (sscanf(next(receiver), "/ja/level/rms f %f", &level) != 1 || level >= last)
            fail_msg("%s after %g", receiver->said, (double)last);
    }
    assert_in_range(steps, 2, 20);
    rig_run(receiver->rig, 100000);
    assert_string_equal(pick(receiver), ""); /* once down, it is quiet */
    tell_state(receiver, sink, "learning");
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/phase f 0.75");
    assert_string_equal(next(receiver), "/ja/level/rms f 0.5");
    ja_sink_free(sink);
}

static void sends_lists_as_long_as_they_are(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "rate_hz=200", "resend_s=0", "outputs=bands,chroma");
    float *bands = receiver->rig->frame->values + RIG_BANDS;
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame); /* nothing is known yet */
    assert_string_equal(pick(receiver), "");
    bands[0] = 0.25f;
    bands[1] = 0.5f;
    bands[2] = 7; /* clamped; there is no fourth */
    rig_run(receiver->rig, 6000);
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/bands fff 0.25 0.5 1");
    rig_run(receiver->rig, 6000);
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(pick(receiver), "");
    bands[2] = 0.75f;
    bands[3] = 0;
    rig_run(receiver->rig, 6000);
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/bands ffff 0.25 0.5 0.75 0");
    bands[1] = NAN; /* a hole: not known as a whole */
    rig_run(receiver->rig, 6000);
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(pick(receiver), "");
    ja_sink_free(sink);
}

static void keeps_the_rate(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "rate_hz=20", "on_change=off", "outputs=level/rms");
    receiver->rig->frame->values[RIG_RMS] = 0.25f;
    unsigned count = 0;
    uint64_t end_us = ja_clock_us() + 500000;
    while (ja_clock_us() < end_us) {
        ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
        rig_run(receiver->rig, 3000);
        count += *pick(receiver) != '\0';
    }
    assert_in_range(count, 10, 11);
    ja_sink_free(sink);
}

static void repeats_values(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "rate_hz=200", "resend_s=0.3", "outputs=bpm");
    receiver->rig->frame->values[RIG_TEMPO] = 99;
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/bpm f 99");
    rig_run(receiver->rig, 350000);
    ja_sink_frame(sink, receiver->rig->taps, receiver->rig->frame);
    assert_string_equal(next(receiver), "/ja/bpm f 99");
    ja_sink_free(sink);
}

static void other_streams_have_their_name(void **state) {
    struct receiver *receiver = *state;
    struct sink_rig *rig = receiver->rig;
    rig->host.tap_count = 2;
    struct ja_sink *sink = TARGET(receiver, "prefix=/stage/left", "outputs=level/rms,bpm");
    rig->frame->values[RIG_RMS] = 0.25f;
    ja_sink_frame(sink, &rig->taps[1], rig->frame);
    ja_sink_frame(sink, &rig->taps[0], rig->frame);
    assert_string_equal(next(receiver), "/stage/left/desk/level/rms f 0.25");
    assert_string_equal(next(receiver), "/stage/left/level/rms f 0.25");
    ja_sink_free(sink);
}

static void tells_its_health_every_second(void **state) {
    struct receiver *receiver = *state;
    struct sink_rig *rig = receiver->rig;
    struct ja_sink *sink = TARGET(receiver, "outputs=stats,heartbeat,state,key");
    rig->taps[0].stats = (struct ja_stream_stats){
        .lost_blocks = 5000000000u, .load = 0.125, .worst_hop_ms = 2.5, .queue_ms = 21};
    struct ja_event news = {.type = JA_EVENT_STATE,
                            .state = {.state = "locked", .reason = "Steady."}};
    struct ja_event key = {.type = JA_EVENT_KEY,
                           .key = {.key = "A:min", .camelot = "8A", .confidence = 0.5}};
    ja_sink_event(sink, rig->taps, &news);
    assert_string_equal(next(receiver), "/ja/state ss \"locked\" \"Steady.\"");
    ja_sink_event(sink, rig->taps, &key);
    assert_string_equal(next(receiver), "/ja/key ssf \"A:min\" \"8A\" 0.5");
    ja_sink_second(sink); /* too early to repeat the state */
    assert_string_equal(next(receiver), "/ja/stats iifff 3 2147483647 0.125 2.5 21");
    assert_string_equal(next(receiver), "/ja/heartbeat i 42");
    rig_run(rig, 950000);
    ja_sink_second(sink);
    assert_string_equal(next(receiver), "/ja/key ssf \"A:min\" \"8A\" 0.5");
    assert_string_equal(next(receiver), "/ja/state ss \"locked\" \"Steady.\"");
    ja_sink_free(sink);
}

static void tells_scores_by_kind(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "outputs=accuracy/beat,accuracy/tempo");
    struct ja_event score = {
        .type = JA_EVENT_SCORE,
        .score = {.kind = "tempo", .n = 4, .hits = 3, .hit_rate = 0.75, .median_error_ms = -12.5}};
    ja_sink_event(sink, receiver->rig->taps, &score);
    assert_string_equal(next(receiver), "/ja/accuracy/tempo ffi 0.75 -12.5 4");
    assert_string_equal(pick(receiver), "");
    ja_sink_free(sink);
}

static void maps_values_and_beats(void **state) {
    struct receiver *receiver = *state;
    struct sink_rig *rig = receiver->rig;
    struct ja_sink *sink =
        TARGET(receiver, "map=output=bpm address=/tempo scale=0.5 offset=-10 max=40,"
                         "output=level/rms address=/loud when=beats,"
                         "output=beat address=/bar/four arguments=1 every=4,"
                         "output=hit/kick address=/kick pulse_ms=20,"
                         "output=state address=/say text='{stream} is {1}'");
    rig->frame->values[RIG_TEMPO] = 128;
    rig->frame->values[RIG_RMS] = 0.5f;
    ja_sink_frame(sink, rig->taps, rig->frame);
    assert_string_equal(next(receiver), "/tempo f 40");
    assert_string_equal(pick(receiver), ""); /* the level waits for the beat */
    struct ja_event beat = beat_at(0);
    for (int seq = 9; seq < 14; seq++) { /* the downbeats are 9 and 13 */
        beat.beat.seq = seq;
        beat.beat.beat_in_bar = 1 + (seq + 3) % 4;
        ja_sink_event(sink, rig->taps, &beat);
        assert_string_equal(next(receiver), "/loud f 0.5");
        if (seq % 4 == 1)
            assert_string_equal(next(receiver), "/bar/four i 1");
    }
    assert_string_equal(pick(receiver), "");
    const struct ja_event kick = {.type = JA_EVENT_HIT, .hit = {.drum = "kick", .strength = 0.75}};
    ja_sink_event(sink, rig->taps, &kick);
    assert_string_equal(next(receiver), "/kick f 0.75");
    assert_string_equal(next(receiver), "/kick f 0");
    const struct ja_event news = {.type = JA_EVENT_STATE,
                                  .state = {.state = "locked", .reason = "Steady."}};
    ja_sink_event(sink, rig->taps, &news);
    assert_string_equal(next(receiver), "/say s \"main is locked\"");
    ja_sink_free(sink);
    assert_string_equal(pick(receiver), "");
}

static void keeps_to_an_entrys_rate(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink =
        TARGET(receiver, "map=output=onset address=/slow max_hz=2,output=onset address=/fast");
    const struct ja_event onset = {.type = JA_EVENT_ONSET,
                                   .onset = {.strength = 0.5, .band = "full"}};
    for (int i = 0; i < 3; i++)
        ja_sink_event(sink, receiver->rig->taps, &onset);
    assert_string_equal(next(receiver), "/slow f 0.5");
    for (int i = 0; i < 3; i++)
        assert_string_equal(next(receiver), "/fast f 0.5");
    assert_string_equal(pick(receiver), "");
    ja_sink_free(sink);
}

static void refuses_a_wrong_map(void **state) {
    struct receiver *receiver = *state;
    struct ja_error error = {""};
    void *settings =
        rig_settings(ja_osc_sink.module,
                     (const char *const[]){"map=output=beat address=/x,output=beat address=y"}, 1);
    assert_null(ja_sink_new(&ja_osc_sink, &receiver->rig->host, "t", settings, &error));
    assert_string_equal(error.text, "target.t.map, line 2: address=y: must start with '/' and hold "
                                    "no blank and none of #*,?[]{}");
    free(settings);
}

static double seconds_of(const struct timespec *time) {
    return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

/* The bundle leaves at once and says when: between now and the beat's time. */
static void bundles_beats_with_their_time(void **state) {
    struct receiver *receiver = *state;
    struct ja_sink *sink = TARGET(receiver, "outputs=beat", "bundle=timetag", "offset_ms=200");
    const struct ja_event event = beat_at(1);
    struct timespec before, after;
    double ahead = ((double)ja_tap_us(receiver->rig->taps, 1.2) - (double)ja_clock_us()) / 1e6;
    clock_gettime(CLOCK_REALTIME, &before);
    ja_sink_event(sink, receiver->rig->taps, &event);
    clock_gettime(CLOCK_REALTIME, &after);
    rig_run(receiver->rig, 5000);
    assert_string_equal(pick(receiver), "/ja/beat iiff 7 3 128 0.5");
    assert_memory_equal(receiver->packet, "#bundle", 8);
    const unsigned char *tag = receiver->packet + 8;
    double seconds = 0, fraction = 0;
    for (int i = 0; i < 4; i++) {
        seconds = 256 * seconds + tag[i];
        fraction = 256 * fraction + tag[4 + i];
    }
    double due = seconds - 2208988800.0 + fraction / 4294967296.0;
    assert_true(due >= seconds_of(&before) + ahead - 1e-5);
    assert_true(due <= seconds_of(&after) + ahead + 1e-5);
    ja_sink_free(sink);
}

/* A TCP receiver; what the sink sends after `event`. */
static size_t hear_by_tcp(struct receiver *receiver, const char *protocol,
                          const struct ja_event *event, unsigned char *bytes, size_t size) {
    char port[32];
    int number = 0, listener = tcp_listen(&number);
    snprintf(port, sizeof port, "port=%d", number);
    struct ja_sink *sink = ready(receiver->rig, RIG_SINK(receiver->rig, &ja_osc_sink, port,
                                                         protocol, "outputs=accuracy/beat"));
    int peer = accept(listener, NULL, NULL);
    ja_sink_event(sink, receiver->rig->taps, event);
    ja_sink_free(sink);
    ssize_t got = recv(peer, bytes, size, MSG_WAITALL); /* to the end of the connection */
    close(peer);
    close(listener);
    return got < 0 ? 0 : (size_t)got;
}

#define ACCURACY                                                                                   \
    "/ja/accuracy/beat\0\0\0,ffi\0\0\0\0"                                                          \
    "\x3f\x40\0\0"

static void frames_packets_on_tcp(void **state) {
    struct receiver *receiver = *state;
    /* -6 is c0 c0 00 00: what SLIP has to escape. */
    const struct ja_event score = {
        .type = JA_EVENT_SCORE,
        .score = {.kind = "beat", .n = 0xdb, .hits = 3, .hit_rate = 0.75, .median_error_ms = -6}};
    static const unsigned char length_first[] = "\0\0\0\x28" ACCURACY "\xc0\xc0\0\0"
                                                "\0\0\0\xdb";
    static const unsigned char slip[] = "\xc0" ACCURACY "\xdb\xdc\xdb\xdc\0\0"
                                        "\0\0\0\xdb\xdd\xc0";
    unsigned char bytes[128];
    size_t size = hear_by_tcp(receiver, "protocol=tcp", &score, bytes, sizeof bytes);
    assert_int_equal(size, sizeof length_first - 1);
    assert_memory_equal(bytes, length_first, size);
    size = hear_by_tcp(receiver, "protocol=slip", &score, bytes, sizeof bytes);
    assert_int_equal(size, sizeof slip - 1);
    assert_memory_equal(bytes, slip, size);
}

static void configure(struct ja_sink *sink, const char *const *pairs, size_t count) {
    struct ja_error error = {""};
    void *settings = rig_settings(sink->class->module, pairs, count);
    if (ja_sink_configure(sink, settings, &error) != JA_OK)
        fail_msg("%s", error.text);
    free(settings);
}

static void moves_to_another_receiver(void **state) {
    struct receiver *receiver = *state;
    struct receiver other = {.rig = receiver->rig};
    open_receiver(&other);
    struct ja_sink *sink = TARGET(receiver, "outputs=beat/pulse", "pulse_ms=2000");
    const struct ja_event event = beat_at(0);
    ja_sink_event(sink, receiver->rig->taps, &event);
    assert_string_equal(next(receiver), "/ja/beat/pulse f 1");
    const char *const pairs[] = {other.port_option, "outputs=beat/pulse"};
    configure(sink, pairs, 2);
    assert_string_equal(pick(receiver), "/ja/beat/pulse f 0"); /* the old one is let go */
    rig_run(receiver->rig, 20000);
    ja_sink_event(sink, receiver->rig->taps, &event);
    assert_string_equal(next(&other), "/ja/beat/pulse f 1");
    const char *const off[] = {other.port_option, "outputs=beat/pulse", "enable=off"};
    configure(sink, off, 3);
    assert_string_equal(pick(&other), "/ja/beat/pulse f 0");
    ja_sink_event(sink, receiver->rig->taps, &event);
    assert_string_equal(pick(&other), "");
    ja_sink_free(sink);
    close(other.fd);
}

static void refuses_wrong_settings(void **state) {
    struct receiver *receiver = *state;
    static const struct {
        const char *pair, *said;
    } wrong[] = {
        {"outputs=beats", "no output \"beats\"; the nearest is \"beat\""},
        {"outputs=level,bea", "no output \"bea\""},
        {"prefix=ja", "target.t.prefix is \"ja\""},
        {"prefix=/ja/", "must start with '/'"},
        {"prefix=/j*", "none of #*,?[]{}"},
        {"prefix=/j a", "no blank"},
    };
    struct ja_sink *sink = TARGET(receiver, "outputs=beat");
    for (size_t i = 0; i < RIG_COUNT(wrong); i++) {
        struct ja_error error = {""};
        void *settings = rig_settings(ja_osc_sink.module, &wrong[i].pair, 1);
        assert_null(ja_sink_new(&ja_osc_sink, &receiver->rig->host, "t", settings, &error));
        assert_non_null(strstr(error.text, wrong[i].said));
        assert_int_equal(ja_sink_configure(sink, settings, &error), JA_USAGE);
        free(settings);
    }
    const struct ja_event event = beat_at(0); /* the former settings still hold */
    ja_sink_event(sink, receiver->rig->taps, &event);
    assert_string_equal(next(receiver), "/ja/beat iiff 7 3 128 0.5");
    ja_sink_free(sink);
}

static void goes_on_without_a_receiver(void **state) {
    struct receiver *receiver = *state;
    struct sink_rig *rig = receiver->rig;
    struct ja_sink *nobody = RIG_SINK(rig, &ja_osc_sink, "host=no-such-host.invalid");
    struct ja_sink *deaf = RIG_SINK(rig, &ja_osc_sink, "port=1", "outputs=heartbeat");
    rig_run(rig, 300000);
    const struct ja_event event = beat_at(0);
    ja_sink_event(nobody, rig->taps, &event);
    assert_int_equal(nobody->sent, 0);
    assert_true(nobody->failed >= 2);
    for (unsigned i = 0; i < 10; i++)
        ja_sink_second(deaf); /* nobody listens: no packet pays for the one before */
    assert_int_equal(deaf->sent, 10);
    assert_int_equal(deaf->failed, 0);
    ja_sink_free(nobody);
    ja_sink_free(deaf);
}

static void fails_cleanly_without_memory(void **state) {
    struct receiver *receiver = *state;
    const char *const pair = "outputs=beat";
    void *settings = rig_settings(ja_osc_sink.module, &pair, 1);
    unsigned failures = 0;
    for (struct ja_sink *sink = NULL; !sink; failures++) {
        struct ja_error error = {""};
        fail_at = failures + 1;
        sink = ja_sink_new(&ja_osc_sink, &receiver->rig->host, "t", settings, &error);
        fail_at = 0;
        assert_true(sink || strstr(error.text, "no memory"));
        ja_sink_free(sink);
    }
    assert_true(failures >= 5); /* four of its own, then it worked */
    free(settings);
}

static void lists_every_address_once(void **state) {
    (void)state;
    char *listed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&listed, &size);
    ja_osc_list(out);
    fclose(out);
    for (size_t i = 0; i < ja_osc_row_count; i++) {
        char start[64];
        snprintf(start, sizeof start, "/ja%s ", ja_osc_rows[i].address);
        char *at = strstr(listed, start);
        assert_non_null(at);
        assert_null(strstr(at + 1, start));
    }
    free(listed);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(sends_these_bytes),
        WITH(predicted_beat_waits_for_its_moment),
        WITH(new_pulse_ends_the_one_before),
        WITH(mute_releases_and_silences),
        WITH(counts_bars),
        WITH(says_when_the_next_beat_comes),
        WITH(sends_events),
        WITH(sends_values_when_they_change),
        WITH(sends_lists_as_long_as_they_are),
        WITH(keeps_the_rate),
        WITH(repeats_values),
        WITH(other_streams_have_their_name),
        WITH(tells_its_health_every_second),
        WITH(tells_scores_by_kind),
        WITH(frames_packets_on_tcp),
        WITH(stops_in_silence_on_request),
        WITH(fades_in_silence_on_request),
        WITH(maps_values_and_beats),
        WITH(keeps_to_an_entrys_rate),
        WITH(refuses_a_wrong_map),
        WITH(bundles_beats_with_their_time),
        WITH(moves_to_another_receiver),
        WITH(refuses_wrong_settings),
        WITH(goes_on_without_a_receiver),
        WITH(fails_cleanly_without_memory),
        cmocka_unit_test(lists_every_address_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
