/* Writes JSON into a text buffer: no tree, no allocation, no locale, no non-finite number.
 *
 * One flag is enough to place the commas: after any value or closing bracket the next member needs
 * one, after an opening bracket or a key it does not.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/json.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

void ja_json_init(struct ja_json *json, struct ja_text *text) {
    *json = (struct ja_json){.text = text};
}

static void begin_member(struct ja_json *json) {
    if (json->comma)
        ja_text_put(json->text, ",");
    json->comma = true;
}

static void put_raw(struct ja_json *json, const char *value) {
    begin_member(json);
    ja_text_put(json->text, value);
}

static void begin_list(struct ja_json *json, const char *bracket) {
    put_raw(json, bracket);
    json->comma = false;
}

static void end_list(struct ja_json *json, const char *bracket) {
    ja_text_put(json->text, bracket);
    json->comma = true;
}

void ja_json_begin_object(struct ja_json *json) {
    begin_list(json, "{");
}

void ja_json_end_object(struct ja_json *json) {
    end_list(json, "}");
}

void ja_json_open(struct ja_json *json, struct ja_text *text, char *bytes, size_t size) {
    ja_text_init(text, bytes, size);
    ja_json_init(json, text);
    ja_json_begin_object(json);
}

void ja_json_begin_array(struct ja_json *json) {
    begin_list(json, "[");
}

void ja_json_end_array(struct ja_json *json) {
    end_list(json, "]");
}

static void put_character(struct ja_text *text, const char *at, size_t length) {
    if (length == 0)
        ja_text_put(text, "\xef\xbf\xbd"); /* U+FFFD, the replacement character */
    else if (*at == '"' || *at == '\\')
        ja_text_format(text, "\\%c", *at);
    else if (*at == '\n')
        ja_text_put(text, "\\n");
    else if (length == 1 && *at < 0x20)
        ja_text_format(text, "\\u%04x", (unsigned)*at);
    else
        ja_text_put_bytes(text, at, length);
}

static void put_quoted(struct ja_text *text, const char *string) {
    ja_text_put(text, "\"");
    while (*string) {
        size_t length = ja_text_character(string);
        put_character(text, string, length);
        string += length ? length : 1;
    }
    ja_text_put(text, "\"");
}

void ja_json_key(struct ja_json *json, const char *key) {
    begin_member(json);
    put_quoted(json->text, key);
    ja_text_put(json->text, ":");
    json->comma = false;
}

void ja_json_string(struct ja_json *json, const char *value) {
    if (!value) {
        put_raw(json, "null");
        return;
    }
    begin_member(json);
    put_quoted(json->text, value);
}

void ja_json_number(struct ja_json *json, double value) {
    begin_member(json);
    if (isfinite(value))
        ja_text_format(json->text, "%.9g", value == 0 ? 0.0 : value); /* never -0 */
    else
        ja_text_put(json->text, "null");
}

void ja_json_time(struct ja_json *json, double seconds) {
    if (!isfinite(seconds)) {
        put_raw(json, "null");
        return;
    }
    char digits[330]; /* the largest double has 309 before the point */
    int length = snprintf(digits, sizeof digits, "%.6f", seconds);
    while (digits[length - 1] == '0')
        length--;
    if (digits[length - 1] == '.')
        length--;
    digits[length] = '\0';
    put_raw(json, strcmp(digits, "-0") == 0 ? "0" : digits);
}

void ja_json_integer(struct ja_json *json, long long value) {
    begin_member(json);
    ja_text_format(json->text, "%lld", value);
}

void ja_json_bool(struct ja_json *json, bool value) {
    put_raw(json, value ? "true" : "false");
}

void ja_json_put_string(struct ja_json *json, const char *key, const char *value) {
    ja_json_key(json, key);
    ja_json_string(json, value);
}

void ja_json_put_number(struct ja_json *json, const char *key, double value) {
    ja_json_key(json, key);
    ja_json_number(json, value);
}

void ja_json_put_time(struct ja_json *json, const char *key, double seconds) {
    ja_json_key(json, key);
    ja_json_time(json, seconds);
}

void ja_json_put_integer(struct ja_json *json, const char *key, long long value) {
    ja_json_key(json, key);
    ja_json_integer(json, value);
}

void ja_json_put_count(struct ja_json *json, const char *key, uint64_t value) {
    ja_json_put_integer(json, key, (long long)value);
}

void ja_json_put_bool(struct ja_json *json, const char *key, bool value) {
    ja_json_key(json, key);
    ja_json_bool(json, value);
}
