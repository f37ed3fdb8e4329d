/* Tests of OS2L: what a DMX program reads, line for line, and that a mute says nothing.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/sink_memory.h"
#include "../support/tcp.h"
#include <ja/core/log.h>
#include <stdio.h>
#include <unistd.h>

struct desk {
    struct sink_rig *rig;
    struct ja_sink *sink;
    int listener, peer;
    char port_option[32];
    char line[256];
};

static int set_up(void **state) {
    static struct desk desk;
    if (rig_set_up(state) != 0)
        return -1;
    int port = 0;
    desk = (struct desk){.rig = *state, .listener = tcp_listen(&port)};
    snprintf(desk.port_option, sizeof desk.port_option, "port=%d", port);
    ja_log_set_level(JA_LOG_ERROR);
    *state = &desk;
    return 0;
}

static int tear_down(void **state) {
    struct desk *desk = *state;
    void *rig = desk->rig;
    close(desk->listener);
    return rig_tear_down(&rig);
}

static void connect_desk(struct desk *desk, const char *option) {
    desk->sink = RIG_SINK(desk->rig, &ja_os2l_sink, desk->port_option, option);
    rig_run(desk->rig, 20000);
    desk->peer = accept(desk->listener, NULL, NULL);
}

static void hang_up(struct desk *desk) {
    ja_sink_free(desk->sink);
    close(desk->peer);
}

/* The next line, or "" when there is none. */
static const char *next_line(struct desk *desk) {
    size_t length = 0;
    uint64_t end_us = ja_clock_us() + 300000;
    while (length < sizeof desk->line - 1 && ja_clock_us() < end_us) {
        if (recv(desk->peer, desk->line + length, 1, MSG_DONTWAIT) != 1)
            rig_run(desk->rig, 1000);
        else if (desk->line[length++] == '\n')
            break;
    }
    desk->line[length] = '\0';
    return desk->line;
}

static struct ja_event beat(int seq, double time) {
    return (struct ja_event){.type = JA_EVENT_BEAT,
                             .time = time,
                             .beat = {.seq = seq, .bpm = 120.504, .confidence = 0.9}};
}

static void tell(struct desk *desk, const struct ja_tap *tap, int seq, double time) {
    struct ja_event event = beat(seq, time);
    ja_sink_event(desk->sink, tap, &event);
}

static void sends_a_line_per_beat(void **state) {
    struct desk *desk = *state;
    const struct ja_tap *taps = desk->rig->taps;
    connect_desk(desk, "enable=true");
    tell(desk, taps, 42, -2);
    assert_string_equal(next_line(desk), "{\"evt\":\"beat\",\"change\":true,\"pos\":42,"
                                         "\"bpm\":120.5,\"strength\":0.9}\n");
    tell(desk, taps, 43, -1.5);
    assert_string_equal(next_line(desk), "{\"evt\":\"beat\",\"change\":false,\"pos\":43,"
                                         "\"bpm\":120.5,\"strength\":0.9}\n");
    tell(desk, taps, 44, -0.75); /* half a beat late */
    assert_non_null(strstr(next_line(desk), "\"change\":true,\"pos\":44"));
    tell(desk, taps + 1, 45, -0.25); /* another stream */
    assert_string_equal(next_line(desk), "");
    hang_up(desk);
}

static void keeps_to_the_beat(void **state) {
    struct desk *desk = *state;
    connect_desk(desk, "offset_ms=-100");
    double now = ja_tap_time(desk->rig->taps, ja_clock_us());
    uint64_t due_us = ja_tap_us(desk->rig->taps, now + 0.3);
    tell(desk, desk->rig->taps, 1, now + 0.3);
    assert_non_null(strstr(next_line(desk), "\"pos\":1"));
    assert_true(ja_clock_us() + 100000 >= due_us); /* not before */
    hang_up(desk);
}

static void says_nothing_when_muted(void **state) {
    struct desk *desk = *state;
    connect_desk(desk, "enable=true");
    tell(desk, desk->rig->taps, 1, 0.2 + ja_tap_time(desk->rig->taps, ja_clock_us()));
    ja_sink_mute(desk->sink, true);
    tell(desk, desk->rig->taps, 2, 0);
    assert_string_equal(next_line(desk), "");
    ja_sink_mute(desk->sink, false);
    tell(desk, desk->rig->taps, 3, 0.1);
    assert_non_null(strstr(next_line(desk), "\"change\":true,\"pos\":3"));
    hang_up(desk);
}

static void stops_in_silence_on_request(void **state) {
    struct desk *desk = *state;
    struct ja_event quiet = {.type = JA_EVENT_STATE, .state.state = "flywheel"};
    connect_desk(desk, "silence=stop");
    tell(desk, desk->rig->taps, 1, 0);
    assert_non_null(strstr(next_line(desk), "\"pos\":1"));
    ja_sink_event(desk->sink, desk->rig->taps, &quiet);
    tell(desk, desk->rig->taps, 2, 0);
    quiet.state.state = "locked";
    ja_sink_event(desk->sink, desk->rig->taps, &quiet);
    tell(desk, desk->rig->taps, 3, 0);
    assert_non_null(strstr(next_line(desk), "\"pos\":3"));
    hang_up(desk);
}

static void counts_what_nobody_took(void **state) {
    struct desk *desk = *state;
    desk->sink = RIG_SINK(desk->rig, &ja_os2l_sink, "port=9");
    rig_run(desk->rig, 20000);
    tell(desk, desk->rig->taps, 1, -1);
    rig_run(desk->rig, 1000);
    assert_int_equal(desk->sink->failed, 1);
    assert_int_equal(desk->sink->sent, 0);
    ja_sink_free(desk->sink);
}

static void survives_without_memory(void **state) {
    struct desk *desk = *state;
    rig_sink_without_memory(desk->rig, &ja_os2l_sink, "enable=true");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(sends_a_line_per_beat),   WITH(keeps_to_the_beat),
        WITH(says_nothing_when_muted), WITH(stops_in_silence_on_request),
        WITH(counts_what_nobody_took), WITH(survives_without_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("os2l", tests, NULL, NULL);
}
