/* OSCQuery: lets programs find out by HTTP what can be had and steered by OSC, and listen to it by
 * WebSocket.
 *
 * GET gives the tree of addresses with types, ranges, values and descriptions, made from the tables
 * of outputs, commands and options (an option is /ja/option/MODULE/NAME). {"COMMAND":"LISTEN",
 * "DATA":"/ja/bpm"} by WebSocket makes its packets come as they are sent; binary messages are OSC
 * packets for us. Source: "OSC Query Proposal", Vidvox.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_OSCQUERY_H
#define JA_WEB_OSCQUERY_H

#include <ja/config/config.h>
#include <ja/pipeline/catalogue.h>
#include <ja/web/server.h>

/* Options "oscquery.…". */
extern const struct ja_module ja_oscquery_module;

struct ja_oscquery_settings {
    bool enable;
    char address[64]; /* numeric */
    int port;         /* TCP */
    char hosts[1024]; /* a list */
};

/* What it needs of the program. */
struct ja_oscquery_host {
    const char *name; /* under which it is shown */
    int osc_port;     /* UDP, of commands; 0: there are none */
    const struct ja_catalogue *catalogue;
    const char *const *streams; /* names */
    size_t stream_count;
    /* In the main thread: a client has sent this OSC packet. */
    void (*heard)(void *data, const void *packet, size_t size);
    void *data;
};

struct ja_oscquery;

/* --- Main thread --- */

/* Adds the service to the server, which is not yet started. `host` is copied, what it points to
 * must last. */
enum ja_status ja_oscquery_open(struct ja_oscquery **query, struct ja_web *web,
                                const struct ja_oscquery_settings *settings,
                                const struct ja_oscquery_host *host, struct ja_error *error);
/* After ja_web_free; NULL is fine. */
void ja_oscquery_close(struct ja_oscquery *query);
/* An output is sent: this is its packet. False when it is lost. */
bool ja_oscquery_packet(struct ja_oscquery *query, const void *packet, size_t size);
/* The options, at first and whenever they have changed. False when they could not be told. */
bool ja_oscquery_options(struct ja_oscquery *query, const struct ja_config *config);

#endif
