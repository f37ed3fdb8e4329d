/* Tempo: beats per minute, from beats that come regularly.
 *
 * The tempo is the mean of the last intervals between beats, and is confirmed once four of them
 * agree. An event tells when it is known for the first time, when it has crept away from what was
 * last told (drift), and when it has changed at once (step).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

enum { INTERVALS = 8, CONFIRMED = 4 };

static const double regular = 0.06;            /* relative distance of an interval from the mean */
static const double drift = 0.01, step = 0.04; /* relative change that is told */
static const double patience = 2.5; /* beats without one until the tempo is no longer sure */

struct tempo {
    const float *silence;        /* NULL: no such stage */
    double intervals[INTERVALS]; /* s, the newest last */
    int count;
    double last; /* s of audio: last beat */
    double bpm, confidence, told;
};

enum { OUT_TEMPO, OUT_CONFIDENCE };

static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct ja_tempo_settings, min_bpm, "min_bpm", "60", 20, 300, "bpm", JA_LIVE,
                    "Slowest tempo: what seems slower is doubled."),
    JA_OPTION_FLOAT(struct ja_tempo_settings, max_bpm, "max_bpm", "215", 30, 400, "bpm", JA_LIVE,
                    "Fastest tempo: what seems faster is halved. Leave an octave to min_bpm."),
};

static const struct ja_module module = {
    .name = "tempo",
    .help = "Tempo and its allowed range.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct ja_tempo_settings),
};

static const struct ja_output outputs[] = {
    [OUT_TEMPO] = {"tempo", "bpm", JA_OUTPUT_NUMBER, 1, 20, 400,
                   "Confirmed tempo; held when the beats stop, no value before the first."},
    [OUT_CONFIDENCE] = {"tempo_confidence", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                        "How sure the tempo is; 0 while there are no beats."},
};

static enum ja_status tempo_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    struct tempo *tempo = stage->state;

    (void)setup, (void)error;
    memset(tempo, 0, sizeof *tempo);
    tempo->silence = ja_stage_input(stage, "silence");
    tempo->bpm = tempo->told = tempo->last = NAN;
    return JA_OK;
}

static void tempo_reset(struct ja_stage *stage) {
    tempo_open(stage, NULL, NULL);
}

/* The mean interval; 0 when they do not agree. */
static double mean_interval(const struct tempo *tempo) {
    double mean = 0;

    for (int i = 0; i < tempo->count; i++)
        mean += tempo->intervals[i] / tempo->count;
    for (int i = 0; i < tempo->count; i++) {
        if (fabs(tempo->intervals[i] - mean) > regular * mean)
            return 0;
    }
    return mean;
}

static void add(struct tempo *tempo, double interval) {
    if (tempo->count == INTERVALS)
        memmove(tempo->intervals, tempo->intervals + 1, (INTERVALS - 1) * sizeof(double));
    else
        tempo->count++;
    tempo->intervals[tempo->count - 1] = interval;
    /* What does not go with the newest interval is of the past. */
    for (int i = tempo->count - 1; i >= 0; i--) {
        if (fabs(tempo->intervals[i] - interval) > regular * interval) {
            tempo->count -= i + 1;
            memmove(tempo->intervals, tempo->intervals + i + 1,
                    (size_t)tempo->count * sizeof(double));
            break;
        }
    }
}

static void tell(struct ja_stage *stage, double time) {
    struct tempo *tempo = stage->state;
    double change = fabs(tempo->bpm / tempo->told - 1);
    struct ja_event event = {
        .type = JA_EVENT_TEMPO,
        .time = time,
        .tempo = {.bpm = tempo->bpm, .confidence = tempo->confidence, .from_bpm = tempo->told},
    };

    if (isnan(tempo->told))
        event.tempo.change = "start";
    else if (change > step)
        event.tempo.change = "step";
    else if (change > drift)
        event.tempo.change = "drift";
    else
        return;
    tempo->told = tempo->bpm;
    ja_stage_emit(stage, &event);
}

static void tempo_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct tempo *tempo = stage->state;
    double interval = event->time - tempo->last;
    double mean;

    if (event->type != JA_EVENT_BEAT)
        return;
    if (interval > 0 && interval < patience * 60 / event->beat.bpm)
        add(tempo, interval);
    else
        tempo->count = 0;
    tempo->last = event->time;
    mean = mean_interval(tempo);
    if (tempo->count < CONFIRMED || mean <= 0)
        return;
    tempo->bpm = 60 / mean;
    tempo->confidence = event->beat.confidence;
    tell(stage, event->time);
}

static void tempo_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    struct tempo *tempo = stage->state;

    (void)now;
    tempo->last += command->shift_s;
}

static void tempo_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    struct tempo *tempo = stage->state;

    (void)spectrum;
    if ((tempo->silence && *tempo->silence > 0) ||
        !(hop->end - tempo->last < patience * 60 / tempo->bpm))
        tempo->confidence = 0;
    out[OUT_TEMPO] = (float)tempo->bpm;
    out[OUT_CONFIDENCE] = (float)tempo->confidence;
}

const struct ja_stage_class ja_tempo_stage = {
    .module = &module,
    .state_size = sizeof(struct tempo),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .events = 1u << JA_EVENT_TEMPO,
    .open = tempo_open,
    .process = tempo_process,
    .heard = tempo_heard,
    .command = tempo_command,
    .reset = tempo_reset,
};
