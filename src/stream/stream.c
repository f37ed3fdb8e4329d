/* A stream: the intake and its pipeline, commands in, messages out, with or without a worker
 * thread.
 *
 * Whoever runs the stream (the worker, or the caller of ja_stream_run) does the same: carry out
 * waiting commands, then work off blocks. Results go into one ring. When that fills up, frames are
 * left out first: a part of the ring is kept for events.
 *
 * How long the work takes and how much sound waits is measured here, and the governor is asked ten
 * times a second of audio whether to do less or more.
 *
 * One of many streams (of a browser) runs in the background: its worker has the lowest priority, so
 * that it takes only what time the others leave.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "denormals.h"
#include "intake.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <ja/core/thread.h>

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum {
    RESULT_BYTES = 1 << 20,
    BACKGROUND_RESULT_BYTES = 1 << 17,
    BACKGROUND_BLOCKS = 4,
    BACKGROUND_NICE = 19,
    COMMAND_BYTES = 1 << 16,
    LARGEST_SETTINGS = 4096,
    WORKER_STACK_BYTES = 512 * 1024,
};
static const double look_s = 0.1; /* of audio, between two looks of the governor */

enum command_type {
    COMMAND_CONFIGURE,
    COMMAND_RESET,
    COMMAND_PAUSE,
    COMMAND_NOTICE,
    COMMAND_STAGES,
    COMMAND_PRIORS
};

struct command {
    enum command_type type;
    const struct ja_module *module; /* CONFIGURE */
    enum ja_notice notice;          /* NOTICE */
    bool paused;                    /* PAUSE */
    size_t size;                    /* bytes that follow: settings, the reason with its NUL, what
                                       the stages are told, or what was learnt */
};

struct message_head {
    enum ja_message_type type;
    uint64_t taken_us, told_us;
    size_t size;
};

/* How long the work takes; the worker's own, published once per second of audio. */
struct meter {
    uint64_t hop_began_us, busy_us, worst_us;
    uint64_t frames;
};

/* The same since the governor's last look. */
struct look {
    double busy_s, audio_s;
};

struct ja_stream {
    char name[JA_STREAM_NAME_BYTES];
    struct ja_inlet inlet;
    struct ja_intake intake;
    struct ja_monitor monitor;
    bool background;
    void **settings;         /* one per stage, kept up to date for the next pipeline */
    struct ja_priors priors; /* likewise */
    struct ja_ring *commands, *results;
    void *received; /* the message last handed out */
    size_t received_room;

    pthread_t worker;
    bool started;
    atomic_bool stop;
    void (*wake)(void *data);
    void *wake_data;

    bool governed;
    struct ja_governor governor;
    struct look look;
    unsigned hops; /* of which not all are told */
    struct meter meter;
    uint64_t block_us;     /* when the block in hand was taken */
    _Atomic unsigned step; /* the governor's, for others */
    _Atomic double level_load[JA_LEVELS];
    _Atomic uint64_t processed, repaired, frames_withheld, events_withheld;
    _Atomic double load, worst_hop_ms, now;
    _Atomic unsigned rate;
    atomic_bool paused;
};

/* gcc reads an atomic that is itself an index as if it were none. */
static const struct ja_governor_step *present_step(const struct ja_stream *stream) {
    unsigned step = stream->step;
    return &ja_governor_steps[step];
}

/* --- Results --- */

static bool send_message(struct ja_stream *stream, enum ja_message_type type, const void *data,
                         size_t size) {
    struct message_head head = {type, stream->block_us, ja_clock_us(), size};
    struct ja_ring_write write;
    if (!ja_ring_begin(stream->results, &write, sizeof head + size))
        return false;
    ja_ring_put(&write, &head, sizeof head);
    ja_ring_put(&write, data, size);
    ja_ring_commit(&write);
    return true;
}

static void time_hop(struct meter *meter) {
    uint64_t now_us = ja_clock_us();
    uint64_t took_us = now_us - meter->hop_began_us;
    if (took_us > meter->worst_us)
        meter->worst_us = took_us;
    meter->hop_began_us = now_us;
}

