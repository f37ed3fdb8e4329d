/* --loopback: how long does it take from a sound to its OSC packet, and where does the time go?
 *
 * Everything is as in a live run, but the only target is a socket of our own, with a thread that
 * notes each packet's arrival. Clicks are played at a steady tempo. Each is an onset, whose way is
 * followed from stage to stage, and a beat, whose packet should arrive with it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "audio/ports.h"
#include "delays.h"

#include <ja/audio/clicks.h>
#include <ja/core/clock.h>
#include <ja/core/thread.h>
#include <ja/net/socket.h>
#include <ja/sink/sinks.h>

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A tempo whose beat is no whole number of periods: clicks fall anywhere within a period. */
static const double BPM = 124;
static const uint64_t TICK_US = 20000, LINGER_US = 300000;
static const uint64_t SERVER_US = 10000000, CABLE_US = 60000000; /* how long they are waited for */
static const double SETTLE_S = 5;                                /* before beats count */
static const double ANSWER_MS = 250;   /* an onset later than this answers no click */
static const double MOST_MISSED = 0.1; /* of the clicks, and one: an xrun is soon there */
enum { PER_SECOND = 64 }; /* most clicks, onsets, beats or packets; the rest is left out */

struct ja_loopback_settings {
    char output[256];
};

static const struct ja_option options[] = {
    JA_OPTION_STRING(struct ja_loopback_settings, output, "output", "", JA_START,
                     "Where --loopback plays its clicks: empty is straight into the first input, a "
                     "port such as system:playback_1 is for a cable, and hand leaves connecting to "
                     "you."),
};

const struct ja_module ja_loopback_module = {
    .name = "loopback",
    .help = "The measurement of delays, --loopback.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct ja_loopback_settings),
};

struct onset {
    uint64_t placed_us, needed_us;         /* in the sound: where, and the last that it took */
    uint64_t taken_us, told_us, handed_us; /* by the worker, by it again, by the main thread */
};
struct beat {
    int seq;
    uint64_t due_us;
};
struct packet {
    uint64_t arrived_us;
    int seq; /* of the beat; -1: an onset */
};

enum phase { WAITING, PATCHING, PLAYING, ENDING };

struct loopback {
    struct ja_app *app;
    struct ja_error *error;
    enum ja_status status;
    struct ja_loopback_settings settings;
    enum phase phase;
    uint64_t until_us; /* the phase's end */
    bool direct;       /* straight from output to input */
    struct ja_clicks *clicks;
    unsigned playback, capture, rate, period; /* latencies and period in frames, Hz */

    size_t room; /* of each of these */
    uint64_t *played_us;
    struct onset *onsets;
    struct beat *beats;
    struct packet *packets; /* the receiver's, until it has ended */
    size_t played_count, onset_count, beat_count, packet_count;

    int fd;
    pthread_t receiver;
    atomic_bool stop;
};

/* --- The receiver --- */

/* Only what our own map sends: "/onset" ,f and "/beat" ,iiff. */
static void *receive(void *data) {
    struct loopback *loopback = data;
    unsigned char bytes[512];
    struct pollfd pollfd = {.fd = loopback->fd, .events = POLLIN};
    while (!atomic_load(&loopback->stop)) {
        if (poll(&pollfd, 1, 100) <= 0)
            continue;
        ssize_t size = recv(loopback->fd, bytes, sizeof bytes, 0);
        struct packet packet = {.arrived_us = ja_clock_us(), .seq = -1};
        if (size < 16 || loopback->packet_count == loopback->room)
            continue;
        if (memcmp(bytes, "/beat", 6) == 0) {
            uint32_t seq;
            memcpy(&seq, bytes + 16, sizeof seq);
            packet.seq = (int)ntohl(seq);
        }
        loopback->packets[loopback->packet_count++] = packet;
    }
    return NULL;
}

static enum ja_status open_receiver(struct loopback *loopback, int *port, struct ja_error *error) {
    struct sockaddr_in bound = {0};
    socklen_t length = sizeof bound;
    loopback->fd = ja_udp_listen("127.0.0.1", 0, error);
    if (loopback->fd < 0)
        return JA_FAILED;
    getsockname(loopback->fd, (struct sockaddr *)&bound, &length);
    *port = ntohs(bound.sin_port);
    return JA_OK;
}

