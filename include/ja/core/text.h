/* Text that is built piece by piece into a buffer of fixed size, and numbers read strictly.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_TEXT_H
#define JA_CORE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Always NUL-terminated. Once something did not fit, `full` is set and nothing more is taken. */
struct ja_text {
    char *data;
    size_t size;   /* bytes of data, the NUL included */
    size_t length; /* bytes written, without the NUL */
    bool full;
};

void ja_text_init(struct ja_text *text, char *data, size_t size);
void ja_text_put(struct ja_text *text, const char *string);
void ja_text_put_bytes(struct ja_text *text, const char *bytes, size_t count);
void ja_text_format(struct ja_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Copies `from` into `to[size]`, cut if need be, always terminated; false when it was cut. */
bool ja_text_copy(char *to, size_t size, const char *from);

/* The whole of `string` as a finite decimal number (no hexadecimal, nan, inf, blanks or rest);
 * false otherwise. */
bool ja_text_double(const char *string, double *value);
/* The whole of `string` as a decimal integer in long long's range; false otherwise. */
bool ja_text_integer(const char *string, long long *value);

/* Bytes of the well-formed UTF-8 character at `at`, which is terminated; 0 when there is none. */
size_t ja_text_character(const char *at);

/* How many single-character edits lead from a to b (Levenshtein), for "did you mean"; capped at
 * 255. */
unsigned ja_text_distance(const char *a, const char *b);

#endif
