/* A series of taps: their tempo is the median of the last intervals, so that one missed or double
 * tap does no harm.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "taps.h"

#include <stdlib.h>
#include <string.h>

static const double shortest_s = 0.27, longest_s = 1.1; /* intervals that can be a beat */
static const double pause_s = 2.5;                      /* a longer one begins a new series */

static void keep(struct ja_taps *taps, double interval) {
    if (taps->interval_count == JA_TAP_INTERVALS)
        memmove(taps->intervals, taps->intervals + 1,
                (JA_TAP_INTERVALS - 1) * sizeof taps->intervals[0]);
    else
        taps->interval_count++;
    taps->intervals[taps->interval_count - 1] = interval;
}

static int ascending(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;

    return (difference > 0) - (difference < 0);
}

static double median(const struct ja_taps *taps) {
    double sorted[JA_TAP_INTERVALS];
    int count = taps->interval_count;

    if (count == 0)
        return 0;
    memcpy(sorted, taps->intervals, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    return 0.5 * (sorted[(count - 1) / 2] + sorted[count / 2]);
}

double ja_taps_add(struct ja_taps *taps, double time) {
    double interval = time - taps->last;

    if (taps->count == 0 || interval > pause_s || interval < 0)
        *taps = (struct ja_taps){0};
    else if (interval >= shortest_s && interval <= longest_s)
        keep(taps, interval);
    taps->count++;
    taps->last = time;
    return median(taps);
}
