/* Who is really there: a UDP packet can bear anybody's address, so whoever is to get more than he
 * sent must first say back a number that was sent to him.
 *
 * The number is a hash, keyed with a secret of this run, of address, port and minute, so nothing is
 * kept of those who never answer. Who has answered counts as there for ten minutes, however much he
 * sends meanwhile; the loopback is always there. Time is passed in. Source of the hash: J.-P.
 * Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONTROL_HANDSHAKE_H
#define JA_CONTROL_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { JA_CONFIRMED = 64, JA_CONFIRMED_S = 600 }; /* how many are known at a time; how long */

struct ja_peer {
    struct sockaddr_storage address;
    socklen_t length;
};

struct ja_handshake {
    uint64_t secret[2];
    struct {
        struct ja_peer peer;
        uint64_t until_us;
    } confirmed[JA_CONFIRMED];
};

/* The same address and, unless `any_port`, port? */
bool ja_peer_is(const struct ja_peer *a, const struct ja_peer *b, bool any_port);
/* 127.0.0.0/8, ::1, and the former within IPv6. */
bool ja_peer_is_local(const struct ja_peer *peer);

/* False without a source of random numbers. */
bool ja_handshake_init(struct ja_handshake *handshake);
/* What the peer has to say back within a minute or two. */
int32_t ja_handshake_number(const struct ja_handshake *handshake, const struct ja_peer *peer,
                            uint64_t now_us);
/* He says this; was it right? */
bool ja_handshake_confirm(struct ja_handshake *handshake, const struct ja_peer *peer,
                          int32_t number, uint64_t now_us);
bool ja_handshake_is_confirmed(const struct ja_handshake *handshake, const struct ja_peer *peer,
                               uint64_t now_us);

/* SipHash-2-4 of `size` bytes. */
uint64_t ja_siphash(const uint64_t key[2], const void *bytes, size_t size);

#endif
