/* Tests of OSCQuery: the tree and its attributes, values, who listens, and what comes in.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/web_client.h"
#include "modules.h"
#include "web/oscquery_tree.h"
#include <cmocka.h>
#include <ja/control/command.h>
#include <ja/net/osc_writer.h>
#include <ja/web/oscquery.h>
#include <jansson.h>
#include <stdlib.h>

struct fixture {
    struct ja_loop *loop;
    struct ja_web *web;
    struct ja_oscquery *query;
    struct ja_config *config;
    struct ja_catalogue catalogue;
    int port;
    unsigned heard;
    char packet[256];
};

static struct fixture fixture;
static const char *const streams[] = {"main", "desk"};

static void heard(void *data, const void *packet, size_t size) {
    struct fixture *self = data;
    self->heard++;
    memcpy(self->packet, packet, size < sizeof self->packet ? size : sizeof self->packet);
}

static struct ja_config *make_config(void) {
    static const struct ja_module *modules[JA_MODULES];
    return ja_config_new(modules, ja_modules_collect(modules));
}

static int set_up(void **state) {
    (void)state;
    struct ja_error error = {""};
    fixture = (struct fixture){.loop = ja_loop_new(&error), .port = web_free_port()};
    fixture.config = make_config();
    fixture.web = ja_web_new(fixture.loop, &error);
    struct ja_oscquery_settings settings = {
        .enable = true, .address = "127.0.0.1", .port = fixture.port};
    bool fine = ja_catalogue_init(&fixture.catalogue, ja_stages, ja_stage_count, &error) == JA_OK;
    const struct ja_oscquery_host host = {.name = "box",
                                          .osc_port = 7770,
                                          .catalogue = &fixture.catalogue,
                                          .streams = streams,
                                          .stream_count = 2,
                                          .heard = heard,
                                          .data = &fixture};
    fine = fine && fixture.config && fixture.web &&
           ja_oscquery_open(&fixture.query, fixture.web, &settings, &host, &error) == JA_OK &&
           ja_oscquery_options(fixture.query, fixture.config) &&
           ja_web_start(fixture.web, &error) == JA_OK;
    if (!fine)
        print_error("%s\n", error.text);
    return fine ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    ja_web_free(fixture.web);
    ja_oscquery_close(fixture.query);
    ja_config_free(fixture.config);
    ja_catalogue_done(&fixture.catalogue);
    ja_loop_free(fixture.loop);
    return 0;
}

static char answer[1 << 20];

static int get(const char *what) {
    char line[512];
    snprintf(line, sizeof line, "GET %s", what);
    return web_ask(fixture.loop, fixture.port, line, "Host: localhost\r\n", "", answer,
                   sizeof answer);
}

static const char *body(void) {
    const char *start = strstr(answer, "\r\n\r\n");
    return start ? start + 4 : "(none)";
}

/* What is at the path, which must be valid JSON; to be released. */
static json_t *read_node(const char *path) {
    json_error_t error;
    assert_int_equal(get(path), 200);
    json_t *node = json_loads(body(), JSON_REJECT_DUPLICATES, &error);
    if (!node)
        fail_msg("%s: %s", path, error.text);
    return node;
}

static void tell(const char *address, const char *types, const struct ja_osc_argument *arguments) {
    _Alignas(4) char packet[512];
    size_t size = ja_osc_write(packet, sizeof packet, address, types, arguments);
    assert_true(size > 0);
    assert_true(ja_oscquery_packet(fixture.query, packet, size));
}

static void test_host_info(void **state) {
    (void)state;
    json_t *info = read_node("/?HOST_INFO");
    const char *name, *transport;
    int port, listen;
    assert_int_equal(json_unpack(info, "{s:s, s:i, s:s, s:{s:b}}", "NAME", &name, "OSC_PORT", &port,
                                 "OSC_TRANSPORT", &transport, "EXTENSIONS", "LISTEN", &listen),
                     0);
    assert_string_equal(name, "box");
    assert_string_equal(transport, "UDP");
    assert_int_equal(port, 7770);
    assert_true(listen);
    json_decref(info);
}

/* Every node has its own path, the attributes it must have, and stands where its path says. */
static size_t check_node(const json_t *node, const char *path, size_t *containers) {
    const char *key, *full;
    json_t *child;
    json_t *contents = json_object_get(node, "CONTENTS");
    const json_t *type = json_object_get(node, "TYPE");
    size_t count = type != NULL;
    assert_int_equal(json_unpack((json_t *)node, "{s:s}", "FULL_PATH", &full), 0);
    assert_string_equal(full, path[0] ? path : "/");
    assert_true(json_is_integer(json_object_get(node, "ACCESS")));
    if (type) {
        size_t length = strlen(json_string_value(type));
        json_t *range = json_object_get(node, "RANGE"), *value = json_object_get(node, "VALUE");
        assert_true(json_string_length(json_object_get(node, "DESCRIPTION")) > 3);
        assert_true(!range || json_array_size(range) == length);
        assert_true(!value || json_array_size(value) == length);
    } else {
        assert_true(json_object_size(contents) > 0);
        ++*containers;
    }
    json_object_foreach(contents, key, child) {
        char below[256];
        snprintf(below, sizeof below, "%s/%s", path, key);
        count += check_node(child, below, containers);
    }
    return count;
}

