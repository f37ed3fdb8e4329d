/* What an operator's taps say about the tempo.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_FEATURE_TAPS_H
#define JA_FEATURE_TAPS_H

enum { JA_TAP_INTERVALS = 8 };

struct ja_taps {
    int count;                          /* taps in the present series */
    double last;                        /* s of audio: last tap */
    double intervals[JA_TAP_INTERVALS]; /* s, the newest last */
    int interval_count;
};

/* Takes in a tap at `time` (s of audio). Returns the beat length in s, 0 when the series does not
 * tell one yet. */
double ja_taps_add(struct ja_taps *taps, double time);

#endif
