/* The web server's thread, on libwebsockets.
 *
 * One context with a virtual host per service. Only the thread touches the library, but for
 * lws_cancel_service, which wakes it when the main thread has put something into its queue. The
 * library has no request bodies or messages in one piece, and lets one write go out per
 * "writeable": both are gathered here, so that services see whole ones.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate.h"
#include "tls.h"
#include <ja/web/server.h>

#include <assert.h>
#include <errno.h>
#include <ja/config/option.h>
#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/core/ring.h>
#include <ja/core/text.h>
#include <ja/core/thread.h>
#include <libwebsockets.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PATH_BYTES = 1024,
    QUERY_BYTES = 1024,
    HOST_BYTES = 256,
    HEADER_BYTES = 1024,
    WRITE_BYTES = 16384, /* of an answer at a time */
    TELL_BYTES = 1 << 20,
    ASK_BYTES = 1 << 18,
    TURN_MESSAGES = 64,   /* for the main thread, in one turn of its loop */
    TURN_US = 1000,       /* the same in time; the message that passes it is the last */
    KERNEL_BYTES = 32768, /* asked for as room of a WebSocket in the kernel, who doubles it */
    REQUEST_SECONDS = 10,
    KEEP_ALIVE_SECONDS = 5,
    DAY_SECONDS = 24 * 60 * 60,
    REASON_BYTES = 124, /* of a close frame: RFC 6455 5.5 */
    SECOND_US = 1000000,
};

/* A WebSocket message that waits for its client. */
struct waiting {
    struct waiting *next;
    bool text;
    int slot; /* of ja_web_send_latest; -1: none */
    size_t size;
    unsigned char bytes[]; /* LWS_PRE bytes of room before the message */
};

struct ja_web_client {
    struct listener *listener;
    struct lws *wsi;
    void *mine;
    bool is_socket, answered, doomed;
    const char *method;
    char path[PATH_BYTES], query[QUERY_BYTES], authorization[HEADER_BYTES];
    char *in; /* the body, or the message so far */
    size_t in_size;
    unsigned char *out; /* the answer's body, with LWS_PRE bytes of room before it */
    size_t out_size, out_sent;
    struct waiting *first, *last;
    size_t waiting_bytes;
    uint64_t progress_us; /* when the first of them became the first */
    unsigned close_code;  /* 0: it stays */
    char close_reason[REASON_BYTES];
};

/* What the library keeps for us per connection. */
struct session {
    struct ja_web_client *client;
};

struct listener {
    struct ja_web *web;
    struct ja_web_service service;
    struct lws_protocols protocols[2]; /* the second ends the list */
};

/* Before each message in a queue. */
struct header {
    uint32_t service, size;
};

struct ja_web {
    struct ja_loop *loop;
    struct lws_context *context;
    lws_sorted_usec_list_t second;
    pthread_t thread;
    bool started;
    atomic_bool quit, woken;
    int asked_fd; /* eventfd: there is something in `ask` */
    struct ja_ring *tell, *ask;
    unsigned char *told, *asked; /* one message each, of the thread and of the loop */
    struct listener listeners[JA_WEB_SERVICES];
    unsigned count;
};

/* --- Who may call --- */

static bool has_tls(const struct ja_web_service *service) {
    return (service->cert && service->cert[0]) || (service->key && service->key[0]);
}

/* Checks Host and Origin of the request being read. */
static bool may_call(struct lws *wsi, const struct listener *listener) {
    char host[HOST_BYTES], origin[HOST_BYTES];
    if (lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) <= 0 ||
        !ja_web_host_is_ours(host, listener->service.hosts))
        return false;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) == 0)
        return true;
    return lws_hdr_copy(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) > 0 &&
           ja_web_origin_is_ours(origin, host);
}

/* --- Clients --- */

static struct ja_web_client *make_client(struct session *session, struct listener *listener,
                                         struct lws *wsi) {
    struct ja_web_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->listener = listener;
    client->wsi = wsi;
    session->client = client;
    return client;
}

