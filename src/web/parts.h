/* The parts of the web service: what the main thread and the server's thread share, and what they
 * tell each other.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_PARTS_H
#define JA_WEB_PARTS_H

#include <ja/stream/inlet.h>
#include <ja/web/api.h>
#include <ja/web/message.h>
#include <ja/web/metrics.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>

struct ja_guest;
struct ja_room;

enum {
    JA_API_TEXT_BYTES = 32 * 1024, /* of one event or frame */
    JA_API_TOKEN_BYTES = 64 + 1,   /* 32 random bytes in hexadecimal */
    JA_API_SCORES = 4,             /* kinds of predictions, each with a score */
    JA_API_LASTING = JA_EVENT_TYPES + JA_API_SCORES,
    JA_API_LASTING_BYTES = 1024,
    JA_API_RESULT_BYTES = 8192,
    JA_API_SLOTS = JA_STREAMS + JA_WEB_NAMED, /* streams that one client can listen to */
};

/* --- From the main thread: this, and for all but an answer the text behind it --- */

enum ja_told_kind {
    JA_TOLD_ANSWER,
    JA_TOLD_EVENT,
    JA_TOLD_FRAME,
    JA_TOLD_METRICS,
    JA_TOLD_SETTINGS,
    JA_TOLD_OPERATOR,
};

struct ja_told {
    enum ja_told_kind kind;
    unsigned stream;  /* its place */
    unsigned outputs; /* its bit in a subscription */
    unsigned lasting; /* of an event that newcomers must know: its place + 1; 0: it passes */
    double time;      /* of a frame */
    uint64_t client;  /* whom the answer is for */
    unsigned status;  /* of HTTP */
    const char *type; /* media type of the answer */
    char *body;       /* of the answer; the receiver frees it */
    size_t size;
    const struct ja_module *module; /* whose settings follow */
};

/* --- From the server's thread --- */

enum ja_asked_kind {
    JA_ASKED_READ,    /* what is behind a path */
    JA_ASKED_COMMAND, /* by WebSocket: answered by an acknowledgement */
    JA_ASKED_POST,    /* the same by HTTP */
    JA_ASKED_OPTION,  /* PUT: answered with the option as it is then */
    JA_ASKED_CONTROL, /* a command about the stream `what` */
    JA_ASKED_GUESTS,  /* nothing: tells who there is */
    JA_ASKED_EVENT,   /* nothing: what a guest has found, for the outputs */
    JA_ASKED_FRAME,   /* the same */
};

struct ja_asked {
    enum ja_asked_kind kind;
    uint64_t client;
    char what[160];                /* READ, CONTROL */
    struct ja_web_message message; /* the others */
};

struct ja_asked_result {
    enum ja_asked_kind kind;
    char stream[JA_STREAM_NAME_BYTES];
    alignas(max_align_t) unsigned char result[]; /* struct ja_event or struct ja_frame */
};

struct ja_asked_guests {
    enum ja_asked_kind kind;
    struct ja_api_guests guests;
};

/* --- The server's thread's own --- */

/* Slots of messages of which the newest counts, but for the bus. */
enum { JA_CLIENTS_METRICS, JA_CLIENTS_FRAMES };

enum ja_client_kind {
    JA_CLIENT_REQUEST,
    /* WebSockets. */
    JA_CLIENT_BUS,
    JA_CLIENT_AUDIO,
    JA_CLIENT_CONTROL,
    JA_CLIENT_MONITOR,
};

struct ja_api_client {
    struct ja_api_client *next;
    struct ja_web_client *client;
    uint64_t number; /* never used twice */
    enum ja_client_kind kind;
    unsigned asked;   /* commands whose answer has not come */
    unsigned dropped; /* events, since it was last told */

    /* The bus. */
    unsigned outputs;                               /* what it wants */
    double rate_hz;                                 /* of frames */
    char names[JA_WEB_NAMED][JA_STREAM_NAME_BYTES]; /* of streams; none: the program's own */
    size_t name_count;
    long long ticks[JA_API_SLOTS]; /* the last one that had a frame */

    /* The others: about one stream. */
    char id[JA_STREAM_NAME_BYTES];
    struct ja_guest *guest; /* AUDIO: whom it feeds; NULL when there is none */
    struct ja_room *room;   /* MONITOR: where it listens; NULL when it does not */
    bool as_json;           /* MONITOR */
};

