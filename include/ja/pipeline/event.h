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
    JA_EVENT_HIT,
    JA_EVENT_NOTE,
    JA_EVENT_TRANSITION,
    JA_EVENT_PREDICTION,
    JA_EVENT_SCORE,
    JA_EVENT_SECTION,
    JA_EVENT_KEY,
    JA_EVENT_CHORD,
    JA_EVENT_STATE,
    JA_EVENT_LEVEL,
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
struct ja_event_hit {
    const char *drum; /* "kick", "snare", "hat" */
    double strength;  /* 0…1 */
};
struct ja_event_note {
    bool on;
    double midi; /* MIDI note number, fractional */
    double hz;
    double velocity; /* 0…1 */
};
struct ja_event_transition {
    const char *kind;  /* "rise", "fall", "buildup", "drop", "breakdown", "silence", "return" */
    double delta_db;   /* change of loudness */
    double confidence; /* 0…1 */
};
struct ja_event_prediction {
    const char *kind;  /* "beat", "energy", "tempo", "harmony" */
    const char *label; /* what is expected */
    double value;
    double confidence; /* 0…1 */
};
enum { JA_RELIABILITY_BINS = 10 };
/* Of the predictions stated within one tenth of confidence: how sure they were, how many came true.
 */
struct ja_reliability {
    double stated, observed; /* 0…1, means over the bin; NAN when it is empty */
    int count;
};
struct ja_event_score {
    const char *kind; /* as of a prediction */
    int n, hits;
    double hit_rate;        /* 0…1 */
    double median_error_ms; /* of the hits: how late they came; NAN: none */
    struct ja_reliability calibration[JA_RELIABILITY_BINS];
    double window_s;         /* over how much of the past all of these are */
    int total_n, total_hits; /* since start */
    int unjudged;            /* since start: lost sight of, in a gap for instance */
};
struct ja_event_section {
    const char *label; /* "intro", "groove", "buildup", "drop", "breakdown", "outro", "unknown" */
    double confidence; /* 0…1 */
    int bars;          /* how long the section before it was; 0 unknown */
};
struct ja_event_key {
    const char *key;     /* "A:min" */
    const char *camelot; /* "8A" */
    double confidence;   /* 0…1 */
};
struct ja_event_chord {
    const char *chord; /* "A:min", "N": none */
    double confidence; /* 0…1 */
};
struct ja_event_state {
    const char *state; /* "no_input", "silent", "noise", "learning", "locked", "flywheel", "lost" */
    char reason[160];  /* a sentence */
};
struct ja_event_level {
    const char *from, *to; /* "low", "medium", "high", "maximum" */
    char reason[160];      /* a sentence */
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
        struct ja_event_hit hit;
        struct ja_event_note note;
        struct ja_event_transition transition;
        struct ja_event_prediction prediction;
        struct ja_event_score score;
        struct ja_event_section section;
        struct ja_event_key key;
        struct ja_event_chord chord;
        struct ja_event_state state;
        struct ja_event_level level;
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
    JA_FIELD_BINS, /* struct ja_reliability[JA_RELIABILITY_BINS]: [[stated, observed, n], …] without
                      the empty ones */
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
