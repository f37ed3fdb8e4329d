/* Writes JSON into a text buffer: no tree, no allocation, no locale, no non-finite number.
 *
 * Commas are placed by the writer. A key or value outside its place is a bug and not checked.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_JSON_H
#define JA_CORE_JSON_H

#include <ja/core/text.h>
#include <stdint.h>

struct ja_json {
    struct ja_text *text;
    bool comma; /* the next member needs a comma before it */
};

void ja_json_init(struct ja_json *json, struct ja_text *text);
/* Makes both ready for an object in these bytes, and begins it. */
void ja_json_open(struct ja_json *json, struct ja_text *text, char *bytes, size_t size);
void ja_json_begin_object(struct ja_json *json);
void ja_json_end_object(struct ja_json *json);
void ja_json_begin_array(struct ja_json *json);
void ja_json_end_array(struct ja_json *json);
void ja_json_key(struct ja_json *json, const char *key);
void ja_json_string(struct ja_json *json,
                    const char *value); /* NULL is null; invalid UTF-8 becomes U+FFFD */
void ja_json_number(struct ja_json *json,
                    double value); /* 9 significant digits; non-finite is null */
void ja_json_time(struct ja_json *json, double seconds); /* microseconds; non-finite is null */
void ja_json_integer(struct ja_json *json, long long value);
void ja_json_bool(struct ja_json *json, bool value);

/* Members of an object: a key and its value. */
void ja_json_put_string(struct ja_json *json, const char *key, const char *value);
void ja_json_put_number(struct ja_json *json, const char *key, double value);
void ja_json_put_time(struct ja_json *json, const char *key, double seconds);
void ja_json_put_integer(struct ja_json *json, const char *key, long long value);
void ja_json_put_count(struct ja_json *json, const char *key, uint64_t value);
void ja_json_put_bool(struct ja_json *json, const char *key, bool value);

#endif
