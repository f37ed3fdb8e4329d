/* The OSCQuery service: requests, WebSockets and who listens to what.
 *
 * The tree belongs to the server's thread. From the main thread come packets of outputs, and after
 * a change of the configuration a copy of it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/web/oscquery.h>

#include "oscquery_tree.h"

#include <ja/core/json.h>
#include <ja/net/osc_reader.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENTS = 32,
    LISTENS = 256, /* addresses that one client listens to */
    ANSWER_BYTES = 65536,
    MOST_ANSWER_BYTES = 1 << 24,
    ASK_BYTES = 4096, /* longest packet of a client */
};

/* From the main thread: a word that says what follows, so that a packet stays aligned. */
enum { PACKET, OPTIONS };

struct listener {
    struct ja_web_client *client; /* NULL: free */
    char (*paths)[JA_OSC_PATH];   /* LISTENS of them */
    size_t count;
};

struct ja_oscquery {
    struct ja_web *web;
    unsigned service;
    struct ja_oscquery_settings settings;
    struct ja_oscquery_host host;

    /* The server's thread's own. */
    struct ja_osc_tree *tree;
    struct listener listeners[CLIENTS];
    char *answer;
    size_t answer_size;
};

#define S struct ja_oscquery_settings
static const struct ja_option options[] = {
    JA_OPTION_BOOL(S, enable, "enable", "true", JA_START, "Let programs ask what there is."),
    JA_OPTION_STRING(S, address, "address", "127.0.0.1", JA_START,
                     "Numeric address to listen on; 0.0.0.0 lets everybody on the network read and "
                     "steer."),
    JA_OPTION_INT(S, port, "port", "7772", 1, 65535, NULL, JA_START, "TCP port to listen on."),
    JA_OPTION_LIST(S, hosts, "hosts", "", JA_START,
                   "Names by which this machine may be called besides its own and its addresses."),
};
#undef S

const struct ja_module ja_oscquery_module = {
    .name = "oscquery",
    .help = "Shows other programs what there is to hear and to steer.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct ja_oscquery_settings),
};

/* --- Requests --- */

/* The answer with as much room as it needs; `status` 0 when there is no memory for that. */
static struct ja_text make_answer(struct ja_oscquery *query, const struct ja_web_request *request,
                                  unsigned *status) {
    struct ja_text text;
    for (;;) {
        ja_text_init(&text, query->answer, query->answer_size);
        *status = ja_osc_tree_answer(query->tree, request->path, request->query, &text);
        if (!text.full)
            return text;
        char *more = query->answer_size < MOST_ANSWER_BYTES
                         ? realloc(query->answer, 2 * query->answer_size)
                         : NULL;
        *status = 0;
        if (!more)
            return text;
        query->answer = more;
        query->answer_size *= 2;
    }
}

static void requested(void *data, struct ja_web_client *client,
                      const struct ja_web_request *request) {
    static const char json[] = "application/json", plain[] = "text/plain";
    struct ja_oscquery *query = data;
    unsigned status;
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        static const char why[] = "only GET is understood\n";
        ja_web_answer(client, 405, plain, why, sizeof why - 1);
        return;
    }
    const struct ja_text text = make_answer(query, request, &status);
    if (status == 200) {
        ja_web_answer(client, status, json, text.data, text.length);
        return;
    }
    const char *why = status == 404   ? "there is no such address\n"
                      : status == 400 ? "there is no such attribute\n"
                      : status == 0   ? "no memory\n"
                                      : "";
    ja_web_answer(client, status ? status : 500, plain, why, strlen(why));
}

/* --- WebSockets --- */

static bool open_socket(void *data, struct ja_web_client *client,
                        const struct ja_web_request *request) {
    struct ja_oscquery *query = data;
    (void)request;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct listener *listener = &query->listeners[i];
        if (listener->client)
            continue;
        listener->paths = calloc(LISTENS, sizeof *listener->paths);
        if (!listener->paths)
            return false;
        listener->client = client;
        listener->count = 0;
        ja_web_client_set(client, listener);
        return true;
    }
    return false;
}

static void closed(void *data, struct ja_web_client *client) {
    struct listener *listener = ja_web_client_get(client);
    (void)data;
    if (!listener)
        return;
    free(listener->paths);
    *listener = (struct listener){0};
}

static size_t place_of(const struct listener *listener, const char *path) {
    size_t i = 0;
    while (i < listener->count && strcmp(listener->paths[i], path) != 0)
        i++;
    return i;
}

static void hear_text(const struct ja_oscquery *query, struct listener *listener, const char *text,
                      size_t size) {
    char path[JA_OSC_PATH];
    bool listen;
    if (!ja_oscquery_read(text, size, &listen, path))
        return; /* PATH_CHANGED and the like are a server's; others do not concern us */
    size_t place = place_of(listener, path);
    if (!listen && place < listener->count)
        memmove(listener->paths[place], listener->paths[--listener->count], JA_OSC_PATH);
    else if (listen && place == listener->count && place < LISTENS &&
             ja_osc_tree_has(query->tree, path))
        ja_text_copy(listener->paths[listener->count++], JA_OSC_PATH, path);
}