static void drop_client(struct session *session) {
    struct ja_web_client *client = session ? session->client : NULL;
    if (!client)
        return;
    const struct ja_web_service *service = &client->listener->service;
    session->client = NULL;
    if (service->closed)
        service->closed(service->data, client);
    while (client->first) {
        struct waiting *next = client->first->next;
        free(client->first);
        client->first = next;
    }
    free(client->in);
    free(client->out);
    free(client);
}

void ja_web_client_set(struct ja_web_client *client, void *mine) {
    client->mine = mine;
}

void *ja_web_client_get(const struct ja_web_client *client) {
    return client->mine;
}

/* Adds to the body or message; false when it becomes too long or there is no memory. */
static bool gather(struct ja_web_client *client, const void *bytes, size_t size) {
    if (size == 0) /* then there may be no bytes at all */
        return true;
    if (!client->in && !(client->in = malloc(JA_WEB_MESSAGE_BYTES)))
        return false;
    if (client->in_size + size > JA_WEB_MESSAGE_BYTES)
        return false;
    memcpy(client->in + client->in_size, bytes, size);
    client->in_size += size;
    return true;
}

/* --- Requests --- */

static bool read_path(struct lws *wsi, struct ja_web_client *client) {
    static const struct {
        int token;
        const char *method;
    } methods[] = {
        {WSI_TOKEN_GET_URI, "GET"},       {WSI_TOKEN_HEAD_URI, "HEAD"},
        {WSI_TOKEN_POST_URI, "POST"},     {WSI_TOKEN_PUT_URI, "PUT"},
        {WSI_TOKEN_DELETE_URI, "DELETE"}, {WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (lws_hdr_copy(wsi, client->path, sizeof client->path,
                         (enum lws_token_indexes)methods[i].token) <= 0)
            continue;
        client->method = methods[i].method;
        return client->path[0] == '/';
    }
    return false;
}

static bool read_query(struct lws *wsi, struct ja_web_client *client) {
    char part[QUERY_BYTES];
    struct ja_text query;
    ja_text_init(&query, client->query, sizeof client->query);
    for (int i = 0;; i++) {
        int length = lws_hdr_copy_fragment(wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length < 0) /* there is no i-th part, or it is too long */
            return lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) == 0 && !query.full;
        ja_text_put(&query, i > 0 ? "&" : "");
        ja_text_put(&query, part);
    }
}

/* Path, query and what else of the headers a service is told. */
static bool read_headers(struct lws *wsi, struct ja_web_client *client) {
    if (lws_hdr_copy(wsi, client->authorization, sizeof client->authorization,
                     WSI_TOKEN_HTTP_AUTHORIZATION) < 0)
        client->authorization[0] = '\0';
    return read_path(wsi, client) && read_query(wsi, client);
}

static struct ja_web_request request_of(const struct ja_web_client *client) {
    return (struct ja_web_request){.method = client->method,
                                   .path = client->path,
                                   .query = client->query,
                                   .authorization = client->authorization,
                                   .body = client->in ? client->in : "",
                                   .size = client->in_size};
}

static void pass_request(struct ja_web_client *client) {
    const struct ja_web_service *service = &client->listener->service;
    const struct ja_web_request request = request_of(client);
    service->request(service->data, client, &request);
}

static long long body_length(struct lws *wsi) {
    char text[24];
    long long length;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
        return 0;
    if (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0 ||
        !ja_text_integer(text, &length) || length < 0)
        return -1;
    return length;
}

/* Answers at once that it cannot be, and closes; `why` may be NULL. */
static int refuse_because(struct lws *wsi, unsigned status, const char *why) {
    lws_return_http_status(wsi, status, why);
    return -1;
}

static int refuse(struct lws *wsi, unsigned status) {
    return refuse_because(wsi, status, NULL);
}