static void send_frame(void *data, const struct ja_frame *frame, size_t size) {
    struct ja_stream *stream = data;
    time_hop(&stream->meter);
    if (stream->hops++ % present_step(stream)->frame_every != 0)
        return;
    if (ja_ring_write_space(stream->results) < ja_ring_capacity(stream->results) / 4 + size ||
        !send_message(stream, JA_MESSAGE_FRAME, frame, size))
        stream->frames_withheld++;
}

static void send_event(void *data, const struct ja_event *event) {
    struct ja_stream *stream = data;
    if (!send_message(stream, JA_MESSAGE_EVENT, event, sizeof *event))
        stream->events_withheld++;
}

static void send_timebase(void *data, const struct ja_timebase *timebase) {
    struct ja_stream *stream = data;
    if (!send_message(stream, JA_MESSAGE_TIMEBASE, timebase, sizeof *timebase))
        stream->events_withheld++;
}

bool ja_stream_receive(struct ja_stream *stream, struct ja_message *message) {
    struct message_head head;
    if (!ja_ring_read(stream->results, &head, sizeof head))
        return false;
    assert(head.size <= stream->received_room);
    ja_ring_read(stream->results, stream->received, head.size);
    *message = (struct ja_message){
        .type = head.type, .taken_us = head.taken_us, .told_us = head.told_us, .size = head.size};
    message->frame = stream->received;
    return true;
}

/* --- Commands --- */

static bool send_command(struct ja_stream *stream, const struct command *command,
                         const void *data) {
    struct ja_ring_write write;
    if (!ja_ring_begin(stream->commands, &write, sizeof *command + command->size))
        return false;
    ja_ring_put(&write, command, sizeof *command);
    if (command->size > 0)
        ja_ring_put(&write, data, command->size);
    ja_ring_commit(&write);
    sem_post(&stream->inlet.ready);
    return true;
}

bool ja_stream_configure(struct ja_stream *stream, const struct ja_module *module,
                         const void *settings) {
    struct command command = {
        .type = COMMAND_CONFIGURE, .module = module, .size = module->settings_size};
    assert(command.size <= LARGEST_SETTINGS);
    return send_command(stream, &command, settings);
}

bool ja_stream_reset(struct ja_stream *stream) {
    return send_command(stream, &(struct command){.type = COMMAND_RESET}, NULL);
}

bool ja_stream_pause(struct ja_stream *stream, bool paused) {
    return send_command(stream, &(struct command){.type = COMMAND_PAUSE, .paused = paused}, NULL);
}

bool ja_stream_notice(struct ja_stream *stream, enum ja_notice notice, const char *reason) {
    struct command command = {.type = COMMAND_NOTICE, .notice = notice, .size = strlen(reason) + 1};
    return command.size <= LARGEST_SETTINGS && send_command(stream, &command, reason);
}

bool ja_stream_command(struct ja_stream *stream, const struct ja_stage_command *command) {
    return send_command(stream, &(struct command){.type = COMMAND_STAGES, .size = sizeof *command},
                        command);
}

bool ja_stream_set_priors(struct ja_stream *stream, const struct ja_priors *priors) {
    return send_command(stream, &(struct command){.type = COMMAND_PRIORS, .size = sizeof *priors},
                        priors);
}

/* --- Level --- */

/* What has been delivered is read last: the others are never ahead of it. */
static double waiting_ms(const struct ja_stream *stream) {
    uint64_t lost = stream->inlet.lost, processed = stream->processed;
    uint64_t waiting = stream->inlet.delivered - lost - processed;
    return stream->rate ? 1e3 * (double)waiting / stream->rate : 0;
}

