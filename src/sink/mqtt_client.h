/* A connection to an MQTT broker that nobody waits for: it has a thread of its own, in which names
 * are looked up, connections made and made again.
 *
 * All functions are the main thread's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_MQTT_CLIENT_H
#define JA_MQTT_CLIENT_H

#include <ja/core/status.h>
#include <stdbool.h>

struct ja_mqtt;

enum { JA_MQTT_GOODBYE_MS = 300 }; /* how long the broker has to take the last message */

/* All strings are copied. */
struct ja_mqtt_setup {
    const char *owner; /* for messages: "mqtt home" */
    const char *host;
    int port;
    const char *ca_file;         /* certificates to trust; "": no TLS */
    const char *user, *password; /* "" and "": none */
    const char *status_topic;    /* gets "offline" when the connection ends, however it ends */
};

/* Begins to connect; JA_USAGE for what can never work, or where MQTT is not built in. */
enum ja_status ja_mqtt_new(struct ja_mqtt **client, const struct ja_mqtt_setup *setup,
                           struct ja_error *error);
/* Begins to say goodbye to the broker; it can only be freed then. */
void ja_mqtt_leave(struct ja_mqtt *client);
/* Leaves, if that is still to do, and waits until the broker has had its time; NULL is fine. */
void ja_mqtt_free(struct ja_mqtt *client);

/* How often it has got a connection; the broker may have forgotten all that was sent before. */
unsigned ja_mqtt_connections(struct ja_mqtt *client);
/* Hands over a message that the broker keeps for who comes later; false without connection. */
bool ja_mqtt_publish(struct ja_mqtt *client, const char *topic, const char *payload);

#endif
