/* The number of a stream, by its name.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "slots.h"

#include <ja/core/text.h>
#include <string.h>

static bool lives(const struct ja_sink_host *host, const char *name) {
    for (size_t i = 0; i < host->tap_count; i++)
        if (!strcmp(host->taps[i].name, name))
            return true;
    return false;
}

int ja_slot(struct ja_slots *slots, const struct ja_sink_host *host, const char *name,
            bool *fresh) {
    *fresh = false;
    for (int i = 0; i < JA_STREAMS; i++)
        if (!strcmp(slots->names[i], name))
            return i;
    *fresh = true;
    for (int i = 0; i < JA_STREAMS; i++)
        if (!slots->names[i][0] || !lives(host, slots->names[i])) {
            ja_text_copy(slots->names[i], sizeof slots->names[i], name);
            return i;
        }
    return -1;
}
