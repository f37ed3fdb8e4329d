/* A lock-free queue of bytes between exactly one writing and one reading thread.
 *
 * Two counters run freely and only their difference matters: `written` is stored by the writer
 * alone, `read` by the reader alone. Every function follows one discipline: at most one acquiring
 * load of the other side's counter, then the work, then at most one releasing store of its own. The
 * release of `written` hands bytes to the reader, the release of `read` hands room to the writer.
 *
 * Each side's variables have a cache line of their own, with a copy of the other's counter: a
 * writer that has seen enough room, or a reader enough bytes, does not touch the other's line.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/ring.h>

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64, LARGEST = 1 << 30 };

struct ja_ring {
    alignas(CACHE_LINE) size_t capacity; /* a power of two */

    alignas(CACHE_LINE) _Atomic size_t written; /* the writer's */
    size_t read_seen;

    alignas(CACHE_LINE) _Atomic size_t read; /* the reader's */
    size_t written_seen;

    alignas(CACHE_LINE) unsigned char data[];
};

struct ja_ring *ja_ring_new(size_t capacity) {
    if (capacity > LARGEST)
        return NULL;
    size_t rounded = CACHE_LINE;
    while (rounded < capacity)
        rounded *= 2;
    struct ja_ring *ring = aligned_alloc(CACHE_LINE, sizeof *ring + rounded);
    if (!ring)
        return NULL;
    memset(ring, 0, sizeof *ring + rounded);
    ring->capacity = rounded;
    atomic_init(&ring->written, 0);
    atomic_init(&ring->read, 0);
    return ring;
}

void ja_ring_free(struct ja_ring *ring) {
    free(ring);
}

size_t ja_ring_capacity(const struct ja_ring *ring) {
    return ring->capacity;
}

/* --- Writing thread --- */

static size_t own_written(const struct ja_ring *ring) {
    return atomic_load_explicit(&ring->written, memory_order_relaxed);
}

size_t ja_ring_write_space(const struct ja_ring *ring) {
    size_t read = atomic_load_explicit(&ring->read, memory_order_acquire);
    return ring->capacity - (own_written(ring) - read);
}

bool ja_ring_begin(struct ja_ring *ring, struct ja_ring_write *write, size_t size) {
    size_t written = own_written(ring);
    if (ring->capacity - (written - ring->read_seen) < size) {
        ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
        if (ring->capacity - (written - ring->read_seen) < size)
            return false;
    }
    *write = (struct ja_ring_write){.ring = ring, .at = written, .end = written + size};
    return true;
}

void ja_ring_put(struct ja_ring_write *write, const void *data, size_t size) {
    assert(size <= write->end - write->at);
    struct ja_ring *ring = write->ring;
    size_t start = write->at & (ring->capacity - 1);
    size_t to_edge = ring->capacity - start;
    size_t first = size < to_edge ? size : to_edge;
    memcpy(ring->data + start, data, first);
    memcpy(ring->data, (const unsigned char *)data + first, size - first);
    write->at += size;
}

void ja_ring_commit(const struct ja_ring_write *write) {
    assert(write->at == write->end);
    atomic_store_explicit(&write->ring->written, write->end, memory_order_release);
}

bool ja_ring_write(struct ja_ring *ring, const void *data, size_t size) {
    struct ja_ring_write write;
    if (!ja_ring_begin(ring, &write, size))
        return false;
    ja_ring_put(&write, data, size);
    ja_ring_commit(&write);
    return true;
}

/* --- Reading thread --- */

static size_t own_read(const struct ja_ring *ring) {
    return atomic_load_explicit(&ring->read, memory_order_relaxed);
}

size_t ja_ring_read_space(const struct ja_ring *ring) {
    return atomic_load_explicit(&ring->written, memory_order_acquire) - own_read(ring);
}

static void copy_out(const struct ja_ring *ring, size_t at, void *data, size_t size) {
    size_t start = at & (ring->capacity - 1);
    size_t to_edge = ring->capacity - start;
    size_t first = size < to_edge ? size : to_edge;
    memcpy(data, ring->data + start, first);
    memcpy((unsigned char *)data + first, ring->data, size - first);
}

/* Looks at the writer's counter only when what was seen of it does not suffice. */
static bool available(struct ja_ring *ring, size_t read, size_t size) {
    if (ring->written_seen - read >= size)
        return true;
    ring->written_seen = atomic_load_explicit(&ring->written, memory_order_acquire);
    return ring->written_seen - read >= size;
}

bool ja_ring_peek(const struct ja_ring *ring, size_t offset, void *data, size_t size) {
    size_t space = ja_ring_read_space(ring);
    if (space < size || space - size < offset)
        return false;
    copy_out(ring, own_read(ring) + offset, data, size);
    return true;
}

bool ja_ring_read(struct ja_ring *ring, void *data, size_t size) {
    size_t read = own_read(ring);
    if (!available(ring, read, size))
        return false;
    copy_out(ring, read, data, size);
    atomic_store_explicit(&ring->read, read + size, memory_order_release);
    return true;
}

bool ja_ring_skip(struct ja_ring *ring, size_t size) {
    size_t read = own_read(ring);
    if (!available(ring, read, size))
        return false;
    atomic_store_explicit(&ring->read, read + size, memory_order_release);
    return true;
}
