/* What was learnt from the operator, as far as it bears on the analysis: small leanings, which
 * clear evidence in the music overrules.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PIPELINE_PRIORS_H
#define JA_PIPELINE_PRIORS_H

/* Tempi for which something is kept: 40 bpm, and then a sixth of an octave from one to the next. */
enum { JA_PRIOR_TEMPI = 18, JA_PRIOR_OCTAVE = 6 };
/* Kinds of energy transitions, named as in their events. */
enum { JA_PRIOR_KINDS = 7 };
extern const char *const ja_prior_kinds[JA_PRIOR_KINDS];

struct ja_priors {
    double tempo[JA_PRIOR_TEMPI];  /* evidence for each of these tempi that every beat brings with
                                      it, natural logarithm of odds; 0 is neutral */
    double energy[JA_PRIOR_KINDS]; /* factors of the threshold of each kind; 1 is neutral */
    double latency_s;              /* by how much later this operator wants beats to be told */
};

extern const struct ja_priors ja_neutral_priors;

/* Where `bpm` lies among the tempi: between the 0th and the last, a whole number at each. */
double ja_prior_place(double bpm);
/* Evidence for any tempo: linear between two tempi. */
double ja_priors_tempo(const struct ja_priors *priors, double bpm);
/* Which of the kinds this is, -1: none. */
int ja_prior_kind(const char *kind);
/* Factor of the threshold of a kind of transition, such as "drop"; 1 for a word not known. */
double ja_priors_energy(const struct ja_priors *priors, const char *kind);

#endif
