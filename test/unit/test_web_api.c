/* Tests of the web service without the program: what newcomers hear, who gets what, answers and
 * errors of the main thread, and opening without memory.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/failing.h"
#include "../support/web_client.h"
#include <cmocka.h>
#include <ja/web/api.h>
#include <math.h>
#include <stdlib.h>

#define LOCAL "Host: localhost\r\n"

enum { LONG_BYTES = 100000 };

struct fixture {
    struct ja_loop *loop;
    struct ja_web *web;
    struct ja_api *api;
    int port;
};

static struct fixture fixture;
static const struct ja_catalogue empty;
static char answer[400000];

/* "ports" is longer than the first buffer, "stream/list" never ends. */
static unsigned read_for(void *data, const char *what, struct ja_text *text,
                         struct ja_error *error) {
    (void)data;
    size_t length = !strcmp(what, "ports") ? LONG_BYTES : SIZE_MAX;
    if (!strncmp(what, "options/", 8)) {
        ja_fail(error, JA_USAGE, "there is no \"%.64s\"", what);
        return 404;
    }
    char thousand[1001];
    memset(thousand, 'x', sizeof thousand - 1);
    thousand[sizeof thousand - 1] = '\0';
    for (size_t i = 0; i < length && !text->full; i += sizeof thousand - 1)
        ja_text_put(text, thousand);
    return 200;
}

static enum ja_status set(void *data, const char *option, const char *value,
                          struct ja_text *reply) {
    (void)data;
    ja_text_format(reply, "%s is %s", option, value);
    return strcmp(value, "bad") ? JA_OK : JA_USAGE;
}

/* A preset is answered a little later, from the loop. */
static struct ja_waiter *waiter;

static void answer_waiter(void *data, uint64_t due_us) {
    const char *name = data;
    (void)due_us;
    ja_command_answer(waiter, strcmp(name, "good") ? JA_USAGE : JA_OK, name);
}

static enum ja_status preset(const struct ja_operator *who, const char *name,
                             struct ja_text *reply) {
    assert_true(ja_command_put_off(who, &waiter, reply) && waiter);
    ja_loop_at(fixture.loop, 0, answer_waiter, strcmp(name, "good") ? "bad" : "good");
    return JA_OK;
}

static const struct ja_operator desk = {.set = set, .preset = preset};

static enum ja_status open_api(struct ja_error *error) {
    static const char *const streams[] = {"main", "second"};
    struct ja_api_settings settings = {
        .enable = true, .address = "127.0.0.1", .port = fixture.port, .clients = 2};
    const struct ja_api_host host = {.operator= & desk,
                                     .catalogue = &empty,
                                     .streams = streams,
                                     .stream_count = 2,
                                     .read = read_for};
    fixture.web = ja_web_new(fixture.loop, error);
    return fixture.web ? ja_api_open(&fixture.api, fixture.web, &settings, &host, error)
                       : JA_FAILED;
}

static void close_api(void) {
    ja_web_free(fixture.web);
    ja_api_close(fixture.api);
    fixture.web = NULL;
    fixture.api = NULL;
}

static int set_up(void **state) {
    (void)state;
    struct ja_error error = {""};
    fixture = (struct fixture){.loop = ja_loop_new(&error), .port = web_free_port()};
    bool fine = open_api(&error) == JA_OK && ja_web_start(fixture.web, &error) == JA_OK;
    if (!fine)
        print_error("%s\n", error.text);
    return fine ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    close_api();
    ja_loop_free(fixture.loop);
    return 0;
}

static int connect_to_bus(void) {
    int fd = web_open(fixture.loop, fixture.port, "/api/v1/events", LOCAL);
    assert_true(fd >= 0);
    return fd;
}

/* The next message, which must have `part` in it. */
static void hear(int fd, const char *part) {
    size_t size = 0;
    assert_int_equal(web_hear(fixture.loop, fd, answer, sizeof answer - 1, &size), 1);
    answer[size] = '\0';
    if (!strstr(answer, part))
        fail_msg("no %s in %.200s", part, answer);
}

static void tell_state(const char *stream, const char *word) {
    struct ja_event event = {.type = JA_EVENT_STATE, .time = 1, .emitted = 1};
    event.state.state = word;
    ja_api_event(fixture.api, stream, &event);
}

static void tell_beat(int seq) {
    const struct ja_event event = {.type = JA_EVENT_BEAT, .time = 1, .beat = {.seq = seq}};
    ja_api_event(fixture.api, "main", &event);
}

static void test_newcomers(void **state) {
    (void)state;
    tell_state("main", "silent");
    tell_state("main", "locked");
    tell_state("second", "noise");
    tell_beat(1);
    int first = connect_to_bus();
    hear(first, "\"hello\"");
    assert_non_null(strstr(answer, "\"streams\":[\"main\",\"second\"]"));
    while (!strstr(answer, "\"noise\"")) /* both may have come before or after the beat */
        hear(first, "\"stream\":");
    int second = connect_to_bus();
    hear(second, "\"hello\"");
    hear(second, "\"locked\"");
    hear(second, "\"noise\"");
    tell_beat(2);
    hear(second, "\"seq\":2");
    close(first);
    close(second);
}

