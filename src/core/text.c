/* Text that is built piece by piece into a buffer of fixed size, and numbers read strictly.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/text.h>

#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ja_text_init(struct ja_text *text, char *data, size_t size) {
    assert(size > 0);
    *text = (struct ja_text){.data = data, .size = size};
    data[0] = '\0';
}

void ja_text_put(struct ja_text *text, const char *string) {
    ja_text_put_bytes(text, string, strlen(string));
}

void ja_text_put_bytes(struct ja_text *text, const char *bytes, size_t count) {
    if (text->full)
        return;
    size_t room = text->size - 1 - text->length;
    if (count > room) {
        count = room;
        text->full = true;
    }
    memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = '\0';
}

void ja_text_format(struct ja_text *text, const char *format, ...) {
    if (text->full)
        return;
    size_t room = text->size - text->length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->data + text->length, room, format, arguments);
    va_end(arguments);
    text->full = length < 0 || (size_t)length >= room;
    text->length = text->full ? text->length + strlen(text->data + text->length)
                              : text->length + (size_t)length;
}

bool ja_text_copy(char *to, size_t size, const char *from) {
    struct ja_text text;
    ja_text_init(&text, to, size);
    ja_text_put(&text, from);
    return !text.full;
}

static const char *skip_sign(const char *string) {
    return string + (*string == '+' || *string == '-');
}

static const char *skip_digits(const char *string) {
    return string + strspn(string, "0123456789");
}

/* [sign] digits with one optional point among them [e [sign] digits], and nothing else. */
static bool is_decimal(const char *string) {
    const char *whole = skip_sign(string);
    const char *end = skip_digits(whole);
    size_t digits = (size_t)(end - whole);
    if (*end == '.') {
        const char *fraction = end + 1;
        end = skip_digits(fraction);
        digits += (size_t)(end - fraction);
    }
    if (digits == 0)
        return false;
    if (*end == 'e' || *end == 'E') {
        const char *exponent = skip_sign(end + 1);
        end = skip_digits(exponent);
        if (end == exponent)
            return false;
    }
    return *end == '\0';
}

bool ja_text_double(const char *string, double *value) {
    if (!is_decimal(string))
        return false;
    /* strtod follows the thread's locale; a point is a point here, whatever a library has set. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return false;
    locale_t before = uselocale(plain);
    double result = strtod(string, NULL);
    uselocale(before);
    freelocale(plain);
    if (!isfinite(result))
        return false;
    *value = result;
    return true;
}

bool ja_text_integer(const char *string, long long *value) {
    const char *digits = skip_sign(string);
    const char *end = skip_digits(digits);
    if (end == digits || *end != '\0')
        return false;
    errno = 0;
    long long result = strtoll(string, NULL, 10);
    if (errno == ERANGE)
        return false;
    *value = result;
    return true;
}

static unsigned least(unsigned a, unsigned b, unsigned c) {
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Unicode 15, table 3-7. */
size_t ja_text_character(const char *at) {
    static const struct {
        unsigned char first, last;               /* range of the first byte */
        unsigned char second_first, second_last; /* of the second; the others are 80…BF */
        unsigned char length;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *s = (const unsigned char *)at;
    size_t form = 0, count = sizeof forms / sizeof forms[0];
    while (form < count && (s[0] < forms[form].first || s[0] > forms[form].last))
        form++;
    if (form == count)
        return 0;
    if (forms[form].length > 1 &&
        (s[1] < forms[form].second_first || s[1] > forms[form].second_last))
        return 0;
    for (size_t i = 2; i < forms[form].length; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return forms[form].length;
}

unsigned ja_text_distance(const char *a, const char *b) {
    enum { LONGEST = 255 };
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST || b_length > LONGEST)
        return strcmp(a, b) == 0 ? 0 : LONGEST;
    /* One row of the table of distances between the beginnings of a and b. */
    unsigned row[LONGEST + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned above = row[j];
            unsigned changed = a[i - 1] == b[j - 1] ? diagonal : diagonal + 1;
            row[j] = least(above + 1, row[j - 1] + 1, changed);
            diagonal = above;
        }
    }
    return row[b_length];
}
