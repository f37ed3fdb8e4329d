/* Tells the keys of a terminal apart, of which some are sequences of bytes.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "keys.h"

int ja_key_read(struct ja_key_reader *reader, unsigned char byte) {
    enum { ESCAPE = 0x1b, FINAL = 0x40, LONGEST = 16 };
    if (byte == ESCAPE) {
        *reader = (struct ja_key_reader){.state = JA_KEY_ESCAPE};
        return JA_KEY_NONE;
    }
    switch (reader->state) {
    case JA_KEY_ESCAPE: /* a cursor key, or any key with Alt */
        reader->state = byte == '[' || byte == 'O' ? JA_KEY_SEQUENCE : JA_KEY_PLAIN;
        return JA_KEY_NONE;
    case JA_KEY_SEQUENCE:
        reader->bytes++;
        if (byte < FINAL && reader->bytes < LONGEST)
            return JA_KEY_NONE;
        reader->state = JA_KEY_PLAIN;
        if (reader->bytes > 1)
            return JA_KEY_NONE;
        return byte == 'D' ? JA_KEY_LEFT : byte == 'C' ? JA_KEY_RIGHT : JA_KEY_NONE;
    default:
        return byte;
    }
}
