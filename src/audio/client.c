/* The control thread: opens the client, keeps its ports connected, notices its death and opens it
 * anew, for ever.
 *
 * It alone calls libjack, since any of those calls may block as long as the server stands still.
 * Notification callbacks come in libjack's own threads, where every delay stalls the server: they
 * set an atomic, wake this thread and return.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* syscall */
#include "client.h"

#include "metadata.h"
#include "ports.h"
#include <fcntl.h>
#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 24 }; /* a client takes up to 20, and one for each other client */

static const uint64_t RETRY_LEAST_US = 100000, RETRY_MOST_US = 250000;
/* The picture is looked at when the graph has been quiet for a moment (a program that leaves first
 * disconnects), but not later than … */
static const uint64_t SETTLE_US = 100000, SETTLE_MOST_US = 500000;
static const uint64_t TICK_US = 250000;
/* So long without a cycle, with a server that answers: the client is dead. */
static const uint64_t DEAD_US = 3000000, LAST_CHANCE_US = 500000;
static const uint64_t NOTIFIER_US = 1000000; /* so long may it take to end */
static const uint64_t MADE_US = 2000000;     /* so long nobody takes to make JACK's metadata */

enum { PAGE = 4096, STACK_TOUCHED = 64 * 1024 };

static const char gone_reason[] = "the server has gone; waiting for it";

/* What the control thread remembers while one client lives. */
struct watch {
    uint32_t latency_seen, graph_seen, graph_judged, ports_judged;
    uint64_t first_change_us, last_change_us;
    uint64_t cycles, cycle_us;
    uint64_t probed_us; /* when the server was found to answer, though no cycle came; 0: not */
};

/* --- Telling --- */

static void post(int fd) {
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written; /* full: then it is awake already */
}

static void tell_ports(struct ja_jack *jack, size_t count) {
    pthread_mutex_lock(&jack->mutex);
    memcpy(jack->told.ports, jack->others, count * sizeof *jack->others);
    jack->told.port_count = count;
    pthread_mutex_unlock(&jack->mutex);
}

static void tell(struct ja_jack *jack, bool connected, const char *reason) {
    const char *client = connected ? jack_get_client_name(jack->client) : "";
    bool realtime = connected && jack_is_realtime(jack->client);
    pthread_mutex_lock(&jack->mutex);
    bool news = connected || strcmp(reason, jack->told.reason) != 0;
    jack->told.count += connected;
    jack->told.connected = connected;
    jack->told.realtime = realtime;
    if (!connected)
        jack->told.port_count = 0;
    ja_text_copy(jack->told.client, sizeof jack->told.client, client);
    ja_text_copy(jack->told.reason, sizeof jack->told.reason, reason);
    pthread_mutex_unlock(&jack->mutex);
    if (news)
        ja_log(JA_LOG_NOTICE, "JACK: %s", reason);
    post(jack->status_fd);
}

static void enter_call(struct ja_jack *jack) {
    atomic_store_explicit(&jack->busy_us, ja_clock_us(), memory_order_relaxed);
}

static void leave_call(struct ja_jack *jack) {
    atomic_store_explicit(&jack->busy_us, 0, memory_order_relaxed);
}

/* --- Notification callbacks --- */

