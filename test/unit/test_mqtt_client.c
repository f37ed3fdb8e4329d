/* Tests of the connection to an MQTT broker: its first bytes, refusals, and that a broker that says
 * nothing holds nobody up.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../../src/sink/mqtt_client.h"
#include "../support/sink_rig.h"
#include "../support/tcp.h"
#include <ja/core/log.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

struct broker {
    int listener, peer;
    struct ja_mqtt *client;
    unsigned char heard[4096];
    size_t size;
};

static void wait_ms(int ms) {
    poll(NULL, 0, ms);
}

static int set_up(void **state) {
    static struct broker broker;
    struct ja_error error = {""};
    int port = 0;
    ja_log_set_level(JA_LOG_ERROR);
    broker = (struct broker){.listener = tcp_listen(&port), .peer = -1};
    struct ja_mqtt_setup setup = {
        .owner = "mqtt t",
        .host = "127.0.0.1",
        .port = port,
        .ca_file = "",
        .user = "jane",
        .password = "secret",
        .status_topic = "ja/t/status",
    };
    assert_int_equal(ja_mqtt_new(&broker.client, &setup, &error), JA_OK);
    *state = &broker;
    return 0;
}

static int tear_down(void **state) {
    struct broker *broker = *state;
    ja_mqtt_free(broker->client);
    close(broker->peer);
    close(broker->listener);
    wait_ms(500); /* for a thread that was left behind */
    return 0;
}

static void pick_up(struct broker *broker) {
    struct pollfd calling = {.fd = broker->listener, .events = POLLIN};
    assert_int_equal(poll(&calling, 1, 20000), 1);
    broker->peer = accept(broker->listener, NULL, NULL);
}

/* Reads until `bytes` have come; false when they do not. */
static bool hears(struct broker *broker, const void *bytes, size_t size) {
    struct pollfd speaking = {.fd = broker->peer, .events = POLLIN};
    for (;;) {
        for (size_t at = 0; at + size <= broker->size; at++)
            if (memcmp(broker->heard + at, bytes, size) == 0)
                return true;
        size_t room = sizeof broker->heard - broker->size;
        if (poll(&speaking, 1, 10000) != 1)
            return false;
        ssize_t got = recv(broker->peer, broker->heard + broker->size, room, 0);
        if (got <= 0)
            return false;
        broker->size += (size_t)got;
    }
}

static void answer(struct broker *broker, unsigned char code) {
    unsigned char connack[] = {0x20, 2, 0, code};
    assert_int_equal(send(broker->peer, connack, sizeof connack, MSG_NOSIGNAL), sizeof connack);
}

static bool connects(struct broker *broker, int within_ms) {
    for (int ms = 0; ms < within_ms && ja_mqtt_connections(broker->client) == 0; ms += 10)
        wait_ms(10);
    return ja_mqtt_connections(broker->client) > 0;
}

static void introduces_itself_and_publishes(void **state) {
    struct broker *broker = *state;
    static const unsigned char will[] = "\0\013ja/t/status\0\007offline\0\004jane\0\006secret";
    static const unsigned char kept[] = "\061\015\0\010ja/t/bpm128"; /* PUBLISH, retained */
    static const unsigned char goodbye[] = "\061\024\0\013ja/t/statusoffline\340"; /* DISCONNECT */
    pick_up(broker);
    assert_true(hears(broker, will, sizeof will - 1));
    assert_int_equal(ja_mqtt_connections(broker->client), 0);
    answer(broker, 0);
    assert_true(connects(broker, 10000));
    assert_true(ja_mqtt_publish(broker->client, "ja/t/bpm", "128"));
    assert_true(hears(broker, kept, sizeof kept - 1));
    ja_mqtt_free(broker->client);
    broker->client = NULL;
    assert_true(hears(broker, goodbye, sizeof goodbye - 1));
}

static void is_not_connected_when_refused(void **state) {
    struct broker *broker = *state;
    pick_up(broker);
    answer(broker, 5);
    assert_false(connects(broker, 300));
}

static void leaves_a_broker_that_says_nothing(void **state) {
    struct broker *broker = *state;
    assert_false(connects(broker, 300)); /* nobody picks up */
    for (int i = 0; i < 10000; i++)
        ja_mqtt_publish(broker->client, "ja/t/bpm", "128");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(introduces_itself_and_publishes),
        WITH(is_not_connected_when_refused),
        WITH(leaves_a_broker_that_says_nothing),
    };
    if (!ja_mqtt_built_in) {
        puts("1..0 # SKIP built without MQTT");
        return 0;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("mqtt_client", tests, NULL, NULL);
}
