/* The beat engine: sound in, beats out, each before it happens.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_BEAT_ENGINE_H
#define JA_BEAT_ENGINE_H

#include <ja/core/status.h>
#include <stdbool.h>

struct ja_engine;

struct ja_engine_setup {
    unsigned rate; /* Hz, 44100 or 48000 */
    unsigned
        lead_frames; /* a beat is told so many hundredths of a second before it happens, 0…40 */
    bool network;    /* the learned ear, else the flux of four bands */
    double min_bpm, max_bpm;
};

/* What the engine says after each of its frames, a hundredth of a second. Times are s after the
 * frame's end. */
struct ja_engine_frame {
    double period_s;    /* from beat to beat by the best belief */
    double tempo_share; /* 0…1: how much of the belief agrees with that */
    double activation;  /* 0…1 */
    bool beat;          /* a beat is told; only then the following */
    double beat_in_s;
    int beat_in_bar;   /* 1…7, 0 not known */
    double confidence; /* 0…1: how likely the beat is where it is said to be */
    /* The clues behind that, beside tempo_share: */
    double mass;     /* belief in the beat */
    double on_beat;  /* mean activation at the last beats */
    double off_beat; /* the same half-way between them */
    double uneven;   /* how much every second beat differs from the others */
    double on_grid;  /* share of all activation since then that lies at the beats */
};

struct ja_engine *ja_engine_new(const struct ja_engine_setup *setup, struct ja_error *error);
void ja_engine_free(struct ja_engine *engine); /* NULL is fine */
void ja_engine_reset(struct ja_engine *engine);
/* Takes in up to `count` samples, as far as the end of the next frame; returns how many.
 * `*complete` tells whether `frame` is filled in. */
unsigned ja_engine_feed(struct ja_engine *engine, const float *samples, unsigned count,
                        struct ja_engine_frame *frame, bool *complete);

/* --- What somebody knows: evidence on the belief, tracking goes on --- */

/* Where tempi are looked for. */
void ja_engine_set_range(struct ja_engine *engine, double min_bpm, double max_bpm);
/* Evidence for a tempo that every beat of it brings with it, natural logarithm of odds: a tenth is
 * weak, one overrules what is heard. Asked for every tempo at once; stays in a reset. */
typedef double ja_engine_preference(const void *data, double bpm);
void ja_engine_prefer(struct ja_engine *engine, ja_engine_preference *preference, const void *data);
/* Half or double the tempo from now on, and stay within a third of it. False when the engine cannot
 * be so slow or so fast; then nothing has changed. */
bool ja_engine_halve(struct ja_engine *engine);
bool ja_engine_double(struct ja_engine *engine);
/* Half or double the tempo, whichever is the more believable. */
bool ja_engine_change_octave(struct ja_engine *engine);
/* Stays within 4 % of this tempo; the beats are still followed. Unlocked, the range holds again. */
void ja_engine_lock(struct ja_engine *engine, bool lock);
/* Back to the range, and no hold. */
void ja_engine_auto(struct ja_engine *engine);
/* A beat was `ago_s` before now; `period_s` from the one before it (0: not known). */
void ja_engine_tap(struct ja_engine *engine, double period_s, double ago_s);
/* The beats are half-way between those that were told. Returns by how many s the last told one
 * would have been later, for it to be the one before the next. */
double ja_engine_shift_half(struct ja_engine *engine);
/* The first beat of the bar was `ago_s` before now. */
void ja_engine_resync(struct ja_engine *engine, double ago_s);
/* The first beat of the bar is not the one that is told; the next best place is taken. */
void ja_engine_refute_bar(struct ja_engine *engine);
/* Goes on at this tempo whatever is heard: beats come by the clock alone. */
void ja_engine_hold(struct ja_engine *engine, bool hold);
/* The present tempo. */
double ja_engine_bpm(const struct ja_engine *engine);

#endif
