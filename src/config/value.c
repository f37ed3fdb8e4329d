/* Turns text into an option's value and back, strictly: what is not wholly understood is refused.
 *
 * Numbers keep every bit on the way to text and back.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/config/value.h>

#include <assert.h>
#include <string.h>

const char *ja_list_next(const char *list, const char *previous) {
    const char *next = previous == NULL ? list : previous + strlen(previous) + 1;
    return *next == '\0' ? NULL : next;
}

static enum ja_status parse_bool(const char *text, void *value, struct ja_error *reason) {
    static const char *const words[] = {"false", "true", "off", "on", "no", "yes", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0) {
            bool is = i % 2 == 1;
            memcpy(value, &is, sizeof is);
            return JA_OK;
        }
    }
    return ja_fail(reason, JA_USAGE, "must be true or false");
}

static enum ja_status out_of_range(const struct ja_option *option, const char *what,
                                   struct ja_error *reason) {
    char min[32], max[32];
    struct ja_text text;
    ja_text_init(&text, min, sizeof min);
    ja_value_format_number(option->min, &text);
    ja_text_init(&text, max, sizeof max);
    ja_value_format_number(option->max, &text);
    return ja_fail(reason, JA_USAGE, "must be %sbetween %s and %s%s%s", what, min, max,
                   option->unit == NULL ? "" : " ", option->unit == NULL ? "" : option->unit);
}

static enum ja_status parse_int(const struct ja_option *option, const char *text, void *value,
                                struct ja_error *reason) {
    long long number;
    if (!ja_text_integer(text, &number))
        return out_of_range(option, "a whole number ", reason);
    if ((double)number < option->min || (double)number > option->max)
        return out_of_range(option, "", reason);
    int fitting = (int)number;
    memcpy(value, &fitting, sizeof fitting);
    return JA_OK;
}

static enum ja_status parse_float(const struct ja_option *option, const char *text, void *value,
                                  struct ja_error *reason) {
    double number;
    if (!ja_text_double(text, &number))
        return out_of_range(option, "a number ", reason);
    if (number < option->min || number > option->max)
        return out_of_range(option, "", reason);
    memcpy(value, &number, sizeof number);
    return JA_OK;
}

static enum ja_status parse_choice(const struct ja_option *option, const char *text, void *value,
                                   struct ja_error *reason) {
    for (int i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(text, option->choices[i]) == 0) {
            memcpy(value, &i, sizeof i);
            return JA_OK;
        }
    }
    char range[400];
    struct ja_text known;
    ja_text_init(&known, range, sizeof range);
    ja_value_format_range(option, ", ", &known);
    return ja_fail(reason, JA_USAGE, "must be one of %s", range);
}

static enum ja_status check_characters(const char *text, size_t length, struct ja_error *reason) {
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return ja_fail(reason, JA_USAGE, "must not hold control characters");
    }
    return JA_OK;
}

static enum ja_status parse_string(const struct ja_option *option, const char *text, void *value,
                                   struct ja_error *reason) {
    size_t length = strlen(text);
    if (length >= option->size)
        return ja_fail(reason, JA_USAGE, "must have at most %zu bytes, not %zu", option->size - 1,
                       length);
    if (check_characters(text, length, reason) != JA_OK)
        return JA_USAGE;
    memcpy(value, text, length + 1);
    return JA_OK;
}

/* Bytes of all strings with their NULs. */
static size_t list_bytes(const char *list) {
    size_t bytes = 0;
    for (const char *item = NULL; (item = ja_list_next(list, item)) != NULL;)
        bytes += strlen(item) + 1;
    return bytes;
}

/* Puts the item behind `*used` bytes of others. */
static enum ja_status append(const struct ja_option *option, const char *item, size_t length,
                             char *value, size_t *used, struct ja_error *reason) {
    if (length == 0)
        return ja_fail(reason, JA_USAGE, "must not hold an empty entry");
    if (*used + length + 2 > option->size)
        return ja_fail(reason, JA_USAGE, "must have at most %zu bytes in all its entries",
                       option->size - 2);
    if (check_characters(item, length, reason) != JA_OK)
        return JA_USAGE;
    char *end = value + *used;
    memcpy(end, item, length);
    end[length] = end[length + 1] = '\0';
    *used += length + 1;
    return JA_OK;
}

enum ja_status ja_value_append(const struct ja_option *option, const char *item, size_t length,
                               void *value, struct ja_error *reason) {
    assert(option->type == JA_LIST);
    size_t used = list_bytes(value);
    return append(option, item, length, value, &used, reason);
}

static enum ja_status parse_list(const struct ja_option *option, const char *text, void *value,
                                 struct ja_error *reason) {
    size_t used = 0;
    if (*text == '\0')
        return JA_OK;
    for (const char *item = text;; item++) {
        item += strspn(item, " ");
        size_t span = strcspn(item, ","), length = span;
        while (length > 0 && item[length - 1] == ' ')
            length--;
        enum ja_status status = append(option, item, length, value, &used, reason);
        item += span;
        if (status != JA_OK || *item == '\0')
            return status;
    }
}

enum ja_status ja_value_parse(const struct ja_option *option, const char *text, void *value,
                              struct ja_error *reason) {
    switch (option->type) {
    case JA_BOOL:
        return parse_bool(text, value, reason);
    case JA_INT:
        return parse_int(option, text, value, reason);
    case JA_FLOAT:
        return parse_float(option, text, value, reason);
    case JA_CHOICE:
        return parse_choice(option, text, value, reason);
    case JA_STRING:
        return parse_string(option, text, value, reason);
    case JA_LIST:
        return parse_list(option, text, value, reason);
    }
    assert(!"option type");
    return JA_FAILED;
}

void ja_value_format_number(double number, struct ja_text *text) {
    enum { EXACT = 17 }; /* digits that tell any two doubles apart */
    char digits[32];
    for (int precision = 15; precision <= EXACT; precision++) {
        struct ja_text one;
        double back;
        ja_text_init(&one, digits, sizeof digits);
        ja_text_format(&one, "%.*g", precision, number);
        if (ja_text_double(digits, &back) && back == number)
            break;
    }
    ja_text_put(text, digits);
}

void ja_value_format(const struct ja_option *option, const void *value, struct ja_text *text) {
    bool is;
    int integer;
    double number;
    switch (option->type) {
    case JA_BOOL:
        memcpy(&is, value, sizeof is);
        ja_text_put(text, is ? "true" : "false");
        break;
    case JA_INT:
        memcpy(&integer, value, sizeof integer);
        ja_text_format(text, "%d", integer);
        break;
    case JA_FLOAT:
        memcpy(&number, value, sizeof number);
        ja_value_format_number(number, text);
        break;
    case JA_CHOICE:
        memcpy(&integer, value, sizeof integer);
        ja_text_put(text, option->choices[integer]);
        break;
    case JA_STRING:
        ja_text_put(text, value);
        break;
    case JA_LIST:
        for (const char *item = NULL; (item = ja_list_next(value, item)) != NULL;) {
            ja_text_put(text, item == value ? "" : ",");
            ja_text_put(text, item);
        }
        break;
    }
}

void ja_value_format_range(const struct ja_option *option, const char *separator,
                           struct ja_text *text) {
    if (option->type == JA_INT || option->type == JA_FLOAT) {
        ja_value_format_number(option->min, text);
        ja_text_put(text, " to ");
        ja_value_format_number(option->max, text);
    } else if (option->type == JA_CHOICE) {
        for (size_t i = 0; option->choices[i] != NULL; i++)
            ja_text_format(text, "%s%s", i == 0 ? "" : separator, option->choices[i]);
    }
}