/* --- What the sinks see --- */

static struct loopback *loopback_of(const struct ja_sink *sink) {
    return *(struct loopback **)sink->state;
}

static void note_event(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_event *event) {
    struct loopback *loopback = loopback_of(sink);
    uint64_t at_us = ja_tap_us(tap, event->time);
    if (tap != sink->host->taps)
        return;
    if (event->type == JA_EVENT_BEAT && loopback->beat_count < loopback->room)
        loopback->beats[loopback->beat_count++] = (struct beat){event->beat.seq, at_us};
    if (event->type == JA_EVENT_ONSET && strcmp(event->onset.band, "full") == 0 &&
        loopback->onset_count < loopback->room)
        loopback->onsets[loopback->onset_count++] = (struct onset){
            at_us, ja_tap_us(tap, event->emitted), tap->taken_us, tap->told_us, ja_clock_us()};
}

static const struct ja_module recorder_module = {.name = "recorder"};
static const struct ja_sink_class recorder_class = {
    .module = &recorder_module,
    .state_size = sizeof(struct loopback *),
    .event = note_event,
};

/* The recorder comes first, so that it sees a message just before it is sent. */
static enum ja_status open_sinks(struct loopback *loopback, int port, struct ja_error *error) {
    struct ja_app *app = loopback->app;
    char pair[64];
    struct ja_sink *recorder = ja_sink_new(&recorder_class, &app->host, NULL, NULL, error);
    if (!recorder)
        return JA_FAILED;
    *(struct loopback **)recorder->state = loopback;
    app->sinks[app->sink_count++] = recorder;
    snprintf(pair, sizeof pair, "target.own-loopback.port=%d", port);
    enum ja_status status = ja_config_set_pair(app->config, JA_LAYER_LIVE, pair, "loopback", error);
    if (status == JA_OK)
        status = ja_config_set(app->config, JA_LAYER_LIVE, "target.own-loopback.map",
                               "output=onset address=/onset,output=beat address=/beat", "loopback",
                               error);
    if (status == JA_OK)
        status = ja_app_open_sink(app, app->config, &ja_osc_sink, "own-loopback", error);
    return status;
}

/* --- Phases --- */

static void leave(struct loopback *loopback, enum ja_status status) {
    loopback->status = status;
    ja_loop_stop(loopback->app->loop);
}

static void input_port(const struct loopback *loopback, char *name, size_t size) {
    char port[128];
    ja_ports_name(port, sizeof port, ja_stream_name(loopback->app->streams[0]), 0);
    snprintf(name, size, "%s:%s", loopback->app->jack_status.client, port);
}

static bool input_is_connected(const struct loopback *loopback) {
    return ja_jack_connected(loopback->app->jack, 0, 0) > 0;
}

static void connect_clicks(struct loopback *loopback) {
    const char *output = loopback->settings.output;
    char input[512];
    input_port(loopback, input, sizeof input);
    enum ja_status status = JA_OK;
    if (strcmp(output, "hand") == 0) {
        printf("connect %s and %s\n", ja_clicks_port(loopback->clicks), input);
    } else if (output[0]) {
        status = ja_clicks_connect(loopback->clicks, output, loopback->error);
        printf("the clicks go to %s\n", output);
    } else if (!ja_clicks_connected(loopback->clicks, NULL)) {
        status = ja_clicks_connect(loopback->clicks, input, loopback->error);
        printf("nothing was connected, so the clicks go straight from %s to %s;\nfor the way "
               "through the sound card see loopback.output\n",
               ja_clicks_port(loopback->clicks), input);
    }
    fflush(stdout);
    if (status != JA_OK)
        leave(loopback, status);
}

static void open_clicks(struct loopback *loopback) {
    struct ja_jack_settings jack = {0};
    ja_config_fill(loopback->app->config, &ja_jack_module, NULL, &jack);
    enum ja_status status = ja_clicks_open(&loopback->clicks, loopback->app->jack_status.client,
                                           jack.server[0] ? jack.server : NULL, loopback->error);
    if (status != JA_OK) {
        leave(loopback, status);
        return;
    }
    loopback->phase = PATCHING;
    loopback->until_us = ja_clock_us() + CABLE_US;
    connect_clicks(loopback);
}

