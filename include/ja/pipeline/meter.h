/* The meter, as the beats that are told let it be known: how many of them make a bar.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PIPELINE_METER_H
#define JA_PIPELINE_METER_H

/* All zero: nothing is known. */
struct ja_meter {
    int beats; /* in the last whole bar, 0 not known */
    int place; /* beat_in_bar of the last beat, 0 not known */
};

/* With each beat. A bar is as long as its highest beat number before the one. */
static inline void ja_meter_follow(struct ja_meter *meter, int place) {
    if (place == 0)
        meter->beats = 0;
    else if (place == 1 && meter->place > 1)
        meter->beats = meter->place;
    meter->place = place;
}

#endif
