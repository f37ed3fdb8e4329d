/* Below which level a spectrum has no shape: what is left there is rounding.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_LEAST_H
#define JA_FEATURE_LEAST_H

/* Sums over all bins, -100 dB against a full-scale sine. */
#define JA_LEAST_MAGNITUDE 1e-5
#define JA_LEAST_POWER 1e-10

#endif