static void begin_clicks(struct loopback *loopback) {
    const struct ja_app *app = loopback->app;
    char input[512];
    input_port(loopback, input, sizeof input);
    loopback->direct = ja_clicks_connected(loopback->clicks, input);
    if (ja_jack_connected(app->jack, 0, 0) > 1)
        puts("other sound is connected to the input as well; let it be silent");
    loopback->phase = PLAYING;
    loopback->until_us = ja_clock_us() + (uint64_t)(app->arguments->seconds * 1e6);
    ja_clicks_begin(loopback->clicks, 60 / BPM);
}

static void collect_clicks(struct loopback *loopback) {
    uint64_t time_us;
    while (ja_clicks_played(loopback->clicks, &time_us))
        if (loopback->played_count < loopback->room)
            loopback->played_us[loopback->played_count++] = time_us;
}

static void end_clicks(struct loopback *loopback) {
    const struct ja_app *app = loopback->app;
    loopback->playback = ja_clicks_latency(loopback->clicks);
    loopback->capture = ja_jack_latency(app->jack, 0);
    loopback->rate = app->jack_status.rate;
    loopback->period = app->jack_status.period;
    ja_clicks_close(loopback->clicks);
    loopback->clicks = NULL;
    loopback->phase = ENDING;
    loopback->until_us = ja_clock_us() + LINGER_US;
}

static void give_up(struct loopback *loopback) {
    const struct ja_app *app = loopback->app;
    char input[512];
    input_port(loopback, input, sizeof input);
    if (loopback->phase == WAITING)
        leave(loopback, ja_fail(loopback->error, JA_FAILED, "no JACK server within %d s: %s",
                                (int)(SERVER_US / 1000000), app->jack_status.reason));
    else
        leave(loopback,
              ja_fail(loopback->error, JA_FAILED, "within %d s %s was not connected to anything",
                      (int)(CABLE_US / 1000000),
                      input_is_connected(loopback) ? ja_clicks_port(loopback->clicks) : input));
}

static void tick(void *data, uint64_t due_us) {
    struct loopback *loopback = data;
    bool over = due_us > loopback->until_us;
    if (loopback->phase == PLAYING)
        collect_clicks(loopback);
    if (loopback->phase == WAITING && loopback->app->jack_status.state == JA_JACK_RUNNING)
        open_clicks(loopback);
    else if (loopback->phase == PATCHING && input_is_connected(loopback) &&
             ja_clicks_connected(loopback->clicks, NULL))
        begin_clicks(loopback);
    else if (over && loopback->phase == PLAYING)
        end_clicks(loopback);
    else if (over && loopback->phase == ENDING)
        leave(loopback, JA_OK);
    else if (over)
        give_up(loopback);
}

/* --- The report --- */

struct figures {
    struct ja_delays needing, capture, analysis, handing, sending, whole, placing, beats, timing;
    size_t clicks, heard;
};

static double ms_between(uint64_t from_us, uint64_t to_us) {
    return ((double)to_us - (double)from_us) / 1e3;
}

/* The first at or after `us`; counts on from `*at`. */
static const struct onset *onset_after(const struct loopback *loopback, size_t *at, uint64_t us) {
    while (*at < loopback->onset_count && loopback->onsets[*at].told_us < us)
        ++*at;
    return *at < loopback->onset_count ? &loopback->onsets[*at] : NULL;
}

static const struct packet *packet_after(const struct loopback *loopback, size_t *at, uint64_t us) {
    while (*at < loopback->packet_count &&
           (loopback->packets[*at].seq >= 0 || loopback->packets[*at].arrived_us < us))
        ++*at;
    return *at < loopback->packet_count ? &loopback->packets[*at] : NULL;
}

static uint64_t microseconds(const struct loopback *loopback, unsigned frames) {
    return loopback->rate ? (uint64_t)frames * 1000000 / loopback->rate : 0;
}

