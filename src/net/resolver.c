/* Turns host names into addresses in a thread of its own.
 *
 * Questions stand in a table; the thread takes the oldest, asks the system without holding the
 * lock, puts the answer back and writes a byte into a pipe that the loop watches. Answers are
 * handed out from the loop only. A look-up cannot be cancelled: where one hangs at the end of the
 * program, the thread keeps the shared part and frees it whenever it comes back.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/net/resolver.h>

#include <errno.h>
#include <fcntl.h>
#include <ja/core/text.h>
#include <ja/core/thread.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 64, HOST_SIZE = 256, LEAVE_WAIT_MS = 100 };

enum job_state { FREE, WAITING, RUNNING, ANSWERED };

struct job {
    enum job_state state;
    unsigned id;
    char host[HOST_SIZE];
    int port;
    ja_resolver_function *function; /* NULL: forgotten */
    void *data;
    struct sockaddr_storage address;
    socklen_t length; /* 0: not found, see error */
    char error[HOST_SIZE + 128];
};

/* What the thread and the loop's side share. */
struct shared {
    pthread_mutex_t lock;
    pthread_cond_t asked, left; /* for the thread; for free */
    struct job jobs[JOBS];
    int wake_fd; /* writing end of the pipe */
    bool quit;   /* the thread shall leave */
    bool gone;   /* the thread has left */
    bool orphan; /* nobody waits: the thread frees */
};

struct ja_resolver {
    struct ja_loop *loop;
    struct shared *shared;
    pthread_t thread;
    int read_fd;
    unsigned last_id;
};

/* Receivers of OSC mostly listen on IPv4 alone, so that is preferred where a name has both. */
static const struct addrinfo *preferred(const struct addrinfo *found) {
    for (const struct addrinfo *one = found; one; one = one->ai_next)
        if (one->ai_family == AF_INET)
            return one;
    return found;
}

static int look_up(struct job *job, int flags) {
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *found;
    char service[16];
    snprintf(service, sizeof service, "%d", job->port);
    int code = getaddrinfo(job->host, service, &hints, &found);
    if (code != 0) {
        snprintf(job->error, sizeof job->error, "host \"%s\" not found: %s", job->host,
                 code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
        return code;
    }
    const struct addrinfo *best = preferred(found);
    memcpy(&job->address, best->ai_addr, best->ai_addrlen);
    job->length = best->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* A full pipe is as good: the loop has something to wake for. */
static void wake(int fd) {
    ssize_t written = write(fd, "", 1);
    (void)written;
}

/* --- The thread --- */

static struct job *oldest_waiting(struct shared *shared) {
    struct job *oldest = NULL;
    for (size_t i = 0; i < JOBS; i++) {
        struct job *job = &shared->jobs[i];
        if (job->state == WAITING && (!oldest || (int)(job->id - oldest->id) < 0))
            oldest = job;
    }
    return oldest;
}

static void destroy(struct shared *shared) {
    pthread_cond_destroy(&shared->asked);
    pthread_cond_destroy(&shared->left);
    pthread_mutex_destroy(&shared->lock);
    close(shared->wake_fd);
    free(shared);
}

static void answer(struct shared *shared, struct job *job) {
    struct job copy = *job;
    job->state = RUNNING;
    pthread_mutex_unlock(&shared->lock);
    look_up(&copy, 0);
    pthread_mutex_lock(&shared->lock);
    copy.function = job->function; /* may have been forgotten meanwhile */
    copy.state = ANSWERED;
    *job = copy;
    if (!shared->quit)
        wake(shared->wake_fd);
}

static void *run(void *data) {
    struct shared *shared = data;
    prctl(PR_SET_NAME, "names");
    pthread_mutex_lock(&shared->lock);
    while (!shared->quit) {
        struct job *job = oldest_waiting(shared);
        if (job)
            answer(shared, job);
        else
            pthread_cond_wait(&shared->asked, &shared->lock);
    }
    shared->gone = true;
    bool orphan = shared->orphan;
    pthread_cond_signal(&shared->left);
    pthread_mutex_unlock(&shared->lock);
    if (orphan)
        destroy(shared);
    return NULL;
}

/* --- The loop's side --- */

static bool take_answer(struct shared *shared, struct job *answer) {
    bool found = false;
    pthread_mutex_lock(&shared->lock);
    for (size_t i = 0; i < JOBS && !found; i++) {
        struct job *job = &shared->jobs[i];
        if (job->state != ANSWERED)
            continue;
        *answer = *job;
        job->state = FREE;
        found = true;
    }
    pthread_mutex_unlock(&shared->lock);
    return found;
}

static void deliver(void *data, int fd, short events) {
    (void)events;
    struct ja_resolver *resolver = data;
    char bytes[JOBS];
    struct job job;
    ssize_t size = read(fd, bytes, sizeof bytes); /* if there are more, it is called again */
    (void)size;
    /* Who is answered may ask again. */
    for (size_t i = 0; i < JOBS && take_answer(resolver->shared, &job); i++) {
        bool found = job.length > 0;
        if (job.function)
            job.function(job.data, found ? (struct sockaddr *)&job.address : NULL, job.length,
                         found ? NULL : job.error);
    }
}

static struct shared *make_shared(int wake_fd) {
    struct shared *shared = calloc(1, sizeof *shared);
    if (!shared)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&shared->lock, NULL);
    pthread_cond_init(&shared->asked, NULL);
    pthread_cond_init(&shared->left, &monotonic);
    pthread_condattr_destroy(&monotonic);
    shared->wake_fd = wake_fd;
    return shared;
}

static bool make_pipe(int fds[2]) {
    if (pipe(fds) < 0)
        return false;
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

struct ja_resolver *ja_resolver_new(struct ja_loop *loop, struct ja_error *error) {
    int fds[2];
    struct ja_resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver || !make_pipe(fds)) {
        ja_fail(error, JA_FAILED, "cannot start looking up host names: %s", strerror(errno));
        free(resolver);
        return NULL;
    }
    *resolver = (struct ja_resolver){.loop = loop, .read_fd = fds[0]};
    resolver->shared = make_shared(fds[1]);
    if (!resolver->shared) {
        close(fds[1]);
        ja_fail(error, JA_FAILED, "cannot start looking up host names: no memory");
        goto failed;
    }
    if (ja_loop_watch(loop, fds[0], POLLIN, deliver, resolver, error) != JA_OK)
        goto watched;
    int code = ja_thread_start(&resolver->thread, 0, run, resolver->shared);
    if (code == 0)
        return resolver;
    ja_fail(error, JA_FAILED, "cannot start looking up host names: %s", strerror(code));
    ja_loop_unwatch(loop, fds[0]);
watched:
    destroy(resolver->shared);
failed:
    close(fds[0]);
    free(resolver);
    return NULL;
}

static bool wait_until_gone(struct shared *shared) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LEAVE_WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    int code = 0;
    while (!shared->gone && code == 0)
        code = pthread_cond_timedwait(&shared->left, &shared->lock, &until);
    return shared->gone;
}

