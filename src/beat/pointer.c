/* Forward filter of a hidden Markov model over (beat length n, frames since the beat j).
 *
 * After N. Whiteley, A. T. Cemgil, S. Godsill, "Bayesian modelling of temporal structure in musical
 * audio", ISMIR 2006, and F. Krebs, S. Böck, G. Widmer, "An efficient state-space model for joint
 * tempo and meter tracking", ISMIR 2015. In each frame j grows by one; at j = n the beat is over
 * and a new length is drawn. So the belief of one length is a ring that turns by one place a frame:
 * only the place where the beat begins is written.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "pointer.h"

#include <ja/core/math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEMPI = JA_POINTER_TEMPI,
    STATES = (JA_POINTER_SHORTEST + JA_POINTER_LONGEST) * TEMPI / 2,
    REACH = 12, /* frames since the beat that the activation speaks of */
};

static const double peak_memory_frames = 600, least_peak = 0.095;
static const double range_edge = 0.02;   /* of the allowed range, in natural logarithms */
static const double advice_width = 0.04; /* how exactly people tap: of a beat, and of its length */

struct ja_pointer {
    struct ja_pointer_model model;
    float belief[STATES];       /* ring after ring */
    unsigned start[TEMPI];      /* of each ring in belief */
    unsigned head[TEMPI];       /* place of j = 0 in each ring */
    float change[TEMPI][TEMPI]; /* [to][from] */
    float prior[TEMPI];         /* of one state of each length */
    double tempi[TEMPI];        /* belief in each length */
    double shape[REACH + 1];    /* how much the activation speaks for j frames since the beat */
    double peak;
    double shortest, longest; /* allowed lengths */
    double preference[TEMPI]; /* factor of the belief in each length, at each of its beats */
    float other[STATES];      /* for a belief that is being made from the present one */
};

static unsigned length(unsigned i) {
    return JA_POINTER_SHORTEST + i;
}

static float *ring(struct ja_pointer *pointer, unsigned i) {
    return pointer->belief + pointer->start[i];
}

/* The belief in (length i, j frames since the beat). */
static float at(const struct ja_pointer *pointer, unsigned i, unsigned j) {
    unsigned place = pointer->head[i] + j;
    return pointer->belief[pointer->start[i] + (place >= length(i) ? place - length(i) : place)];
}

/* 1 within the allowed range, falling to nothing outside. */
static double allowed(const struct ja_pointer *pointer, double frames) {
    double beyond = fmax(log(pointer->shortest / frames), log(frames / pointer->longest));
    return beyond > 0 ? fmax(1e-9, exp(-0.5 * pow(beyond / range_edge, 2))) : 1;
}

static double change_weight(const struct ja_pointer *pointer, unsigned from, unsigned to) {
    const struct ja_pointer_model *model = &pointer->model;
    double weight = exp(-model->rigidity * fabs((double)to / from - 1));
    if (to == 2 * from || 2 * to == from)
        weight += model->jump;
    return weight * allowed(pointer, to);
}

/* What has come to be outside the allowed range is given up, not kept there. */
static void fill_change(struct ja_pointer *pointer) {
    for (unsigned from = 0; from < TEMPI; from++) {
        double kept = allowed(pointer, length(from)), sum = 0;
        for (unsigned to = 0; to < TEMPI; to++)
            sum += change_weight(pointer, length(from), length(to));
        for (unsigned to = 0; to < TEMPI; to++)
            pointer->change[to][from] = (float)(change_weight(pointer, length(from), length(to)) /
                                                sum * kept * pointer->preference[to]);
    }
}

static void fill_prior(struct ja_pointer *pointer) {
    const struct ja_pointer_model *model = &pointer->model;
    double weight[TEMPI], sum = 0;
    for (unsigned i = 0; i < TEMPI; i++) {
        double octaves = log(length(i) / model->prior_frames) / model->prior_width;
        weight[i] = exp(-0.5 * octaves * octaves) / length(i) * allowed(pointer, length(i));
        sum += weight[i];
    }
    for (unsigned i = 0; i < TEMPI; i++)
        pointer->prior[i] = (float)(weight[i] / sum / length(i));
}