/* The newest of what newcomers must know. */
struct ja_api_lasting {
    unsigned outputs;
    size_t size; /* 0: nothing yet */
    char text[JA_API_LASTING_BYTES];
};

/* What the bus knows of a stream. */
struct ja_bus_stream {
    char name[JA_STREAM_NAME_BYTES];
    int place; /* of the program's own streams; -1: a guest */
    struct ja_api_lasting lasting[JA_API_LASTING];
};

struct ja_api {
    /* Never change while the thread runs. */
    struct ja_web *web;
    unsigned service;
    struct ja_api_settings settings;
    char token[JA_API_TOKEN_BYTES]; /* "": everybody on this machine may ask */
    const char *root;               /* folder of the page */
    char *hello;
    size_t hello_size;
    size_t stream_count;
    struct ja_monitor *monitors[JA_STREAMS];

    /* Written by the server's thread. */
    atomic_uint listeners;
    atomic_uint wanted_hz;     /* most frames a second that anybody wants; 0: none */
    _Atomic uint64_t unheard;  /* blocks that listeners were too slow for */
    _Atomic uint64_t unpassed; /* results of guests that found no room on the way to outputs */

    /* The server's thread's own. */
    struct ja_api_client *clients;
    uint64_t last_number;
    struct ja_bus_stream streams[JA_STREAMS];
    struct ja_api_lasting operator;
    struct ja_stream_setup guest_setup; /* of streams to come; owns its settings */
    struct ja_governor_settings guest_governor;
    struct ja_guest *guests;
    unsigned guest_count;
    bool guests_told;        /* the main thread knows them, */
    uint64_t guests_told_us; /* and their counters as of then */
    struct ja_cpu cpu;
    struct ja_room *rooms;
    char text[JA_API_TEXT_BYTES];
    unsigned char result[JA_API_RESULT_BYTES]; /* a struct ja_asked_result */

    /* The main thread's own. */
    struct ja_api_host host;
    struct ja_api_guests known; /* as last told */
    long long ticks[JA_STREAMS];
    unsigned long long lost;
    char buffer[sizeof(struct ja_told) + JA_API_TEXT_BYTES];
};

/* --- clients.c: who is connected --- */

/* Keeps a client to be answered later; NULL without memory. */
struct ja_api_client *ja_clients_add(struct ja_api *api, struct ja_web_client *client,
                                     enum ja_client_kind kind);
void ja_clients_remove(struct ja_api *api, struct ja_api_client *client);
/* After what a client wants has changed: what the main thread need not write when nobody does. */
void ja_clients_count(struct ja_api *api);
/* An event, or before the first that finds room again, how many did not. */
void ja_clients_send_event(struct ja_api_client *to, const char *text, size_t size);
/* An answer to a message; `sentence` NULL: of its type alone. */
void ja_clients_answer(struct ja_api_client *to, const struct ja_web_message *message,
                       const char *type, bool fine, const char *sentence);
/* {"type":TYPE,"stream":…,"error":SENTENCE,"code":CODE}, then closes. */
void ja_clients_refuse(struct ja_api_client *to, const char *type, const char *code,
                       unsigned close_code, const char *sentence);
/* To the sockets about the stream `id`, but not to the bus. */
void ja_clients_send_metrics(struct ja_api *api, const char *id, const char *text, size_t size);
/* A question of a WebSocket to the main thread; the client is told when it asks too much. */
void ja_clients_ask(struct ja_api *api, struct ja_api_client *from, struct ja_asked *asked);
/* The main thread's answer. */
void ja_clients_pass(struct ja_api *api, const struct ja_told *told);

/* --- bus.c: the live bus --- */

void ja_bus_open(struct ja_api *api, struct ja_api_client *mine);
void ja_bus_subscribe(struct ja_api *api, struct ja_api_client *from,
                      const struct ja_web_message *message);
/* The program's own stream of that name; NULL: there is none. */
struct ja_bus_stream *ja_bus_find(struct ja_api *api, const char *name);
/* To all who want it. */
void ja_bus_event(struct ja_api *api, struct ja_bus_stream *stream, unsigned outputs,
                  unsigned lasting, const char *text, size_t size);
void ja_bus_frame(struct ja_api *api, const struct ja_bus_stream *stream, double time,
                  const char *text, size_t size);
/* What the operator ordered. */
void ja_bus_operator(struct ja_api *api, const char *text, size_t size);
void ja_bus_metrics(struct ja_api *api, const struct ja_bus_stream *stream, const char *text,
                    size_t size);
