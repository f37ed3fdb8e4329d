/* The JACK client as its two threads share it: the control thread (client.c), which alone calls
 * libjack, and the main thread (jack.c).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_CLIENT_H
#define JA_AUDIO_CLIENT_H

#include "connections.h"
#include "process.h"
#include <ja/audio/jack.h>
#include <pthread.h>

enum { JA_SHOWN_PORTS = 256 }; /* more of others' ports are not shown */
enum { JA_OWN_PORTS = JA_STREAMS * JA_CHANNELS + 2 };

struct ja_jack {
    /* The setup; never changes. */
    char name[64];
    char *server; /* NULL: as the environment says */
    enum ja_timebase_mode timebase;
    char *streams[JA_STREAMS];
    int control_fd; /* eventfd: the control thread has something to do */
    int status_fd;  /* eventfd: the status may have changed */
    int done_fd;    /* eventfd: the control thread has left */
    pthread_t thread;
    _Atomic bool stop;

    /* The callback's memory; the rest of it is set while no client is active. */
    struct ja_process process;

    /* What notification callbacks leave: they set these, write control_fd, and return. */
    _Atomic bool gone;
    _Atomic uint32_t period;
    _Atomic uint64_t xruns;
    _Atomic uint32_t latency_changes, graph_changes, port_changes;
    _Atomic int notifier; /* libjack's thread that calls them, by the kernel's number; 0: unknown */

    /* What the main thread wishes. */
    _Atomic bool roll; /* start the transport */

    /* What the control thread tells. */
    _Atomic uint64_t busy_us; /* when it entered a call that may block; 0: it has not */
    _Atomic uint32_t connected[JA_STREAMS][JA_CHANNELS];
    pthread_mutex_t mutex; /* held for copying only, never across libjack */
    struct {
        bool connected;
        bool realtime;
        uint64_t count; /* how often a server was found */
        char client[320];
        char reason[160];
        size_t port_count;
        struct ja_jack_port ports[JA_SHOWN_PORTS];
    } told;

    /* The control thread's own. */
    struct ja_connections *connections;
    struct ja_jack_port others[JA_SHOWN_PORTS]; /* as seen last; told as a copy */
    jack_client_t *client;
    uint64_t broken_us;               /* since when JACK's metadata are broken; 0: they are not */
    jack_port_t *ports[JA_OWN_PORTS]; /* the streams' inputs in order, midi_in, midi_out */
    unsigned port_count;
    bool is_master; /* of the transport's timebase, as far as is known */

    /* The main thread's own: the watchdog. */
    enum ja_jack_state state;
    uint64_t seen_cycles, seen_count, seen_us, stalled_us;
    uint64_t midi_refused;
    struct ja_grid grid; /* as last told to the transport */
};

/* The control thread; `data` is a struct ja_jack. */
void *ja_client_run(void *data);

#endif
