/* A piece of dance music made of parts, each a number of bars in which some layers play.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_ARRANGEMENT_H
#define TEST_ARRANGEMENT_H

#include "../unit/stage_rig.h"

enum layer {
    KICK = 1 << 0,
    HAT = 1 << 1,
    CLAP = 1 << 2,
    BASS = 1 << 3,
    PAD = 1 << 4,
    LEAD = 1 << 5,
    ROLL = 1 << 6,  /* snare, ever denser */
    RISER = 1 << 7, /* noise, ever louder */
    GROOVE = KICK | HAT | CLAP | BASS | PAD,
};

struct part {
    int bars;
    unsigned layers;
    double level;
};

static const struct part *arrangement; /* ends with 0 bars */
static double arrangement_bpm = 126, arrangement_gain = 1;

/* s from the start to part `i`. */
static inline double part_start(int i) {
    double bars = 0;

    for (int p = 0; p < i; p++)
        bars += arrangement[p].bars;
    return bars * 240 / arrangement_bpm;
}

static inline double arrangement_length(void) {
    int parts = 0;

    while (arrangement[parts].bars > 0)
        parts++;
    return part_start(parts);
}

static inline double saw_wave(double t, double hz, int harmonics) {
    double sum = 0;

    for (int h = 1; h <= harmonics; h++)
        sum += rig_sine(t, hz * h) / h;
    return sum;
}

static inline double drums(double beat, double share, unsigned layers, double t, unsigned c) {
    double beat_s = 60 / arrangement_bpm;
    double since = fmod(beat, 1) * beat_s, off = fmod(beat + 0.5, 1) * beat_s;
    double clap = fmod(beat + 1, 2) * beat_s;
    double every = share < 0.25 ? 1 : share < 0.5 ? 0.5 : share < 0.75 ? 0.25 : 0.125;
    double roll = fmod(beat, every) * beat_s;
    double sum = 0;

    if (layers & KICK)
        sum += 0.5 * exp(-since * 12) *
               sin(2 * JA_PI * (50 * since + 4 * (1 - exp(-since * 40)))); /* sweeps down */
    if (layers & HAT)
        sum += 0.1 * exp(-off * 50) * (rig_noise(t, c) - rig_noise(t - 1e-4, c));
    if (layers & CLAP)
        sum += 0.2 * exp(-clap * 25) * rig_noise(t, c);
    if (layers & ROLL)
        sum += (0.4 + 0.2 * share) * exp(-roll * 25) * rig_noise(t, c);
    if (layers & RISER)
        sum += (0.1 + 0.3 * share) * (rig_noise(t, c) - rig_noise(t - 1e-4 * (1 - share), c));
    return sum;
}

static inline double tones(double beat, unsigned layers, double t) {
    static const double roots[] = {55, 43.65, 65.41, 49};
    double root = roots[(int)(beat / 4) % 4], step = fmod(beat * 4, 1) / 4 * 60 / arrangement_bpm;
    double sum = 0;

    if (layers & BASS)
        sum += 0.25 * exp(-step * 6) * saw_wave(t, root, 6);
    if (layers & PAD)
        for (int i = 0; i < 3; i++)
            sum += 0.04 * saw_wave(t, root * 4 * exp2(i * i * 2 / 12.0 + i * 3 / 12.0), 5);
    if (layers & LEAD)
        sum +=
            0.1 * exp(-step * 10) * saw_wave(t, root * 8 * exp2((int)(beat * 4) % 3 * 4 / 12.0), 8);
    return sum;
}

static inline double arrangement_sound(double t, unsigned c) {
    double bar = t * arrangement_bpm / 240;
    const struct part *part = arrangement;

    while (part->bars > 0 && bar >= part->bars)
        bar -= part++->bars;
    if (part->bars == 0)
        return 0;
    double beat = t * arrangement_bpm / 60;
    return arrangement_gain * part->level *
           (drums(beat, bar / part->bars, part->layers, t, c) + tones(beat, part->layers, t));
}

#endif
