/* UDP and TCP to one receiver, without ever waiting for it.
 *
 * Both begin by asking the resolver for the address, unless it is numeric. A datagram socket is
 * then ready. A connection is opened without blocking; what the system does not take at once waits
 * in a buffer, whole messages only, and goes on when poll says so. Whatever fails is tried again
 * after RETRY_US.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/net/outlet.h>

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <ja/net/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    RETRY_US = 2000000,
    STUCK_US = 5000000,
    DROPPABLE_BYTES = JA_OUTLET_BYTES / 4,
    HEARD_BYTES = 4096,
};

enum stage { RESOLVING, CONNECTING, READY };

struct ja_outlet {
    struct ja_outlet_setup setup;
    char host[256], interface[64];
    enum stage stage;
    int fd; /* -1: none */
    struct sockaddr_storage address;
    socklen_t length;
    unsigned question;
    uint64_t timer; /* the next attempt, or whether the receiver is stuck */
    size_t waiting; /* bytes in buffer */
    uint64_t moved_us;
    struct ja_outlet_stats stats;
    struct ja_log_limit limit;
    unsigned char buffer[]; /* JA_OUTLET_BYTES by TCP */
};

static void ask(struct ja_outlet *outlet);

static void complain(struct ja_outlet *outlet, const char *what) {
    ja_log_limited(&outlet->limit, JA_LOG_WARNING, "%s: %s port %d: %s", outlet->setup.owner,
                   outlet->host, outlet->setup.port, what);
}

static void leave(struct ja_outlet *outlet) {
    if (outlet->question)
        ja_resolver_forget(outlet->setup.resolver, outlet->question);
    ja_loop_cancel(outlet->setup.loop, outlet->timer);
    if (outlet->fd >= 0) {
        ja_loop_unwatch(outlet->setup.loop, outlet->fd);
        close(outlet->fd);
    }
    outlet->question = 0;
    outlet->timer = 0;
    outlet->fd = -1;
    outlet->waiting = 0;
    outlet->stage = RESOLVING;
}

static void again(void *data, uint64_t due_us) {
    struct ja_outlet *outlet = data;
    (void)due_us;
    outlet->timer = 0;
    ask(outlet);
}

static void give_up(struct ja_outlet *outlet, const char *what) {
    complain(outlet, what);
    leave(outlet);
    outlet->timer = ja_loop_at(outlet->setup.loop, ja_clock_us() + RETRY_US, again, outlet);
}

static void become_ready(struct ja_outlet *outlet) {
    outlet->stage = READY;
    outlet->moved_us = ja_clock_us();
    if (outlet->setup.ready)
        outlet->setup.ready(outlet->setup.data);
}

/* --- TCP --- */

static void check_stuck(void *data, uint64_t due_us) {
    struct ja_outlet *outlet = data;
    (void)due_us;
    outlet->timer = 0;
    if (outlet->waiting == 0)
        return;
    uint64_t stuck_us = outlet->moved_us + STUCK_US;
    if (ja_clock_us() >= stuck_us)
        give_up(outlet, "takes nothing for 5 s; connecting anew");
    else
        outlet->timer = ja_loop_at(outlet->setup.loop, stuck_us, check_stuck, outlet);
}

/* Hands what waits to the system; false when the connection has broken. */
static bool flush(struct ja_outlet *outlet) {
    while (outlet->waiting > 0) {
        ssize_t taken =
            send(outlet->fd, outlet->buffer, outlet->waiting, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken < 0)
            return errno == EAGAIN || errno == EINTR;
        outlet->moved_us = ja_clock_us();
        outlet->waiting -= (size_t)taken;
        memmove(outlet->buffer, outlet->buffer + taken, outlet->waiting);
    }
    return true;
}

