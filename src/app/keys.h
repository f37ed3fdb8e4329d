/* What a key of the terminal sends, read byte by byte.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_APP_KEYS_H
#define JA_APP_KEYS_H

/* Keys that are no single byte. */
enum { JA_KEY_NONE = 0, JA_KEY_LEFT = 256, JA_KEY_RIGHT };

struct ja_key_reader {
    enum { JA_KEY_PLAIN, JA_KEY_ESCAPE, JA_KEY_SEQUENCE } state;
    int bytes; /* of the sequence so far */
};

/* The key that is complete with this byte: the byte itself, one of the above, or JA_KEY_NONE while
 * a sequence goes on or was of another key (ECMA-48, 5.4). */
int ja_key_read(struct ja_key_reader *reader, unsigned char byte);

#endif
