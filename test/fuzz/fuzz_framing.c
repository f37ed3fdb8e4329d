/* Frames packets for a TCP stream, and takes them out again as a receiver does: they must be the
 * same, wherever the stream is cut, and never be longer than was promised.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/net/osc_framing.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { END = 0xc0, ESC = 0xdb, ESC_END = 0xdc, ESC_ESC = 0xdd };

static void require(bool condition) {
    if (!condition)
        abort();
}

/* RFC 1055, from one END to the next. */
static size_t unframe_slip(const unsigned char *framed, size_t size, unsigned char *bytes) {
    size_t count = 0;
    require(size >= 2 && framed[0] == END && framed[size - 1] == END);
    for (size_t i = 1; i + 1 < size; i++) {
        require(framed[i] != END);
        if (framed[i] != ESC) {
            bytes[count++] = framed[i];
            continue;
        }
        i++;
        require(framed[i] == ESC_END || framed[i] == ESC_ESC);
        bytes[count++] = framed[i] == ESC_END ? END : ESC;
    }
    return count;
}

static size_t number_at(const unsigned char *at) {
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    unsigned char *framed = malloc(2 * size + 2), *again = malloc(size + 1);
    unsigned char *prefixed = malloc(size + 4), *bundle = malloc(size + JA_OSC_BUNDLE_BYTES);
    require(framed && again && prefixed && bundle);
    size_t length = ja_osc_frame_slip(bytes, size, framed);
    require(length <= 2 * size + 2);
    require(unframe_slip(framed, length, again) == size && !memcmp(bytes, again, size));
    require(ja_osc_frame_length(bytes, size, prefixed) == size + 4);
    require(number_at(prefixed) == size && !memcmp(prefixed + 4, bytes, size));
    require(ja_osc_bundle(bytes, size, 1000000 * size + 500000, bundle) ==
            size + JA_OSC_BUNDLE_BYTES);
    require(!memcmp(bundle, "#bundle", 8) && number_at(bundle + 16) == size);
    require(number_at(bundle + 8) == size + 2208988800u && number_at(bundle + 12) == 1u << 31);
    free(framed);
    free(again);
    free(prefixed);
    free(bundle);
    return 0;
}
