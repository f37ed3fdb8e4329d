/* Foretells where a tempo that steadily rises or falls will be.
 *
 * A ramp is a tempo, as told with the last beats, that lies near a straight line (squared
 * correlation 0.85 or more) and has gone a way; a step, or a drummer's wandering, does not look
 * like that. While it goes on, the line is drawn out to eight beats ahead, once in eight beats.
 * Nobody knows when a ramp ends: of generated ramps of 8 to 32 bars about half of the statements
 * come true, and that is the confidence stated. A step comes without warning.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/predict/stages.h>
#include <math.h>
#include <string.h>

enum {
    BEATS = 24,
    CONFIRMED = 2, /* beats at which the line is there, one after another */
    AHEAD = 8,
    EVERY = 8,
    RECENT = 4, /* beats that are compared with as many before */
};

static const double regular = 0.1;   /* relative distance of an interval from the beat's tempo */
static const double straight = 0.85; /* squared correlation of a ramp */
static const double least_way = 0.012, most_leap = 0.02; /* of the tempo: all in all; at once */
static const double confidence = 0.5;

struct predictor {
    bool locked;
    double times[BEATS], tempi[BEATS]; /* s of audio, bpm; the newest last */
    int count;
    int seen;  /* beats in a row with a ramp; negative: downwards */
    int since; /* beats since something was foretold */
};

static const struct ja_module module = {
    .name = "predict_tempo",
    .help = "Foretells the tempo while it rises or falls.",
};

static void predictor_reset(struct ja_stage *stage) {
    *(struct predictor *)stage->state = (struct predictor){.since = EVERY};
}

static enum ja_status predictor_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                     struct ja_error *error) {
    (void)setup, (void)error;
    predictor_reset(stage);
    return JA_OK;
}

static void add(struct predictor *predictor, double time, double bpm) {
    int last = predictor->count - 1;

    if (last >= 0 && !(fabs((time - predictor->times[last]) * bpm / 60 - 1) <= regular))
        predictor->count = 0;
    if (predictor->count == BEATS) {
        predictor->count--;
        memmove(predictor->times, predictor->times + 1, (BEATS - 1) * sizeof(double));
        memmove(predictor->tempi, predictor->tempi + 1, (BEATS - 1) * sizeof(double));
    }
    predictor->times[predictor->count] = time;
    predictor->tempi[predictor->count++] = bpm;
}

/* A straight line through tempo against time. */
struct line {
    double time, bpm;    /* the middle: s of audio */
    double slope;        /* bpm per s */
    double straightness; /* squared correlation */
};

static struct line fit(const struct predictor *predictor) {
    struct line line = {0};
    double across = 0, times = 0, tempi = 0;

    for (int i = 0; i < BEATS; i++) {
        line.time += predictor->times[i] / BEATS;
        line.bpm += predictor->tempi[i] / BEATS;
    }
    for (int i = 0; i < BEATS; i++) {
        double x = predictor->times[i] - line.time, y = predictor->tempi[i] - line.bpm;

        across += x * y;
        times += x * x;
        tempi += y * y;
    }
    line.slope = across / times;
    line.straightness = tempi > 0 ? across * across / (times * tempi) : 0;
    return line;
}

static bool leaps(const struct predictor *predictor) {
    for (int i = 1; i < BEATS; i++) {
        if (fabs(predictor->tempi[i] / predictor->tempi[i - 1] - 1) > most_leap)
            return true;
    }
    return false;
}

static double mean(const struct predictor *predictor, int from, int until) {
    double sum = 0;

    for (int i = from; i < until; i++)
        sum += predictor->tempi[i];
    return sum / (until - from);
}

/* It does as long as the last beats go on at half its pace. */
static bool goes_on(const struct predictor *predictor, const struct line *line) {
    double gone = mean(predictor, BEATS - RECENT, BEATS) -
                  mean(predictor, BEATS - 2 * RECENT, BEATS - RECENT);
    double length = predictor->times[BEATS - 1] - predictor->times[BEATS - 1 - RECENT];

    return gone / (line->slope * length) >= 0.5;
}

static bool is_ramp(const struct predictor *predictor, const struct line *line) {
    double way = line->slope * (predictor->times[BEATS - 1] - predictor->times[0]);

    return line->straightness >= straight && fabs(way) >= least_way * line->bpm &&
           !leaps(predictor) && goes_on(predictor, line);
}

static void foretell(struct ja_stage *stage, const struct line *line, double now, double bpm) {
    double due = now + AHEAD * 60 / bpm;
    struct ja_event event = {
        .type = JA_EVENT_PREDICTION,
        .time = due,
        .prediction = {.kind = "tempo",
                       .label = line->slope > 0 ? "rise" : "fall",
                       .value = line->bpm + line->slope * (due - line->time),
                       .confidence = confidence},
    };

    ja_stage_emit(stage, &event);
}

static void hear_beat(struct ja_stage *stage, const struct ja_event *beat) {
    struct predictor *predictor = stage->state;
    struct line line;
    int direction;

    add(predictor, beat->time, beat->beat.bpm);
    predictor->since++;
    if (predictor->count < BEATS || !predictor->locked) {
        predictor->seen = 0;
        return;
    }
    line = fit(predictor);
    direction = is_ramp(predictor, &line) ? (line.slope > 0 ? 1 : -1) : 0;
    predictor->seen = predictor->seen * direction > 0 ? predictor->seen + direction : direction;
    if (predictor->seen * direction < CONFIRMED || predictor->since < EVERY)
        return;
    foretell(stage, &line, beat->time, beat->beat.bpm);
    predictor->since = 0;
}

static void predictor_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct predictor *predictor = stage->state;

    if (event->type == JA_EVENT_BEAT)
        hear_beat(stage, event);
    else if (event->type == JA_EVENT_STATE)
        predictor->locked = strcmp(event->state.state, "locked") == 0;
}

/* What somebody at the desk does to the beat is not the music's. */
static void predictor_command(struct ja_stage *stage, struct ja_stage_command *command,
                              double now) {
    struct predictor *predictor = stage->state;

    (void)command, (void)now;
    predictor->count = 0;
}

const struct ja_stage_class ja_predict_tempo_stage = {
    .module = &module,
    .state_size = sizeof(struct predictor),
    .events = 1u << JA_EVENT_PREDICTION,
    .open = predictor_open,
    .heard = predictor_heard,
    .command = predictor_command,
    .reset = predictor_reset,
};
