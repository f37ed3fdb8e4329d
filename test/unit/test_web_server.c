/* Tests of the web server: requests, WebSockets, the way between the threads, and who is kept out.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/web_client.h"
#include <cmocka.h>
#include <ja/web/server.h>
#include <stdatomic.h>
#include <stdlib.h>

struct fixture {
    struct ja_loop *loop;
    struct ja_web *web;
    unsigned number;
    int port;
    struct ja_web_client *later; /* of the server's thread: waits for the main thread */
    size_t lost;
    atomic_uint woken, seconds;
    atomic_bool ended;
};

static struct fixture fixture;

#define LOCAL "Host: localhost\r\n"

/* /echo answers what it was asked, /later what the main thread says, /long 300,000 bytes. */
static void request(void *data, struct ja_web_client *client,
                    const struct ja_web_request *request) {
    char text[2048];
    struct fixture *self = data;
    if (!strcmp(request->path, "/later")) {
        self->later = client;
        ja_web_ask(self->web, self->number, "what?", 5);
    } else if (!strcmp(request->path, "/long")) {
        char *body = malloc(300000);
        memset(body, 'x', 300000);
        ja_web_answer(client, 200, "text/plain", body, 300000);
        free(body);
    } else if (!strcmp(request->path, "/nothing")) {
        ja_web_answer(client, 204, "text/plain", NULL, 0);
    } else {
        int length = snprintf(text, sizeof text, "%s|%s|%s|%.*s", request->method, request->path,
                              request->query, (int)request->size, request->body);
        ja_web_answer(client, 200, "text/plain", text, (size_t)length);
    }
}

static bool open_socket(void *data, struct ja_web_client *client,
                        const struct ja_web_request *request) {
    (void)data;
    (void)client;
    return strcmp(request->path, "/closed") != 0;
}

static unsigned admit(void *data, const struct ja_web_request *request) {
    (void)data;
    if (!strcmp(request->path, "/secret"))
        return strcmp(request->authorization, "Bearer word") || strcmp(request->query, "a=1") ? 401
                                                                                              : 0;
    return strcmp(request->path, "/nowhere") ? 0 : 404;
}

/* Echoes; a single 'L' is answered by many values of two slots; a single 'F' is answered by a flood
 * of what may be dropped. */
static void heard(void *data, struct ja_web_client *client, bool text, const void *bytes,
                  size_t size) {
    struct fixture *self = data;
    static char much[1000];
    if (size == 1 && *(const char *)bytes == 'C') {
        ja_web_send(client, true, "last words", 10, false);
        ja_web_close(client, 4321, "because");
        assert_false(ja_web_send(client, true, "late", 4, false));
        return;
    }
    if (size == 1 && *(const char *)bytes == 'L') {
        for (size_t i = 1; i <= sizeof much; i++) {
            assert_true(ja_web_send_latest(client, i % 2, false, much, i));
            assert_true(i != 500 || ja_web_send(client, true, "middle", 6, true));
        }
        return;
    }
    if (size != 1 || *(const char *)bytes != 'F') {
        ja_web_send(client, text, bytes, size, false);
        return;
    }
    for (unsigned i = 0; i < 1000; i++)
        self->lost += !ja_web_send(client, false, much, sizeof much, true);
    ja_web_send(client, true, "end", 3, false);
}

static void closed(void *data, struct ja_web_client *client) {
    struct fixture *self = data;
    if (self->later == client)
        self->later = NULL;
}

static void told(void *data, const void *bytes, size_t size) {
    struct fixture *self = data;
    if (self->later)
        ja_web_answer(self->later, 200, "text/plain", bytes, size);
    self->later = NULL;
}

static void asked(void *data, const void *bytes, size_t size) {
    struct fixture *self = data;
    assert_memory_equal(bytes, "what?", size);
    assert_true(ja_web_tell(self->web, self->number, "that", 4));
}

static void woken(void *data) {
    struct fixture *self = data;
    self->woken++;
}

