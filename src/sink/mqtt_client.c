/* MQTT by libmosquitto, in a thread of its own.
 *
 * Looking up a name and connecting block, in the library as anywhere, so all of it happens in the
 * thread; what is published from the main thread only joins a queue. A broker that does not read
 * is left when it does not answer for KEEPALIVE_S, and the queue is dropped. Attempts become rarer,
 * from one second to a minute. A thread that hangs in a look-up at the end is left behind, and
 * frees everything when it comes back.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "mqtt_client.h"

#include <ja/core/log.h>
#include <ja/core/text.h>
#include <ja/core/thread.h>
#include <ja/sink/sinks.h>

#include <errno.h>
#include <mosquitto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    KEEPALIVE_S = 15,
    LOOP_MS = 100, /* how long a message may wait for the thread */
    FIRST_PAUSE_S = 1,
    LONGEST_PAUSE_S = 60,
};

const bool ja_mqtt_built_in = true;

struct ja_mqtt {
    struct mosquitto *mosquitto;
    char owner[80], host[256], status_topic[256];
    int port;
    struct ja_log_limit limit; /* of the thread */
    pthread_mutex_t mutex;     /* of what follows */
    pthread_cond_t changed;
    bool stop, ended, abandoned;
    unsigned connections;
    struct timespec goodbye; /* of the main thread: until when it waits after leaving */
};

static void release(struct ja_mqtt *client) {
    mosquitto_destroy(client->mosquitto);
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->mutex);
    free(client);
}

/* --- In the thread --- */

static void connected(struct mosquitto *mosquitto, void *data, int code) {
    struct ja_mqtt *client = data;
    (void)mosquitto;
    if (code != 0) {
        ja_log_limited(&client->limit, JA_LOG_WARNING, "%s: %s port %d refuses: %s", client->owner,
                       client->host, client->port, mosquitto_connack_string(code));
        return;
    }
    ja_log(JA_LOG_NOTICE, "%s: connected to %s port %d", client->owner, client->host, client->port);
    pthread_mutex_lock(&client->mutex);
    client->connections++;
    pthread_mutex_unlock(&client->mutex);
}

static unsigned connections(struct ja_mqtt *client) {
    pthread_mutex_lock(&client->mutex);
    unsigned count = client->connections;
    pthread_mutex_unlock(&client->mutex);
    return count;
}

static struct timespec after_ms(long ms) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return end;
}

/* Waits for `flag` to be set, at most until `end`; tells whether it is. */
static bool wait_until(struct ja_mqtt *client, const bool *flag, struct timespec end) {
    pthread_mutex_lock(&client->mutex);
    while (!*flag && pthread_cond_timedwait(&client->changed, &client->mutex, &end) == 0)
        ;
    bool set = *flag;
    pthread_mutex_unlock(&client->mutex);
    return set;
}

static bool wait_for(struct ja_mqtt *client, const bool *flag, long ms) {
    return wait_until(client, flag, after_ms(ms));
}

/* From connecting until the connection has ended; why it has. */
static int converse(struct ja_mqtt *client) {
    int code = mosquitto_connect(client->mosquitto, client->host, client->port, KEEPALIVE_S);
    while (code == MOSQ_ERR_SUCCESS && !wait_for(client, &client->abandoned, 0))
        code = mosquitto_loop(client->mosquitto, LOOP_MS, 1);
    return code;
}

static void *run(void *data) {
    struct ja_mqtt *client = data;
    long pause_s = FIRST_PAUSE_S;
    for (;;) {
        unsigned before = connections(client);
        int code = converse(client), cause = errno;
        if (wait_for(client, &client->stop, 0))
            break;
        ja_log_limited(&client->limit, JA_LOG_WARNING, "%s: %s port %d: %s", client->owner,
                       client->host, client->port,
                       code == MOSQ_ERR_ERRNO ? strerror(cause) : mosquitto_strerror(code));
        pause_s = connections(client) != before ? FIRST_PAUSE_S : pause_s;
        if (wait_for(client, &client->stop, 1000 * pause_s))
            break;
        pause_s = 2 * pause_s < LONGEST_PAUSE_S ? 2 * pause_s : LONGEST_PAUSE_S;
    }
    pthread_mutex_lock(&client->mutex);
    client->ended = true;
    bool abandoned = client->abandoned;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
    if (abandoned)
        release(client);
    return NULL;
}

