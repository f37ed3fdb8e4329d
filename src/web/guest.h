/* A guest: a stream that takes its sound from a WebSocket.
 *
 * Its sound goes from the socket through a short backlog into the stream's inlet, whose worker runs
 * in the background; results come back to the server's thread and go out from there. The main
 * thread has no part in it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_GUEST_H
#define JA_WEB_GUEST_H

#include "parts.h"

#include <ja/stream/stream.h>

struct ja_chunk; /* one message of sound */

struct ja_guest {
    struct ja_guest *next;
    struct ja_api *api;
    struct ja_bus_stream stream;
    struct ja_stream *analysis;
    bool to_outputs;              /* its results go to the main thread, too */
    struct ja_api_client *socket; /* who sends and is answered; NULL: nobody now */
    unsigned channels, rate, update_hz;
    float *planes;     /* JA_BLOCK_FRAMES of each channel */
    uint64_t frame;    /* number of the next one that the stream gets */
    long long tick;    /* of the last frame that went to the socket */
    const char *state; /* as last told */
    char reason[160];
    double rms;

    struct ja_chunk *first, *last; /* the backlog, oldest first */
    unsigned waiting_chunks;
    uint64_t waiting;                           /* frames of these */
    uint64_t chunks, frames;                    /* all that have come */
    uint64_t dropped_chunks, dropped;           /* of these: given up, the latter in frames */
    uint64_t told_dropped_chunks, told_dropped; /* of these: the sender knows */

    uint64_t heard_us;     /* when there was sound last, at first when it began */
    uint64_t left_us;      /* when the socket went; 0: there is one, or never was */
    double allowance;      /* bytes that may come at once */
    uint64_t allowance_us; /* when that was so */
    atomic_bool ready;     /* the worker has results */
};

enum ja_guest_verdict {
    JA_GUEST_FINE,
    JA_GUEST_BAD_SIZE, /* not a whole number of frames */
    JA_GUEST_TOO_FAST,
    JA_GUEST_NO_MEMORY,
};

/* Its worker runs afterwards. NULL and a sentence on error. */
struct ja_guest *ja_guest_new(struct ja_api *api, const char *name, unsigned channels,
                              unsigned rate, struct ja_error *error);
/* Ends the worker; the list and the socket are the caller's affair. */
void ja_guest_free(struct ja_guest *guest);
/* NULL: no guest is called that. */
struct ja_guest *ja_guest_find(const struct ja_api *api, const char *name);
/* A message of sound. */
enum ja_guest_verdict ja_guest_hear(struct ja_guest *guest, const void *bytes, size_t size);
/* Hands out what the worker has found, and hands it what waits. */
void ja_guest_deliver(struct ja_guest *guest);
void ja_guest_facts(const struct ja_guest *guest, struct ja_guest_facts *facts);
/* {"type":"dropped",…} with what was dropped since the last one, if anything. */
void ja_guest_tell_dropped(struct ja_guest *guest);

#endif
