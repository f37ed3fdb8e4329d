/* Measures, as a light desk would see it, how long a click's OSC message takes from the sound:
 * plays clicks into a JACK port and receives the messages, on one clock.
 *
 *   ja-click-delay INPUT_PORT UDP_PORT ADDRESS CLICKS [BPM]
 *
 * Without BPM clicks come at random distances and each message belongs to the click before it: the
 * delay of a detector. With BPM they are a steady grid and each message belongs to the nearest
 * click: the error of a prediction, negative when early. The first fifth of the clicks is not
 * counted. A click's time is when its first sample would have been at a sound card's input: one
 * period, less its place in the block, before the JACK cycle that delivers it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <ja/core/clock.h>
#include <jack/jack.h>
#include <math.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MOST_CLICKS = 10000, MOST_PACKETS = 100000 };
static const double far_us = 200e3; /* a message further from any click answers none */

struct player {
    jack_client_t *client;
    jack_port_t *port;
    double rate;
    double bpm; /* 0: random distances */
    int clicks;
    uint64_t frame, next, click; /* played so far; of the next click; of the current click */
    uint32_t random;
    _Atomic int played;
    uint64_t at_us[MOST_CLICKS]; /* when each click's first sample was at the source */
};

/* A 2 kHz burst of a few ms, loud enough to be heard over anything. */
static float click_sample(const struct player *player, uint64_t frame) {
    const double t = (double)(frame - player->click) / player->rate;
    if (!atomic_load_explicit(&player->played, memory_order_relaxed) || t > 0.02)
        return 0.0f;
    return (float)(0.6 * exp(-t / 0.002) * sin(2.0 * 3.14159265358979 * 2000.0 * t));
}

static uint64_t distance(struct player *player) {
    player->random = player->random * 1664525u + 1013904223u;
    const double seconds =
        player->bpm > 0 ? 60.0 / player->bpm : 0.3 + 0.2 * (player->random >> 8) / 16777216.0;
    return (uint64_t)llround(seconds * player->rate);
}

static int process(jack_nframes_t count, void *data) {
    struct player *player = data;
    float *out = jack_port_get_buffer(player->port, count);
    jack_nframes_t cycle;
    jack_time_t start_us, next_us;
    float period_us;
    if (!out || jack_get_cycle_times(player->client, &cycle, &start_us, &next_us, &period_us))
        return 0;
    for (jack_nframes_t i = 0; i < count; i++, player->frame++) {
        const int played = atomic_load_explicit(&player->played, memory_order_relaxed);
        if (player->frame == player->next && played < player->clicks) {
            /* An onset is timed as if it had been captured in the period before; a predicted beat
             * by the time of its own frame. */
            const double before_us =
                (player->bpm > 0 ? -(double)i : (double)(count - i)) / player->rate * 1e6;
            /* JACK's clock is not everywhere ours: jackd's knows nothing of corrections by NTP. */
            const int64_t ahead_us = (int64_t)(ja_clock_us() - jack_get_time());
            player->at_us[played] = start_us + (uint64_t)(ahead_us - (int64_t)llround(before_us));
            player->click = player->frame;
            player->next += distance(player);
            atomic_store_explicit(&player->played, played + 1, memory_order_release);
        }
        out[i] = click_sample(player, player->frame);
    }
    return 0;
}

static int open_socket(int port) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const struct sockaddr_in here = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval wait = {0, 200000};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) ||
        bind(fd, (const struct sockaddr *)&here, sizeof here)) {
        fprintf(stderr, "ja-click-delay: UDP port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    return fd;
}

/* Collects the times of all messages to `address` until the last click is a second ago. */
static size_t receive(const struct player *player, int fd, const char *address,
                      uint64_t times_us[]) {
    size_t count = 0;
    const uint64_t give_up_us = ja_clock_us() + (uint64_t)player->clicks * 2000000u + 5000000u;
    for (;;) {
        char packet[2048] = "";
        const ssize_t size = recv(fd, packet, sizeof packet - 1, 0);
        const uint64_t now_us = ja_clock_us();
        if (size > 0 && strcmp(packet, address) == 0 && count < MOST_PACKETS)
            times_us[count++] = now_us;
        const int played = atomic_load_explicit(&player->played, memory_order_acquire);
        if (played == player->clicks && now_us > player->at_us[played - 1] + 1000000u)
            return count;
        if (now_us > give_up_us) {
            fprintf(stderr, "ja-click-delay: the JACK server does not run\n");
            exit(1);
        }
    }
}

/* The click that a message at `at_us` belongs to, or -1. */
static int click_of(const struct player *player, uint64_t at_us) {
    int best = -1;
    double best_us = far_us;
    for (int i = 0; i < player->clicks; i++) {
        const double delay_us = (double)at_us - (double)player->at_us[i];
        if (player->bpm <= 0 && delay_us < 0)
            break;
        if (fabs(delay_us) < best_us) {
            best_us = fabs(delay_us);
            best = i;
        }
    }
    return best;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const struct player *player, const uint64_t times_us[], size_t count) {
    static double delays_ms[MOST_CLICKS];
    static bool answered[MOST_CLICKS];
    const int first = player->clicks / 5;
    int n = 0, extra = 0;
    for (size_t i = 0; i < count; i++) {
        const int click = click_of(player, times_us[i]);
        if (click >= 0 && click < first)
            continue;
        if (click < 0 || answered[click]) {
            extra += times_us[i] > player->at_us[first];
            continue;
        }
        answered[click] = true;
        delays_ms[n++] = ((double)times_us[i] - (double)player->at_us[click]) / 1e3;
    }
    printf("%d of %d clicks answered, %d other messages", n, player->clicks - first, extra);
    if (n) {
        qsort(delays_ms, (size_t)n, sizeof *delays_ms, compare);
        printf("; ms: least %.1f, 5 %% %.1f, median %.1f, 95 %% %.1f, 99 %% %.1f, most %.1f",
               delays_ms[0], delays_ms[n / 20], delays_ms[n / 2], delays_ms[n * 95 / 100],
               delays_ms[n * 99 / 100], delays_ms[n - 1]);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    static struct player player = {.random = 1};
    static uint64_t times_us[MOST_PACKETS];
    if (argc < 5 || atoi(argv[4]) < 5 || atoi(argv[4]) > MOST_CLICKS) {
        fprintf(stderr, "usage: ja-click-delay INPUT_PORT UDP_PORT ADDRESS CLICKS [BPM]\n");
        return 2;
    }
    player.clicks = atoi(argv[4]);
    player.bpm = argc > 5 ? atof(argv[5]) : 0;
    const int fd = open_socket(atoi(argv[2]));
    player.client = jack_client_open("ja-click-delay", JackNoStartServer, NULL);
    if (!player.client) {
        fprintf(stderr, "ja-click-delay: no JACK server\n");
        return 1;
    }
    player.rate = jack_get_sample_rate(player.client);
    player.next = (uint64_t)player.rate; /* one second of silence first */
    player.port = jack_port_register(player.client, "out", JACK_DEFAULT_AUDIO_TYPE,
                                     JackPortIsOutput | JackPortIsTerminal, 0);
    jack_set_process_callback(player.client, process, &player);
    if (!player.port || jack_activate(player.client) ||
        jack_connect(player.client, jack_port_name(player.port), argv[1])) {
        fprintf(stderr, "ja-click-delay: cannot connect to %s\n", argv[1]);
        return 1;
    }
    const size_t count = receive(&player, fd, argv[3], times_us);
    jack_client_close(player.client);
    close(fd);
    report(&player, times_us, count);
    return 0;
}
