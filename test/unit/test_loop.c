/* Tests the poll loop: order and skipping of timers, descriptors that come and go, waking.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../support/failing.h"
#include "../support/own_clock.h"
#include "../support/random.h"
#include <cmocka.h>
#include <ja/core/clock.h>
#include <ja/core/loop.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const uint64_t LONG_US = 20000000; /* no test waits so long unless it fails */

static int set_up(void **state) {
    struct ja_error error;
    own_clock_is_off = false;
    *state = ja_loop_new(&error);
    return *state ? 0 : -1;
}

/* For what another thread or a signal ends. */
static int set_up_with_real_waits(void **state) {
    int status = set_up(state);
    own_clock_is_off = true;
    return status;
}

static int tear_down(void **state) {
    ja_loop_free(*state);
    return 0;
}

static void sleep_us(uint64_t us) {
    struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    nanosleep(&time, NULL);
}

/* --- Timers --- */

/* What was called, in order. */
struct calls {
    struct ja_loop *loop;
    size_t count;
    uint64_t due_us[2000];
    char names[2000];
};

struct caller {
    struct calls *calls;
    char name;
    uint64_t timer;
};

static void note_call(void *data, uint64_t due_us) {
    struct caller *caller = data;
    struct calls *calls = caller->calls;
    assert_true(ja_clock_us() >= due_us); /* never early */
    assert_true(calls->count < sizeof calls->names);
    calls->names[calls->count] = caller->name;
    calls->due_us[calls->count++] = due_us;
}

static void due_timers_run_in_order_of_time_then_of_adding(void **state) {
    struct calls calls = {.loop = *state};
    struct caller a = {&calls, 'a', 0}, b = {&calls, 'b', 0}, c = {&calls, 'c', 0},
                  d = {&calls, 'd', 0};
    uint64_t now_us = ja_clock_us();
    ja_loop_at(*state, now_us - 10, note_call, &c);
    ja_loop_at(*state, now_us - 20, note_call, &a);
    ja_loop_at(*state, now_us - 10, note_call, &d);
    ja_loop_at(*state, now_us - 20, note_call, &b);
    ja_loop_at(*state, now_us + LONG_US, note_call, &a);
    ja_loop_once(*state, 0);
    assert_int_equal(calls.count, 4);
    assert_memory_equal(calls.names, "abcd", 4);
    assert_true(calls.due_us[0] == now_us - 20 && calls.due_us[3] == now_us - 10);
}

static void random_timers_run_sorted_and_cancelled_ones_not(void **state) {
    enum { TIMERS = 2000 };
    static struct calls calls;
    static struct caller caller;
    static uint64_t ids[TIMERS], due_us[TIMERS];
    calls = (struct calls){.loop = *state};
    caller = (struct caller){&calls, 't', 0};
    struct random random = {9};
    uint64_t now_us = ja_clock_us();
    uint64_t sum_us = 0;
    size_t left = TIMERS;
    for (size_t i = 0; i < TIMERS; i++) {
        due_us[i] = now_us - random_below(&random, 500);
        ids[i] = ja_loop_at(*state, due_us[i], note_call, &caller);
        assert_true(ids[i] > 0);
        sum_us += due_us[i];
    }
    for (size_t i = 0; i < TIMERS; i++)
        if (random_below(&random, 3) == 0) {
            ja_loop_cancel(*state, ids[i]);
            ja_loop_cancel(*state, ids[i]); /* gone ids are fine */
            sum_us -= due_us[i];
            left--;
        }
    ja_loop_once(*state, 0);
    assert_int_equal(calls.count, left);
    for (size_t i = 0; i < left; i++) {
        assert_true(i == 0 || calls.due_us[i - 1] <= calls.due_us[i]);
        sum_us -= calls.due_us[i];
    }
    assert_true(sum_us == 0);
}

static void sleep_25_ms_at_first(void *data, uint64_t due_us) {
    struct caller *caller = data;
    note_call(data, due_us);
    if (caller->calls->count == 1)
        own_clock_pass(25000);
    if (caller->calls->count == 5)
        ja_loop_stop(caller->calls->loop);
}