struct ja_pointer *ja_pointer_new(const struct ja_pointer_model *model, struct ja_error *error) {
    struct ja_pointer *pointer = calloc(1, sizeof *pointer);
    if (!pointer) {
        ja_fail(error, JA_FAILED, "no memory for the bar pointer");
        return NULL;
    }
    pointer->model = *model;
    for (unsigned i = 1; i < TEMPI; i++)
        pointer->start[i] = pointer->start[i - 1] + length(i - 1);
    for (unsigned j = 0; j <= REACH; j++) {
        double distance = (j - (model->delay_frames - 0.5)) / model->spread_frames;
        pointer->shape[j] = exp(-0.5 * distance * distance);
    }
    for (unsigned i = 0; i < TEMPI; i++)
        pointer->preference[i] = 1;
    pointer->shortest = JA_POINTER_SHORTEST;
    pointer->longest = JA_POINTER_LONGEST;
    fill_change(pointer);
    fill_prior(pointer);
    ja_pointer_reset(pointer);
    return pointer;
}

void ja_pointer_free(struct ja_pointer *pointer) {
    free(pointer);
}

void ja_pointer_reset(struct ja_pointer *pointer) {
    pointer->peak = 0;
    for (unsigned i = 0; i < TEMPI; i++) {
        pointer->head[i] = 0;
        for (unsigned j = 0; j < length(i); j++)
            ring(pointer, i)[j] = pointer->prior[i];
        pointer->tempi[i] = (double)pointer->prior[i] * length(i);
    }
}

/* Every ring turns by one; what was at its end is dealt out to the beginnings of all. */
static void move_on(struct ja_pointer *pointer) {
    float ended[TEMPI];
    for (unsigned i = 0; i < TEMPI; i++) {
        unsigned head = pointer->head[i];
        pointer->head[i] = head > 0 ? head - 1 : length(i) - 1;
        ended[i] = ring(pointer, i)[pointer->head[i]];
    }
    for (unsigned to = 0; to < TEMPI; to++) {
        float sum = 0;
        for (unsigned from = 0; from < TEMPI; from++)
            sum += pointer->change[to][from] * ended[from];
        ring(pointer, to)[pointer->head[to]] = sum;
    }
}

/* The likelihood ratio "activation given a beat" to "activation between beats". */
static double likelihood_ratio(struct ja_pointer *pointer, double activation) {
    const struct ja_pointer_model *model = &pointer->model;
    pointer->peak *= exp(-1 / peak_memory_frames);
    if (activation > pointer->peak)
        pointer->peak += 0.5 * (activation - pointer->peak);
    double scaled = fmin(0.99, 0.7 * activation / fmax(pointer->peak, least_peak));
    scaled = ja_clamp(scaled, model->least, 0.99);
    return pow(scaled / ((1 - scaled) * model->rest), model->temper);
}

static void weigh_by(struct ja_pointer *pointer, double ratio) {
    for (unsigned i = 0; i < TEMPI; i++) {
        float *beliefs = ring(pointer, i);
        for (unsigned j = 0; j <= REACH; j++) {
            unsigned place = (pointer->head[i] + j) % length(i);
            beliefs[place] *= (float)(1 + pointer->shape[j] * (ratio - 1));
        }
    }
}

static double sum_rings(struct ja_pointer *pointer) {
    double total = 0;
    for (unsigned i = 0; i < TEMPI; i++) {
        const float *beliefs = ring(pointer, i);
        float sum = 0;
        for (unsigned j = 0; j < length(i); j++)
            sum += beliefs[j];
        pointer->tempi[i] = (double)sum;
        total += (double)sum;
    }
    return total;
}

/* Makes the belief sum to 1 again, a small part of it being the prior. */
static void normalise(struct ja_pointer *pointer, double reset) {
    double total = sum_rings(pointer);
    if (!(total > 1e-20)) { /* nothing of the belief is left */
        ja_pointer_reset(pointer);
        return;
    }
    float scale = (float)((1 - reset) / total);
    for (unsigned i = 0; i < TEMPI; i++) {
        float *beliefs = ring(pointer, i);
        float fresh = (float)(reset * pointer->prior[i]);
        for (unsigned j = 0; j < length(i); j++)
            beliefs[j] = beliefs[j] * scale + fresh;
        pointer->tempi[i] = pointer->tempi[i] * scale + (double)fresh * length(i);
    }
}

void ja_pointer_step(struct ja_pointer *pointer, double activation, double reset) {
    move_on(pointer);
    weigh_by(pointer, likelihood_ratio(pointer, activation));
    normalise(pointer, fmin(0.5, pointer->model.reset * reset));
}

