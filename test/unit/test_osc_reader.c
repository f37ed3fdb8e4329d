/* Tests of the strict OSC reader: what is valid is read exactly, what is not is refused.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/random.h"
#include <cmocka.h>
#include <ja/net/osc_reader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A packet given as a string literal: its last NUL is not part of it. */
#define READ(literal, seen) read_bytes(literal, sizeof(literal) - 1, seen)

struct seen {
    unsigned count;
    char address[256];
    char types[64];
    double sum; /* of all numbers; lengths of strings and blobs */
};

static void hear(void *data, const struct ja_osc_message *message) {
    struct seen *seen = data;
    seen->count++;
    snprintf(seen->address, sizeof seen->address, "%s", message->address);
    snprintf(seen->types, sizeof seen->types, "%s", message->types);
    assert_int_equal(strlen(message->types), message->count);
    for (size_t i = 0; i < message->count; i++) {
        const struct ja_osc_argument *argument = &message->arguments[i];
        assert_int_equal(argument->type, message->types[i]);
        switch (argument->type) {
        case 'i':
            seen->sum += argument->i;
            break;
        case 'f':
            seen->sum += (double)argument->f;
            break;
        case 'h':
            seen->sum += (double)argument->h;
            break;
        case 'd':
            seen->sum += argument->d;
            break;
        case 's':
            seen->sum += (double)strlen(argument->s);
            break;
        case 'b':
            for (uint32_t b = 0; b < argument->b.size; b++) /* every byte must be there */
                seen->sum += ((const unsigned char *)argument->b.data)[b] * 0.0;
            seen->sum += argument->b.size;
            break;
        }
    }
}

/* From memory of exactly that size, so that the address sanitizer sees one byte too far. */
static bool read_bytes(const void *bytes, size_t size, struct seen *seen) {
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    memset(seen, 0, sizeof *seen);
    bool whole = ja_osc_read(copy, size, hear, seen);
    free(copy);
    return whole;
}

static void reads_every_type(void **state) {
    (void)state;
    struct seen seen;
    assert_true(READ("/a/b\0\0\0\0,ifsbhdTFNI\0"
                     "\0\0\0\7\x3f\xc0\0\0abc\0\0\0\0\5\1\2\3\4\5\0\0\0"
                     "\0\0\0\0\0\0\0\1\x40\0\0\0\0\0\0\0",
                     &seen));
    assert_string_equal(seen.address, "/a/b");
    assert_string_equal(seen.types, "ifsbhdTFNI");
    assert_true(seen.sum == 7 + 1.5 + 3 + 5 + 1 + 2);
    assert_true(READ("/t\0\0,t\0\0\1\2\3\4\5\6\7\10", &seen));
    assert_true(READ("/i\0\0,i\0\0\xff\xff\xff\xfe", &seen));
    assert_true(seen.sum == -2);
}

static void reads_message_without_types(void **state) {
    (void)state;
    struct seen seen;
    assert_true(READ("/ja/ctl/ping\0\0\0\0", &seen));
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.types, "");
    assert_true(READ("/ja/ctl/ping\0\0\0\0,\0\0\0", &seen));
    assert_int_equal(seen.count, 1);
}

#define BUNDLE "#bundle\0\0\0\0\0\0\0\0\1"

static void reads_bundles(void **state) {
    (void)state;
    struct seen seen;
    assert_true(READ(BUNDLE, &seen));
    assert_int_equal(seen.count, 0);
    assert_true(READ(BUNDLE "\0\0\0\4/a\0\0\0\0\0\14/b\0\0,i\0\0\0\0\0\5", &seen));
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.address, "/b");
    assert_true(seen.sum == 5);
}

