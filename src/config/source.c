/* The file is read by us, whole and small, and given to libconfig as text: so a pipe cannot block
 * us, a huge file cannot keep the parser busy for minutes, and @include cannot open other files.
 *
 * libconfig takes an unfinished comment or string at the end for the end of the file and drops what
 * is in it. So a setting of our own is put last: if the tree lacks it, something swallowed it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "source.h"

#include <errno.h>
#include <ja/core/regular.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 64 * 1024 }; /* bytes of a file */

#define END_NAME "end-of-file"
static const char end_mark[] = "\n" END_NAME " = true;\n";

/* The file's text with the end mark, to be freed; NULL on error. */
static char *load(const char *path, size_t *length, enum ja_status *status,
                  struct ja_error *error) {
    struct ja_error reason;
    *status = JA_USAGE;
    char *text = malloc(LARGEST + sizeof end_mark);
    if (text == NULL) {
        *status = ja_fail(error, JA_FAILED, "out of memory");
        return NULL;
    }
    ssize_t got = ja_regular_read(path, 0, text, LARGEST, &reason);
    if (got < 0) {
        ja_fail(error, JA_USAGE, "%s: %s", path, reason.text);
        free(text);
        return NULL;
    }
    *length = (size_t)got;
    memcpy(text + got, end_mark, sizeof end_mark);
    return text;
}

static size_t line_of(const char *text, const char *place) {
    size_t line = 1;
    for (; text < place; text++)
        line += *text == '\n';
    return line;
}

/* The first line that would make libconfig open another file, or NULL. */
static const char *find_include(const char *text) {
    for (const char *line = text; line != NULL;) {
        const char *word = line + strspn(line, " \t");
        if (strncmp(word, "@include", strlen("@include")) == 0)
            return word;
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return NULL;
}

/* The end of the string or comment that begins at `text`, or `text` if none does. */
static const char *skip_words(const char *text) {
    if (*text == '"') {
        for (text++; *text != '"' && *text != '\0'; text++)
            text += text[0] == '\\' && text[1] != '\0';
        return *text == '"' ? text + 1 : text;
    }
    if (*text == '#' || strncmp(text, "//", 2) == 0)
        return text + strcspn(text, "\n");
    if (strncmp(text, "/*", 2) == 0) {
        const char *end = strstr(text + 2, "*/");
        return end == NULL ? text + strlen(text) : end + 2;
    }
    return text;
}

static const char digits[] = "0123456789";

/* Whether the digits at `text` are a whole number of which libconfig would lose something. */
static bool is_cut_integer(const char *text, const char *begin) {
    const char *end = text + strspn(text, digits), *power = end + 1;
    power += *power == '+' || *power == '-';
    if (*end == '.' || ((*end == 'e' || *end == 'E') && strspn(power, digits) > 0))
        return false;
    bool negative = text > begin && text[-1] == '-';
    errno = 0;
    long long number = strtoll(text - negative, NULL, 10);
    return errno == ERANGE || (*end != 'L' && (number < INT32_MIN || number > INT32_MAX));
}

/* The first integer that libconfig would cut to 32 or 64 bits without a word, or NULL. */
static const char *find_cut_integer(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*";
    static const char rest_of_name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*"
                                       "-_0123456789";
    for (const char *at = text; *at != '\0';) {
        const char *after = skip_words(at);
        if (after > at) {
            at = after;
        } else if (strchr(letters, *at) != NULL) {
            at += strspn(at, rest_of_name);
        } else if (*at == '.') {
            at += 1 + strspn(at + 1, digits);
        } else if (strspn(at, digits) > 0) {
            if (is_cut_integer(at, text))
                return at;
            at += strspn(at, digits);
        } else {
            at++;
        }
    }
    return NULL;
}

/* Refuses what libconfig would follow, or misread without a word. */
static enum ja_status check(const char *path, const char *text, size_t length,
                            struct ja_error *error) {
    const char *place = memchr(text, '\0', length);
    if (place != NULL)
        return ja_fail(error, JA_USAGE, "%s:%zu: holds a NUL byte", path, line_of(text, place));
    place = find_include(text);
    if (place != NULL)
        return ja_fail(error, JA_USAGE, "%s:%zu: @include is not allowed", path,
                       line_of(text, place));
    place = find_cut_integer(text);
    if (place != NULL)
        return ja_fail(error, JA_USAGE, "%s:%zu: this whole number is too large: %.*s", path,
                       line_of(text, place), (int)strspn(place, digits), place);
    return JA_OK;
}

/* Windows editors begin a file with a mark that says it is UTF-8. */
static const char *skip_byte_order_mark(const char *text) {
    static const char mark[] = "\xef\xbb\xbf";
    return strncmp(text, mark, strlen(mark)) == 0 ? text + strlen(mark) : text;
}

static enum ja_status parse(config_t *tree, const char *path, const char *text,
                            struct ja_error *error) {
    if (config_read_string(tree, skip_byte_order_mark(text)) != CONFIG_TRUE)
        return ja_fail(error, JA_USAGE, "%s:%d: %s", path, config_error_line(tree),
                       config_error_text(tree));
    if (config_setting_remove(config_root_setting(tree), END_NAME) != CONFIG_TRUE)
        return ja_fail(error, JA_USAGE, "%s: ends inside a comment or a string", path);
    return JA_OK;
}

enum ja_status ja_config_source_read(config_t *tree, const char *path, struct ja_error *error) {
    size_t length;
    enum ja_status status;
    char *text = load(path, &length, &status, error);
    if (text == NULL)
        return status;
    status = check(path, text, length, error);
    if (status == JA_OK) {
        config_init(tree);
        status = parse(tree, path, text, error);
        if (status != JA_OK)
            config_destroy(tree);
    }
    free(text);
    return status;
}
