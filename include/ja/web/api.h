/* The program's own service on the web: the page, answers by HTTP, and the live bus by WebSocket.
 *
 * Events and frames are written as JSON once, in the main thread, for all who listen. Who does not
 * read as fast as they come gets the newest frame, loses events and is told how many; nobody waits
 * for him. Commands and questions run in the main thread, a millisecond's worth per turn.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_API_H
#define JA_WEB_API_H

#include <ja/config/option.h>
#include <ja/control/command.h>
#include <ja/core/text.h>
#include <ja/pipeline/catalogue.h>
#include <ja/web/server.h>

struct ja_api;

/* Options "web.…". */
struct ja_api_settings {
    bool enable;
    char address[64];
    int port;
    char hosts[1024];
    char cert[1024], key[1024];
    int hsts_days;
    char root[1024];
    int clients;
};
extern const struct ja_module ja_web_module;

/* What the service needs of the program; all of it is used in the main thread. */
struct ja_api_host {
    const struct ja_operator *operator;
    const struct ja_catalogue *catalogue;
    const char *const *streams; /* names; used by ja_api_open only */
    size_t stream_count;
    /* Writes the answer to GET /api/v1/WHAT ("options", "options/onset.threshold", "stream/list" …;
     * "metrics"). Returns the HTTP status; with another than 200 a sentence in `error`. May be
     * called again with more room when the text is full. */
    unsigned (*read)(void *data, const char *what, struct ja_text *text, struct ja_error *error);
    void *data;
};

/* --- Main thread --- */

/* Adds the service to the server, which is not yet started. Any address but a loopback one makes
 * or reads the token, without which nobody may ask anything. JA_USAGE: the settings are wrong. */
enum ja_status ja_api_open(struct ja_api **api, struct ja_web *web,
                           const struct ja_api_settings *settings, const struct ja_api_host *host,
                           struct ja_error *error);
/* After ja_web_free; NULL is fine. */
void ja_api_close(struct ja_api *api);
/* To all who want it. */
void ja_api_event(struct ja_api *api, const char *stream, const struct ja_event *event);
void ja_api_frame(struct ja_api *api, const char *stream, const struct ja_frame *frame);
/* A JSON object with "type":"metrics". */
void ja_api_metrics(struct ja_api *api, const char *stream, const char *text, size_t size);
/* How many listen now, and how many messages found no room on the way to the server's thread. */
unsigned ja_api_listeners(const struct ja_api *api);
unsigned long long ja_api_lost(const struct ja_api *api);

#endif
