/* --test-input: is the cable in, and is the level right?
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ports.h"

#include <ja/core/clock.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

static const double SILENT_DB = -60, LOW_DB = -20, BEST_DB = -6; /* peaks, dBFS */
static const double DC_LIMIT = 0.01;
static const uint64_t POLL_US = 20000, STOP_US = 1000000;

struct meter {
    uint64_t samples, clipped, wrong; /* wrong: not a finite number */
    double peak, sum, squares;
};

struct channel_group { /* one stream */
    struct ja_inlet inlet;
    struct meter meters[JA_CHANNELS];
};

static void measure(struct meter *meter, const float *samples, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        double x = (double)samples[i];
        if (!isfinite(x)) {
            meter->wrong++;
            continue;
        }
        meter->peak = fmax(meter->peak, fabs(x));
        meter->clipped += fabs(x) >= 1;
        meter->sum += x;
        meter->squares += x * x;
        meter->samples++;
    }
}

static void listen_to(struct channel_group *group, float *samples) {
    struct ja_block block;
    while (ja_ring_read(group->inlet.ring, &block, sizeof block))
        for (unsigned c = 0; c < block.channels; c++) {
            ja_ring_read(group->inlet.ring, samples, block.frames * sizeof *samples);
            measure(&group->meters[c], samples, block.frames);
        }
}

static double decibels(double amplitude) {
    return 20 * log10(fmax(amplitude, 1e-9));
}

static void advise(const char *port, const struct meter *meter, unsigned links, FILE *out) {
    double peak_db = decibels(meter->peak);
    double dc = meter->samples ? meter->sum / (double)meter->samples : 0;
    if (links == 0)
        fprintf(out,
                "    nothing is connected to %s: use a patch bay or the option "
                "stream.NAME.connect; --list-ports shows what there is\n",
                port);
    else if (peak_db < SILENT_DB)
        fprintf(out, "    silence: is something playing, and is the cable in?\n");
    else if (meter->clipped > 0)
        fprintf(out, "    it clips: lower the input by %.0f dB or more\n",
                fmax(1, ceil(peak_db - BEST_DB)));
    else if (peak_db < LOW_DB)
        fprintf(out, "    raise the input by %.0f dB\n", BEST_DB - peak_db);
    else
        fprintf(out, "    the level is good\n");
    if (fabs(dc) > DC_LIMIT)
        fprintf(out, "    the signal is off centre by %+.3f: check the sound card\n", dc);
    if (meter->wrong > 0)
        fprintf(out, "    %llu samples are no numbers: a program before us is broken\n",
                (unsigned long long)meter->wrong);
}

static void report_input(const char *port, const struct meter *meter, unsigned links, FILE *out) {
    double count = fmax(1, (double)meter->samples);
    if (meter->peak <= 0)
        fprintf(out, "%s: digital silence\n", port);
    else
        fprintf(out, "%s: peak %.1f dBFS, RMS %.1f dBFS, DC %+.4f, %llu clipped samples%s\n", port,
                decibels(meter->peak), decibels(sqrt(meter->squares / count)), meter->sum / count,
                (unsigned long long)meter->clipped,
                decibels(meter->peak) < SILENT_DB ? ", silent" : "");
    advise(port, meter, links, out);
}

static void report(const struct ja_jack *jack, const struct ja_jack_setup *setup,
                   const struct channel_group *groups, const struct ja_jack_status *status,
                   FILE *out) {
    fprintf(out, "JACK client \"%s\": %u Hz, %u frames a period, xruns: %llu\n", status->client,
            status->rate, status->period, (unsigned long long)status->xruns);
    if (status->xruns > 0)
        fputs("    sound drops out at xruns: choose a longer period or close other programs\n",
              out);
    for (size_t s = 0; s < setup->stream_count; s++)
        for (unsigned c = 0; c < setup->streams[s].inputs; c++) {
            char port[128];
            ja_ports_name(port, sizeof port, setup->streams[s].name, c);
            report_input(port, &groups[s].meters[c], ja_jack_connected(jack, s, c), out);
        }
}

/* Waits at most so long for a server, then listens as long. */
static enum ja_status listen_for(struct ja_jack *jack, size_t count, double seconds,
                                 struct channel_group *groups, struct ja_jack_status *status,
                                 struct ja_error *error) {
    float *samples = malloc(JA_BLOCK_FRAMES * sizeof *samples);
    if (!samples)
        return ja_fail(error, JA_FAILED, "no memory for the input test");
    uint64_t span_us = (uint64_t)(seconds * 1e6), end_us = ja_clock_us() + span_us;
    bool running = false;
    while (ja_clock_us() < end_us) {
        const struct timespec pause = {.tv_nsec = (long)POLL_US * 1000};
        nanosleep(&pause, NULL);
        ja_jack_status(jack, status);
        if (!running && status->state == JA_JACK_RUNNING && status->cycles > 0) {
            running = true;
            end_us = ja_clock_us() + span_us;
        }
        for (size_t s = 0; s < count; s++)
            listen_to(&groups[s], samples);
    }
    free(samples);
    if (!running)
        return ja_fail(error, JA_FAILED, "no sound from JACK within %g s: %s", seconds,
                       status->reason);
    return JA_OK;
}

/* A client that hangs in libjack goes on using its inlets: the groups then stay. */
static enum ja_status test_streams(const struct ja_jack_setup *setup, double seconds,
                                   struct channel_group *groups, bool *stopped, FILE *out,
                                   struct ja_error *error) {
    struct ja_jack *jack;
    enum ja_status status = ja_jack_start(&jack, setup, error);
    *stopped = true;
    if (status != JA_OK)
        return status;
    struct ja_jack_status server;
    status = listen_for(jack, setup->stream_count, seconds, groups, &server, error);
    if (status == JA_OK)
        report(jack, setup, groups, &server, out);
    *stopped = ja_jack_stop(jack, STOP_US);
    return status;
}

enum ja_status ja_jack_test_input(const struct ja_jack_setup *setup, double seconds, FILE *out,
                                  struct ja_error *error) {
    struct ja_jack_stream streams[JA_STREAMS];
    struct ja_jack_setup own = *setup;
    struct channel_group *groups = calloc(JA_STREAMS, sizeof *groups);
    if (!groups)
        return ja_fail(error, JA_FAILED, "no memory for the input test");
    own.streams = streams;
    enum ja_status status = JA_OK;
    size_t ready = 0;
    for (; ready < setup->stream_count; ready++) {
        streams[ready] = setup->streams[ready];
        streams[ready].inlet = &groups[ready].inlet;
        if (!ja_inlet_init(&groups[ready].inlet, streams[ready].inputs, JA_INLET_BLOCKS))
            break;
    }
    bool stopped = true;
    if (ready == setup->stream_count)
        status = test_streams(&own, seconds, groups, &stopped, out, error);
    else
        status = ja_fail(error, JA_FAILED, "no memory for the input test");
    if (!stopped)
        return status;
    for (size_t s = 0; s < ready; s++)
        ja_inlet_done(&groups[s].inlet);
    free(groups);
    return status;
}
