/* Tests of the resolver: answers come from the loop, and a dead name server delays nobody.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/failing.h"
#include <arpa/inet.h>
#include <cmocka.h>
#include <ja/core/clock.h>
#include <ja/net/resolver.h>
#include <ja/net/socket.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct ja_loop *loop;
    struct ja_resolver *resolver;
};

struct answer {
    unsigned count;
    char address[128], error[512];
};

static int set_up(void **state) {
    static struct fixture fixture;
    struct ja_error error;
    fixture.loop = ja_loop_new(&error);
    fixture.resolver = fixture.loop ? ja_resolver_new(fixture.loop, &error) : NULL;
    *state = &fixture;
    return fixture.resolver ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    ja_resolver_free(fixture->resolver);
    ja_loop_free(fixture->loop);
    return 0;
}

static void note(void *data, const struct sockaddr *address, socklen_t length, const char *error) {
    struct answer *answer = data;
    answer->count++;
    assert_true(!address != !error);
    if (address)
        ja_address_format(address, length, answer->address, sizeof answer->address);
    else
        snprintf(answer->error, sizeof answer->error, "%s", error);
}

static void wait_for(struct ja_loop *loop, const struct answer *answer) {
    uint64_t end_us = ja_clock_us() + 30000000;
    while (!answer->count && ja_clock_us() < end_us)
        ja_loop_once(loop, 100000);
    assert_int_equal(answer->count, 1);
}

static void answers_numeric_addresses(void **state) {
    struct fixture *fixture = *state;
    struct answer four = {0}, six = {0};
    assert_true(ja_resolver_ask(fixture->resolver, "192.0.2.7", 7771, note, &four) > 0);
    assert_int_equal(four.count, 0); /* never from within ask */
    assert_true(ja_resolver_ask(fixture->resolver, "::1", 9, note, &six) > 0);
    wait_for(fixture->loop, &four);
    wait_for(fixture->loop, &six);
    assert_string_equal(four.address, "192.0.2.7:7771");
    assert_string_equal(six.address, "[::1]:9");
}

