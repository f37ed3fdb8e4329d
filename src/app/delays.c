/* Delays: quantiles and a histogram of bars.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "delays.h"

#include <math.h>
#include <stdlib.h>

enum { BARS = 25, LONGEST_BAR = 50 };
static const double LEAST_STEP_MS = 0.5;

void ja_delays_add(struct ja_delays *delays, double ms) {
    if (delays->count == delays->room) {
        size_t room = delays->room ? 2 * delays->room : 256;
        double *grown = realloc(delays->ms, room * sizeof *grown);
        if (!grown)
            return;
        delays->ms = grown;
        delays->room = room;
    }
    delays->ms[delays->count++] = ms;
}

void ja_delays_done(struct ja_delays *delays) {
    free(delays->ms);
    *delays = (struct ja_delays){0};
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double ja_delays_quantile(struct ja_delays *delays, double share) {
    if (delays->count == 0)
        return NAN;
    qsort(delays->ms, delays->count, sizeof *delays->ms, compare);
    return delays->ms[(size_t)(share * (double)(delays->count - 1) + 0.5)];
}

static double deviation(const struct ja_delays *delays) {
    double sum = 0, squares = 0, n = (double)delays->count;
    for (size_t i = 0; i < delays->count; i++)
        sum += delays->ms[i];
    for (size_t i = 0; i < delays->count; i++)
        squares += (delays->ms[i] - sum / n) * (delays->ms[i] - sum / n);
    return sqrt(squares / n);
}

void ja_delays_head(FILE *out) {
    fprintf(out, "  %-44s %7s %7s %7s %7s %7s\n", "ms", "least", "median", "95 %", "most",
            "jitter");
}

void ja_delays_row(struct ja_delays *delays, const char *name, FILE *out) {
    if (delays->count == 0)
        fprintf(out, "  %-44s    none\n", name);
    else
        fprintf(out, "  %-44s %7.2f %7.2f %7.2f %7.2f %7.2f\n", name, ja_delays_quantile(delays, 0),
                ja_delays_quantile(delays, 0.5), ja_delays_quantile(delays, 0.95),
                ja_delays_quantile(delays, 1), deviation(delays));
}

void ja_delays_histogram(struct ja_delays *delays, const char *name, FILE *out) {
    size_t counts[BARS + 1] = {0}, most = 1;
    double first = ja_delays_quantile(delays, 0.01), last = ja_delays_quantile(delays, 0.99);
    if (delays->count == 0)
        return;
    double step = LEAST_STEP_MS * fmax(1, ceil((last - first) / (BARS - 1) / LEAST_STEP_MS));
    double start = floor(first / step) * step;
    size_t bars = (size_t)((last - start) / step) + 1;
    for (size_t i = 0; i < delays->count; i++) {
        double place = fmax(0, (delays->ms[i] - start) / step);
        size_t bar = place < (double)bars ? (size_t)place : bars - 1;
        counts[bar]++;
        most = counts[bar] > most ? counts[bar] : most;
    }
    fprintf(out, "\n%s: ms from … on, how many\n", name);
    for (size_t bar = 0; bar < bars; bar++) {
        int length = (int)((counts[bar] * LONGEST_BAR + most - 1) / most);
        fprintf(out, "  %7.1f %5zu %.*s\n", start + (double)bar * step, counts[bar], length,
                "##################################################");
    }
}
