/* Three things are heard of a beat: the network's downbeat, how far four groups of bands rise at
 * it, and how far the sound from it to the next has moved from the sound before, since chords, bass
 * and drums change on the one: M. Goto, Y. Muraoka, "Real-time beat tracking for drumless audio
 * signals", Speech Communication 27, 1999. Each counts against its mean over the last beats; a
 * multinomial logistic model makes evidence of them (src/train/places.py fits it).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "accent.h"

#include <ja/core/math.h>
#include <math.h>
#include <string.h>

enum {
    LAG = 2,         /* frames over which a rise is seen */
    EARLY = 3,       /* a rise may come so many frames before the beat … */
    LATE = 5,        /* … or after it */
    REMEMBERED = 16, /* beats in a mean */
};

static const unsigned first_band[JA_ACCENT_GROUPS + 1] = {0, 3, 12, 26, JA_MEL_BANDS};
static const double scale = 10; /* of rises and changes, to be about 1 */

/* How many of all beats have each role, and the model. Rows: the bias, then the clues; columns:
 * roles. */
static const double share[JA_BAR_ROLES] = {0.25, 0.24, 0.51};
static const double weights[1 + JA_ACCENT_CLUES][JA_BAR_ROLES] = {
    {0.689, 1.480, 1.315},   {0.741, -0.067, -0.674}, /* downbeat */
    {-0.015, -0.034, 0.050},                          /* rises, from kick to hat */
    {0.019, 0.055, -0.075},  {0.011, -0.011, -0.001}, {-0.016, -0.055, 0.071},
    {0.040, -0.091, 0.051}, /* changes, from kick to hat */
    {0.094, -0.020, -0.074}, {0.026, 0.078, -0.103},  {0.108, -0.067, -0.040},
};

void ja_accent_reset(struct ja_accent *accent) {
    memset(accent, 0, sizeof *accent);
}

void ja_accent_hear(struct ja_accent *accent, const float *logs) {
    memcpy(accent->logs[accent->frames++ % JA_ACCENT_FRAMES], logs, sizeof accent->logs[0]);
}

static const float *logs_at(const struct ja_accent *accent, long frame) {
    return accent->logs[frame % JA_ACCENT_FRAMES];
}

/* How much the bands of a group rise at a frame, mean. */
static double rise_at(const struct ja_accent *accent, unsigned group, long frame) {
    const float *now = logs_at(accent, frame), *before = logs_at(accent, frame - LAG);
    double sum = 0;
    for (unsigned b = first_band[group]; b < first_band[group + 1]; b++)
        sum += fmax(0, (double)(now[b] - before[b]));
    return sum / (first_band[group + 1] - first_band[group]);
}

static double most_rise(const struct ja_accent *accent, unsigned group, long beat) {
    double most = 0;
    for (long frame = beat - EARLY; frame <= beat + LATE && frame < accent->frames; frame++)
        most = fmax(most, rise_at(accent, group, frame));
    return most;
}

/* Takes the mean sound since `from` for the one of the last beat; `change` is by how much the two
 * differ in each group. */
static void follow_sound(struct ja_accent *accent, long from, double change[JA_ACCENT_GROUPS]) {
    for (unsigned group = 0; group < JA_ACCENT_GROUPS; group++) {
        change[group] = 0;
        for (unsigned b = first_band[group]; b < first_band[group + 1]; b++) {
            double sum = 0;
            for (long frame = from; frame < accent->frames; frame++)
                sum += (double)logs_at(accent, frame)[b];
            double sound = sum / (double)(accent->frames - from);
            change[group] += fabs(sound - accent->sound[b]);
            accent->sound[b] = sound;
        }
        change[group] *= accent->beats > 0;
        change[group] /= first_band[group + 1] - first_band[group];
    }
}

/* Each clue against its mean over the last beats, this one included. */
static void compare(struct ja_accent *accent, double clues[JA_ACCENT_CLUES]) {
    accent->beats += accent->beats < REMEMBERED;
    for (unsigned i = 0; i < JA_ACCENT_CLUES; i++) {
        accent->mean[i] += (clues[i] - accent->mean[i]) / accent->beats;
        clues[i] -= accent->mean[i];
    }
}

static void classify(const double clues[JA_ACCENT_CLUES], double evidence[JA_BAR_ROLES]) {
    double sum = 0;
    for (unsigned role = 0; role < JA_BAR_ROLES; role++) {
        evidence[role] = weights[0][role];
        for (unsigned i = 0; i < JA_ACCENT_CLUES; i++)
            evidence[role] += weights[1 + i][role] * clues[i];
        sum += share[role] * exp(evidence[role]);
    }
    for (unsigned role = 0; role < JA_BAR_ROLES; role++)
        evidence[role] -= log(sum);
}

void ja_accent_weigh(struct ja_accent *accent, double frame, double downbeat,
                     double evidence[JA_BAR_ROLES]) {
    double clues[JA_ACCENT_CLUES], sure = ja_clamp(downbeat, 0.01, 0.99);
    long beat = lround(frame), oldest = accent->frames - JA_ACCENT_FRAMES;
    memset(evidence, 0, JA_BAR_ROLES * sizeof *evidence);
    if (beat - EARLY - LAG < fmax(0, oldest) || beat + LAG >= accent->frames) {
        accent->beats = 0; /* there is no beat before the next one */
        return;
    }
    clues[0] = log(sure / (1 - sure));
    follow_sound(accent, beat + LAG, clues + 1 + JA_ACCENT_GROUPS);
    for (unsigned group = 0; group < JA_ACCENT_GROUPS; group++) {
        clues[1 + group] = scale * most_rise(accent, group, beat);
        clues[1 + JA_ACCENT_GROUPS + group] *= scale;
    }
    compare(accent, clues);
    classify(clues, evidence);
}
