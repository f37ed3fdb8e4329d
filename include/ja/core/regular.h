/* Reads small files, such as settings and secrets, trusting neither the path nor what is there:
 * only regular files, no more than expected, and without ever waiting for what is no file at all.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_REGULAR_H
#define JA_CORE_REGULAR_H

#include <ja/core/status.h>
#include <stddef.h>
#include <sys/types.h>

/* What else must be so. */
enum {
    JA_REGULAR_NO_LINK = 1, /* the path's last part is no symbolic link */
    JA_REGULAR_OURS = 2,    /* it belongs to this user, and others may not write it */
    JA_REGULAR_SECRET = 4,  /* others may do nothing with it */
};

/* A file to read; -1, errno and the reason alone ("is not a regular file"). */
int ja_regular_open(const char *path, unsigned rules, struct ja_error *reason);
/* Reads the whole of it and returns its length; -1, errno and the reason, also when it is longer
 * than `size` bytes. */
ssize_t ja_regular_read(const char *path, unsigned rules, void *bytes, size_t size,
                        struct ja_error *reason);

#endif
