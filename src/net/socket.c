/* Datagram sockets that never block.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/net/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_udp(int family) {
    int fd = socket(family, SOCK_DGRAM, IPPROTO_UDP);
    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        int cause = errno;
        close(fd);
        errno = cause;
        return -1;
    }
    return fd;
}

int ja_udp_sender(int family) {
    int fd = open_udp(family);
    if (fd < 0)
        return -1;
    /* Where these fail, plain addresses still work: no reason to refuse. */
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    if (family == AF_INET6) {
        int hops = 1;
        setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops);
    } else {
        unsigned char hops = 1;
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
    }
    return fd;
}

int ja_udp_listen(const char *address, int port, struct ja_error *error) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        ja_fail(error, JA_USAGE, "\"%s\" is not a numeric IPv4 or IPv6 address", address);
        return -1;
    }
    int fd = open_udp(found->ai_family);
    if (fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) < 0) {
        int cause = errno;
        close(fd);
        errno = cause;
        fd = -1;
    }
    if (fd < 0)
        ja_fail(error, JA_FAILED, "cannot listen on %s, UDP port %d: %s", address, port,
                strerror(errno));
    freeaddrinfo(found);
    return fd;
}

void ja_address_format(const struct sockaddr *address, socklen_t length, char *text, size_t size) {
    char host[128], service[16];
    if (getnameinfo(address, length, host, sizeof host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM) != 0)
        snprintf(text, size, "unknown address");
    else
        snprintf(text, size, address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, service);
}