static size_t count_options(void) {
    size_t count = 0;
    const struct ja_module *module;
    for (size_t i = 0; (module = ja_config_module(fixture.config, i)); i++)
        for (size_t n = 0;
             module->named ? ja_config_instance(fixture.config, module, n) != NULL : n == 0; n++)
            count += module->option_count;
    return count;
}

static void test_whole_tree(void **state) {
    (void)state;
    size_t containers = 0;
    json_t *tree = read_node("/");
    size_t nodes = check_node(tree, "", &containers);
    size_t outputs = nodes - count_options() - ja_command_count;
    assert_in_range(outputs, 2 * 40, 2 * 60);
    json_decref(tree);
    json_t *desk = read_node("/ja/desk/");
    assert_true(json_object_get(json_object_get(desk, "CONTENTS"), "beat") != NULL);
    json_decref(desk);
}

static void test_attributes(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int status;
        const char *body;
    } rows[] = {
        {"/ja/bpm?TYPE", 200, "{\"TYPE\":\"f\"}"},
        {"/ja/bpm?ACCESS", 200, "{\"ACCESS\":1}"},
        {"/ja/bpm?VALUE", 204, ""},
        {"/ja/beat/pulse?RANGE", 200, "{\"RANGE\":[{\"MIN\":0,\"MAX\":1}]}"},
        {"/ja/ctl/tap?ACCESS", 200, "{\"ACCESS\":2}"},
        {"/ja/ctl/tap?VALUE", 204, ""},
        {"/ja/ctl/mute?TYPE", 200, "{\"TYPE\":\"si\"}"},
        {"/ja/ctl/set?TYPE", 200, "{\"TYPE\":\"ss\"}"},
        {"/ja/ctl?TYPE", 204, ""},
        {"/ja/option/onset/threshold?VALUE", 200, "{\"VALUE\":[0.3]}"},
        {"/ja/option/onset/threshold?ACCESS", 200, "{\"ACCESS\":3}"},
        {"/ja/option/onset/enable?VALUE", 200, "{\"VALUE\":[true]}"},
        {"/ja/option/control/port?ACCESS", 200, "{\"ACCESS\":1}"},
        {"/ja/option/target/default/port?RANGE", 200, "{\"RANGE\":[{\"MIN\":1,\"MAX\":65535}]}"},
        {"/ja/option/target/default/protocol?RANGE", 200,
         "{\"RANGE\":[{\"VALS\":[\"udp\",\"tcp\",\"slip\"]}]}"},
        {"/ja/option/target/default/host?RANGE", 204, ""},
        {"/ja/bpm?NONSENSE", 400, "there is no such attribute\n"},
        {"/ja/bpm?VALUE&TYPE", 400, "there is no such attribute\n"},
        {"/ja/nothing", 404, "there is no such address\n"},
        {"/ja/bp", 404, "there is no such address\n"},
        {"/ja/bpmm", 404, "there is no such address\n"},
        {"/ja/ctl/tap/x", 404, "there is no such address\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = get(rows[i].path);
        if (status != rows[i].status || strcmp(body(), rows[i].body) != 0)
            fail_msg("%s: %d %s", rows[i].path, status, body());
    }
    assert_int_equal(web_ask(fixture.loop, fixture.port, "POST /ja/bpm", "Host: localhost\r\n", "x",
                             answer, sizeof answer),
                     405);
    assert_int_equal(get("/ja/bpm?HOST_INFO"), 200);
}

static void test_values(void **state) {
    (void)state;
    tell("/ja/bpm", "f", (struct ja_osc_argument[]){{.type = 'f', .f = 128.5F}});
    tell("/ja/desk/state", "ss",
         (struct ja_osc_argument[]){{.type = 's', .s = "locked"}, {.type = 's', .s = "a \"b\""}});
    tell(
        "/ja/bands", "fff",
        (struct ja_osc_argument[]){{.type = 'f'}, {.type = 'f', .f = 0.5F}, {.type = 'f', .f = 1}});
    tell("/ja/ctl/tap", "i", (struct ja_osc_argument[]){{.type = 'i', .i = 1}}); /* no output */
    tell("/elsewhere", "i", (struct ja_osc_argument[]){{.type = 'i', .i = 1}});
    assert_int_equal(get("/ja/bpm?VALUE"), 200);
    assert_string_equal(body(), "{\"VALUE\":[128.5]}");
    assert_int_equal(get("/ja/desk/state?VALUE"), 200);
    assert_string_equal(body(), "{\"VALUE\":[\"locked\",\"a \\\"b\\\"\"]}");
    assert_int_equal(get("/ja/bands?TYPE"), 200);
    assert_string_equal(body(), "{\"TYPE\":\"fff\"}");
    assert_int_equal(get("/ja/ctl/tap?VALUE"), 204);
}

