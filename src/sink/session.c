/* When to change a tempo that is shared with others.
 *
 * The manners are those that Link's documentation asks of a bridge from an external clock: the
 * tempo may be changed by anybody, but not for every small deviation; the place of beats and bars
 * may be moved freely as long as one is alone, and with peers only where the user insists. A
 * difference counts when it has lasted for some bars; a beat that agrees begins the count anew.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double least_confidence = 0.5; /* of a beat that is worth telling others */
static const double same_tempo = 0.03; /* relative distance of the confirmed tempo to the beat's */
static const double slowest_bpm = 20, fastest_bpm = 999; /* Link's own range */

const char *const ja_session_modes[] = {"tempo", "tempo+phase", NULL};

void ja_session_init(struct ja_session *session, const struct ja_catalogue *catalogue) {
    *session = (struct ja_session){.tempo = ja_catalogue_find(catalogue, "tempo")};
}

void ja_session_frame(struct ja_session *session, const struct ja_session_settings *settings,
                      const struct ja_tap *tap, const struct ja_frame *frame) {
    if (session->tempo && strcmp(tap->name, settings->stream) == 0)
        session->exact_bpm = frame->values[session->tempo->first];
}

uint64_t ja_session_beat_us(const struct ja_session_settings *settings, const struct ja_tap *tap,
                            const struct ja_event *event) {
    if (!settings->enable || event->type != JA_EVENT_BEAT ||
        event->beat.confidence < least_confidence || strcmp(tap->name, settings->stream) != 0)
        return 0;
    uint64_t us = ja_tap_us(tap, event->time);
    return us > 0 ? us + (uint64_t)(int64_t)llrint(settings->offset_ms * 1000) : 0;
}

/* The confirmed tempo is the exact one, but late after a change. */
static double tempo_of(const struct ja_session *session, double bpm) {
    return fabs(session->exact_bpm / bpm - 1) < same_tempo ? session->exact_bpm : bpm;
}

static void count_tempo(struct ja_session *session, double difference, double tolerance) {
    if (difference > tolerance)
        session->faster = session->faster > 0 ? session->faster + 1 : 1;
    else if (difference < -tolerance)
        session->faster = session->faster < 0 ? session->faster - 1 : -1;
    else
        session->faster = 0;
}

/* By how many beats the session's bar is early, between minus and plus half of one. */
static int bar_error(double beat, int place, int quantum) {
    double error = place - 1 - round(beat);
    error -= quantum * floor(error / quantum);
    return (int)error > quantum / 2 ? (int)error - quantum : (int)error;
}

/* Where the bar is not known nothing is said about it. */
static void count_bar(struct ja_session *session, double beat, int place, int quantum) {
    if (place < 1 || place > quantum)
        return;
    int error = bar_error(beat, place, quantum);
    session->bar_beats = error == 0 ? 0 : error == session->bar_error ? session->bar_beats + 1 : 1;
    session->bar_error = error;
}

struct ja_session_wish ja_session_hear(struct ja_session *session,
                                       const struct ja_session_settings *settings, int quantum,
                                       const struct ja_event_beat *beat,
                                       const struct ja_session_view *view) {
    struct ja_session_wish wish = {NAN, NAN};
    double bpm = tempo_of(session, beat->bpm);
    bool beside = fabs(round(view->beat) - view->beat) > settings->tolerance_beats;
    int steady = settings->steady_bars * quantum;
    if (!(bpm >= slowest_bpm && bpm <= fastest_bpm))
        return wish;
    count_tempo(session, bpm / view->bpm - 1, settings->tolerance_percent / 100);
    count_bar(session, view->beat, beat->beat_in_bar, quantum);
    session->astray = beside ? session->astray + 1 : 0;
    bool may_move = settings->mode == JA_SESSION_PHASE && (view->peers == 0 || settings->force);
    bool change = abs(session->faster) >= steady, astray = session->astray >= steady;
    bool other_bar = session->bar_beats >= steady;
    if (change || (may_move && astray))
        wish.bpm = bpm; /* exactly: or the beats drift apart again */
    if (may_move && (astray || other_bar || (change && beside)))
        wish.beat = round(view->beat) + (other_bar ? session->bar_error : 0);
    if (!isnan(wish.bpm) || !isnan(wish.beat))
        ja_session_reset(session);
    return wish;
}

void ja_session_reset(struct ja_session *session) {
    *session = (struct ja_session){.tempo = session->tempo, .exact_bpm = session->exact_bpm};
}
