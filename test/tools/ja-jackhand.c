/* A JACK client that does what a hand or another program would: plays notes and controllers into a
 * MIDI port, to the sample, and looks at the transport. For the live tests.
 *
 *   ja-jackhand [-n NAME] [-s SERVER] [-m PORT]    -m  connects its port "out" to PORT
 *
 * Reads lines from standard input and answers each with a JSON line on standard output:
 *
 *   midi 90 3c 64             plays these bytes 20 ms later; when, by CLOCK_MONOTONIC: {"us"}
 *   start | stop              rolls or stops the transport: {}
 *   query                     of the present position: {"us", "rolling", "bbt", "bar", "beat",
 *                             "tick", "bpm"}
 *   freewheel 1 | 0           as fast as can be, or in real time
 *   connect<TAB>FROM<TAB>TO   and disconnect: two ports; whether that was done and how long the
 * call took: {"done", "ms"}
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/clock.h>
#include <ja/core/ring.h>
#include <jack/jack.h>
#include <jack/midiport.h>
#include <jack/transport.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AHEAD_US = 20000 };

struct message {
    uint64_t jack_us; /* by JACK's clock */
    unsigned char bytes[3];
};

struct hand {
    jack_client_t *client;
    jack_port_t *port;
    struct ja_ring *ring; /* of struct message */
};

static int process(jack_nframes_t frames, void *data) {
    const struct hand *hand = data;
    void *buffer = jack_port_get_buffer(hand->port, frames);
    jack_nframes_t now;
    jack_time_t us, next_us;
    float period_us;
    struct message message;
    if (!buffer || jack_get_cycle_times(hand->client, &now, &us, &next_us, &period_us) != 0)
        return 0;
    jack_midi_clear_buffer(buffer);
    while (ja_ring_peek(hand->ring, 0, &message, sizeof message)) {
        double at = ((double)message.jack_us - (double)us) / (double)period_us * frames;
        if (at >= frames)
            break;
        ja_ring_skip(hand->ring, sizeof message);
        jack_midi_event_write(buffer, at > 0 ? (jack_nframes_t)at : 0, message.bytes, 3);
    }
    return 0;
}

static bool open_hand(struct hand *hand, const char *name, const char *server, const char *to) {
    hand->ring = ja_ring_new(1024 * sizeof(struct message));
    hand->client = server ? jack_client_open(name, JackNoStartServer | JackServerName, NULL, server)
                          : jack_client_open(name, JackNoStartServer, NULL);
    if (!hand->client || !hand->ring)
        return false;
    hand->port =
        jack_port_register(hand->client, "out", JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput, 0);
    jack_set_process_callback(hand->client, process, hand);
    return hand->port && jack_activate(hand->client) == 0 &&
           (!to || jack_connect(hand->client, jack_port_name(hand->port), to) == 0);
}

static void play(struct hand *hand, const unsigned bytes[3]) {
    uint64_t us = ja_clock_us() + AHEAD_US;
    struct message message = {jack_get_time() + AHEAD_US, {0}};
    for (int i = 0; i < 3; i++)
        message.bytes[i] = (unsigned char)bytes[i];
    ja_ring_write(hand->ring, &message, sizeof message);
    printf("{\"us\":%llu}\n", (unsigned long long)us);
}

static void query(const struct hand *hand) {
    jack_position_t position;
    jack_transport_state_t state = jack_transport_query(hand->client, &position);
    uint64_t us = ja_clock_us() - jack_get_time() + position.usecs;
    bool bbt = position.valid & JackPositionBBT;
    printf("{\"us\":%llu,\"rolling\":%s,\"bbt\":%s,\"bar\":%d,\"beat\":%d,\"tick\":%.3f,"
           "\"bpm\":%.6f}\n",
           (unsigned long long)us, state == JackTransportRolling ? "true" : "false",
           bbt ? "true" : "false", position.bar, position.beat,
           bbt ? position.tick / position.ticks_per_beat : 0, bbt ? position.beats_per_minute : 0);
}

/* Port names may hold blanks: a tab parts them. */
static void plug(const struct hand *hand, bool on, const char *from, const char *to) {
    uint64_t before_us = ja_clock_us();
    int failure =
        on ? jack_connect(hand->client, from, to) : jack_disconnect(hand->client, from, to);
    double ms = (double)(ja_clock_us() - before_us) / 1000;
    printf("{\"done\":%s,\"ms\":%.3f}\n", failure ? "false" : "true", ms);
}

static void obey(struct hand *hand, const char *line) {
    unsigned bytes[3];
    int freewheel;
    char from[512], to[512];
    if (sscanf(line, "midi %x %x %x", &bytes[0], &bytes[1], &bytes[2]) == 3) {
        play(hand, bytes);
    } else if (sscanf(line, "connect %511[^\t]\t%511[^\n]", from, to) == 2) {
        plug(hand, true, from, to);
    } else if (sscanf(line, "disconnect %511[^\t]\t%511[^\n]", from, to) == 2) {
        plug(hand, false, from, to);
    } else if (!strcmp(line, "query\n")) {
        query(hand);
    } else if (!strcmp(line, "start\n")) {
        jack_transport_start(hand->client);
        puts("{}");
    } else if (!strcmp(line, "stop\n")) {
        jack_transport_stop(hand->client);
        puts("{}");
    } else if (sscanf(line, "freewheel %d", &freewheel) == 1) {
        puts(jack_set_freewheel(hand->client, freewheel) == 0 ? "{}" : "{\"error\":true}");
    } else {
        puts("{\"error\":true}");
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    static struct hand hand;
    const char *name = "hand", *server = NULL, *to = NULL;
    char line[2048];
    for (int option; (option = getopt(argc, argv, "n:s:m:")) != -1;) {
        if (option == 'n')
            name = optarg;
        else if (option == 's')
            server = optarg;
        else if (option == 'm')
            to = optarg;
        else
            return 2;
    }
    if (!open_hand(&hand, name, server, to)) {
        fputs("ja-jackhand: no JACK server, or no such port\n", stderr);
        return 1;
    }
    puts("{}");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        obey(&hand, line);
    jack_client_close(hand.client);
    ja_ring_free(hand.ring);
    return 0;
}
