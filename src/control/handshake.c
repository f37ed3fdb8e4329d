/* Confirms that whoever asks by UDP is where he says.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _DEFAULT_SOURCE /* getrandom */
#include <ja/control/handshake.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>

static const uint64_t minute_us = 60000000;

/* --- Addresses --- */

/* What tells one peer from another: the address's bytes, then the port's. */
static size_t bytes_of(const struct ja_peer *peer, unsigned char bytes[18]) {
    if (peer->address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&peer->address;
        memcpy(bytes, &six->sin6_addr, 16);
        memcpy(bytes + 16, &six->sin6_port, 2);
        return 18;
    }
    const struct sockaddr_in *four = (const struct sockaddr_in *)&peer->address;
    memcpy(bytes, &four->sin_addr, 4);
    memcpy(bytes + 4, &four->sin_port, 2);
    return 6;
}

bool ja_peer_is(const struct ja_peer *a, const struct ja_peer *b, bool any_port) {
    unsigned char one[18], other[18];
    size_t size = bytes_of(a, one);
    return size == bytes_of(b, other) && !memcmp(one, other, any_port ? size - 2 : size);
}

bool ja_peer_is_local(const struct ja_peer *peer) {
    static const unsigned char within[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    unsigned char bytes[18];
    if (bytes_of(peer, bytes) == 6)
        return bytes[0] == 127;
    if (!memcmp(bytes, within, sizeof within))
        return bytes[12] == 127;
    return !memcmp(bytes, &in6addr_loopback, 16);
}

/* --- The hash --- */

static uint64_t turn(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

static void mix(uint64_t v[4], unsigned rounds) {
    while (rounds-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = turn(v[1], 13) ^ v[0];
        v[3] = turn(v[3], 16) ^ v[2];
        v[0] = turn(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = turn(v[1], 17) ^ v[2];
        v[3] = turn(v[3], 21) ^ v[0];
        v[2] = turn(v[2], 32);
    }
}

/* Up to 8 bytes, the first the lowest. */
static uint64_t word_of(const unsigned char *bytes, size_t count) {
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t ja_siphash(const uint64_t key[2], const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    for (size_t left = size;; left -= 8, at += 8) {
        uint64_t word = left >= 8 ? word_of(at, 8) : word_of(at, left) | (uint64_t)size << 56;
        v[3] ^= word;
        mix(v, 2);
        v[0] ^= word;
        if (left < 8)
            break;
    }
    v[2] ^= 0xFF;
    mix(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- The handshake --- */

bool ja_handshake_init(struct ja_handshake *handshake) {
    memset(handshake, 0, sizeof *handshake);
    return getrandom(handshake->secret, sizeof handshake->secret, 0) ==
           (ssize_t)sizeof handshake->secret;
}

static int32_t number_at(const struct ja_handshake *handshake, const struct ja_peer *peer,
                         uint64_t minute) {
    unsigned char bytes[18 + sizeof minute];
    size_t size = bytes_of(peer, bytes);
    memcpy(bytes + size, &minute, sizeof minute);
    return (int32_t)(uint32_t)ja_siphash(handshake->secret, bytes, size + sizeof minute);
}

int32_t ja_handshake_number(const struct ja_handshake *handshake, const struct ja_peer *peer,
                            uint64_t now_us) {
    return number_at(handshake, peer, now_us / minute_us);
}

bool ja_handshake_confirm(struct ja_handshake *handshake, const struct ja_peer *peer,
                          int32_t number, uint64_t now_us) {
    uint64_t minute = now_us / minute_us;
    size_t place = 0;
    if (number != number_at(handshake, peer, minute) &&
        (minute == 0 || number != number_at(handshake, peer, minute - 1)))
        return false;
    for (size_t i = 0; i < JA_CONFIRMED; i++) {
        if (ja_peer_is(&handshake->confirmed[i].peer, peer, false)) {
            place = i;
            break;
        }
        if (handshake->confirmed[i].until_us < handshake->confirmed[place].until_us)
            place = i;
    }
    handshake->confirmed[place].peer = *peer;
    handshake->confirmed[place].until_us = now_us + (uint64_t)JA_CONFIRMED_S * 1000000;
    return true;
}

bool ja_handshake_is_confirmed(const struct ja_handshake *handshake, const struct ja_peer *peer,
                               uint64_t now_us) {
    for (size_t i = 0; i < JA_CONFIRMED; i++)
        if (now_us < handshake->confirmed[i].until_us &&
            ja_peer_is(&handshake->confirmed[i].peer, peer, false))
            return true;
    return ja_peer_is_local(peer);
}
