/* The pieces that synthesised sound is made of: random numbers, saw wave, filter, soft limit.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_WAVEFORM_H
#define JA_AUDIO_WAVEFORM_H

#include <math.h>
#include <stdint.h>

#define JA_TAU 6.283185307179586476925

/* The next random 64 bits. Source: SplitMix64; Steele, Lea, Flood, "Fast Splittable Pseudorandom
 * Number Generators", OOPSLA 2014. */
static inline uint64_t ja_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Evenly in -1…1. */
static inline float ja_random_sample(uint64_t *state) {
    return (float)((double)(int64_t)ja_random(state) * 0x1p-63);
}

/* Evenly in from…to. */
static inline double ja_random_between(uint64_t *state, double from, double to) {
    return from + (to - from) * ((double)(ja_random(state) >> 11) * 0x1p-53);
}

/* Saw wave of `phase` (0…1) whose jump is rounded over one sample to either side, against aliasing.
 * Source: polynomial BLEP; Välimäki, Huovilainen, "Antialiasing Oscillators in Subtractive
 * Synthesis", IEEE Signal Processing Magazine 24(2), 2007. */
static inline float ja_saw(float phase, float step) {
    float value = 2.0f * phase - 1.0f;
    if (phase < step) {
        float x = phase / step;
        value -= x + x - x * x - 1.0f;
    } else if (phase > 1.0f - step) {
        float x = (phase - 1.0f) / step;
        value -= x * x + x + x + 1.0f;
    }
    return value;
}

/* Second-order filter with low-, band- and high-pass outputs that may be swept at will. Source:
 * state variable filter with trapezoidal integrators; Zavalishin, "The Art of VA Filter Design",
 * chapter 4. */
struct ja_filter_shape {
    float damping, a1, a2, a3;
};

struct ja_filter {
    float s1, s2;
};

struct ja_filtered {
    float low, band, high;
};

static inline struct ja_filter_shape ja_filter_shape(double hz, double q, double rate) {
    const double g = tan(JA_TAU / 2.0 * fmin(hz, 0.45 * rate) / rate);
    const double k = 1.0 / q;
    const double a1 = 1.0 / (1.0 + g * (g + k));
    return (struct ja_filter_shape){(float)k, (float)a1, (float)(g * a1), (float)(g * g * a1)};
}

static inline struct ja_filtered ja_filter(struct ja_filter *filter,
                                           const struct ja_filter_shape *shape, float input) {
    const float v3 = input - filter->s2;
    const float band = shape->a1 * filter->s1 + shape->a2 * v3;
    const float low = filter->s2 + shape->a2 * filter->s1 + shape->a3 * v3;
    filter->s1 = 2.0f * band - filter->s1;
    filter->s2 = 2.0f * low - filter->s2;
    return (struct ja_filtered){low, band, input - shape->damping * band - low};
}

/* Rounds what is loud off below ±1. Source: the Padé approximation of tanh. */
static inline float ja_soft_limit(float x) {
    if (x > 3.0f)
        return 1.0f;
    if (x < -3.0f)
        return -1.0f;
    return x * (27.0f + x * x) / (27.0f + 9.0f * x * x);
}

#endif
