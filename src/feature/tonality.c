/* Judges chroma by linear models that are the same for every root.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tonality.h"

#include <math.h>

const char *const ja_tonality_names[JA_TONALITIES + 1] = {
    "C:maj",  "Db:maj", "D:maj",  "Eb:maj", "E:maj",  "F:maj", "Gb:maj", "G:maj", "Ab:maj",
    "A:maj",  "Bb:maj", "B:maj",  "C:min",  "Db:min", "D:min", "Eb:min", "E:min", "F:min",
    "Gb:min", "G:min",  "Ab:min", "A:min",  "Bb:min", "B:min", "N",
};

void ja_tonality_scores(const struct ja_tonality_weights *weights, const double notes[JA_TONES],
                        double scores[JA_TONALITIES]) {
    for (int root = 0; root < JA_TONES; root++) {
        double major = weights->major_bias, minor = weights->minor_bias;

        for (int i = 0; i < JA_TONES; i++) {
            major += weights->major[i] * notes[(root + i) % JA_TONES];
            minor += weights->minor[i] * notes[(root + i) % JA_TONES];
        }
        scores[root] = major;
        scores[JA_TONES + root] = minor;
    }
}

void ja_tonality_softmax(double *scores, int count) {
    double greatest = scores[0], sum = 0;

    for (int i = 1; i < count; i++)
        greatest = fmax(greatest, scores[i]);
    for (int i = 0; i < count; i++)
        sum += scores[i] = exp(scores[i] - greatest);
    for (int i = 0; i < count; i++)
        scores[i] /= sum;
}
