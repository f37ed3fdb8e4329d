/* The loop keeps the queue and gives the thread one piece at a time; so each begins when all before
 * it are done.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/chores.h>

#include <ja/core/thread.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

struct ja_chores {
    /* The loop's own. */
    struct ja_loop *loop;
    struct ja_chore *first, *last;
    size_t count;
    bool running; /* the thread has the first */
    pthread_t thread;
    int done_fd; /* eventfd */

    /* Shared. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ja_chore *given; /* NULL: the thread has nothing to do */
    bool quit;
};

/* --- The thread --- */

static struct ja_chore *wait_for_work(struct ja_chores *chores) {
    pthread_mutex_lock(&chores->lock);
    while (!chores->given && !chores->quit)
        pthread_cond_wait(&chores->changed, &chores->lock);
    struct ja_chore *chore = chores->given;
    pthread_mutex_unlock(&chores->lock);
    return chore;
}

static void *run(void *data) {
    struct ja_chores *chores = data;
    struct ja_chore *chore;
    prctl(PR_SET_NAME, "chores");
    while ((chore = wait_for_work(chores))) {
        chore->work(chore);
        pthread_mutex_lock(&chores->lock);
        chores->given = NULL;
        pthread_mutex_unlock(&chores->lock);
        eventfd_write(chores->done_fd, 1);
    }
    return NULL;
}

/* --- The loop's side --- */

static void give(struct ja_chores *chores) {
    struct ja_chore *chore = chores->first;
    if (chores->running || !chore)
        return;
    chores->running = true;
    if (chore->begin)
        chore->begin(chore);
    pthread_mutex_lock(&chores->lock);
    chores->given = chore;
    pthread_cond_signal(&chores->changed);
    pthread_mutex_unlock(&chores->lock);
}

static void finish_first(struct ja_chores *chores) {
    struct ja_chore *chore = chores->first;
    bool worked = chores->running;
    chores->first = chore->next;
    chores->count--;
    chores->running = false;
    chore->done(chore, worked);
}

static void finished(void *data, int fd, short events) {
    struct ja_chores *chores = data;
    eventfd_t count;
    (void)events;
    eventfd_read(fd, &count);
    finish_first(chores);
    give(chores);
}

bool ja_chores_add(struct ja_chores *chores, struct ja_chore *chore) {
    if (chores->count == JA_CHORES || chores->quit)
        return false;
    chore->next = NULL;
    if (chores->first)
        chores->last->next = chore;
    else
        chores->first = chore;
    chores->last = chore;
    chores->count++;
    give(chores);
    return true;
}

static void destroy(struct ja_chores *chores) {
    ja_loop_unwatch(chores->loop, chores->done_fd);
    if (chores->done_fd >= 0)
        close(chores->done_fd);
    pthread_cond_destroy(&chores->changed);
    pthread_mutex_destroy(&chores->lock);
    free(chores);
}

struct ja_chores *ja_chores_new(struct ja_loop *loop, struct ja_error *error) {
    struct ja_chores *chores = calloc(1, sizeof *chores);
    if (!chores) {
        ja_fail(error, JA_FAILED, "no memory for what is done beside the main loop");
        return NULL;
    }
    chores->loop = loop;
    pthread_mutex_init(&chores->lock, NULL);
    pthread_cond_init(&chores->changed, NULL);
    chores->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = 0;
    if (chores->done_fd < 0)
        ja_fail(error, JA_FAILED, "no event descriptor for chores");
    else if (ja_loop_watch(loop, chores->done_fd, POLLIN, finished, chores, error) == JA_OK &&
             (code = ja_thread_start(&chores->thread, 0, run, chores)) == 0)
        return chores;
    if (code != 0)
        ja_fail(error, JA_FAILED, "no thread for chores: %s", strerror(code));
    destroy(chores);
    return NULL;
}

void ja_chores_free(struct ja_chores *chores) {
    if (!chores)
        return;
    pthread_mutex_lock(&chores->lock);
    chores->quit = true;
    pthread_cond_signal(&chores->changed);
    pthread_mutex_unlock(&chores->lock);
    pthread_join(chores->thread, NULL);
    while (chores->first)
        finish_first(chores);
    destroy(chores);
}
