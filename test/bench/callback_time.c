/* How long a JACK client's process callback takes: preloaded into the unchanged program, it stands
 * between the server and the callback with a clock.
 *
 * Writes one line to the file named by CALLBACK_TIME when the client is closed: calls, mean,
 * 99.9th percentile and maximum, in microseconds.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <jack/jack.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STEPS = 20000, STEP_NS = 100, WARM_UP = 100 };

static JackProcessCallback inner;
static void *inner_data;
static uint64_t calls, sum_ns, worst_ns, histogram[STEPS + 1];

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int timed(jack_nframes_t frames, void *data) {
    (void)data;
    const uint64_t start = now_ns();
    const int result = inner(frames, inner_data);
    const uint64_t took = now_ns() - start;
    if (++calls <= WARM_UP)
        return result;
    sum_ns += took;
    if (took > worst_ns)
        worst_ns = took;
    histogram[took / STEP_NS < STEPS ? took / STEP_NS : STEPS]++;
    return result;
}

static double percentile_us(double share) {
    const uint64_t wanted = (uint64_t)(share * (double)(calls - WARM_UP));
    uint64_t seen = 0;
    size_t step = 0;
    while (step < STEPS && (seen += histogram[step]) < wanted)
        step++;
    return (double)(step + 1) * STEP_NS / 1e3;
}

int jack_set_process_callback(jack_client_t *client, JackProcessCallback callback, void *data) {
    int (*real)(jack_client_t *, JackProcessCallback, void *);
    *(void **)&real = dlsym(RTLD_NEXT, "jack_set_process_callback");
    inner = callback;
    inner_data = data;
    return real(client, timed, NULL);
}

static void report(void) {
    const char *path = getenv("CALLBACK_TIME");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (!out || calls <= WARM_UP)
        return;
    fprintf(out, "%llu calls: mean %.2f us, 99.9 %% below %.1f us, longest %.1f us\n",
            (unsigned long long)(calls - WARM_UP), (double)sum_ns / (double)(calls - WARM_UP) / 1e3,
            percentile_us(0.999), (double)worst_ns / 1e3);
    fclose(out);
}

int jack_client_close(jack_client_t *client) {
    int (*real)(jack_client_t *);
    *(void **)&real = dlsym(RTLD_NEXT, "jack_client_close");
    const int result = real(client);
    report();
    return result;
}