static void follow_governor(struct ja_stream *stream, const char *reason) {
    struct ja_pipeline *pipeline = stream->intake.pipeline;
    enum ja_level from = present_step(stream)->level;
    stream->step = stream->governor.step;
    enum ja_level to = present_step(stream)->level;
    stream->meter.busy_us = stream->meter.worst_us = stream->meter.frames = 0;
    stream->look = (struct look){0};
    ja_intake_set_step(&stream->intake, present_step(stream));
    if (to == from || !pipeline)
        return;
    struct ja_event event = {
        .type = JA_EVENT_LEVEL,
        .time = ja_pipeline_now(pipeline),
        .level = {.from = ja_level_names[from], .to = ja_level_names[to]},
    };
    ja_text_copy(event.level.reason, sizeof event.level.reason, reason);
    ja_pipeline_emit(pipeline, &event);
}

static void configure_governor(struct ja_stream *stream,
                               const struct ja_governor_settings *settings) {
    char reason[JA_REASON_BYTES];
    if (stream->governed && ja_governor_configure(&stream->governor, settings, reason))
        follow_governor(stream, reason);
}

static void govern(struct ja_stream *stream, uint64_t took_us) {
    const struct ja_block *block = &stream->intake.last;
    struct look *look = &stream->look;
    char reason[JA_REASON_BYTES];
    look->busy_s += (double)took_us * 1e-6;
    look->audio_s += (double)block->frames / block->rate;
    if (!stream->governed || look->audio_s < look_s)
        return;
    struct ja_workload workload = {
        .time = stream->governor.last.time + look->audio_s,
        .load = look->busy_s / look->audio_s,
        .backlog_ms = waiting_ms(stream),
    };
    *look = (struct look){0};
    if (ja_governor_look(&stream->governor, &workload, reason))
        follow_governor(stream, reason);
}

static void configure(struct ja_stream *stream, const struct ja_module *module,
                      const void *settings) {
    struct ja_error error;
    const struct ja_pipeline_setup *setup = &stream->intake.setup;
    if (module == &ja_governor_module) {
        configure_governor(stream, settings);
        return;
    }
    if (stream->intake.pipeline &&
        ja_pipeline_configure(stream->intake.pipeline, module, settings, &error) != JA_OK) {
        ja_log(JA_LOG_ERROR, "stream %s keeps its former %s settings: %s", stream->name,
               module->name, error.text);
        return;
    }
    for (size_t i = 0; i < setup->stage_count; i++) {
        if (setup->stages[i]->module == module)
            memcpy(stream->settings[i], settings, module->settings_size);
    }
}

static void run_command(struct ja_stream *stream, const struct command *command, const void *data) {
    struct ja_pipeline *pipeline = stream->intake.pipeline;
    switch (command->type) {
    case COMMAND_CONFIGURE:
        configure(stream, command->module, data);
        break;
    case COMMAND_RESET:
        if (pipeline)
            ja_pipeline_reset(pipeline);
        break;
    case COMMAND_PAUSE:
        stream->intake.paused = command->paused;
        stream->paused = command->paused;
        break;
    case COMMAND_NOTICE:
        ja_intake_notice(&stream->intake, command->notice, data);
        break;
    case COMMAND_STAGES:
        if (pipeline)
            ja_pipeline_command(pipeline, data);
        break;
    case COMMAND_PRIORS:
        memcpy(&stream->priors, data, sizeof stream->priors);
        if (pipeline)
            ja_pipeline_set_priors(pipeline, &stream->priors);
        break;
    }
}

static void run_commands(struct ja_stream *stream) {
    struct command command;
    alignas(max_align_t) char data[LARGEST_SETTINGS];
    while (ja_ring_read(stream->commands, &command, sizeof command)) {
        ja_ring_read(stream->commands, data, command.size);
        run_command(stream, &command, data);
    }
}

/* --- Work --- */

static void publish_meter(struct ja_stream *stream, uint64_t took_us) {
    const struct ja_block *block = &stream->intake.last;
    struct meter *meter = &stream->meter;
    meter->busy_us += took_us;
    meter->frames += block->frames;
    if (meter->frames < block->rate)
        return;
    stream->load = (double)meter->busy_us * 1e-6 * block->rate / (double)meter->frames;
    stream->level_load[present_step(stream)->level] = stream->load;
    stream->worst_hop_ms = (double)meter->worst_us * 1e-3;
    meter->busy_us = meter->worst_us = meter->frames = 0;
}

