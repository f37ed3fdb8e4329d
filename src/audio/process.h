/* All the memory that the real-time callback touches.
 *
 * A pointer to anything else in process.c is a bug.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_PROCESS_H
#define JA_AUDIO_PROCESS_H

#include <ja/audio/jack.h>
#include <ja/core/ring.h>
#include <ja/stream/inlet.h>
#include <jack/jack.h>
#include <jack/transport.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ja_process_stream {
    unsigned inputs; /* 1…JA_CHANNELS */
    jack_port_t *ports[JA_CHANNELS];
    struct ja_inlet *inlet;
    _Atomic uint32_t latency_frames; /* largest capture latency of its ports */
};

/* Where the beats are: one of them, from which the others follow. */
struct ja_grid {
    double beat_us; /* ja_clock_us */
    double bpm;     /* 0: not known yet */
    int bar, beat;  /* its, from 1 */
    int bar_beats;
};

struct ja_process {
    /* Set while no callback runs. */
    jack_client_t *client;
    jack_port_t *midi_out;                /* NULL: none */
    struct ja_ring *midi;                 /* of struct ja_midi_message; read by the callback */
    jack_port_t *midi_in;                 /* NULL: none */
    struct ja_ring *heard;                /* of struct ja_midi_message; written by the callback */
    _Atomic uint32_t midi_latency_frames; /* capture latency of midi_in */
    struct ja_ring *grids;                /* of struct ja_grid; read by the callback */
    unsigned stream_count;
    struct ja_process_stream streams[JA_STREAMS];

    /* The callback's own; set by ja_process_begin. */
    uint32_t epoch;
    bool begun;         /* a first cycle has been seen in this epoch */
    uint32_t next_jack; /* JACK's frame time expected at the next cycle */
    uint64_t next_frame;
    double next_us; /* time expected at the next cycle */
    uint32_t last_rate, last_frames;
    struct ja_grid grid; /* the latest */

    /* Written by notification callbacks, read here. */
    _Atomic uint32_t rate; /* Hz */
    _Atomic bool freewheel;
    _Atomic int64_t ahead_us; /* ja_clock_us less JACK's clock; the control thread keeps it right */

    /* Written here, read by anyone. */
    _Atomic uint64_t cycles;
    _Atomic uint64_t midi_late;    /* messages that left after their time */
    _Atomic uint64_t midi_lost;    /* messages for which JACK had no room */
    _Atomic uint64_t midi_unheard; /* messages from midi_in for which there was no room */
};

/* Before jack_activate: a new epoch begins, at about `now_us`. */
void ja_process_begin(struct ja_process *process, uint64_t now_us);
/* The process callback (JackProcessCallback); `data` is a struct ja_process. Returns 0 always. */
int ja_process_run(jack_nframes_t frames, void *data);
/* The transport's timebase callback (JackTimebaseCallback), called in the same thread: bar, beat
 * and tick of the next cycle's first frame; nothing while no beat is known. */
void ja_process_timebase(jack_transport_state_t state, jack_nframes_t frames,
                         jack_position_t *position, int is_new, void *data);

#endif
