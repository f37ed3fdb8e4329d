/* Sockets that never block.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _DEFAULT_SOURCE /* ip_mreqn */
#include <ja/net/socket.h>

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_socket(int family, int type) {
    return socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int ja_udp_sender(int family) {
    int fd = open_socket(family, SOCK_DGRAM);
    if (fd < 0)
        return -1;
    /* Where these fail, plain addresses still work: no reason to refuse. */
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    return fd;
}

static bool set_number(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

bool ja_udp_multicast(int fd, int family, const char *interface, int ttl) {
    unsigned index = interface[0] ? if_nametoindex(interface) : 0;
    if (interface[0] && !index)
        return false;
    if (family == AF_INET6)
        return set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) &&
               (!index || set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)index));
    struct ip_mreqn way = {.imr_ifindex = (int)index};
    return set_number(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl) &&
           (!index || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &way, sizeof way) == 0);
}

int ja_tcp_connect(const struct sockaddr *address, socklen_t length) {
    int fd = open_socket(address->sa_family, SOCK_STREAM);
    if (fd < 0)
        return -1;
    set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (connect(fd, address, length) == 0 || errno == EINPROGRESS)
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
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
    int fd = open_socket(found->ai_family, SOCK_DGRAM);
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