static void knows_numeric_addresses(void **state) {
    static const char *const numeric[][2] = {{"192.0.2.7", "192.0.2.7:9"}, {"::1", "[::1]:9"}};
    static const char *const names[] = {"localhost", "", "example.org"};
    struct sockaddr_storage address;
    socklen_t length;
    (void)state;
    for (size_t i = 0; i < sizeof numeric / sizeof numeric[0]; i++) {
        char text[80];
        assert_true(ja_resolver_numeric(numeric[i][0], 9, &address, &length));
        ja_address_format((struct sockaddr *)&address, length, text, sizeof text);
        assert_string_equal(text, numeric[i][1]);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(ja_resolver_numeric(names[i], 9, &address, &length));
}

static void prefers_ipv4(void **state) {
    struct fixture *fixture = *state;
    struct answer answer = {0};
    assert_true(ja_resolver_ask(fixture->resolver, "localhost", 80, note, &answer) > 0);
    wait_for(fixture->loop, &answer);
    assert_string_equal(answer.address, "127.0.0.1:80");
}

static void count_tick(void *data, uint64_t due_us) {
    (void)due_us;
    ++*(unsigned *)data;
}

static void does_not_delay_the_loop(void **state) {
    struct fixture *fixture = *state;
    struct answer answer = {0};
    unsigned ticks = 0;
    uint64_t longest_us = 0, start_us = ja_clock_us();
    uint64_t timer = ja_loop_every(fixture->loop, 2000, count_tick, &ticks);
    assert_true(ja_resolver_ask(fixture->resolver, "no-such-host.invalid", 1, note, &answer) > 0);
    assert_true(ja_clock_us() - start_us < 500000);
    while (!answer.count && ja_clock_us() - start_us < 60000000) {
        uint64_t turn_us = ja_clock_us();
        ja_loop_once(fixture->loop, 100000);
        turn_us = ja_clock_us() - turn_us;
        longest_us = turn_us > longest_us ? turn_us : longest_us;
    }
    ja_loop_cancel(fixture->loop, timer);
    assert_int_equal(answer.count, 1);
    assert_string_equal(answer.address, "");
    assert_non_null(strstr(answer.error, "\"no-such-host.invalid\""));
    assert_true(longest_us < 500000);
}

static void refuses_names_that_are_too_long(void **state) {
    struct fixture *fixture = *state;
    struct answer answer = {0};
    char name[1000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_true(ja_resolver_ask(fixture->resolver, name, 1, note, &answer) > 0);
    wait_for(fixture->loop, &answer);
    assert_non_null(strstr(answer.error, "too long"));
}

static void forgets(void **state) {
    struct fixture *fixture = *state;
    struct answer gone = {0}, kept = {0}, named = {0};
    unsigned id = ja_resolver_ask(fixture->resolver, "127.0.0.1", 1, note, &gone);
    ja_resolver_forget(fixture->resolver, id);
    id = ja_resolver_ask(fixture->resolver, "localhost", 1, note, &named);
    ja_resolver_forget(fixture->resolver, id);
    ja_resolver_forget(fixture->resolver, 12345);
    ja_resolver_ask(fixture->resolver, "localhost", 2, note, &kept);
    wait_for(fixture->loop, &kept);
    assert_int_equal(gone.count, 0);
    assert_int_equal(named.count, 0);
}

static void is_full_at_64(void **state) {
    struct fixture *fixture = *state;
    static struct answer answers[65];
    memset(answers, 0, sizeof answers);
    for (unsigned i = 0; i < 64; i++)
        assert_true(ja_resolver_ask(fixture->resolver, "127.0.0.1", 1, note, &answers[i]) > 0);
    assert_int_equal(ja_resolver_ask(fixture->resolver, "127.0.0.1", 1, note, &answers[64]), 0);
    for (unsigned i = 0; i < 64; i++)
        wait_for(fixture->loop, &answers[i]);
    assert_true(ja_resolver_ask(fixture->resolver, "127.0.0.1", 1, note, &answers[64]) > 0);
    wait_for(fixture->loop, &answers[64]);
}

static void leaves_a_look_up_behind(void **state) {
    struct fixture *fixture = *state;
    struct ja_error error;
    struct answer answer = {0};
    struct ja_resolver *other = ja_resolver_new(fixture->loop, &error);
    assert_non_null(other);
    ja_resolver_ask(other, "no-such-host.invalid", 1, note, &answer);
    uint64_t start_us = ja_clock_us();
    ja_resolver_free(other);
    assert_true(ja_clock_us() - start_us < 1000000);
    assert_int_equal(answer.count, 0);
}

static void listens_on_numeric_addresses_only(void **state) {
    (void)state;
    struct ja_error error = {""};
    assert_int_equal(ja_udp_listen("localhost", 0, &error), -1);
    assert_non_null(strstr(error.text, "\"localhost\""));
    int fd = ja_udp_listen("127.0.0.1", 0, &error);
    assert_true(fd >= 0);
    struct sockaddr_in bound;
    socklen_t length = sizeof bound;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &length), 0);
    assert_int_equal(ja_udp_listen("127.0.0.1", ntohs(bound.sin_port), &error), -1);
    assert_non_null(strstr(error.text, "cannot listen on 127.0.0.1"));
    close(fd);
}

static void fails_cleanly_without_memory(void **state) {
    struct fixture *fixture = *state;
    unsigned failures = 0;
    for (struct ja_resolver *other = NULL; !other; failures++) {
        struct ja_error error = {""};
        fail_at = failures + 1;
        other = ja_resolver_new(fixture->loop, &error);
        fail_at = 0;
        assert_true(!other == !!error.text[0]);
        ja_resolver_free(other);
    }
    assert_true(failures >= 3); /* two of its own, then it worked */
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(answers_numeric_addresses),
        WITH(knows_numeric_addresses),
        WITH(prefers_ipv4),
        WITH(does_not_delay_the_loop),
        WITH(refuses_names_that_are_too_long),
        WITH(forgets),
        WITH(is_full_at_64),
        WITH(leaves_a_look_up_behind),
        WITH(fails_cleanly_without_memory),
        cmocka_unit_test(listens_on_numeric_addresses_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
