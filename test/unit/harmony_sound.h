/* Sound for tests of harmony: chords of any root and tuning, drums, and a stage that leaves any
 * chroma and beats to the ones after it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_HARMONY_SOUND_H
#define TEST_HARMONY_SOUND_H

#include "stage_rig.h"

static const char *const harmony_names[25] = {
    "C:maj",  "Db:maj", "D:maj",  "Eb:maj", "E:maj",  "F:maj", "Gb:maj", "G:maj", "Ab:maj",
    "A:maj",  "Bb:maj", "B:maj",  "C:min",  "Db:min", "D:min", "Eb:min", "E:min", "F:min",
    "Gb:min", "G:min",  "Ab:min", "A:min",  "Bb:min", "B:min", "N",
};

/* What harmony_triad plays. */
static struct {
    int chord;     /* index of harmony_names */
    double cents;  /* of tuning */
    int inversion; /* 0…2 */
    bool drums;
} harmony_playing;

/* Whether note class `i` belongs to a chord of harmony_names. */
static inline bool harmony_belongs(int chord, int i) {
    int up = (i - chord % 12 + 12) % 12;

    return chord < 24 && (up == 0 || up == 7 || up == (chord < 12 ? 4 : 3));
}

static inline double harmony_drums(double t, unsigned c) {
    double since = fmod(t, 0.5), off = fmod(t + 0.25, 0.5);

    return 0.4 * exp(-since * 25) * rig_sine(since, 55) + 0.2 * exp(-since * 60) * rig_noise(t, c) +
           0.1 * exp(-off * 80) * rig_noise(t, c + 7);
}

/* Three notes of four harmonics each, the lowest of them around the middle C. */
static inline double harmony_triad(double t, unsigned c) {
    int steps[3] = {0, harmony_playing.chord < 12 ? 4 : 3, 7};
    double sum = harmony_playing.drums ? harmony_drums(t, c) : 0;

    for (int i = 0; i < 3; i++) {
        int note = 60 + harmony_playing.chord % 12 + steps[i];
        double hz;

        note += i < harmony_playing.inversion ? 12 : 0;
        hz = 440 * exp2((note - 69 + harmony_playing.cents / 100) / 12);
        for (int k = 1; k <= 4; k++)
            sum += 0.12 / k * rig_sine(t, hz * k);
    }
    return sum;
}

static inline void harmony_play(struct rig *rig, int chord, double seconds) {
    harmony_playing.chord = chord;
    rig_play(rig, seconds, harmony_triad);
}

/* A stage in place of the real ones: leaves harmony_given as chroma, and tells a beat every half a
 * second, four in a bar, when asked to. */
static struct {
    double chroma[12];
    bool beats;
} harmony_given;

struct harmony_giver {
    int seq;
};

static void giver_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    struct harmony_giver *giver = stage->state;

    (void)spectrum;
    for (int i = 0; i < 12; i++)
        out[i] = (float)harmony_given.chroma[i];
    while (harmony_given.beats && hop->end + 0.08 > giver->seq * 0.5) {
        struct ja_event event = {.type = JA_EVENT_BEAT,
                                 .time = giver->seq * 0.5,
                                 .beat = {giver->seq, giver->seq % 4 + 1, 120, 0.9}};

        giver->seq++;
        ja_stage_emit(stage, &event);
    }
}

static const struct ja_module giver_module = {.name = "giver", .help = "Gives what a test wants."};
static const struct ja_output giver_outputs[] = {
    {"chroma", NULL, JA_OUTPUT_NUMBER, 12, 0, 1, "As a test wants."},
};
static const struct ja_stage_class harmony_giver_stage = {
    .module = &giver_module,
    .state_size = sizeof(struct harmony_giver),
    .outputs = giver_outputs,
    .output_count = 1,
    .events = 1u << JA_EVENT_BEAT,
    .process = giver_process,
};

/* Gives the clean chroma of a chord for some seconds; 24: a flat one. */
static inline void harmony_give(struct rig *rig, int chord, double seconds) {
    for (int i = 0; i < 12; i++)
        harmony_given.chroma[i] = chord == 24 ? 0.9 : harmony_belongs(chord, i) ? 1 : 0.05;
    rig_play(rig, seconds, rig_nothing);
}

#endif
