/* Writes one OSC 1.0 message into a buffer of the caller's (encoded by liblo).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_NET_OSC_WRITER_H
#define JA_NET_OSC_WRITER_H

#include <ja/net/osc_reader.h>

/* `types` holds letters i, f and s, one per argument (whose own type is not looked at). Returns
 * the packet's size in bytes, a multiple of 4; 0 when it does not fit or there is no memory. */
size_t ja_osc_write(void *packet, size_t size, const char *address, const char *types,
                    const struct ja_osc_argument *arguments);

#endif
