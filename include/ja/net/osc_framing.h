/* OSC packets on a TCP stream: with their length before them (OSC 1.0), or in SLIP (OSC 1.1, RFC
 * 1055); and as a bundle with the time at which they are due.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_NET_OSC_FRAMING_H
#define JA_NET_OSC_FRAMING_H

#include <stddef.h>
#include <stdint.h>

enum { JA_OSC_BUNDLE_BYTES = 20 }; /* by which a bundle of one message is larger than it */

/* `framed` holds size + 4 bytes; returns its length. */
size_t ja_osc_frame_length(const unsigned char *bytes, size_t size, unsigned char *framed);
/* `framed` holds 2 * size + 2 bytes; returns its length. */
size_t ja_osc_frame_slip(const unsigned char *bytes, size_t size, unsigned char *framed);
/* `bundle` holds size + JA_OSC_BUNDLE_BYTES bytes; `unix_us`: μs since 1970, UTC. */
size_t ja_osc_bundle(const unsigned char *message, size_t size, uint64_t unix_us,
                     unsigned char *bundle);

#endif
