/* DNS-SD by libavahi-client.
 *
 * The client of the daemon lives in Avahi's threaded poll: making it waits for D-Bus, so even that
 * is done by a timer of that thread. The other side only reads what was found, under a lock that is
 * never held for longer than a copy.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _DEFAULT_SOURCE /* struct timeval, for Avahi's headers */
#include <ja/net/dnssd.h>

#if JA_WITH_AVAHI

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/thread-watch.h>
#include <avahi-common/timeval.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 60000 };

struct ja_dnssd {
    struct ja_dnssd_service services[JA_DNSSD_SERVICES];
    size_t count;
    const char *wanted;

    /* The thread's own. */
    AvahiThreadedPoll *poll;
    AvahiClient *client; /* NULL while there is no daemon */
    AvahiEntryGroup *group;
    AvahiServiceBrowser *browser;
    AvahiTimeout *retry;
    char *name; /* as shown; another where it is taken */
    bool told;  /* that there is no daemon */

    pthread_mutex_t lock; /* of what follows */
    char found_name[64], host[AVAHI_ADDRESS_STR_MAX];
    int port; /* 0: nothing found */
};

static void shown(AvahiEntryGroup *group, AvahiEntryGroupState state, void *data);

static void later(struct ja_dnssd *dnssd) {
    const AvahiPoll *poll = avahi_threaded_poll_get(dnssd->poll);
    struct timeval when;
    poll->timeout_update(dnssd->retry, avahi_elapse_time(&when, RETRY_MS, 0));
}

static void tell_once(struct ja_dnssd *dnssd, const char *why) {
    if (!dnssd->told)
        ja_log(JA_LOG_NOTICE,
               "discovery: no help from the Avahi daemon (%s); tried again now and then", why);
    dnssd->told = true;
}

/* --- Showing --- */

static void show(struct ja_dnssd *dnssd, AvahiClient *client) {
    int code = 0;
    if (dnssd->count == 0)
        return;
    if (!dnssd->group)
        dnssd->group = avahi_entry_group_new(client, shown, dnssd);
    if (!dnssd->group)
        return;
    avahi_entry_group_reset(dnssd->group);
    for (size_t i = 0; i < dnssd->count && code == 0; i++)
        code = avahi_entry_group_add_service(dnssd->group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, 0,
                                             dnssd->name, dnssd->services[i].type, NULL, NULL,
                                             (uint16_t)dnssd->services[i].port, NULL);
    if (code == 0)
        code = avahi_entry_group_commit(dnssd->group);
    if (code != 0)
        ja_log(JA_LOG_WARNING, "discovery: cannot be shown: %s", avahi_strerror(code));
}

static void shown(AvahiEntryGroup *group, AvahiEntryGroupState state, void *data) {
    struct ja_dnssd *dnssd = data;
    if (state != AVAHI_ENTRY_GROUP_COLLISION)
        return;
    char *other = avahi_alternative_service_name(dnssd->name);
    avahi_free(dnssd->name);
    dnssd->name = other;
    dnssd->group = group;
    show(dnssd, avahi_entry_group_get_client(group));
}

/* --- Finding --- */

static void resolved(AvahiServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol,
                     AvahiResolverEvent event, const char *name, const char *type,
                     const char *domain, const char *host, const AvahiAddress *address,
                     uint16_t port, AvahiStringList *txt, AvahiLookupResultFlags flags,
                     void *data) {
    struct ja_dnssd *dnssd = data;
    (void)interface, (void)protocol, (void)type, (void)domain, (void)host, (void)txt, (void)flags;
    if (event == AVAHI_RESOLVER_FOUND) {
        pthread_mutex_lock(&dnssd->lock);
        if (dnssd->port == 0 || !strcmp(dnssd->found_name, name)) { /* the first one stays */
            ja_text_copy(dnssd->found_name, sizeof dnssd->found_name, name);
            avahi_address_snprint(dnssd->host, sizeof dnssd->host, address);
            dnssd->port = port;
        }
        pthread_mutex_unlock(&dnssd->lock);
    }
    avahi_service_resolver_free(resolver);
}

static void browsed(AvahiServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                    AvahiBrowserEvent event, const char *name, const char *type, const char *domain,
                    AvahiLookupResultFlags flags, void *data) {
    struct ja_dnssd *dnssd = data;
    (void)flags;
    if (event == AVAHI_BROWSER_NEW)
        avahi_service_resolver_new(avahi_service_browser_get_client(browser), interface, protocol,
                                   name, type, domain, AVAHI_PROTO_INET, 0, resolved, dnssd);
    if (event != AVAHI_BROWSER_REMOVE)
        return;
    pthread_mutex_lock(&dnssd->lock);
    if (!strcmp(dnssd->found_name, name))
        dnssd->port = 0;
    pthread_mutex_unlock(&dnssd->lock);
}

