/* Tests the ring: against a plain queue in one thread, between two threads, and without memory.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../support/failing.h"
#include "../support/random.h"
#include "../support/wait.h"
#include <cmocka.h>
#include <ja/core/ring.h>
#include <pthread.h>
#include <sys/resource.h>

static void rounds_the_capacity_up(void **state) {
    (void)state;
    const size_t asked[] = {0, 1, 64, 65, 1000, 4096, 4097, 100000};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct ja_ring *ring = ja_ring_new(asked[i]);
        size_t capacity = ja_ring_capacity(ring);
        assert_true(capacity >= asked[i] && capacity > 0);
        assert_true((capacity & (capacity - 1)) == 0);
        assert_true(capacity <= 64 || capacity < 2 * asked[i]);
        assert_int_equal(ja_ring_write_space(ring), capacity);
        assert_int_equal(ja_ring_read_space(ring), 0);
        ja_ring_free(ring);
    }
}

static void refuses_more_than_a_gibibyte(void **state) {
    (void)state;
    assert_null(ja_ring_new(((size_t)1 << 30) + 1));
    assert_null(ja_ring_new(SIZE_MAX));
}

static void says_when_there_is_no_memory(void **state) {
    (void)state;
    fail_at = 1;
    assert_null(ja_ring_new(1000));
    assert_int_equal(fail_at, 0);
    ja_ring_free(NULL);
}

static void every_byte_of_the_capacity_is_usable(void **state) {
    (void)state;
    struct ja_ring *ring = ja_ring_new(128);
    unsigned char bytes[129] = {0};
    for (int round = 0; round < 5; round++) {
        assert_false(ja_ring_write(ring, bytes, 129));
        assert_true(ja_ring_write(ring, bytes, 128));
        assert_false(ja_ring_write(ring, bytes, 1));
        assert_int_equal(ja_ring_write_space(ring), 0);
        assert_false(ja_ring_read(ring, bytes, 129));
        assert_true(ja_ring_skip(ring, 100));
        assert_false(ja_ring_skip(ring, 29));
        assert_true(ja_ring_read(ring, bytes, 28));
    }
    ja_ring_free(ring);
}

static void a_message_shows_whole_or_not_at_all(void **state) {
    (void)state;
    struct ja_ring *ring = ja_ring_new(64);
    struct ja_ring_write write;
    char read[6];
    assert_true(ja_ring_begin(ring, &write, 6));
    ja_ring_put(&write, "abc", 3);
    assert_int_equal(ja_ring_read_space(ring), 0);
    assert_false(ja_ring_read(ring, read, 1));
    ja_ring_put(&write, "def", 3);
    assert_int_equal(ja_ring_read_space(ring), 0);
    ja_ring_commit(&write);
    assert_true(ja_ring_read(ring, read, 6));
    assert_memory_equal(read, "abcdef", 6);
    ja_ring_free(ring);
}

static void a_message_given_up_leaves_nothing(void **state) {
    (void)state;
    struct ja_ring *ring = ja_ring_new(64);
    struct ja_ring_write write;
    char read[3];
    assert_true(ja_ring_begin(ring, &write, 60));
    ja_ring_put(&write, "never", 5);
    assert_true(ja_ring_write(ring, "yes", 3));
    assert_int_equal(ja_ring_read_space(ring), 3);
    assert_true(ja_ring_read(ring, read, 3));
    assert_memory_equal(read, "yes", 3);
    ja_ring_free(ring);
}

/* Bytes number `at` and following of an endless sequence that no shift of itself repeats soon. */
static void fill(unsigned char *bytes, uint64_t at, size_t size) {
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(((at + i) * 0x9e3779b97f4a7c15) >> 56);
}

static void check(const unsigned char *bytes, uint64_t at, size_t size) {
    unsigned char expected[256];
    fill(expected, at, size);
    assert_memory_equal(bytes, expected, size);
}

