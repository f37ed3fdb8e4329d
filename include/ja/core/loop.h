/* The main thread's poll loop: file descriptors, and timers on the absolute monotonic clock.
 *
 * Everything here belongs to the loop's own thread, except ja_loop_wake.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_LOOP_H
#define JA_CORE_LOOP_H

#include <ja/core/status.h>
#include <stdbool.h>
#include <stdint.h>

struct ja_loop;

/* `events` are poll(2)'s revents. The function may add and remove anything, itself included. */
typedef void ja_loop_fd_function(void *data, int fd, short events);
/* `due_us` is when it should have run. */
typedef void ja_loop_timer_function(void *data, uint64_t due_us);

struct ja_loop *ja_loop_new(struct ja_error *error);
void ja_loop_free(struct ja_loop *loop);

/* Calls `function` while poll reports one of `events` (POLLIN, POLLOUT) or an error on `fd`. One
 * entry per fd. */
enum ja_status ja_loop_watch(struct ja_loop *loop, int fd, short events,
                             ja_loop_fd_function *function, void *data, struct ja_error *error);
void ja_loop_change(struct ja_loop *loop, int fd, short events);
void ja_loop_unwatch(struct ja_loop *loop, int fd); /* unknown fd is fine; does not close it */

/* Calls `function(data)` once at `due_us` (ja_clock_us). Returns an id > 0, or 0 without memory.
 * Timers that are due run in order of time; equal times in order of adding. */
uint64_t ja_loop_at(struct ja_loop *loop, uint64_t due_us, ja_loop_timer_function *function,
                    void *data);
/* The same every `period_us`, first after one period; late calls do not shift the later ones,
 * missed ones are skipped. */
uint64_t ja_loop_every(struct ja_loop *loop, uint64_t period_us, ja_loop_timer_function *function,
                       void *data);
void ja_loop_cancel(struct ja_loop *loop, uint64_t timer); /* 0 and gone ids are fine */

/* Runs until ja_loop_stop. */
void ja_loop_run(struct ja_loop *loop);
void ja_loop_stop(struct ja_loop *loop);
/* One round: waits at most `wait_us` (0: not at all) for something to do and does it. */
void ja_loop_once(struct ja_loop *loop, uint64_t wait_us);
/* From any thread or signal handler: ends the current wait. */
void ja_loop_wake(struct ja_loop *loop);

#endif
