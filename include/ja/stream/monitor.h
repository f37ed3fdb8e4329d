/* Listening in: what a stream hears, handed on to one reader while there is one.
 *
 * The blocks are those of the inlet, after samples that were none were repaired, and before
 * anything is analysed. While nobody reads, offering one costs a look at a flag.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_STREAM_MONITOR_H
#define JA_STREAM_MONITOR_H

#include <ja/core/ring.h>
#include <ja/stream/inlet.h>
#include <stdatomic.h>

struct ja_monitor {
    unsigned channels;
    struct ja_ring *ring; /* made by the first reader, kept to the end */
    void (*wake)(void *data);
    void *data;
    atomic_bool wanted;
    _Atomic uint64_t lost; /* blocks that found no room */
};

void ja_monitor_init(struct ja_monitor *monitor, unsigned channels);
/* While no other thread uses it. */
void ja_monitor_done(struct ja_monitor *monitor);

/* --- Whoever runs the stream --- */

/* Hands on block->frames samples of all channels, one channel after another, or counts the block as
 * lost; never waits or allocates. */
void ja_monitor_offer(struct ja_monitor *monitor, const struct ja_block *block,
                      const float *samples);

/* --- The one reader's thread --- */

/* From now on blocks are handed on and `wake(data)` is called, by any thread, with each; it must
 * not block. Of later calls wake and data are as in the first. False without memory. */
bool ja_monitor_start(struct ja_monitor *monitor, void (*wake)(void *data), void *data);
/* No more blocks are handed on, but for one that is being. */
void ja_monitor_stop(struct ja_monitor *monitor);
/* The next block with its samples, room for JA_BLOCK_FRAMES of all channels; false: none waits. */
bool ja_monitor_read(struct ja_monitor *monitor, struct ja_block *block, float *samples);

#endif
