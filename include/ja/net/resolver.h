/* Turns host names into addresses in a thread of its own, so that a dead name server delays nobody.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_NET_RESOLVER_H
#define JA_NET_RESOLVER_H

#include <ja/core/loop.h>
#include <sys/socket.h>

struct ja_resolver;

/* `address` is NULL, with a sentence, when the name could not be resolved. Called from the loop,
 * never from within ja_resolver_ask. */
typedef void ja_resolver_function(void *data, const struct sockaddr *address, socklen_t length,
                                  const char *error);

struct ja_resolver *ja_resolver_new(struct ja_loop *loop, struct ja_error *error);
/* Waits for a look-up in progress at most 100 ms, then leaves the thread behind. */
void ja_resolver_free(struct ja_resolver *resolver);
/* The address that `host` is, if it is numeric. */
bool ja_resolver_numeric(const char *host, int port, struct sockaddr_storage *address,
                         socklen_t *length);
/* Returns an id to forget, 0 when the queue (64) is full. */
unsigned ja_resolver_ask(struct ja_resolver *resolver, const char *host, int port,
                         ja_resolver_function *function, void *data);
void ja_resolver_forget(struct ja_resolver *resolver, unsigned id);

#endif
