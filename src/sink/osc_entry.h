/* One line of a target's map: which output goes to which address, and how it is changed on the way.
 *
 * Written as KEY=VALUE pairs with blanks between them, quoted with ' where a value holds blanks:
 *
 *     output=bpm address=/composition/tempocontroller/tempo offset=-20 scale=0.0020833 max_hz=5
 *     output=bpm address=/cmd text='Master 3.1 At BPM {value:1}' max_hz=2
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_OSC_ENTRY_H
#define JA_OSC_ENTRY_H

#include "osc_map.h"

#include <ja/core/status.h>

enum { JA_OSC_ITEMS = 12, JA_OSC_TEXTS = 256 };

enum ja_osc_moment_to_send {
    JA_OSC_AS_OUTPUT, /* as the output is sent without a map */
    JA_OSC_CHANGE,    /* a value of the frame, when it has changed */
    JA_OSC_INTERVAL,  /* a value of the frame, always, at the rate */
    JA_OSC_BEATS,     /* on the beat */
};

/* The pairs of a line. */
struct ja_osc_rule {
    char output[48];
    char address[96];
    int value; /* of the output's values, from 1; 0: all */
    int curve; /* index: linear, sqrt, log, db */
    double scale, offset, min, max;
    int type; /* index: own, f, i, s */
    char arguments[128];
    char text[128];
    int when;        /* enum ja_osc_moment_to_send */
    int every;       /* beats */
    double max_hz;   /* 0: the target's */
    double resend_s; /* below 0: the target's */
    double pulse_ms; /* 0: none */
};

enum ja_osc_item_kind { JA_OSC_CONSTANT, JA_OSC_VALUE, JA_OSC_PLAIN, JA_OSC_TEMPLATE };

struct ja_osc_item {
    enum ja_osc_item_kind kind;
    struct ja_osc_argument constant;
    size_t index; /* PLAIN: of the output's values; a constant string's in rule.arguments */
};

struct ja_osc_line {
    struct ja_osc_rule rule;
    size_t item_count; /* 0: the values as they are, scaled */
    struct ja_osc_item items[JA_OSC_ITEMS];
};

struct ja_osc_entry {
    const struct ja_osc_row *row;
    size_t positions[JA_OSC_SOURCES];
    bool mapped; /* else address and arguments are the row's own */
    const struct ja_osc_line *line;
};

/* An entry for an output as it is. */
struct ja_osc_entry ja_osc_entry_plain(const struct ja_osc_row *row);
/* Reads a line, which the entry then refers to; JA_USAGE and a sentence with key, value and range.
 */
enum ja_status ja_osc_entry_parse(struct ja_osc_entry *entry, struct ja_osc_line *line,
                                  const char *text, struct ja_error *error);
/* What goes out, of what the row gives (`from`, ended by type 0). `rest`: as after a pulse, with
 * all the output's numbers 0. Texts are written to `texts`. False when there is nothing to send. */
bool ja_osc_entry_fill(const struct ja_osc_entry *entry, const char *stream,
                       const struct ja_osc_argument *from, bool rest,
                       struct ja_osc_argument to[JA_OSC_VALUES + 1], char texts[JA_OSC_TEXTS]);

/* The nearest of all outputs' names, for an error. */
const char *ja_osc_nearest(const char *name);

#endif