static int open_client(void) {
    int fd = web_open(fixture.loop, fixture.port, "/", "Host: localhost\r\n");
    assert_true(fd >= 0);
    return fd;
}

static void say(int fd, const char *text) {
    web_say(fd, true, text, strlen(text));
}

/* Waits until the client's messages so far have been read: one packet comes back as asked. */
static void settle(int fd) {
    _Alignas(4) char packet[64];
    unsigned before = fixture.heard;
    uint64_t end_us = ja_clock_us() + 5000000;
    size_t size = ja_osc_write(packet, sizeof packet, "/ja/ctl/ping", "", NULL);
    web_say(fd, false, packet, size);
    while (fixture.heard == before && ja_clock_us() < end_us)
        ja_loop_once(fixture.loop, 1000);
    assert_int_equal(fixture.heard, before + 1);
    assert_memory_equal(fixture.packet, packet, size);
}

static void test_listening(void **state) {
    (void)state;
    char got[256];
    size_t size;
    const struct ja_osc_argument value = {.type = 'f', .f = 120};
    int fd = open_client(), other = open_client();
    say(fd, "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/ja/bpm\"}");
    say(fd, "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/ja/nothing\"}");
    say(fd, "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/ja/energy\"}");
    say(fd, "{\"COMMAND\":\"IGNORE\",\"DATA\":\"/ja/energy\"}");
    say(fd, "nonsense");
    say(other, "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/ja/energy\"}");
    settle(fd);
    settle(other);
    tell("/ja/energy", "f", &value);
    tell("/ja/bpm", "f", &value);
    assert_int_equal(web_hear(fixture.loop, fd, got, sizeof got, &size), 2);
    assert_string_equal(got, "/ja/bpm");
    assert_int_equal(size, 16);
    assert_int_equal(web_hear(fixture.loop, other, got, sizeof got, &size), 2);
    assert_string_equal(got, "/ja/energy");
    close(fd);
    close(other);
}

static void test_options_change(void **state) {
    (void)state;
    char got[256];
    size_t size;
    struct ja_error error;
    int fd = open_client();
    say(fd, "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/ja/option/onset/threshold\"}");
    settle(fd);
    assert_int_equal(
        ja_config_set(fixture.config, JA_LAYER_LIVE, "onset.threshold", "0.5", "live", &error),
        JA_OK);
    assert_true(ja_oscquery_options(fixture.query, fixture.config));
    assert_int_equal(web_hear(fixture.loop, fd, got, sizeof got, &size), 2);
    assert_string_equal(got, "/ja/option/onset/threshold");
    /* Another target: another tree. */
    assert_int_equal(
        ja_config_set(fixture.config, JA_LAYER_LIVE, "target.lights.port", "9000", "live", &error),
        JA_OK);
    assert_true(ja_oscquery_options(fixture.query, fixture.config));
    assert_int_equal(web_hear(fixture.loop, fd, got, sizeof got, &size), 1);
    got[size] = '\0';
    assert_string_equal(got, "{\"COMMAND\":\"PATH_CHANGED\",\"DATA\":\"/ja/option\"}");
    assert_int_equal(get("/ja/option/target/lights/port?VALUE"), 200);
    assert_string_equal(body(), "{\"VALUE\":[9000]}");
    close(fd);
}

static void test_bad_packets(void **state) {
    (void)state;
    static char big[60000];
    int fd = open_client();
    web_say(fd, false, "not OSC", 7);
    web_say(fd, false, big, sizeof big);
    web_say(fd, false, "", 0);
    settle(fd);
    assert_int_equal(fixture.heard, 1);
    close(fd);
}

static void test_many_clients(void **state) {
    (void)state;
    int fds[40];
    char got[64];
    size_t size;
    for (size_t i = 0; i < 40; i++)
        fds[i] = open_client();
    assert_int_equal(web_hear(fixture.loop, fds[39], got, sizeof got, &size), -1);
    for (size_t i = 0; i < 40; i++)
        close(fds[i]);
    assert_int_equal(get("/ja/bpm"), 200);
}

static void test_messages(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "{}",
        "[]",
        "3",
        "{\"COMMAND\":\"LISTEN\"}",
        "{\"COMMAND\":1,\"DATA\":\"/a\"}",
        "{\"COMMAND\":\"PATH_ADDED\",\"DATA\":\"/a\"}",
        "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/a\",\"MORE\":1}",
        "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/a\",\"DATA\":\"/b\"}",
        "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/a\"} x",
    };
    char path[JA_OSC_PATH];
    bool listen;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(ja_oscquery_read(wrong[i], strlen(wrong[i]), &listen, path));
    char endless[1024];
    snprintf(endless, sizeof endless, "{\"COMMAND\":\"LISTEN\",\"DATA\":\"/%0900d\"}", 1);
    assert_false(ja_oscquery_read(endless, strlen(endless), &listen, path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_host_info, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whole_tree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attributes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_listening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_options_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_packets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_clients, set_up, tear_down),
        cmocka_unit_test(test_messages),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
