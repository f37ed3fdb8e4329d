/* Drum sounds made at open, and what plays them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_DRUM_H
#define JA_AUDIO_DRUM_H

#include <stdbool.h>
#include <stdint.h>

enum ja_drum {
    JA_DRUM_KICK,
    JA_DRUM_SNARE,
    JA_DRUM_CLAP,
    JA_DRUM_HAT,
    JA_DRUM_OPEN_HAT,
    JA_DRUM_CRASH,
    JA_DRUM_BASS,  /* a plucked bass note, for the drums signal */
    JA_DRUM_CLICK, /* a metronome's */
    JA_DRUM_ACCENT,
    JA_DRUMS
};

/* The event's name for it ("kick", "snare", "hat"), or NULL. */
const char *ja_drum_name(enum ja_drum drum);

struct ja_drum_kit {
    struct {
        float *samples; /* peak 1; the first sample is where the sound begins */
        unsigned frames;
    } sounds[JA_DRUMS];
};

/* The sounds in `wanted` (bits 1 << drum). False without memory; then done is still due. */
bool ja_drum_kit_init(struct ja_drum_kit *kit, unsigned wanted, double rate, uint64_t seed);
void ja_drum_kit_done(struct ja_drum_kit *kit);

enum { JA_DRUM_VOICES = 24 };

/* Sounds being played. */
struct ja_drum_player {
    const struct ja_drum_kit *kit;
    struct ja_drum_voice {
        enum ja_drum drum;
        unsigned delay; /* frames until it begins */
        unsigned at;    /* next sample; a voice at its end is free */
        float left, right;
    } voices[JA_DRUM_VOICES];
    unsigned count;
};

/* Starts a sound `delay` frames into the next mix; the same drum's older sounds go on. */
void ja_drum_play(struct ja_drum_player *player, enum ja_drum drum, unsigned delay, float left,
                  float right);
/* Adds the next `frames` frames; `right` may be NULL. */
void ja_drum_mix(struct ja_drum_player *player, float *left, float *right, unsigned frames);

#endif
