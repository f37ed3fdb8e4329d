/* Manners in a tempo that is shared with others, as in Ableton Link: what is everybody's is changed
 * only when it is wrong, stays wrong, and nobody is thrown off the beat by it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_SESSION_H
#define JA_SESSION_H

#include <ja/sink/sink.h>

enum { JA_SESSION_TEMPO, JA_SESSION_PHASE };

struct ja_session_settings {
    bool enable;
    int mode; /* index: tempo, tempo+phase */
    char stream[64];
    double tolerance_percent, tolerance_beats;
    int steady_bars;
    bool force;
    double offset_ms;
};

extern const char *const ja_session_modes[];

/* The rows of a module whose settings `S` hold these as member `session`. */
#define JA_SESSION_OPTIONS(S)                                                                      \
    JA_OPTION_BOOL(S, session.enable, "enable", "false", JA_LIVE, "Take part in the session."),    \
        JA_OPTION_CHOICE(S, session.mode, "mode", "tempo+phase", ja_session_modes, JA_LIVE,        \
                         "What is given to the session: the tempo alone, or where beats and bars " \
                         "are, too."),                                                             \
        JA_OPTION_STRING(S, session.stream, "stream", "main", JA_LIVE,                             \
                         "Stream whose beats are given."),                                         \
        JA_OPTION_FLOAT(S, session.tolerance_percent, "tolerance_percent", "0.5", 0.01, 10, "%",   \
                        JA_LIVE, "Difference in tempo that is left alone."),                       \
        JA_OPTION_FLOAT(S, session.tolerance_beats, "tolerance_beats", "0.05", 0.005, 0.5,         \
                        "beats", JA_LIVE,                                                          \
                        "How far the session's beats may lie beside ours before they are moved."), \
        JA_OPTION_INT(S, session.steady_bars, "steady_bars", "2", 1, 64, "bars", JA_LIVE,          \
                      "How long a difference must last before the session is changed."),           \
        JA_OPTION_BOOL(S, session.force, "force", "false", JA_LIVE,                                \
                       "Move beats and bars even when there are peers, who will hear a jump."),    \
        JA_OPTION_FLOAT(S, session.offset_ms, "offset_ms", "0", -500, 500, "ms", JA_LIVE,          \
                        "The session's beats are this much after ours, or before them when "       \
                        "negative.")

/* What has been heard so far; zeroed: nothing. */
struct ja_session {
    const struct ja_catalogue_entry *tempo; /* where frames tell it; NULL: no stage does */
    double exact_bpm;                       /* the confirmed tempo; 0 or NAN: none */
    int faster;               /* beats in a row beyond the tolerance; negative: slower ones */
    int astray;               /* beats in a row that lay beside the session's */
    int bar_error, bar_beats; /* beats by which the session's bar is early; for how many in a row */
};

/* The session at the time of our beat. */
struct ja_session_view {
    unsigned peers; /* others in it */
    double bpm;
    double beat; /* bars begin at multiples of the quantum */
};

/* What the session is to be at that time; NAN: as it is. */
struct ja_session_wish {
    double bpm;
    double beat; /* a whole number */
};

void ja_session_init(struct ja_session *session, const struct ja_catalogue *catalogue);
/* Remembers the confirmed tempo. */
void ja_session_frame(struct ja_session *session, const struct ja_session_settings *settings,
                      const struct ja_tap *tap, const struct ja_frame *frame);
/* ja_clock_us at which the event's beat is to be in the session; 0 when it is no beat for it. */
uint64_t ja_session_beat_us(const struct ja_session_settings *settings, const struct ja_tap *tap,
                            const struct ja_event *event);
/* What is wished after a beat. Pure. `quantum`: beats per bar of the session. */
struct ja_session_wish ja_session_hear(struct ja_session *session,
                                       const struct ja_session_settings *settings, int quantum,
                                       const struct ja_event_beat *beat,
                                       const struct ja_session_view *view);
/* Forgets everything but the tempo. */
void ja_session_reset(struct ja_session *session);

#endif
