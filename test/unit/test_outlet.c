/* Tests of the way out to a receiver: UDP arrives, TCP connects again by itself, and a receiver
 * that does not read costs nobody anything but its own messages.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/failing.h"
#include "../support/own_clock.h"
#include <cmocka.h>
#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/net/outlet.h>
#include <ja/net/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/tcp.h"

enum { WAIT_US = 30000000, MESSAGE = 1024 };

struct fixture {
    struct ja_loop *loop;
    struct ja_resolver *resolver;
    unsigned ready;
    char heard[64];
    int listener, peer; /* -1: none */
    int port;
};

static int set_up(void **state) {
    static struct fixture fixture;
    struct ja_error error;
    fixture = (struct fixture){.listener = -1, .peer = -1};
    fixture.loop = ja_loop_new(&error);
    fixture.resolver = fixture.loop ? ja_resolver_new(fixture.loop, &error) : NULL;
    ja_log_set_level(JA_LOG_ERROR);
    own_clock_is_off = true; /* bytes take their time */
    *state = &fixture;
    return fixture.resolver ? 0 : -1;
}

/* Where seconds have to pass in which nothing comes. */
static int set_up_with_own_clock(void **state) {
    int status = set_up(state);
    own_clock_is_off = false;
    return status;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    if (fixture->listener >= 0)
        close(fixture->listener);
    if (fixture->peer >= 0)
        close(fixture->peer);
    ja_resolver_free(fixture->resolver);
    ja_loop_free(fixture->loop);
    return 0;
}

static void count_ready(void *data) {
    struct fixture *fixture = data;
    fixture->ready++;
}

static void keep_heard(void *data, const void *bytes, size_t size) {
    struct fixture *fixture = data;
    size_t length = strlen(fixture->heard);
    assert_true(length + size < sizeof fixture->heard);
    memcpy(fixture->heard + length, bytes, size);
    fixture->heard[length + size] = '\0';
}

static struct ja_outlet *outlet_to(struct fixture *fixture, enum ja_transport transport,
                                   const char *host, int port, const char *interface) {
    struct ja_outlet_setup setup = {
        .loop = fixture->loop,
        .resolver = fixture->resolver,
        .owner = "test",
        .transport = transport,
        .host = host,
        .port = port,
        .interface = interface,
        .ttl = 1,
        .ready = count_ready,
        .heard = keep_heard,
        .data = fixture,
    };
    struct ja_error error;
    return ja_outlet_new(&setup, &error);
}

/* Rounds of the loop until `count` is `wanted`. */
static void run_until(struct fixture *fixture, const unsigned *count, unsigned wanted) {
    uint64_t end_us = ja_clock_us() + WAIT_US;
    while (*count < wanted && ja_clock_us() < end_us)
        ja_loop_once(fixture->loop, 10000);
    assert_int_equal(*count, wanted);
}

static int port_of(int fd) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static void listen_tcp(struct fixture *fixture, int port) {
    fixture->port = port;
    fixture->listener = tcp_listen(&fixture->port);
}

static void accept_peer(struct fixture *fixture) {
    fixture->peer = accept(fixture->listener, NULL, NULL);
    assert_true(fixture->peer >= 0);
}

static void sends_datagrams(void **state) {
    struct fixture *fixture = *state;
    struct ja_error error;
    int fd = ja_udp_listen("127.0.0.1", 0, &error);
    struct ja_outlet *outlet = outlet_to(fixture, JA_TRANSPORT_UDP, "localhost", port_of(fd), "lo");
    assert_false(ja_outlet_send(outlet, "early", 5, false));
    run_until(fixture, &fixture->ready, 1);
    assert_true(ja_outlet_send(outlet, "beat", 4, false));
    char bytes[16];
    assert_int_equal(recv(fd, bytes, sizeof bytes, 0), 4);
    assert_memory_equal(bytes, "beat", 4);
    assert_int_equal(ja_outlet_stats(outlet)->sent, 1);
    assert_int_equal(ja_outlet_stats(outlet)->failed, 1);
    ja_outlet_free(outlet);
    close(fd);
}

static void needs_no_time_for_a_number(void **state) {
    struct fixture *fixture = *state;
    struct ja_outlet *outlet = outlet_to(fixture, JA_TRANSPORT_UDP, "127.0.0.1", 9, NULL);
    assert_int_equal(fixture->ready, 1);
    assert_true(ja_outlet_send(outlet, "beat", 4, false));
    ja_outlet_free(outlet);
}

static void talks_both_ways(void **state) {
    struct fixture *fixture = *state;
    listen_tcp(fixture, 0);
    struct ja_outlet *outlet =
        outlet_to(fixture, JA_TRANSPORT_TCP, "127.0.0.1", fixture->port, NULL);
    run_until(fixture, &fixture->ready, 1);
    accept_peer(fixture);
    assert_true(ja_outlet_send(outlet, "one\n", 4, true));
    assert_true(ja_outlet_send(outlet, "two\n", 4, false));
    char bytes[16];
    assert_int_equal(recv(fixture->peer, bytes, 8, MSG_WAITALL), 8);
    assert_memory_equal(bytes, "one\ntwo\n", 8);
    assert_int_equal(send(fixture->peer, "fine", 4, 0), 4);
    uint64_t end_us = ja_clock_us() + WAIT_US;
    while (strcmp(fixture->heard, "fine") != 0 && ja_clock_us() < end_us)
        ja_loop_once(fixture->loop, 10000);
    assert_string_equal(fixture->heard, "fine");
    ja_outlet_free(outlet);
}

