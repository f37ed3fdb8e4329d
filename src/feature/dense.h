/* A layer of a small network: each output is its bias and a weighted sum of all inputs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_DENSE_H
#define JA_FEATURE_DENSE_H

/* The weights of the first output come first. */
static inline void ja_dense(const float *weights, const float *bias, const float *input, int inputs,
                            float *output, int outputs) {
    for (int o = 0; o < outputs; o++, weights += inputs) {
        output[o] = bias[o];
        for (int i = 0; i < inputs; i++)
            output[o] += weights[i] * input[i];
    }
}

#endif
