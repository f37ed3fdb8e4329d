/* A cable with known latencies, for tests: what comes in at cable:in goes out at cable:out, so many
 * frames later.
 *
 *   ja-cable [-n NAME] [-s SERVER] FRAMES PLAYBACK CAPTURE
 *
 * To JACK it claims that its input is heard PLAYBACK frames later and that its output was captured
 * CAPTURE frames ago. Ends with SIGTERM.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <jack/jack.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FRAMES = 1 << 18 };

struct cable {
    jack_client_t *client;
    jack_port_t *in, *out;
    jack_nframes_t playback, capture; /* claimed */
    size_t delay, at;
    float sound[MOST_FRAMES];
};

static volatile sig_atomic_t ended;

static void on_signal(int signal) {
    (void)signal;
    ended = 1;
}

static int process(jack_nframes_t frames, void *data) {
    struct cable *cable = data;
    const float *in = jack_port_get_buffer(cable->in, frames);
    float *out = jack_port_get_buffer(cable->out, frames);
    for (jack_nframes_t i = 0; in && out && i < frames; i++, cable->at++) {
        cable->sound[cable->at % MOST_FRAMES] = in[i];
        out[i] = cable->sound[(cable->at - cable->delay) % MOST_FRAMES];
    }
    return 0;
}

static void claim(jack_latency_callback_mode_t mode, void *data) {
    struct cable *cable = data;
    bool capture = mode == JackCaptureLatency;
    jack_latency_range_t range = {.min = capture ? cable->capture : cable->playback};
    range.max = range.min;
    jack_port_set_latency_range(capture ? cable->out : cable->in, mode, &range);
}

static bool open_cable(struct cable *cable, const char *name, const char *server) {
    cable->client = server
                        ? jack_client_open(name, JackNoStartServer | JackServerName, NULL, server)
                        : jack_client_open(name, JackNoStartServer, NULL);
    if (!cable->client)
        return false;
    cable->in = jack_port_register(cable->client, "in", JACK_DEFAULT_AUDIO_TYPE,
                                   JackPortIsInput | JackPortIsTerminal, 0);
    cable->out = jack_port_register(cable->client, "out", JACK_DEFAULT_AUDIO_TYPE,
                                    JackPortIsOutput | JackPortIsTerminal, 0);
    jack_set_process_callback(cable->client, process, cable);
    jack_set_latency_callback(cable->client, claim, cable);
    return cable->in && cable->out && jack_activate(cable->client) == 0;
}

int main(int argc, char **argv) {
    static struct cable cable;
    const char *name = "cable", *server = NULL;
    for (int option; (option = getopt(argc, argv, "n:s:")) != -1;) {
        if (option == 'n')
            name = optarg;
        else if (option == 's')
            server = optarg;
        else
            return 2;
    }
    if (optind + 3 != argc) {
        fprintf(stderr, "usage: ja-cable [-n NAME] [-s SERVER] FRAMES PLAYBACK CAPTURE\n");
        return 2;
    }
    cable.delay = (size_t)atoi(argv[optind]) % MOST_FRAMES;
    cable.playback = (jack_nframes_t)atoi(argv[optind + 1]);
    cable.capture = (jack_nframes_t)atoi(argv[optind + 2]);
    if (!open_cable(&cable, name, server)) {
        fprintf(stderr, "ja-cable: no JACK server takes it\n");
        return 1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    while (!ended)
        pause();
    jack_client_close(cable.client);
    return 0;
}
