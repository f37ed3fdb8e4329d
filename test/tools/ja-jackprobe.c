/* A JACK client that does nothing but listen and tell, ten times a second and at the end, as a JSON
 * line on standard output, how it fares. For the live tests of src/audio.
 *
 *   ja-jackprobe [-n NAME] [-s SERVER] [-i INPUTS] [-c RULE]... [-b INPUTS] [-d CYCLES] [-lmv]
 *                [-t SECONDS]
 *
 *   -i  inputs of the stream "main" (2)         -c  a connection rule for it
 *   -b  inputs of a second stream "booth" (0)   -d  the first client's callback fails after so many
 *   -m  sends MIDI and hears it with a second       cycles, so that the server no longer calls it
 *       client, NAME-ear                        -l  lists the ports instead
 *   -t  tests the input for so many seconds instead
 *
 * SIGUSR1 stops reading the inlets, SIGUSR2 goes on; SIGTERM ends.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <inttypes.h>
#include <ja/audio/jack.h>
#include <ja/core/clock.h>
#include <ja/core/json.h>
#include <ja/core/log.h>
#include <jack/jack.h>
#include <jack/midiport.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STREAMS = 2, NOTES = 128 };

/* What has come out of one stream's inlet. */
struct heard {
    struct ja_inlet inlet;
    unsigned channels;
    struct ja_block last;                                  /* frames 0: none yet */
    uint64_t processed, blocks, gaps, gap_frames, changes; /* changes: of the epoch */
    uint64_t bad_rate; /* blocks whose rate differs from the one before within an epoch */
    double worst_us;   /* largest step of a block's time against its frames within an epoch */
    float peak;        /* since the last line */
};

/* The second client: hears the notes that were sent. */
struct ear {
    jack_client_t *client;
    jack_port_t *port;
    _Atomic uint64_t sent_us[NOTES];
    _Atomic uint64_t heard, exact; /* exact: less than a sample off */
    _Atomic double worst_frames;
    unsigned note;
    uint64_t next_us, sent;
};

static volatile sig_atomic_t ended, stalled;
static uint64_t dead_after; /* cycles; 0: lives */

static void on_signal(int signal) {
    if (signal == SIGTERM || signal == SIGINT)
        ended = 1;
    else
        stalled = signal == SIGUSR1;
}

/* --- A callback that fails --- */

static JackProcessCallback true_callback;
static void *true_data;

static int failing_callback(jack_nframes_t frames, void *data) {
    static uint64_t cycles;
    (void)data;
    true_callback(frames, true_data);
    return ++cycles >= dead_after;
}

/* Takes libjack's place for this program. */
int jack_set_process_callback(jack_client_t *client, JackProcessCallback callback, void *data) {
    int (*set)(jack_client_t *, JackProcessCallback, void *);
    void *symbol = dlsym(RTLD_NEXT, "jack_set_process_callback");
    memcpy(&set, &symbol, sizeof set);
    if (dead_after == 0 || true_callback)
        return set(client, callback, data);
    true_callback = callback;
    true_data = data;
    return set(client, failing_callback, NULL);
}

/* --- Sound --- */

static void follow(struct heard *heard, const struct ja_block *block) {
    const struct ja_block *last = &heard->last;
    if (last->frames == 0 || block->epoch != last->epoch) {
        heard->changes++;
        return;
    }
    heard->bad_rate += block->rate != last->rate;
    if (block->frame != last->frame + last->frames) {
        heard->gaps++;
        heard->gap_frames += block->frame - last->frame - last->frames;
    }
    double step_us = (double)block->time_us - (double)last->time_us;
    double frames_us = (double)(block->frame - last->frame) * 1e6 / block->rate;
    heard->worst_us = fmax(heard->worst_us, fabs(step_us - frames_us));
}

static void listen_to(struct heard *heard) {
    static float samples[JA_CHANNELS * JA_BLOCK_FRAMES];
    struct ja_block block;
    while (ja_ring_read(heard->inlet.ring, &block, sizeof block)) {
        size_t count = (size_t)block.frames * block.channels;
        ja_ring_read(heard->inlet.ring, samples, count * sizeof *samples);
        follow(heard, &block);
        heard->last = block;
        heard->processed += block.frames;
        heard->blocks++;
        for (size_t i = 0; i < count; i++)
            heard->peak = fmaxf(heard->peak, fabsf(samples[i]));
    }
}

/* --- MIDI --- */

