/* Listening in: every sample with its frame number, nothing while nobody reads, and losses counted.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/wait.h"
#include <cmocka.h>
#include <ja/core/clock.h>
#include <ja/stream/monitor.h>
#include <pthread.h>
#include <semaphore.h>

enum { CHANNELS = 2, FRAMES = 256, RUNS = 20, BLOCKS = 50 };

static atomic_bool quit;
static atomic_uint wakes;
static float heard[CHANNELS * JA_BLOCK_FRAMES];

static void wake(void *data) {
    assert_ptr_equal(data, heard);
    atomic_fetch_add(&wakes, 1);
}

static struct ja_block block_at(uint64_t frame, unsigned frames) {
    return (struct ja_block){.frame = frame, .frames = frames, .rate = 48000, .channels = CHANNELS};
}

static void offer(struct ja_monitor *monitor, uint64_t number) {
    float samples[CHANNELS * FRAMES];
    const struct ja_block block = block_at(number * FRAMES, FRAMES);
    for (unsigned i = 0; i < CHANNELS * FRAMES; i++)
        samples[i] = (float)((number * CHANNELS * FRAMES + i) % 10007);
    ja_monitor_offer(monitor, &block, samples);
}

static void check(const struct ja_block *block) {
    const uint64_t first = block->frame * CHANNELS;
    assert_int_equal(block->frames, FRAMES);
    for (unsigned i = 0; i < CHANNELS * FRAMES; i++)
        assert_true(heard[i] == (float)((first + i) % 10007));
}

static void test_nothing_while_nobody_reads(void **state) {
    (void)state;
    struct ja_monitor monitor;
    struct ja_block block;
    ja_monitor_init(&monitor, CHANNELS);
    offer(&monitor, 0);
    assert_null(monitor.ring);
    assert_false(ja_monitor_read(&monitor, &block, heard));
    assert_true(ja_monitor_start(&monitor, wake, heard));
    offer(&monitor, 1);
    offer(&monitor, 2);
    ja_monitor_stop(&monitor);
    offer(&monitor, 3);
    for (unsigned i = 1; i < 3; i++) {
        assert_true(ja_monitor_read(&monitor, &block, heard));
        assert_int_equal(block.frame, i * FRAMES);
        check(&block);
    }
    assert_false(ja_monitor_read(&monitor, &block, heard));
    assert_int_equal(wakes, 2);
    ja_monitor_done(&monitor);
}

static void test_what_is_old_is_no_news(void **state) {
    (void)state;
    struct ja_monitor monitor;
    struct ja_block block;
    ja_monitor_init(&monitor, CHANNELS);
    assert_true(ja_monitor_start(&monitor, wake, heard));
    offer(&monitor, 0);
    ja_monitor_stop(&monitor);
    assert_true(ja_monitor_start(&monitor, wake, heard));
    assert_false(ja_monitor_read(&monitor, &block, heard));
    ja_monitor_done(&monitor);
}

static void test_losses_are_counted(void **state) {
    (void)state;
    struct ja_monitor monitor;
    struct ja_block block;
    unsigned read = 0;
    ja_monitor_init(&monitor, CHANNELS);
    assert_true(ja_monitor_start(&monitor, wake, heard));
    for (unsigned i = 0; i < 1000; i++)
        offer(&monitor, i);
    for (; ja_monitor_read(&monitor, &block, heard); read++) {
        assert_int_equal(block.frame, read * FRAMES);
        check(&block);
    }
    assert_true(read > 0 && monitor.lost > 0);
    assert_int_equal(read + monitor.lost, 1000);
    ja_monitor_done(&monitor);
}

static void *play(void *data) {
    for (uint64_t i = 0; !atomic_load(&quit); i++) {
        offer(data, i);
        look_again();
    }
    return NULL;
}

/* Readers come and go while the sound runs. */
static void test_threads(void **state) {
    (void)state;
    struct ja_monitor monitor;
    struct ja_block block;
    pthread_t player;
    ja_monitor_init(&monitor, CHANNELS);
    atomic_store(&quit, false);
    assert_int_equal(pthread_create(&player, NULL, play, &monitor), 0);
    for (unsigned run = 0; run < RUNS; run++) {
        const uint64_t end_us = ja_clock_us() + 10000000;
        unsigned read = 0;
        assert_true(ja_monitor_start(&monitor, wake, heard));
        while (read < BLOCKS && ja_clock_us() < end_us) {
            if (!ja_monitor_read(&monitor, &block, heard)) {
                look_again();
                continue;
            }
            check(&block);
            read++;
        }
        assert_int_equal(read, BLOCKS);
        ja_monitor_stop(&monitor);
    }
    atomic_store(&quit, true);
    pthread_join(player, NULL);
    ja_monitor_done(&monitor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_while_nobody_reads),
        cmocka_unit_test(test_what_is_old_is_no_news),
        cmocka_unit_test(test_losses_are_counted),
        cmocka_unit_test(test_threads),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
