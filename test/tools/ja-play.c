/* Plays a sound file, or a signal of the synthesiser, into JACK ports, to test and to show.
 *
 *   ja-play [-n NAME] [-s SERVER] [-c PORT]... [-lt] FILE|synth:NAME?key=value
 *
 *   -n, --name NAME      JACK client name (ja-play)
 *   -s, --server NAME    JACK server
 *   -c, --connect PORT   the i-th leads from channel i, cyclically on both sides
 *   -l, --loop           for ever
 *   -f, --freewheel N    as soon as it plays the server freewheels, at most N times as fast as life
 *   -t, --times          tell of every cycle when it came, since on a busy machine the server falls
 *                        behind: {"frame":of the sound,"us":ja_clock_us}
 *
 * Everything is in memory, at the server's rate, before it starts. When the first sample leaves, a
 * JSON line tells its frame in JACK's frame time and its ja_clock_us:
 *   {"start_frame":…,"start_us":…,"rate":…,"channels":…,"seconds":…}
 * Ends when all has been played, or with SIGTERM.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <inttypes.h>
#include <ja/audio/source.h>
#include <ja/core/clock.h>
#include <ja/core/ring.h>
#include <ja/stream/inlet.h>
#include <jack/jack.h>
#include <math.h>
#include <samplerate.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_TARGETS = 32 };

struct sound {
    unsigned channels, rate;
    size_t frames;
    float *samples[JA_CHANNELS]; /* one channel after another */
};

/* When the first sample of a cycle was due. */
struct moment {
    uint64_t frame, us;
};

struct player {
    jack_client_t *client;
    jack_port_t *ports[JA_CHANNELS];
    struct sound sound;
    bool loop;
    double speed;                 /* of freewheeling against life; 0: no freewheeling */
    uint64_t played;              /* frames since the start, with all rounds of the loop */
    struct ja_ring *moments;      /* of struct moment; NULL: not asked for */
    size_t at;                    /* next frame to play; the callback's own */
    uint32_t tail;                /* frames of silence played after the end */
    _Atomic bool wait;            /* until the ports are connected */
    uint64_t start_us, braked_us; /* by ja_clock_us */
    uint32_t start_frame;
    _Atomic int phase; /* 0 not begun, 1 playing, 2 all played, 3 the server has gone */
};

static volatile sig_atomic_t ended;

static void on_signal(int signal) {
    (void)signal;
    ended = 1;
}

static int fail(const char *text) {
    fprintf(stderr, "ja-play: %s\n", text);
    return 1;
}

/* --- Loading --- */

static bool append(struct sound *sound, size_t *room, float (*block)[JA_BLOCK_FRAMES], int count) {
    if (sound->frames + (size_t)count > *room) {
        *room = *room ? 2 * *room : 1 << 20;
        for (unsigned c = 0; c < sound->channels; c++) {
            float *grown = realloc(sound->samples[c], *room * sizeof *grown);
            if (!grown)
                return false;
            sound->samples[c] = grown;
        }
    }
    for (unsigned c = 0; c < sound->channels; c++)
        memcpy(sound->samples[c] + sound->frames, block[c], (size_t)count * sizeof **block);
    sound->frames += (size_t)count;
    return true;
}

static bool load(struct sound *sound, const char *what, struct ja_error *error) {
    struct ja_source *source;
    if (ja_source_open(&source, what, error) != JA_OK)
        return false;
    sound->channels = ja_source_info(source)->channels;
    sound->rate = ja_source_info(source)->rate;
    static float block[JA_CHANNELS][JA_BLOCK_FRAMES];
    float *channels[JA_CHANNELS];
    for (unsigned c = 0; c < JA_CHANNELS; c++)
        channels[c] = block[c];
    size_t room = 0;
    int count;
    while ((count = ja_source_read(source, channels, JA_BLOCK_FRAMES, error)) > 0)
        if (!append(sound, &room, block, count)) {
            ja_fail(error, JA_FAILED, "no memory for %s", what);
            count = -1;
            break;
        }
    ja_source_close(source);
    if (count == 0 && sound->frames == 0)
        ja_fail(error, JA_USAGE, "%s holds no sound", what);
    return count == 0 && sound->frames > 0;
}