/* Who has come without TLS to where it is spoken is shown the way, but not a token's. */
static int redirect(struct lws *wsi, const struct ja_web_client *client) {
    unsigned char headers[LWS_PRE + PATH_BYTES + HEADER_BYTES], *at = headers + LWS_PRE;
    char host[HOST_BYTES], place[HOST_BYTES + PATH_BYTES + 16];
    if (client->method[0] != 'G' || lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) <= 0)
        return refuse_because(wsi, HTTP_STATUS_FORBIDDEN, "this port speaks TLS: use https");
    int length = snprintf(place, sizeof place, "https://%s%s", host, client->path);
    int done = lws_http_redirect(wsi, HTTP_STATUS_SEE_OTHER, (const unsigned char *)place, length,
                                 &at, headers + sizeof headers);
    return done > 0 ? 0 : -1;
}

static int begin_request(struct lws *wsi, struct session *session, struct listener *listener) {
    drop_client(session);
    struct ja_web_client *client = make_client(session, listener, wsi);
    if (!client)
        return -1;
    if (!may_call(wsi, listener))
        return refuse_because(wsi, HTTP_STATUS_FORBIDDEN,
                              "not by this name, nor for another site: use the machine's address, "
                              "or add the name to the option hosts");
    long long length = body_length(wsi);
    if (!read_headers(wsi, client) || length < 0 || (length > 0 && client->method[0] != 'P'))
        return refuse(wsi, HTTP_STATUS_BAD_REQUEST);
    if (has_tls(&listener->service) && !lws_is_ssl(wsi))
        return redirect(wsi, client);
    if (length > JA_WEB_MESSAGE_BYTES)
        return refuse(wsi, HTTP_STATUS_REQ_ENTITY_TOO_LARGE);
    if (length == 0)
        pass_request(client);
    return 0;
}

/* --- Answers --- */

/* Not unless it is wished: it is about every port of the host, and leaves no way past a
 * certificate that has run out. */
static int add_hsts(struct ja_web_client *client, unsigned char **at, unsigned char *end) {
    const struct ja_web_service *service = &client->listener->service;
    char text[32];
    if (!has_tls(service) || service->hsts_days == 0)
        return 0;
    int length = snprintf(text, sizeof text, "max-age=%d", service->hsts_days * DAY_SECONDS);
    return lws_add_http_header_by_token(client->wsi, WSI_TOKEN_HTTP_STRICT_TRANSPORT_SECURITY,
                                        (const unsigned char *)text, length, at, end);
}

static int write_headers(struct ja_web_client *client, unsigned status, const char *type,
                         size_t size) {
    unsigned char headers[LWS_PRE + HEADER_BYTES];
    unsigned char *start = headers + LWS_PRE, *at = start, *end = headers + sizeof headers;
    static const char no_store[] = "no-store";
    return lws_add_http_common_headers(client->wsi, status, type, size, &at, end) ||
           add_hsts(client, &at, end) ||
           lws_add_http_header_by_token(client->wsi, WSI_TOKEN_HTTP_CACHE_CONTROL,
                                        (const unsigned char *)no_store, sizeof no_store - 1, &at,
                                        end) ||
           lws_finalize_write_http_header(client->wsi, start, &at, end);
}

void ja_web_answer(struct ja_web_client *client, unsigned status, const char *type,
                   const void *body, size_t size) {
    assert(!client->is_socket && !client->answered);
    client->answered = true;
    bool with_body = size > 0 && strcmp(client->method, "HEAD") != 0;
    if (with_body)
        client->out = malloc(LWS_PRE + size);
    if (with_body && client->out) {
        memcpy(client->out + LWS_PRE, body, size);
        client->out_size = size;
    }
    client->doomed = (with_body && !client->out) || write_headers(client, status, type, size) != 0;
    lws_callback_on_writable(client->wsi);
}

/* The next piece of the answer. */
static int write_answer(struct ja_web_client *client) {
    if (client->doomed)
        return -1;
    if (!client->answered)
        return 0;
    size_t left = client->out_size - client->out_sent;
    size_t size = left < WRITE_BYTES ? left : WRITE_BYTES;
    if (left > 0 && lws_write(client->wsi, client->out + LWS_PRE + client->out_sent, size,
                              size == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)size)
        return -1;
    client->out_sent += size;
    if (size < left) {
        lws_callback_on_writable(client->wsi);
        return 0;
    }
    return lws_http_transaction_completed(client->wsi) ? -1 : 0;
}

