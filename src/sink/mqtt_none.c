/* What stands for MQTT in a program that is built without it (WITH_MQTT=0).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "mqtt_client.h"

#include <ja/sink/sinks.h>

const bool ja_mqtt_built_in = false;

enum ja_status ja_mqtt_new(struct ja_mqtt **client, const struct ja_mqtt_setup *setup,
                           struct ja_error *error) {
    (void)client, (void)setup;
    return ja_fail(error, JA_FAILED, "built without MQTT");
}

void ja_mqtt_leave(struct ja_mqtt *client) {
    (void)client;
}

void ja_mqtt_free(struct ja_mqtt *client) {
    (void)client;
}

unsigned ja_mqtt_connections(struct ja_mqtt *client) {
    (void)client;
    return 0;
}

bool ja_mqtt_publish(struct ja_mqtt *client, const char *topic, const char *payload) {
    (void)client, (void)topic, (void)payload;
    return false;
}