static void add_one(_Atomic uint32_t *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void on_shutdown(void *data) {
    struct ja_jack *jack = data;
    atomic_store(&jack->gone, true);
    post(jack->control_fd);
}

static void on_info_shutdown(jack_status_t code, const char *reason, void *data) {
    (void)code;
    (void)reason;
    on_shutdown(data);
}

static int on_period(jack_nframes_t frames, void *data) {
    struct ja_jack *jack = data;
    atomic_store_explicit(&jack->period, frames, memory_order_relaxed);
    post(jack->control_fd);
    return 0;
}

static int on_rate(jack_nframes_t rate, void *data) {
    struct ja_jack *jack = data;
    atomic_store_explicit(&jack->process.rate, rate, memory_order_relaxed);
    post(jack->control_fd);
    return 0;
}

/* PipeWire calls this one in the real-time thread: no wake. */
static int on_xrun(void *data) {
    struct ja_jack *jack = data;
    atomic_fetch_add_explicit(&jack->xruns, 1, memory_order_relaxed);
    return 0;
}

static void on_freewheel(int starting, void *data) {
    struct ja_jack *jack = data;
    atomic_store_explicit(&jack->process.freewheel, starting != 0, memory_order_relaxed);
    post(jack->control_fd);
}

static void note_notifier(struct ja_jack *jack) {
    if (atomic_load_explicit(&jack->notifier, memory_order_relaxed) == 0)
        atomic_store_explicit(&jack->notifier, (int)syscall(SYS_gettid), memory_order_relaxed);
}

/* jackd calls this one whenever a client is activated. */
static void on_latency(jack_latency_callback_mode_t mode, void *data) {
    struct ja_jack *jack = data;
    note_notifier(jack);
    if (mode != JackCaptureLatency)
        return;
    add_one(&jack->latency_changes);
    post(jack->control_fd);
}

static void on_port(jack_port_id_t port, int registered, void *data) {
    struct ja_jack *jack = data;
    (void)port;
    (void)registered;
    add_one(&jack->port_changes);
    add_one(&jack->graph_changes);
    post(jack->control_fd);
}

static void on_connect(jack_port_id_t a, jack_port_id_t b, int connected, void *data) {
    struct ja_jack *jack = data;
    (void)a;
    (void)b;
    (void)connected;
    add_one(&jack->graph_changes);
    post(jack->control_fd);
}

/* In the process thread before its first cycle: touches the stack, so that no page of it is missing
 * later. The dynamic linker needs much of it when libjack calls a function of its own for the first
 * time. */
static void on_thread(void *data) {
    volatile char stack[STACK_TOUCHED];
    (void)data;
    for (size_t i = 0; i < sizeof stack; i += PAGE)
        stack[i] = 0;
}

static void set_callbacks(struct ja_jack *jack) {
    jack_client_t *client = jack->client;
    jack_set_thread_init_callback(client, on_thread, NULL);
    jack_set_process_callback(client, ja_process_run, &jack->process);
    /* Both: PipeWire before 0.3.71 never calls the second, jackd calls both. */
    jack_on_shutdown(client, on_shutdown, jack);
    jack_on_info_shutdown(client, on_info_shutdown, jack);
    jack_set_buffer_size_callback(client, on_period, jack);
    jack_set_sample_rate_callback(client, on_rate, jack);
    jack_set_xrun_callback(client, on_xrun, jack);
    jack_set_freewheel_callback(client, on_freewheel, jack);
    jack_set_latency_callback(client, on_latency, jack);
    jack_set_port_registration_callback(client, on_port, jack);
    jack_set_port_connect_callback(client, on_connect, jack);
}

/* --- Opening and closing --- */

static void describe_failure(const struct ja_jack *jack, jack_status_t status, char *reason,
                             size_t size) {
    const char *name = jack->server ? jack->server : getenv("JACK_DEFAULT_SERVER");
    if (status & JackServerFailed && jack->told.count > 0)
        ja_text_copy(reason, size, gone_reason);
    else if (status & JackServerFailed)
        snprintf(reason, size, "waiting for the server \"%s\"", name ? name : "default");
    else
        snprintf(reason, size, "the server \"%s\" refuses the client (status 0x%x); trying again",
                 name ? name : "default", (unsigned)status);
}

/* jackd's library crashes when it finds none in the midst of opening. */
static bool has_descriptors(const struct ja_jack *jack) {
    int fds[DESCRIPTORS], count = 0;
    while (count < DESCRIPTORS && (fds[count] = fcntl(jack->control_fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    bool enough = count == DESCRIPTORS;
    while (count > 0)
        close(fds[--count]);
    return enough;
}

/* JACK1's library says 0.… */
static bool is_jack2(void) {
    const char *version = jack_get_version_string();
    return version[0] != '0' && !strstr(version, "PipeWire");
}

/* Opening broken ones would end the program. They are removed when nobody can be making them any
 * more: jackd cannot start either until somebody has done so. */
static bool has_sound_metadata(struct ja_jack *jack) {
    char folder[64];
    snprintf(folder, sizeof folder, "/dev/shm/jack_db-%u", (unsigned)geteuid());
    uint64_t now_us = ja_clock_us();
    if (!is_jack2() || !ja_metadata_is_broken(folder)) {
        jack->broken_us = 0;
        return true;
    }
    if (jack->broken_us == 0)
        jack->broken_us = now_us;
    if (now_us - jack->broken_us < MADE_US)
        return false;
    ja_metadata_remove(folder);
    if (ja_metadata_is_broken(folder)) {
        tell(jack, false, "JACK's metadata in /dev/shm are broken and cannot be removed");
        return false;
    }
    ja_log(JA_LOG_WARNING, "JACK: broken metadata, which end every program, removed from %s",
           folder);
    return true;
}

static bool open_client(struct ja_jack *jack) {
    jack_status_t status = 0;
    if (!has_sound_metadata(jack))
        return false;
    if (!has_descriptors(jack)) {
        tell(jack, false, "too few file descriptors are left (ulimit -n); trying again");
        return false;
    }
    enter_call(jack);
    jack->client = jack->server ? jack_client_open(jack->name, JackNoStartServer | JackServerName,
                                                   &status, jack->server)
                                : jack_client_open(jack->name, JackNoStartServer, &status);
    leave_call(jack);
    if (jack->client)
        return true;
    char reason[160];
    describe_failure(jack, status, reason, sizeof reason);
    tell(jack, false, reason);
    return false;
}

/* When jackd goes, its library's notifying thread works off what has come and ends by itself.
 * jack_client_close would kill it in the midst of that, and with it may go a lock without which no
 * call returns any more (jack2 #395). PipeWire's thread goes on. */
static void await_notifier(struct ja_jack *jack) {
    const struct timespec pause = {.tv_nsec = 1000000};
    int notifier = atomic_load(&jack->notifier);
    if (!atomic_load(&jack->gone) || notifier == 0 || !is_jack2())
        return;
    uint64_t until_us = ja_clock_us() + NOTIFIER_US;
    while (syscall(SYS_tgkill, getpid(), notifier, 0) == 0 && ja_clock_us() < until_us)
        nanosleep(&pause, NULL);
}

/* jack_client_close ends the process thread of an active client only. One that began so late that
 * jack_activate gave up (after a second), or that has left by itself, would find all freed. */
static void end_process_thread(struct ja_jack *jack) {
    jack_deactivate(jack->client);
    pthread_t thread = jack_client_thread_id(jack->client);
    if (thread == 0) /* ended by that, or there was none */
        return;
    pthread_cancel(thread);
    pthread_join(thread, NULL);
}

static void close_client(struct ja_jack *jack) {
    await_notifier(jack);
    enter_call(jack);
    if (is_jack2())
        end_process_thread(jack);
    jack_client_close(jack->client);
    leave_call(jack);
    jack->client = NULL;
    for (unsigned s = 0; s < jack->process.stream_count; s++)
        for (unsigned c = 0; c < jack->process.streams[s].inputs; c++)
            atomic_store_explicit(&jack->connected[s][c], 0, memory_order_relaxed);
}

/* jackd keeps time by CLOCK_MONOTONIC_RAW, which NTP does not correct: it and our clock can be far
 * apart and drift. Of a few readings the quickest is the best. */
static void compare_clocks(struct ja_jack *jack) {
    uint64_t least_us = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t before_us = ja_clock_us();
        jack_time_t jack_us = jack_get_time();
        uint64_t took_us = ja_clock_us() - before_us;
        if (took_us >= least_us)
            continue;
        least_us = took_us;
        atomic_store_explicit(&jack->process.ahead_us, (int64_t)(before_us + took_us / 2 - jack_us),
                              memory_order_relaxed);
    }
}

/* Everything the callback will need, then the first cycle may come. */
static bool activate(struct ja_jack *jack) {
    struct ja_process *process = &jack->process;
    atomic_store(&jack->gone, false);
    atomic_store(&jack->notifier, 0);
    atomic_store(&jack->process.freewheel, false);
    set_callbacks(jack);
    enter_call(jack);
    bool ready = ja_ports_register(jack);
    if (ready) {
        process->client = jack->client;
        atomic_store(&process->rate, jack_get_sample_rate(jack->client));
        atomic_store(&jack->period, jack_get_buffer_size(jack->client));
        ja_ring_skip(process->midi, ja_ring_read_space(process->midi)); /* for a former server */
        compare_clocks(jack);
        ja_process_begin(process, ja_clock_us());
        ready = jack_activate(jack->client) == 0;
    }
    leave_call(jack);
    return ready;
}

/* --- Serving --- */

static void count_connected(struct ja_jack *jack) {
    unsigned own = 0;
    for (unsigned s = 0; s < jack->process.stream_count; s++)
        for (unsigned c = 0; c < jack->process.streams[s].inputs; c++)
            atomic_store_explicit(&jack->connected[s][c],
                                  ja_connections_count(jack->connections, own++),
                                  memory_order_relaxed);
}

static void look_at_graph(struct ja_jack *jack, struct watch *watch) {
    watch->graph_judged = watch->graph_seen = atomic_load(&jack->graph_changes);
    uint32_t ports = atomic_load(&jack->port_changes);
    struct ja_graph graph = {0};
    enter_call(jack);
    ja_ports_picture(jack, &graph);
    size_t others = ja_ports_others(jack);
    leave_call(jack);
    if (atomic_load(&jack->gone)) { /* a dying server's picture tells nothing */
        ja_graph_clear(&graph);
        return;
    }
    tell_ports(jack, others);
    ja_connections_update(jack->connections, &graph, ports != watch->ports_judged, ja_clock_us());
    watch->ports_judged = ports;
    count_connected(jack);
    ja_ports_read_latency(jack);
    post(jack->status_fd);
}

static void connect_due(struct ja_jack *jack) {
    struct ja_pair *pair;
    while ((pair = ja_connections_due(jack->connections, ja_clock_us()))) {
        enter_call(jack);
        bool agreed = ja_ports_connect(jack, pair);
        leave_call(jack);
        ja_connections_tried(pair, agreed, ja_clock_us());
    }
}

/* When the graph's last change may be looked at; UINT64_MAX when there is none. */
static uint64_t settled_us(struct ja_jack *jack, struct watch *watch) {
    uint32_t changes = atomic_load(&jack->graph_changes);
    if (changes == watch->graph_judged)
        return UINT64_MAX;
    uint64_t now_us = ja_clock_us();
    if (watch->graph_seen == watch->graph_judged)
        watch->first_change_us = now_us;
    if (watch->graph_seen != changes)
        watch->last_change_us = now_us;
    watch->graph_seen = changes;
    uint64_t quiet_us = watch->last_change_us + SETTLE_US;
    uint64_t latest_us = watch->first_change_us + SETTLE_MOST_US;
    return quiet_us < latest_us ? quiet_us : latest_us;
}

/* When the graph must be looked at next; UINT64_MAX when nothing is due. */
static uint64_t graph_due_us(struct ja_jack *jack, struct watch *watch) {
    uint64_t settled = settled_us(jack, watch);
    return settled != UINT64_MAX ? settled : ja_connections_next_us(jack->connections);
}

/* Politely again and again: another master may have left. */
static void seek_timebase(struct ja_jack *jack) {
    if (jack->timebase == JA_TIMEBASE_OFF || jack->is_master)
        return;
    int conditional = jack->timebase == JA_TIMEBASE_CONDITIONAL;
    enter_call(jack);
    jack->is_master = jack_set_timebase_callback(jack->client, conditional, ja_process_timebase,
                                                 &jack->process) == 0;
    leave_call(jack);
    if (jack->is_master)
        ja_log(JA_LOG_DEBUG, "JACK: the transport's bar and beat are ours");
}

static void roll_if_wished(struct ja_jack *jack) {
    if (!atomic_exchange(&jack->roll, false))
        return;
    enter_call(jack);
    jack_transport_start(jack->client);
    leave_call(jack);
}

static void follow_graph(struct ja_jack *jack, struct watch *watch) {
    if (graph_due_us(jack, watch) > ja_clock_us())
        return;
    look_at_graph(jack, watch);
    connect_due(jack);
    seek_timebase(jack);
}

static void follow_settings(struct ja_jack *jack, struct watch *watch) {
    uint32_t latency = atomic_load(&jack->latency_changes);
    if (latency != watch->latency_seen) {
        watch->latency_seen = latency;
        ja_ports_read_latency(jack);
    }
    /* Callbacks keep rate and period; this is for the server that forgets to call. What a callback
     * stores meanwhile wins. */
    uint32_t rate = atomic_load(&jack->process.rate);
    atomic_compare_exchange_strong(&jack->process.rate, &rate, jack_get_sample_rate(jack->client));
    uint32_t period = atomic_load(&jack->period);
    atomic_compare_exchange_strong(&jack->period, &period, jack_get_buffer_size(jack->client));
}

/* A server may stop calling a client without a word. Whether it does, or stands still itself, shows
 * in whether it answers (the question may block until it does). */
static bool is_dead(struct ja_jack *jack, struct watch *watch) {
    uint64_t now_us = ja_clock_us();
    uint64_t cycles = atomic_load_explicit(&jack->process.cycles, memory_order_relaxed);
    if (cycles != watch->cycles) {
        watch->cycles = cycles;
        watch->cycle_us = now_us;
        watch->probed_us = 0;
        return false;
    }
    if (now_us - watch->cycle_us < DEAD_US)
        return false;
    if (watch->probed_us)
        return now_us - watch->probed_us >= LAST_CHANCE_US;
    enter_call(jack);
    jack_free(jack_get_uuid_for_client_name(jack->client, jack_get_client_name(jack->client)));
    leave_call(jack);
    watch->probed_us = ja_clock_us();
    return false;
}

static void sleep_until(struct ja_jack *jack, uint64_t until_us) {
    uint64_t now_us = ja_clock_us();
    int wait_ms = until_us > now_us ? (int)((until_us - now_us + 999) / 1000) : 0;
    struct pollfd pollfd = {.fd = jack->control_fd, .events = POLLIN};
    uint64_t woken;
    if (poll(&pollfd, 1, wait_ms) > 0 && read(jack->control_fd, &woken, sizeof woken) < 0)
        return;
}

static void tell_running(struct ja_jack *jack) {
    char reason[160];
    snprintf(reason, sizeof reason, "running as \"%.64s\" at %u Hz, %u frames a period",
             jack_get_client_name(jack->client), atomic_load(&jack->process.rate),
             atomic_load(&jack->period));
    tell(jack, true, reason);
}

/* Until it must stop, the server has gone or the client is dead. */
static void serve(struct ja_jack *jack) {
    struct watch watch = {.cycle_us = ja_clock_us(), .cycles = atomic_load(&jack->process.cycles)};
    ja_connections_restart(jack->connections);
    look_at_graph(jack, &watch);
    connect_due(jack);
    tell_running(jack);
    ja_ports_decorate(jack);
    jack->is_master = false;
    seek_timebase(jack);
    while (!atomic_load(&jack->stop)) {
        if (atomic_load(&jack->gone)) {
            tell(jack, false, gone_reason);
            return;
        }
        compare_clocks(jack);
        roll_if_wished(jack);
        follow_settings(jack, &watch);
        follow_graph(jack, &watch);
        if (is_dead(jack, &watch)) {
            tell(jack, false, "the server no longer calls us though it answers; opening anew");
            return;
        }
        uint64_t tick_us = ja_clock_us() + TICK_US, due_us = graph_due_us(jack, &watch);
        sleep_until(jack, due_us < tick_us ? due_us : tick_us);
    }
}

static void log_quietly(const char *message) {
    ja_log(JA_LOG_DEBUG, "libjack: %s", message);
}

void *ja_client_run(void *data) {
    struct ja_jack *jack = data;
    prctl(PR_SET_NAME, "jack");
    jack_set_error_function(log_quietly);
    jack_set_info_function(log_quietly);
    uint64_t retry_us = RETRY_LEAST_US;
    while (!atomic_load(&jack->stop)) {
        bool opened = open_client(jack);
        bool served = opened && activate(jack);
        if (served)
            serve(jack);
        else if (opened)
            tell(jack, false, "the server gives no ports; trying again");
        if (opened)
            close_client(jack);
        if (served)
            retry_us = RETRY_LEAST_US;
        if (!atomic_load(&jack->stop))
            sleep_until(jack, ja_clock_us() + retry_us);
        retry_us = 2 * retry_us < RETRY_MOST_US ? 2 * retry_us : RETRY_MOST_US;
    }
    post(jack->done_fd);
    return NULL;
}
