/* Triangular filters on the mel scale, each kept as the weights of the bins it covers.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/beat/mel_filters.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* One triangle: weights of the bins first … first + count - 1. */
struct filter {
    unsigned first, count;
    float *weights;
};

struct ja_mel_filters {
    double low, high; /* mel */
    unsigned bins, count;
    struct filter filters[];
};

static double to_mel(double hz) {
    return 2595 * log10(1 + hz / 700);
}

static double to_hz(double mel) {
    return 700 * (pow(10, mel / 2595) - 1);
}

static double edge_hz(const struct ja_mel_filters *filters, unsigned i) {
    return to_hz(filters->low + (filters->high - filters->low) * i / (filters->count + 1));
}

static double triangle(double hz, double left, double centre, double right) {
    if (hz <= left || hz >= right)
        return 0;
    return hz <= centre ? (hz - left) / (centre - left) : (right - hz) / (right - centre);
}

static bool make_filter(struct ja_mel_filters *filters, unsigned i, double bin_hz) {
    struct filter *filter = &filters->filters[i];
    double left = edge_hz(filters, i), centre = edge_hz(filters, i + 1),
           right = edge_hz(filters, i + 2);
    filter->first = (unsigned)ceil(left / bin_hz);
    unsigned last = (unsigned)floor(right / bin_hz);
    if (last > filters->bins - 1)
        last = filters->bins - 1;
    filter->count = last >= filter->first ? last - filter->first + 1 : 0;
    filter->weights = calloc(filter->count + 1, sizeof *filter->weights);
    for (unsigned b = 0; filter->weights && b < filter->count; b++)
        filter->weights[b] = (float)triangle((filter->first + b) * bin_hz, left, centre, right);
    return filter->weights;
}

struct ja_mel_filters *ja_mel_filters_new(unsigned count, double low_hz, double high_hz,
                                          unsigned window, unsigned rate) {
    struct ja_mel_filters *filters =
        calloc(1, sizeof *filters + count * sizeof filters->filters[0]);
    if (!filters)
        return NULL;
    filters->low = to_mel(low_hz);
    filters->high = to_mel(high_hz);
    filters->bins = window / 2 + 1;
    filters->count = count;
    bool ok = true;
    for (unsigned i = 0; i < count; i++)
        ok = make_filter(filters, i, (double)rate / window) && ok;
    if (!ok) {
        ja_mel_filters_free(filters);
        return NULL;
    }
    return filters;
}

void ja_mel_filters_free(struct ja_mel_filters *filters) {
    if (!filters)
        return;
    for (unsigned i = 0; i < filters->count; i++)
        free(filters->filters[i].weights);
    free(filters);
}

void ja_mel_filters_apply(const struct ja_mel_filters *filters, const float *power, float *bands) {
    for (unsigned i = 0; i < filters->count; i++) {
        const struct filter *filter = &filters->filters[i];
        float sum = 0;
        for (unsigned b = 0; b < filter->count; b++)
            sum += filter->weights[b] * power[filter->first + b];
        bands[i] = sum;
    }
}
