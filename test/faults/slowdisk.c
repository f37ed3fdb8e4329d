/* To be preloaded: a disk that does not answer. Whoever wants to know what he has written there
 * waits for a minute.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>
#include <unistd.h>

int fsync(int fd) {
    const struct timespec minute = {.tv_sec = 60};
    (void)fd;
    nanosleep(&minute, NULL);
    return 0;
}
