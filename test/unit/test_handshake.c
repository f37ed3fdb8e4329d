/* Tests of who is taken for being there, with time passed in.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ja/control/handshake.h>
#include <netinet/in.h>
#include <string.h>

static const uint64_t second_us = 1000000;

static struct ja_peer peer_of(const char *host, int port) {
    struct ja_peer peer = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&peer.address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&peer.address;
    if (strchr(host, ':')) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        inet_pton(AF_INET6, host, &six->sin6_addr);
        peer.length = sizeof *six;
    } else {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        inet_pton(AF_INET, host, &four->sin_addr);
        peer.length = sizeof *four;
    }
    return peer;
}

/* The test vectors of the paper's reference: key 00…0f, messages 00, 00 01, … */
static void test_hash(void **state) {
    (void)state;
    const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    unsigned char bytes[15];
    for (unsigned char i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    assert_int_equal(ja_siphash(key, bytes, 0), 0x726fdb47dd0e0e31);
    assert_int_equal(ja_siphash(key, bytes, 1), 0x74f839c593dc67fd);
    assert_int_equal(ja_siphash(key, bytes, 8), 0x93f5f5799a932462);
    assert_int_equal(ja_siphash(key, bytes, 15), 0xa129ca6149be45e5);
}

static void test_loopback_needs_none(void **state) {
    (void)state;
    static const char *const local[] = {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    static const char *const remote[] = {"10.0.0.1",        "128.0.0.1", "fe80::1",
                                         "::ffff:10.0.0.1", "::2",       "0.0.0.0"};
    struct ja_handshake handshake;
    assert_true(ja_handshake_init(&handshake));
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        struct ja_peer peer = peer_of(local[i], 9000);
        assert_true(ja_handshake_is_confirmed(&handshake, &peer, 0));
    }
    for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++) {
        struct ja_peer peer = peer_of(remote[i], 9000);
        assert_false(ja_handshake_is_confirmed(&handshake, &peer, 0));
    }
}

static void test_confirmation(void **state) {
    (void)state;
    struct ja_handshake handshake, other;
    uint64_t now_us = 1000 * second_us;
    struct ja_peer peer = peer_of("10.0.0.1", 9000), port = peer_of("10.0.0.1", 9001),
                   host = peer_of("10.0.0.2", 9000);
    assert_true(ja_handshake_init(&handshake));
    assert_true(ja_handshake_init(&other));
    int32_t number = ja_handshake_number(&handshake, &peer, now_us);
    assert_int_not_equal(number, ja_handshake_number(&other, &peer, now_us));
    /* Wrong number, other port, other host, two minutes late. */
    assert_false(ja_handshake_confirm(&handshake, &peer, number + 1, now_us));
    assert_false(ja_handshake_confirm(&handshake, &port, number, now_us));
    assert_false(ja_handshake_confirm(&handshake, &host, number, now_us));
    assert_false(ja_handshake_confirm(&handshake, &peer, number, now_us + 120 * second_us));
    assert_false(ja_handshake_is_confirmed(&handshake, &peer, now_us));
    /* Up to a minute later it is right, and lasts ten minutes whatever is sent meanwhile. */
    now_us += 60 * second_us;
    assert_true(ja_handshake_confirm(&handshake, &peer, number, now_us));
    assert_true(ja_handshake_is_confirmed(&handshake, &peer, now_us + 599 * second_us));
    assert_false(ja_handshake_is_confirmed(&handshake, &port, now_us));
    assert_false(ja_handshake_is_confirmed(&handshake, &peer, now_us + 600 * second_us));
}

/* However many confirm, the latest are known and memory stays what it is. */
static void test_many(void **state) {
    (void)state;
    struct ja_handshake handshake;
    assert_true(ja_handshake_init(&handshake));
    for (int i = 0; i < 3 * JA_CONFIRMED; i++) {
        uint64_t now_us = (uint64_t)i * second_us / 10;
        struct ja_peer peer = peer_of("fd00::1", 1000 + i);
        int32_t number = ja_handshake_number(&handshake, &peer, now_us);
        assert_true(ja_handshake_confirm(&handshake, &peer, number, now_us));
        assert_true(ja_handshake_is_confirmed(&handshake, &peer, now_us));
    }
    struct ja_peer first = peer_of("fd00::1", 1000),
                   recent = peer_of("fd00::1", 1000 + 2 * JA_CONFIRMED);
    assert_false(ja_handshake_is_confirmed(&handshake, &first, 20 * second_us));
    assert_true(ja_handshake_is_confirmed(&handshake, &recent, 20 * second_us));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_loopback_needs_none),
        cmocka_unit_test(test_confirmation),
        cmocka_unit_test(test_many),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