/* One random step of a writer or a reader that keeps count of what must be in the ring. */
static void random_step(struct ja_ring *ring, struct random *random, uint64_t *in, uint64_t *out) {
    unsigned char bytes[256];
    size_t size = random_below(random, 200);
    size_t inside = *in - *out, room = ja_ring_capacity(ring) - inside;
    assert_int_equal(ja_ring_read_space(ring), inside);
    assert_int_equal(ja_ring_write_space(ring), room);
    switch (random_below(random, 4)) {
    case 0:
    case 1:
        fill(bytes, *in, size);
        assert_int_equal(ja_ring_write(ring, bytes, size), size <= room);
        *in += size <= room ? size : 0;
        break;
    case 2: {
        size_t offset = random_below(random, 100);
        assert_int_equal(ja_ring_peek(ring, offset, bytes, size), offset + size <= inside);
        if (offset + size <= inside)
            check(bytes, *out + offset, size);
        assert_int_equal(ja_ring_read(ring, bytes, size), size <= inside);
        if (size <= inside) {
            check(bytes, *out, size);
            *out += size;
        }
        break;
    }
    default:
        assert_int_equal(ja_ring_skip(ring, size), size <= inside);
        *out += size <= inside ? size : 0;
    }
}

static void behaves_like_a_queue(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct random random = {seed};
        struct ja_ring *ring = ja_ring_new(1 + random_below(&random, 1000));
        uint64_t in = 0, out = 0;
        for (int i = 0; i < 5000; i++)
            random_step(ring, &random, &in, &out);
        assert_true(in > ja_ring_capacity(ring)); /* it went round */
        ja_ring_free(ring);
    }
}

enum { BYTES = 10000000, LONGEST = 3000 };

struct transfer {
    struct ja_ring *ring;
    uint64_t seed;
};

/* Messages {size, bytes}, put in random pieces. */
static void *write_messages(void *data) {
    struct transfer *transfer = data;
    struct random random = {transfer->seed};
    static unsigned char bytes[LONGEST];
    for (uint64_t at = 0; at < BYTES;) {
        uint32_t size = (uint32_t)(1 + random_below(&random, LONGEST));
        fill(bytes, at, size);
        struct ja_ring_write write;
        while (!ja_ring_begin(transfer->ring, &write, sizeof size + size))
            look_again();
        size_t first = random_below(&random, size + 1);
        ja_ring_put(&write, &size, sizeof size);
        ja_ring_put(&write, bytes, first);
        ja_ring_put(&write, bytes + first, size - first);
        ja_ring_commit(&write);
        at += size;
    }
    return NULL;
}

/* Returns whether every message arrived whole and in order. */
static bool read_messages(struct ja_ring *ring) {
    static unsigned char bytes[LONGEST], expected[LONGEST];
    bool right = true;
    for (uint64_t at = 0; at < BYTES;) {
        uint32_t size;
        while (!ja_ring_peek(ring, 0, &size, sizeof size))
            look_again();
        if (size > LONGEST || !ja_ring_skip(ring, sizeof size) || !ja_ring_read(ring, bytes, size))
            return false;
        fill(expected, at, size);
        right = right && memcmp(bytes, expected, size) == 0;
        at += size;
    }
    return right && ja_ring_read_space(ring) == 0;
}

static void carries_messages_between_two_threads(void **state) {
    (void)state;
    const size_t capacities[] = {4096, 16384, 1 << 20};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        struct transfer transfer = {ja_ring_new(capacities[i]), i + 1};
        pthread_t writer;
        assert_int_equal(pthread_create(&writer, NULL, write_messages, &transfer), 0);
        bool right = read_messages(transfer.ring);
        assert_true(right); /* before the join: a writer whose reader gave up would never end */
        pthread_join(writer, NULL);
        ja_ring_free(transfer.ring);
    }
}

static long page_faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

static void no_page_is_left_to_be_faulted_in(void **state) {
    (void)state;
    const size_t capacity = 4 << 20; /* 1024 pages */
    struct ja_ring *ring = ja_ring_new(capacity);
    unsigned char bytes[4096] = {1};
    long before = page_faults();
    while (ja_ring_write(ring, bytes, sizeof bytes))
        continue;
    assert_in_range(page_faults() - before, 0, 100);
    ja_ring_free(ring);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_the_capacity_up),
        cmocka_unit_test(refuses_more_than_a_gibibyte),
        cmocka_unit_test(says_when_there_is_no_memory),
        cmocka_unit_test(every_byte_of_the_capacity_is_usable),
        cmocka_unit_test(a_message_shows_whole_or_not_at_all),
        cmocka_unit_test(a_message_given_up_leaves_nothing),
        cmocka_unit_test(behaves_like_a_queue),
        cmocka_unit_test(carries_messages_between_two_threads),
        cmocka_unit_test(no_page_is_left_to_be_faulted_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