/* Follows each click through the stages. */
static void follow_clicks(const struct loopback *loopback, struct figures *figures) {
    size_t onset_at = 0, packet_at = 0;
    uint64_t playback_us = microseconds(loopback, loopback->playback);
    /* A card would have had the sound in the period before. */
    uint64_t period_us = loopback->direct ? microseconds(loopback, loopback->period) : 0;
    for (size_t i = 0; i < loopback->played_count; i++) {
        uint64_t heard_us = loopback->played_us[i] + playback_us, sound_us = heard_us - period_us;
        const struct onset *onset = onset_after(loopback, &onset_at, sound_us);
        const struct packet *packet =
            onset ? packet_after(loopback, &packet_at, onset->handed_us) : NULL;
        figures->clicks++;
        if (!packet || ms_between(sound_us, packet->arrived_us) > ANSWER_MS)
            continue;
        figures->heard++;
        ja_delays_add(&figures->needing, ms_between(heard_us, onset->needed_us));
        ja_delays_add(&figures->capture, ms_between(onset->needed_us - period_us, onset->taken_us));
        ja_delays_add(&figures->analysis, ms_between(onset->taken_us, onset->told_us));
        ja_delays_add(&figures->handing, ms_between(onset->told_us, onset->handed_us));
        ja_delays_add(&figures->sending, ms_between(onset->handed_us, packet->arrived_us));
        ja_delays_add(&figures->whole, ms_between(sound_us, packet->arrived_us));
        ja_delays_add(&figures->placing, ms_between(heard_us, onset->placed_us));
    }
}

static const struct beat *beat_of(const struct loopback *loopback, int seq) {
    for (size_t i = 0; i < loopback->beat_count; i++)
        if (loopback->beats[i].seq == seq)
            return &loopback->beats[i];
    return NULL;
}

/* Beat packets against the nearest click. */
static void follow_beats(const struct loopback *loopback, struct figures *figures) {
    uint64_t playback_us = microseconds(loopback, loopback->playback);
    size_t at = 0, last = loopback->played_count - 1;
    for (size_t i = 0; i < loopback->packet_count && loopback->played_count; i++) {
        const struct packet *packet = &loopback->packets[i];
        const struct beat *beat = packet->seq >= 0 ? beat_of(loopback, packet->seq) : NULL;
        double after = ms_between(loopback->played_us[0], packet->arrived_us);
        if (!beat || after < SETTLE_S * 1e3)
            continue;
        uint64_t heard_us = packet->arrived_us - playback_us;
        while (at < last && fabs(ms_between(loopback->played_us[at + 1], heard_us)) <
                                fabs(ms_between(loopback->played_us[at], heard_us)))
            at++;
        double error = ms_between(loopback->played_us[at], heard_us);
        if (fabs(error) < 30e3 / BPM)
            ja_delays_add(&figures->beats, error);
        ja_delays_add(&figures->timing, ms_between(beat->due_us, packet->arrived_us));
    }
}

static void tell(const struct loopback *loopback, struct figures *figures) {
    double frame_ms = loopback->rate ? 1e3 / loopback->rate : 0;
    printf("\n%u Hz, %u frames a period (%.2f ms)\n", loopback->rate, loopback->period,
           loopback->period * frame_ms);
    printf("latencies by JACK, taken into account: playback %u frames (%.2f ms), capture %u frames "
           "(%.2f ms)\n",
           loopback->playback, loopback->playback * frame_ms, loopback->capture,
           loopback->capture * frame_ms);
    printf("%zu of %zu clicks heard\n\n", figures->heard, figures->clicks);
    ja_delays_head(stdout);
    ja_delays_row(&figures->needing, "sound that the onset takes, and its hop", stdout);
    ja_delays_row(&figures->capture, "JACK: until the analysis has that sound", stdout);
    ja_delays_row(&figures->analysis, "analysis: until the onset is told", stdout);
    ja_delays_row(&figures->handing, "scheduling: until it is sent", stdout);
    ja_delays_row(&figures->sending, "network: until the packet is received", stdout);
    ja_delays_row(&figures->whole, "all: sound to onset packet", stdout);
    ja_delays_row(&figures->placing, "place of the onset against the click", stdout);
    ja_delays_row(&figures->beats, "beat packet against the click", stdout);
    ja_delays_row(&figures->timing, "beat packet against its due time", stdout);
    if (loopback->direct)
        puts("Sound counts from when a sound card would have had it: a period before its cycle.");
    ja_delays_histogram(&figures->whole, "Sound to onset packet", stdout);
    ja_delays_histogram(&figures->beats, "Beat packet against the click", stdout);
}