/* `depth` bundles around /a; returns the size. */
static size_t nest(unsigned char *packet, unsigned depth) {
    size_t size = 20u * depth + 4;
    for (unsigned level = 0; level < depth; level++) {
        size_t inside = size - 20u * (level + 1);
        unsigned char *at = packet + 20u * level;
        memcpy(at, BUNDLE, 16);
        at[16] = (unsigned char)(inside >> 24), at[17] = (unsigned char)(inside >> 16);
        at[18] = (unsigned char)(inside >> 8), at[19] = (unsigned char)inside;
    }
    memcpy(packet + 20u * depth, "/a\0", 4);
    return size;
}

static void refuses_deep_bundles(void **state) {
    (void)state;
    struct seen seen;
    static unsigned char packet[65536];
    for (unsigned depth = 0; depth <= 3000; depth = depth < 8 ? depth + 1 : depth * 3) {
        bool whole = read_bytes(packet, nest(packet, depth), &seen);
        assert_int_equal(whole, depth <= JA_OSC_DEPTH);
        assert_int_equal(seen.count, whole);
    }
}

static void refuses_what_is_malformed(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } packets[] = {
#define PACKET(literal, why) {literal, sizeof(literal) - 1, why}
        PACKET("", "empty"),
        PACKET("/", "shorter than a word"),
        PACKET("/abc", "no NUL"),
        PACKET("/a\0\1", "padding that is not zero"),
        PACKET("abc\0", "no slash"),
        PACKET("\0\0\0\0", "empty address"),
        PACKET("/a b\0\0\0\0", "blank in the address"),
        PACKET("/a#b\0\0\0\0", "# in the address"),
        PACKET("/\xff\0\0", "byte above 126 in the address"),
        PACKET("/a\0\0i\0\0\0", "types without a comma"),
        PACKET("/a\0\0,iii", "types without NUL"),
        PACKET("/a\0\0,i\0\0", "argument missing"),
        PACKET("/a\0\0,i\0\0\0\0\0\1\0\0\0\2", "something after the last argument"),
        PACKET("/a\0\0,h\0\0\0\0\0\1", "half an argument"),
        PACKET("/a\0\0,x\0\0\0\0\0\1", "unknown type"),
        PACKET("/a\0\0,[i]\0\0\0\0\0\0\0\1", "array"),
        PACKET("/a\0\0,s\0\0abcd", "string without NUL"),
        PACKET("/a\0\0,s\0\0ab\0c", "string padded with a letter"),
        PACKET("/a\0\0,b\0\0\0\0\0\5abcd", "blob longer than the packet"),
        PACKET("/a\0\0,b\0\0\xff\xff\xff\xff", "blob of 4 GiB"),
        PACKET("/a\0\0,b\0\0\xff\xff\xff\xfd"
               "abcd",
               "blob whose padding overflows"),
        PACKET("/a\0\0,b\0\0\0\0\0\1a\0\0b", "blob padded with a letter"),
        PACKET("#bundle\0", "bundle without timetag"),
        PACKET("#bundlf\0\0\0\0\0\0\0\0\1", "not quite a bundle"),
        PACKET(BUNDLE "\0\0\0\0", "element of no size"),
        PACKET(BUNDLE "\0\0\0\10/a\0\0", "element longer than the packet"),
        PACKET(BUNDLE "\xff\xff\xff\xfc/a\0\0", "element of 4 GiB"),
        PACKET(BUNDLE "\0\0\0\3/a\0\0", "element of odd size"),
        PACKET(BUNDLE "\0\0\0\4/a\0\0\0\0", "rest of a size"),
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        struct seen seen;
        if (read_bytes(packets[i].bytes, packets[i].size, &seen))
            fail_msg("taken as valid: %s", packets[i].why);
    }
}

static void delivers_what_stands_before_a_fault(void **state) {
    (void)state;
    struct seen seen;
    assert_false(READ(BUNDLE "\0\0\0\4/a\0\0\0\0\0\4bad\0\0\0\0\4/c\0\0", &seen));
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.address, "/a");
}

