/* A stack of nine dilated causal convolutions with gates, as in A. van den Oord et al., "WaveNet: a
 * generative model for raw audio", 2016, and, for beats, M. E. P. Davies, S. Böck, "Temporal
 * convolutional networks for musical audio beat tracking", EUSIPCO 2019; here it never looks ahead.
 * It hears 10.2 seconds back. Training and exact definition: src/train/README.md.
 *
 * Each block keeps the frames that its convolution still needs in a ring. Weights lie so that the
 * innermost loops run over neighbouring outputs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "network.h"

#include "weights.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHANNELS = JA_WEIGHTS_CHANNELS,
    BLOCKS = JA_WEIGHTS_BLOCKS,
    INPUTS = 2 * JA_MEL_BANDS,
    LAG = 2,                        /* frames over which a rise is seen */
    PAST = 2 * ((1 << BLOCKS) - 1), /* frames that all blocks remember */
};

static const double gain = 1e5, log_scale = 0.15, rise_scale = 2;

struct ja_network {
    struct ja_mel_level level;
    float logs[LAG][JA_MEL_BANDS];
    unsigned frames; /* counts on; only its remainders matter */
    float past[PAST][CHANNELS];
};

struct ja_network *ja_network_new(struct ja_error *error) {
    struct ja_network *network = calloc(1, sizeof *network);
    if (!network)
        ja_fail(error, JA_FAILED, "no memory for the beat network");
    return network;
}

void ja_network_free(struct ja_network *network) {
    free(network);
}

void ja_network_reset(struct ja_network *network) {
    memset(network, 0, sizeof *network);
}

/* Logarithmic powers against the recent level, and how much each has risen. */
static void make_input(struct ja_network *network, const float *bands, float *input) {
    double level = ja_mel_level_follow(&network->level, bands);
    float *before = network->logs[network->frames % LAG];
    for (unsigned b = 0; b < JA_MEL_BANDS; b++) {
        float now = (float)(log_scale * log1p(gain * bands[b] / level));
        float rise = network->frames >= LAG && now > before[b] ? now - before[b] : 0;
        input[b] = now - 1;
        input[JA_MEL_BANDS + b] = (float)rise_scale * rise;
        before[b] = now;
    }
}

/* out[o] += sum of weights[i][o] * in[i]. */
static void accumulate(float *restrict out, const float *restrict weights, const float *restrict in,
                       unsigned ins, unsigned outs) {
    for (unsigned i = 0; i < ins; i++) {
        for (unsigned o = 0; o < outs; o++)
            out[o] += weights[i * outs + o] * in[i];
    }
}

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

/* One block; `x` goes in and comes out, `past` are the frames it remembers. */
static void run_block(unsigned block, unsigned frame, float (*past)[CHANNELS], float *x) {
    enum { TAPS = 3, TWICE = 2 * CHANNELS };
    const float *look = ja_weights_look + (size_t)block * TAPS * CHANNELS * TWICE;
    float seen[TWICE], gated[CHANNELS];
    unsigned dilation = 1u << block;
    float *oldest = past[frame % (2 * dilation)];
    const float *middle = past[(frame + dilation) % (2 * dilation)];
    memcpy(seen, ja_weights_look_bias + (size_t)block * TWICE, sizeof seen);
    accumulate(seen, look, oldest, CHANNELS, TWICE);
    accumulate(seen, look + CHANNELS * TWICE, middle, CHANNELS, TWICE);
    accumulate(seen, look + 2 * CHANNELS * TWICE, x, CHANNELS, TWICE);
    memcpy(oldest, x, CHANNELS * sizeof *x);
    for (unsigned c = 0; c < CHANNELS; c++) {
        gated[c] = tanhf(seen[c]) / (1 + expf(-seen[CHANNELS + c]));
        x[c] += ja_weights_mix_bias[block * CHANNELS + c];
    }
    accumulate(x, ja_weights_mix + (size_t)block * CHANNELS * CHANNELS, gated, CHANNELS, CHANNELS);
}

struct ja_network_out ja_network_step(struct ja_network *network, const float *bands) {
    float input[INPUTS], x[CHANNELS], logits[2];
    make_input(network, bands, input);
    memcpy(x, ja_weights_enter_bias, sizeof x);
    accumulate(x, ja_weights_enter, input, INPUTS, CHANNELS);
    for (unsigned c = 0; c < CHANNELS; c++)
        x[c] = fmaxf(x[c], 0);
    float(*past)[CHANNELS] = network->past;
    for (unsigned block = 0; block < BLOCKS; block++) {
        run_block(block, network->frames, past, x);
        past += 2u << block;
    }
    memcpy(logits, ja_weights_leave_bias, sizeof logits);
    accumulate(logits, ja_weights_leave, x, CHANNELS, 2);
    network->frames++;
    return (struct ja_network_out){logistic((double)logits[0]), logistic((double)logits[1])};
}

const float *ja_network_logs(const struct ja_network *network) {
    return network->logs[(network->frames + LAG - 1) % LAG];
}
