/* The parts of the web service: what the main thread and the server's thread share, and what they
 * tell each other.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_PARTS_H
#define JA_WEB_PARTS_H

#include <ja/stream/inlet.h>
#include <ja/web/api.h>
#include <ja/web/message.h>
#include <stdatomic.h>

enum {
    JA_API_TEXT_BYTES = 32 * 1024, /* of one event or frame */
    JA_API_TOKEN_BYTES = 64 + 1,   /* 32 random bytes in hexadecimal */
    JA_API_SCORES = 4,             /* kinds of predictions, each with a score */
    JA_API_LASTING = JA_EVENT_TYPES + JA_API_SCORES,
    JA_API_LASTING_BYTES = 1024,
};

/* --- From the main thread: this, and for all but an answer the text behind it --- */

enum ja_told_kind { JA_TOLD_ANSWER, JA_TOLD_EVENT, JA_TOLD_FRAME, JA_TOLD_METRICS };

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
};

/* --- From the server's thread --- */

enum ja_asked_kind {
    JA_ASKED_READ,    /* what is behind a path */
    JA_ASKED_COMMAND, /* by WebSocket: answered by an acknowledgement */
    JA_ASKED_POST,    /* the same by HTTP */
    JA_ASKED_OPTION,  /* PUT: answered with the option as it is then */
};

struct ja_asked {
    enum ja_asked_kind kind;
    uint64_t client;
    char what[160];                /* READ */
    struct ja_web_message message; /* the others */
};

/* --- The server's thread's own --- */

struct ja_api_client {
    struct ja_api_client *next;
    struct ja_web_client *client;
    uint64_t number; /* never used twice */
    bool is_socket;
    unsigned asked;              /* commands whose answer has not come */
    unsigned outputs;            /* what it wants */
    double rate_hz;              /* of frames */
    long long ticks[JA_STREAMS]; /* the last one that had a frame */
    unsigned dropped;            /* events, since it was last told */
};

/* The newest of what newcomers must know. */
struct ja_api_lasting {
    unsigned outputs;
    size_t size; /* 0: nothing yet */
    char text[JA_API_LASTING_BYTES];
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
    char *streams[JA_STREAMS];
    size_t stream_count;

    /* Written by the server's thread. */
    atomic_uint listeners;
    atomic_uint wanted_hz; /* most frames a second that anybody wants; 0: none */

    /* The server's thread's own. */
    struct ja_api_client *clients;
    uint64_t last_number;
    struct ja_api_lasting lasting[JA_STREAMS][JA_API_LASTING];

    /* The main thread's own. */
    struct ja_api_host host;
    long long ticks[JA_STREAMS];
    unsigned long long lost;
    char buffer[sizeof(struct ja_told) + JA_API_TEXT_BYTES];
};

/* --- bus.c: WebSockets --- */

bool ja_bus_open(void *api, struct ja_web_client *client, const struct ja_web_request *request);
void ja_bus_heard(void *api, struct ja_web_client *client, bool text, const void *bytes,
                  size_t size);
void ja_bus_closed(void *api, struct ja_web_client *client);
void ja_bus_told(void *api, const void *bytes, size_t size);
/* Keeps a client to be answered later; NULL without memory. */
struct ja_api_client *ja_bus_add(struct ja_api *api, struct ja_web_client *client);

/* --- http.c: requests --- */

void ja_http_request(void *api, struct ja_web_client *client, const struct ja_web_request *request);
unsigned ja_http_admit(void *api, const struct ja_web_request *request);
/* {"error":…,"code":…}; the code follows from the status. Returns its length. */
size_t ja_http_error(unsigned status, const char *sentence, char *text, size_t size);

/* --- page.c: the page's files --- */

/* The folder of the page when nothing is configured. */
const char *ja_page_folder(void);
/* Answers with a file below `root`. */
void ja_page_answer(const char *root, struct ja_web_client *client, const char *path);

/* --- token.c: who may ask from elsewhere --- */

/* Reads the token from its file, or makes both; a new one is shown once. */
enum ja_status ja_token_get(char token[JA_API_TOKEN_BYTES], struct ja_error *error);
/* Does the request bear it? Takes as long when it is wrong. */
bool ja_token_is_borne(const char *token, const struct ja_web_request *request);

#endif
