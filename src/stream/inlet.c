/* The door through which sound enters a stream: blocks in a ring, from any one producer.
 *
 * A block goes in whole or not at all. To wake the reader is the dearest thing that the producer
 * does, so it is not woken for sound that is too short to be worked on; but always when a block did
 * not fit: a reader that hears nothing for a while knows that no sound came. The counters need no
 * order among themselves; only `lost` is written before the post that tells of it.
 *
 * Should the producer read `wanted` as it was before the reader wanted less (after a gap), the next
 * block wakes it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/stream/inlet.h>

enum { SILENCE_FRAMES = 256 };

static size_t message_size(unsigned channels, unsigned frames) {
    return sizeof(struct ja_block) + (size_t)channels * frames * sizeof(float);
}

bool ja_inlet_init(struct ja_inlet *inlet, unsigned channels, unsigned blocks) {
    inlet->ring = ja_ring_new(blocks * message_size(channels, JA_BLOCK_FRAMES));
    if (!inlet->ring)
        return false;
    sem_init(&inlet->ready, 0, 0);
    atomic_init(&inlet->wanted, 0);
    atomic_init(&inlet->delivered, 0);
    atomic_init(&inlet->lost, 0);
    atomic_init(&inlet->lost_blocks, 0);
    return true;
}

void ja_inlet_done(struct ja_inlet *inlet) {
    sem_destroy(&inlet->ready);
    ja_ring_free(inlet->ring);
    inlet->ring = NULL;
}

static void add(_Atomic uint64_t *counter, uint64_t amount) {
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static uint64_t read_counter(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void put_silence(struct ja_ring_write *write, unsigned frames) {
    const float silence[SILENCE_FRAMES] = {0};
    while (frames > 0) {
        unsigned count = frames < SILENCE_FRAMES ? frames : SILENCE_FRAMES;
        ja_ring_put(write, silence, count * sizeof *silence);
        frames -= count;
    }
}

bool ja_inlet_write(struct ja_inlet *inlet, const struct ja_block *block,
                    const float *const *channels) {
    struct ja_ring_write write;
    bool room = ja_ring_begin(inlet->ring, &write, message_size(block->channels, block->frames));
    add(&inlet->delivered, block->frames);
    if (room) {
        struct ja_block head = *block;
        head.lost = atomic_load_explicit(&inlet->lost, memory_order_relaxed);
        ja_ring_put(&write, &head, sizeof head);
        for (unsigned c = 0; c < block->channels; c++) {
            if (channels[c])
                ja_ring_put(&write, channels[c], block->frames * sizeof **channels);
            else
                put_silence(&write, block->frames);
        }
        ja_ring_commit(&write);
    } else {
        add(&inlet->lost, block->frames);
        add(&inlet->lost_blocks, 1);
    }
    uint64_t written = read_counter(&inlet->delivered) - read_counter(&inlet->lost);
    if (!room || written >= read_counter(&inlet->wanted))
        sem_post(&inlet->ready);
    return room;
}

void ja_inlet_want(struct ja_inlet *inlet, uint64_t taken, uint64_t frames) {
    atomic_store_explicit(&inlet->wanted, taken + frames, memory_order_relaxed);
}

void ja_inlet_lose(struct ja_inlet *inlet, uint64_t frames) {
    add(&inlet->delivered, frames);
    add(&inlet->lost, frames);
    add(&inlet->lost_blocks, 1);
}

bool ja_inlet_has_room(const struct ja_inlet *inlet, unsigned channels, unsigned frames) {
    return ja_ring_write_space(inlet->ring) >= message_size(channels, frames);
}
