/* Tests of the way to Ableton Link by Carabiner, against a server that speaks its lines: what it is
 * told, when, and that peers, silence and nonsense change nothing.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/failing.h"
#include "../support/sink_rig.h"
#include "../support/tcp.h"
#include <ja/core/log.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static const double clock_offset_us = 7e9; /* of the server's clock against ours */
static const double beat_s = 0.5;

struct server {
    struct sink_rig *rig;
    struct ja_sink *sink;
    int listener, peer;
    char port_option[32];
    char heard[4096]; /* all that was said to it but "status" */
    size_t length;
    int asked;       /* how often the status */
    double bpm;      /* of the session */
    double start_us; /* when its beat 0 was, by its clock */
    int peers;
};

static int set_up(void **state) {
    static struct server server;
    if (rig_set_up(state) != 0)
        return -1;
    int port = 0;
    server = (struct server){.rig = *state, .listener = tcp_listen(&port), .peer = -1, .bpm = 120};
    server.start_us = server.rig->taps[0].timebase.us + clock_offset_us; /* on our beats */
    snprintf(server.port_option, sizeof server.port_option, "port=%d", port);
    ja_log_set_level(JA_LOG_ERROR);
    *state = &server;
    return 0;
}

static int tear_down(void **state) {
    struct server *server = *state;
    void *rig = server->rig;
    ja_sink_free(server->sink);
    close(server->listener);
    if (server->peer >= 0)
        close(server->peer);
    return rig_tear_down(&rig);
}

