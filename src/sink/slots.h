/* Remembers what a sink keeps per stream: the number of a stream, by its name.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_SLOTS_H
#define JA_SLOTS_H

#include <ja/sink/sink.h>

struct ja_slots {
    char names[JA_STREAMS][64]; /* "" is free */
};

/* 0…JA_STREAMS-1. `fresh` is set when the stream was not known before, or long ago: a stream that
 * has ended gives its number back when all are taken. -1 when there are too many streams. */
int ja_slot(struct ja_slots *slots, const struct ja_sink_host *host, const char *name, bool *fresh);

#endif