/* Between the two clients of this process stands the server, which ThreadSanitizer does not see. */
__attribute__((no_sanitize("thread"))) static int hear(jack_nframes_t frames, void *data) {
    struct ear *ear = data;
    void *buffer = jack_port_get_buffer(ear->port, frames);
    jack_nframes_t now;
    jack_time_t us, next_us;
    float period_us;
    if (!buffer || jack_get_cycle_times(ear->client, &now, &us, &next_us, &period_us) != 0)
        return 0;
    us += ja_clock_us() - jack_get_time(); /* JACK's clock may be another */
    for (uint32_t i = 0; i < jack_midi_get_event_count(buffer); i++) {
        jack_midi_event_t event;
        if (jack_midi_event_get(&event, buffer, i) != 0 || event.size != 3)
            continue;
        double at_us = (double)us + (double)event.time * (double)period_us / frames;
        double off_us = fabs(at_us - (double)ear->sent_us[event.buffer[1] % NOTES]);
        double off_frames = off_us * frames / (double)period_us;
        if (off_frames > ear->worst_frames)
            ear->worst_frames = off_frames;
        ear->exact += off_frames < 1;
        ear->heard++;
    }
    return 0;
}

static bool open_ear(struct ear *ear, const char *name, const char *server) {
    char ear_name[64];
    snprintf(ear_name, sizeof ear_name, "%.50s-ear", name);
    ear->client = server
                      ? jack_client_open(ear_name, JackNoStartServer | JackServerName, NULL, server)
                      : jack_client_open(ear_name, JackNoStartServer, NULL);
    if (!ear->client)
        return false;
    ear->port = jack_port_register(ear->client, "in", JACK_DEFAULT_MIDI_TYPE, JackPortIsInput, 0);
    jack_set_process_callback(ear->client, hear, ear);
    return ear->port && jack_activate(ear->client) == 0;
}

static void connect_ear(struct ear *ear, const char *name) {
    char from[400];
    snprintf(from, sizeof from, "%s:midi_out", name);
    if (jack_connect(ear->client, from, jack_port_name(ear->port)) == 0)
        ear->next_us = ja_clock_us() + 200000;
}

/* Pairs of notes 7.3 ms apart, queued 50 ms ahead; nothing while unconnected. */
static void send_notes(struct ear *ear, struct ja_jack *jack) {
    uint64_t now_us = ja_clock_us();
    if (ear->next_us == 0 || now_us + 50000 < ear->next_us)
        return;
    for (int i = 0; i < 2; i++) {
        uint8_t bytes[3] = {0x90, (uint8_t)ear->note, 100};
        uint64_t at_us = ear->next_us + (uint64_t)i * 7300;
        ear->sent_us[ear->note] = at_us;
        ear->note = (ear->note + 1) % NOTES;
        ear->sent += ja_jack_midi(jack, at_us, bytes, 3);
    }
    ear->next_us += 20000;
}

/* --- Telling --- */

static void tell_stream(struct ja_json *json, struct heard *heard, const struct ja_jack *jack,
                        size_t stream) {
    ja_json_begin_object(json);
    ja_json_key(json, "delivered");
    ja_json_integer(json, (long long)heard->inlet.delivered);
    ja_json_key(json, "processed");
    ja_json_integer(json, (long long)heard->processed);
    ja_json_key(json, "lost");
    ja_json_integer(json, (long long)heard->inlet.lost);
    ja_json_key(json, "lost_blocks");
    ja_json_integer(json, (long long)heard->inlet.lost_blocks);
    ja_json_key(json, "gaps");
    ja_json_integer(json, (long long)heard->gaps);
    ja_json_key(json, "gap_frames");
    ja_json_integer(json, (long long)heard->gap_frames);
    ja_json_key(json, "epochs");
    ja_json_integer(json, (long long)heard->changes);
    ja_json_key(json, "bad_rate");
    ja_json_integer(json, (long long)heard->bad_rate);
    ja_json_key(json, "block_rate");
    ja_json_integer(json, heard->last.rate);
    ja_json_key(json, "worst_us");
    ja_json_number(json, heard->worst_us);
    ja_json_key(json, "peak");
    ja_json_number(json, (double)heard->peak);
    ja_json_key(json, "links");
    ja_json_begin_array(json);
    for (unsigned c = 0; c < heard->channels; c++)
        ja_json_integer(json, ja_jack_connected(jack, stream, c));
    ja_json_end_array(json);
    ja_json_end_object(json);
    heard->peak = 0;
}

static void tell(struct ja_jack *jack, struct heard *heard, size_t count, const struct ear *ear) {
    static const char *const states[] = {"waiting", "running", "stalled"};
    struct ja_jack_status status;
    ja_jack_status(jack, &status);
    char line[4096];
    struct ja_text text;
    struct ja_json json;
    ja_json_open(&json, &text, line, sizeof line);
    ja_json_key(&json, "us");
    ja_json_integer(&json, (long long)ja_clock_us());
    ja_json_key(&json, "state");
    ja_json_string(&json, states[status.state]);
    ja_json_key(&json, "reason");
    ja_json_string(&json, status.reason);
    ja_json_key(&json, "client");
    ja_json_string(&json, status.client);
    ja_json_key(&json, "rate");
    ja_json_integer(&json, status.rate);
    ja_json_key(&json, "period");
    ja_json_integer(&json, status.period);
    ja_json_key(&json, "freewheel");
    ja_json_bool(&json, status.freewheel);
    ja_json_key(&json, "cycles");
    ja_json_integer(&json, (long long)status.cycles);
    ja_json_key(&json, "xruns");
    ja_json_integer(&json, (long long)status.xruns);
    ja_json_key(&json, "found");
    ja_json_integer(&json, (long long)status.connections);
    if (ear) {
        ja_json_key(&json, "midi_sent");
        ja_json_integer(&json, (long long)ear->sent);
        ja_json_key(&json, "midi_heard");
        ja_json_integer(&json, (long long)ear->heard);
        ja_json_key(&json, "midi_exact");
        ja_json_integer(&json, (long long)ear->exact);
        ja_json_key(&json, "midi_late");
        ja_json_integer(&json, (long long)status.midi_late);
        ja_json_key(&json, "midi_worst_frames");
        ja_json_number(&json, ear->worst_frames);
    }
    ja_json_key(&json, "streams");
    ja_json_begin_array(&json);
    for (size_t s = 0; s < count; s++)
        tell_stream(&json, &heard[s], jack, s);
    ja_json_end_array(&json);
    ja_json_end_object(&json);
    ja_text_put(&text, "\n");
    fputs(line, stdout);
    fflush(stdout);
}