/* --- The daemon's client --- */

static void state_changed(AvahiClient *client, AvahiClientState state, void *data) {
    struct ja_dnssd *dnssd = data;
    if (state == AVAHI_CLIENT_S_RUNNING) {
        dnssd->told = false;
        show(dnssd, client);
        if (!dnssd->browser)
            dnssd->browser = avahi_service_browser_new(client, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC,
                                                       dnssd->wanted, NULL, 0, browsed, dnssd);
    } else if (state == AVAHI_CLIENT_FAILURE) {
        tell_once(dnssd, avahi_strerror(avahi_client_errno(client)));
        later(dnssd); /* the client cannot be freed in here */
    } else if (state == AVAHI_CLIENT_CONNECTING) {
        tell_once(dnssd, "it does not run");
    } else if (dnssd->group) {
        avahi_entry_group_reset(dnssd->group);
    }
}

static void connect_client(AvahiTimeout *timeout, void *data) {
    struct ja_dnssd *dnssd = data;
    const AvahiPoll *poll = avahi_threaded_poll_get(dnssd->poll);
    int code;
    poll->timeout_update(timeout, NULL);
    if (dnssd->client)
        avahi_client_free(dnssd->client); /* with what belongs to it */
    dnssd->group = NULL;
    dnssd->browser = NULL;
    dnssd->client = avahi_client_new(poll, AVAHI_CLIENT_NO_FAIL, state_changed, dnssd, &code);
    if (dnssd->client)
        return;
    tell_once(dnssd, avahi_strerror(code));
    later(dnssd);
}

/* --- Start and end --- */

struct ja_dnssd *ja_dnssd_new(const char *name, const struct ja_dnssd_service *services,
                              size_t count, const char *wanted, struct ja_error *error) {
    struct ja_dnssd *dnssd = calloc(1, sizeof *dnssd);
    struct timeval now;
    if (dnssd) {
        pthread_mutex_init(&dnssd->lock, NULL);
        memcpy(dnssd->services, services, count * sizeof *services);
        dnssd->count = count;
        dnssd->wanted = wanted;
        dnssd->name = avahi_strdup(name);
        dnssd->poll = avahi_threaded_poll_new();
    }
    if (dnssd && dnssd->poll) {
        const AvahiPoll *poll = avahi_threaded_poll_get(dnssd->poll);
        dnssd->retry =
            poll->timeout_new(poll, avahi_elapse_time(&now, 0, 0), connect_client, dnssd);
    }
    if (dnssd && dnssd->retry && avahi_threaded_poll_start(dnssd->poll) == 0)
        return dnssd;
    ja_fail(error, JA_FAILED, "discovery cannot start");
    ja_dnssd_free(dnssd);
    return NULL;
}

void ja_dnssd_free(struct ja_dnssd *dnssd) {
    if (!dnssd)
        return;
    if (dnssd->poll)
        avahi_threaded_poll_stop(dnssd->poll);
    if (dnssd->client)
        avahi_client_free(dnssd->client);
    if (dnssd->poll)
        avahi_threaded_poll_free(dnssd->poll); /* with its timer */
    pthread_mutex_destroy(&dnssd->lock);
    avahi_free(dnssd->name);
    free(dnssd);
}

bool ja_dnssd_found(struct ja_dnssd *dnssd, char *host, size_t size, int *port) {
    pthread_mutex_lock(&dnssd->lock);
    bool found = dnssd->port != 0 && ja_text_copy(host, size, dnssd->host);
    *port = dnssd->port;
    pthread_mutex_unlock(&dnssd->lock);
    return found;
}

#else

struct ja_dnssd *ja_dnssd_new(const char *name, const struct ja_dnssd_service *services,
                              size_t count, const char *wanted, struct ja_error *error) {
    (void)name, (void)services, (void)count, (void)wanted;
    ja_fail(error, JA_FAILED, "discovery: built without Avahi");
    return NULL;
}

void ja_dnssd_free(struct ja_dnssd *dnssd) {
    (void)dnssd;
}

bool ja_dnssd_found(struct ja_dnssd *dnssd, char *host, size_t size, int *port) {
    (void)dnssd, (void)host, (void)size, (void)port;
    return false;
}

#endif
