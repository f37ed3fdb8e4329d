/* What the analyser is up to, in one word and a sentence: the first thing to look at when the
 * lights do not follow the music.
 *
 * no_input: nothing comes in. silent: what comes in is silent. learning: there is sound, but not
 * yet a steady beat. noise: there is none after a while. locked: beats come steadily. flywheel:
 * they go on by themselves, in silence. lost: they came, and no longer do.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/feature/stages.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    STEADY = 4,  /* regular intervals */
    EXCUSED = 2, /* intervals after the operator has told of the beat that may be irregular */
};

static const double regular = 0.1; /* relative distance of an interval from the period */
static const double enough = 0.6, too_little = 0.35; /* confidence to lock, to lose it */
static const double recency = 0.3;                   /* of a new beat in the confidence */
static const double patience = 3;                    /* beats without one until the lock is lost */
static const double noise_s = 10; /* of sound without a lock until it is called noise */

enum word { NOTHING, NO_INPUT, SILENT, NOISE, LEARNING, LOCKED, FLYWHEEL, LOST };

static const char *const words[] = {NULL,       "no_input", "silent",   "noise",
                                    "learning", "locked",   "flywheel", "lost"};

struct state {
    const float *silence; /* NULL: no such stage */
    enum word word;
    double last, period; /* s: last beat, its period */
    int steady;          /* regular intervals in a row */
    int excused;         /* intervals to come that may be irregular */
    double confidence;   /* mean of the last few beats' */
    double since;        /* s: when there was last no reason to call it noise */
    double silent_since; /* s: when the last sound was */
};

static const struct ja_module module = {
    .name = "state",
    .help = "What the analyser is up to.",
};

static enum ja_status state_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    struct state *state = stage->state;

    (void)setup, (void)error;
    *state = (struct state){.silence = ja_stage_input(stage, "silence"), .last = -INFINITY};
    return JA_OK;
}

/* A lost input stays lost: only a notice brings it back. */
static void state_reset(struct ja_stage *stage) {
    struct state *state = stage->state;
    enum word word = state->word;

    state_open(stage, NULL, NULL);
    if (word == NO_INPUT)
        state->word = word;
}

static void tell(struct ja_stage *stage, double time, enum word word, const char *reason) {
    struct state *state = stage->state;
    struct ja_event event = {.type = JA_EVENT_STATE, .time = time};

    state->word = word;
    event.state.state = words[word];
    snprintf(event.state.reason, sizeof event.state.reason, "%s", reason);
    ja_stage_emit(stage, &event);
}

static void state_heard(struct ja_stage *stage, const struct ja_event *event) {
    struct state *state = stage->state;
    double interval = event->time - state->last;

    if (event->type != JA_EVENT_BEAT)
        return;
    state->period = 60 / event->beat.bpm;
    if (fabs(interval - state->period) < regular * state->period)
        state->steady++;
    else if (state->excused == 0)
        state->steady = 0;
    if (state->excused > 0)
        state->excused--;
    state->last = event->time;
    state->confidence += recency * (event->beat.confidence - state->confidence);
}

/* With sound: what the beats say. */
static void judge_beats(struct ja_stage *stage, double now) {
    struct state *state = stage->state;
    bool missing = now - state->last > patience * state->period;

    if (missing)
        state->steady = 0;
    if (state->word == LOCKED && missing)
        tell(stage, now, LOST, "The beats have stopped although there is sound.");
    else if (state->word == LOCKED && state->steady == 0)
        tell(stage, now, LOST, "The beats have become irregular.");
    else if (state->word == LOCKED && state->confidence < too_little)
        tell(stage, now, LOST, "The beats are no longer clear.");
    else if (state->word != LOCKED && state->steady >= STEADY && state->confidence >= enough)
        tell(stage, now, LOCKED, "Beats come steadily."); /* the tempo would soon be an old one */
    else if (state->word == NOTHING || state->word == SILENT || state->word == FLYWHEEL)
        tell(stage, now, LEARNING, "There is sound; looking for a steady beat.");
    if (state->word == LOCKED)
        state->since = now;
    else if (state->word != NOISE && now - state->since > noise_s)
        tell(stage, now, NOISE, "There is sound, but no beat that one could be sure of.");
}

/* Without: beats may go on by the silence policy. */
static void judge_silence(struct ja_stage *stage, double now) {
    struct state *state = stage->state;
    bool going_on = now - state->last < 1.5 * state->period;

    state->since = now;
    if (going_on && (state->word == LOCKED || state->word == FLYWHEEL)) {
        if (state->word == LOCKED && state->last > state->silent_since)
            tell(stage, now, FLYWHEEL, "The input is silent; beats go on at the last tempo.");
        return;
    }
    state->steady = 0;
    if (state->word != SILENT)
        tell(stage, now, SILENT, "The input is silent.");
}

static void state_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    struct state *state = stage->state;
    bool silent = state->silence && *state->silence > 0;

    (void)spectrum, (void)out;
    if (!silent)
        state->silent_since = hop->end;
    if (state->word == NOTHING)
        state->since = hop->time;
    if (state->word == NO_INPUT)
        return;
    if (silent)
        judge_silence(stage, hop->end);
    else
        judge_beats(stage, hop->end);
}

static void state_notice(struct ja_stage *stage, enum ja_notice notice, const char *reason,
                         double now) {
    struct state *state = stage->state;

    switch (notice) {
    case JA_NOTICE_INPUT_LOST:
        tell(stage, now, NO_INPUT, reason);
        break;
    case JA_NOTICE_INPUT_BACK:
        if (state->word == NO_INPUT)
            state->word = NOTHING; /* the next hop tells */
        break;
    }
}

/* What the operator told the beat changes nothing in the word. */
static void state_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    struct state *state = stage->state;

    state->last += command->shift_s;
    state->excused = EXCUSED;
    if (command->outcome[0] && state->word != NOTHING && state->word != NO_INPUT)
        tell(stage, now, state->word, command->outcome);
}

const struct ja_stage_class ja_state_stage = {
    .module = &module,
    .state_size = sizeof(struct state),
    .events = 1u << JA_EVENT_STATE,
    .open = state_open,
    .process = state_process,
    .heard = state_heard,
    .notice = state_notice,
    .command = state_command,
    .reset = state_reset,
};
