/* What the status line on a terminal shows, and how it is laid out.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TERMINAL_H
#define JA_TERMINAL_H

#include <ja/core/text.h>
#include <stdbool.h>

/* Options "terminal.…". */
struct ja_terminal_settings {
    int mode; /* index: auto, on, off, plain */
    bool keys;
};

/* Whether the line is drawn over itself. */
bool ja_terminal_draws(const struct ja_terminal_settings *settings);

struct ja_terminal_view {
    const char *state;      /* "locked" */
    const char *reason;     /* a sentence, or "" */
    double bpm, confidence; /* NAN: none */
    bool beat, onset;       /* lamps */
    int beat_in_bar;        /* 0: unknown */
    double rms;             /* 0…1, NAN: unknown */
    double pitch_hz;        /* NAN: none */
    const char *level;      /* "low", when less than everything is analysed; else NULL */
};

/* One line of at most `width` columns, without line end; what matters most stands first. */
void ja_terminal_line(const struct ja_terminal_view *view, unsigned width, struct ja_text *text);

#endif
