/* Tests of steering by OSC, over a real socket on the loopback.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/failing.h"
#include "../support/own_clock.h"
#include <cmocka.h>
#include <ja/control/osc.h>
#include <ja/core/clock.h>
#include <ja/net/osc_reader.h>
#include <ja/net/osc_writer.h>
#include <ja/net/socket.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct ja_loop *loop;
    struct ja_control *control;
    struct ja_operator hand;
    int fd; /* ours */
    struct sockaddr_in where;
    char set[256]; /* the last "option=value" */
    unsigned resets;
    bool slow;                    /* a reset takes longer than a turn */
    struct ja_waiter *waiting[2]; /* for presets */
    unsigned waiters;
};

static enum ja_status preset(const struct ja_operator *who, const char *name,
                             struct ja_text *reply) {
    struct fixture *fixture = who->data;
    (void)name;
    assert_true(fixture->waiters < 2);
    return ja_command_put_off(who, &fixture->waiting[fixture->waiters++], reply) ? JA_OK
                                                                                 : JA_FAILED;
}

static enum ja_status set(void *data, const char *option, const char *value,
                          struct ja_text *reply) {
    struct fixture *fixture = data;
    snprintf(fixture->set, sizeof fixture->set, "%s=%s", option, value);
    ja_text_put(reply, fixture->set);
    return JA_OK;
}

static enum ja_status reset(void *data, struct ja_text *reply) {
    struct fixture *fixture = data;
    fixture->resets++;
    if (fixture->slow)
        own_clock_pass(100);
    (void)reply;
    return JA_OK;
}

static enum ja_status stats(void *data, struct ja_text *reply) {
    (void)data;
    for (unsigned i = 0; i < 1000; i++)
        ja_text_put(reply, "…"); /* three bytes */
    return JA_OK;
}

static int set_up(void **state) {
    static struct fixture fixture;
    struct ja_error error;
    socklen_t length = sizeof fixture.where;
    fixture =
        (struct fixture){.hand = {.set = set, .preset = preset, .reset = reset, .stats = stats}};
    fixture.hand.data = &fixture;
    fixture.loop = ja_loop_new(&error);
    /* Any free port: one that has just been given out and back. */
    int probe = ja_udp_listen("127.0.0.1", 0, &error);
    getsockname(probe, (struct sockaddr *)&fixture.where, &length);
    close(probe);
    struct ja_control_settings settings = {true, "127.0.0.1", ntohs(fixture.where.sin_port), 0};
    fixture.fd = ja_udp_sender(AF_INET);
    *state = &fixture;
    return fixture.loop && fixture.fd >= 0 &&
                   ja_control_open(&fixture.control, &settings, fixture.loop, &fixture.hand,
                                   &error) == JA_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    ja_control_close(fixture->control);
    ja_loop_free(fixture->loop);
    close(fixture->fd);
    return 0;
}

static void send_bytes(const struct fixture *fixture, const void *bytes, size_t size) {
    assert_int_equal(sendto(fixture->fd, bytes, size, 0, (const struct sockaddr *)&fixture->where,
                            sizeof fixture->where),
                     size);
}

static void send_osc(const struct fixture *fixture, const char *address, const char *types,
                     const struct ja_osc_argument *arguments) {
    _Alignas(4) char packet[2048];
    size_t size = ja_osc_write(packet, sizeof packet, address, types, arguments);
    assert_true(size > 0);
    send_bytes(fixture, packet, size);
}

struct ack {
    bool done;
    char command[256], text[2048];
    size_t size; /* of the packet; 0: none came */
};

static void note(void *data, const struct ja_osc_message *message) {
    struct ack *ack = data;
    assert_string_equal(message->address, "/ja/ack");
    assert_string_equal(message->types, "sis");
    snprintf(ack->command, sizeof ack->command, "%s", message->arguments[0].s);
    ack->done = message->arguments[1].i;
    snprintf(ack->text, sizeof ack->text, "%s", message->arguments[2].s);
}

/* The next answer, or none within 20 ms of quiet. */
static struct ack next(const struct fixture *fixture) {
    _Alignas(8) char packet[65536];
    struct ack ack = {0};
    uint64_t end_us = ja_clock_us() + 20000;
    while (ja_clock_us() < end_us) {
        ja_loop_once(fixture->loop, 1000);
        ssize_t size = recv(fixture->fd, packet, sizeof packet, MSG_DONTWAIT);
        if (size < 0)
            continue;
        ack.size = (size_t)size;
        assert_true(ja_osc_read(packet, ack.size, note, &ack));
        break;
    }
    return ack;
}

