/* Ports as libjack shows them. Every function may block: control thread only.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_PORTS_H
#define JA_AUDIO_PORTS_H

#include "client.h"

/* "in_1" for the first (0) input of "main", "NAME_in_1" of any other stream. Never blocks. */
void ja_ports_name(char *name, size_t size, const char *stream, unsigned input);
/* Registers the inputs of every stream, midi_in and midi_out; false when the server has no more. */
bool ja_ports_register(struct ja_jack *jack);
/* Pretty names, order and icon for patchbays, where the server keeps such. */
void ja_ports_decorate(const struct ja_jack *jack);
/* The largest capture latency of every stream's inputs, and that of midi_in, for the callback. */
void ja_ports_read_latency(struct ja_jack *jack);
/* Others' ports and our links. */
void ja_ports_picture(const struct ja_jack *jack, struct ja_graph *graph);
/* Fills jack->others; returns how many there are. */
size_t ja_ports_others(struct ja_jack *jack);
bool ja_ports_connect(const struct ja_jack *jack, const struct ja_pair *pair);

#endif
