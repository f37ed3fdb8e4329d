/* When beats fall: a tempo that may swing, drift and jump, as a formula of the beat's number.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_GRID_H
#define JA_AUDIO_GRID_H

#include <math.h>

struct ja_grid {
    double bpm;        /* at the start */
    double drift;      /* growth of the tempo per second, as a share of bpm; 0: steady */
    double swing;      /* 0.5: even; else where in the beat its second half begins */
    double step_beat;  /* from this beat on (INFINITY: never) … */
    double step_ratio; /* … the tempo is so many times as high */
};

/* Seconds from the start to a beat that drifts alone: solves bpm/60 (t + drift t²/2) = beat. With
 * no drift this is beat*60/bpm to the last bit. */
static inline double ja_grid_drifted(const struct ja_grid *grid, double beat) {
    const double even = beat * 60.0 / grid->bpm;
    return 2.0 * even / (1.0 + sqrt(fmax(0.0, 1.0 + 2.0 * grid->drift * even)));
}

/* Seconds from the start to `beat` (from 0, may be fractional). */
static inline double ja_grid_time(const struct ja_grid *grid, double beat) {
    const double whole = floor(beat), part = beat - whole;
    if (part < 0.5)
        beat = whole + 2.0 * part * grid->swing;
    else
        beat = whole + grid->swing + 2.0 * (part - 0.5) * (1.0 - grid->swing);
    if (!(beat > grid->step_beat))
        return ja_grid_drifted(grid, beat);
    const double step = ja_grid_drifted(grid, grid->step_beat);
    return step + (ja_grid_drifted(grid, beat) - step) / grid->step_ratio;
}

/* The tempo at a beat. */
static inline double ja_grid_bpm(const struct ja_grid *grid, double beat) {
    const double bpm = grid->bpm * (1.0 + grid->drift * ja_grid_drifted(grid, beat));
    return beat >= grid->step_beat ? bpm * grid->step_ratio : bpm;
}

/* The first whole beat at or after `seconds`, before any step. */
static inline double ja_grid_beat_after(const struct ja_grid *grid, double seconds) {
    const double rounding = 1e-9;
    return ceil(grid->bpm / 60.0 * (seconds + grid->drift * seconds * seconds / 2.0) - rounding);
}

#endif
