/* Who may call: a request must name this machine, and come from a page of its own or from no page.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _DEFAULT_SOURCE /* gethostname */
#include "gate.h"

#include <arpa/inet.h>
#include <ja/config/option.h>
#include <ja/web/server.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { HOST_BYTES = 256 };

/* "[::1]:80" to "::1", "Stage.local:80" to "Stage.local". */
static bool host_name(const char *host, char *name, size_t size) {
    bool bracket = host[0] == '[';
    const char *end = bracket ? strchr(++host, ']') : strchr(host, ':');
    size_t length = end ? (size_t)(end - host) : strlen(host);
    if (length == 0 || length >= size || (bracket && !end))
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    return true;
}

bool ja_gate_is_address(const char *name) {
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool is_this_machine(const char *name) {
    char own[HOST_BYTES];
    if (gethostname(own, sizeof own) != 0)
        return false;
    own[sizeof own - 1] = '\0';
    size_t length = strlen(own);
    return length > 0 && !strncasecmp(name, own, length) &&
           (!name[length] || !strcasecmp(name + length, ".local"));
}

bool ja_web_host_is_ours(const char *host, const char *hosts) {
    char name[HOST_BYTES];
    if (!host_name(host, name, sizeof name))
        return false;
    for (const char *one = hosts ? ja_list_next(hosts, NULL) : NULL; one;
         one = ja_list_next(hosts, one))
        if (!strcasecmp(name, one))
            return true;
    return ja_gate_is_address(name) || !strcasecmp(name, "localhost") || is_this_machine(name);
}

bool ja_web_origin_is_ours(const char *origin, const char *host) {
    const char *place = strstr(origin, "://");
    bool is_web = !strncasecmp(origin, "http://", 7) || !strncasecmp(origin, "https://", 8);
    return is_web && !strcasecmp(place + 3, host);
}
