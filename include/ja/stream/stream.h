/* One analysed signal: sound goes in through its inlet, results come out as messages.
 *
 * Live, ja_stream_start gives it a worker thread; offline, ja_stream_run does the same work in the
 * caller's thread. Results are the same bytes either way.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_STREAM_STREAM_H
#define JA_STREAM_STREAM_H

#include <ja/adapt/governor.h>
#include <ja/pipeline/pipeline.h>
#include <ja/stream/inlet.h>
#include <ja/stream/monitor.h>

struct ja_stream;

enum { JA_STREAM_NAME_BYTES = 64 };

struct ja_stream_setup {
    const char *name;  /* "main" */
    unsigned channels; /* 1…JA_CHANNELS */
    const struct ja_analysis_settings *analysis;
    const struct ja_stage_class *const *stages;
    size_t stage_count;
    const void *const *settings;                 /* one per stage, copied */
    const struct ja_governor_settings *governor; /* copied; NULL: everything, always */
    bool background; /* one of many: it has less room, and its worker gives way to all others */
};

enum ja_message_type { JA_MESSAGE_FRAME, JA_MESSAGE_EVENT, JA_MESSAGE_TIMEBASE };

/* How stream time and the clock relate: mono_us = us + (time - at) * 1e6. */
struct ja_timebase {
    double at;     /* s of audio; NAN: not known, no live source */
    double us;     /* ja_clock_us at which the sound of `at` was at the source */
    unsigned rate; /* Hz of the source */
};

struct ja_message {
    enum ja_message_type type;
    uint64_t taken_us; /* ja_clock_us at which the sound behind it was taken in hand … */
    uint64_t told_us;  /* … and at which this was told */
    size_t size;       /* bytes of what follows */
    union {
        const struct ja_frame *frame;
        const struct ja_event *event;
        const struct ja_timebase *timebase;
    };
};

/* A snapshot of counters. */
struct ja_stream_stats {
    uint64_t delivered, processed, lost,
        lost_blocks;          /* frames; blocks. processed + lost == delivered once idle */
    uint64_t repaired;        /* samples that were not finite or beyond ±16 */
    uint64_t frames_withheld; /* analysis frames that found no room on the way out */
    uint64_t events_withheld;
    double load; /* share of real time the worker needed, 0…, over the last second of audio */
    double worst_hop_ms;          /* longest time for one hop in that second */
    enum ja_level level;          /* how much is analysed now */
    const char *strategies;       /* what is done for that, by name, "" for nothing */
    double level_load[JA_LEVELS]; /* load of the last whole second at each level; NAN: never */
    double queue_ms;              /* sound waiting in the inlet */
    double now;                   /* s of audio analysed */
    bool paused;
};

/* --- Main thread --- */

struct ja_stream *ja_stream_new(const struct ja_stream_setup *setup, struct ja_error *error);
/* Stops the worker if there is one. NULL is fine. */
void ja_stream_free(struct ja_stream *stream);
const char *ja_stream_name(const struct ja_stream *stream);
unsigned ja_stream_channels(const struct ja_stream *stream);
/* For the one producer; lives as long as the stream. */
struct ja_inlet *ja_stream_inlet(struct ja_stream *stream);
/* For who wants to hear what it hears; lives as long as the stream. */
struct ja_monitor *ja_stream_monitor(struct ja_stream *stream);

/* Starts the worker; it calls `wake(data)` (any thread, must not block) when messages have come. */
enum ja_status ja_stream_start(struct ja_stream *stream, void (*wake)(void *data), void *data,
                               struct ja_error *error);
/* Ends the worker; what it has not worked off waits for ja_stream_run. Without a worker it does
 * nothing. */
void ja_stream_stop(struct ja_stream *stream);
/* Without a worker: works off everything in the inlet and the commands. */
void ja_stream_run(struct ja_stream *stream);
/* Without a worker, at the end of a file: works off also what is less than a slice and what the
 * resampler holds. */
void ja_stream_finish(struct ja_stream *stream);

/* The next message, or false. What it points to is valid until the next call. */
bool ja_stream_receive(struct ja_stream *stream, struct ja_message *message);

/* Commands to the worker, in order; false when its queue is full (then nothing happened). */
/* Of a stage's module, or of ja_governor_module. */
bool ja_stream_configure(struct ja_stream *stream, const struct ja_module *module,
                         const void *settings);
bool ja_stream_reset(struct ja_stream *stream);
bool ja_stream_pause(struct ja_stream *stream,
                     bool paused); /* paused: sound is consumed and counted, not analysed */
bool ja_stream_notice(struct ja_stream *stream, enum ja_notice notice, const char *reason);
/* Told to the stages before the next sound; nothing happens where none has come yet. */
bool ja_stream_command(struct ja_stream *stream, const struct ja_stage_command *command);
/* What was learnt, from the next sound on. */
bool ja_stream_set_priors(struct ja_stream *stream, const struct ja_priors *priors);

/* --- Any thread --- */

void ja_stream_stats(const struct ja_stream *stream, struct ja_stream_stats *stats);

#endif
