/* What the program shows in the local network, and what it finds there.
 *
 * Only what others can reach is shown: what listens on the loopback alone is not. Nothing is
 * started before there is something to show or to find.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/log.h>
#include <ja/net/dnssd.h>
#include <ja/web/api.h>
#include <ja/web/oscquery.h>
#include <string.h>

struct discovery_settings {
    bool enable;
};

static const struct ja_option options[] = {
    JA_OPTION_BOOL(struct discovery_settings, enable, "enable", "true", JA_START,
                   "Show what listens on other addresses than the loopback to the local network "
                   "by DNS-SD, and find DMX programs by it where os2l.NAME.host is auto."),
};

const struct ja_module ja_discovery_module = {
    .name = "discovery",
    .help = "Finding and being found in the local network.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct discovery_settings),
};

static bool is_reachable(const char *address) {
    return strncmp(address, "127.", 4) != 0 && strcmp(address, "::1") != 0;
}

static size_t list_services(const struct ja_app *app, struct ja_dnssd_service *services) {
    size_t count = 0;
    struct ja_control_settings control;
    memset(&control, 0, sizeof control);
    ja_config_fill(app->config, &ja_control_module, NULL, &control);
    if (app->control && is_reachable(control.address))
        services[count++] = (struct ja_dnssd_service){"_osc._udp", control.port};
#if JA_WITH_WEB
    struct ja_oscquery_settings query;
    memset(&query, 0, sizeof query);
    ja_config_fill(app->config, &ja_oscquery_module, NULL, &query);
    if (app->oscquery && is_reachable(query.address))
        services[count++] = (struct ja_dnssd_service){"_oscjson._tcp", query.port};
    struct ja_api_settings page;
    memset(&page, 0, sizeof page);
    ja_config_fill(app->config, &ja_web_module, NULL, &page);
    if (app->api && is_reachable(page.address))
        services[count++] =
            (struct ja_dnssd_service){page.cert[0] ? "_https._tcp" : "_http._tcp", page.port};
#endif
    return count;
}

static void start(struct ja_app *app, bool to_find) {
    struct ja_dnssd_service services[JA_DNSSD_SERVICES];
    struct discovery_settings settings;
    struct ja_jack_settings jack;
    struct ja_error error;
    memset(&settings, 0, sizeof settings);
    memset(&jack, 0, sizeof jack);
    ja_config_fill(app->config, &ja_discovery_module, NULL, &settings);
    ja_config_fill(app->config, &ja_jack_module, NULL, &jack);
    size_t count = list_services(app, services);
    if (!settings.enable || app->discovery_failed || (count == 0 && !to_find))
        return;
    app->dnssd = ja_dnssd_new(jack.name, services, count, "_os2l._tcp", &error);
    app->discovery_failed = !app->dnssd;
    if (!app->dnssd)
        ja_log(JA_LOG_NOTICE, "%s", error.text);
}

void ja_app_show(struct ja_app *app) {
    start(app, false);
    app->shown = true;
}

bool ja_app_find_os2l(void *data, char *host, size_t size, int *port) {
    struct ja_app *app = data;
    if (!app->shown)
        return false; /* not yet: everything that listens is to be known first */
    if (!app->dnssd)
        start(app, true);
    return app->dnssd && ja_dnssd_found(app->dnssd, host, size, port);
}