static void say(struct server *server, const char *text) {
    assert_int_equal(send(server->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    rig_run(server->rig, 2000);
}

static void tell_status(struct server *server) {
    char text[160];
    double now_us = (double)ja_clock_us() + clock_offset_us;
    snprintf(text, sizeof text, "status { :peers %d :bpm %f :start %.0f :beat %f }\n",
             server->peers, server->bpm, server->start_us,
             (now_us - server->start_us) * server->bpm / 60e6);
    say(server, text);
}

/* Takes the lines that have come. */
static void listen_to(struct server *server) {
    char line[128];
    size_t length = 0;
    rig_run(server->rig, 5000);
    while (recv(server->peer, line + length, 1, MSG_DONTWAIT) == 1) {
        if (line[length++] != '\n')
            continue;
        if (length == 7 && memcmp(line, "status\n", 7) == 0) {
            server->asked++;
        } else {
            assert_true(server->length + length < sizeof server->heard);
            memcpy(server->heard + server->length, line, length);
            server->length += length;
            server->heard[server->length] = '\0';
        }
        length = 0;
    }
    assert_int_equal(length, 0); /* whole lines */
}

static void connect_to(struct server *server, const char *option, const char *other) {
    server->sink = RIG_SINK(server->rig, &ja_carabiner_sink, "enable=true", server->port_option,
                            option, other);
    for (int i = 0; i < 100 && server->peer < 0; i++) {
        rig_run(server->rig, 5000);
        struct pollfd calling = {.fd = server->listener, .events = POLLIN};
        if (poll(&calling, 1, 0) == 1)
            server->peer = accept(server->listener, NULL, NULL);
    }
    assert_true(server->peer >= 0);
    rig_run(server->rig, 20000);
    listen_to(server);
    assert_int_equal(server->asked, 1);
    for (int i = 0; i < 5; i++) /* the quickest of them tells the clock's offset */
        tell_status(server);
}

/* Tells `count` beats at `bpm`, `beside_s` after the stream's half seconds. */
static void tell_beats(struct server *server, int count, double bpm, double beside_s, int place) {
    for (int i = 0; i < count; i++) {
        int at = place ? 1 + (place - 1 + i) % 4 : 0;
        struct ja_event beat = {.type = JA_EVENT_BEAT,
                                .time = i * beat_s + beside_s,
                                .beat = {.beat_in_bar = at, .bpm = bpm, .confidence = 0.9}};
        ja_sink_event(server->sink, server->rig->taps, &beat);
    }
    listen_to(server);
}

static void says_these_lines(void **state) {
    struct server *server = *state;
    connect_to(server, "steady_bars=2", "tolerance_beats=0.1");
    tell_beats(server, 7, 125.25, 0.15, 0);
    assert_string_equal(server->heard, "");
    tell_beats(server, 8, 125.25, 0.15, 0);
    long long beat = 0, us = 0;
    int used = 0;
    assert_int_equal(
        sscanf(server->heard, "bpm 125.25\nforce-beat-at-time %lld %lld 4\n%n", &beat, &us, &used),
        2);
    assert_int_equal(used, server->length);
    assert_int_equal(beat, 0); /* the first of the second eight, which is the eighth */
    double expected_us =
        clock_offset_us + server->rig->taps[0].timebase.us + 0.15e6; /* where our beat was */
    assert_true(fabs((double)us - expected_us) < 30000);
    assert_int_equal(server->sink->failed, 0);
}

static void moves_bars_to_their_place(void **state) {
    struct server *server = *state;
    connect_to(server, "mode=tempo+phase", "steady_bars=1");
    tell_beats(server, 4, 120, 0, 3);
    assert_non_null(strstr(server->heard, "force-beat-at-time 5 ")); /* the fourth, 3 there */
    assert_null(strstr(server->heard, "bpm"));
}

static void spares_peers(void **state) {
    struct server *server = *state;
    server->peers = 2;
    connect_to(server, "steady_bars=1", "force=false");
    tell_beats(server, 40, 120, 0.2, 3);
    assert_string_equal(server->heard, "");
    tell_beats(server, 4, 121.5, 0.2, 3);
    assert_string_equal(server->heard, "bpm 121.5\n");
}

static void forces_on_request(void **state) {
    struct server *server = *state;
    server->peers = 2;
    connect_to(server, "steady_bars=1", "force=true");
    tell_beats(server, 4, 120, 0.2, 0);
    assert_non_null(strstr(server->heard, "force-beat-at-time 3 "));
}

static void hears_pieces_and_nonsense(void **state) {
    struct server *server = *state;
    char long_line[600];
    connect_to(server, "steady_bars=1", "mode=tempo");
    memset(long_line, 'x', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    say(server, long_line);
    say(server, "\nbad-bpm \n}}\n status { :peers 0 :bpm nan :start 1 }\nstatus { :peers 0 }");
    say(server, "status { :peers -1 :bpm 130 :start 1 :beat 1 }");
    say(server, "status { :peers 1e300 :bpm 130 :start 1 :beat 1 }");
    say(server, "status { :peers 0 :bpm 1e300 :start 1 :beat 1 }");
    say(server, "status { :peers 0 :bpm 130 :start -1e300 :beat 1 }");
    tell_beats(server, 4, 120, 0, 0);
    assert_string_equal(server->heard, ""); /* still 120 */
    char text[100];
    snprintf(text, sizeof text, "status { :peers 0 :bpm 130.000000 :start %.0f }",
             server->start_us); /* of an old one: no :beat, no end of line */
    for (size_t i = 0; text[i]; i++)
        say(server, (char[]){text[i], '\0'});
    tell_beats(server, 4, 120, 0, 0);
    assert_string_equal(server->heard, "bpm 120\n");
}

static void says_nothing_when_it_knows_nothing(void **state) {
    struct server *server = *state;
    connect_to(server, "steady_bars=1", "mode=tempo");
    close(server->peer);
    server->peer = -1;
    rig_run(server->rig, 20000);
    struct ja_event beat = {.type = JA_EVENT_BEAT, .beat = {.bpm = 150, .confidence = 0.9}};
    for (int i = 0; i < 10; i++)
        ja_sink_event(server->sink, server->rig->taps, &beat);
    ja_sink_second(server->sink);
    assert_int_equal(server->sink->failed, 0);
}

static void is_silent_when_muted_or_off(void **state) {
    struct server *server = *state;
    struct ja_error error;
    connect_to(server, "steady_bars=1", "mode=tempo");
    int asked = server->asked;
    ja_sink_mute(server->sink, true);
    ja_sink_second(server->sink);
    tell_beats(server, 8, 150, 0, 0);
    assert_int_equal(server->asked, asked);
    assert_string_equal(server->heard, "");
    ja_sink_mute(server->sink, false);
    ja_sink_second(server->sink);
    tell_beats(server, 4, 150, 0, 0);
    assert_int_equal(server->asked, asked + 1);
    assert_string_equal(server->heard, "bpm 150\n");
    void *off = rig_settings(ja_carabiner_sink.module, (const char *const[]){"enable=false"}, 1);
    assert_int_equal(ja_sink_configure(server->sink, off, &error), JA_OK);
    free(off);
    char byte;
    assert_int_equal(recv(server->peer, &byte, 1, 0), 0); /* it has hung up */
    tell_beats(server, 8, 160, 0, 0);
}

static void survives_without_memory(void **state) {
    struct server *server = *state;
    struct ja_error error = {""};
    void *settings =
        rig_settings(ja_carabiner_sink.module, (const char *const[]){"enable=true"}, 1);
    for (unsigned n = 1; !server->sink; n++) {
        fail_at = n;
        server->sink = ja_sink_new(&ja_carabiner_sink, &server->rig->host, NULL, settings, &error);
        assert_true(server->sink || strstr(error.text, "no memory"));
        assert_true(n < 20);
    }
    fail_at = 0;
    free(settings);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(says_these_lines),
        WITH(moves_bars_to_their_place),
        WITH(spares_peers),
        WITH(forces_on_request),
        WITH(hears_pieces_and_nonsense),
        WITH(says_nothing_when_it_knows_nothing),
        WITH(is_silent_when_muted_or_off),
        WITH(survives_without_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("carabiner", tests, NULL, NULL);
}
