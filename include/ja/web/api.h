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
#include <ja/stream/stream.h>
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
    int streams;        /* most of them from browsers at a time */
    char outputs[1024]; /* a list: those whose results go to the host, too */
    int level;          /* as governor.level, of these streams */
    int backlog_chunks; /* most messages that wait to be analysed */
    int audio_bytes;    /* most a second, of one stream */
    int resume_s;       /* for so long a stream waits for its sender to come back */
    int idle_s;         /* for so long it goes on without sound */
};
extern const struct ja_module ja_web_module;

enum { JA_WEB_STREAMS = 64 }; /* most streams from browsers, whatever the option says */

/* A stream that a browser sends. */
struct ja_guest_facts {
    char name[JA_STREAM_NAME_BYTES];
    unsigned channels, rate;
    bool connected;
    const char *state; /* as its last state event; NULL: none yet */
    char reason[160];
    uint64_t received, dropped;      /* frames; those dropped count as lost in `stats`, too */
    uint64_t chunks, dropped_chunks; /* messages */
    uint64_t waiting;                /* frames that are not yet handed to the stream: received ==
                                        stats.delivered + waiting */
    struct ja_stream_stats stats;
};
struct ja_api_guests {
    size_t count;
    struct ja_guest_facts facts[JA_WEB_STREAMS];
};

/* What the service needs of the program; all of it is used in the main thread. */
struct ja_api_host {
    const struct ja_operator *operator;
    const struct ja_catalogue *catalogue;
    const char *const *streams; /* names; used by ja_api_open only */
    size_t stream_count;
    /* The streams themselves, for who listens in; their workers end before ja_web_free. NULL: none.
     */
    struct ja_stream *const *analyses;
    /* How to make streams from browsers (name, channels and governor.level aside); used by
     * ja_api_open only. */
    const struct ja_stream_setup *guests;
    /* Carries out reset_analysis, pause or resume of one stream and says what came of it. */
    enum ja_status (*steer)(void *data, const char *stream, const char *command,
                            struct ja_text *reply);
    /* A stream that web.outputs names has told this. */
    void (*guest_event)(void *data, const char *stream, const struct ja_event *event);
    void (*guest_frame)(void *data, const char *stream, const struct ja_frame *frame);
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
/* A JSON object with "type":"operator": what is ordered, for now and newcomers. */
void ja_api_operator(struct ja_api *api, const char *text, size_t size);
/* A stage's or the governor's settings have changed. */
void ja_api_configure(struct ja_api *api, const struct ja_module *module, const void *settings);
/* Streams from browsers. */
const struct ja_api_guests *ja_api_guests(const struct ja_api *api);
/* Blocks of sound that listeners were too slow for. */
unsigned long long ja_api_unheard(const struct ja_api *api);
/* How many WebSockets there are now, and how many messages found no room on the way to the server's
 * thread. */
unsigned ja_api_listeners(const struct ja_api *api);
unsigned long long ja_api_lost(const struct ja_api *api);

#endif