static void comes_back_to_a_receiver(void **state) {
    struct fixture *fixture = *state;
    listen_tcp(fixture, 0);
    int port = fixture->port;
    close(fixture->listener);
    struct ja_outlet *outlet = outlet_to(fixture, JA_TRANSPORT_TCP, "127.0.0.1", port, NULL);
    for (int i = 0; i < 20; i++)
        ja_loop_once(fixture->loop, 10000);
    assert_false(ja_outlet_is_ready(outlet)); /* nobody listens */
    listen_tcp(fixture, port);
    run_until(fixture, &fixture->ready, 1);
    accept_peer(fixture);
    close(fixture->peer);
    run_until(fixture, &fixture->ready, 2);
    accept_peer(fixture);
    assert_true(ja_outlet_send(outlet, "again", 5, false));
    char bytes[8];
    assert_int_equal(recv(fixture->peer, bytes, 5, MSG_WAITALL), 5);
    ja_outlet_free(outlet);
}

/* Sends numbered messages until one is refused; returns how many were taken. */
static unsigned fill(struct ja_outlet *outlet, unsigned first, bool may_drop) {
    unsigned char message[MESSAGE];
    unsigned count = 0;
    do {
        memset(message, (int)(first + count), sizeof message);
    } while (ja_outlet_send(outlet, message, sizeof message, may_drop) && ++count < 100000);
    return count;
}

static void drops_what_may_be_dropped_first(void **state) {
    struct fixture *fixture = *state;
    listen_tcp(fixture, 0);
    struct ja_outlet *outlet =
        outlet_to(fixture, JA_TRANSPORT_TCP, "127.0.0.1", fixture->port, NULL);
    run_until(fixture, &fixture->ready, 1);
    accept_peer(fixture);
    unsigned values = fill(outlet, 0, true);
    unsigned beats = fill(outlet, values, false);
    assert_true(values > 0 && values < 100000);
    /* No fewer than find room here; more when the kernel has made room meanwhile. */
    assert_in_range(beats, JA_OUTLET_BYTES / MESSAGE / 2, 99999);
    assert_int_equal(ja_outlet_stats(outlet)->dropped, 2);
    assert_int_equal(ja_outlet_stats(outlet)->sent, values + beats);

    /* It reads on: everything that was taken comes, whole and in order. */
    unsigned char message[MESSAGE];
    for (unsigned i = 0; i < values + beats; i++) {
        ssize_t size;
        size_t got = 0;
        uint64_t end_us = ja_clock_us() + WAIT_US;
        while (got < sizeof message && ja_clock_us() < end_us) {
            size = recv(fixture->peer, message + got, sizeof message - got, MSG_DONTWAIT);
            if (size > 0)
                got += (size_t)size;
            else
                ja_loop_once(fixture->loop, 1000);
        }
        assert_int_equal(got, sizeof message);
        assert_int_equal(message[0], (unsigned char)i);
        assert_int_equal(message[MESSAGE - 1], (unsigned char)i);
    }
    assert_true(ja_outlet_send(outlet, "x", 1, true));
    ja_outlet_free(outlet);
}

static void leaves_one_that_never_reads(void **state) {
    struct fixture *fixture = *state;
    listen_tcp(fixture, 0);
    struct ja_outlet *outlet =
        outlet_to(fixture, JA_TRANSPORT_TCP, "127.0.0.1", fixture->port, NULL);
    run_until(fixture, &fixture->ready, 1);
    accept_peer(fixture);
    fill(outlet, 0, false);
    run_until(fixture, &fixture->ready, 2); /* five seconds later, two more to the next attempt */
    assert_true(ja_outlet_send(outlet, "x", 1, false));
    ja_outlet_free(outlet);
}

static void survives_what_cannot_be_reached(void **state) {
    struct fixture *fixture = *state;
    struct ja_outlet *outlets[] = {
        outlet_to(fixture, JA_TRANSPORT_UDP, "no-such-host.invalid", 9, NULL),
        outlet_to(fixture, JA_TRANSPORT_TCP, "no-such-host.invalid", 9, NULL),
        outlet_to(fixture, JA_TRANSPORT_UDP, "127.0.0.1", 9, "no-such-if"),
    };
    for (int i = 0; i < 20; i++)
        ja_loop_once(fixture->loop, 10000);
    for (size_t i = 0; i < sizeof outlets / sizeof *outlets; i++) {
        assert_non_null(outlets[i]);
        assert_false(ja_outlet_is_ready(outlets[i]));
        assert_false(ja_outlet_send(outlets[i], "x", 1, false));
        assert_int_equal(ja_outlet_stats(outlets[i])->failed, 1);
        ja_outlet_free(outlets[i]);
    }
}

static void survives_without_memory(void **state) {
    struct fixture *fixture = *state;
    listen_tcp(fixture, 0);
    for (unsigned n = 1; n < 6; n++) {
        fail_at = n;
        struct ja_outlet *outlet =
            outlet_to(fixture, JA_TRANSPORT_TCP, "127.0.0.1", fixture->port, NULL);
        if (n == 1)
            assert_null(outlet);
        for (int i = 0; i < 5; i++)
            ja_loop_once(fixture->loop, 1000);
        fail_at = 0;
        ja_outlet_free(outlet);
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WITH_OWN_CLOCK(test) cmocka_unit_test_setup_teardown(test, set_up_with_own_clock, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(sends_datagrams),
        WITH(needs_no_time_for_a_number),
        WITH(talks_both_ways),
        WITH_OWN_CLOCK(comes_back_to_a_receiver),
        WITH(drops_what_may_be_dropped_first),
        WITH_OWN_CLOCK(leaves_one_that_never_reads),
        WITH(survives_what_cannot_be_reached),
        WITH(survives_without_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("outlet", tests, NULL, NULL);
}
