/* Beats, by the tracker that was chosen; phase of beat and bar between them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "beat_tracker.h"

#include <ja/core/math.h>
#include <ja/pipeline/meter.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct beat {
    const struct ja_tracker_class *class;
    void *tracker;
    const float *silence; /* NULL: no such stage */
    struct ja_told_beat last;
    int seq;
    struct ja_meter meter;
    double nudge_s; /* added to every beat's time; what the operator hears stays so in a reset */
    bool nudged;    /* by the operator in this run, else by habit */
};

static const double most_nudge_ms = 200;

enum { OUT_BEAT_PHASE, OUT_BAR_PHASE, OUT_TEMPO_FAST };

static const char *const engines[] = {"auto", "flux", "aubio", NULL};
static const struct ja_tracker_class *const trackers[] = {
    &ja_engine_tracker,
    &ja_engine_tracker,
    &ja_oscillator_tracker,
};
static const char *const policies[] = {"stop", "hold", "flywheel", NULL};

static const struct ja_option options[] = {
    JA_OPTION_CHOICE(
        struct ja_beat_settings, engine, "engine", "auto", engines, JA_REOPEN,
        "Which tracker finds the beats: our own, our own without its network, or aubio's."),
    JA_OPTION_FLOAT(
        struct ja_beat_settings, lead_ms, "lead_ms", "80", 0, 400, "ms", JA_REOPEN,
        "How long before it happens a beat is told, for outputs that need time; aubio's "
        "tracker always takes 25 ms."),
    JA_OPTION_FLOAT(struct ja_beat_settings, least_confidence, "least_confidence", "0.15", 0, 1,
                    NULL, JA_LIVE, "Beats less sure than this are not told."),
    JA_OPTION_CHOICE(
        struct ja_beat_settings, silence, "silence", "stop", policies, JA_LIVE,
        "What our own tracker's beats do in silence: stop, hold the tempo for ever, or go on "
        "like a flywheel for flywheel_beats."),
    JA_OPTION_INT(struct ja_beat_settings, flywheel_beats, "flywheel_beats", "16", 1, 1024, "beats",
                  JA_LIVE, "How many beats the flywheel runs."),
};

static const struct ja_module module = {
    .name = "beat",
    .help = "Beat tracking.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct ja_beat_settings),
};

static const struct ja_output outputs[] = {
    [OUT_BEAT_PHASE] = {"beat_phase", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                        "Place within the beat, from 0 on the beat to 1 before the next; no value "
                        "while there are no beats."},
    [OUT_BAR_PHASE] = {"bar_phase", NULL, JA_OUTPUT_NUMBER, 1, 0, 1,
                       "Place within the bar, from 0 to 1; no value while the bar is unknown."},
    [OUT_TEMPO_FAST] = {"tempo_fast", "bpm", JA_OUTPUT_NUMBER, 1, 20, 400,
                        "Quick, provisional tempo; no value without a guess or in silence."},
};

static void forget(struct beat *beat) {
    beat->last = (struct ja_told_beat){.time = NAN};
    beat->meter = (struct ja_meter){0};
}

static enum ja_status beat_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                struct ja_error *error) {
    struct beat *beat = stage->state;
    const struct ja_beat_settings *settings = stage->settings;

    beat->class = trackers[settings->engine];
    beat->silence = ja_stage_input(stage, "silence");
    beat->tracker = calloc(1, beat->class->size);
    if (!beat->tracker)
        return ja_fail(error, JA_FAILED, "no memory for the beat tracker");
    enum ja_status status = beat->class->open(beat->tracker, stage, setup, error);
    if (status != JA_OK) {
        beat->class->close(beat->tracker);
        free(beat->tracker);
    }
    forget(beat);
    return status;
}

static void beat_close(struct ja_stage *stage) {
    struct beat *beat = stage->state;

    beat->class->close(beat->tracker);
    free(beat->tracker);
}

/* Beats are counted on. */
static void beat_reset(struct ja_stage *stage) {
    struct beat *beat = stage->state;

    beat->class->reset(beat->tracker);
    forget(beat);
}

