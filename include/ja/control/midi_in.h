/* Commands by MIDI: notes and controllers of a pad or fader box, bound to commands.
 *
 * A binding is a line, "note 60 ch 1: tap" or "cc 20: nudge -20..20": note or cc, its number 0…127,
 * perhaps the channel 1…16 (without it any), a colon, and a command with its arguments. One
 * argument may be a range; then it takes the controller's place within it. Else the note's start,
 * or the controller's rise to 64 or above, runs the command.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONTROL_MIDI_IN_H
#define JA_CONTROL_MIDI_IN_H

#include <ja/config/option.h>
#include <ja/control/command.h>
#include <ja/core/log.h>
#include <ja/core/status.h>
#include <stdbool.h>
#include <stdint.h>

enum { JA_BINDINGS = 64, JA_BINDING_BYTES = 96, JA_BINDING_ARGUMENTS = 4 };

/* Options "midi_in.…". */
struct ja_midi_in_settings {
    char bind[4096];
};
extern const struct ja_module ja_midi_in_module;

/* What a hand moves. */
struct ja_midi_source {
    bool note;   /* else a controller */
    int number;  /* 0…127 */
    int channel; /* 1…16; 0: any */
};

struct ja_binding {
    struct ja_midi_source source;
    char words[JA_BINDING_BYTES]; /* the command and its string arguments point into it */
    const char *command;
    struct ja_argument arguments[JA_BINDING_ARGUMENTS];
    size_t count;
    int mapped; /* the argument that takes the controller's place; -1: none */
    bool whole; /* in whole numbers */
    double low, high;
    bool down; /* the controller is at 64 or above */
};

struct ja_midi_in {
    struct ja_binding bindings[JA_BINDINGS];
    size_t count;
    char learning[JA_BINDING_BYTES]; /* the command the next note or controller is to be bound to */
    bool learns_range;               /* then only a controller will do */
    struct ja_log_limit limit;
};

/* Reads a list of bindings (a JA_LIST) in place of the former. On error these stay, and the
 * sentence names the line. */
enum ja_status ja_midi_in_read(struct ja_midi_in *in, const char *list, struct ja_error *error);
/* Runs what is bound to a message of `count` bytes; replies are logged. True when it did. */
bool ja_midi_in_run(struct ja_midi_in *in, const uint8_t *bytes, size_t count,
                    const struct ja_operator *operator);

/* The next note or controller is to be bound to `command`; "" waits no longer. */
enum ja_status ja_midi_in_learn(struct ja_midi_in *in, const char *command, struct ja_error *error);
/* Whether a message ends the wait. If so, `list` becomes what midi_in.bind is to be: `bind` (a
 * JA_LIST) with the new binding, in place of what was bound to the same. */
bool ja_midi_in_learnt(struct ja_midi_in *in, const uint8_t *bytes, size_t count, const char *bind,
                       struct ja_text *list);

#endif