static void takes_so_many_arguments_and_no_more(void **state) {
    (void)state;
    for (size_t count = JA_OSC_ARGUMENTS - 1; count <= JA_OSC_ARGUMENTS + 1; count++) {
        char packet[64] = "/a\0\0,";
        struct seen seen;
        memset(packet + 5, 'T', count);
        size_t size = (5 + count + 1 + 3) / 4 * 4;
        assert_int_equal(read_bytes(packet, size, &seen), count <= JA_OSC_ARGUMENTS);
    }
}

/* A bundle of a message of 40 bytes and one of 4; the literal's own NUL is its last byte. */
static const char two_messages[] = BUNDLE "\0\0\0\50/set\0\0\0\0,sfbi\0\0\0text\0\0\0\0\x3f\x80\0\0"
                                          "\0\0\0\2ab\0\0\0\0\0\1"
                                          "\0\0\0\4/a\0";

static void survives_every_truncation(void **state) {
    (void)state;
    struct seen seen;
    assert_true(read_bytes(two_messages, sizeof two_messages, &seen));
    assert_int_equal(seen.count, 2);
    for (size_t size = 0; size < sizeof two_messages; size++) /* valid: no, one message */
        assert_int_equal(read_bytes(two_messages, size, &seen), size == 16 || size == 60);
}

static void survives_random_bytes(void **state) {
    (void)state;
    struct random random = {1};
    unsigned valid = 0;
    for (unsigned round = 0; round < 200000; round++) {
        unsigned char packet[sizeof two_messages];
        struct seen seen;
        memcpy(packet, two_messages, sizeof packet);
        for (uint64_t changes = 1 + random_below(&random, 8); changes > 0; changes--)
            packet[random_below(&random, sizeof packet)] = (unsigned char)random_next(&random);
        valid += read_bytes(packet, sizeof packet, &seen);
    }
    assert_true(valid > 100 && valid < 190000); /* both ways were taken */
}

/* A bundle of `count` elements of 8 bytes each; returns its size. */
static size_t fill(unsigned char *packet, const char *element, size_t each, unsigned count) {
    memcpy(packet, BUNDLE, 16);
    for (unsigned i = 0; i < count; i++)
        memcpy(packet + 16 + i * each, element, each);
    return 16 + count * each;
}

/* The packets that cost other readers seconds. */
static void reads_so_much_and_no_more(void **state) {
    (void)state;
    static const char message[] = "\0\0\0\4/a\0", empty[] = "\0\0\0\20" BUNDLE;
    static unsigned char packet[65536];
    struct seen seen;
    assert_true(READ("/*?*?*?*?*?*?*b\0", &seen)); /* an address like any other: no patterns */
    assert_true(read_bytes(packet, fill(packet, message, 8, JA_OSC_MESSAGES), &seen));
    assert_int_equal(seen.count, JA_OSC_MESSAGES);
    assert_false(read_bytes(packet, fill(packet, message, 8, JA_OSC_MESSAGES + 1), &seen));
    assert_int_equal(seen.count, JA_OSC_MESSAGES);
    assert_true(read_bytes(packet, fill(packet, empty, 20, JA_OSC_BUNDLES - 1), &seen));
    assert_false(read_bytes(packet, fill(packet, empty, 20, JA_OSC_BUNDLES), &seen));
    memset(packet, '/', sizeof packet);
    memset(packet + JA_OSC_BYTES - 4, 0, 8);
    assert_true(read_bytes(packet, JA_OSC_BYTES, &seen));
    assert_false(read_bytes(packet, JA_OSC_BYTES + 4, &seen));
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(reads_message_without_types),
        cmocka_unit_test(reads_bundles),
        cmocka_unit_test(refuses_deep_bundles),
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(delivers_what_stands_before_a_fault),
        cmocka_unit_test(takes_so_many_arguments_and_no_more),
        cmocka_unit_test(survives_every_truncation),
        cmocka_unit_test(survives_random_bytes),
        cmocka_unit_test(reads_so_much_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
