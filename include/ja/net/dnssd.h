/* Lets programs find each other in the local network by DNS-SD (RFC 6763), with the help of the
 * Avahi daemon.
 *
 * Everything that may wait for the daemon happens in a thread of its own. Without a daemon it is
 * told once, and tried again every minute. Where the program is built without Avahi, nothing is
 * shown and nothing found.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_NET_DNSSD_H
#define JA_NET_DNSSD_H

#include <ja/core/status.h>
#include <stdbool.h>
#include <stddef.h>

enum { JA_DNSSD_SERVICES = 4 };

struct ja_dnssd_service {
    const char *type; /* "_osc._udp" */
    int port;
};

struct ja_dnssd;

/* Shows `count` services under `name`, and looks for services of type `wanted`; the strings must
 * last. NULL and a sentence on error, and where the program is built without Avahi. */
struct ja_dnssd *ja_dnssd_new(const char *name, const struct ja_dnssd_service *services,
                              size_t count, const char *wanted, struct ja_error *error);
void ja_dnssd_free(struct ja_dnssd *dnssd); /* NULL is fine */
/* Numeric address and port of a wanted service; false while there is none. */
bool ja_dnssd_found(struct ja_dnssd *dnssd, char *host, size_t size, int *port);

#endif
