/* Reads OSC packets from the network, strictly: every length checked, exact addresses only, cost
 * linear in the packet's size, and that limited.
 *
 * A pure function over bytes (OSC 1.0). Accepts messages and bundles (timetags ignored) of at most
 * 4 levels, 64 messages, 64 bundles and 8 KiB; types i f s b h d t T F N I.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_NET_OSC_READER_H
#define JA_NET_OSC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JA_OSC_BYTES = 8192, /* of a packet */
    JA_OSC_DEPTH = 4,
    JA_OSC_MESSAGES = 64, /* in a packet */
    JA_OSC_BUNDLES = 64,
    JA_OSC_ARGUMENTS = 32, /* of a message */
};

struct ja_osc_argument {
    char type; /* as in the type tag string */
    union {
        int32_t i;
        float f;
        int64_t h;
        double d;
        uint64_t t;
        const char *s; /* NUL-terminated, inside the packet */
        struct {
            const void *data;
            uint32_t size;
        } b;
    };
};

struct ja_osc_message {
    const char *address; /* NUL-terminated, inside the packet */
    const char *types;   /* without the comma */
    size_t count;
    struct ja_osc_argument arguments[JA_OSC_ARGUMENTS];
};

/* Calls `function` for every message of the packet, in order; false when the packet, or the rest of
 * it, is malformed or beyond a limit (messages before that have been delivered). The packet must
 * start at a 4-byte boundary. */
bool ja_osc_read(const void *packet, size_t size,
                 void (*function)(void *data, const struct ja_osc_message *message), void *data);

#endif
