/* Throws bytes at the reader of the terminal's keys: it must come to an end of every sequence.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static void require(bool condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    struct ja_key_reader reader = {0};
    int patience = 0;
    for (size_t i = 0; i < size; i++) {
        int code = ja_key_read(&reader, bytes[i]);
        require(code >= JA_KEY_NONE && code <= JA_KEY_RIGHT);
        require(code == JA_KEY_NONE || reader.state == JA_KEY_PLAIN);
        patience = reader.state == JA_KEY_PLAIN || bytes[i] == 0x1b ? 0 : patience + 1;
        require(patience <= 16);
    }
    return 0;
}
