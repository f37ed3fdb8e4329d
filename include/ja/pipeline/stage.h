/* A stage: one feature or predictor, called in order for every stretch of sound.
 *
 * A stage reads no clock, no random source and no file: time is the time of the samples. The same
 * samples give the same results. It allocates in open only. An event carries when it happened, not
 * when it was noticed.
 *
 * Time runs in slices (about 3.3 ms) and hops (three slices, 10 ms at 44.1 and 48 kHz). `listen` is
 * called for each slice as soon as it is there and is for what must be quick; `process` is called
 * after the last slice of each hop, with the spectrum.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PIPELINE_STAGE_H
#define JA_PIPELINE_STAGE_H

#include <ja/config/option.h>
#include <ja/core/status.h>
#include <ja/pipeline/event.h>
#include <stdint.h>

/* A stretch of sound: a slice in listen, a hop in process. Samples are finite and within ±16. */
struct ja_span {
    double time;   /* s of audio: its first sample */
    double end;    /* s of audio: one past its last sample, and how much has been consumed */
    unsigned rate; /* Hz, 44100 or 48000 */
    unsigned size; /* frames */
    unsigned channel_count;
    const float *mono;            /* size samples: mean of the channels */
    const float *const *channels; /* channel_count × size samples */
};

/* Short-time spectrum of the last `window` samples of mono, ending with the hop. */
struct ja_spectrum {
    unsigned window; /* samples */
    unsigned bins;   /* window / 2 + 1 */
    double bin_hz;
    const float *magnitude; /* bins; a full-scale sine on a bin gives 1.0 */
    const float *power;     /* bins; magnitude squared */
    double sine_power;      /* what a full-scale sine's power sums to over its bins: the window's
                               equivalent noise bandwidth, 1.5 for hann */
};

enum ja_output_type { JA_OUTPUT_NUMBER, JA_OUTPUT_BOOL };

/* One value, or `width` values, that a stage leaves in every analysis frame. */
struct ja_output {
    const char *name; /* as in the frame: "rms" */
    const char *unit; /* NULL: none */
    enum ja_output_type type;
    unsigned width;  /* values; above 1 a list, which ends before the NANs at its end */
    double min, max; /* what values to expect; NAN: not bounded */
    const char *help;
};

struct ja_stage;

/* Facts known when a stage is opened. */
struct ja_stage_setup {
    unsigned rate;  /* Hz, 44100 or 48000 */
    unsigned slice; /* frames of each listen */
    unsigned hop;   /* frames of each process */
    unsigned channels;
    unsigned window; /* samples of the shared spectrum; at JA_LEVEL_LOW it can become shorter */
};

/* Something told to the stages from outside the sound. */
enum ja_notice { JA_NOTICE_INPUT_LOST, JA_NOTICE_INPUT_BACK };

/* What somebody at the desk, who hears the music too, tells about its beat. */
enum ja_beat_action {
    JA_BEAT_TAP,    /* a beat is now */
    JA_BEAT_RESYNC, /* the first beat of the bar is now */
    JA_BEAT_NUDGE,  /* numbers[0] ms later, earlier when negative */
    JA_BEAT_HALF,
    JA_BEAT_DOUBLE,
    JA_BEAT_AUTO,  /* forget what was told */
    JA_BEAT_RANGE, /* tempi from numbers[0] to numbers[1] bpm */
    JA_BEAT_HOLD,  /* numbers[0]: 1 or 0 */
    JA_BEAT_LOCK,  /* numbers[0]: 1 or 0 */
    JA_BEAT_WRONG_OCTAVE,
    JA_BEAT_OFF_BEAT,  /* the beats are half-way between those that are told */
    JA_BEAT_WRONG_ONE, /* the bar does not begin where it is told to */
};