static void a_late_call_shifts_nothing_and_missed_ones_are_skipped(void **state) {
    struct calls calls = {.loop = *state};
    struct caller caller = {&calls, 'p', 0};
    uint64_t start_us = ja_clock_us();
    ja_loop_every(*state, 10000, sleep_25_ms_at_first, &caller);
    ja_loop_run(*state);
    /* The second runs late, at 35 ms; the third is skipped. */
    static const unsigned due_ms[] = {10, 20, 40, 50, 60};
    assert_int_equal(calls.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(calls.due_us[i] == start_us + 1000 * due_ms[i]);
}

static void cancel_itself(void *data, uint64_t due_us) {
    struct caller *caller = data;
    note_call(data, due_us);
    ja_loop_cancel(caller->calls->loop, caller->timer);
}

static void a_timer_can_cancel_itself(void **state) {
    struct calls calls = {.loop = *state};
    struct caller caller = {&calls, 'p', 0};
    caller.timer = ja_loop_every(*state, 1, cancel_itself, &caller);
    for (int i = 0; i < 5; i++) {
        own_clock_pass(10);
        ja_loop_once(*state, 0);
    }
    assert_int_equal(calls.count, 1);
}

static void a_timer_can_cancel_another_that_is_due(void **state) {
    struct calls calls = {.loop = *state};
    struct caller first = {&calls, '1', 0}, second = {&calls, '2', 0};
    ja_loop_at(*state, 1, cancel_itself, &first);
    first.timer = ja_loop_at(*state, 2, note_call, &second);
    ja_loop_once(*state, 0);
    ja_loop_once(*state, 0);
    assert_int_equal(calls.count, 1);
    assert_int_equal(calls.names[0], '1');
}

static void unknown_timers_are_fine_to_cancel(void **state) {
    ja_loop_cancel(*state, 0);
    ja_loop_cancel(*state, 12345);
}

static void stop_after_200(void *data, uint64_t due_us) {
    struct caller *caller = data;
    assert_true(ja_clock_us() == due_us);
    note_call(data, due_us);
    if (caller->calls->count == 200)
        ja_loop_stop(caller->calls->loop);
}

/* It asks the kernel for the very microsecond, once for each; test/bench/osc.sh measures how the
 * kernel keeps to that. */
static void timers_are_on_time(void **state) {
    static struct calls calls;
    struct caller caller = {&calls, 't', 0};
    calls = (struct calls){.loop = *state};
    own_clock_waits = 0;
    ja_loop_every(*state, 1700, stop_after_200, &caller);
    ja_loop_run(*state);
    assert_int_equal(own_clock_waits, 200);
    assert_int_equal(prctl(PR_GET_TIMERSLACK), 1000); /* ns, of Linux' usual 50000 */
}

/* --- Descriptors --- */

struct pipe_end {
    struct ja_loop *loop;
    int fd, calls;
    short events;
    struct pipe_end *other; /* to be unwatched by the call */
};

static void read_one(void *data, int fd, short events) {
    struct pipe_end *end = data;
    char byte;
    assert_int_equal(fd, end->fd);
    end->calls++;
    end->events = events;
    if (events & POLLIN)
        assert_int_equal(read(fd, &byte, 1), 1);
}

static void watch(struct ja_loop *loop, int fd, short events, ja_loop_fd_function *function,
                  void *data) {
    struct ja_error error;
    assert_int_equal(ja_loop_watch(loop, fd, events, function, data, &error), JA_OK);
}

static void calls_while_something_is_to_be_read(void **state) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pipe_end end = {.fd = fds[0]};
    watch(*state, fds[0], POLLIN, read_one, &end);
    ja_loop_once(*state, 0);
    assert_int_equal(end.calls, 0);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    for (int i = 1; i <= 4; i++) {
        ja_loop_once(*state, 0);
        assert_int_equal(end.calls, i < 2 ? i : 2);
    }
    close(fds[1]);
    ja_loop_once(*state, LONG_US);
    assert_int_equal(end.calls, 3);
    assert_true(end.events & POLLHUP);
    ja_loop_unwatch(*state, fds[0]);
    ja_loop_unwatch(*state, fds[0]); /* unknown is fine */
    ja_loop_unwatch(*state, -1);
    ja_loop_once(*state, 0);
    assert_int_equal(end.calls, 3);
    close(fds[0]);
}

static void the_events_can_be_changed(void **state) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pipe_end end = {.fd = fds[1]};
    watch(*state, fds[1], 0, read_one, &end);
    ja_loop_once(*state, 0);
    assert_int_equal(end.calls, 0);
    ja_loop_change(*state, fds[1], POLLOUT);
    ja_loop_once(*state, LONG_US);
    assert_int_equal(end.calls, 1);
    assert_int_equal(end.events, POLLOUT);
    ja_loop_unwatch(*state, fds[1]);
    close(fds[0]);
    close(fds[1]);
}

