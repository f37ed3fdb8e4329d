/* The door for sound: blocks go in whole or not at all, and nothing is lost uncounted.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/stream/inlet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static float sound[JA_CHANNELS][JA_BLOCK_FRAMES];
static float heard[JA_CHANNELS * JA_BLOCK_FRAMES];

static struct ja_block block_of(uint64_t frame, uint32_t frames, uint32_t channels) {
    return (struct ja_block){.frame = frame, .frames = frames, .rate = 48000, .channels = channels};
}

static void a_block_comes_out_as_it_went_in(void **state) {
    (void)state;
    struct ja_inlet inlet;
    assert_true(ja_inlet_init(&inlet, 2, JA_INLET_BLOCKS));
    const float *channels[] = {sound[0], sound[1]};
    for (int i = 0; i < JA_BLOCK_FRAMES; i++) {
        sound[0][i] = (float)i;
        sound[1][i] = (float)-i;
    }
    struct ja_block block = block_of(7, 1000, 2), out;
    assert_true(ja_inlet_write(&inlet, &block, channels));
    assert_int_equal(sem_trywait(&inlet.ready), 0);
    assert_true(ja_ring_read(inlet.ring, &out, sizeof out));
    assert_memory_equal(&out, &block, sizeof out);
    assert_true(ja_ring_read(inlet.ring, heard, 2 * 1000 * sizeof(float)));
    assert_memory_equal(heard, sound[0], 1000 * sizeof(float));
    assert_memory_equal(heard + 1000, sound[1], 1000 * sizeof(float));
    assert_int_equal(ja_ring_read_space(inlet.ring), 0);
    ja_inlet_done(&inlet);
}

static void a_missing_channel_is_silent(void **state) {
    (void)state;
    struct ja_inlet inlet;
    assert_true(ja_inlet_init(&inlet, 2, JA_INLET_BLOCKS));
    const float *channels[] = {NULL, sound[1]};
    struct ja_block block = block_of(0, 777, 2), out;
    memset(heard, 1, sizeof heard);
    assert_true(ja_inlet_write(&inlet, &block, channels));
    assert_true(ja_ring_read(inlet.ring, &out, sizeof out));
    assert_true(ja_ring_read(inlet.ring, heard, 2 * 777 * sizeof(float)));
    for (int i = 0; i < 777; i++)
        assert_true(heard[i] == 0);
    assert_memory_equal(heard + 777, sound[1], 777 * sizeof(float));
    ja_inlet_done(&inlet);
}

static void there_is_room_for_16_blocks(void **state) {
    (void)state;
    for (unsigned count = 1; count <= JA_CHANNELS; count++) {
        struct ja_inlet inlet;
        assert_true(ja_inlet_init(&inlet, count, JA_INLET_BLOCKS));
        const float *channels[JA_CHANNELS] = {0};
        struct ja_block block = block_of(0, JA_BLOCK_FRAMES, count);
        for (int i = 0; i < 16; i++) {
            assert_true(ja_inlet_has_room(&inlet, count, JA_BLOCK_FRAMES));
            assert_true(ja_inlet_write(&inlet, &block, channels));
        }
        ja_inlet_done(&inlet);
    }
}

static void a_block_without_room_is_dropped_whole_and_counted(void **state) {
    (void)state;
    struct ja_inlet inlet;
    assert_true(ja_inlet_init(&inlet, 1, JA_INLET_BLOCKS));
    const float *channels[] = {sound[0]};
    struct ja_block block = block_of(0, 5000, 1);
    unsigned written = 0;
    while (ja_inlet_write(&inlet, &block, channels))
        written++;
    assert_false(ja_inlet_has_room(&inlet, 1, 5000));
    assert_int_equal(inlet.lost, 5000);
    assert_int_equal(inlet.lost_blocks, 1);
    assert_int_equal(inlet.delivered, 5000 * (written + 1));
    int posts;
    sem_getvalue(&inlet.ready, &posts);
    assert_int_equal(posts, written + 1);
    size_t each = sizeof block + 5000 * sizeof(float);
    assert_int_equal(ja_ring_read_space(inlet.ring), written * each);

    assert_true(ja_ring_skip(inlet.ring, each));
    assert_true(ja_inlet_has_room(&inlet, 1, 5000));
    assert_true(ja_inlet_write(&inlet, &block, channels));
    ja_inlet_done(&inlet);
}

static int posts_of(struct ja_inlet *inlet) {
    int posts;
    sem_getvalue(&inlet->ready, &posts);
    return posts;
}

static void the_reader_is_woken_no_sooner_than_it_wants(void **state) {
    (void)state;
    struct ja_inlet inlet;
    assert_true(ja_inlet_init(&inlet, 1, JA_INLET_BLOCKS));
    const float *channels[] = {sound[0]};
    struct ja_block block = block_of(0, 64, 1), large = block_of(0, JA_BLOCK_FRAMES, 1);
    ja_inlet_write(&inlet, &block, channels);
    assert_int_equal(posts_of(&inlet), 1); /* it has not said anything yet */
    ja_inlet_want(&inlet, 64, 96);
    ja_inlet_write(&inlet, &block, channels);
    assert_int_equal(posts_of(&inlet), 1);
    ja_inlet_write(&inlet, &block, channels);
    assert_int_equal(posts_of(&inlet), 2);
    ja_inlet_write(&inlet, &block, channels); /* it has not come yet */
    assert_int_equal(posts_of(&inlet), 3);
    ja_inlet_want(&inlet, 0, 1 << 30);
    while (ja_inlet_write(&inlet, &large, channels))
        assert_int_equal(posts_of(&inlet), 3);
    assert_int_equal(posts_of(&inlet), 4); /* something was lost */
    ja_inlet_done(&inlet);
}

static void what_was_given_up_counts_as_lost(void **state) {
    (void)state;
    struct ja_inlet inlet;
    assert_true(ja_inlet_init(&inlet, 1, 1));
    ja_inlet_lose(&inlet, 300);
    ja_inlet_lose(&inlet, 200);
    assert_int_equal(inlet.delivered, 500);
    assert_int_equal(inlet.lost, 500);
    assert_int_equal(inlet.lost_blocks, 2);
    assert_int_equal(ja_ring_read_space(inlet.ring), 0);
    ja_inlet_done(&inlet);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_comes_out_as_it_went_in),
        cmocka_unit_test(a_missing_channel_is_silent),
        cmocka_unit_test(there_is_room_for_16_blocks),
        cmocka_unit_test(a_block_without_room_is_dropped_whole_and_counted),
        cmocka_unit_test(the_reader_is_woken_no_sooner_than_it_wants),
        cmocka_unit_test(what_was_given_up_counts_as_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