/* --- WebSockets --- */

/* The library takes others, too, but speaks this one alone. */
static bool is_version_13(struct lws *wsi) {
    char version[8];
    return lws_hdr_copy(wsi, version, sizeof version, WSI_TOKEN_VERSION) == 2 &&
           !strcmp(version, "13");
}

/* Lets an upgrade go on, or answers why not. */
static int admit_socket(struct lws *wsi, struct listener *listener) {
    const struct ja_web_service *service = &listener->service;
    struct ja_web_client client = {.listener = listener};
    if (!may_call(wsi, listener) || (has_tls(service) && !lws_is_ssl(wsi)))
        return refuse(wsi, HTTP_STATUS_FORBIDDEN);
    if (!service->open)
        return refuse(wsi, HTTP_STATUS_NOT_FOUND);
    if (!is_version_13(wsi) || !read_headers(wsi, &client))
        return refuse(wsi, HTTP_STATUS_BAD_REQUEST);
    const struct ja_web_request request = request_of(&client);
    unsigned status = service->admit ? service->admit(service->data, &request) : 0;
    return status ? refuse(wsi, status) : 0;
}

static int open_socket(struct lws *wsi, struct session *session, struct listener *listener) {
    const struct ja_web_service *service = &listener->service;
    session->client = NULL; /* an upgrade begins anew */
    struct ja_web_client *client = make_client(session, listener, wsi);
    if (!client || !service->open || !read_headers(wsi, client))
        return -1;
    const int kernel_bytes = KERNEL_BYTES;
    setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &kernel_bytes, sizeof kernel_bytes);
    client->is_socket = true;
    const struct ja_web_request request = request_of(client);
    return service->open(service->data, client, &request) ? 0 : -1;
}

static int hear(struct lws *wsi, struct ja_web_client *client, const void *bytes, size_t size) {
    const struct ja_web_service *service = &client->listener->service;
    if (client->close_code)
        return 0;
    if (!gather(client, bytes, size)) {
        lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
        return -1;
    }
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0)
        return 0;
    if (service->heard)
        service->heard(service->data, client, !lws_frame_is_binary(wsi),
                       client->in ? client->in : "", client->in_size);
    client->in_size = 0;
    return client->doomed ? -1 : 0;
}

