/* What a built-in signal is: a row with parameters and a function that renders it. Internal to this
 * folder; to add a signal write its row and name it in synth.c.
 *
 * Signals are rendered in chunks of a fixed size at fixed places, so that they do not depend on how
 * much is read at a time, and mono or stereo with a peak of 1; level and channels are common.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_SYNTH_H
#define JA_AUDIO_SYNTH_H

#include <ja/audio/source.h>
#include <stdbool.h>

struct ja_synth;

enum { JA_SYNTH_CHUNK = 64 }; /* frames rendered at a time */

enum ja_parameter_type {
    JA_PARAMETER_NUMBER,
    JA_PARAMETER_WHOLE, /* a number without fraction */
    JA_PARAMETER_CHOICE,
    JA_PARAMETER_TEXT,
};

struct ja_parameter {
    const char *name;
    enum ja_parameter_type type;
    double min, max, value; /* of a number; `value` is the default */
    const char *text; /* choices as "white|pink", the first the default; or the text's default */
    const char *help;
};

/* A parameter's value in a running signal; a choice's number is its place, from 0. */
struct ja_argument {
    double number;
    const char *text;
    bool given;
};

struct ja_signal {
    const char *name;
    const char *help;
    const struct ja_parameter *parameters; /* its own, besides the common ones */
    size_t parameter_count;
    double seconds, level_db; /* defaults of common parameters */
    bool stereo;              /* also the default number of channels */
    size_t state_size;
    enum ja_status (*open)(struct ja_synth *synth, struct ja_error *error); /* may be NULL */
    /* The next JA_SYNTH_CHUNK frames, from synth->frame on; `right` is for stereo signals alone. */
    void (*render)(struct ja_synth *synth, float *left, float *right);
    void (*close)(struct ja_synth *synth); /* may be NULL; also after a failed open */
    void (*truth)(const struct ja_synth *synth, FILE *out); /* may be NULL */
};

enum { JA_SYNTH_ARGUMENTS = 12 }; /* most own parameters of a signal */

/* A running signal. */
struct ja_synth {
    /* For the signal's functions. */
    const struct ja_signal *signal;
    double rate; /* Hz */
    double seconds;
    uint64_t seed;
    struct ja_argument arguments[JA_SYNTH_ARGUMENTS]; /* in the order of the row's parameters */
    int64_t frame;                                    /* first of the chunk to render */
    void *state;                                      /* state_size bytes, zero before open */
    /* For synth.c alone. */
    char *name; /* as asked for; the arguments' texts point into it */
    int64_t position, frames;
    unsigned channels;
    float gain;
    float chunk[2][JA_SYNTH_CHUNK];
};

/* The rows, by file. */
extern const struct ja_signal ja_signal_silence, ja_signal_sine, ja_signal_sweep, ja_signal_hum,
    ja_signal_dc, ja_signal_fullscale, ja_signal_impulse, ja_signal_notes, ja_signal_chord;
extern const struct ja_signal ja_signal_noise, ja_signal_speech;
extern const struct ja_signal ja_signal_click, ja_signal_drums;
extern const struct ja_signal ja_signal_demo;

bool ja_synth_is_name(const char *what);
enum ja_status ja_synth_open(struct ja_synth **synth, const char *what, struct ja_source_info *info,
                             struct ja_error *error);
int ja_synth_read(struct ja_synth *synth, float *const *channels, unsigned frames);
void ja_synth_close(struct ja_synth *synth); /* NULL is fine */

/* Lines of truth; see ja_synth_truth. */
void ja_truth_beat(FILE *out, double time, unsigned beat_in_bar, double bpm, bool sounding);
void ja_truth_hit(FILE *out, double time, const char *drum);
void ja_truth_onset(FILE *out, double time);
void ja_truth_pitch(FILE *out, double time, double until, double hz);
void ja_truth_chord(FILE *out, double time, double until, const char *chord);
void ja_truth_key(FILE *out, double time, const char *key);
void ja_truth_section(FILE *out, double time, const char *label, unsigned bars);

#endif