static void beat_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct beat *beat = stage->state;

    if (beat->class->heard)
        beat->class->heard(beat->tracker, event);
}

static void tell(void *data, const struct ja_told_beat *told) {
    struct ja_stage *stage = data;
    struct beat *beat = stage->state;
    struct ja_event event = {
        .type = JA_EVENT_BEAT,
        .time = told->time + beat->nudge_s,
        .beat = {.seq = beat->seq++,
                 .beat_in_bar = told->beat_in_bar,
                 .bpm = 60 / told->period,
                 .confidence = told->confidence},
    };

    beat->last = *told;
    beat->last.time = event.time;
    ja_meter_follow(&beat->meter, told->beat_in_bar);
    ja_stage_emit(stage, &event);
}

/* Until three beats have failed to come. */
static void write_phase(const struct beat *beat, double now, float *out) {
    double beats = (now - beat->last.time) / beat->last.period;

    if (!(beats < 3))
        return;
    out[OUT_BEAT_PHASE] = (float)(beats - floor(beats));
    if (beat->meter.beats > 0) {
        double bars = (beat->last.beat_in_bar - 1 + beats) / beat->meter.beats;
        out[OUT_BAR_PHASE] = (float)(bars - floor(bars));
    }
}

static void beat_process(struct ja_stage *stage, const struct ja_span *hop,
                         const struct ja_spectrum *spectrum, float *out) {
    struct beat *beat = stage->state;
    const struct ja_tempo_settings *range = ja_stage_settings(stage, "tempo");
    struct ja_tracker_hop tracker_hop = {
        .span = hop,
        .silent = beat->silence && *beat->silence > 0,
        .min_bpm = range ? range->min_bpm : 55,
        .max_bpm = range ? range->max_bpm : 220,
        .priors = ja_stage_priors(stage),
    };

    (void)spectrum;
    if (!beat->nudged)
        beat->nudge_s = tracker_hop.priors->latency_s;
    double period = beat->class->process(beat->tracker, &tracker_hop, tell, stage);
    out[OUT_TEMPO_FAST] = (float)(60 / period);
    write_phase(beat, hop->end, out);
}

static void set_nudge(struct beat *beat, double ms, struct ja_stage_command *command) {
    double nudge_s = ja_clamp(ms, -most_nudge_ms, most_nudge_ms) * 1e-3;

    command->shift_s = nudge_s - beat->nudge_s;
    beat->nudge_s = nudge_s;
    beat->nudged = true;
    snprintf(command->outcome, sizeof command->outcome, "Beats are told %.6g ms %s%s.",
             fabs(nudge_s) * 1e3, nudge_s < 0 ? "early" : "late",
             fabs(ms) > most_nudge_ms ? ", no more is possible" : "");
}

/* Whoever sees the state is to know that it will not stay so. */
static void say_end(struct ja_stage_command *command) {
    size_t length = strlen(command->outcome);

    if (command->for_s > 0 && length > 0)
        snprintf(command->outcome + length, sizeof command->outcome - length,
                 " It ends after %.6g s.", command->for_s);
}

static void beat_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    struct beat *beat = stage->state;

    (void)now;
    if (command->action == JA_BEAT_NUDGE)
        set_nudge(beat, beat->nudge_s * 1e3 + command->numbers[0], command);
    if (command->action == JA_BEAT_AUTO)
        set_nudge(beat, 0, command);
    if (ja_stage_command_cuts_bar(command))
        beat->meter.place = 0;
    if (beat->class->command)
        beat->class->command(beat->tracker, command);
    say_end(command);
    beat->last.time += command->shift_s;
}

const struct ja_stage_class ja_beat_stage = {
    .module = &module,
    .state_size = sizeof(struct beat),
    .outputs = outputs,
    .output_count = sizeof outputs / sizeof *outputs,
    .events = 1u << JA_EVENT_BEAT,
    .open = beat_open,
    .process = beat_process,
    .heard = beat_heard,
    .command = beat_command,
    .reset = beat_reset,
    .close = beat_close,
};
