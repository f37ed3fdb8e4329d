/* A small polyphonic synthesiser: detuned saw waves through a filter, with echo and hall.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_INSTRUMENT_H
#define JA_AUDIO_INSTRUMENT_H

#include "waveform.h"

#include <stdbool.h>
#include <stdint.h>

enum { JA_VOICES = 40, JA_HALL_LINES = 4 };

struct ja_instrument {
    double detune_cents;                  /* of left against right */
    double octave_below;                  /* gain of a second wave an octave lower */
    double attack_s, decay_s, release_s;  /* the loudness: time constants */
    double sustain;                       /* 0…1 */
    double cutoff_hz, open_hz, opening_s; /* the filter: where it rests, how far a note opens it,
                                             and how fast that falls off */
    double q;
    float gain, echo, hall; /* of the voice itself, and what of it goes to the effects */
};

struct ja_voice {
    const struct ja_instrument *instrument; /* NULL: free */
    unsigned delay;                         /* frames until it begins */
    int64_t age, length;                    /* frames */
    float phases[3], steps[3];              /* left, right, octave below */
    float loudness, gain;
    struct ja_filter filters[2];
};

struct ja_effect_line {
    float *samples;
    unsigned frames, at;
};

struct ja_band {
    double rate;
    double brightness; /* factor on every filter's frequency */
    struct ja_voice voices[JA_VOICES];
    struct ja_effect_line echo[2], hall[JA_HALL_LINES];
    float damped[JA_HALL_LINES];
};

/* Echo of `echo_s`. False without memory; then done is still due. */
bool ja_band_init(struct ja_band *band, double rate, double echo_s);
void ja_band_done(struct ja_band *band);
/* Plays a note, `delay` frames into the next render. */
void ja_band_play(struct ja_band *band, const struct ja_instrument *instrument, double midi,
                  double length_s, float gain, unsigned delay);
/* The next `frames` (at most JA_SYNTH_CHUNK) frames. */
void ja_band_render(struct ja_band *band, float *left, float *right, unsigned frames);

#endif