/* Leaves a client at once, whether or not it can be written to. */
static void leave(struct ja_web_client *client) {
    client->doomed = true;
    lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static struct waiting *make_waiting(const void *bytes, size_t size, bool text) {
    struct waiting *message = malloc(sizeof *message + LWS_PRE + size);
    if (!message)
        return NULL;
    *message = (struct waiting){.text = text, .slot = -1, .size = size};
    memcpy(message->bytes + LWS_PRE, bytes, size);
    return message;
}

static void append(struct ja_web_client *client, struct waiting *message) {
    if (client->last)
        client->last->next = message;
    else
        client->first = message;
    if (!client->last)
        client->progress_us = ja_clock_us();
    client->last = message;
    client->waiting_bytes += message->size;
    lws_callback_on_writable(client->wsi);
}

static bool is_stuck(const struct ja_web_client *client) {
    return client->first && ja_clock_us() - client->progress_us > JA_WEB_STUCK_US;
}

/* The message as it is queued; NULL when it is lost. */
static struct waiting *enqueue(struct ja_web_client *client, bool text, const void *bytes,
                               size_t size, bool may_drop) {
    size_t room = may_drop ? JA_WEB_WAITING_BYTES / 4 : JA_WEB_WAITING_BYTES;
    assert(client->is_socket);
    if (client->doomed || client->close_code)
        return NULL;
    struct waiting *message = NULL;
    if (client->waiting_bytes + size <= room)
        message = make_waiting(bytes, size, text);
    if (message)
        append(client, message);
    if ((!message && !may_drop) || is_stuck(client))
        leave(client);
    return message;
}

bool ja_web_send(struct ja_web_client *client, bool text, const void *bytes, size_t size,
                 bool may_drop) {
    return enqueue(client, text, bytes, size, may_drop) != NULL;
}

void ja_web_close(struct ja_web_client *client, unsigned code, const char *reason) {
    if (client->close_code)
        return;
    client->close_code = code;
    ja_text_copy(client->close_reason, sizeof client->close_reason, reason);
    lws_callback_on_writable(client->wsi);
}

size_t ja_web_waiting(const struct ja_web_client *client) {
    return client->waiting_bytes;
}

/* Where the message of the slot hangs; the end of the queue when there is none. */
static struct waiting **find_slot(struct ja_web_client *client, unsigned slot) {
    struct waiting **link = &client->first;
    while (*link && (*link)->slot != (int)slot)
        link = &(*link)->next;
    return link;
}

bool ja_web_send_latest(struct ja_web_client *client, unsigned slot, bool text, const void *bytes,
                        size_t size) {
    struct waiting **link = find_slot(client, slot), *former = *link;
    if (!former) {
        struct waiting *message = enqueue(client, text, bytes, size, true);
        if (message)
            message->slot = (int)slot;
        return message != NULL;
    }
    struct waiting *message = make_waiting(bytes, size, text);
    if (!message)
        return false;
    message->slot = (int)slot;
    message->next = former->next;
    *link = message;
    if (client->last == former)
        client->last = message;
    client->waiting_bytes = client->waiting_bytes - former->size + size;
    free(former);
    if (is_stuck(client))
        leave(client);
    return true;
}

/* All that waited has been sent. */
static int say_goodbye(struct ja_web_client *client) {
    if (client->close_code == 0)
        return 0;
    lws_close_reason(client->wsi, (enum lws_close_status)client->close_code,
                     (unsigned char *)client->close_reason, strlen(client->close_reason));
    return -1;
}

static int write_message(struct ja_web_client *client) {
    struct waiting *message = client->first;
    if (client->doomed)
        return -1;
    if (!message)
        return say_goodbye(client);
    int written = lws_write(client->wsi, message->bytes + LWS_PRE, message->size,
                            message->text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
    bool whole = written >= (int)message->size;
    client->first = message->next;
    if (!client->first)
        client->last = NULL;
    client->waiting_bytes -= message->size;
    client->progress_us = ja_clock_us();
    free(message);
    if (client->first || client->close_code)
        lws_callback_on_writable(client->wsi);
    return whole ? 0 : -1;
}

/* --- The thread --- */

/* Hands what the main thread has told to the services. */
static void hand_out(struct ja_web *web) {
    struct header header;
    atomic_store(&web->woken, false);
    while (ja_ring_read(web->tell, &header, sizeof header)) {
        const struct ja_web_service *service = &web->listeners[header.service].service;
        ja_ring_read(web->tell, web->told, header.size);
        if (service->told)
            service->told(service->data, web->told, header.size);
    }
}

static void wake_services(struct ja_web *web) {
    for (unsigned i = 0; i < web->count; i++)
        if (web->listeners[i].service.woken)
            web->listeners[i].service.woken(web->listeners[i].service.data);
}

static void every_second(lws_sorted_usec_list_t *entry) {
    struct ja_web *web = lws_container_of(entry, struct ja_web, second);
    lws_sul_schedule(web->context, 0, &web->second, every_second, SECOND_US);
    for (unsigned i = 0; i < web->count; i++)
        if (web->listeners[i].service.second)
            web->listeners[i].service.second(web->listeners[i].service.data);
}

static int called(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t size) {
    struct session *session = user;
    const struct lws_protocols *protocol = wsi ? lws_get_protocol(wsi) : NULL;
    struct listener *listener = protocol ? protocol->user : NULL;
    switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        hand_out(lws_context_user(lws_get_context(wsi)));
        wake_services(lws_context_user(lws_get_context(wsi)));
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return admit_socket(wsi, listener);
    case LWS_CALLBACK_HTTP:
        return begin_request(wsi, session, listener);
    case LWS_CALLBACK_HTTP_BODY:
        return session->client && gather(session->client, in, size) ? 0 : -1;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        if (session->client && !session->client->answered)
            pass_request(session->client);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return session->client ? write_answer(session->client) : 0;
    case LWS_CALLBACK_ESTABLISHED:
        return open_socket(wsi, session, listener);
    case LWS_CALLBACK_RECEIVE:
        return session->client ? hear(wsi, session->client, in, size) : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return session->client ? write_message(session->client) : -1;
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_CLOSED:
        drop_client(session);
        return 0;
    default:
        return 0;
    }
}

static void *run(void *data) {
    struct ja_web *web = data;
    prctl(PR_SET_NAME, "web");
    lws_sul_schedule(web->context, 0, &web->second, every_second, SECOND_US);
    while (!atomic_load(&web->quit))
        if (lws_service(web->context, 0) < 0)
            break;
    for (unsigned i = 0; i < web->count; i++)
        if (web->listeners[i].service.ended)
            web->listeners[i].service.ended(web->listeners[i].service.data);
    return NULL;
}

/* --- Between the threads --- */

static bool put(struct ja_ring *ring, unsigned service, const void *bytes, size_t size) {
    const struct header header = {service, (uint32_t)size};
    struct ja_ring_write write;
    if (size > JA_WEB_MESSAGE_BYTES || !ja_ring_begin(ring, &write, sizeof header + size))
        return false;
    ja_ring_put(&write, &header, sizeof header);
    ja_ring_put(&write, bytes, size);
    ja_ring_commit(&write);
    return true;
}

void ja_web_wake(struct ja_web *web) {
    if (!atomic_exchange(&web->woken, true))
        lws_cancel_service(web->context);
}

bool ja_web_tell(struct ja_web *web, unsigned service, const void *bytes, size_t size) {
    if (!put(web->tell, service, bytes, size))
        return false;
    ja_web_wake(web);
    return true;
}

bool ja_web_ask(struct ja_web *web, unsigned service, const void *bytes, size_t size) {
    if (!put(web->ask, service, bytes, size))
        return false;
    eventfd_write(web->asked_fd, 1);
    return true;
}

/* In the main thread: some at a time, then beats have their turn. */
static void asked(void *data, int fd, short events) {
    struct ja_web *web = data;
    struct header header;
    eventfd_t count;
    (void)events;
    const uint64_t end_us = ja_clock_us() + TURN_US;
    eventfd_read(fd, &count);
    for (unsigned i = 0; i < TURN_MESSAGES && ja_clock_us() < end_us; i++) {
        if (!ja_ring_read(web->ask, &header, sizeof header))
            return;
        const struct ja_web_service *service = &web->listeners[header.service].service;
        ja_ring_read(web->ask, web->asked, header.size);
        if (service->asked)
            service->asked(service->data, web->asked, header.size);
    }
    eventfd_write(fd, 1);
}

/* --- Start and end --- */

static void say(int level, const char *line) {
    ja_log(JA_LOG_DEBUG, "web: %.*s", (int)strcspn(line, "\n"), line);
    (void)level;
}

static struct lws_context *make_context(struct ja_web *web) {
    static const lws_retry_bo_t idle = {.secs_since_valid_ping = 15, .secs_since_valid_hangup = 30};
    lws_set_log_level(LLL_ERR | LLL_WARN, say);
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .user = web,
        .fd_limit_per_thread = JA_WEB_CLIENTS + 16,
        .max_http_header_pool = JA_WEB_CLIENTS,
        .pt_serv_buf_size = WRITE_BYTES,
        .retry_and_idle_policy = &idle,
    };
    return lws_create_context(&info);
}