/* Does anybody want a frame of this time? */
bool ja_bus_wants(const struct ja_api *api, const struct ja_bus_stream *stream, double time);
/* What newcomers must know. */
void ja_bus_send_lasting(struct ja_api_client *to, const struct ja_bus_stream *stream);
/* Where an event is kept for newcomers, plus 1; 0 when it passes. */
unsigned ja_bus_lasting(const struct ja_event *event);

/* --- audio_in.c: sockets of guests, streams that take their sound from here --- */

void ja_audio_open(struct ja_api *api, struct ja_api_client *mine, const char *query);
void ja_audio_heard(struct ja_api *api, struct ja_api_client *from, const void *bytes, size_t size);
void ja_audio_closed(struct ja_api *api, struct ja_api_client *mine);
void ja_audio_request(struct ja_api *api, struct ja_web_client *client,
                      const struct ja_web_request *request, bool start);
/* To a listener that has just asked for the stream of that name, if it is one of these. */
void ja_audio_greet(const struct ja_api *api, struct ja_api_client *to, const char *name);
void ja_audio_woken(struct ja_api *api);
void ja_audio_second(struct ja_api *api);
void ja_audio_ended(struct ja_api *api);
/* Tells the main thread who there is, so that what it is asked next is answered with that. */
void ja_audio_tell(struct ja_api *api);
/* Changed settings of a stage or of the governor. */
void ja_audio_settings(struct ja_api *api, const struct ja_module *module, const void *settings);
/* Copies what `api->guest_setup` points to. False without memory. */
bool ja_audio_init(struct ja_api *api, const struct ja_stream_setup *setup);
void ja_audio_done(struct ja_api *api);

/* --- control.c: commands about one stream --- */

void ja_control_socket_open(struct ja_api *api, struct ja_api_client *mine);
void ja_control_socket_heard(struct ja_api *api, struct ja_api_client *from,
                             const struct ja_web_message *message);

/* --- monitor.c: who hears what a stream hears --- */

void ja_monitor_open(struct ja_api *api, struct ja_api_client *mine, const char *query);
void ja_monitor_closed(struct ja_api *api, struct ja_api_client *mine);
void ja_monitor_woken(struct ja_api *api);
/* The stream is about to end: so do those who listen. */
void ja_monitor_end(struct ja_api *api, const char *name);
/* The server's thread is about to end. */
void ja_monitor_ended(struct ja_api *api);

/* --- sockets.c: WebSockets by their path --- */

bool ja_sockets_open(void *api, struct ja_web_client *client, const struct ja_web_request *request);
void ja_sockets_heard(void *api, struct ja_web_client *client, bool text, const void *bytes,
                      size_t size);
void ja_sockets_closed(void *api, struct ja_web_client *client);
/* From the main thread. */
void ja_sockets_told(void *api, const void *bytes, size_t size);
/* Is this the path of a WebSocket? */
bool ja_sockets_has(const char *path);

/* --- error.c: an error as the answer to a request --- */

/* {"error":…,"code":…}; the code follows from the status. Returns its length. */
size_t ja_error_write(unsigned status, const char *sentence, char *text, size_t size);
void ja_error_answer(struct ja_web_client *client, unsigned status, const char *sentence);

/* --- query.c: what stands in a path and behind it --- */

bool ja_query_is_name(const char *name);
extern const char ja_query_name_rule[]; /* as a sentence */
/* The value of `key`, `fallback` without; false when it is none in the range. */
bool ja_query_number(const char *query, const char *key, long long least, long long most,
                     unsigned *value);
/* Is there KEY=VALUE? */
bool ja_query_has(const char *query, const char *key, const char *value);

/* --- http.c: requests --- */

void ja_http_request(void *api, struct ja_web_client *client, const struct ja_web_request *request);
unsigned ja_http_admit(void *api, const struct ja_web_request *request);

/* --- page.c: the page's files --- */

/* The folder of the page when nothing is configured. */
const char *ja_page_folder(void);
/* Answers with a file below `root`. */
void ja_page_answer(const char *root, struct ja_web_client *client, const char *path);

/* --- token.c: who may ask from elsewhere --- */

/* Reads the token from its file, or makes both; a new one is shown once, at a terminal only. */
enum ja_status ja_token_get(char token[JA_API_TOKEN_BYTES], struct ja_error *error);
/* Does the request bear it? Takes as long when it is wrong. */
bool ja_token_is_borne(const char *token, const struct ja_web_request *request);

#endif
