/* Who is plugged into whom: the rules for connecting by ourselves, and the memory of connections
 * that outlives ports, programs and servers.
 *
 * Knows nothing of libjack: it is shown pictures of the server's ports and links, and says what to
 * connect.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_CONNECTIONS_H
#define JA_AUDIO_CONNECTIONS_H

#include <ja/core/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A port of another client that one of ours could be connected to. */
struct ja_graph_port {
    char *name;    /* in full, "client:port" */
    bool sound;    /* an audio output; otherwise a MIDI port */
    bool physical; /* the sound card's */
};

struct ja_graph_link {
    unsigned own; /* index of our port */
    char *other;  /* full name of the port at the other end */
};

struct ja_graph {
    struct ja_graph_port *ports; /* in the server's order */
    size_t port_count;
    struct ja_graph_link *links;
    size_t link_count;
};

/* Takes over nothing: `name` is copied. False without memory. */
bool ja_graph_add_port(struct ja_graph *graph, const char *name, bool sound, bool physical);
bool ja_graph_add_link(struct ja_graph *graph, unsigned own, const char *other);
void ja_graph_clear(struct ja_graph *graph);

/* One stream's rules (ja_jack_stream.connect) and our inputs they lead to. */
struct ja_wiring {
    const char *stream; /* for messages */
    const char *rules;  /* a JA_LIST */
    unsigned first;     /* index of our port for input 1 */
    unsigned inputs;
};

enum ja_pair_state {
    JA_PAIR_WANTED,    /* to be connected as soon as the other port is there */
    JA_PAIR_ASKED,     /* the server agreed; the link must show */
    JA_PAIR_CONNECTED, /* seen connected, by whomever */
    JA_PAIR_REFUSED,   /* taken apart by hand: leave it alone */
    JA_PAIR_FAILED,    /* the server would not */
};

/* One of our ports and another. */
struct ja_pair {
    unsigned own;
    char *other;
    enum ja_pair_state state;
    uint64_t since_us; /* when the state began; of WANTED, when to try next */
    unsigned tries;
};

struct ja_connections;

/* JA_USAGE and a sentence for a rule that is no regular expression. */
enum ja_status ja_connections_new(struct ja_connections **connections,
                                  const struct ja_wiring *wirings, size_t count,
                                  struct ja_error *error);
void ja_connections_free(struct ja_connections *connections); /* NULL is fine */

/* The server is another one: every port will be new, what was connected is wanted again. */
void ja_connections_restart(struct ja_connections *connections);
/* Shows the present picture, whose contents it takes over. `ports_changed`: ports have come or gone
 * since the last one, so a missing link may be their doing and not that of a hand. */
void ja_connections_update(struct ja_connections *connections, struct ja_graph *graph,
                           bool ports_changed, uint64_t now_us);
/* The next pair to connect now, or NULL. Tell what came of it with ja_connections_tried. */
struct ja_pair *ja_connections_due(struct ja_connections *connections, uint64_t now_us);
void ja_connections_tried(struct ja_pair *pair, bool agreed, uint64_t now_us);
/* When the next pair must be looked at again, UINT64_MAX: not before the picture changes. */
uint64_t ja_connections_next_us(const struct ja_connections *connections);
/* How many links lead to our port in the present picture. */
unsigned ja_connections_count(const struct ja_connections *connections, unsigned own);

#endif
