/* What speaks for a change of energy: the loudness of three bands, how much begins in them and how
 * noisy they are, a value per sixteenth of the music, against the sixteenths, bars and phrases
 * before.
 *
 * Everything is a difference, so nothing depends on how loud the input is. Without beats a
 * sixteenth is an eighth of a second.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_EVIDENCE_H
#define JA_FEATURE_EVIDENCE_H

#include <ja/pipeline/stage.h>

enum {
    JA_EVIDENCE_BANDS = 24, /* equally wide in octaves */
    JA_TICKS_PER_BEAT = 4,
    JA_TICKS_PER_BAR = 16,
    JA_TICKS = 512, /* remembered */
};

/* One value of each per tick. */
enum ja_series {
    JA_SERIES_LOW,       /* dB: below 150 Hz */
    JA_SERIES_MID,       /* dB */
    JA_SERIES_HIGH,      /* dB: above 2500 Hz */
    JA_SERIES_FULL,      /* dB */
    JA_SERIES_KICK,      /* dB: the loudest moment below 150 Hz */
    JA_SERIES_FLUX_LOW,  /* how much begins, below 600 Hz */
    JA_SERIES_FLUX_HIGH, /* the same above */
    JA_SERIES_FLATNESS,  /* natural logarithm */
    JA_SERIES_CENTROID,  /* octaves */
    JA_SERIES_COUNT
};

/* Of these the best that was is remembered. */
enum { JA_BESTS = 4 };

enum {
    JA_CLUES_SERIES = 6,  /* of each series */
    JA_CLUES_TRENDS = 14, /* seven series, over two spans */
    JA_CLUES_OTHER = 2 * JA_BESTS + 3 + 6,
    JA_CLUES_LEVEL = JA_SERIES_COUNT * JA_CLUES_SERIES + JA_CLUES_TRENDS + JA_CLUES_OTHER,
    JA_CLUES_EXTREMES = 10, /* of five series: against the most and the least there was */
    JA_CLUES = JA_CLUES_LEVEL + JA_CLUES_EXTREMES,
};

struct ja_tick {
    double start; /* s of audio */
    long number;  /* on the grid; a beat begins with each multiple of JA_TICKS_PER_BEAT */
    int place;    /* of that beat in the bar, 0 not known */
    float values[JA_SERIES_COUNT];
};

struct ja_evidence {
    unsigned edges[JA_EVIDENCE_BANDS + 1]; /* bins; made for `window` */
    unsigned window;

    /* The grid. */
    double beat_time, period; /* s */
    long beat_number;
    int beat_place;

    /* The tick being filled. */
    bool started;
    double tick_start;
    long tick_number;
    unsigned hops;
    double power[JA_SERIES_FULL + 1], most_low, flux[2], flatness, centroid; /* sums */
    float past[2][JA_EVIDENCE_BANDS];                                        /* ln, for the flux */

    struct ja_tick ticks[JA_TICKS]; /* ring */
    long count;                     /* ever finished */
    double loudest;                 /* dB, sinking slowly */
    float best[JA_BESTS];           /* of bars, sinking slowly */
    long bass_there, bass_gone;     /* ticks since */
};

void ja_evidence_reset(struct ja_evidence *evidence);
/* A beat, at most half a beat before or after it sounds. */
void ja_evidence_beat(struct ja_evidence *evidence, const struct ja_event *beat);
/* Takes in the spectrum of a hop; true when a tick has been finished by it. */
bool ja_evidence_hear(struct ja_evidence *evidence, const struct ja_span *hop,
                      const struct ja_spectrum *spectrum);
/* The tick `ago` ticks before the last finished one (0: that). ago < count and < JA_TICKS. */
const struct ja_tick *ja_evidence_tick(const struct ja_evidence *evidence, long ago);
/* Mean of a series over `span` ticks that end `ago` ticks before now, as far as remembered; NAN
 * when there are none. */
float ja_evidence_mean(const struct ja_evidence *evidence, enum ja_series series, long ago,
                       long span);
/* What speaks for a change `ago` finished ticks ago, 1…8. */
void ja_evidence_clues(const struct ja_evidence *evidence, long ago, float clues[JA_CLUES]);

#endif
