/* Tests of the schedule: order, moment, releases, bounds.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/own_clock.h"
#include "../support/random.h"
#include "sink/schedule.h"
#include <cmocka.h>
#include <ja/core/clock.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 2 * JA_SCHEDULE_ENTRIES };

struct fixture {
    struct ja_loop *loop;
    struct ja_schedule *schedule;
    size_t count;
    unsigned names[MOST]; /* what left, in order */
    uint64_t due_us[MOST], left_us[MOST];
    bool adds_release; /* every packet is followed by its release, 5 ms later */
};

static unsigned name_of(const struct ja_packet *packet) {
    unsigned name;
    memcpy(&name, packet->data, sizeof name);
    return name;
}

static void leave(void *data, const struct ja_packet *packet) {
    struct fixture *fixture = data;
    assert_true(fixture->count < MOST);
    fixture->names[fixture->count] = name_of(packet);
    fixture->due_us[fixture->count] = packet->due_us;
    fixture->left_us[fixture->count++] = ja_clock_us();
    if (!fixture->adds_release || packet->release)
        return;
    struct ja_packet release = *packet;
    release.release = true;
    release.due_us += 5000;
    ja_schedule_add(fixture->schedule, &release);
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct ja_error error;
    *state = fixture;
    if (!fixture || !(fixture->loop = ja_loop_new(&error)))
        return -1;
    fixture->schedule = ja_schedule_new(fixture->loop, leave, fixture);
    return fixture->schedule ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    ja_schedule_free(fixture->schedule);
    ja_loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static bool add(struct fixture *fixture, unsigned name, uint64_t due_us) {
    struct ja_packet packet = {.due_us = due_us, .group = name, .size = sizeof name};
    memcpy(packet.data, &name, sizeof name);
    return ja_schedule_add(fixture->schedule, &packet);
}

static void run_until_empty(struct fixture *fixture) {
    uint64_t end_us = ja_clock_us() + 20000000;
    while (ja_schedule_count(fixture->schedule) && ja_clock_us() < end_us)
        ja_loop_once(fixture->loop, 1000000);
    assert_int_equal(ja_schedule_count(fixture->schedule), 0);
}

static void sends_in_order_of_time(void **state) {
    struct fixture *fixture = *state;
    struct random random = {7};
    uint64_t start_us = ja_clock_us() + 20000;
    for (unsigned i = 0; i < 500; i++)
        assert_true(add(fixture, i, start_us + 100 * random_below(&random, 100)));
    assert_int_equal(fixture->count, 0);
    run_until_empty(fixture);
    assert_int_equal(fixture->count, 500);
    for (size_t i = 1; i < fixture->count; i++) {
        assert_true(fixture->due_us[i - 1] <= fixture->due_us[i]);
        if (fixture->due_us[i - 1] == fixture->due_us[i])
            assert_true(fixture->names[i - 1] < fixture->names[i]);
    }
}

static void sends_what_is_due_at_once(void **state) {
    struct fixture *fixture = *state;
    assert_true(add(fixture, 1, ja_clock_us() + 3600000000u));
    assert_true(add(fixture, 2, 0));
    assert_true(add(fixture, 3, ja_clock_us()));
    assert_int_equal(fixture->count, 2);
    assert_int_equal(fixture->names[0], 2);
    assert_int_equal(fixture->names[1], 3);
    assert_int_equal(ja_schedule_stats(fixture->schedule)->late, 0); /* not the schedule's fault */
}

static void never_early_nor_late(void **state) {
    struct fixture *fixture = *state;
    uint64_t start_us = ja_clock_us();
    own_clock_waits = 0;
    for (unsigned i = 0; i < 100; i++)
        assert_true(add(fixture, i, start_us + 10000 + 7013 * i));
    run_until_empty(fixture);
    for (size_t i = 0; i < 100; i++)
        assert_true(fixture->left_us[i] == fixture->due_us[i]);
    assert_int_equal(own_clock_waits, 100); /* and the processor had its rest */
}

static void counts_what_leaves_late(void **state) {
    struct fixture *fixture = *state;
    own_clock_oversleep_us = 1000; /* is still in time */
    assert_true(add(fixture, 1, ja_clock_us() + 2000));
    run_until_empty(fixture);
    assert_int_equal(ja_schedule_stats(fixture->schedule)->late, 0);
    own_clock_oversleep_us = 0;
    assert_true(add(fixture, 2, ja_clock_us() + 2000));
    own_clock_pass(7000); /* the loop is kept from running */
    run_until_empty(fixture);
    assert_int_equal(ja_schedule_stats(fixture->schedule)->late, 1);
    assert_int_equal(ja_schedule_stats(fixture->schedule)->worst_us, 5000);
}

static void is_bounded(void **state) {
    struct fixture *fixture = *state;
    uint64_t due_us = ja_clock_us() + 3600000000u;
    for (unsigned i = 0; i < JA_SCHEDULE_ENTRIES; i++)
        assert_true(add(fixture, i, due_us));
    assert_false(add(fixture, 9999, due_us));
    assert_int_equal(ja_schedule_stats(fixture->schedule)->overflow, 1);
    ja_schedule_flush(fixture->schedule);
    assert_int_equal(ja_schedule_count(fixture->schedule), 0);
    assert_int_equal(fixture->count, 0);
    assert_true(add(fixture, 1, due_us));
}

static void sends_may_add(void **state) {
    struct fixture *fixture = *state;
    fixture->adds_release = true;
    uint64_t due_us = ja_clock_us() + 5000;
    assert_true(add(fixture, 1, due_us));
    assert_true(add(fixture, 2, due_us + 2000));
    run_until_empty(fixture);
    assert_int_equal(fixture->count, 4);
    const unsigned order[] = {1, 2, 1, 2};
    assert_memory_equal(fixture->names, order, sizeof order);
}

static void releases_early(void **state) {
    struct fixture *fixture = *state;
    fixture->adds_release = true;
    assert_true(add(fixture, 1, 0)); /* leaves at once: 1, and its release waits … */
    assert_true(add(fixture, 2, 0));
    assert_true(add(fixture, 3, ja_clock_us() + 3600000000u));
    uint64_t start_us = ja_clock_us();
    while (ja_schedule_count(fixture->schedule) > 1 && ja_clock_us() < start_us + 2000000)
        ja_loop_once(fixture->loop, 10000); /* … for a moment that is over already */
    assert_int_equal(fixture->count, 4);
    fixture->count = 0;

    uint64_t soon_us = ja_clock_us();
    struct ja_packet release = {.due_us = soon_us + 3600000000u, .release = true, .size = 4};
    for (unsigned name = 5; name < 8; name++) {
        release.group = name;
        memcpy(release.data, &name, sizeof name);
        assert_true(ja_schedule_add(fixture->schedule, &release));
    }
    ja_schedule_release(fixture->schedule, 6);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture->names[0], 6);
    ja_schedule_flush(fixture->schedule);
    assert_int_equal(fixture->count, 3); /* 5 and 7; 3 is dropped */
    assert_int_equal(fixture->names[1], 5);
    assert_int_equal(fixture->names[2], 7);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(sends_in_order_of_time),
        WITH(sends_what_is_due_at_once),
        WITH(never_early_nor_late),
        WITH(counts_what_leaves_late),
        WITH(is_bounded),
        WITH(sends_may_add),
        WITH(releases_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
