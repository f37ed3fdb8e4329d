/* Which beat of the bar this is: counts along with the beats and weighs how each sounds.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_BEAT_BAR_H
#define JA_BEAT_BAR_H

enum {
    JA_BAR_SHORTEST = 3,
    JA_BAR_LONGEST = 7,
    JA_BAR_METERS = JA_BAR_LONGEST - JA_BAR_SHORTEST + 1
};

/* What a beat is in its bar. */
enum {
    JA_BAR_ONE,
    JA_BAR_MIDDLE, /* the third of four, the fourth of six */
    JA_BAR_WEAK,
    JA_BAR_ROLES
};

struct ja_bar_place {
    int meter;          /* beats in the bar */
    int beat;           /* 1…meter */
    double probability; /* of both together: of the places told with 0.8, about 80 % are right */
};

struct ja_bar {
    double belief[JA_BAR_METERS][JA_BAR_LONGEST]; /* [meter][beats since the one] */
    struct ja_bar_place place;                    /* of the last beat */
    double agreement; /* mean evidence, lately, for the places that were told */
    unsigned weighed; /* beats in that */
};

void ja_bar_reset(struct ja_bar *bar);
/* A beat comes: one further. Says where it is, before it has been heard. */
struct ja_bar_place ja_bar_step(struct ja_bar *bar);
/* The beat that was stepped to has been heard: the natural logarithm of how much more likely it
 * sounds so in each role than any beat does. */
void ja_bar_weigh(struct ja_bar *bar, const double evidence[JA_BAR_ROLES]);
/* Somebody knows that the next beat is the one. */
void ja_bar_resync(struct ja_bar *bar);
/* Somebody knows that the bar is not where it is said to be. */
void ja_bar_refute(struct ja_bar *bar);

#endif
