/* What happened or will happen in the music: the events every output speaks of.
 *
 * One table (ja_event_type_info) gives each type's name and fields; JSON lines, WebSocket and
 * documentation read it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PIPELINE_EVENT_H
#define JA_PIPELINE_EVENT_H

#include <stdbool.h>
#include <stddef.h>

enum ja_event_type {
    JA_EVENT_BEAT,
    JA_EVENT_TEMPO,
    JA_EVENT_ONSET,
    JA_EVENT_NOTE,
    JA_EVENT_PREDICTION,
    JA_EVENT_STATE,
    JA_EVENT_GAP,
    JA_EVENT_TYPES
};

/* Words (const char *) are string literals; NULL is unknown. NAN is an unknown number. */
struct ja_event_beat {
    int seq;           /* counts from 0 since start */
    int beat_in_bar;   /* 1…n, 0 unknown */
    double bpm;        /* beats per minute */
    double confidence; /* 0…1 */
};
struct ja_event_tempo {
    double bpm;
    double confidence;  /* 0…1 */
    const char *change; /* "start", "drift", "step" */
    double from_bpm;
};
struct ja_event_onset {
    double strength;  /* 0…1 */
    const char *band; /* "full", "low", "mid", "high" */
};
struct ja_event_note {
    bool on;
    double midi; /* MIDI note number, fractional */
    double hz;
    double velocity; /* 0…1 */
};
struct ja_event_prediction {
    const char *kind;  /* "beat", "energy", "tempo", "harmony" */
    const char *label; /* what is expected */
    double value;
    double confidence; /* 0…1 */
};
struct ja_event_state {
    const char *state; /* "no_input", "silent", "noise", "learning", "locked", "flywheel", "lost" */
    char reason[160];  /* a sentence */
};
struct ja_event_gap {
    long long frames;  /* lost, at the source's rate */
    const char *cause; /* "overflow", "server", "restart", "rate" */
};

struct ja_event {
    enum ja_event_type type;
    double time;    /* s of audio from the stream's first sample: when it happens in the sound */
    double emitted; /* s of audio consumed when this became final; filled in by the pipeline */
    union {
        struct ja_event_beat beat;
        struct ja_event_tempo tempo;
        struct ja_event_onset onset;
        struct ja_event_note note;
        struct ja_event_prediction prediction;
        struct ja_event_state state;
        struct ja_event_gap gap;
    };
};

enum ja_field_type {
    JA_FIELD_INT,    /* int */
    JA_FIELD_LONG,   /* long long */
    JA_FIELD_BOOL,   /* bool */
    JA_FIELD_NUMBER, /* double, NAN is null */
    JA_FIELD_WORD,   /* const char *, NULL is null */
    JA_FIELD_TEXT,   /* char[] */
};

struct ja_event_field {
    const char *name;
    enum ja_field_type type;
    size_t offset; /* in struct ja_event */
    const char *help;
};

struct ja_event_info {
    const char *name, *help;
    const struct ja_event_field *fields;
    size_t field_count;
};

/* The row of one type; never NULL for a type below JA_EVENT_TYPES. */
const struct ja_event_info *ja_event_info(enum ja_event_type type);

struct ja_json;
/* One JSON object with the common fields type, stream, time, emitted, then the type's own. */
void ja_event_write_json(const struct ja_event *event, const char *stream, struct ja_json *json);

#endif
