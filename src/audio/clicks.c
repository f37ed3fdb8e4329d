/* Clicks for --loopback: a client of its own, since with one and the same a server would see a
 * circle and deliver the sound a period later.
 *
 * ja_clicks_run is, like ja_process_run, real-time code: it copies samples and writes a ring.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/audio/clicks.h>
#include <ja/core/clock.h>
#include <ja/core/math.h>
#include <ja/core/ring.h>

#include <jack/jack.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLICK_FRAMES = 4096, WAITING = 256 };
static const double CLICK_HZ = 2000, CLICK_PEAK = 0.6, CLICK_DECAY_S = 0.002, CLICK_S = 0.02;

struct ja_clicks {
    jack_client_t *client;
    jack_port_t *port;
    double rate;

    /* The callback's. */
    struct ja_ring *played; /* of uint64_t: JACK's clock in µs; written by the callback */
    float sound[CLICK_FRAMES];
    uint32_t sound_frames, at; /* length; the next sample to play */
    double until_next;         /* frames */
    double interval;           /* frames; set before `begun` */
    _Atomic bool begun;
};

int ja_clicks_run(jack_nframes_t frames,
                  void *data); /* not static: test/rt/static.sh begins here */

/* --- JACK's process thread --- */

static void begin_click(struct ja_clicks *clicks, double us) {
    uint64_t time_us = (uint64_t)(us + 0.5);
    ja_ring_write(clicks->played, &time_us, sizeof time_us);
    clicks->at = 0;
}

int ja_clicks_run(jack_nframes_t frames, void *data) {
    struct ja_clicks *clicks = data;
    float *out = jack_port_get_buffer(clicks->port, frames);
    bool begun = atomic_load_explicit(&clicks->begun, memory_order_acquire);
    jack_nframes_t now;
    jack_time_t us, next_us;
    float period_us;
    bool timed = jack_get_cycle_times(clicks->client, &now, &us, &next_us, &period_us) == 0;
    for (jack_nframes_t i = 0; out && i < frames; i++) {
        if (timed && begun && --clicks->until_next < 0) {
            clicks->until_next += clicks->interval;
            begin_click(clicks, (double)us + (double)period_us * i / frames);
        }
        out[i] = clicks->at < clicks->sound_frames ? clicks->sound[clicks->at++] : 0;
    }
    return 0;
}

/* --- Main thread --- */

static void make_sound(struct ja_clicks *clicks) {
    uint32_t frames = (uint32_t)(CLICK_S * clicks->rate);
    clicks->sound_frames = frames < CLICK_FRAMES ? frames : CLICK_FRAMES;
    clicks->at = clicks->sound_frames;
    for (uint32_t i = 0; i < clicks->sound_frames; i++) {
        double t = i / clicks->rate;
        clicks->sound[i] =
            (float)(CLICK_PEAK * exp(-t / CLICK_DECAY_S) * sin(2 * JA_PI * CLICK_HZ * t));
    }
}

static bool open_port(struct ja_clicks *clicks) {
    clicks->port = jack_port_register(clicks->client, "out", JACK_DEFAULT_AUDIO_TYPE,
                                      JackPortIsOutput | JackPortIsTerminal, 0);
    return clicks->port && jack_set_process_callback(clicks->client, ja_clicks_run, clicks) == 0 &&
           jack_activate(clicks->client) == 0;
}

enum ja_status ja_clicks_open(struct ja_clicks **clicks, const char *name, const char *server,
                              struct ja_error *error) {
    char client[80];
    struct ja_clicks *made = calloc(1, sizeof *made);
    if (!made || !(made->played = ja_ring_new(WAITING * sizeof(uint64_t)))) {
        free(made);
        return ja_fail(error, JA_FAILED, "no memory for the clicks");
    }
    snprintf(client, sizeof client, "%.50s-clicks", name);
    made->client = server
                       ? jack_client_open(client, JackNoStartServer | JackServerName, NULL, server)
                       : jack_client_open(client, JackNoStartServer, NULL);
    if (made->client) {
        made->rate = jack_get_sample_rate(made->client);
        make_sound(made);
    }
    if (!made->client || !open_port(made)) {
        ja_clicks_close(made);
        return ja_fail(error, JA_FAILED, "the JACK server takes no client \"%s\"", client);
    }
    *clicks = made;
    return JA_OK;
}

void ja_clicks_close(struct ja_clicks *clicks) {
    if (!clicks)
        return;
    if (clicks->client)
        jack_client_close(clicks->client);
    ja_ring_free(clicks->played);
    free(clicks);
}

const char *ja_clicks_port(const struct ja_clicks *clicks) {
    return jack_port_name(clicks->port);
}

enum ja_status ja_clicks_connect(struct ja_clicks *clicks, const char *port,
                                 struct ja_error *error) {
    if (jack_connect(clicks->client, ja_clicks_port(clicks), port) == 0)
        return JA_OK;
    return ja_fail(error, JA_FAILED, "%s cannot be connected to %s; see --list-ports",
                   ja_clicks_port(clicks), port);
}

bool ja_clicks_connected(const struct ja_clicks *clicks, const char *port) {
    return port ? jack_port_connected_to(clicks->port, port) > 0
                : jack_port_connected(clicks->port) > 0;
}

unsigned ja_clicks_latency(const struct ja_clicks *clicks) {
    jack_latency_range_t range = {0};
    jack_port_get_latency_range(clicks->port, JackPlaybackLatency, &range);
    return range.max;
}

void ja_clicks_begin(struct ja_clicks *clicks, double interval_s) {
    clicks->interval = interval_s * clicks->rate;
    clicks->until_next = clicks->rate;
    atomic_store_explicit(&clicks->begun, true, memory_order_release);
}

/* JACK's clock is not everywhere ours: jackd's knows nothing of corrections by NTP. */
bool ja_clicks_played(struct ja_clicks *clicks, uint64_t *time_us) {
    if (!ja_ring_read(clicks->played, time_us, sizeof *time_us))
        return false;
    *time_us += ja_clock_us() - jack_get_time();
    return true;
}
