/* Tests of MIDI out: the clock holds the beat without jumps, starts on a downbeat, stops in
 * silence, and no note hangs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/sink_memory.h"
#include <stdio.h>

enum { CLOCK = 0xf8, START = 0xfa, CONTINUE = 0xfb, STOP = 0xfc, MESSAGES = 4096 };

struct message {
    double time; /* s of the stream */
    uint8_t bytes[3];
    unsigned count;
};

struct port {
    struct sink_rig *rig;
    struct ja_sink *sink;
    struct message messages[MESSAGES];
    size_t count;
    uint64_t last_us;
    bool in_order;
};

static bool record(void *data, uint64_t time_us, const uint8_t *bytes, unsigned count) {
    struct port *port = data;
    assert_true(port->count < MESSAGES);
    struct message *message = &port->messages[port->count++];
    message->time = ja_tap_time(port->rig->taps, time_us);
    message->count = count;
    memcpy(message->bytes, bytes, count);
    port->in_order = port->in_order && time_us >= port->last_us;
    port->last_us = time_us;
    return true;
}

static int set_up(void **state) {
    static struct port port;
    if (rig_set_up(state) != 0)
        return -1;
    port = (struct port){.rig = *state, .in_order = true};
    port.rig->host.midi = record;
    port.rig->host.data = &port;
    *state = &port;
    return 0;
}

static int tear_down(void **state) {
    struct port *port = *state;
    void *rig = port->rig;
    return rig_tear_down(&rig);
}

static void open_port(struct port *port, const char *option, const char *other) {
    port->sink = RIG_SINK(port->rig, &ja_midi_sink, option, other);
}

static void tell_state(struct port *port, const char *word) {
    struct ja_event event = {.type = JA_EVENT_STATE, .state = {.state = word}};
    ja_sink_event(port->sink, port->rig->taps, &event);
}

/* A beat as the analyser tells it, 80 ms ahead, and the next downbeat foretold. */
static void tell_beat(struct port *port, double time, double bpm, int place) {
    struct ja_event beat = {.type = JA_EVENT_BEAT,
                            .time = time,
                            .beat = {.beat_in_bar = place, .bpm = bpm, .confidence = 0.9}};
    while (ja_tap_time(port->rig->taps, ja_clock_us()) < time - 0.08)
        rig_run(port->rig, 2000);
    ja_sink_event(port->sink, port->rig->taps, &beat);
    struct ja_event next = {.type = JA_EVENT_PREDICTION,
                            .time = time + (5 - place) * 60 / bpm,
                            .prediction = {.kind = "beat", .label = "1", .value = bpm}};
    ja_sink_event(port->sink, port->rig->taps, &next);
}

static void close_port(struct port *port) {
    ja_sink_free(port->sink);
    assert_true(port->in_order);
}

static size_t count_of(const struct port *port, uint8_t status) {
    size_t count = 0;
    for (size_t i = 0; i < port->count; i++)
        count += port->messages[i].bytes[0] == status;
    return count;
}

/* Shortest and longest pause between ticks from stream time `from` on. */
static void measure(const struct port *port, double from, double *least, double *most) {
    double last = NAN;
    *least = INFINITY;
    *most = 0;
    for (size_t i = 0; i < port->count; i++) {
        const struct message *message = &port->messages[i];
        if (message->bytes[0] != CLOCK)
            continue;
        if (message->time >= from && !isnan(last)) {
            *least = fmin(*least, message->time - last);
            *most = fmax(*most, message->time - last);
        }
        last = message->time;
    }
}

static const double beat_s = 0.25; /* at 240 bpm */

static void keeps_the_beat_through_jitter(void **state) {
    struct port *port = *state;
    static const double jitter[] = {.003, -.002, .001, -.003, .002, 0, -.001, .003};
    open_port(port, "offset_ms=0", "transport=false");
    for (int i = 0; i < 16; i++)
        tell_beat(port, 0.2 + i * beat_s + jitter[i % 8], 240, 1 + i % 4);
    close_port(port);
    double least, most, tick = beat_s / 24;
    measure(port, 0.2, &least, &most);
    assert_true(least > tick - 0.0005 && most < tick + 0.0005);
    assert_true(count_of(port, CLOCK) > 14 * 24);
    size_t ticks = 0; /* the last beats' ticks are on the grid */
    for (size_t i = 0; i < port->count; i++) {
        if (port->messages[i].bytes[0] != CLOCK)
            continue;
        double at = 0.2 + ticks++ * tick;
        assert_true(fabs(port->messages[i].time - at) < 0.006);
    }
    assert_int_equal(count_of(port, START), 0);
}

static void never_jumps(void **state) {
    struct port *port = *state;
    open_port(port, "offset_ms=0", "transport=false");
    for (int i = 0; i < 4; i++)
        tell_beat(port, 0.2 + i * beat_s, 240, 1);
    for (int i = 4; i < 16; i++) /* somebody tapped: a third of a beat later */
        tell_beat(port, 0.2 + (i + 1. / 3) * beat_s, 240, 1);
    close_port(port);
    double least, most, tick = beat_s / 24, at = 0;
    measure(port, 0.2, &least, &most);
    assert_true(least > 0.89 * tick && most < 1.11 * tick);
    assert_true(most > 1.05 * tick); /* it did move */
    size_t ticks = 0;
    for (size_t i = 0; i < port->count; i++)
        if (port->messages[i].bytes[0] == CLOCK && ticks++ % 24 == 0)
            at = port->messages[i].time;
    double beats = (at - 0.2) / beat_s;
    assert_true(fabs(beats - floor(beats) - 1. / 3) < 0.03);
}