static bool work_off_block(struct ja_stream *stream) {
    uint64_t began_us = stream->meter.hop_began_us = stream->block_us = ja_clock_us();
    if (!ja_intake_block(&stream->intake))
        return false;
    uint64_t took_us = ja_clock_us() - began_us;
    publish_meter(stream, took_us);
    stream->processed = stream->intake.processed;
    stream->repaired = stream->intake.repaired;
    stream->rate = stream->intake.last.rate;
    if (stream->intake.pipeline)
        stream->now = ja_pipeline_now(stream->intake.pipeline);
    govern(stream, took_us);
    return true;
}

void ja_stream_run(struct ja_stream *stream) {
    ja_denormals_flush();
    do
        run_commands(stream);
    while (work_off_block(stream));
}

void ja_stream_finish(struct ja_stream *stream) {
    ja_stream_run(stream);
    ja_intake_finish(&stream->intake);
}

/* Results are told after every block: when the machine is too slow the end is never reached. */
static void *work(void *data) {
    struct ja_stream *stream = data;
    prctl(PR_SET_NAME, "analysis"); /* in top */
    ja_denormals_flush();
    if (stream->background)
        setpriority(PRIO_PROCESS, 0, BACKGROUND_NICE); /* in Linux: of this thread */
    while (!stream->stop) {
        bool more = true;
        ja_intake_rest(&stream->intake);
        if (sem_wait(&stream->inlet.ready) != 0)
            continue;
        while (more) {
            run_commands(stream);
            more = !stream->stop && work_off_block(stream);
            if (ja_ring_read_space(stream->results) > 0)
                stream->wake(stream->wake_data);
        }
    }
    return NULL;
}

enum ja_status ja_stream_start(struct ja_stream *stream, void (*wake)(void *data), void *data,
                               struct ja_error *error) {
    stream->wake = wake;
    stream->wake_data = data;
    stream->stop = false;
    int fault = ja_thread_start(&stream->worker, WORKER_STACK_BYTES, work, stream);
    if (fault)
        return ja_fail(error, JA_FAILED, "the analysis thread of stream %s cannot start: %s",
                       stream->name, strerror(fault));
    stream->started = true;
    return JA_OK;
}

void ja_stream_stop(struct ja_stream *stream) {
    if (!stream->started)
        return;
    stream->stop = true;
    sem_post(&stream->inlet.ready);
    pthread_join(stream->worker, NULL);
    stream->started = false;
}

/* --- Life --- */

static bool copy_settings(struct ja_stream *stream, const struct ja_stream_setup *setup) {
    stream->settings = calloc(setup->stage_count + 1, sizeof *stream->settings);
    if (!stream->settings)
        return false;
    for (size_t i = 0; i < setup->stage_count; i++) {
        size_t size = setup->stages[i]->module->settings_size;
        stream->settings[i] = malloc(size ? size : 1);
        if (!stream->settings[i])
            return false;
        if (size)
            memcpy(stream->settings[i], setup->settings[i], size);
    }
    return true;
}

static size_t largest_message(const struct ja_stream_setup *setup) {
    size_t values = 0;
    for (size_t s = 0; s < setup->stage_count; s++) {
        for (size_t o = 0; o < setup->stages[s]->output_count; o++)
            values += setup->stages[s]->outputs[o].width;
    }
    size_t frame = sizeof(struct ja_frame) + values * sizeof(float);
    return frame > sizeof(struct ja_event) ? frame : sizeof(struct ja_event);
}

static void set_up_governor(struct ja_stream *stream, const struct ja_governor_settings *settings) {
    for (int level = 0; level < JA_LEVELS; level++)
        stream->level_load[level] = NAN;
    stream->governed = settings;
    if (!settings)
        return;
    ja_governor_init(&stream->governor, settings);
    stream->step = stream->governor.step;
    ja_intake_set_step(&stream->intake, present_step(stream));
}

