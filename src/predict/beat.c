/* Foretells the next beat while beats come steadily.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/predict/stages.h>
#include <math.h>
#include <string.h>

enum { STEADY = 4 }; /* regular intervals before anything is foretold */

static const double regular = 0.1; /* relative distance of an interval from the period */

struct predictor {
    bool started, locked;
    double last; /* s of audio: last beat */
    int steady;  /* regular intervals in a row */
};

static const struct ja_module module = {
    .name = "predict_beat",
    .help = "Foretells the next beat.",
};

static void predictor_reset(struct ja_stage *stage) {
    memset(stage->state, 0, sizeof(struct predictor));
}

static void foretell(struct ja_stage *stage, const struct ja_event *beat) {
    struct ja_event event = {
        .type = JA_EVENT_PREDICTION,
        .time = beat->time + 60 / beat->beat.bpm,
        .prediction = {.kind = "beat",
                       .label = "beat",
                       .value = beat->beat.bpm,
                       .confidence = beat->beat.confidence},
    };

    ja_stage_emit(stage, &event);
}

static void hear_beat(struct ja_stage *stage, const struct ja_event *beat) {
    struct predictor *predictor = stage->state;
    double period = 60 / beat->beat.bpm;

    if (predictor->started && fabs(beat->time - predictor->last - period) < regular * period)
        predictor->steady++;
    else
        predictor->steady = 0;
    predictor->started = true;
    predictor->last = beat->time;
    if (predictor->locked && predictor->steady >= STEADY)
        foretell(stage, beat);
}

static void predictor_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct predictor *predictor = stage->state;

    if (event->type == JA_EVENT_BEAT)
        hear_beat(stage, event);
    else if (event->type == JA_EVENT_STATE)
        predictor->locked = strcmp(event->state.state, "locked") == 0;
}

const struct ja_stage_class ja_predict_beat_stage = {
    .module = &module,
    .state_size = sizeof(struct predictor),
    .events = 1u << JA_EVENT_PREDICTION,
    .heard = predictor_heard,
    .reset = predictor_reset,
};
