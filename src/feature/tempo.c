/* Tempo: beats per minute, from beats that come regularly.
 *
 * What is told with each beat says the tempo soon; a line through the times of the last beats
 * (least squares) says it exactly. Beats told at another tempo than the last one are of the past.
 * An event tells when the tempo is known for the first time; when it has changed at once, as from
 * one track to the next (step: at least 2.5 % by what was told); and when it has crept away
 * (drift), as three beats in a row show. What is less at once than 2.5 % is told as drift, too.
 * After a start or step the beats still find their place for a moment, and what they then say
 * better is not a change. An event's time is when the music had that tempo, some beats before this
 * is known.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/math.h>
#include <ja/feature/stages.h>
#include <math.h>
#include <string.h>

enum {
    BEATS = 17,    /* remembered */
    CONFIRMED = 4, /* beats that agree; where an operator has asked for the change, one does */
    ASKED = 3,     /* beats within which it comes then */
    EXACT = 9,     /* beats from which on their times say more than what is told with them */
    CREPT = 12,    /* beats without which no drift is told: a drummer is not a machine */
    DRIFTED = 3,   /* beats in a row that show one: a tracker sways, too */
};

static const double regular = 0.1;     /* relative distance of an interval from the beat's tempo */
static const double same_tempo = 0.03; /* relative distance of beats' tempi */
static const double drift = 0.01, step = 0.025; /* relative change that is told */
static const double refinement = 0.02;          /* relative change after a start that is not */
static const double patience = 2.5; /* beats without one until the tempo is no longer sure */

struct tempo {
    const float *silence; /* NULL: no such stage */
    double times[BEATS];  /* s of audio, the newest last */
    double tempi[BEATS];  /* bpm, as told with them */
    int count;
    int asked;   /* beats within which the octave comes that the operator has asked for */
    int settled; /* beats since the last start or step was told */
    int drifted; /* beats in a row that show a drift */
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

static void forget_first(struct tempo *tempo, int beats) {
    tempo->count -= beats;
    memmove(tempo->times, tempo->times + beats, (size_t)tempo->count * sizeof *tempo->times);
    memmove(tempo->tempi, tempo->tempi + beats, (size_t)tempo->count * sizeof *tempo->tempi);
}

static void add(struct tempo *tempo, double time, double bpm) {
    if (!(fabs((time - tempo->last) * bpm / 60 - 1) <= regular))
        tempo->count = 0;
    if (tempo->count == BEATS)
        forget_first(tempo, 1);
    tempo->times[tempo->count] = time;
    tempo->tempi[tempo->count++] = bpm;
    for (int i = tempo->count - 1; i >= 0; i--) {
        if (fabs(tempo->tempi[i] / bpm - 1) > same_tempo) {
            forget_first(tempo, i + 1);
            break;
        }
    }
}

/* Beats per minute by the slope of a line through the beats' times. */
static double tempo_of_times(const struct tempo *tempo) {
    double middle = (tempo->count - 1) / 2.0, moment = 0, squares = 0;

    for (int i = 0; i < tempo->count; i++) {
        moment += (i - middle) * (tempo->times[i] - tempo->last);
        squares += (i - middle) * (i - middle);
    }
    return 60 * squares / moment;
}

static int needed(const struct tempo *tempo) {
    return tempo->asked > 0 ? 1 : CONFIRMED;
}

/* The last beats that agree all do so about a change. */
static bool has_changed(const struct tempo *tempo) {
    for (int i = 1; i <= needed(tempo); i++) {
        if (fabs(tempo->tempi[tempo->count - i] / tempo->told - 1) <= drift)
            return false;
    }
    return true;
}

static const char *change(struct tempo *tempo) {
    double size = fabs(tempo->bpm / tempo->told - 1);

    tempo->drifted = size > drift ? tempo->drifted + (tempo->count >= CREPT) : 0;
    if (isnan(tempo->told))
        return "start";
    if (tempo->drifted < 2 && size > step && has_changed(tempo)) /* nor is a steep ramp one */
        return "step";
    return tempo->drifted >= DRIFTED && tempo->count >= CREPT ? "drift" : NULL;
}

static void tell(struct ja_stage *stage) {
    struct tempo *tempo = stage->state;
    bool line = tempo->count >= EXACT; /* which tells the tempo in its middle */
    struct ja_event event = {
        .type = JA_EVENT_TEMPO,
        .time = line ? (tempo->times[0] + tempo->last) / 2 : tempo->times[0],
        .tempo = {.bpm = tempo->bpm,
                  .confidence = tempo->confidence,
                  .change = change(tempo),
                  .from_bpm = tempo->told},
    };

    if (tempo->settled < EXACT && fabs(tempo->bpm / tempo->told - 1) < refinement) {
        tempo->told = tempo->bpm;
        return;
    }
    if (!event.tempo.change)
        return;
    if (strcmp(event.tempo.change, "drift") != 0)
        tempo->settled = 0;
    tempo->told = tempo->bpm;
    ja_stage_emit(stage, &event);
}

static double tempo_of_beats(const struct tempo *tempo) {
    const double *newest = &tempo->tempi[tempo->count - 1];

    if (tempo->count >= EXACT)
        return tempo_of_times(tempo);
    return tempo->count > 1 ? (newest[0] + newest[-1]) / 2 : newest[0];
}

static void tempo_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct tempo *tempo = stage->state;

    if (event->type != JA_EVENT_BEAT)
        return;
    add(tempo, event->time, event->beat.bpm);
    tempo->last = event->time;
    if (tempo->count >= needed(tempo)) {
        tempo->bpm = tempo_of_beats(tempo);
        tempo->confidence = event->beat.confidence;
        tempo->settled++;
        tell(stage);
    }
    tempo->asked -= tempo->asked > 0;
}

static void tempo_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    struct tempo *tempo = stage->state;

    (void)now;
    if (command->action == JA_BEAT_HALF || command->action == JA_BEAT_DOUBLE ||
        command->action == JA_BEAT_WRONG_OCTAVE)
        tempo->asked = isnan(tempo->told) ? 0 : ASKED;
    tempo->last += command->shift_s;
    for (int i = 0; i < tempo->count; i++)
        tempo->times[i] += command->shift_s;
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
