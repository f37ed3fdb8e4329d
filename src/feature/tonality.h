/* What keys and chords have in common: a root and a gender, judged by the twelve notes.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef FEATURE_TONALITY_H
#define FEATURE_TONALITY_H

enum {
    JA_TONES = 12,
    JA_TONALITIES = 24, /* C major … B major, C minor … B minor */
};

/* "C:maj" … "B:min", and "N" at JA_TONALITIES. */
extern const char *const ja_tonality_names[JA_TONALITIES + 1];

/* How much each note, counted from the root up, speaks for a gender. */
struct ja_tonality_weights {
    double major[JA_TONES], minor[JA_TONES];
    double major_bias, minor_bias;
};

/* Logits: the weights turned to each of the twelve roots, times the notes, plus the bias. */
void ja_tonality_scores(const struct ja_tonality_weights *weights, const double notes[JA_TONES],
                        double scores[JA_TONALITIES]);
/* Turns logits into probabilities that sum to 1. */
void ja_tonality_softmax(double *scores, int count);

#endif
