/* Threads beside the main one.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_THREAD_H
#define JA_CORE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* Starts one with every signal blocked, in it and so in the threads that it starts: none is
 * interrupted. `stack_bytes` 0: as usual. 0, or the number of what is wrong. */
int ja_thread_start(pthread_t *thread, size_t stack_bytes, void *(*run)(void *data), void *data);

#endif