static enum ja_status set_up(struct ja_stream *stream, const struct ja_stream_setup *setup,
                             struct ja_error *error) {
    stream->commands = ja_ring_new(COMMAND_BYTES);
    stream->results = ja_ring_new(setup->background ? BACKGROUND_RESULT_BYTES : RESULT_BYTES);
    stream->received_room = largest_message(setup);
    stream->received = malloc(stream->received_room);
    if (!stream->commands || !stream->results || !stream->received || !copy_settings(stream, setup))
        return ja_fail(error, JA_FAILED, "no memory for stream %s", setup->name);
    stream->background = setup->background;
    ja_monitor_init(&stream->monitor, setup->channels);
    stream->intake.inlet = &stream->inlet;
    stream->intake.monitor = &stream->monitor;
    stream->intake.channels = setup->channels;
    stream->intake.timebase = send_timebase;
    stream->intake.data = stream;
    stream->intake.told_at = NAN;
    stream->priors = ja_neutral_priors;
    stream->intake.setup = (struct ja_pipeline_setup){
        .channels = setup->channels,
        .analysis = setup->analysis,
        .stages = setup->stages,
        .stage_count = setup->stage_count,
        .settings = (const void *const *)stream->settings,
        .priors = &stream->priors,
        .out = {send_frame, send_event, stream},
    };
    enum ja_status status = ja_intake_init(&stream->intake, error);
    if (status == JA_OK)
        set_up_governor(stream, setup->governor);
    return status;
}

struct ja_stream *ja_stream_new(const struct ja_stream_setup *setup, struct ja_error *error) {
    struct ja_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        ja_fail(error, JA_FAILED, "no memory for stream %s", setup->name);
        return NULL;
    }
    ja_text_copy(stream->name, sizeof stream->name, setup->name);
    if (!ja_inlet_init(&stream->inlet, setup->channels,
                       setup->background ? BACKGROUND_BLOCKS : JA_INLET_BLOCKS)) {
        ja_fail(error, JA_FAILED, "no memory for the sound of stream %s", setup->name);
        free(stream);
        return NULL;
    }
    if (set_up(stream, setup, error) != JA_OK) {
        ja_stream_free(stream);
        return NULL;
    }
    return stream;
}

void ja_stream_free(struct ja_stream *stream) {
    if (!stream)
        return;
    ja_stream_stop(stream);
    ja_intake_done(&stream->intake);
    for (size_t i = 0; stream->settings && i < stream->intake.setup.stage_count; i++)
        free(stream->settings[i]);
    free(stream->settings);
    free(stream->received);
    ja_ring_free(stream->results);
    ja_ring_free(stream->commands);
    ja_inlet_done(&stream->inlet);
    ja_monitor_done(&stream->monitor);
    free(stream);
}

const char *ja_stream_name(const struct ja_stream *stream) {
    return stream->name;
}

unsigned ja_stream_channels(const struct ja_stream *stream) {
    return stream->intake.channels;
}

struct ja_inlet *ja_stream_inlet(struct ja_stream *stream) {
    return &stream->inlet;
}

struct ja_monitor *ja_stream_monitor(struct ja_stream *stream) {
    return &stream->monitor;
}

void ja_stream_stats(const struct ja_stream *stream, struct ja_stream_stats *stats) {
    const struct ja_governor_step *step = present_step(stream);
    *stats = (struct ja_stream_stats){
        .repaired = stream->repaired,
        .frames_withheld = stream->frames_withheld,
        .events_withheld = stream->events_withheld,
        .load = stream->load,
        .worst_hop_ms = stream->worst_hop_ms,
        .level = step->level,
        .strategies = step->strategies,
        .queue_ms = waiting_ms(stream),
        .now = stream->now,
        .paused = stream->paused,
    };
    for (int level = 0; level < JA_LEVELS; level++)
        stats->level_load[level] = stream->level_load[level];
    stats->processed = stream->processed; /* before delivered, so that it is never ahead of it */
    stats->lost_blocks = stream->inlet.lost_blocks;
    stats->lost = stream->inlet.lost;
    stats->delivered = stream->inlet.delivered;
}