static void acknowledges_commands(void **state) {
    struct fixture *fixture = *state;
    send_osc(fixture, "/ja/ctl/ping", "", NULL);
    struct ack ack = next(fixture);
    assert_true(ack.done);
    assert_string_equal(ack.command, "ping");
    assert_string_equal(ack.text, "pong");
    const struct ja_osc_argument arguments[] = {{.s = "onset.threshold"}, {.f = 0.5f}};
    send_osc(fixture, "/ja/ctl/set", "sf", arguments);
    ack = next(fixture);
    assert_true(ack.done);
    assert_string_equal(ack.text, "onset.threshold=0.5");
    send_osc(fixture, "/ja/ctl/reset", "", NULL);
    ack = next(fixture);
    assert_true(ack.done);
    assert_string_equal(ack.text, "ok");
    assert_int_equal(fixture->resets, 1);
}

static void says_why_not(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *address, *types, *command, *text;
    } wrong[] = {
        {"/ja/ctl/pong", "", "pong", "there is no command \"pong\"; the nearest is \"ping\""},
        {"/ja/ctl/*", "", "*", "there is no command \"*\""},
        {"/ja/ctl/", "", "", "there is no command \"\""},
        {"/ja/ctl/reset", "i", "reset", "reset takes no argument; 1 given"},
        {"/ja/ctl/pause", "", "pause", "not possible here"},
    };
    const struct ja_osc_argument one[] = {{.i = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        send_osc(fixture, wrong[i].address, wrong[i].types, one);
        struct ack ack = next(fixture);
        assert_true(ack.size > 0);
        assert_false(ack.done);
        assert_string_equal(ack.command, wrong[i].command);
        assert_non_null(strstr(ack.text, wrong[i].text));
    }
    send_bytes(fixture, "/ja/ctl/get\0,b\0\0\0\0\0\0", 20);
    assert_non_null(strstr(next(fixture).text, "no command takes argument 1 (type b)"));
    assert_int_equal(fixture->resets, 0);
}

/* Each in its own time, to whoever asked. */
static void answers_later(void **state) {
    struct fixture *fixture = *state;
    const struct ja_osc_argument name = {.s = "genre/house"};
    int ours = fixture->fd, other = ja_udp_sender(AF_INET);
    send_osc(fixture, "/ja/ctl/preset", "s", &name);
    assert_int_equal(next(fixture).size, 0);
    fixture->fd = other;
    send_osc(fixture, "/ja/ctl/preset", "s", &name);
    send_osc(fixture, "/ja/ctl/ping", "", NULL);
    assert_string_equal(next(fixture).text, "pong");
    ja_command_answer(fixture->waiting[1], JA_OK, "the second");
    struct ack ack = next(fixture);
    assert_true(ack.done);
    assert_string_equal(ack.text, "the second");
    ja_command_answer(fixture->waiting[0], JA_USAGE, "the first");
    assert_int_equal(next(fixture).size, 0);
    fixture->fd = ours;
    ack = next(fixture);
    assert_false(ack.done);
    assert_string_equal(ack.command, "preset");
    assert_string_equal(ack.text, "the first");
    close(other);
}

static void takes_other_numbers(void **state) {
    struct fixture *fixture = *state;
    send_bytes(fixture, "/ja/ctl/set\0,sh\0a.b\0\0\0\0\0\0\0\0\7", 28);
    assert_true(next(fixture).done);
    assert_string_equal(fixture->set, "a.b=7");
    send_bytes(fixture, "/ja/ctl/set\0,sd\0a.b\0\x3f\xe0\0\0\0\0\0\0", 28);
    assert_true(next(fixture).done);
    assert_string_equal(fixture->set, "a.b=0.5");
    send_bytes(fixture, "/ja/ctl/set\0,sT\0a.b\0", 20);
    assert_true(next(fixture).done);
    assert_string_equal(fixture->set, "a.b=1");
    send_bytes(fixture, "/ja/ctl/set\0,sh\0a.b\0\0\1\0\0\0\0\0\7", 28);
    assert_false(next(fixture).done);
}

static void does_not_answer_what_is_no_command(void **state) {
    struct fixture *fixture = *state;
    send_bytes(fixture, "garbage", 7);
    send_bytes(fixture, "", 0);
    send_osc(fixture, "/ja/ack", "sis",
             (const struct ja_osc_argument[]){{.s = "x"}, {.i = 1}, {.s = "y"}});
    send_osc(fixture, "/ja/ctlping", "", NULL);
    assert_int_equal(next(fixture).size, 0);
    send_osc(fixture, "/ja/ctl/ping", "", NULL);
    assert_true(next(fixture).done);
}

static void answers_are_short(void **state) {
    struct fixture *fixture = *state;
    send_osc(fixture, "/ja/ctl/get_stats", "", NULL);
    struct ack ack = next(fixture);
    assert_true(ack.done);
    assert_in_range(ack.size, 900, 1024);
    assert_int_equal(strlen(ack.text) % 3, 0); /* cut between two characters */
    char name[1500] = "/ja/ctl/";
    memset(name + 8, 'x', sizeof name - 9);
    name[sizeof name - 1] = '\0';
    send_osc(fixture, name, "", NULL);
    ack = next(fixture);
    assert_false(ack.done);
    assert_in_range(ack.size, 1, 1024);
}