void ja_pointer_coast(struct ja_pointer *pointer) {
    move_on(pointer);
    normalise(pointer, 0);
}

void ja_pointer_near(const struct ja_pointer *pointer,
                     double near[JA_POINTER_PAST + JA_POINTER_AHEAD + 1]) {
    memset(near, 0, (JA_POINTER_PAST + JA_POINTER_AHEAD + 1) * sizeof *near);
    for (unsigned i = 0; i < TEMPI; i++) {
        unsigned most = length(i) - 1 < JA_POINTER_AHEAD ? length(i) - 1 : JA_POINTER_AHEAD;
        for (unsigned j = 0; j <= JA_POINTER_PAST; j++)
            near[JA_POINTER_PAST - j] += (double)at(pointer, i, j);
        for (unsigned k = 1; k <= most; k++)
            near[JA_POINTER_PAST + k] += (double)at(pointer, i, length(i) - k);
    }
}

const double *ja_pointer_tempi(const struct ja_pointer *pointer) {
    return pointer->tempi;
}

/* --- What somebody knows --- */

void ja_pointer_set_range(struct ja_pointer *pointer, double shortest, double longest) {
    pointer->shortest = ja_clamp(shortest, JA_POINTER_SHORTEST, JA_POINTER_LONGEST);
    pointer->longest = ja_clamp(longest, pointer->shortest, JA_POINTER_LONGEST);
    fill_change(pointer);
    fill_prior(pointer);
    for (unsigned i = 0; i < TEMPI; i++) {
        float *beliefs = ring(pointer, i), weight = (float)allowed(pointer, length(i));
        for (unsigned j = 0; j < length(i); j++)
            beliefs[j] *= weight;
    }
    normalise(pointer, pointer->model.reset);
}

void ja_pointer_prefer(struct ja_pointer *pointer, const double evidence[JA_POINTER_TEMPI]) {
    for (unsigned i = 0; i < TEMPI; i++)
        pointer->preference[i] = exp(evidence[i]);
    fill_change(pointer);
}

/* Adds to the belief being made: length i, j frames since the beat (as in the present rings). */
static void add_other(struct ja_pointer *pointer, int i, unsigned j, float belief) {
    if (i >= 0 && i < TEMPI)
        pointer->other[pointer->start[i] + (pointer->head[i] + j) % length((unsigned)i)] += belief;
}

static void take_other(struct ja_pointer *pointer) {
    memcpy(pointer->belief, pointer->other, sizeof pointer->belief);
    memset(pointer->other, 0, sizeof pointer->other);
    normalise(pointer, pointer->model.reset);
}

/* The next beat of the slower tempo is this one or the next: nobody knows which. */
void ja_pointer_halve(struct ja_pointer *pointer) {
    for (unsigned i = 0; i < TEMPI; i++) {
        int twice = (int)(2 * length(i)) - JA_POINTER_SHORTEST;
        for (unsigned j = 0; j < length(i); j++) {
            add_other(pointer, twice, j, at(pointer, i, j));
            add_other(pointer, twice, j + length(i), at(pointer, i, j));
        }
    }
    take_other(pointer);
}

void ja_pointer_double(struct ja_pointer *pointer) {
    for (unsigned i = 0; i < TEMPI; i++) {
        int half = (int)(length(i) / 2) - JA_POINTER_SHORTEST;
        for (unsigned j = 0; j < length(i); j++)
            add_other(pointer, half, j % (length(i) / 2), at(pointer, i, j));
    }
    take_other(pointer);
}

void ja_pointer_shift_half(struct ja_pointer *pointer) {
    for (unsigned i = 0; i < TEMPI; i++)
        pointer->head[i] = (pointer->head[i] + length(i) / 2) % length(i);
}

void ja_pointer_advise(struct ja_pointer *pointer, double frames, double ago) {
    for (unsigned i = 0; i < TEMPI; i++) {
        double off_tempo = frames > 0 ? log(length(i) / frames) / advice_width : 0;
        double tempo_weight = exp(-0.5 * fmin(off_tempo * off_tempo, 40));
        for (unsigned j = 0; j < length(i); j++) {
            double off_beat = remainder(j - ago, length(i)) / length(i) / advice_width;
            ring(pointer, i)[(pointer->head[i] + j) % length(i)] *=
                (float)(tempo_weight * exp(-0.5 * fmin(off_beat * off_beat, 40)));
        }
    }
    normalise(pointer, pointer->model.reset);
}
