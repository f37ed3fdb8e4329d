/* Reads what stands in a path and behind it: names of streams, and KEY=VALUE&….
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <string.h>

const char ja_query_name_rule[] = "a stream's name has 1 to 63 of the characters a-z A-Z 0-9 - _";

bool ja_query_is_name(const char *name) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t length = strlen(name);
    return length > 0 && length < JA_STREAM_NAME_BYTES && strspn(name, letters) == length;
}

/* The first value of `key`, which ends with '&' or the text; NULL: there is none. */
static const char *find(const char *query, const char *key, size_t *length) {
    const size_t key_length = strlen(key);
    while (*query) {
        const size_t part = strcspn(query, "&");
        if (part > key_length && !strncmp(query, key, key_length) && query[key_length] == '=') {
            *length = part - key_length - 1;
            return query + key_length + 1;
        }
        query += part + (query[part] == '&');
    }
    return NULL;
}

bool ja_query_number(const char *query, const char *key, long long least, long long most,
                     unsigned *value) {
    char digits[24];
    size_t length = 0;
    long long number;
    const char *text = find(query, key, &length);
    if (!text)
        return true;
    if (length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (!ja_text_integer(digits, &number) || number < least || number > most)
        return false;
    *value = (unsigned)number;
    return true;
}

bool ja_query_has(const char *query, const char *key, const char *value) {
    size_t length = 0;
    const char *text = find(query, key, &length);
    return text && length == strlen(value) && !strncmp(text, value, length);
}
