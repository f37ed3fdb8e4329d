/* A gated recurrent unit (K. Cho et al., "Learning phrase representations using RNN
 * encoder-decoder", EMNLP 2014) and a linear layer; what each says is in src/train/README.md.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "outlook.h"

#include "dense.h"

#include <math.h>
#include <string.h>

enum { GATES = 3, RESET = 0, UPDATE = JA_OUTLOOK_HIDDEN, NEW = 2 * JA_OUTLOOK_HIDDEN };

void ja_outlook_reset(struct ja_outlook *outlook) {
    memset(outlook, 0, sizeof *outlook);
    for (int i = 0; i < JA_OUTLOOK_SECTIONS; i++)
        outlook->sections[i] = NAN;
    for (int f = 0; f < JA_OUTLOOK_FORETOLD; f++)
        for (int i = 0; i < JA_OUTLOOK_SPANS; i++)
            outlook->within[f][i] = NAN;
}

static float logistic(float x) {
    return 1 / (1 + expf(-x));
}

static void remember(float *state, const float *clues) {
    float heard[GATES * JA_OUTLOOK_HIDDEN], known[GATES * JA_OUTLOOK_HIDDEN];

    ja_dense(ja_outlook_hear_weights[0], ja_outlook_hear_bias, clues, JA_OUTLOOK_CLUES, heard,
             GATES * JA_OUTLOOK_HIDDEN);
    ja_dense(ja_outlook_know_weights[0], ja_outlook_know_bias, state, JA_OUTLOOK_HIDDEN, known,
             GATES * JA_OUTLOOK_HIDDEN);
    for (int h = 0; h < JA_OUTLOOK_HIDDEN; h++) {
        float reset = logistic(heard[RESET + h] + known[RESET + h]);
        float update = logistic(heard[UPDATE + h] + known[UPDATE + h]);
        float new = tanhf(heard[NEW + h] + reset * known[NEW + h]);

        state[h] = (1 - update) * new + update *state[h];
    }
}

static void share(float *values, int count) {
    float most = values[0], sum = 0;

    for (int i = 1; i < count; i++)
        most = fmaxf(most, values[i]);
    for (int i = 0; i < count; i++)
        sum += values[i] = expf(values[i] - most);
    for (int i = 0; i < count; i++)
        values[i] /= sum;
}

void ja_outlook_hear(struct ja_outlook *outlook, const float clues[JA_OUTLOOK_CLUES]) {
    float leaves[JA_OUTLOOK_LEAVES], *spans = leaves + JA_OUTLOOK_SECTIONS;

    remember(outlook->state, clues);
    ja_dense(ja_outlook_leave_weights[0], ja_outlook_leave_bias, outlook->state, JA_OUTLOOK_HIDDEN,
             leaves, JA_OUTLOOK_LEAVES);
    share(leaves, JA_OUTLOOK_SECTIONS);
    memcpy(outlook->sections, leaves, sizeof outlook->sections);
    for (int f = 0; f < JA_OUTLOOK_FORETOLD; f++, spans += JA_OUTLOOK_SPANS + 1) {
        float sum = 0;

        share(spans, JA_OUTLOOK_SPANS + 1);
        for (int i = 0; i < JA_OUTLOOK_SPANS; i++)
            outlook->within[f][i] = sum += spans[i];
    }
}
