/* Starts threads.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/thread.h>

#include <signal.h>

int ja_thread_start(pthread_t *thread, size_t stack_bytes, void *(*run)(void *data), void *data) {
    sigset_t all, before;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    if (stack_bytes > 0)
        pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(thread, &attributes, run, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return code;
}
