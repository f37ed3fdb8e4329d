/* Band-wise spectral flux, each band against its own recent peaks.
 *
 * Lag-2 positive difference of log(1 + g M / L), as in S. Böck, G. Widmer, "Maximum filter vibrato
 * suppression for onset detection", DAFx 2013, without the filter; L follows the level, so that the
 * input's gain does not matter.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "flux.h"

#include <math.h>
#include <string.h>

static const double gain = 1e4;
static const double peak_floor = 0.15, peak_memory_frames = 400;
/* kick, low-mid, mid, hat: the last mel band of each, and how much it counts */
static const unsigned last_band[JA_FLUX_BANDS] = {2, 11, 25, 39};
static const double weight[JA_FLUX_BANDS] = {1, 0.8, 0.8, 0.35};

void ja_flux_reset(struct ja_flux *flux) {
    memset(flux, 0, sizeof *flux);
}

static double follow_peak(double *peak, double value) {
    *peak *= exp(-1 / peak_memory_frames);
    if (value > *peak)
        *peak = value;
    return value / fmax(*peak, peak_floor);
}

double ja_flux_step(struct ja_flux *flux, const float *bands) {
    bool warm = flux->level.frames >= JA_FLUX_LAG;
    double level = ja_mel_level_follow(&flux->level, bands);
    float *past = flux->past[flux->at];
    double sum = 0, weights = 0;
    flux->at = (flux->at + 1) % JA_FLUX_LAG;
    for (unsigned group = 0, b = 0; group < JA_FLUX_BANDS; group++) {
        double rise = 0;
        unsigned first = b;
        for (; b <= last_band[group]; b++) {
            float now = (float)log1p(gain * bands[b] / level);
            if (now > past[b])
                rise += now - past[b];
            past[b] = now;
        }
        if (warm)
            sum += weight[group] * follow_peak(&flux->peak[group], rise / (b - first));
        weights += weight[group];
    }
    return warm ? sum / weights : 0;
}