/* One bundle of `count` resets; returns its size. */
static size_t bundle(char *packet, unsigned count) {
    memcpy(packet, "#bundle\0\0\0\0\0\0\0\0\1", 16);
    for (unsigned i = 0; i < count; i++)
        memcpy(packet + 16 + 20 * i, "\0\0\0\20/ja/ctl/reset\0\0", 20);
    return 16 + 20 * count;
}

static void does_so_much_of_a_bundle(void **state) {
    struct fixture *fixture = *state;
    static char packet[65000];
    send_bytes(fixture, packet, bundle(packet, 10));
    for (unsigned i = 0; i < 10; i++)
        assert_true(next(fixture).done);
    assert_int_equal(fixture->resets, 10);
    send_bytes(fixture, packet, bundle(packet, 400));
    unsigned acks = 0;
    while (next(fixture).size)
        acks++;
    assert_int_equal(fixture->resets, 10 + 64);
    assert_int_equal(acks, 64);
    assert_int_equal(ja_control_stats(fixture->control).refused, 1);
    send_bytes(fixture, packet, bundle(packet, 409)); /* larger than 8 KiB */
    assert_int_equal(next(fixture).size, 0);
    assert_int_equal(fixture->resets, 10 + 64);
    assert_int_equal(ja_control_stats(fixture->control).refused, 2);
}

static void note_time(void *data, uint64_t due_us) {
    unsigned *turns = data;
    (void)due_us;
    (*turns)++;
}

/* One that takes long ends the turn; the rest of the bundle and other packets wait, timers do not.
 */
static void one_turn_is_bounded(void **state) {
    struct fixture *fixture = *state;
    char packet[1024];
    unsigned turns = 0;
    fixture->slow = true;
    send_bytes(fixture, packet, bundle(packet, 10));
    send_osc(fixture, "/ja/ctl/ping", "", NULL);
    assert_true(ja_loop_every(fixture->loop, 1, note_time, &turns) > 0);
    for (unsigned i = 1; i <= 10; i++) {
        own_clock_pass(1);
        ja_loop_once(fixture->loop, 0);
        assert_int_equal(fixture->resets, i);
        assert_true(turns >= i);
    }
    for (unsigned i = 0; i < 10; i++)
        assert_string_equal(next(fixture).command, "reset");
    assert_string_equal(next(fixture).command, "ping");
}

/* What came another way does not overtake, nor is it answered. */
static void takes_packets_from_elsewhere(void **state) {
    struct fixture *fixture = *state;
    char packet[9000];
    fixture->slow = true;
    send_bytes(fixture, packet, bundle(packet, 3));
    ja_loop_once(fixture->loop, 0);
    assert_int_equal(fixture->resets, 1);
    ja_control_take(fixture->control, packet, bundle(packet, 2));
    assert_int_equal(fixture->resets, 4);
    ja_control_take(fixture->control, packet, sizeof packet); /* too large, and ends the other */
    assert_int_equal(fixture->resets, 5);
    assert_int_equal(ja_control_stats(fixture->control).refused, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(next(fixture).command, "reset");
    assert_int_equal(next(fixture).size, 0);
}

static void says_that_a_port_is_taken(void **state) {
    struct fixture *fixture = *state;
    struct ja_error error = {""};
    struct ja_control *second;
    struct ja_control_settings settings = {true, "127.0.0.1", ntohs(fixture->where.sin_port), 0};
    assert_int_equal(ja_control_open(&second, &settings, fixture->loop, &fixture->hand, &error),
                     JA_FAILED);
    assert_null(second);
    assert_non_null(strstr(error.text, "control: cannot listen on 127.0.0.1"));
    ja_control_close(NULL);
}

static void fails_cleanly_without_memory(void **state) {
    struct fixture *fixture = *state;
    struct ja_error error = {""};
    struct ja_control *second;
    struct ja_control_settings settings = {true, "127.0.0.1", 0, 0};
    fail_at = 1;
    assert_int_equal(ja_control_open(&second, &settings, fixture->loop, &fixture->hand, &error),
                     JA_FAILED);
    fail_at = 0;
    assert_string_equal(error.text, "no memory for OSC control");
    assert_null(second);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(acknowledges_commands),
        WITH(says_why_not),
        WITH(answers_later),
        WITH(takes_other_numbers),
        WITH(does_not_answer_what_is_no_command),
        WITH(answers_are_short),
        WITH(does_so_much_of_a_bundle),
        WITH(one_turn_is_bounded),
        WITH(takes_packets_from_elsewhere),
        WITH(says_that_a_port_is_taken),
        WITH(fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