static void follows_a_new_tempo(void **state) {
    struct port *port = *state;
    double time = 0.2, least, most;
    open_port(port, "offset_ms=0", "transport=false");
    for (int i = 0; i < 5; i++, time += 0.25)
        tell_beat(port, time, 240, 1);
    for (int i = 0; i < 10; i++, time += 0.2)
        tell_beat(port, time, 300, 1);
    close_port(port);
    measure(port, time - 0.6, &least, &most);
    assert_true(least > 0.0078 && most < 0.0089);
}

static void starts_on_the_downbeat_and_stops_in_silence(void **state) {
    struct port *port = *state;
    open_port(port, "offset_ms=0", "resume=continue");
    tell_state(port, "learning");
    for (int i = 0; i < 3; i++)
        tell_beat(port, 0.2 + i * beat_s, 240, 1 + i % 4);
    assert_int_equal(count_of(port, START), 0);
    tell_state(port, "locked");
    for (int i = 3; i < 8; i++)
        tell_beat(port, 0.2 + i * beat_s, 240, 1 + i % 4);
    assert_int_equal(count_of(port, START), 1);
    for (size_t i = 0; i + 1 < port->count; i++) {
        if (port->messages[i].bytes[0] != START)
            continue;
        assert_true(fabs(port->messages[i].time - (0.2 + 4 * beat_s)) < 0.005);
        assert_int_equal(port->messages[i + 1].bytes[0], CLOCK);
        assert_true(port->messages[i + 1].time - port->messages[i].time < 1e-5);
    }
    tell_state(port, "silent");
    assert_int_equal(count_of(port, STOP), 1);
    rig_run(port->rig, 200000);
    tell_state(port, "locked");
    for (int i = 9; i < 15; i++)
        tell_beat(port, 0.2 + i * beat_s, 240, 1 + i % 4);
    assert_int_equal(count_of(port, START), 1);
    assert_int_equal(count_of(port, CONTINUE), 1);
    close_port(port);
    assert_int_equal(count_of(port, STOP), 2); /* also at the end */
}

/* Beats that go on by themselves are not for everybody. */
static void stops_in_silence_on_request(void **state) {
    struct port *port = *state;
    open_port(port, "silence=stop", "beat_note=60");
    tell_state(port, "locked");
    for (int i = 0; i < 6; i++)
        tell_beat(port, 0.2 + i * beat_s, 240, 1 + i % 4);
    assert_int_equal(count_of(port, START), 1);
    tell_state(port, "flywheel");
    assert_int_equal(count_of(port, STOP), 1);
    size_t after = port->count;
    for (int i = 6; i < 9; i++)
        tell_beat(port, 0.2 + i * beat_s, 240, 1 + i % 4);
    assert_int_equal(port->count, after);
    tell_state(port, "locked");
    for (int i = 9; i < 15; i++)
        tell_beat(port, 0.2 + i * beat_s, 240, 1 + i % 4);
    assert_int_equal(count_of(port, START), 2);
    close_port(port);
}

static void plays_notes_and_lets_none_hang(void **state) {
    struct port *port = *state;
    struct ja_event kick = {.type = JA_EVENT_HIT, .hit = {.drum = "kick", .strength = 1}};
    open_port(port, "beat_note=60", "kick_note=36");
    tell_beat(port, 0.2, 240, 2);
    kick.time = 0.2;
    ja_sink_event(port->sink, port->rig->taps, &kick);
    while (count_of(port, 0x99) < 2)
        rig_run(port->rig, 1000);
    ja_sink_mute(port->sink, true);
    size_t after = port->count;
    rig_run(port->rig, 200000);
    assert_int_equal(port->count, after);
    close_port(port);
    int held[128] = {0};
    unsigned notes = 0;
    for (size_t i = 0; i < port->count; i++) {
        const uint8_t *bytes = port->messages[i].bytes;
        if (port->messages[i].count < 3)
            continue;
        assert_int_equal(bytes[0] & 0x0f, 9);
        held[bytes[1]] += (bytes[0] & 0xf0) == 0x90 ? 1 : -1;
        notes++;
    }
    assert_int_equal(notes, 4);
    for (int i = 0; i < 128; i++)
        assert_int_equal(held[i], 0);
}

static void survives_without_memory(void **state) {
    struct port *port = *state;
    rig_sink_without_memory(port->rig, &ja_midi_sink, "clock=true");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(keeps_the_beat_through_jitter), WITH(never_jumps),
        WITH(follows_a_new_tempo),           WITH(starts_on_the_downbeat_and_stops_in_silence),
        WITH(stops_in_silence_on_request),   WITH(plays_notes_and_lets_none_hang),
        WITH(survives_without_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("midi", tests, NULL, NULL);
}
