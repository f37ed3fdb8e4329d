/* The door through which sound enters a stream: blocks in a ring, from any one producer.
 *
 * ja_inlet_write is the only thing the real-time callback does with sound.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_STREAM_INLET_H
#define JA_STREAM_INLET_H

#include <ja/core/ring.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    JA_BLOCK_FRAMES = 8192,
    JA_CHANNELS = 8,
    JA_STREAMS = 8
};                             /* most frames a block, channels a stream, streams of the source */
enum { JA_INLET_BLOCKS = 16 }; /* the usual room */

/* Precedes channels × frames float samples, one channel after another. */
struct ja_block {
    uint64_t frame; /* number of its first frame, counted by the producer since `epoch` began */
    uint64_t
        time_us; /* ja_clock_us when its first frame was at the source, capture latency taken off */
    uint32_t frames; /* 1…JA_BLOCK_FRAMES */
    uint32_t rate;   /* Hz */
    uint32_t channels;
    uint32_t epoch; /* changes when frame numbers start anew: server restarted */
    uint64_t lost;  /* frames that have found no room until now; filled in by ja_inlet_write */
};

struct ja_inlet {
    struct ja_ring *ring;
    sem_t ready;                /* posted when there is something to do, and when sound is lost */
    _Atomic uint64_t wanted;    /* the reader's: no post before so many frames have found room */
    _Atomic uint64_t delivered; /* frames handed to ja_inlet_write */
    _Atomic uint64_t lost;      /* frames of these that found no room */
    _Atomic uint64_t lost_blocks;
};

/* Room for at least `blocks` blocks of JA_BLOCK_FRAMES. False without memory. */
bool ja_inlet_init(struct ja_inlet *inlet, unsigned channels, unsigned blocks);
void ja_inlet_done(struct ja_inlet *inlet);

/* Producer only; real-time safe. `channels`: block->channels pointers to block->frames samples; a
 * NULL pointer is silence. False when the block found no room: dropped whole and counted. */
bool ja_inlet_write(struct ja_inlet *inlet, const struct ja_block *block,
                    const float *const *channels);
/* Reader only: it has use for `frames` more frames than the `taken` it has had so far, and need not
 * be woken for fewer. Without a word from it every block wakes it. */
void ja_inlet_want(struct ja_inlet *inlet, uint64_t taken, uint64_t frames);
/* Producer only: so many frames before the next block were given up on the way here; they count as
 * delivered and lost. */
void ja_inlet_lose(struct ja_inlet *inlet, uint64_t frames);
/* Producer only: would a block of so many frames and channels find room now? */
bool ja_inlet_has_room(const struct ja_inlet *inlet, unsigned channels, unsigned frames);

#endif