static void every_second(void *data) {
    struct fixture *self = data;
    self->seconds++;
}

static void ended(void *data) {
    struct fixture *self = data;
    self->ended = true;
}

static int set_up(void **state) {
    (void)state;
    struct ja_error error = {""};
    fixture = (struct fixture){.loop = ja_loop_new(&error), .port = web_free_port()};
    fixture.web = ja_web_new(fixture.loop, &error);
    struct ja_web_service service = {.name = "test",
                                     .address = "127.0.0.1",
                                     .port = fixture.port,
                                     .hosts = "stage.example\0",
                                     .request = request,
                                     .admit = admit,
                                     .open = open_socket,
                                     .heard = heard,
                                     .closed = closed,
                                     .told = told,
                                     .asked = asked,
                                     .woken = woken,
                                     .second = every_second,
                                     .ended = ended,
                                     .data = &fixture};
    bool fine = fixture.web &&
                ja_web_listen(fixture.web, &service, &fixture.number, &error) == JA_OK &&
                ja_web_start(fixture.web, &error) == JA_OK;
    if (!fine)
        print_error("%s\n", error.text);
    return fine ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    ja_web_free(fixture.web);
    assert_true(fixture.ended);
    ja_loop_free(fixture.loop);
    return 0;
}

static char answer[400000];

static int ask(const char *what, const char *headers, const char *body) {
    return web_ask(fixture.loop, fixture.port, what, headers, body, answer, sizeof answer);
}

static const char *body(void) {
    const char *start = strstr(answer, "\r\n\r\n");
    return start ? start + 4 : "(none)";
}

static void test_requests(void **state) {
    (void)state;
    assert_int_equal(ask("GET /echo/a%20b?VALUE&x=%26", LOCAL, ""), 200);
    assert_string_equal(body(), "GET|/echo/a b|VALUE&x=&|");
    assert_int_equal(ask("POST /echo", LOCAL, "some body"), 200);
    assert_string_equal(body(), "POST|/echo||some body");
    assert_int_equal(ask("PUT /echo", LOCAL, ""), 200);
    assert_string_equal(body(), "PUT|/echo||");
    assert_int_equal(ask("GET /nothing", LOCAL, ""), 204);
    assert_string_equal(body(), "");
    assert_int_equal(ask("GET /long", LOCAL, ""), 200);
    assert_int_equal(strlen(body()), 300000);
    assert_non_null(strstr(answer, "content-length: 300000"));
    assert_non_null(strstr(answer, "nosniff"));
}

static void test_answer_of_the_main_thread(void **state) {
    (void)state;
    assert_int_equal(ask("GET /later", LOCAL, ""), 200);
    assert_string_equal(body(), "that");
}

static void test_bad_requests(void **state) {
    (void)state;
    char headers[2048] = LOCAL "X: ";
    assert_int_equal(ask("GET /echo", LOCAL, "a body"), 400);
    assert_int_equal(ask("POST /echo", LOCAL "Content-Length: 70000\r\n", ""), 413);
    assert_int_not_equal(ask("POST /echo", LOCAL "Content-Length: -1\r\n", ""), 200);
    assert_int_not_equal(ask("NONSENSE", "\r\n", ""), 200);
    memset(headers + strlen(headers), 'a', 1500);
    strcat(headers, "\r\n");
    assert_int_equal(ask("GET /echo", headers, ""), 200);
    assert_int_equal(ask("GET /echo", LOCAL, ""), 200); /* it has survived */
}