static enum ja_status report(const struct loopback *loopback, struct ja_error *error) {
    struct figures figures;
    memset(&figures, 0, sizeof figures);
    follow_clicks(loopback, &figures);
    follow_beats(loopback, &figures);
    tell(loopback, &figures);
    struct ja_delays *const all[] = {&figures.needing, &figures.capture, &figures.analysis,
                                     &figures.handing, &figures.sending, &figures.whole,
                                     &figures.placing, &figures.beats,   &figures.timing};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ja_delays_done(all[i]);
    if (figures.heard &&
        (double)(figures.clicks - figures.heard) <= 1 + MOST_MISSED * (double)figures.clicks)
        return JA_OK;
    if (!figures.clicks)
        return ja_fail(error, JA_FAILED, "no click was played: the JACK server stood still");
    return ja_fail(error, JA_FAILED,
                   "only %zu of %zu clicks were heard: is the cable in, and the input loud enough? "
                   "--test-input tells",
                   figures.heard, figures.clicks);
}

/* --- From start to end --- */

static bool take_memory(struct loopback *loopback, double seconds) {
    loopback->room = (size_t)(PER_SECOND * (seconds + 1));
    loopback->played_us = calloc(loopback->room, sizeof *loopback->played_us);
    loopback->onsets = calloc(loopback->room, sizeof *loopback->onsets);
    loopback->beats = calloc(loopback->room, sizeof *loopback->beats);
    loopback->packets = calloc(loopback->room, sizeof *loopback->packets);
    return loopback->played_us && loopback->onsets && loopback->beats && loopback->packets;
}

static void give_back(struct loopback *loopback) {
    free(loopback->played_us);
    free(loopback->onsets);
    free(loopback->beats);
    free(loopback->packets);
    if (loopback->fd >= 0)
        close(loopback->fd);
}

static enum ja_status open_all(struct loopback *loopback, struct ja_error *error) {
    struct ja_app *app = loopback->app;
    int port;
    if (!take_memory(loopback, app->arguments->seconds))
        return ja_fail(error, JA_FAILED, "no memory for the loopback");
    enum ja_status status = open_receiver(loopback, &port, error);
    if (status == JA_OK)
        status = ja_app_add_streams(app, error);
    if (status == JA_OK)
        status = open_sinks(loopback, port, error);
    if (status == JA_OK)
        status = ja_app_watch_signals(app, error);
    if (status == JA_OK)
        status = ja_app_start(app, error);
    if (status == JA_OK)
        status = ja_app_start_jack(app, error);
    return status;
}

static enum ja_status run(struct loopback *loopback, struct ja_error *error) {
    if (ja_thread_start(&loopback->receiver, 0, receive, loopback) != 0)
        return ja_fail(error, JA_FAILED, "no thread to receive with");
    loopback->until_us = ja_clock_us() + SERVER_US;
    loopback->status = ja_fail(error, JA_FAILED, "ended before anything was measured");
    ja_loop_every(loopback->app->loop, TICK_US, tick, loopback);
    ja_loop_run(loopback->app->loop);
    atomic_store(&loopback->stop, true);
    pthread_join(loopback->receiver, NULL);
    ja_clicks_close(loopback->clicks);
    return loopback->status;
}

enum ja_status ja_app_run_loopback(struct ja_app *app, struct ja_error *error) {
    struct loopback loopback = {.app = app, .error = error, .fd = -1};
    app->live = true;
    ja_config_fill(app->config, &ja_loopback_module, NULL, &loopback.settings);
    enum ja_status status = open_all(&loopback, error);
    if (status == JA_OK)
        status = run(&loopback, error);
    ja_app_finish(app);
    if (status == JA_OK)
        status = report(&loopback, error);
    give_back(&loopback);
    return status;
}
