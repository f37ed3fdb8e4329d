/* The table of subscribers.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/control/subscribers.h>

#include <ja/net/socket.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

static int source_port(const struct ja_peer *peer) {
    return ntohs(peer->address.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&peer->address)->sin6_port
                     : ((const struct sockaddr_in *)&peer->address)->sin_port);
}

/* Checks what is asked for, and puts in the port asked from. */
static bool check(const struct ja_peer *peer, const char *wish, int *port, struct ja_text *reply) {
    if (*port < 0 || *port > 65535) {
        ja_text_format(reply, "the port must be between 0 and 65535, not %d", *port);
        return false;
    }
    if (!wish[0] || strlen(wish) >= JA_WISH_BYTES) {
        ja_text_format(reply, "what to send must be named in 1 to %d bytes", JA_WISH_BYTES - 1);
        return false;
    }
    if (*port == 0)
        *port = source_port(peer);
    return true;
}

static bool goes_to(const struct ja_subscriber *subscriber, const struct ja_peer *peer, int port) {
    return subscriber->handle && subscriber->port == port &&
           ja_peer_is(&subscriber->peer, peer, true);
}

static struct ja_subscriber *place_for(struct ja_subscribers *subscribers,
                                       const struct ja_peer *peer, const char *wish, int port) {
    struct ja_subscriber *empty = NULL;
    int count = 0;
    for (size_t i = 0; i < JA_SUBSCRIBERS; i++) {
        struct ja_subscriber *one = &subscribers->entries[i];
        if (goes_to(one, peer, port) && !strcmp(one->wish, wish))
            return one;
        count += one->handle != NULL;
        if (!one->handle && !empty)
            empty = one;
    }
    return count < subscribers->most ? empty : NULL;
}

static void *begin(const struct ja_subscribers *subscribers, const struct ja_peer *peer,
                   const char *wish, int port, struct ja_text *reply) {
    char host[128];
    struct ja_error error = {"the address cannot be written"};
    void *handle = NULL;
    if (getnameinfo((const struct sockaddr *)&peer->address, peer->length, host, sizeof host, NULL,
                    0, NI_NUMERICHOST) == 0)
        handle = subscribers->open(subscribers->data, wish, host, port, &error);
    if (!handle)
        ja_text_put(reply, error.text);
    return handle;
}

enum ja_status ja_subscribers_add(struct ja_subscribers *subscribers, const struct ja_peer *peer,
                                  const char *wish, int port, uint64_t now_us,
                                  struct ja_text *reply) {
    if (!check(peer, wish, &port, reply))
        return JA_USAGE;
    ja_subscribers_expire(subscribers, now_us);
    struct ja_subscriber *place = place_for(subscribers, peer, wish, port);
    if (!place) {
        ja_text_format(reply, "no more than %d subscriptions are allowed (control.subscribers)",
                       subscribers->most);
        return JA_FAILED;
    }
    if (!place->handle) {
        void *handle = begin(subscribers, peer, wish, port, reply);
        if (!handle)
            return JA_FAILED;
        *place = (struct ja_subscriber){.handle = handle, .peer = *peer, .port = port};
        ja_text_copy(place->wish, sizeof place->wish, wish);
    }
    place->until_us = now_us + (uint64_t)JA_LEASE_S * 1000000;
    ja_text_format(reply, "sending %s to port %d for %d s", wish, port, JA_LEASE_S);
    return JA_OK;
}

static void end(const struct ja_subscribers *subscribers, struct ja_subscriber *subscriber) {
    subscribers->close(subscribers->data, subscriber->handle);
    subscriber->handle = NULL;
}

enum ja_status ja_subscribers_remove(struct ja_subscribers *subscribers, const struct ja_peer *peer,
                                     const char *wish, int port, struct ja_text *reply) {
    int count = 0;
    if (!check(peer, wish, &port, reply))
        return JA_USAGE;
    for (size_t i = 0; i < JA_SUBSCRIBERS; i++) {
        struct ja_subscriber *one = &subscribers->entries[i];
        if (!goes_to(one, peer, port) || (strcmp(wish, "all") != 0 && strcmp(wish, one->wish) != 0))
            continue;
        end(subscribers, one);
        count++;
    }
    ja_text_format(reply, count ? "%s no longer goes to port %d" : "%s does not go to port %d",
                   wish, port);
    return count ? JA_OK : JA_FAILED;
}

void ja_subscribers_expire(struct ja_subscribers *subscribers, uint64_t now_us) {
    for (size_t i = 0; i < JA_SUBSCRIBERS; i++) {
        struct ja_subscriber *one = &subscribers->entries[i];
        if (one->handle && now_us >= one->until_us)
            end(subscribers, one);
    }
}

void ja_subscriber_place(const struct ja_subscriber *subscriber, char *text, size_t size) {
    struct ja_peer peer = subscriber->peer;
    in_port_t port = htons((uint16_t)subscriber->port);
    if (peer.address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&peer.address)->sin6_port = port;
    else
        ((struct sockaddr_in *)&peer.address)->sin_port = port;
    ja_address_format((const struct sockaddr *)&peer.address, peer.length, text, size);
}
