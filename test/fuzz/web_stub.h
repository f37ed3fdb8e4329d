/* Plays the web server for a service: keeps what it listens with, and takes what it says.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef FUZZ_WEB_STUB_H
#define FUZZ_WEB_STUB_H

#include <ja/web/server.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct ja_web_client {
    void *mine;
    bool is_socket, is_closed;
    unsigned answers, status;
};

struct ja_web {
    struct ja_web_service services[JA_WEB_SERVICES];
    unsigned count;
};

static struct ja_web stub_web;

static void require(bool condition) {
    if (!condition)
        abort();
}

/* Most is said again and again: what was just looked at need not be again. */
static bool was_said(const void *text, size_t size) {
    static struct {
        size_t size;
        char text[32768];
    } said[64];
    size_t place = size % 64;
    if (said[place].size == size && memcmp(said[place].text, text, size) == 0)
        return true;
    said[place].size = size <= sizeof said[place].text ? size : 0;
    memcpy(said[place].text, text, said[place].size);
    return false;
}

static void require_json(const void *text, size_t size) {
    if (size > 0 && was_said(text, size))
        return;
    json_t *json = json_loadb(text, size, 0, NULL);
    require(json != NULL);
    json_decref(json);
}

enum ja_status ja_web_listen(struct ja_web *web, const struct ja_web_service *service,
                             unsigned *number, struct ja_error *error) {
    (void)error;
    *number = web->count;
    web->services[web->count++] = *service;
    return JA_OK;
}

/* Both queues are short here: what is told or asked is heard at once. */
bool ja_web_tell(struct ja_web *web, unsigned service, const void *bytes, size_t size) {
    web->services[service].told(web->services[service].data, bytes, size);
    return true;
}

bool ja_web_ask(struct ja_web *web, unsigned service, const void *bytes, size_t size) {
    require(size <= JA_WEB_MESSAGE_BYTES);
    web->services[service].asked(web->services[service].data, bytes, size);
    return true;
}

void ja_web_answer(struct ja_web_client *client, unsigned status, const char *type,
                   const void *body, size_t size) {
    require(!client->is_socket && client->answers++ == 0);
    require(status >= 200 && status < 600);
    client->status = status;
    if (!strcmp(type, "application/json") && size > 0)
        require_json(body, size);
}

bool ja_web_send(struct ja_web_client *client, bool text, const void *bytes, size_t size,
                 bool may_drop) {
    (void)may_drop;
    require(client->is_socket);
    if (text)
        require_json(bytes, size);
    client->answers++;
    return true;
}

bool ja_web_send_latest(struct ja_web_client *client, unsigned slot, bool text, const void *bytes,
                        size_t size) {
    (void)slot;
    return ja_web_send(client, text, bytes, size, true);
}

void ja_web_close(struct ja_web_client *client, unsigned code, const char *reason) {
    require(client->is_socket && code >= 1000 && code < 5000 && strlen(reason) < 124);
    client->is_closed = true;
}

size_t ja_web_waiting(const struct ja_web_client *client) {
    (void)client;
    return 0;
}

void ja_web_wake(struct ja_web *web) {
    (void)web; /* perhaps in another thread: who plays it looks often */
}

void ja_web_client_set(struct ja_web_client *client, void *mine) {
    client->mine = mine;
}

void *ja_web_client_get(const struct ja_web_client *client) {
    return client->mine;
}

#endif
