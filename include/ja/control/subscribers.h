/* Who has asked for results by OSC, and for how long he still gets them.
 *
 * A lease of a minute, renewed by asking again; so a receiver that is gone costs nothing for long.
 * Time is passed in, and what is to be done for a subscriber is a function given.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONTROL_SUBSCRIBERS_H
#define JA_CONTROL_SUBSCRIBERS_H

#include <ja/control/handshake.h>
#include <ja/core/status.h>
#include <ja/core/text.h>

enum { JA_SUBSCRIBERS = 32, JA_LEASE_S = 60, JA_WISH_BYTES = 128 };

struct ja_subscriber {
    void *handle; /* from `open`; NULL: the place is free */
    struct ja_peer peer;
    int port;                 /* where to, at the peer's address */
    char wish[JA_WISH_BYTES]; /* outputs or preset */
    uint64_t until_us;
};

struct ja_subscribers {
    int most; /* at a time, 0…JA_SUBSCRIBERS */
    /* Begins to send what is wished for to `host` (numeric) and `port`; NULL and a sentence when
     * that cannot be. */
    void *(*open)(void *data, const char *wish, const char *host, int port, struct ja_error *error);
    void (*close)(void *data, void *handle);
    void *data;
    struct ja_subscriber entries[JA_SUBSCRIBERS];
};

/* Begins or renews; port 0 is the one he asks from. `reply` says what is done or why not. */
enum ja_status ja_subscribers_add(struct ja_subscribers *subscribers, const struct ja_peer *peer,
                                  const char *wish, int port, uint64_t now_us,
                                  struct ja_text *reply);
/* Ends it; the wish "all" ends everything that goes to that port. */
enum ja_status ja_subscribers_remove(struct ja_subscribers *subscribers, const struct ja_peer *peer,
                                     const char *wish, int port, struct ja_text *reply);
/* Ends what has not been renewed; to be called now and then. */
void ja_subscribers_expire(struct ja_subscribers *subscribers, uint64_t now_us);
/* "127.0.0.1:9000": where its packets go. */
void ja_subscriber_place(const struct ja_subscriber *subscriber, char *text, size_t size);

#endif