static bool resample(struct sound *sound, unsigned rate) {
    double ratio = (double)rate / sound->rate;
    size_t room = (size_t)ceil((double)sound->frames * ratio) + 16, frames = 0;
    for (unsigned c = 0; c < sound->channels && rate != sound->rate; c++) {
        float *out = malloc(room * sizeof *out);
        SRC_DATA data = {.data_in = sound->samples[c],
                         .data_out = out,
                         .input_frames = (long)sound->frames,
                         .output_frames = (long)room,
                         .src_ratio = ratio};
        if (!out || src_simple(&data, SRC_SINC_MEDIUM_QUALITY, 1) != 0)
            return false;
        free(sound->samples[c]);
        sound->samples[c] = out;
        frames = (size_t)data.output_frames_gen;
    }
    if (rate != sound->rate)
        sound->frames = frames;
    sound->rate = rate;
    return true;
}

/* --- Playing --- */

static void begin(struct player *player) {
    jack_nframes_t frame;
    jack_time_t us, next_us;
    float period_us;
    if (jack_get_cycle_times(player->client, &frame, &us, &next_us, &period_us) != 0)
        return;
    player->start_frame = frame;
    player->start_us = us + (ja_clock_us() - jack_get_time()); /* JACK's clock may be another */
    player->braked_us = ja_clock_us();
    atomic_store(&player->phase, 1);
}

static void note_moment(struct player *player) {
    jack_nframes_t frame;
    jack_time_t us, next_us;
    float period_us;
    if (!player->moments ||
        jack_get_cycle_times(player->client, &frame, &us, &next_us, &period_us) != 0)
        return;
    struct moment moment = {player->at, us + (ja_clock_us() - jack_get_time())};
    ja_ring_write(player->moments, &moment, sizeof moment);
}

/* Copies up to `frames` frames of every channel, then silence; the present place moves on. */
static void play(struct player *player, float **outs, jack_nframes_t frames) {
    const struct sound *sound = &player->sound;
    for (jack_nframes_t done = 0; done < frames;) {
        if (player->at == sound->frames && player->loop)
            player->at = 0;
        size_t left = sound->frames - player->at, want = frames - done;
        size_t count = left < want ? left : want;
        if (count == 0) {
            player->tail += frames - done;
            break;
        }
        for (unsigned c = 0; c < sound->channels; c++)
            if (outs[c])
                memcpy(outs[c] + done, sound->samples[c] + player->at, count * sizeof **outs);
        player->at += count;
        done += (jack_nframes_t)count;
    }
}

/* While the server freewheels, whoever is too fast may sleep. */
static void brake(const struct player *player) {
    double ahead_s = (double)player->played / player->sound.rate / player->speed -
                     (double)(ja_clock_us() - player->braked_us) * 1e-6;
    if (ahead_s < 0.001 || ahead_s > 1)
        return;
    const struct timespec pause = {.tv_nsec = (long)(ahead_s * 999999999)};
    nanosleep(&pause, NULL);
}

static int process(jack_nframes_t frames, void *data) {
    struct player *player = data;
    float *outs[JA_CHANNELS];
    for (unsigned c = 0; c < player->sound.channels; c++) {
        outs[c] = jack_port_get_buffer(player->ports[c], frames);
        if (outs[c])
            memset(outs[c], 0, frames * sizeof **outs);
    }
    if (!atomic_load(&player->wait) && atomic_load(&player->phase) == 0)
        begin(player);
    if (atomic_load(&player->phase) == 1) {
        note_moment(player);
        play(player, outs, frames);
        player->played += frames;
        if (player->speed > 0)
            brake(player);
        if (player->tail > 2 * frames)
            atomic_store(&player->phase, 2);
    }
    return 0;
}

static void on_shutdown(void *data) {
    struct player *player = data;
    atomic_store(&player->phase, 3);
}

static bool open_ports(struct player *player) {
    jack_set_process_callback(player->client, process, player);
    jack_on_shutdown(player->client, on_shutdown, player);
    for (unsigned c = 0; c < player->sound.channels; c++) {
        char name[16];
        snprintf(name, sizeof name, "out_%u", c + 1);
        player->ports[c] = jack_port_register(player->client, name, JACK_DEFAULT_AUDIO_TYPE,
                                              JackPortIsOutput | JackPortIsTerminal, 0);
        if (!player->ports[c])
            return false;
    }
    return jack_activate(player->client) == 0;
}

