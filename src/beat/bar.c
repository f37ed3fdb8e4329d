/* A forward filter over (meter, beat of the bar), moved on by one at every beat.
 *
 * The part of the bar-pointer model above the beat: N. Whiteley, A. T. Cemgil, S. Godsill, ISMIR
 * 2006. At each beat a small share of the belief starts anew, so that a bar that was lost is found
 * again.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "bar.h"

#include <ja/core/math.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double prior[JA_BAR_METERS] = {0.12, 0.82, 0.01, 0.04, 0.01}; /* 3, 4, 5, 6, 7 */
static const double restart = 0.04;
static const double temper = 0.6;      /* one bar sounds like the next: evidence repeats itself */
static const double most_evidence = 3; /* of one beat, after that */
static const unsigned remembered = 16; /* beats that agreement looks back on */
/* Logistic weights of a place's probability: 1, logit of the belief, agreement. */
static const double sure[3] = {-0.40, 0.66, 1.59};

static int beats_of(int meter) {
    return meter + JA_BAR_SHORTEST;
}

static int role_of(int meter, int beat) {
    bool even = beats_of(meter) == 4 || beats_of(meter) == 6;
    if (beat == 0)
        return JA_BAR_ONE;
    return even && beat == beats_of(meter) / 2 ? JA_BAR_MIDDLE : JA_BAR_WEAK;
}

void ja_bar_reset(struct ja_bar *bar) {
    memset(bar, 0, sizeof *bar);
    for (int meter = 0; meter < JA_BAR_METERS; meter++) {
        for (int beat = 0; beat < beats_of(meter); beat++)
            bar->belief[meter][beat] = prior[meter] / beats_of(meter);
    }
}

static double total(const struct ja_bar *bar) {
    double sum = 0;
    for (int meter = 0; meter < JA_BAR_METERS; meter++) {
        for (int beat = 0; beat < beats_of(meter); beat++)
            sum += bar->belief[meter][beat];
    }
    return sum;
}

static void move_on(double *belief, int beats) {
    double last = belief[beats - 1];
    memmove(belief + 1, belief, (size_t)(beats - 1) * sizeof *belief);
    belief[0] = last;
}

/* The most likely beat of a bar of `meter`, and the belief in that meter. */
static int best_beat(const struct ja_bar *bar, int meter, double *sum) {
    int best = 0;
    *sum = 0;
    for (int beat = 0; beat < beats_of(meter); beat++) {
        *sum += bar->belief[meter][beat];
        if (bar->belief[meter][beat] > bar->belief[meter][best])
            best = beat;
    }
    return best;
}

/* The meter is chosen first, then the beat within it. */
static struct ja_bar_place most_likely(const struct ja_bar *bar) {
    struct ja_bar_place place = {0};
    double best_meter = -1;
    for (int meter = 0; meter < JA_BAR_METERS; meter++) {
        double sum;
        int best = best_beat(bar, meter, &sum);
        if (sum > best_meter) {
            best_meter = sum;
            place = (struct ja_bar_place){beats_of(meter), best + 1, bar->belief[meter][best]};
        }
    }
    return place;
}

/* The belief alone is too sure of itself; whether the last beats were as expected tells more. */
static double probability(const struct ja_bar *bar, double belief) {
    double p = ja_clamp(belief, 0.01, 0.99);
    return 1 / (1 + exp(-sure[0] - sure[1] * log(p / (1 - p)) - sure[2] * bar->agreement));
}

struct ja_bar_place ja_bar_step(struct ja_bar *bar) {
    double sum = total(bar);
    for (int meter = 0; meter < JA_BAR_METERS; meter++) {
        int beats = beats_of(meter);
        move_on(bar->belief[meter], beats);
        for (int beat = 0; beat < beats; beat++)
            bar->belief[meter][beat] =
                (1 - restart) * bar->belief[meter][beat] / sum + restart * prior[meter] / beats;
    }
    bar->place = most_likely(bar);
    bar->place.probability = probability(bar, bar->place.probability);
    return bar->place;
}

static void follow_agreement(struct ja_bar *bar, const double evidence[JA_BAR_ROLES]) {
    int role = role_of(bar->place.meter - JA_BAR_SHORTEST, bar->place.beat - 1);
    bar->weighed += bar->weighed < remembered;
    bar->agreement += (evidence[role] - bar->agreement) / bar->weighed;
}

void ja_bar_weigh(struct ja_bar *bar, const double evidence[JA_BAR_ROLES]) {
    if (bar->place.meter > 0)
        follow_agreement(bar, evidence);
    for (int meter = 0; meter < JA_BAR_METERS; meter++) {
        for (int beat = 0; beat < beats_of(meter); beat++) {
            double weight = temper * evidence[role_of(meter, beat)];
            bar->belief[meter][beat] *= exp(ja_clamp(weight, -most_evidence, most_evidence));
        }
    }
}

/* The meter stays as likely as it was. */
void ja_bar_resync(struct ja_bar *bar) {
    for (int meter = 0; meter < JA_BAR_METERS; meter++) {
        double sum = 0;
        for (int beat = 0; beat < beats_of(meter); beat++) {
            sum += bar->belief[meter][beat];
            bar->belief[meter][beat] = 0;
        }
        bar->belief[meter][beats_of(meter) - 1] = sum;
    }
}

/* The second most likely place of a bar of `meter`; of equals the one half a bar away, which is
 * where it is mostly wrong. */
static int next_best(const struct ja_bar *bar, int meter, int best) {
    int beats = beats_of(meter), next = (best + beats / 2) % beats;
    for (int beat = 0; beat < beats; beat++) {
        if (beat != best && bar->belief[meter][beat] > bar->belief[meter][next])
            next = beat;
    }
    return next;
}

/* The meter stays as likely as it was. */
void ja_bar_refute(struct ja_bar *bar) {
    for (int meter = 0; meter < JA_BAR_METERS; meter++) {
        double sum, *belief = bar->belief[meter];
        int wrong = best_beat(bar, meter, &sum);
        belief[next_best(bar, meter, wrong)] += belief[wrong];
        belief[wrong] = 0;
    }
}
