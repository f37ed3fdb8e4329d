/* To be preloaded: closing a descriptor of another JACK client's semaphore takes its time, as on a
 * busy machine; so the thread that does it can be met in the midst of it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int close(int fd) {
    const struct timespec while_busy = {.tv_nsec = 200000000};
    char link[64], path[256] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0 && strstr(path, "/jack_sem."))
        nanosleep(&while_busy, NULL);
    return (int)syscall(SYS_close, fd);
}
