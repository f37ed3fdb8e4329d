/* What stands for Ableton Link in a program that is built without it (WITH_LINK=0).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "link_shim.h"

#include <ja/sink/sinks.h>
#include <stddef.h>

const bool ja_link_built_in = false;

struct ja_link *ja_link_join(double bpm) {
    (void)bpm;
    return NULL;
}

void ja_link_leave(struct ja_link *link) {
    (void)link;
}

void ja_link_look(const struct ja_link *link, int64_t ahead_us, double quantum,
                  struct ja_link_view *view) {
    (void)link, (void)ahead_us, (void)quantum;
    *view = (struct ja_link_view){0};
}

void ja_link_set_tempo(struct ja_link *link, int64_t ahead_us, double bpm) {
    (void)link, (void)ahead_us, (void)bpm;
}

void ja_link_set_beat(struct ja_link *link, int64_t ahead_us, double quantum, double beat,
                      bool force) {
    (void)link, (void)ahead_us, (void)quantum, (void)beat, (void)force;
}
