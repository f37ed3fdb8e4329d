/* Measures how exactly packets leave that must leave at a certain moment: the scheduler sends
 * packets, each with its due time in it, to a socket on which another thread waits.
 *
 *   ja-send-error PACKETS
 *
 * The error is arrival less due time, so it includes the way through the loopback network.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/schedule.h"

#include <arpa/inet.h>
#include <ja/core/clock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST = 100000, AHEAD_US = 50000, APART_US = 10000 };

struct bench {
    struct ja_loop *loop;
    struct ja_schedule *schedule;
    int out, in;
    int packets, planned;
    double errors_us[MOST];
};

static void send_packet(void *data, const struct ja_packet *packet) {
    struct bench *bench = data;
    send(bench->out, packet->data, packet->size, 0);
}

/* Plans one more packet, at an uneven distance, 50 ms ahead as a beat would be. */
static void plan(void *data, uint64_t due_us) {
    struct bench *bench = data;
    if (bench->planned == bench->packets) {
        if (ja_schedule_count(bench->schedule) == 0)
            ja_loop_stop(bench->loop);
        return;
    }
    struct ja_packet packet = {.due_us = due_us + AHEAD_US + (uint64_t)(rand() % APART_US)};
    packet.size = sizeof packet.due_us;
    memcpy(packet.data, &packet.due_us, packet.size);
    bench->planned += ja_schedule_add(bench->schedule, &packet);
}

static void *receive(void *data) {
    struct bench *bench = data;
    for (int i = 0; i < bench->packets; i++) {
        uint64_t due_us;
        if (recv(bench->in, &due_us, sizeof due_us, 0) != sizeof due_us)
            break;
        bench->errors_us[i] = (double)ja_clock_us() - (double)due_us;
    }
    return NULL;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int open_sockets(struct bench *bench) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    bench->in = socket(AF_INET, SOCK_DGRAM, 0);
    bench->out = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(bench->in, (struct sockaddr *)&address, sizeof address) ||
        getsockname(bench->in, (struct sockaddr *)&address, &length) ||
        connect(bench->out, (struct sockaddr *)&address, length)) {
        perror("ja-send-error");
        return -1;
    }
    return 0;
}

int main(int argc, char **argv) {
    static struct bench bench;
    struct ja_error error;
    pthread_t receiver;
    bench.packets = argc > 1 ? atoi(argv[1]) : 0;
    if (bench.packets < 1 || bench.packets > MOST) {
        fprintf(stderr, "usage: ja-send-error PACKETS\n");
        return 2;
    }
    if (open_sockets(&bench) || !(bench.loop = ja_loop_new(&error)) ||
        !(bench.schedule = ja_schedule_new(bench.loop, send_packet, &bench)) ||
        pthread_create(&receiver, NULL, receive, &bench))
        return 1;
    ja_loop_every(bench.loop, APART_US, plan, &bench);
    ja_loop_run(bench.loop);
    pthread_join(receiver, NULL);
    ja_schedule_free(bench.schedule);
    ja_loop_free(bench.loop);

    const size_t n = (size_t)bench.packets;
    qsort(bench.errors_us, n, sizeof bench.errors_us[0], compare);
    printf("%zu packets; us: least %.0f, median %.0f, 99 %% %.0f, most %.0f\n", n,
           bench.errors_us[0], bench.errors_us[n / 2], bench.errors_us[n * 99 / 100],
           bench.errors_us[n - 1]);
    return 0;
}
