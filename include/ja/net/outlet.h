/* The way out to one receiver, by UDP or TCP: finds its address, connects, connects again, and
 * never makes the sender wait.
 *
 * Everything happens in the loop's thread. By TCP at most JA_OUTLET_BYTES wait for a receiver that
 * does not read; messages that may be dropped give way at a quarter of that, the rest have all of
 * it. One that takes nothing for five seconds is left and called anew.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_NET_OUTLET_H
#define JA_NET_OUTLET_H

#include <ja/core/loop.h>
#include <ja/net/resolver.h>

enum { JA_OUTLET_BYTES = 65536 };

enum ja_transport { JA_TRANSPORT_UDP, JA_TRANSPORT_TCP };

struct ja_outlet_setup {
    struct ja_loop *loop;
    struct ja_resolver *resolver;
    const char *owner; /* for messages: "target qlcplus"; must outlive the outlet */
    enum ja_transport transport;
    const char *host; /* name or address; copied */
    int port;
    const char *interface; /* UDP: of multicast, by name; NULL or "": the system chooses */
    int ttl;               /* UDP: of multicast, 0…255 */
    /* Each optional. */
    void (*ready)(void *data); /* bytes can go out, for the first time (even before
                                  ja_outlet_new has returned, by UDP) or again */
    void (*heard)(void *data, const void *bytes, size_t size); /* TCP: the receiver has spoken */
    void *data;
};

struct ja_outlet_stats {
    uint64_t sent;    /* messages handed to the system, or to wait for it by TCP */
    uint64_t failed;  /* messages lost: no address, no connection, an error of the network */
    uint64_t dropped; /* messages lost because the receiver does not read */
};

struct ja_outlet;

/* NULL without memory. Everything else is tried again every two seconds, and told. None of the
 * functions given may free the outlet. */
struct ja_outlet *ja_outlet_new(const struct ja_outlet_setup *setup, struct ja_error *error);
/* What waits is sent as far as the system takes it at once; NULL is fine. */
void ja_outlet_free(struct ja_outlet *outlet);

/* The whole message or nothing; false when it is lost, which has been counted and, at most every
 * ten seconds, told. `may_drop`: there will be a newer one. */
bool ja_outlet_send(struct ja_outlet *outlet, const void *bytes, size_t size, bool may_drop);
/* Is there an address, and by TCP a connection? */
bool ja_outlet_is_ready(const struct ja_outlet *outlet);
const struct ja_outlet_stats *ja_outlet_stats(const struct ja_outlet *outlet);

#endif