void ja_resolver_free(struct ja_resolver *resolver) {
    if (!resolver)
        return;
    struct shared *shared = resolver->shared;
    ja_loop_unwatch(resolver->loop, resolver->read_fd);
    pthread_mutex_lock(&shared->lock);
    shared->quit = true;
    pthread_cond_signal(&shared->asked);
    bool gone = wait_until_gone(shared);
    shared->orphan = !gone;
    pthread_mutex_unlock(&shared->lock);
    if (gone) {
        pthread_join(resolver->thread, NULL);
        destroy(shared);
    } else {
        pthread_detach(resolver->thread);
    }
    close(resolver->read_fd);
    free(resolver);
}

static struct job *free_job(struct shared *shared) {
    for (size_t i = 0; i < JOBS; i++)
        if (shared->jobs[i].state == FREE)
            return &shared->jobs[i];
    return NULL;
}

bool ja_resolver_numeric(const char *host, int port, struct sockaddr_storage *address,
                         socklen_t *length) {
    struct job job = {.port = port};
    if (!ja_text_copy(job.host, sizeof job.host, host) || look_up(&job, AI_NUMERICHOST) != 0)
        return false;
    *address = job.address;
    *length = job.length;
    return true;
}

unsigned ja_resolver_ask(struct ja_resolver *resolver, const char *host, int port,
                         ja_resolver_function *function, void *data) {
    struct job asked = {.state = WAITING,
                        .id = resolver->last_id + 1,
                        .port = port,
                        .function = function,
                        .data = data};
    if (asked.id == 0) /* never an id */
        asked.id = 1;
    if (!ja_text_copy(asked.host, sizeof asked.host, host)) {
        snprintf(asked.error, sizeof asked.error, "host \"%.40s…\" is too long for a name", host);
        asked.state = ANSWERED;
    }

    struct shared *shared = resolver->shared;
    pthread_mutex_lock(&shared->lock);
    struct job *job = free_job(shared);
    if (job) {
        *job = asked;
        resolver->last_id = asked.id;
        if (job->state == WAITING)
            pthread_cond_signal(&shared->asked);
        else
            wake(shared->wake_fd);
    }
    pthread_mutex_unlock(&shared->lock);
    return job ? asked.id : 0;
}

void ja_resolver_forget(struct ja_resolver *resolver, unsigned id) {
    struct shared *shared = resolver->shared;
    pthread_mutex_lock(&shared->lock);
    for (size_t i = 0; i < JOBS; i++) {
        struct job *job = &shared->jobs[i];
        if (job->state == FREE || job->id != id)
            continue;
        job->function = NULL;
        if (job->state == WAITING)
            job->state = FREE;
    }
    pthread_mutex_unlock(&shared->lock);
}
