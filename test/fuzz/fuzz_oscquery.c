/* Throws paths, queries, packets and messages at OSCQuery: whatever it answers must be JSON, and
 * what it lets through must be OSC.
 *
 * The first byte says which: M and B are messages of a WebSocket, text and binary, P is a packet of
 * an output; else it is a path, in which the first '?' begins the query.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "web_stub.h"

#include <ja/net/osc_reader.h>
#include <ja/net/osc_writer.h>
#include <ja/web/oscquery.h>
#include <stdio.h>

struct settings {
    double number;
    int choice;
    char text[32];
    bool flag;
};

static const char *const choices[] = {"one", "two", NULL};
static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, number, "number", "0.5", 0, 1, NULL, JA_LIVE, "A number."),
    JA_OPTION_CHOICE(struct settings, choice, "choice", "two", choices, JA_LIVE, "A choice."),
    JA_OPTION_STRING(struct settings, text, "text", "a \"b\"", JA_START, "A text."),
    JA_OPTION_BOOL(struct settings, flag, "flag", "true", JA_LIVE, "A switch."),
};
static const struct ja_module module = {"some", "Some.", options, 4, sizeof(struct settings),
                                        true,   "one"};

static void ignore(void *data, const struct ja_osc_message *message) {
    (void)data, (void)message;
}

static void packet_heard(void *data, const void *packet, size_t size) {
    (void)data;
    require(ja_osc_read(packet, size, ignore, NULL));
}

/* A client that listens to two addresses, and one to none. */
static struct ja_web_client client = {.is_socket = true}, silent = {.is_socket = true};

static struct ja_oscquery *open_query(void) {
    static const char *const streams[] = {"main", "desk"};
    static const struct ja_catalogue catalogue; /* no stages: no values of the frame */
    static const struct ja_oscquery_settings settings = {.enable = true, .address = "127.0.0.1"};
    const struct ja_oscquery_host host = {.name = "box",
                                          .osc_port = 7770,
                                          .catalogue = &catalogue,
                                          .streams = streams,
                                          .stream_count = 2,
                                          .heard = packet_heard};
    struct ja_oscquery *query = NULL;
    struct ja_error error;
    stub_web.count = 0;
    require(ja_oscquery_open(&query, &stub_web, &settings, &host, &error) == JA_OK);
    return query;
}

static void tell_options(struct ja_oscquery *query) {
    static const struct ja_module *const modules[] = {&module};
    struct ja_error error;
    struct ja_config *config = ja_config_new(modules, 1);
    require(config && ja_oscquery_options(query, config));
    require(ja_config_set(config, JA_LAYER_LIVE, "some.one.number", "0.7", "fuzz", &error) ==
            JA_OK);
    require(ja_config_set(config, JA_LAYER_LIVE, "some.two.flag", "false", "fuzz", &error) ==
            JA_OK);
    require(ja_oscquery_options(query, config));
    ja_config_free(config);
}

static void listen_to(const struct ja_web_service *service, const char *path) {
    char text[128];
    int length = snprintf(text, sizeof text, "{\"COMMAND\":\"LISTEN\",\"DATA\":\"%s\"}", path);
    service->heard(service->data, &client, true, text, (size_t)length);
}

static void tell_value(struct ja_oscquery *query, const char *path, const char *types,
                       const struct ja_osc_argument *arguments) {
    _Alignas(4) char packet[256];
    size_t size = ja_osc_write(packet, sizeof packet, path, types, arguments);
    require(size > 0 && ja_oscquery_packet(query, packet, size));
}

static void tell_values(struct ja_oscquery *query) {
    const struct ja_osc_argument beat[] = {{.i = 1}, {.i = 2}, {.f = 120}, {.f = 0.5f}};
    const struct ja_osc_argument section[] = {{.s = "drop"}, {.f = 1}};
    tell_value(query, "/ja/beat", "iiff", beat);
    tell_value(query, "/ja/section", "sf", section);
}

/* As many as there is room for, and one more. */
static void come_and_go(const struct ja_web_service *service) {
    static struct ja_web_client crowd[256];
    size_t count = 0;
    for (; count < 256; count++) {
        crowd[count].is_socket = true;
        if (!service->open(service->data, &crowd[count], NULL))
            break;
    }
    require(count > 0 && count < 256);
    for (size_t i = 0; i <= count; i++)
        service->closed(service->data, &crowd[i]);
}

/* With a client that has left, and one that listens. */
static struct ja_oscquery *start(void) {
    static const char too_long[65536];
    ja_oscquery_close(open_query());
    ja_oscquery_close(NULL);
    struct ja_oscquery *query = open_query();
    const struct ja_web_service *service = &stub_web.services[0];
    come_and_go(service);
    require(!ja_oscquery_packet(query, too_long, sizeof too_long));
    require(service->open(service->data, &client, NULL));
    tell_options(query);
    service->closed(service->data, &client);
    service->closed(service->data, &(struct ja_web_client){.is_socket = true});
    require(service->open(service->data, &client, NULL));
    require(service->open(service->data, &silent, NULL));
    listen_to(service, "/ja/beat");
    listen_to(service, "/ja/option/some/one/number");
    tell_options(query);
    tell_values(query);
    return query;
}

static void ask(const struct ja_web_service *service, char *path) {
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    struct ja_web_client asker = {.is_socket = false};
    char *query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    const struct ja_web_request request = {.method = methods[path[0] == '/' ? strlen(path) % 2 : 2],
                                           .path = path,
                                           .query = query ? query : ""};
    service->request(service->data, &asker, &request);
    require(asker.answers == 1);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    static struct ja_oscquery *query;
    if (!query)
        query = start();
    if (size == 0)
        return 0;
    const struct ja_web_service *service = &stub_web.services[0];
    char *copy = malloc(size); /* aligned, and its end is watched to the byte */
    require(copy != NULL);
    memcpy(copy, bytes + 1, size - 1);
    copy[size - 1] = '\0';
    if (bytes[0] == 'M' || bytes[0] == 'B')
        service->heard(service->data, &client, bytes[0] == 'M', copy, size - 1);
    else if (bytes[0] == 'P' && ja_osc_read(copy, size - 1, ignore, NULL))
        ja_oscquery_packet(query, copy, size - 1);
    else if (bytes[0] != 'P')
        ask(service, copy);
    free(copy);
    return 0;
}