/* False when the connection has ended. */
static bool hear(struct ja_outlet *outlet) {
    unsigned char bytes[HEARD_BYTES];
    ssize_t size = recv(outlet->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR;
    if (size > 0 && outlet->setup.heard)
        outlet->setup.heard(outlet->setup.data, bytes, (size_t)size);
    return size > 0;
}

static void watch_for_room(struct ja_outlet *outlet) {
    ja_loop_change(outlet->setup.loop, outlet->fd, outlet->waiting > 0 ? POLLIN | POLLOUT : POLLIN);
    if (outlet->waiting > 0 && !outlet->timer)
        outlet->timer =
            ja_loop_at(outlet->setup.loop, ja_clock_us() + STUCK_US, check_stuck, outlet);
}

static void finish_connecting(struct ja_outlet *outlet) {
    int cause = 0;
    socklen_t size = sizeof cause;
    getsockopt(outlet->fd, SOL_SOCKET, SO_ERROR, &cause, &size);
    if (cause != 0) {
        give_up(outlet, strerror(cause));
        return;
    }
    ja_loop_cancel(outlet->setup.loop, outlet->timer);
    outlet->timer = 0;
    ja_loop_change(outlet->setup.loop, outlet->fd, POLLIN);
    become_ready(outlet);
}

static void stirred(void *data, int fd, short events) {
    struct ja_outlet *outlet = data;
    (void)fd;
    if (outlet->stage == CONNECTING) {
        finish_connecting(outlet);
        return;
    }
    if ((events & POLLOUT) && !flush(outlet)) {
        give_up(outlet, strerror(errno));
        return;
    }
    if ((events & (POLLIN | POLLERR | POLLHUP)) && !hear(outlet)) {
        if (outlet->fd >= 0)
            give_up(outlet, "the receiver has closed the connection");
        return;
    }
    if (outlet->fd >= 0)
        watch_for_room(outlet);
}

static void connecting_takes_long(void *data, uint64_t due_us) {
    struct ja_outlet *outlet = data;
    (void)due_us;
    outlet->timer = 0;
    give_up(outlet, "does not answer");
}

static void connect_tcp(struct ja_outlet *outlet) {
    const struct sockaddr *address = (const struct sockaddr *)&outlet->address;
    outlet->fd = ja_tcp_connect(address, outlet->length);
    if (outlet->fd < 0 ||
        ja_loop_watch(outlet->setup.loop, outlet->fd, POLLOUT, stirred, outlet, NULL) != JA_OK) {
        give_up(outlet, outlet->fd < 0 ? strerror(errno) : "no memory");
        return;
    }
    outlet->stage = CONNECTING;
    outlet->timer =
        ja_loop_at(outlet->setup.loop, ja_clock_us() + STUCK_US, connecting_takes_long, outlet);
}

/* --- UDP --- */

static void open_udp(struct ja_outlet *outlet) {
    outlet->fd = ja_udp_sender(outlet->address.ss_family);
    if (outlet->fd < 0 || !ja_udp_multicast(outlet->fd, outlet->address.ss_family,
                                            outlet->interface, outlet->setup.ttl))
        give_up(outlet, strerror(errno));
    else
        become_ready(outlet);
}

/* --- Both --- */

static void open_socket(struct ja_outlet *outlet) {
    if (outlet->setup.transport == JA_TRANSPORT_TCP)
        connect_tcp(outlet);
    else
        open_udp(outlet);
}

static void resolved(void *data, const struct sockaddr *address, socklen_t length,
                     const char *error) {
    struct ja_outlet *outlet = data;
    outlet->question = 0;
    if (!address) {
        give_up(outlet, error);
        return;
    }
    memcpy(&outlet->address, address, length);
    outlet->length = length;
    open_socket(outlet);
}

static void ask(struct ja_outlet *outlet) {
    int port = outlet->setup.port;
    if (ja_resolver_numeric(outlet->host, port, &outlet->address, &outlet->length)) {
        open_socket(outlet);
        return;
    }
    outlet->question =
        ja_resolver_ask(outlet->setup.resolver, outlet->host, port, resolved, outlet);
    if (!outlet->question)
        give_up(outlet, "too many names wait to be looked up");
}

struct ja_outlet *ja_outlet_new(const struct ja_outlet_setup *setup, struct ja_error *error) {
    bool tcp = setup->transport == JA_TRANSPORT_TCP;
    struct ja_outlet *outlet = calloc(1, sizeof *outlet + (tcp ? JA_OUTLET_BYTES : 0));
    if (!outlet) {
        ja_fail(error, JA_FAILED, "%s: no memory", setup->owner);
        return NULL;
    }
    outlet->setup = *setup;
    outlet->fd = -1;
    ja_text_copy(outlet->host, sizeof outlet->host, setup->host);
    if (setup->interface)
        ja_text_copy(outlet->interface, sizeof outlet->interface, setup->interface);
    ask(outlet);
    return outlet;
}

void ja_outlet_free(struct ja_outlet *outlet) {
    if (!outlet)
        return;
    if (outlet->stage == READY)
        flush(outlet);
    leave(outlet);
    free(outlet);
}

static bool lose(struct ja_outlet *outlet, const char *what) {
    outlet->stats.failed++;
    complain(outlet, what);
    return false;
}

static bool send_tcp(struct ja_outlet *outlet, const void *bytes, size_t size, bool may_drop) {
    size_t room = may_drop ? DROPPABLE_BYTES : JA_OUTLET_BYTES;
    if (outlet->waiting + size > room) {
        outlet->stats.dropped++;
        return false;
    }
    memcpy(outlet->buffer + outlet->waiting, bytes, size);
    outlet->waiting += size;
    if (!flush(outlet)) {
        outlet->stats.failed++;
        give_up(outlet, strerror(errno));
        return false;
    }
    outlet->stats.sent++;
    watch_for_room(outlet);
    return true;
}

bool ja_outlet_send(struct ja_outlet *outlet, const void *bytes, size_t size, bool may_drop) {
    if (outlet->stage != READY) {
        outlet->stats.failed++; /* why has been said */
        return false;
    }
    if (outlet->setup.transport == JA_TRANSPORT_TCP)
        return send_tcp(outlet, bytes, size, may_drop);
    if (sendto(outlet->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&outlet->address, outlet->length) < 0)
        return lose(outlet, strerror(errno));
    outlet->stats.sent++;
    return true;
}

bool ja_outlet_is_ready(const struct ja_outlet *outlet) {
    return outlet->stage == READY;
}

const struct ja_outlet_stats *ja_outlet_stats(const struct ja_outlet *outlet) {
    return &outlet->stats;
}
