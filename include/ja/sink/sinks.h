/* The sinks there are.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_SINK_SINKS_H
#define JA_SINK_SINKS_H

#include <ja/sink/sink.h>
#include <stdio.h>

extern const struct ja_sink_class ja_osc_sink; /* target.NAME: OSC by UDP */
extern const struct ja_sink_class
    ja_osc_inside_sink;                              /* the same, to host->packet; not configured */
extern const struct ja_sink_class ja_os2l_sink;      /* os2l.NAME: beats for DMX programs */
extern const struct ja_sink_class ja_wled_sink;      /* wled.NAME: sound for WLED lamps */
extern const struct ja_sink_class ja_midi_sink;      /* midi: clock and notes by JACK */
extern const struct ja_sink_class ja_link_sink;      /* link: Ableton Link */
extern const struct ja_sink_class ja_carabiner_sink; /* carabiner: Link by another program */
extern const struct ja_sink_class ja_mqtt_sink;      /* mqtt.NAME: state for home automation */
extern const struct ja_sink_class ja_events_sink;    /* events: JSON lines */
extern const struct ja_sink_class ja_frames_sink;    /* frames: JSON lines */
extern const struct ja_sink_class ja_terminal_sink;  /* terminal: the status line */

/* Left out when the program was built without: enabling it says so. */
extern const bool ja_link_built_in, ja_mqtt_built_in;

/* --list-outputs: every OSC address with types and meaning. */
void ja_osc_list(FILE *out);

#endif
