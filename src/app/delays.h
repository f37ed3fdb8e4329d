/* A list of delays, and what people want to know of it: median, spread, histogram.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_APP_DELAYS_H
#define JA_APP_DELAYS_H

#include <stddef.h>
#include <stdio.h>

struct ja_delays {
    double *ms;
    size_t count, room;
};

/* What finds no memory is left out. */
void ja_delays_add(struct ja_delays *delays, double ms);
void ja_delays_done(struct ja_delays *delays);
/* Sorts; `share` 0…1 of the delays are at most the result, NAN without any. */
double ja_delays_quantile(struct ja_delays *delays, double share);
/* A line: least, median, 95 %, most, and the standard deviation. */
void ja_delays_head(FILE *out);
void ja_delays_row(struct ja_delays *delays, const char *name, FILE *out);
/* A bar for each of at most 25 steps of a whole number of half milliseconds; those beyond the 1st
 * and the 99th percentile are counted in the outermost. */
void ja_delays_histogram(struct ja_delays *delays, const char *name, FILE *out);

#endif