static void ignore_message(void *data, const struct ja_osc_message *message) {
    (void)data;
    (void)message;
}

static void heard(void *data, struct ja_web_client *client, bool text, const void *bytes,
                  size_t size) {
    struct ja_oscquery *query = data;
    struct listener *listener = ja_web_client_get(client);
    if (text)
        hear_text(query, listener, bytes, size);
    else if (size <= ASK_BYTES && ja_osc_read(bytes, size, ignore_message, NULL))
        ja_web_ask(query->web, query->service, bytes, size);
}

/* --- From the main thread --- */

/* To all who listen to the packet's address, which stands at its beginning. */
static void spread(void *data, const void *packet, size_t size) {
    struct ja_oscquery *query = data;
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct listener *listener = &query->listeners[i];
        if (listener->client && place_of(listener, packet) < listener->count)
            ja_web_send(listener->client, false, packet, size, true);
    }
}

static void tell_that_options_changed(const struct ja_oscquery *query) {
    static const char text[] = "{\"COMMAND\":\"PATH_CHANGED\",\"DATA\":\"/ja/option\"}";
    for (size_t i = 0; i < CLIENTS; i++)
        if (query->listeners[i].client)
            ja_web_send(query->listeners[i].client, true, text, sizeof text - 1, false);
}

static void take_options(struct ja_oscquery *query, struct ja_config *config) {
    bool other;
    if (ja_osc_tree_options(query->tree, config, spread, query, &other) && other)
        tell_that_options_changed(query);
    ja_config_free(config);
}

static void told(void *data, const void *bytes, size_t size) {
    struct ja_oscquery *query = data;
    uint32_t kind;
    memcpy(&kind, bytes, sizeof kind);
    const char *rest = (const char *)bytes + sizeof kind;
    size -= sizeof kind;
    if (kind == OPTIONS) {
        struct ja_config *config;
        memcpy(&config, rest, sizeof config);
        take_options(query, config);
        return;
    }
    ja_osc_tree_value(query->tree, rest, size);
    spread(query, rest, size);
}

static bool tell(struct ja_oscquery *query, uint32_t kind, const void *bytes, size_t size) {
    char message[sizeof kind + JA_OSC_PACKET];
    if (size > JA_OSC_PACKET)
        return false;
    memcpy(message, &kind, sizeof kind);
    memcpy(message + sizeof kind, bytes, size);
    return ja_web_tell(query->web, query->service, message, sizeof kind + size);
}

/* --- Main thread --- */

bool ja_oscquery_packet(struct ja_oscquery *query, const void *packet, size_t size) {
    return tell(query, PACKET, packet, size);
}

bool ja_oscquery_options(struct ja_oscquery *query, const struct ja_config *config) {
    struct ja_config *copy = ja_config_clone(config);
    if (copy && tell(query, OPTIONS, &copy, sizeof copy))
        return true;
    ja_config_free(copy);
    return false;
}

static void asked(void *data, const void *bytes, size_t size) {
    const struct ja_oscquery *query = data;
    query->host.heard(query->host.data, bytes, size);
}

enum ja_status ja_oscquery_open(struct ja_oscquery **query, struct ja_web *web,
                                const struct ja_oscquery_settings *settings,
                                const struct ja_oscquery_host *host, struct ja_error *error) {
    struct ja_oscquery *made = calloc(1, sizeof *made);
    *query = NULL;
    if (!made)
        return ja_fail(error, JA_FAILED, "no memory for OSCQuery");
    *made = (struct ja_oscquery){
        .web = web, .settings = *settings, .host = *host, .answer_size = ANSWER_BYTES};
    made->answer = malloc(made->answer_size);
    made->tree = ja_osc_tree_new(&(struct ja_osc_tree_setup){.name = host->name,
                                                             .osc_port = host->osc_port,
                                                             .catalogue = host->catalogue,
                                                             .streams = host->streams,
                                                             .stream_count = host->stream_count});
    struct ja_web_service service = {.name = ja_oscquery_module.name,
                                     .address = made->settings.address,
                                     .port = settings->port,
                                     .hosts = made->settings.hosts,
                                     .request = requested,
                                     .open = open_socket,
                                     .heard = heard,
                                     .closed = closed,
                                     .told = told,
                                     .asked = asked,
                                     .data = made};
    enum ja_status status = made->answer && made->tree
                                ? ja_web_listen(web, &service, &made->service, error)
                                : ja_fail(error, JA_FAILED, "no memory for OSCQuery");
    if (status == JA_OK)
        *query = made;
    else
        ja_oscquery_close(made);
    return status;
}

void ja_oscquery_close(struct ja_oscquery *query) {
    if (!query)
        return;
    ja_osc_tree_free(query->tree);
    free(query->answer);
    free(query);
}
