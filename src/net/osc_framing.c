/* What goes around an OSC packet.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/net/osc_framing.h>

#include <string.h>

static const uint64_t unix_from_ntp_s = 2208988800u; /* 1900 to 1970 */

static void put_big_endian(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

size_t ja_osc_frame_length(const unsigned char *bytes, size_t size, unsigned char *framed) {
    put_big_endian(framed, (uint32_t)size);
    memcpy(framed + 4, bytes, size);
    return size + 4;
}

/* Begins and ends with END, which makes an interrupted packet end too. */
size_t ja_osc_frame_slip(const unsigned char *bytes, size_t size, unsigned char *framed) {
    enum { END = 0xc0, ESC = 0xdb, ESC_END = 0xdc, ESC_ESC = 0xdd };
    size_t length = 0;
    framed[length++] = END;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == END || bytes[i] == ESC) {
            framed[length++] = ESC;
            framed[length++] = bytes[i] == END ? ESC_END : ESC_ESC;
        } else {
            framed[length++] = bytes[i];
        }
    }
    framed[length++] = END;
    return length;
}

size_t ja_osc_bundle(const unsigned char *message, size_t size, uint64_t unix_us,
                     unsigned char *bundle) {
    memcpy(bundle, "#bundle", 8);
    put_big_endian(bundle + 8, (uint32_t)(unix_us / 1000000 + unix_from_ntp_s));
    put_big_endian(bundle + 12, (uint32_t)(((unix_us % 1000000) << 32) / 1000000));
    put_big_endian(bundle + 16, (uint32_t)size);
    memcpy(bundle + JA_OSC_BUNDLE_BYTES, message, size);
    return size + JA_OSC_BUNDLE_BYTES;
}