static void unwatch_both(void *data, int fd, short events) {
    struct pipe_end *end = data;
    (void)events;
    end->calls++;
    ja_loop_unwatch(end->loop, fd);
    ja_loop_unwatch(end->loop, end->other->fd);
}

static void removal_holds_within_the_round(void **state) {
    int fds[4];
    assert_int_equal(pipe(fds) + pipe(fds + 2), 0);
    struct pipe_end a = {.loop = *state, .fd = fds[0]}, b = {.loop = *state, .fd = fds[2]};
    a.other = &b, b.other = &a;
    watch(*state, fds[0], POLLIN, unwatch_both, &a);
    watch(*state, fds[2], POLLIN, unwatch_both, &b);
    assert_int_equal(write(fds[1], "a", 1) + write(fds[3], "b", 1), 2);
    ja_loop_once(*state, LONG_US);
    ja_loop_once(*state, 0);
    assert_int_equal(a.calls + b.calls, 1);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

/* Closes the other descriptor, and watches new pipes: enough that the loop's arrays move, the first
 * under the very number that was closed. */
struct reuse {
    struct ja_loop *loop;
    int fd, other, calls;
    int made[40];
    struct pipe_end end;
};

static void reuse_number(void *data, int fd, short events) {
    struct reuse *reuse = data;
    (void)events;
    if (reuse->calls++ > 0)
        return;
    ja_loop_unwatch(reuse->loop, fd);
    ja_loop_unwatch(reuse->loop, reuse->other);
    close(reuse->other);
    for (int i = 0; i < 40; i += 2) {
        assert_int_equal(pipe(reuse->made + i), 0);
        watch(reuse->loop, reuse->made[i], POLLIN, read_one, &reuse->end);
    }
    assert_int_equal(reuse->made[0], reuse->other);
}

static void a_reused_number_gets_no_events_of_its_predecessor(void **state) {
    int fds[4];
    assert_int_equal(pipe(fds) + pipe(fds + 2), 0);
    struct reuse reuse = {.loop = *state, .fd = fds[0], .other = fds[2]};
    watch(*state, fds[0], POLLIN, reuse_number, &reuse);
    watch(*state, fds[2], POLLIN, reuse_number, &reuse);
    assert_int_equal(write(fds[1], "a", 1) + write(fds[3], "b", 1), 2);
    ja_loop_once(*state, LONG_US);
    ja_loop_once(*state, 0);
    assert_int_equal(reuse.calls, 1);
    assert_int_equal(reuse.end.calls, 0);

    reuse.end.fd = reuse.made[38];
    assert_int_equal(write(reuse.made[39], "c", 1), 1);
    ja_loop_once(*state, LONG_US);
    assert_int_equal(reuse.end.calls, 1);
    for (int i = 0; i < 40; i++) {
        ja_loop_unwatch(*state, reuse.made[i]);
        close(reuse.made[i]);
    }
    close(fds[0]), close(fds[1]), close(fds[3]);
}

static void add_a_due_timer(void *data, uint64_t due_us) {
    struct caller *caller = data;
    note_call(data, due_us);
    ja_loop_at(caller->calls->loop, due_us + 1, add_a_due_timer, caller);
}

static void timers_that_add_timers_keep_no_descriptor_waiting(void **state) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct calls calls = {.loop = *state};
    struct caller caller = {&calls, 't', 0};
    struct pipe_end end = {.fd = fds[0]};
    ja_loop_at(*state, 1, add_a_due_timer, &caller);
    watch(*state, fds[0], POLLIN, read_one, &end);
    assert_int_equal(write(fds[1], "a", 1), 1);
    ja_loop_once(*state, LONG_US);
    assert_int_equal(end.calls, 1);
    assert_true(calls.count >= 1);
    ja_loop_unwatch(*state, fds[0]);
    close(fds[0]), close(fds[1]);
}

/* --- Waking and stopping --- */

static void *wake_after_a_while(void *data) {
    sleep_us(20000);
    ja_loop_wake(data);
    return NULL;
}

