/* The main thread's side of the JACK client: start, stop, status and the watchdog.
 *
 * Nothing here calls libjack, so nothing here can hang: the watchdog sees from the cycle count
 * alone that a server stands still.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <assert.h>
#include <errno.h>
#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <ja/core/thread.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { MIDI_MESSAGES = 1024, GRIDS = 64, USUAL_BAR = 4, STACK_BYTES = 512 * 1024 };

static const uint64_t STALL_US = 500000; /* and at least STALL_PERIODS */
static const uint64_t STALL_PERIODS = 3;
static const uint64_t SILENT_US =
    1000000; /* a call that takes longer: the server does not answer */
static const uint64_t LAST_MIDI_US = 200000; /* so long it may take to leave */

/* --- Start and stop --- */

static enum ja_status check_name(const char *name, struct ja_error *error) {
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof((struct ja_jack *)0)->name || strchr(name, ':'))
        return ja_fail(error, JA_USAGE,
                       "JACK client name \"%s\" must have 1 to 63 characters and no colon", name);
    return JA_OK;
}

static bool copy_setup(struct ja_jack *jack, const struct ja_jack_setup *setup) {
    ja_text_copy(jack->name, sizeof jack->name, setup->client);
    if (setup->server && !(jack->server = strdup(setup->server)))
        return false;
    jack->timebase = setup->timebase;
    jack->process.stream_count = (unsigned)setup->stream_count;
    for (size_t s = 0; s < setup->stream_count; s++) {
        jack->streams[s] = strdup(setup->streams[s].name);
        jack->process.streams[s].inputs = setup->streams[s].inputs;
        jack->process.streams[s].inlet = setup->streams[s].inlet;
        if (!jack->streams[s])
            return false;
    }
    return true;
}

static enum ja_status make_connections(struct ja_jack *jack, const struct ja_jack_setup *setup,
                                       struct ja_error *error) {
    struct ja_wiring wirings[JA_STREAMS];
    unsigned first = 0;
    for (size_t s = 0; s < setup->stream_count; s++) {
        const struct ja_jack_stream *stream = &setup->streams[s];
        wirings[s] = (struct ja_wiring){stream->name, stream->connect ? stream->connect : "", first,
                                        stream->inputs};
        first += stream->inputs;
    }
    return ja_connections_new(&jack->connections, wirings, setup->stream_count, error);
}