/* --- The program --- */

static int run(struct ja_jack *jack, struct heard *heard, size_t count, struct ear *ear,
               const char *name) {
    uint64_t tell_us = 0, ended_us = 0;
    while (!ended || ended_us == 0) {
        if (ended)
            ended_us = ja_clock_us(); /* one more round for what is queued */
        for (size_t s = 0; s < count && (!stalled || ended); s++)
            listen_to(&heard[s]);
        if (ear && ear->next_us == 0)
            connect_ear(ear, name);
        if (ear)
            send_notes(ear, jack);
        if (ja_clock_us() >= tell_us) {
            tell(jack, heard, count, ear);
            tell_us = ja_clock_us() + 100000;
        }
        usleep(2000);
    }
    if (ear)
        jack_client_close(ear->client);
    bool stopped = ja_jack_stop(jack, 2000000);
    if (!stopped)
        _exit(3);
    uint64_t delivered = 0, processed = 0, lost = 0;
    for (size_t s = 0; s < count; s++) {
        listen_to(&heard[s]);
        delivered += heard[s].inlet.delivered;
        lost += heard[s].inlet.lost;
        processed += heard[s].processed;
        ja_inlet_done(&heard[s].inlet);
    }
    printf("{\"final\":true,\"delivered\":%" PRIu64 ",\"processed\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"exact\":%s}\n",
           delivered, processed, lost, processed + lost == delivered ? "true" : "false");
    return 0;
}

int main(int argc, char **argv) {
    static struct heard heard[STREAMS];
    static struct ear ear;
    char rules[2048] = "";
    size_t rules_length = 0;
    const char *name = "probe", *server = NULL;
    unsigned inputs[STREAMS] = {2, 0};
    bool midi = false, list = false;
    double test_s = 0;
    for (int option; (option = getopt(argc, argv, "n:s:i:b:c:d:t:lmv")) != -1;) {
        if (option == 'n')
            name = optarg;
        else if (option == 's')
            server = optarg;
        else if (option == 'i')
            inputs[0] = (unsigned)atoi(optarg);
        else if (option == 'b')
            inputs[1] = (unsigned)atoi(optarg);
        else if (option == 'd')
            dead_after = (uint64_t)atoll(optarg);
        else if (option == 'm')
            midi = true;
        else if (option == 't')
            test_s = atof(optarg);
        else if (option == 'l')
            list = true;
        else if (option == 'v')
            ja_log_set_level(JA_LOG_DEBUG);
        else if (option == 'c' && rules_length + strlen(optarg) + 2 < sizeof rules)
            rules_length += (size_t)sprintf(rules + rules_length, "%s", optarg) + 1;
        else
            return 2;
    }

    struct ja_jack_stream streams[STREAMS];
    size_t count = 0;
    for (; count < STREAMS && inputs[count] > 0; count++) {
        heard[count].channels = inputs[count];
        if (!ja_inlet_init(&heard[count].inlet, inputs[count], JA_INLET_BLOCKS))
            return 1;
        streams[count] = (struct ja_jack_stream){count == 0 ? "main" : "booth", inputs[count],
                                                 count == 0 ? rules : "", &heard[count].inlet};
    }
    struct ja_jack_setup setup = {
        .client = name, .server = server, .streams = streams, .stream_count = count};
    struct ja_error error;
    struct ja_jack *jack;
    enum ja_status status = list         ? ja_ports_list(server, stdout, &error)
                            : test_s > 0 ? ja_jack_test_input(&setup, test_s, stdout, &error)
                                         : ja_jack_start(&jack, &setup, &error);
    if (status != JA_OK) {
        fprintf(stderr, "%s\n", error.text);
        return (int)status;
    }
    if (list || test_s > 0)
        return 0;
    if (midi && !open_ear(&ear, name, server))
        return 1;

    struct sigaction action = {.sa_handler = on_signal};
    const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
    return run(jack, heard, count, midi ? &ear : NULL, name);
}
