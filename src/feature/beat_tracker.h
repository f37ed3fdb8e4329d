/* What the beat stage and the trackers it can choose from agree on.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_BEAT_TRACKER_H
#define JA_FEATURE_BEAT_TRACKER_H

#include <ja/feature/stages.h>
#include <ja/pipeline/priors.h>

/* Options "beat.…". */
struct ja_beat_settings {
    int engine;
    double lead_ms;
    double least_confidence;
    int silence;
    int flywheel_beats;
};

/* A beat as a tracker tells it, usually a moment before it happens. */
struct ja_told_beat {
    double time;       /* s of audio */
    double period;     /* s to the next one */
    double confidence; /* 0…1: how likely it is within 70 ms of where a listener hears it */
    int beat_in_bar;   /* 1…7, 0 not known */
};

/* What a tracker is told with each hop. */
struct ja_tracker_hop {
    const struct ja_span *span;
    bool silent;
    double min_bpm, max_bpm;        /* allowed range */
    const struct ja_priors *priors; /* what was learnt of tempi */
};

typedef void ja_beat_function(void *data, const struct ja_told_beat *beat);

struct ja_tracker_class {
    size_t size; /* bytes of zeroed state */
    enum ja_status (*open)(void *tracker, const struct ja_stage *stage,
                           const struct ja_stage_setup *setup, struct ja_error *error);
    /* Calls `tell(data, …)` for each beat, at most a few times a hop; returns the quick,
     * provisional beat length in s, NAN when there is none. */
    double (*process)(void *tracker, const struct ja_tracker_hop *hop, ja_beat_function *tell,
                      void *data);
    void (*heard)(void *tracker, const struct ja_event *event); /* optional */
    /* Optional. Does what the operator tells, and says so in command->outcome. */
    void (*command)(void *tracker, struct ja_stage_command *command);
    void (*reset)(void *tracker);
    void (*close)(void *tracker); /* also after a failed open */
};

extern const struct ja_tracker_class ja_oscillator_tracker; /* aubio's */
extern const struct ja_tracker_class ja_engine_tracker;     /* our own */

#endif
