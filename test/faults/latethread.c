/* To be preloaded: the first thread that jack_activate makes begins only when the client has been
 * closed, which libjack allows on a very busy machine: it waits for that thread for a second.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <jack/jack.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static struct {
    void *(*routine)(void *);
    void *data;
} late;
static _Thread_local bool activating;
static atomic_bool closed;

static void *begin_late(void *unused) {
    const struct timespec pause = {.tv_nsec = 1000000};
    (void)unused;
    while (!atomic_load(&closed))
        nanosleep(&pause, NULL);
    return late.routine(late.data);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                   void *data) {
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        dlsym(RTLD_NEXT, "pthread_create");
    if (!activating || late.routine)
        return create(thread, attributes, routine, data);
    late.routine = routine;
    late.data = data;
    return create(thread, attributes, begin_late, NULL);
}

int jack_activate(jack_client_t *client) {
    int (*activate)(jack_client_t *) = dlsym(RTLD_NEXT, "jack_activate");
    activating = true;
    int result = activate(client);
    activating = false;
    return result;
}

int jack_client_close(jack_client_t *client) {
    int (*close)(jack_client_t *) = dlsym(RTLD_NEXT, "jack_client_close");
    int result = close(client);
    atomic_store(&closed, true);
    return result;
}