static bool connect_ports(struct player *player, char *const *targets, unsigned count) {
    unsigned channels = player->sound.channels;
    unsigned links = count == 0 ? 0 : count > channels ? count : channels;
    for (unsigned i = 0; i < links; i++) {
        const char *from = jack_port_name(player->ports[i % channels]);
        if (jack_connect(player->client, from, targets[i % count]) != 0) {
            fprintf(stderr, "ja-play: cannot connect %s to %s\n", from, targets[i % count]);
            return false;
        }
    }
    return true;
}

static void tell_moments(struct player *player) {
    struct moment moment;
    while (player->moments && ja_ring_read(player->moments, &moment, sizeof moment))
        printf("{\"frame\":%" PRIu64 ",\"us\":%" PRIu64 "}\n", moment.frame, moment.us);
}

/* Waits for the phase to pass `phase`. */
static int wait_for(struct player *player, int phase) {
    const struct timespec pause = {.tv_nsec = 2000000};
    while (!ended && atomic_load(&player->phase) <= phase) {
        nanosleep(&pause, NULL);
        if (phase > 0)
            tell_moments(player);
    }
    return atomic_load(&player->phase);
}

static int run(struct player *player, char *const *targets, unsigned count) {
    atomic_store(&player->wait, true);
    if (!open_ports(player))
        return fail("the server gives no ports");
    if (!connect_ports(player, targets, count))
        return 1;
    if (player->speed > 0 && jack_set_freewheel(player->client, 1) != 0)
        return fail("the server does not freewheel");
    atomic_store(&player->wait, false);
    if (wait_for(player, 0) != 3 && !ended) {
        const struct sound *sound = &player->sound;
        printf("{\"start_frame\":%" PRIu32 ",\"start_us\":%" PRIu64
               ",\"rate\":%u,\"channels\":%u,\"seconds\":%.6f}\n",
               player->start_frame, player->start_us, sound->rate, sound->channels,
               (double)sound->frames / sound->rate);
        fflush(stdout);
    }
    return wait_for(player, 1) == 3 ? fail("the server has gone") : 0;
}

static void ignore_message(const char *message) {
    (void)message;
}

int main(int argc, char **argv) {
    static struct player player;
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
                                            {"server", required_argument, NULL, 's'},
                                            {"connect", required_argument, NULL, 'c'},
                                            {"loop", no_argument, NULL, 'l'},
                                            {"times", no_argument, NULL, 't'},
                                            {"freewheel", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    const char *name = "ja-play", *server = NULL;
    char *targets[MOST_TARGETS];
    unsigned count = 0;
    for (int option; (option = getopt_long(argc, argv, "n:s:c:ltf:", options, NULL)) != -1;) {
        if (option == 'n')
            name = optarg;
        else if (option == 's')
            server = optarg;
        else if (option == 'c' && count < MOST_TARGETS)
            targets[count++] = optarg;
        else if (option == 'l')
            player.loop = true;
        else if (option == 'f' && atof(optarg) > 0)
            player.speed = atof(optarg);
        else if (option == 't')
            player.moments = ja_ring_new(1024 * sizeof(struct moment));
        else
            return 2;
    }
    if (optind + 1 != argc)
        return fail("needs one sound file or signal") + 1;

    struct ja_error error;
    if (!load(&player.sound, argv[optind], &error))
        return fail(error.text);
    jack_set_error_function(ignore_message);
    jack_set_info_function(ignore_message);
    player.client = server
                        ? jack_client_open(name, JackNoStartServer | JackServerName, NULL, server)
                        : jack_client_open(name, JackNoStartServer, NULL);
    if (!player.client)
        return fail("no JACK server is running");
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    int result = 1;
    if (resample(&player.sound, jack_get_sample_rate(player.client)))
        result = run(&player, targets, count);
    else
        fail("cannot convert the sound to the server's rate");
    jack_client_close(player.client);
    ja_ring_free(player.moments);
    for (unsigned c = 0; c < JA_CHANNELS; c++)
        free(player.sound.samples[c]);
    return result;
}