struct ja_web *ja_web_new(struct ja_loop *loop, struct ja_error *error) {
    struct ja_web *web = calloc(1, sizeof *web);
    if (!web) {
        ja_fail(error, JA_FAILED, "no memory for the web server");
        return NULL;
    }
    web->loop = loop;
    web->asked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    web->tell = ja_ring_new(TELL_BYTES);
    web->ask = ja_ring_new(ASK_BYTES);
    web->told = malloc(JA_WEB_MESSAGE_BYTES);
    web->asked = malloc(JA_WEB_MESSAGE_BYTES);
    if (web->asked_fd >= 0 && web->tell && web->ask && web->told && web->asked)
        web->context = make_context(web);
    if (!web->context)
        ja_fail(error, JA_FAILED, "the web server cannot be made: %s",
                errno ? strerror(errno) : "no memory");
    else if (ja_loop_watch(loop, web->asked_fd, POLLIN, asked, web, error) == JA_OK)
        return web;
    ja_web_free(web);
    return NULL;
}

/* HTTP/2, which the library would offer, is nothing that we have tested. */
static void add_tls(const struct ja_web_service *service, struct lws_context_creation_info *info) {
    info->ssl_cert_filepath = service->cert;
    info->ssl_private_key_filepath = service->key;
    info->alpn = "http/1.1";
    info->ssl_options_set =
        SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION;
    info->options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
                     LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT |
                     LWS_SERVER_OPTION_ALLOW_HTTP_ON_HTTPS_LISTENER;
}

