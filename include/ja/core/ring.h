/* A lock-free queue of bytes between exactly one writing and one reading thread.
 *
 * A message is written in pieces between begin and commit and becomes visible whole or not at all.
 * The capacity is a power of two; both counters run freely, so every byte of it is usable. Source
 * of the scheme: L. Lamport, "Specifying Concurrent Program Modules", TOPLAS 5(2), 1983; memory
 * order as C11 7.17.3.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_RING_H
#define JA_CORE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ja_ring;

/* A message being written; lives on the writer's stack. */
struct ja_ring_write {
    struct ja_ring *ring;
    size_t at;  /* where the next byte goes, free-running */
    size_t end; /* where the message ends, free-running */
};

/* --- Any thread, while no other uses the ring --- */

/* A ring for at least `capacity` bytes (rounded up to a power of two), its memory touched so that
 * no page fault is left for the users; NULL without memory or above 1 GiB. */
struct ja_ring *ja_ring_new(size_t capacity);
void ja_ring_free(struct ja_ring *ring); /* NULL is fine */

/* --- Any thread --- */

/* Bytes the ring can hold. */
size_t ja_ring_capacity(const struct ja_ring *ring);

/* --- Writing thread only (all real-time safe: no lock, no system call, no allocation) --- */

/* Bytes that can be written now. */
size_t ja_ring_write_space(const struct ja_ring *ring);
/* Starts a message of exactly `size` bytes; false and nothing reserved when there is no room for
 * it. */
bool ja_ring_begin(struct ja_ring *ring, struct ja_ring_write *write, size_t size);
/* Appends `size` bytes to the message; more than begun with is a bug (assert). */
void ja_ring_put(struct ja_ring_write *write, const void *data, size_t size);
/* Makes the message visible to the reader; all begun bytes must have been put (assert). */
void ja_ring_commit(const struct ja_ring_write *write);
/* The three above in one: all of `size` bytes or none. */
bool ja_ring_write(struct ja_ring *ring, const void *data, size_t size);

/* --- Reading thread only (real-time safe) --- */

/* Bytes that can be read now. */
size_t ja_ring_read_space(const struct ja_ring *ring);
/* Copies `size` bytes from `offset` bytes ahead and leaves them in the ring; false when fewer are
 * there. */
bool ja_ring_peek(const struct ja_ring *ring, size_t offset, void *data, size_t size);
/* Copies and consumes `size` bytes; false, and nothing consumed, when fewer are there. */
bool ja_ring_read(struct ja_ring *ring, void *data, size_t size);
/* Consumes `size` bytes unseen; false, and nothing consumed, when fewer are there. */
bool ja_ring_skip(struct ja_ring *ring, size_t size);

#endif