struct ja_stage_command {
    enum ja_beat_action action;
    double numbers[2];
    double time;  /* s of audio when the operator acted */
    double for_s; /* after which it will be undone by another command; 0: not by itself */
    /* Filled in by the stage that does it, for the ones after it. */
    double shift_s;    /* by which beats are told later from now on, although nothing has changed in
                          the music */
    char outcome[160]; /* a sentence: what holds now */
};

/* A bar that the operator cuts short says nothing of the bar's length. */
static inline bool ja_stage_command_cuts_bar(const struct ja_stage_command *command) {
    return command->action == JA_BEAT_RESYNC || command->action == JA_BEAT_WRONG_ONE;
}

/* How much is analysed; a machine that does not keep up goes down step by step. */
enum ja_level {
    JA_LEVEL_LOW,     /* level, silence, onset, beat and what lives on them: never left out */
    JA_LEVEL_MEDIUM,  /* and the simple spectral features and drum hits */
    JA_LEVEL_HIGH,    /* and pitch, notes and MFCC */
    JA_LEVEL_MAXIMUM, /* and chroma, key and chords */
    JA_LEVELS
};
extern const char *const ja_level_names[JA_LEVELS + 1]; /* "low" …, then NULL */

struct ja_stage_class {
    const struct ja_module *module; /* name, help and options; settings are its settings struct */
    size_t state_size;              /* bytes of zeroed state made before open */
    const struct ja_output *outputs;
    size_t output_count;
    unsigned events;     /* 1u << JA_EVENT_… for every type it may emit */
    bool needs_spectrum; /* else `spectrum` may be NULL in process */
    enum ja_level level; /* the lowest at which it runs */

    /* Allocates what is needed, with stage->settings. On error everything is released again. */
    enum ja_status (*open)(struct ja_stage *stage, const struct ja_stage_setup *setup,
                           struct ja_error *error);
    /* Each is optional but close where open allocates. */
    void (*listen)(struct ja_stage *stage, const struct ja_span *slice);
    /* `out`: this stage's own outputs, one after another, NAN before the call. */
    void (*process)(struct ja_stage *stage, const struct ja_span *hop,
                    const struct ja_spectrum *spectrum, float *out);
    void (*heard)(struct ja_stage *stage,
                  const struct ja_event *event); /* an event of an earlier stage */
    void (*notice)(struct ja_stage *stage, enum ja_notice notice, const char *reason, double now);
    void (*command)(struct ja_stage *stage, struct ja_stage_command *command, double now);
    void (*configure)(
        struct ja_stage *stage); /* stage->settings have changed (options of effect JA_LIVE) */
    void (*reset)(struct ja_stage *stage); /* forget the past: new track, long gap */
    /* It is left out from now on, until it is reset: ends what it has begun (a note). */
    void (*shed)(struct ja_stage *stage, double now);
    void (*close)(struct ja_stage *stage);
};

struct ja_pipeline;
struct ja_priors;

struct ja_stage {
    const struct ja_stage_class *class;
    struct ja_pipeline *pipeline;
    void *settings;  /* the module's settings struct */
    void *state;     /* state_size bytes */
    float *out;      /* this stage's outputs in the frame being made */
    size_t position; /* in the pipeline's order */
    bool open;       /* false after a failed reopening: it is left out */
};

/* Publishes an event; `emitted` is filled in. In listen, process, heard, notice, command and shed
 * only. */
void ja_stage_emit(struct ja_stage *stage, const struct ja_event *event);
/* In open: where an earlier stage's output `name` will stand in every frame (valid in process);
 * NULL when there is none. */
const float *ja_stage_input(const struct ja_stage *stage, const char *name);
/* In process and heard: the present settings of the stage whose module is `module`, anywhere in the
 * pipeline; NULL when there is none. */
const void *ja_stage_settings(const struct ja_stage *stage, const char *module);
/* What was learnt from the operator (ja/pipeline/priors.h); it may be another in the next call. */
const struct ja_priors *ja_stage_priors(const struct ja_stage *stage);

#endif
