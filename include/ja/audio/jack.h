/* The JACK client: finds the server, keeps its ports and connections through every fault, and feeds
 * the streams.
 *
 * A control thread owns every libjack call that may block; the functions here return at once and
 * belong to the main thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_JACK_H
#define JA_AUDIO_JACK_H

#include <ja/config/option.h>
#include <ja/core/status.h>
#include <ja/stream/inlet.h>
#include <stdbool.h>
#include <stdio.h>

struct ja_jack;

/* One stream's ports: in_1 … in_N for the stream "main", NAME_in_1 … for any other. */
struct ja_jack_stream {
    const char *name;
    unsigned inputs;     /* 1…JA_CHANNELS */
    const char *connect; /* rules, a JA_LIST: anchored extended regular expressions of output ports'
                            full names, or the words "capture", "monitor"; the i-th match goes to
                            input i, cyclically */
    struct ja_inlet *inlet;
};

/* Whether its `connect` can be understood; JA_USAGE if not. */
enum ja_status ja_jack_check_rules(const char *stream, const char *rules, struct ja_error *error);

/* A MIDI message on its way to midi_out, or from midi_in. */
struct ja_midi_message {
    uint64_t time_us; /* ja_clock_us when it shall leave, or came */
    uint8_t count;    /* bytes, 1…3 */
    uint8_t bytes[3];
};

/* Who tells the transport's other clients bar and beat. */
enum ja_timebase_mode {
    JA_TIMEBASE_OFF,         /* not we */
    JA_TIMEBASE_CONDITIONAL, /* we, unless another does */
    JA_TIMEBASE_ON,          /* we, whoever does */
};

struct ja_jack_setup {
    const char *client; /* name asked for */
    const char *server; /* NULL: JACK_DEFAULT_SERVER or "default" */
    const struct ja_jack_stream *streams;
    size_t stream_count;
    enum ja_timebase_mode timebase;
};

enum ja_jack_state {
    JA_JACK_WAITING, /* no server yet, or it has gone: trying again */
    JA_JACK_RUNNING,
    JA_JACK_STALLED, /* connected, but no process cycle for half a second */
};

struct ja_jack_status {
    enum ja_jack_state state;
    char reason[160]; /* a sentence */
    char client[320]; /* name the server gave, "" when not connected */
    unsigned rate;    /* Hz, 0 when not connected */
    unsigned period;  /* frames */
    bool realtime, freewheel;
    uint64_t cycles; /* process cycles since the program's start */
    uint64_t xruns;
    uint64_t connections;  /* how often a server was found */
    uint64_t midi_late;    /* MIDI messages that left after their time */
    uint64_t midi_lost;    /* those that found no room, or no server */
    uint64_t midi_unheard; /* those of midi_in that found no room */
};

/* Copies the setup and starts the control thread. */
enum ja_status ja_jack_start(struct ja_jack **jack, const struct ja_jack_setup *setup,
                             struct ja_error *error);
/* Lets the last MIDI leave, asks the control thread to do so and waits at most `wait_us`. False: it
 * hangs in libjack; then everything it uses must be left alone (the process is about to _exit).
 * Frees on true. */
bool ja_jack_stop(struct ja_jack *jack, uint64_t wait_us);
/* Readable (poll) when the status may have changed; ja_jack_status empties it. Call ja_jack_status
 * at least 4 times a second as well: it is the watchdog. */
int ja_jack_fd(const struct ja_jack *jack);
void ja_jack_status(struct ja_jack *jack, struct ja_jack_status *status);
/* Queues a MIDI message (1…3 bytes) to leave midi_out at `time_us` of ja_clock_us, to the sample;
 * messages leave in the order of queueing, one whose time has passed at once. False, and counted,
 * when no server takes it or the queue is full. */
bool ja_jack_midi(struct ja_jack *jack, uint64_t time_us, const uint8_t *bytes, unsigned count);
/* A beat is (or will be) at `time_us` of ja_clock_us; `beat_in_bar` 0: not known. For the
 * transport's clients. */
void ja_jack_beat(struct ja_jack *jack, uint64_t time_us, double bpm, int beat_in_bar);
/* Starts the transport. */
void ja_jack_roll(struct ja_jack *jack);
/* The next message that has come in at midi_in, if there is one: of a channel, with the time of its
 * sample. */
bool ja_jack_hear_midi(struct ja_jack *jack, struct ja_midi_message *message);
/* How many ports feed the input (0…inputs - 1) of the stream (its place in the setup). */
unsigned ja_jack_connected(const struct ja_jack *jack, size_t stream, unsigned input);
/* Capture latency of the stream's inputs by JACK's account, in frames; beats are told earlier by
 * it. */
unsigned ja_jack_latency(const struct ja_jack *jack, size_t stream);

/* A port of another client that one of ours could be connected to. */
struct ja_jack_port {
    char name[320];               /* in full, "client:port" */
    const char *type, *direction; /* "audio" or "midi"; "output" or "input" */
    bool physical, connected;     /* the sound card's; to one of ours */
};

/* The server's ports as they were at their last change; copies at most `room` of them, returns how
 * many. */
size_t ja_jack_ports(struct ja_jack *jack, struct ja_jack_port *ports, size_t room);

/* --list-ports: every port with type, direction, physical or not, and its connections. */
enum ja_status ja_ports_list(const char *server, FILE *out, struct ja_error *error);
/* --test-input: connects as the setup says (its inlets are not used), listens for `seconds` and
 * writes for every input peak, RMS, clipping, silence and DC offset, with advice. JA_FAILED when no
 * server comes within that time. */
enum ja_status ja_jack_test_input(const struct ja_jack_setup *setup, double seconds, FILE *out,
                                  struct ja_error *error);

#endif