static void another_thread_ends_the_wait(void **state) {
    pthread_t thread;
    uint64_t start_us = ja_clock_us();
    assert_int_equal(pthread_create(&thread, NULL, wake_after_a_while, *state), 0);
    ja_loop_once(*state, LONG_US);
    pthread_join(thread, NULL);
    assert_in_range(ja_clock_us() - start_us, 10000, LONG_US / 2);
}

static void a_wake_before_the_wait_counts_once(void **state) {
    ja_loop_wake(*state);
    ja_loop_wake(*state);
    uint64_t start_us = ja_clock_us();
    ja_loop_once(*state, LONG_US);
    assert_in_range(ja_clock_us() - start_us, 0, LONG_US / 2);
    start_us = ja_clock_us();
    ja_loop_once(*state, 30000);
    assert_true(ja_clock_us() - start_us >= 30000);
}

static struct ja_loop *signalled;

static void wake_on_signal(int number) {
    (void)number;
    ja_loop_wake(signalled);
}

static void a_signal_handler_can_wake(void **state) {
    struct sigaction action = {.sa_handler = wake_on_signal}, before;
    signalled = *state;
    sigaction(SIGUSR1, &action, &before);
    raise(SIGUSR1);
    uint64_t start_us = ja_clock_us();
    ja_loop_once(*state, LONG_US);
    assert_in_range(ja_clock_us() - start_us, 0, LONG_US / 2);
    sigaction(SIGUSR1, &before, NULL);
}

static void a_stop_before_the_run_counts(void **state) {
    ja_loop_stop(*state);
    ja_loop_run(*state); /* returns */
}

/* --- Without memory --- */

static void says_when_there_is_no_memory(void **state) {
    (void)state;
    struct ja_error error;
    struct ja_loop *loop = NULL;
    unsigned n = 0;
    while (!loop) {
        error.text[0] = '\0';
        fail_at = ++n;
        loop = ja_loop_new(&error);
        assert_int_equal(!loop, error.text[0] != '\0');
    }
    fail_at = 0;
    assert_true(n > 3); /* the loop itself and its two arrays */

    struct calls calls = {.loop = loop};
    struct caller caller = {&calls, 't', 0};
    fail_at = 1;
    assert_int_equal(ja_loop_at(loop, 1, note_call, &caller), 0);
    fail_at = 1;
    assert_int_equal(ja_loop_every(loop, 1, note_call, &caller), 0);
    assert_true(ja_loop_at(loop, 1, note_call, &caller) > 0);

    /* The sixteenth descriptor needs more room; after the failure there is some. */
    int fds[40];
    struct pipe_end end = {0};
    for (int i = 0; i < 40; i += 2) {
        assert_int_equal(pipe(fds + i), 0);
        fail_at = 2;
        if (ja_loop_watch(loop, fds[i], POLLIN, read_one, &end, &error) != JA_OK) {
            assert_int_equal(i, 30);
            watch(loop, fds[i], POLLIN, read_one, &end);
        }
        fail_at = 0;
    }
    end.fd = fds[38];
    assert_int_equal(write(fds[39], "x", 1), 1);
    ja_loop_once(loop, LONG_US);
    assert_int_equal(end.calls, 1);
    assert_int_equal(calls.count, 1);
    ja_loop_free(loop);
    ja_loop_free(NULL);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
}

#define LOOP_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define WAITING_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, set_up_with_real_waits, tear_down)

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        LOOP_TEST(due_timers_run_in_order_of_time_then_of_adding),
        LOOP_TEST(random_timers_run_sorted_and_cancelled_ones_not),
        LOOP_TEST(a_late_call_shifts_nothing_and_missed_ones_are_skipped),
        LOOP_TEST(a_timer_can_cancel_itself),
        LOOP_TEST(a_timer_can_cancel_another_that_is_due),
        LOOP_TEST(unknown_timers_are_fine_to_cancel),
        LOOP_TEST(timers_are_on_time),
        WAITING_TEST(calls_while_something_is_to_be_read),
        WAITING_TEST(the_events_can_be_changed),
        WAITING_TEST(removal_holds_within_the_round),
        WAITING_TEST(a_reused_number_gets_no_events_of_its_predecessor),
        LOOP_TEST(timers_that_add_timers_keep_no_descriptor_waiting),
        WAITING_TEST(another_thread_ends_the_wait),
        WAITING_TEST(a_wake_before_the_wait_counts_once),
        WAITING_TEST(a_signal_handler_can_wake),
        LOOP_TEST(a_stop_before_the_run_counts),
        cmocka_unit_test(says_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