static void test_strangers(void **state) {
    (void)state;
    static const char *const kept_out[] = {
        "",
        "Host: evil.example\r\n",
        "Host: localhost.evil.example\r\n",
        LOCAL "Origin: http://evil.example\r\n",
        LOCAL "Origin: null\r\n",
        LOCAL "Origin: http://localhost:1\r\n",
    };
    static const char *const let_in[] = {
        LOCAL,
        "Host: 127.0.0.1:7772\r\n",
        "Host: STAGE.example\r\n",
        LOCAL "Origin: http://localhost\r\n",
        "Host: [::1]:80\r\nOrigin: http://[::1]:80\r\n",
    };
    for (size_t i = 0; i < sizeof kept_out / sizeof kept_out[0]; i++) {
        assert_int_not_equal(ask("GET /echo", kept_out[i], ""), 200);
        assert_int_equal(web_open(fixture.loop, fixture.port, "/", kept_out[i]), -1);
    }
    for (size_t i = 0; i < sizeof let_in / sizeof let_in[0]; i++) {
        assert_int_equal(ask("GET /echo", let_in[i], ""), 200);
        int fd = web_open(fixture.loop, fixture.port, "/", let_in[i]);
        assert_true(fd >= 0);
        close(fd);
    }
}

static void test_host_names(void **state) {
    (void)state;
    char own[256], local[300];
    gethostname(own, sizeof own);
    snprintf(local, sizeof local, "%s.local:80", own);
    assert_true(ja_web_host_is_ours(own, ""));
    assert_true(ja_web_host_is_ours(local, ""));
    assert_true(ja_web_host_is_ours("192.168.1.7", NULL));
    assert_false(ja_web_host_is_ours("", ""));
    assert_false(ja_web_host_is_ours("[::1", ""));
    assert_false(ja_web_host_is_ours(":80", ""));
    assert_false(ja_web_host_is_ours("127.0.0.1.evil.example", ""));
    assert_false(ja_web_origin_is_ours("ftp://localhost", "localhost"));
    assert_false(ja_web_origin_is_ours("http://localhost.evil.example", "localhost"));
}

static void test_sockets(void **state) {
    (void)state;
    static char sent[60000], got[65536];
    size_t size;
    int fd = web_open(fixture.loop, fixture.port, "/any", LOCAL);
    assert_true(fd >= 0);
    web_say(fd, true, "hello", 5);
    assert_int_equal(web_hear(fixture.loop, fd, got, sizeof got, &size), 1);
    assert_int_equal(size, 5);
    assert_memory_equal(got, "hello", 5);
    memset(sent, 7, sizeof sent);
    web_say(fd, false, sent, sizeof sent);
    assert_int_equal(web_hear(fixture.loop, fd, got, sizeof got, &size), 2);
    assert_int_equal(size, sizeof sent);
    assert_memory_equal(got, sent, size);
    close(fd);
    fd = web_open(fixture.loop, fixture.port, "/closed", LOCAL);
    assert_true(fd < 0 || web_hear(fixture.loop, fd, got, sizeof got, &size) != 1);
    close(fd);
}

static void test_message_too_large(void **state) {
    (void)state;
    static unsigned char much[65000];
    unsigned char got[128];
    size_t size;
    int fd = web_open(fixture.loop, fixture.port, "/", LOCAL);
    /* Two fragments that are too much together. */
    unsigned char head[8] = {0x02, 0x80 | 126, sizeof much >> 8, sizeof much & 255};
    for (int i = 0; i < 2; i++) {
        send(fd, head, 8, MSG_NOSIGNAL);
        send(fd, much, sizeof much, MSG_NOSIGNAL);
        head[0] = 0x80;
    }
    assert_int_equal(web_hear(fixture.loop, fd, got, sizeof got, &size), 8);
    assert_int_equal(got[0] << 8 | got[1], 1009);
    close(fd);
}

static void test_slow_reader(void **state) {
    (void)state;
    static char got[1000];
    size_t size, came = 0;
    int opcode, fd = web_open(fixture.loop, fixture.port, "/", LOCAL);
    web_say(fd, true, "F", 1);
    while ((opcode = web_hear(fixture.loop, fd, got, sizeof got, &size)) == 2)
        came++;
    assert_int_equal(opcode, 1);
    assert_int_equal(came + fixture.lost, 1000);
    assert_true(fixture.lost >= 900); /* a quarter of the room is 65 of them */
    close(fd);
}

