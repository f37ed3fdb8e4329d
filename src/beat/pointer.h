/* The bar pointer: a belief over tempo and over where in the beat the music is, moved on a hundred
 * times a second.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_BEAT_POINTER_H
#define JA_BEAT_POINTER_H

#include <ja/core/status.h>

/* Frames from beat to beat: 222 to 54.5 beats per minute. */
enum { JA_POINTER_SHORTEST = 27, JA_POINTER_LONGEST = 110 };
enum {
    JA_POINTER_TEMPI = JA_POINTER_LONGEST - JA_POINTER_SHORTEST + 1,
    JA_POINTER_PAST = 14,  /* frames back … */
    JA_POINTER_AHEAD = 64, /* … and ahead for which the beat's nearness is told */
};

/* What is assumed of tempo and of the activation. */
struct ja_pointer_model {
    double rigidity;      /* lambda of exp(-lambda |n'/n - 1|) at each beat */
    double jump;          /* share that leaps to half or double the tempo at a beat */
    double reset;         /* share of the belief that starts anew in every frame */
    double prior_frames;  /* most likely beat length … */
    double prior_width;   /* … and its spread in octaves' natural logarithm */
    double delay_frames;  /* from the beat to the activation's peak */
    double spread_frames; /* standard deviation of that */
    double least,
        rest; /* activations are taken as least … 0.99; `rest` is what is usual between beats */
    double temper; /* exponent of the likelihood ratio, below 1: frames are not independent */
};

struct ja_pointer;

struct ja_pointer *ja_pointer_new(const struct ja_pointer_model *model, struct ja_error *error);
void ja_pointer_free(struct ja_pointer *pointer); /* NULL is fine */
void ja_pointer_reset(struct ja_pointer *pointer);

/* One frame on, then weighed by its activation 0…1. `reset` multiplies the share that starts anew.
 */
void ja_pointer_step(struct ja_pointer *pointer, double activation, double reset);
/* One frame on, deaf: the belief goes on at its tempo. */
void ja_pointer_coast(struct ja_pointer *pointer);
/* Fills near[k + JA_POINTER_PAST] with the belief that a beat lies k frames from now, k =
 * -JA_POINTER_PAST … JA_POINTER_AHEAD. */
void ja_pointer_near(const struct ja_pointer *pointer,
                     double near[JA_POINTER_PAST + JA_POINTER_AHEAD + 1]);
/* The belief in each beat length; [0] is JA_POINTER_SHORTEST. */
const double *ja_pointer_tempi(const struct ja_pointer *pointer);
/* Keeps the beat length within shortest … longest frames, from now on. */
void ja_pointer_set_range(struct ja_pointer *pointer, double shortest, double longest);
/* What is known of tempi beforehand: evidence that every beat of each length brings with it,
 * natural logarithm of odds. */
void ja_pointer_prefer(struct ja_pointer *pointer, const double evidence[JA_POINTER_TEMPI]);
/* The same beats at half the tempo, or at double: every length is doubled, or halved. */
void ja_pointer_halve(struct ja_pointer *pointer);
void ja_pointer_double(struct ja_pointer *pointer);
/* The same tempo, the beats half-way between where they were. */
void ja_pointer_shift_half(struct ja_pointer *pointer);
/* Somebody says that the beat is `frames` long (0: says nothing of it) and was `ago` frames ago. */
void ja_pointer_advise(struct ja_pointer *pointer, double frames, double ago);

#endif
