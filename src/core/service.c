/* Tells the service manager how the program fares, by a datagram to the socket it has named.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/service.h>

#include <ja/core/text.h>

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool ja_service_is_managed(void) {
    const char *name = getenv("NOTIFY_SOCKET");
    return name && (name[0] == '/' || name[0] == '@') && name[1];
}

/* A path, or with '@' in place of the first byte, which is 0, a name in the abstract space. */
static socklen_t read_address(struct sockaddr_un *address) {
    const char *name = getenv("NOTIFY_SOCKET");
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!ja_text_copy(address->sun_path, sizeof address->sun_path, name))
        return 0;
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

bool ja_service_tell(const char *assignments) {
    struct sockaddr_un address;
    socklen_t length = ja_service_is_managed() ? read_address(&address) : 0;
    if (length == 0)
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0)
        return false;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    ssize_t sent = sendto(fd, assignments, strlen(assignments), MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)&address, length);
    close(fd);
    return sent >= 0;
}

uint64_t ja_service_watchdog_us(void) {
    const char *period = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
    long long us, pid;
    if (!period || !ja_text_integer(period, &us) || us <= 0)
        return 0;
    bool other = process && (!ja_text_integer(process, &pid) || pid != (long long)getpid());
    return other ? 0 : (uint64_t)us;
}