/* --- In the main thread --- */

static enum ja_status prepare(struct ja_mqtt *client, const struct ja_mqtt_setup *setup,
                              struct ja_error *error) {
    static const char offline[] = "offline";
    struct mosquitto *mosquitto = client->mosquitto;
    int code = mosquitto_threaded_set(mosquitto, true);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_will_set(mosquitto, setup->status_topic, sizeof offline - 1, offline, 1,
                                  true);
    if (code == MOSQ_ERR_SUCCESS && setup->user[0])
        code = mosquitto_username_pw_set(mosquitto, setup->user, setup->password);
    if (code == MOSQ_ERR_SUCCESS && setup->ca_file[0])
        code = mosquitto_tls_set(mosquitto, setup->ca_file, NULL, NULL, NULL, NULL);
    mosquitto_connect_callback_set(mosquitto, connected);
    return code == MOSQ_ERR_SUCCESS
               ? JA_OK
               : ja_fail(error, JA_USAGE, "%s: %s", setup->owner, mosquitto_strerror(code));
}

static enum ja_status start(struct ja_mqtt *client, struct ja_error *error) {
    pthread_t thread;
    int cause = ja_thread_start(&thread, 0, run, client);
    if (cause != 0)
        return ja_fail(error, JA_FAILED, "%s: no thread: %s", client->owner, strerror(cause));
    pthread_detach(thread);
    return JA_OK;
}

enum ja_status ja_mqtt_new(struct ja_mqtt **made, const struct ja_mqtt_setup *setup,
                           struct ja_error *error) {
    pthread_condattr_t attributes;
    mosquitto_lib_init(); /* counts, and is never undone: a thread left behind may need it */
    struct ja_mqtt *client = calloc(1, sizeof *client);
    if (!client)
        return ja_fail(error, JA_FAILED, "%s: no memory", setup->owner);
    client->mosquitto = mosquitto_new(NULL, true, client); /* any name: two must not be the same */
    ja_text_copy(client->owner, sizeof client->owner, setup->owner);
    ja_text_copy(client->host, sizeof client->host, setup->host);
    ja_text_copy(client->status_topic, sizeof client->status_topic, setup->status_topic);
    client->port = setup->port;
    pthread_mutex_init(&client->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    enum ja_status status = client->mosquitto
                                ? prepare(client, setup, error)
                                : ja_fail(error, JA_FAILED, "%s: no memory", setup->owner);
    if (status == JA_OK)
        status = start(client, error);
    if (status == JA_OK)
        *made = client;
    else
        release(client);
    return status;
}

void ja_mqtt_leave(struct ja_mqtt *client) {
    client->goodbye = after_ms(JA_MQTT_GOODBYE_MS);
    pthread_mutex_lock(&client->mutex);
    client->stop = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
    ja_mqtt_publish(client, client->status_topic, "offline"); /* a will is for the other ends */
    mosquitto_disconnect(client->mosquitto);
}

void ja_mqtt_free(struct ja_mqtt *client) {
    if (!client)
        return;
    if (!client->stop)
        ja_mqtt_leave(client);
    wait_until(client, &client->ended, client->goodbye);
    pthread_mutex_lock(&client->mutex);
    bool ended = client->ended;
    client->abandoned = !ended;
    pthread_mutex_unlock(&client->mutex);
    if (ended)
        release(client);
}

unsigned ja_mqtt_connections(struct ja_mqtt *client) {
    return connections(client);
}

bool ja_mqtt_publish(struct ja_mqtt *client, const char *topic, const char *payload) {
    return mosquitto_publish(client->mosquitto, NULL, topic, (int)strlen(payload), payload, 0,
                             true) == MOSQ_ERR_SUCCESS;
}