enum ja_status ja_web_listen(struct ja_web *web, const struct ja_web_service *service,
                             unsigned *number, struct ja_error *error) {
    assert(web->count < JA_WEB_SERVICES && !web->started && service->request);
    if (!ja_gate_is_address(service->address))
        return ja_fail(error, JA_USAGE, "%s.address is \"%s\", not a numeric IPv4 or IPv6 address",
                       service->name, service->address);
    if (has_tls(service) &&
        ja_tls_check(service->name, service->cert, service->key, error) != JA_OK)
        return JA_USAGE;
    struct listener *listener = &web->listeners[web->count];
    *listener = (struct listener){.web = web, .service = *service};
    listener->protocols[0] = (struct lws_protocols){.name = service->name,
                                                    .callback = called,
                                                    .per_session_data_size = sizeof(struct session),
                                                    .rx_buffer_size = 4096,
                                                    .user = listener};
    bool everywhere = !strcmp(service->address, "0.0.0.0") || !strcmp(service->address, "::");
    struct lws_context_creation_info info = {
        .port = service->port,
        .iface = everywhere ? NULL : service->address,
        .vhost_name = service->name,
        .protocols = listener->protocols,
        .timeout_secs = REQUEST_SECONDS,
        .keepalive_timeout = KEEP_ALIVE_SECONDS,
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   LWS_SERVER_OPTION_HTTP_HEADERS_SECURITY_BEST_PRACTICES_ENFORCE |
                   (strchr(service->address, ':') ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
    };
    if (has_tls(service))
        add_tls(service, &info);
    errno = 0;
    if (!lws_create_vhost(web->context, &info))
        return ja_fail(error, JA_FAILED, "%s: cannot listen on %s, TCP port %d: %s", service->name,
                       service->address, service->port,
                       errno ? strerror(errno) : "the address cannot be used");
    *number = web->count++;
    return JA_OK;
}

enum ja_status ja_web_start(struct ja_web *web, struct ja_error *error) {
    int code = ja_thread_start(&web->thread, 0, run, web);
    web->started = code == 0;
    return code == 0 ? JA_OK
                     : ja_fail(error, JA_FAILED, "the web server cannot start: %s", strerror(code));
}

void ja_web_free(struct ja_web *web) {
    if (!web)
        return;
    atomic_store(&web->quit, true);
    if (web->started) {
        lws_cancel_service(web->context);
        pthread_join(web->thread, NULL);
    }
    if (web->context)
        lws_context_destroy(web->context);
    if (web->tell && web->told)
        hand_out(web);
    if (web->asked_fd >= 0) {
        ja_loop_unwatch(web->loop, web->asked_fd);
        close(web->asked_fd);
    }
    ja_ring_free(web->tell);
    ja_ring_free(web->ask);
    free(web->told);
    free(web->asked);
    free(web);
}