static void release(struct ja_jack *jack) {
    ja_connections_free(jack->connections);
    ja_ring_free(jack->process.midi);
    ja_ring_free(jack->process.heard);
    ja_ring_free(jack->process.grids);
    pthread_mutex_destroy(&jack->mutex);
    int fds[] = {jack->control_fd, jack->status_fd, jack->done_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (size_t s = 0; s < JA_STREAMS; s++)
        free(jack->streams[s]);
    free(jack->server);
    free(jack);
}

enum ja_status ja_jack_start(struct ja_jack **jack, const struct ja_jack_setup *setup,
                             struct ja_error *error) {
    assert(setup->stream_count <= JA_STREAMS);
    if (check_name(setup->client, error) != JA_OK)
        return JA_USAGE;
    struct ja_jack *made = calloc(1, sizeof *made);
    if (!made)
        return ja_fail(error, JA_FAILED, "no memory for the JACK client");
    pthread_mutex_init(&made->mutex, NULL);
    made->control_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    made->status_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    made->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    made->process.midi = ja_ring_new(MIDI_MESSAGES * sizeof(struct ja_midi_message));
    made->process.heard = ja_ring_new(MIDI_MESSAGES * sizeof(struct ja_midi_message));
    made->process.grids = ja_ring_new(GRIDS * sizeof(struct ja_grid));

    enum ja_status status = JA_OK;
    if (made->control_fd < 0 || made->status_fd < 0 || made->done_fd < 0)
        status = ja_fail(error, JA_FAILED, "no eventfd for the JACK client: %s", strerror(errno));
    else if (!made->process.midi || !made->process.heard || !made->process.grids ||
             !copy_setup(made, setup))
        status = ja_fail(error, JA_FAILED, "no memory for the JACK client");
    else
        status = make_connections(made, setup, error);
    if (status == JA_OK &&
        (errno = ja_thread_start(&made->thread, STACK_BYTES, ja_client_run, made)) != 0)
        status = ja_fail(error, JA_FAILED, "no thread for the JACK client: %s", strerror(errno));
    if (status != JA_OK) {
        release(made);
        return status;
    }
    *jack = made;
    return JA_OK;
}

static void wake_control(struct ja_jack *jack) {
    uint64_t one = 1;
    ssize_t written = write(jack->control_fd, &one, sizeof one);
    (void)written; /* full: then it is awake already */
}

static bool has_midi(const struct ja_jack *jack) {
    const struct ja_ring *midi = jack->process.midi;
    return ja_ring_write_space(midi) < ja_ring_capacity(midi);
}

/* What was said last, such as stop, leaves with the next cycles, and is heard within one more. */
static void let_midi_leave(const struct ja_jack *jack) {
    const struct timespec pause = {.tv_nsec = 1000000};
    const _Atomic uint64_t *cycles = &jack->process.cycles;
    uint64_t until_us = ja_clock_us() + LAST_MIDI_US;
    if (jack->state != JA_JACK_RUNNING || !has_midi(jack))
        return;
    while (has_midi(jack) && ja_clock_us() < until_us)
        nanosleep(&pause, NULL);
    for (uint64_t last = atomic_load(cycles);
         atomic_load(cycles) == last && ja_clock_us() < until_us;)
        nanosleep(&pause, NULL);
}

bool ja_jack_stop(struct ja_jack *jack, uint64_t wait_us) {
    uint64_t until_us = ja_clock_us() + wait_us;
    let_midi_leave(jack);
    atomic_store(&jack->stop, true);
    wake_control(jack);
    struct pollfd pollfd = {.fd = jack->done_fd, .events = POLLIN};
    for (;;) {
        uint64_t now_us = ja_clock_us();
        int wait_ms = now_us < until_us ? (int)((until_us - now_us + 999) / 1000) : 0;
        int ready = poll(&pollfd, 1, wait_ms);
        if (ready > 0)
            break;
        if (ready == 0)
            return false;
    }
    pthread_join(jack->thread, NULL);
    release(jack);
    return true;
}

/* --- Status and watchdog --- */

int ja_jack_fd(const struct ja_jack *jack) {
    return jack->status_fd;
}

static void copy_told(struct ja_jack *jack, struct ja_jack_status *status, bool *connected) {
    pthread_mutex_lock(&jack->mutex);
    *connected = jack->told.connected;
    status->realtime = jack->told.realtime;
    status->connections = jack->told.count;
    ja_text_copy(status->client, sizeof status->client, jack->told.client);
    ja_text_copy(status->reason, sizeof status->reason, jack->told.reason);
    pthread_mutex_unlock(&jack->mutex);
}

static uint64_t stall_limit_us(const struct ja_jack_status *status) {
    uint64_t periods_us =
        status->rate > 0 ? STALL_PERIODS * 1000000 * status->period / status->rate : 0;
    return periods_us > STALL_US ? periods_us : STALL_US;
}

/* Has the server called us lately? */
static bool cycles_advance(struct ja_jack *jack, const struct ja_jack_status *status) {
    uint64_t now_us = ja_clock_us();
    if (status->cycles != jack->seen_cycles || status->connections != jack->seen_count) {
        jack->seen_cycles = status->cycles;
        jack->seen_count = status->connections;
        jack->seen_us = now_us;
    }
    jack->stalled_us = now_us - jack->seen_us;
    return jack->stalled_us < stall_limit_us(status);
}

static void judge(struct ja_jack *jack, struct ja_jack_status *status, bool connected) {
    enum ja_jack_state before = jack->state;
    uint64_t busy_us = atomic_load_explicit(&jack->busy_us, memory_order_relaxed);
    bool advance = cycles_advance(jack, status);
    if (!connected) {
        jack->state = JA_JACK_WAITING;
        if (busy_us != 0 && ja_clock_us() - busy_us > SILENT_US)
            snprintf(status->reason, sizeof status->reason, "the server does not answer");
    } else if (advance) {
        jack->state = JA_JACK_RUNNING;
        snprintf(status->reason, sizeof status->reason,
                 "running as \"%.64s\" at %u Hz, %u frames a period", status->client, status->rate,
                 status->period);
    } else {
        jack->state = JA_JACK_STALLED;
        snprintf(status->reason, sizeof status->reason, "the server has given no cycle for %.1f s",
                 (double)jack->stalled_us * 1e-6);
    }
    status->state = jack->state;
    if (jack->state == JA_JACK_STALLED && before != JA_JACK_STALLED)
        ja_log(JA_LOG_WARNING, "JACK: %s", status->reason);
    if (jack->state == JA_JACK_RUNNING && before == JA_JACK_STALLED)
        ja_log(JA_LOG_NOTICE, "JACK: cycles again");
}

void ja_jack_status(struct ja_jack *jack, struct ja_jack_status *status) {
    uint64_t posts;
    while (read(jack->status_fd, &posts, sizeof posts) > 0)
        ;
    bool connected;
    *status = (struct ja_jack_status){0};
    copy_told(jack, status, &connected);
    if (connected) {
        status->rate = atomic_load_explicit(&jack->process.rate, memory_order_relaxed);
        status->period = atomic_load_explicit(&jack->period, memory_order_relaxed);
        status->freewheel = atomic_load_explicit(&jack->process.freewheel, memory_order_relaxed);
    }
    status->cycles = atomic_load_explicit(&jack->process.cycles, memory_order_relaxed);
    status->xruns = atomic_load_explicit(&jack->xruns, memory_order_relaxed);
    status->midi_late = atomic_load_explicit(&jack->process.midi_late, memory_order_relaxed);
    status->midi_lost =
        atomic_load_explicit(&jack->process.midi_lost, memory_order_relaxed) + jack->midi_refused;
    status->midi_unheard = atomic_load_explicit(&jack->process.midi_unheard, memory_order_relaxed);
    judge(jack, status, connected);
}

size_t ja_jack_ports(struct ja_jack *jack, struct ja_jack_port *ports, size_t room) {
    pthread_mutex_lock(&jack->mutex);
    size_t count = jack->told.port_count < room ? jack->told.port_count : room;
    memcpy(ports, jack->told.ports, count * sizeof *ports);
    pthread_mutex_unlock(&jack->mutex);
    return count;
}

unsigned ja_jack_connected(const struct ja_jack *jack, size_t stream, unsigned input) {
    assert(stream < JA_STREAMS && input < JA_CHANNELS);
    return atomic_load_explicit(&jack->connected[stream][input], memory_order_relaxed);
}

unsigned ja_jack_latency(const struct ja_jack *jack, size_t stream) {
    assert(stream < JA_STREAMS);
    return atomic_load_explicit(&jack->process.streams[stream].latency_frames,
                                memory_order_relaxed);
}

bool ja_jack_midi(struct ja_jack *jack, uint64_t time_us, const uint8_t *bytes, unsigned count) {
    assert(count >= 1 && count <= 3);
    struct ja_midi_message message = {.time_us = time_us, .count = (uint8_t)count};
    memcpy(message.bytes, bytes, count);
    /* A queue that nobody empties would all come out at once when the server returns. */
    bool taken = jack->state == JA_JACK_RUNNING &&
                 ja_ring_write(jack->process.midi, &message, sizeof message);
    if (!taken)
        jack->midi_refused++;
    return taken;
}

bool ja_jack_hear_midi(struct ja_jack *jack, struct ja_midi_message *message) {
    return ja_ring_read(jack->process.heard, message, sizeof *message);
}

/* Counts bars, four beats each until they are known. */
static void count_beat(struct ja_grid *grid, int beat_in_bar) {
    if (grid->bar == 0)
        *grid = (struct ja_grid){.bar_beats = USUAL_BAR};
    int next = grid->beat < grid->bar_beats ? grid->beat + 1 : 1;
    int beat = beat_in_bar > 0 ? beat_in_bar : next;
    if (grid->bar == 0 || (beat == 1 && grid->beat > 0))
        grid->bar++;
    if (beat_in_bar == 1 && grid->beat > 1)
        grid->bar_beats = grid->beat;
    if (beat > grid->bar_beats)
        grid->bar_beats = beat;
    grid->beat = beat;
}

void ja_jack_beat(struct ja_jack *jack, uint64_t time_us, double bpm, int beat_in_bar) {
    count_beat(&jack->grid, beat_in_bar);
    jack->grid.beat_us = (double)time_us;
    jack->grid.bpm = bpm;
    ja_ring_write(jack->process.grids, &jack->grid, sizeof jack->grid);
}

void ja_jack_roll(struct ja_jack *jack) {
    atomic_store(&jack->roll, true);
    wake_control(jack);
}
