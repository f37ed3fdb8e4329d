/* The main thread's poll loop: file descriptors, and timers on the absolute monotonic clock.
 *
 * Timers lie in a binary heap ordered by time, then by order of adding. Watched descriptors lie in
 * the very array that ppoll reads, with what to call in a second one. A descriptor that is
 * unwatched only gets the number -1, which poll passes over, and its place is closed up before the
 * next wait; so functions may add and remove anything while a round is being dispatched.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* ppoll */
#include <ja/core/loop.h>

#include <assert.h>
#include <errno.h>
#include <ja/core/clock.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

struct watch {
    ja_loop_fd_function *function;
    void *data;
};

struct timer {
    uint64_t due_us;
    uint64_t order; /* of adding */
    uint64_t id;
    uint64_t period_us; /* 0: once */
    ja_loop_timer_function *function;
    void *data;
};

struct ja_loop {
    int wake_fd;           /* an eventfd; never changes, so any thread may read it */
    struct pollfd *polled; /* what ppoll reads; [0] is wake_fd */
    struct watch *watches; /* of the same index */
    size_t watch_count, watch_room;

    struct timer *timers; /* a heap: the earliest is [0] */
    size_t timer_count, timer_room;
    uint64_t last_order, last_id;

    bool stopped, dispatching;
};

/* --- Descriptors --- */

static enum ja_status grow_watches(struct ja_loop *loop, struct ja_error *error) {
    size_t room = loop->watch_room ? 2 * loop->watch_room : 16;
    struct pollfd *polled = realloc(loop->polled, room * sizeof *polled);
    if (polled)
        loop->polled = polled;
    struct watch *watches = realloc(loop->watches, room * sizeof *watches);
    if (watches)
        loop->watches = watches;
    if (!polled || !watches)
        return ja_fail(error, JA_FAILED, "no memory to watch another file descriptor");
    loop->watch_room = room;
    return JA_OK;
}

static struct pollfd *find_watch(struct ja_loop *loop, int fd) {
    for (size_t i = 0; i < loop->watch_count; i++)
        if (loop->polled[i].fd == fd)
            return &loop->polled[i];
    return NULL;
}

enum ja_status ja_loop_watch(struct ja_loop *loop, int fd, short events,
                             ja_loop_fd_function *function, void *data, struct ja_error *error) {
    assert(fd >= 0 && !find_watch(loop, fd));
    if (loop->watch_count == loop->watch_room && grow_watches(loop, error) != JA_OK)
        return JA_FAILED;
    loop->polled[loop->watch_count] = (struct pollfd){.fd = fd, .events = events};
    loop->watches[loop->watch_count] = (struct watch){function, data};
    loop->watch_count++;
    return JA_OK;
}

void ja_loop_change(struct ja_loop *loop, int fd, short events) {
    struct pollfd *polled = find_watch(loop, fd);
    assert(polled);
    polled->events = events;
}

void ja_loop_unwatch(struct ja_loop *loop, int fd) {
    struct pollfd *polled = fd >= 0 ? find_watch(loop, fd) : NULL;
    if (polled)
        polled->fd = -1;
}

static void close_up_watches(struct ja_loop *loop) {
    size_t kept = 0;
    for (size_t i = 0; i < loop->watch_count; i++) {
        if (loop->polled[i].fd < 0)
            continue;
        loop->polled[kept] = loop->polled[i];
        loop->watches[kept] = loop->watches[i];
        kept++;
    }
    loop->watch_count = kept;
}

static void dispatch_watches(struct ja_loop *loop) {
    /* What is added on the way has no revents yet; both arrays may move. */
    for (size_t i = 0, count = loop->watch_count; i < count; i++) {
        struct pollfd polled = loop->polled[i];
        if (polled.fd >= 0 && polled.revents != 0)
            loop->watches[i].function(loop->watches[i].data, polled.fd, polled.revents);
    }
}

/* --- Timers --- */

static bool earlier(const struct timer *a, const struct timer *b) {
    return a->due_us < b->due_us || (a->due_us == b->due_us && a->order < b->order);
}

static void move_up(struct ja_loop *loop, size_t at) {
    struct timer timer = loop->timers[at];
    for (; at > 0 && earlier(&timer, &loop->timers[(at - 1) / 2]); at = (at - 1) / 2)
        loop->timers[at] = loop->timers[(at - 1) / 2];
    loop->timers[at] = timer;
}

static void move_down(struct ja_loop *loop, size_t at) {
    struct timer timer = loop->timers[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < loop->timer_count &&
            earlier(&loop->timers[child + 1], &loop->timers[child]))
            child++;
        if (child >= loop->timer_count || !earlier(&loop->timers[child], &timer))
            break;
        loop->timers[at] = loop->timers[child];
        at = child;
    }
    loop->timers[at] = timer;
}

static void remove_timer(struct ja_loop *loop, size_t at) {
    struct timer last = loop->timers[--loop->timer_count];
    if (at == loop->timer_count)
        return;
    loop->timers[at] = last;
    move_up(loop, at);
    move_down(loop, at);
}

