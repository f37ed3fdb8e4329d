/* Reads small files.
 *
 * Opened without blocking, so that a FIFO without a writer does not hold us, and looked at only
 * then, so that it cannot change in between.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/regular.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void refuse(struct ja_error *reason, int code, const char *sentence) {
    ja_fail(reason, JA_USAGE, "%s", sentence);
    errno = code;
}

static bool is_allowed(int fd, unsigned rules, struct ja_error *reason) {
    struct stat file;
    if (fstat(fd, &file) != 0) {
        refuse(reason, errno, strerror(errno));
    } else if (!S_ISREG(file.st_mode)) {
        refuse(reason, EINVAL, "is not a regular file");
    } else if ((rules & JA_REGULAR_OURS) && file.st_uid != geteuid()) {
        refuse(reason, EPERM, "belongs to another user");
    } else if ((rules & JA_REGULAR_OURS) && (file.st_mode & (S_IWGRP | S_IWOTH))) {
        refuse(reason, EPERM, "can be written by others");
    } else if ((rules & JA_REGULAR_SECRET) && (file.st_mode & (S_IRWXG | S_IRWXO))) {
        ja_fail(reason, JA_USAGE,
                "others than its owner may use it (mode %04o): chmod 600 it, and change what it "
                "holds if they may have seen it",
                (unsigned)file.st_mode & 07777);
        errno = EPERM;
    } else {
        return true;
    }
    return false;
}

int ja_regular_open(const char *path, unsigned rules, struct ja_error *reason) {
    int no_link = rules & JA_REGULAR_NO_LINK ? O_NOFOLLOW : 0;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | no_link);
    if (fd < 0) {
        refuse(reason, errno, errno == ELOOP && no_link ? "is a symbolic link" : strerror(errno));
        return -1;
    }
    if (is_allowed(fd, rules, reason))
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

/* Up to `size` bytes; -1 on error. */
static ssize_t read_all(int fd, char *bytes, size_t size) {
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(fd, bytes + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

ssize_t ja_regular_read(const char *path, unsigned rules, void *bytes, size_t size,
                        struct ja_error *reason) {
    char more;
    int fd = ja_regular_open(path, rules, reason);
    if (fd < 0)
        return -1;
    ssize_t length = read_all(fd, bytes, size);
    ssize_t beyond = length == (ssize_t)size ? read_all(fd, &more, 1) : 0;
    int code = errno;
    close(fd);
    if (length < 0 || beyond < 0) {
        refuse(reason, code, strerror(code));
        return -1;
    }
    if (beyond == 0)
        return length;
    bool in_kib = size % 1024 == 0;
    ja_fail(reason, JA_USAGE, "is larger than %zu %s", in_kib ? size / 1024 : size,
            in_kib ? "KiB" : "bytes");
    errno = EFBIG;
    return -1;
}
