/* The token: who knows it may listen and steer from other machines.
 *
 * 32 random bytes in hexadecimal, in a file that only its owner may read. It is shown once, when it
 * is made and somebody looks, but never written to a log; it can be read from the file.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <ja/core/log.h>
#include <ja/core/regular.h>
#include <ja/core/state.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANDOM_BYTES = (JA_API_TOKEN_BYTES - 1) / 2 };

static bool is_token(const char *text) {
    return strlen(text) == JA_API_TOKEN_BYTES - 1 &&
           strspn(text, "0123456789abcdef") == JA_API_TOKEN_BYTES - 1;
}

static enum ja_status read_token(const char *path, char token[JA_API_TOKEN_BYTES],
                                 struct ja_error *error) {
    char text[JA_API_TOKEN_BYTES + 1]; /* and an end of line */
    struct ja_error reason;
    ssize_t size = ja_regular_read(path, JA_REGULAR_NO_LINK | JA_REGULAR_SECRET, text,
                                   sizeof text - 1, &reason);
    if (size < 0)
        return ja_fail(error, JA_USAGE, "web: %s: %s", path, reason.text);
    text[size] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (!is_token(text))
        return ja_fail(error, JA_USAGE,
                       "web: \"%s\" holds no token of %d hexadecimal digits; without the file a "
                       "new one is made",
                       path, JA_API_TOKEN_BYTES - 1);
    memcpy(token, text, JA_API_TOKEN_BYTES);
    return JA_OK;
}

static enum ja_status make_token(int fd, const char *path, char token[JA_API_TOKEN_BYTES],
                                 struct ja_error *error) {
    unsigned char bytes[RANDOM_BYTES];
    static const char digits[] = "0123456789abcdef";
    ssize_t size = getrandom(bytes, sizeof bytes, 0);
    for (size_t i = 0; i < sizeof bytes; i++) {
        token[2 * i] = digits[bytes[i] >> 4];
        token[2 * i + 1] = digits[bytes[i] & 15];
    }
    token[JA_API_TOKEN_BYTES - 1] = '\0';
    if (size != sizeof bytes ||
        write(fd, token, JA_API_TOKEN_BYTES - 1) != JA_API_TOKEN_BYTES - 1) {
        unlink(path);
        return ja_fail(error, JA_FAILED, "web: cannot write \"%s\": %s", path, strerror(errno));
    }
    if (isatty(STDERR_FILENO))
        ja_log(JA_LOG_NOTICE,
               "web: whoever asks from elsewhere needs ?token=%s (shown once; kept in %s)", token,
               path);
    else
        ja_log(JA_LOG_NOTICE, "web: whoever asks from elsewhere needs the token in %s", path);
    return JA_OK;
}

enum ja_status ja_token_get(char token[JA_API_TOKEN_BYTES], struct ja_error *error) {
    char path[PATH_MAX];
    enum ja_status status = ja_state_path("web-token", path, sizeof path, error);
    if (status != JA_OK)
        return status;
    ja_state_make_folders(path); /* without them, opening tells why */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return read_token(path, token, error);
    if (fd < 0)
        return ja_fail(error, JA_FAILED, "web: cannot make \"%s\": %s", path, strerror(errno));
    status = make_token(fd, path, token, error);
    close(fd);
    return status;
}

/* Compares `size` bytes at `given`, however few of them are right. */
static bool is_same(const char *token, const char *given, size_t size) {
    unsigned difference = size != JA_API_TOKEN_BYTES - 1;
    for (size_t i = 0; i < JA_API_TOKEN_BYTES - 1; i++)
        difference |= (unsigned)(unsigned char)token[i] ^ (unsigned char)(i < size ? given[i] : 0);
    return difference == 0;
}

bool ja_token_is_borne(const char *token, const struct ja_web_request *request) {
    static const char bearer[] = "Bearer ", name[] = "token=";
    const char *header = request->authorization;
    if (!strncmp(header, bearer, sizeof bearer - 1))
        return is_same(token, header + sizeof bearer - 1, strlen(header) - (sizeof bearer - 1));
    for (const char *part = request->query; *part;) {
        size_t length = strcspn(part, "&");
        if (length >= sizeof name - 1 && !strncmp(part, name, sizeof name - 1))
            return is_same(token, part + sizeof name - 1, length - (sizeof name - 1));
        part += length + (part[length] == '&');
    }
    return false;
}
