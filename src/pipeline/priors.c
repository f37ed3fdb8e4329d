/* Looking up what was learnt, by tempo and by kind of transition.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/pipeline/priors.h>

#include <math.h>
#include <string.h>

static const double slowest_bpm = 40;

const char *const ja_prior_kinds[JA_PRIOR_KINDS] = {"rise",      "fall",    "buildup", "drop",
                                                    "breakdown", "silence", "return"};

const struct ja_priors ja_neutral_priors = {.energy = {1, 1, 1, 1, 1, 1, 1}};

double ja_prior_place(double bpm) {
    if (!(bpm > slowest_bpm))
        return 0;
    return fmin(JA_PRIOR_OCTAVE * log2(bpm / slowest_bpm), JA_PRIOR_TEMPI - 1);
}

double ja_priors_tempo(const struct ja_priors *priors, double bpm) {
    double place = ja_prior_place(bpm), below = fmin(floor(place), JA_PRIOR_TEMPI - 2);
    const double *tempo = &priors->tempo[(int)below];
    return tempo[0] + (place - below) * (tempo[1] - tempo[0]);
}

int ja_prior_kind(const char *kind) {
    for (int i = 0; i < JA_PRIOR_KINDS; i++) {
        if (strcmp(ja_prior_kinds[i], kind) == 0)
            return i;
    }
    return -1;
}

double ja_priors_energy(const struct ja_priors *priors, const char *kind) {
    int i = ja_prior_kind(kind);
    return i < 0 ? 1 : priors->energy[i];
}