static void test_latest_values(void **state) {
    (void)state;
    static char got[1000];
    static const size_t sizes[] = {999, 1000, 6};
    size_t size;
    int fd = web_open(fixture.loop, fixture.port, "/", LOCAL);
    web_say(fd, true, "L", 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(web_hear(fixture.loop, fd, got, sizeof got, &size), i == 2 ? 1 : 2);
        assert_int_equal(size, sizes[i]);
    }
    close(fd);
}

static void test_admission(void **state) {
    (void)state;
    static const struct {
        const char *path, *headers, *status;
    } cases[] = {
        {"/nowhere", LOCAL, " 404 "},
        {"/secret?a=1", LOCAL, " 401 "},
        {"/secret?a=1", LOCAL "Authorization: Bearer wor\r\n", " 401 "},
        {"/secret?a=2", LOCAL "Authorization: Bearer word\r\n", " 401 "},
        {"/secret?a=1", LOCAL "Authorization: Bearer word\r\n", " 101 "},
        {"/", "Host: evil.example\r\n", " 403 "},
        {"/", LOCAL "Origin: http://evil.example\r\n", " 403 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        int fd = web_connect(fixture.port);
        web_upgrade(fixture.loop, fd, cases[i].path, cases[i].headers, text, sizeof text);
        assert_non_null(strstr(text, cases[i].status));
        close(fd);
    }
}

/* With what was said before, the code and the reason; what comes afterwards is not heard. */
static void test_closing(void **state) {
    (void)state;
    unsigned char bytes[200];
    size_t size = 0;
    int fd = web_open(fixture.loop, fixture.port, "/", LOCAL);
    assert_true(fd >= 0);
    web_say(fd, true, "C", 1);
    web_say(fd, true, "echo", 4);
    assert_int_equal(web_hear(fixture.loop, fd, bytes, sizeof bytes, &size), 1);
    assert_memory_equal(bytes, "last words", size);
    assert_int_equal(web_hear(fixture.loop, fd, bytes, sizeof bytes, &size), 8);
    assert_int_equal(bytes[0] << 8 | bytes[1], 4321);
    assert_int_equal(size, 2 + 7);
    assert_memory_equal(bytes + 2, "because", 7);
    close(fd);
}

static void test_waking(void **state) {
    (void)state;
    const uint64_t end_us = ja_clock_us() + 20000000;
    ja_web_wake(fixture.web);
    while ((fixture.woken == 0 || fixture.seconds < 2) && ja_clock_us() < end_us)
        ja_loop_once(fixture.loop, 10000);
    assert_true(fixture.woken > 0 && fixture.seconds >= 2);
}

static void test_idle_connections(void **state) {
    (void)state;
    int idle[200];
    for (size_t i = 0; i < 200; i++) {
        idle[i] = web_connect(fixture.port);
        assert_true(send(idle[i], "GET / HT", 8, MSG_NOSIGNAL) == 8);
    }
    assert_int_equal(ask("GET /echo", LOCAL, ""), 200);
    for (size_t i = 0; i < 200; i++)
        close(idle[i]);
}

static void test_port_in_use(void **state) {
    (void)state;
    struct ja_error error;
    unsigned number;
    struct ja_web *other = ja_web_new(fixture.loop, &error);
    struct ja_web_service service = {
        .name = "second", .address = "127.0.0.1", .port = fixture.port, .request = request};
    assert_int_equal(ja_web_listen(other, &service, &number, &error), JA_FAILED);
    assert_non_null(strstr(error.text, "second: cannot listen on 127.0.0.1, TCP port"));
    service.address = "nowhere";
    assert_int_equal(ja_web_listen(other, &service, &number, &error), JA_USAGE);
    ja_web_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answer_of_the_main_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strangers, set_up, tear_down),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test_setup_teardown(test_sockets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_message_too_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_latest_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_admission, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle_connections, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_port_in_use, set_up, tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
