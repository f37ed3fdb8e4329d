/* Hands on what a stream hears through a ring that exists once somebody has asked for it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/stream/monitor.h>

enum { ROOM_BLOCKS = 2 };

static size_t sample_bytes(const struct ja_monitor *monitor, unsigned frames) {
    return (size_t)monitor->channels * frames * sizeof(float);
}

void ja_monitor_init(struct ja_monitor *monitor, unsigned channels) {
    *monitor = (struct ja_monitor){.channels = channels};
}

void ja_monitor_done(struct ja_monitor *monitor) {
    ja_ring_free(monitor->ring);
    monitor->ring = NULL;
}

/* Not where nobody listens: apart, so that the ring is read after the flag. */
static void hand_on(struct ja_monitor *monitor, const struct ja_block *block,
                    const float *samples) {
    const size_t size = sample_bytes(monitor, block->frames);
    struct ja_ring_write write;
    if (ja_ring_begin(monitor->ring, &write, sizeof *block + size)) {
        ja_ring_put(&write, block, sizeof *block);
        ja_ring_put(&write, samples, size);
        ja_ring_commit(&write);
    } else {
        atomic_fetch_add_explicit(&monitor->lost, 1, memory_order_relaxed);
    }
    monitor->wake(monitor->data);
}

void ja_monitor_offer(struct ja_monitor *monitor, const struct ja_block *block,
                      const float *samples) {
    if (atomic_load_explicit(&monitor->wanted, memory_order_acquire))
        hand_on(monitor, block, samples);
}

/* What was handed on after the former reader had gone is no news. */
bool ja_monitor_start(struct ja_monitor *monitor, void (*wake)(void *data), void *data) {
    if (!monitor->ring) {
        monitor->ring = ja_ring_new(ROOM_BLOCKS * sample_bytes(monitor, JA_BLOCK_FRAMES));
        monitor->wake = wake;
        monitor->data = data;
    }
    if (!monitor->ring)
        return false;
    ja_ring_skip(monitor->ring, ja_ring_read_space(monitor->ring));
    atomic_store_explicit(&monitor->wanted, true, memory_order_release);
    return true;
}

void ja_monitor_stop(struct ja_monitor *monitor) {
    atomic_store_explicit(&monitor->wanted, false, memory_order_release);
}

bool ja_monitor_read(struct ja_monitor *monitor, struct ja_block *block, float *samples) {
    if (!monitor->ring || !ja_ring_read(monitor->ring, block, sizeof *block))
        return false;
    ja_ring_read(monitor->ring, samples, sample_bytes(monitor, block->frames));
    return true;
}
