/* The web server: one thread that speaks HTTP and WebSocket on any number of ports, and a queue
 * each way between it and the main thread.
 *
 * What is served on a port is a service. Nothing here waits for the main thread, nor it for us:
 * a message for which a queue has no room is lost and told to who sends it. At most
 * JA_WEB_WAITING_BYTES wait for a client that does not read, JA_WEB_STUCK_US long; then it is left.
 * Strangers' pages are kept out: a request must call us by an address, "localhost", this machine's
 * name or one that is configured, and where it has an Origin, that must be the same (RFC 6455 10.2;
 * DNS rebinding).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_SERVER_H
#define JA_WEB_SERVER_H

#include <ja/core/loop.h>
#include <stddef.h>

enum {
    JA_WEB_SERVICES = 4,
    JA_WEB_CLIENTS = 512,          /* most connections, of all services */
    JA_WEB_MESSAGE_BYTES = 65536,  /* longest body, WebSocket message and message between threads */
    JA_WEB_WAITING_BYTES = 262144, /* of WebSocket messages that wait for one client */
    JA_WEB_STUCK_US = 5000000,     /* for so long a client may take nothing of what waits */
};

struct ja_web;
struct ja_web_client; /* one request, or one WebSocket */

struct ja_web_request {
    const char
        *method;       /* "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"; of a WebSocket "GET" */
    const char *path;  /* decoded; starts with '/' */
    const char *query; /* what stands after '?', decoded, its parts joined by '&'; "" */
    const char *authorization; /* the header of that name; "" */
    const char *body;
    size_t size; /* of the body */
};

struct ja_web_service {
    const char *name; /* in messages: "oscquery" */
    const char *address;
    int port;
    const char *hosts; /* names by which it may be called, too: a list (ja_list_next) */
    /* Files of certificate and key, PEM: then it speaks TLS alone; both "" or NULL: without. */
    const char *cert, *key;
    int hsts_days; /* for so long browsers are told to use TLS with this host only; 0: not told */

    /* --- Called in the server's thread; each optional but `request` --- */

    /* To be answered by ja_web_answer, now or later, but before `closed`. */
    void (*request)(void *data, struct ja_web_client *client, const struct ja_web_request *request);
    /* Before a WebSocket is opened: 0 lets it in, else the HTTP status that refuses it. */
    unsigned (*admit)(void *data, const struct ja_web_request *request);
    /* A WebSocket has been opened; false closes it again. NULL: there are none. */
    bool (*open)(void *data, struct ja_web_client *client, const struct ja_web_request *request);
    /* A whole message has come by WebSocket. */
    void (*heard)(void *data, struct ja_web_client *client, bool text, const void *bytes,
                  size_t size);
    /* The client is gone. */
    void (*closed)(void *data, struct ja_web_client *client);
    /* The main thread has told something. Also called by ja_web_free, for what is left. */
    void (*told)(void *data, const void *bytes, size_t size);

    /* ja_web_wake was called, or `told`; maybe more often. */
    void (*woken)(void *data);
    /* Once a second. */
    void (*second)(void *data);
    /* The thread ends; connections are closed after this. */
    void (*ended)(void *data);

    /* --- Called in the main thread; optional --- */

    /* The server's thread has asked something. */
    void (*asked)(void *data, const void *bytes, size_t size);

    void *data;
};

/* --- Main thread --- */

/* NULL and a sentence on error. */
struct ja_web *ja_web_new(struct ja_loop *loop, struct ja_error *error);
/* Adds a service (copied; its strings must last), before ja_web_start. Its number, from 0 on, goes
 * to `number`. JA_FAILED and a sentence when it cannot listen there, JA_USAGE when certificate or
 * key cannot be used. */
enum ja_status ja_web_listen(struct ja_web *web, const struct ja_web_service *service,
                             unsigned *number, struct ja_error *error);
enum ja_status ja_web_start(struct ja_web *web, struct ja_error *error);
/* Closes every connection and ends the thread; NULL is fine. */
void ja_web_free(struct ja_web *web);
/* To the service's `told`; false when there is no room. */
bool ja_web_tell(struct ja_web *web, unsigned service, const void *bytes, size_t size);

/* --- Server's thread --- */

/* To the service's `asked`; false when there is no room. */
bool ja_web_ask(struct ja_web *web, unsigned service, const void *bytes, size_t size);
/* Answers a request, once; `body` is copied, `type` is a media type. No body where `size` is 0. */
void ja_web_answer(struct ja_web_client *client, unsigned status, const char *type,
                   const void *body, size_t size);
/* Sends a WebSocket message; false when it is lost: too much waits already. What may be dropped
 * has a quarter of the room; what may not makes an end of a client that does not read. */
bool ja_web_send(struct ja_web_client *client, bool text, const void *bytes, size_t size,
                 bool may_drop);
/* The same for what a newer value makes worthless: one that still waits in this slot is replaced.
 */
bool ja_web_send_latest(struct ja_web_client *client, unsigned slot, bool text, const void *bytes,
                        size_t size);
/* Ends a WebSocket after what waits has been sent; `reason` (123 bytes at most) goes with it. What
 * it says from now on is not heard. */
void ja_web_close(struct ja_web_client *client, unsigned code, const char *reason);
/* Bytes of messages that wait for a WebSocket. */
size_t ja_web_waiting(const struct ja_web_client *client);
/* For the service to keep something with a client; NULL at first. */
void ja_web_client_set(struct ja_web_client *client, void *mine);
void *ja_web_client_get(const struct ja_web_client *client);

/* --- Any thread --- */

/* Makes the server's thread call every service's `woken` soon; never blocks. */
void ja_web_wake(struct ja_web *web);
/* Does a Host header ("127.0.0.1:7772", "[::1]", "Stage.local:80") call this machine? */
bool ja_web_host_is_ours(const char *host, const char *hosts);
/* Is an Origin header ("http://127.0.0.1:7772") of the same place as the Host header? */
bool ja_web_origin_is_ours(const char *origin, const char *host);

#endif