static void test_subscriptions(void **state) {
    (void)state;
    static const char wish[] =
        "{\"command\":\"subscribe\",\"outputs\":[\"analysis\",\"tempo\"],\"rate_hz\":10}";
    const struct ja_event tempo = {.type = JA_EVENT_TEMPO, .time = 2, .tempo = {.bpm = NAN}};
    const struct ja_frame *frame;
    struct ja_frame times[3] = {{.time = 1.01}, {.time = 1.05}, {.time = 1.11}};
    int fd = connect_to_bus();
    hear(fd, "\"hello\"");
    web_say(fd, true, wish, sizeof wish - 1);
    hear(fd, "\"ok\":true");
    tell_beat(1);
    for (frame = times; frame < times + 3; frame++)
        ja_api_frame(fixture.api, "main", frame);
    ja_api_event(fixture.api, "main", &tempo);
    hear(fd, "\"time\":1.");
    while (!strstr(answer, "\"tempo\"")) {
        assert_null(strstr(answer, "1.05"));
        hear(fd, "\"type\":");
        assert_null(strstr(answer, "\"beat\""));
    }
    assert_non_null(strstr(answer, "\"bpm\":null"));
    close(fd);
}

static void test_what_is_ordered(void **state) {
    (void)state;
    static const char off[] = "{\"type\":\"operator\",\"hold\":false}";
    static const char on[] = "{\"type\":\"operator\",\"hold\":true}";
    static const char wish[] = "{\"command\":\"subscribe\",\"outputs\":[\"beat\"]}";
    ja_api_operator(fixture.api, off, sizeof off - 1);
    int first = connect_to_bus(), second = connect_to_bus();
    hear(first, "\"hello\"");
    hear(first, "\"hold\":false");
    hear(second, "\"hello\"");
    hear(second, "\"hold\":false");
    web_say(second, true, wish, sizeof wish - 1);
    hear(second, "\"ok\":true");
    ja_api_operator(fixture.api, on, sizeof on - 1);
    tell_beat(1);
    hear(first, "\"hold\":true");
    hear(second, "\"seq\":1");
    close(first);
    close(second);
}

static void test_limit(void **state) {
    (void)state;
    int first = connect_to_bus(), second = connect_to_bus(), third = web_connect(fixture.port);
    web_upgrade(fixture.loop, third, "/api/v1/events", LOCAL, answer, sizeof answer);
    assert_non_null(strstr(answer, " 503 "));
    assert_int_equal(ja_api_listeners(fixture.api), 2);
    close(first);
    close(second);
    close(third);
}

static int ask(const char *what, const char *body) {
    return web_ask(fixture.loop, fixture.port, what, LOCAL, body, answer, sizeof answer);
}

static void test_answers(void **state) {
    (void)state;
    assert_int_equal(ask("GET /api/v1/ports", ""), 200);
    assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), LONG_BYTES);
    assert_int_equal(ask("GET /api/v1/stream/list", ""), 503);
    assert_int_equal(ask("GET /api/v1/options/a.b", ""), 404);
    assert_non_null(strstr(answer, "\"code\":\"not_found\""));
    assert_int_equal(ask("POST /api/v1/command", "{\"command\":\"set\",\"args\":[\"a\",1]}"), 200);
    assert_non_null(strstr(answer, "\"text\":\"a is 1\""));
    assert_int_equal(ask("POST /api/v1/command", "{\"command\":\"set\",\"args\":[\"a\",\"bad\"]}"),
                     400);
    assert_int_equal(ask("POST /api/v1/command", "{\"command\":\"reset\"}"), 503);
    assert_int_equal(ask("PUT /api/v1/options/a.b", "{\"value\":1}"), 404); /* nobody can get it */
}

static void test_answers_that_come_later(void **state) {
    static const char wish[] = "{\"command\":\"preset\",\"args\":[\"bad\"],\"id\":7}";
    (void)state;
    assert_int_equal(ask("POST /api/v1/command", "{\"command\":\"preset\",\"args\":[\"good\"]}"),
                     200);
    assert_non_null(strstr(answer, "\"ok\":true,\"text\":\"good\""));
    assert_int_equal(ask("POST /api/v1/command", "{\"command\":\"preset\",\"args\":[\"bad\"]}"),
                     400);
    int fd = connect_to_bus();
    hear(fd, "\"hello\"");
    web_say(fd, true, wish, sizeof wish - 1);
    hear(fd, "\"id\":7,\"command\":\"preset\",\"ok\":false,\"text\":\"bad\"");
    close(fd);
}

static void test_opening_without_memory(void **state) {
    (void)state;
    struct ja_error error = {""};
    unsigned n = 0;
    fixture = (struct fixture){.loop = ja_loop_new(&error), .port = web_free_port()};
    enum ja_status status = JA_FAILED;
    while (status != JA_OK) {
        fail_at = ++n;
        status = open_api(&error);
        assert_true(status == JA_OK || strlen(error.text) > 10);
        assert_true(n < 40);
        if (status != JA_OK)
            close_api();
    }
    assert_true(n > 5 && fail_at > 0);
    fail_at = 0;
    tear_down(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_newcomers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_subscriptions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_ordered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers_that_come_later, set_up, tear_down),
        cmocka_unit_test(test_opening_without_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
