/* Sockets that never block.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_NET_SOCKET_H
#define JA_NET_SOCKET_H

#include <ja/core/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* A UDP socket to send from, AF_INET or AF_INET6; may send to broadcast addresses, and to
 * multicast groups within the local network (TTL 1). It is not connected: a receiver that is not
 * there must not cost the next packet. -1 and errno on error. */
int ja_udp_sender(int family);
/* Where its multicast packets go: the interface by name ("" leaves it to the system) and how many
 * networks far, 0…255. False and errno on error. */
bool ja_udp_multicast(int fd, int family, const char *interface, int ttl);
/* A UDP socket bound to a numeric IPv4 or IPv6 address, port 0 for any free one. -1 and a sentence
 * when it cannot be. */
int ja_udp_listen(const char *address, int port, struct ja_error *error);
/* A TCP socket that begins to connect; POLLOUT tells the end, SO_ERROR how. Small messages leave at
 * once (TCP_NODELAY). -1 and errno on error. */
int ja_tcp_connect(const struct sockaddr *address, socklen_t length);
/* "127.0.0.1:7770", "[::1]:7770". */
void ja_address_format(const struct sockaddr *address, socklen_t length, char *text, size_t size);

#endif
