/* Tests of subscribers' leases, with time passed in.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ja/control/subscribers.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint64_t second_us = 1000000;

struct fixture {
    struct ja_subscribers subscribers;
    unsigned opened, closed;
    char last[128];
    char reply[256];
    struct ja_text text;
};

static struct fixture fixture;

static void *open_one(void *data, const char *wish, const char *host, int port,
                      struct ja_error *error) {
    struct fixture *self = data;
    if (!strcmp(wish, "nothing")) {
        ja_fail(error, JA_USAGE, "there is no output \"nothing\"");
        return NULL;
    }
    snprintf(self->last, sizeof self->last, "%s %s %d", wish, host, port);
    self->opened++;
    return self;
}

static void close_one(void *data, void *handle) {
    struct fixture *self = data;
    assert_ptr_equal(handle, data);
    self->closed++;
}

static int set_up(void **state) {
    (void)state;
    fixture = (struct fixture){
        .subscribers = {.most = 3, .open = open_one, .close = close_one, .data = &fixture}};
    return 0;
}

static struct ja_peer peer_at(const char *host) {
    struct ja_peer peer = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *four = (struct sockaddr_in *)&peer.address;
    four->sin_family = AF_INET;
    four->sin_port = htons(5000);
    inet_pton(AF_INET, host, &four->sin_addr);
    return peer;
}

static enum ja_status add(const char *host, const char *wish, int port, uint64_t at_s) {
    struct ja_peer peer = peer_at(host);
    ja_text_init(&fixture.text, fixture.reply, sizeof fixture.reply);
    return ja_subscribers_add(&fixture.subscribers, &peer, wish, port, at_s * second_us,
                              &fixture.text);
}

static enum ja_status end(const char *host, const char *wish, int port) {
    struct ja_peer peer = peer_at(host);
    ja_text_init(&fixture.text, fixture.reply, sizeof fixture.reply);
    return ja_subscribers_remove(&fixture.subscribers, &peer, wish, port, &fixture.text);
}

static void test_lease(void **state) {
    (void)state;
    assert_int_equal(add("10.0.0.1", "beat", 0, 100), JA_OK);
    assert_string_equal(fixture.last, "beat 10.0.0.1 5000");
    assert_string_equal(fixture.reply, "sending beat to port 5000 for 60 s");
    /* Renewed in time, it is the same one; then it ends. */
    assert_int_equal(add("10.0.0.1", "beat", 5000, 150), JA_OK);
    ja_subscribers_expire(&fixture.subscribers, 209 * second_us);
    assert_int_equal(fixture.opened, 1);
    assert_int_equal(fixture.closed, 0);
    ja_subscribers_expire(&fixture.subscribers, 210 * second_us);
    assert_int_equal(fixture.closed, 1);
    assert_int_equal(add("10.0.0.1", "beat", 5000, 211), JA_OK);
    assert_int_equal(fixture.opened, 2);
}

static void test_limit(void **state) {
    (void)state;
    assert_int_equal(add("10.0.0.1", "beat", 0, 0), JA_OK);
    assert_int_equal(add("10.0.0.1", "level", 0, 0), JA_OK);
    assert_int_equal(add("10.0.0.2", "beat", 0, 30), JA_OK);
    assert_int_equal(add("10.0.0.3", "beat", 0, 40), JA_FAILED);
    assert_non_null(strstr(fixture.reply, "no more than 3"));
    assert_int_equal(add("10.0.0.2", "beat", 0, 50), JA_OK); /* renewing needs no place */
    assert_int_equal(add("10.0.0.3", "beat", 0, 60), JA_OK); /* two have run out */
    assert_int_equal(fixture.closed, 2);
    fixture.subscribers.most = 0;
    assert_int_equal(add("10.0.0.4", "beat", 0, 60), JA_FAILED);
}

static void test_end(void **state) {
    (void)state;
    assert_int_equal(add("10.0.0.1", "beat", 9000, 0), JA_OK);
    assert_int_equal(add("10.0.0.1", "level", 9000, 0), JA_OK);
    assert_int_equal(end("10.0.0.2", "beat", 9000), JA_FAILED); /* not his */
    assert_int_equal(end("10.0.0.1", "beat", 9001), JA_FAILED);
    assert_int_equal(end("10.0.0.1", "beat", 9000), JA_OK);
    assert_int_equal(fixture.closed, 1);
    assert_int_equal(end("10.0.0.1", "all", 9000), JA_OK);
    assert_int_equal(fixture.closed, 2);
}

static void test_errors(void **state) {
    (void)state;
    char long_wish[200];
    memset(long_wish, 'a', sizeof long_wish - 1);
    long_wish[sizeof long_wish - 1] = '\0';
    assert_int_equal(add("10.0.0.1", "beat", 65536, 0), JA_USAGE);
    assert_string_equal(fixture.reply, "the port must be between 0 and 65535, not 65536");
    assert_int_equal(add("10.0.0.1", "beat", -1, 0), JA_USAGE);
    assert_int_equal(add("10.0.0.1", "", 0, 0), JA_USAGE);
    assert_int_equal(add("10.0.0.1", long_wish, 0, 0), JA_USAGE);
    assert_int_equal(add("10.0.0.1", "nothing", 0, 0), JA_FAILED);
    assert_string_equal(fixture.reply, "there is no output \"nothing\"");
    assert_int_equal(fixture.opened, 0);
}

static void test_place(void **state) {
    (void)state;
    char text[80];
    assert_int_equal(add("10.0.0.1", "beat", 9000, 0), JA_OK);
    ja_subscriber_place(&fixture.subscribers.entries[0], text, sizeof text);
    assert_string_equal(text, "10.0.0.1:9000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lease, set_up), cmocka_unit_test_setup(test_limit, set_up),
        cmocka_unit_test_setup(test_end, set_up),   cmocka_unit_test_setup(test_errors, set_up),
        cmocka_unit_test_setup(test_place, set_up),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
