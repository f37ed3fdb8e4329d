/* A TCP receiver on loopback for tests.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_TCP_H
#define TEST_TCP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Listens on *port, or on any when it is 0, and tells which. Who connects meets a small receive
 * buffer, which is soon full. */
static inline int tcp_listen(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t length = sizeof address;
    int on = 1, small = 4096, fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

#endif