static uint64_t add_timer(struct ja_loop *loop, struct timer timer) {
    if (loop->timer_count == loop->timer_room) {
        size_t room = loop->timer_room ? 2 * loop->timer_room : 64;
        struct timer *timers = realloc(loop->timers, room * sizeof *timers);
        if (!timers)
            return 0;
        loop->timers = timers;
        loop->timer_room = room;
    }
    timer.id = ++loop->last_id;
    timer.order = ++loop->last_order;
    loop->timers[loop->timer_count++] = timer;
    move_up(loop, loop->timer_count - 1);
    return timer.id;
}

uint64_t ja_loop_at(struct ja_loop *loop, uint64_t due_us, ja_loop_timer_function *function,
                    void *data) {
    return add_timer(loop, (struct timer){.due_us = due_us, .function = function, .data = data});
}

uint64_t ja_loop_every(struct ja_loop *loop, uint64_t period_us, ja_loop_timer_function *function,
                       void *data) {
    assert(period_us > 0);
    return add_timer(loop, (struct timer){.due_us = ja_clock_us() + period_us,
                                          .period_us = period_us,
                                          .function = function,
                                          .data = data});
}

void ja_loop_cancel(struct ja_loop *loop, uint64_t timer) {
    for (size_t i = 0; i < loop->timer_count; i++)
        if (loop->timers[i].id == timer) {
            remove_timer(loop, i);
            return;
        }
}

static void set_next_time(struct ja_loop *loop, struct timer *timer, uint64_t now_us) {
    uint64_t missed = (now_us - timer->due_us) / timer->period_us;
    timer->due_us += (missed + 1) * timer->period_us;
    timer->order = ++loop->last_order;
}

static void dispatch_timers(struct ja_loop *loop) {
    /* No more than there are now: timers that add due timers must not keep descriptors waiting. */
    for (size_t most = loop->timer_count; most > 0 && loop->timer_count > 0; most--) {
        uint64_t now_us = ja_clock_us();
        struct timer timer = loop->timers[0];
        if (timer.due_us > now_us)
            return;
        /* Before the call, so that the function can cancel its own timer. */
        if (timer.period_us) {
            set_next_time(loop, &loop->timers[0], now_us);
            move_down(loop, 0);
        } else {
            remove_timer(loop, 0);
        }
        timer.function(timer.data, timer.due_us);
    }
}

/* --- The loop --- */

static void drain_wake(void *data, int fd, short events) {
    (void)data, (void)events;
    eventfd_t count;
    eventfd_read(fd, &count);
}

struct ja_loop *ja_loop_new(struct ja_error *error) {
    struct ja_loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        ja_fail(error, JA_FAILED, "no memory for the main loop");
        return NULL;
    }
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0) {
        ja_fail(error, JA_FAILED, "cannot make an eventfd: %s", strerror(errno));
        free(loop);
        return NULL;
    }
    if (ja_loop_watch(loop, loop->wake_fd, POLLIN, drain_wake, NULL, error) != JA_OK) {
        ja_loop_free(loop);
        return NULL;
    }
    /* Timers to the microsecond: without this the kernel may add 50 to each wait. */
    prctl(PR_SET_TIMERSLACK, 1000UL);
    return loop;
}

void ja_loop_free(struct ja_loop *loop) {
    if (!loop)
        return;
    close(loop->wake_fd);
    free(loop->polled);
    free(loop->watches);
    free(loop->timers);
    free(loop);
}

/* Poll's timeout: until the first timer, at most `wait_us`. */
static struct timespec wait_time(const struct ja_loop *loop, uint64_t wait_us) {
    if (loop->timer_count > 0) {
        uint64_t due_us = loop->timers[0].due_us, now_us = ja_clock_us();
        uint64_t left_us = due_us > now_us ? due_us - now_us : 0;
        wait_us = left_us < wait_us ? left_us : wait_us;
    }
    const uint64_t day_us = 86400000000;
    wait_us = wait_us < day_us ? wait_us : day_us;
    return (struct timespec){.tv_sec = (time_t)(wait_us / 1000000),
                             .tv_nsec = (long)(wait_us % 1000000) * 1000};
}

void ja_loop_once(struct ja_loop *loop, uint64_t wait_us) {
    assert(!loop->dispatching);
    close_up_watches(loop);
    struct timespec timeout = wait_time(loop, wait_us);
    int ready = ppoll(loop->polled, loop->watch_count, &timeout, NULL);
    loop->dispatching = true;
    dispatch_timers(loop);
    if (ready > 0)
        dispatch_watches(loop);
    loop->dispatching = false;
}

void ja_loop_run(struct ja_loop *loop) {
    while (!loop->stopped)
        ja_loop_once(loop, UINT64_MAX);
    loop->stopped = false;
}

void ja_loop_stop(struct ja_loop *loop) {
    loop->stopped = true;
}

void ja_loop_wake(struct ja_loop *loop) {
    /* eventfd_write is a plain write(2): safe in a signal handler, whose errno must survive. */
    int before = errno;
    eventfd_write(loop->wake_fd, 1);
    errno = before;
}
