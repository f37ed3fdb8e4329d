/* What every stage built on aubio needs before it makes its first aubio object.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_AUBIO_H
#define JA_FEATURE_AUBIO_H

#define AUBIO_UNSTABLE 1 /* the spectral objects and setters beside the basic API */
#include <aubio/aubio.h>

/* Lets aubio's messages go to our log. Any thread, any number of times. */
void ja_aubio_prepare(void);

#endif
