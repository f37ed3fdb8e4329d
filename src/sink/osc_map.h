/* The table of OSC addresses: what each carries, where it comes from and when it is sent.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_OSC_MAP_H
#define JA_OSC_MAP_H

#include <ja/net/osc_reader.h>
#include <ja/pipeline/catalogue.h>

/* Most rows; most sources, most values of one. */
enum { JA_OSC_ROWS = 64, JA_OSC_SOURCES = 5, JA_OSC_VALUES = 16 };

#define JA_OSC_LIST "f…" /* the types of a row whose one source is a list in the frame */

enum ja_osc_when {
    JA_OSC_EVENT,      /* at once when the event comes */
    JA_OSC_BEAT,       /* at the moment the event speaks of */
    JA_OSC_PULSE,      /* the same, and a zero some time later */
    JA_OSC_CONTINUOUS, /* at the target's rate */
    JA_OSC_STATE,      /* on change, and again every now and then */
    JA_OSC_SECOND,     /* once a second, per stream */
    JA_OSC_HEARTBEAT,  /* once a second */
};

enum ja_osc_origin {
    JA_OSC_FROM_EVENT,  /* field at `offset` in struct ja_event */
    JA_OSC_FROM_SECOND, /* field at `offset` in struct ja_osc_second */
    JA_OSC_FROM_FRAME,  /* the frame's output `output` */
    JA_OSC_ONE,         /* always 1 */
    JA_OSC_UNTIL,       /* seconds from now to the event's time */
    JA_OSC_BARS,        /* downbeats so far; the row speaks of downbeats only */
};

enum ja_osc_change {
    JA_OSC_AS_IS,
    JA_OSC_UNIT, /* clamped to 0…1 */
    JA_OSC_MIDI, /* Hz to MIDI note number */
    JA_OSC_HELD, /* 0 unless the event's note is on */
    JA_OSC_WORD, /* a word that is a decimal number; 0 when it is not */
};

struct ja_osc_source {
    enum ja_osc_origin origin;
    enum ja_field_type type;
    size_t offset;
    const char *output;
    enum ja_osc_change change;
};

struct ja_osc_row {
    const char *address; /* after the prefix */
    const char *types;
    enum ja_osc_when when;
    int event;         /* enum ja_event_type, or -1 */
    size_t word;       /* offset in struct ja_event of a word … */
    const char *match; /* … that must be this; NULL: any event of the type */
    double epsilon;    /* a continuous or state value has changed when it differs by more */
    struct ja_osc_source sources[JA_OSC_SOURCES];
    const char *help;
};

/* What one look at the clock, the server and a stream's counters gives. */
struct ja_osc_second {
    int xruns, lost_blocks;
    double load, worst_hop_ms, queue_ms;
    int uptime_s;
};

/* Where a message's values are taken from. */
struct ja_osc_moment {
    const struct ja_event *event;
    const struct ja_frame *frame;
    const struct ja_osc_second *second;
    double until_s; /* NAN: not known */
    int bars;       /* downbeats so far */
};

extern const struct ja_osc_row ja_osc_rows[];
extern const size_t ja_osc_row_count; /* at most JA_OSC_ROWS */

/* "on the beat" */
const char *ja_osc_moment_words(enum ja_osc_when when);
/* Index in a frame of each value of a row, or of a list's first and its width; false when the row
 * takes an output that no stage has. */
bool ja_osc_row_locate(const struct ja_osc_row *row, const struct ja_catalogue *catalogue,
                       size_t positions[JA_OSC_SOURCES]);
/* Does the row speak of this event? */
bool ja_osc_row_wants(const struct ja_osc_row *row, const struct ja_event *event);
/* Fills one argument per type, or per value of a list, and sets the type of the one after the last
 * to 0; false when a value is not known and the message is not to be sent. An event goes out all
 * the same, an unknown number in it as 0. */
bool ja_osc_row_fill(const struct ja_osc_row *row, const size_t positions[JA_OSC_SOURCES],
                     const struct ja_osc_moment *moment,
                     struct ja_osc_argument arguments[JA_OSC_VALUES + 1]);

#endif
