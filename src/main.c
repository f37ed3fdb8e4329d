/* jack-analyzer: arguments in, exit status out.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/app.h"
#include "modules.h"

#include <ja/config/preset.h>
#include <ja/core/log.h>
#include <ja/sink/sinks.h>
#if JA_WITH_WEB
#include <ja/web/api.h>
#include <ja/web/make_cert.h>
#endif

#include <malloc.h>
#include <stdio.h>

/* An output that comes takes memory that is there, that of one that has gone or what was asked for
 * beforehand: to ask the system each time would take longer than all the rest. What is never
 * touched costs nothing. */
static void keep_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TOP_PAD, 2 << 20);
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
#endif
}

static enum ja_status run(struct ja_config *config, const struct ja_arguments *arguments,
                          struct ja_error *error) {
    struct ja_app app;
    if (arguments->action == JA_ACTION_TEST_INPUT || (arguments->file && !arguments->paced))
        ja_app_ignore_pipes();
    else if (ja_app_take_signals(error) != JA_OK)
        return JA_FAILED;
    keep_memory();
    enum ja_status status = ja_app_init(&app, config, arguments, error);
    if (status == JA_OK && arguments->action == JA_ACTION_TEST_INPUT)
        status = ja_app_test_input(&app, error);
    else if (status == JA_OK && arguments->action == JA_ACTION_LOOPBACK)
        status = ja_app_run_loopback(&app, error);
    else if (status == JA_OK && arguments->file)
        status = ja_app_run_file(&app, error);
    else if (status == JA_OK)
        status = ja_app_run_live(&app, error);
    ja_app_done(&app, status);
    return status;
}

static enum ja_status list_ports(const struct ja_config *config, struct ja_error *error) {
    struct ja_jack_settings settings = {0};
    ja_config_fill(config, &ja_jack_module, NULL, &settings);
    return ja_ports_list(settings.server[0] ? settings.server : NULL, stdout, error);
}

static enum ja_status reset_model(const struct ja_config *config, struct ja_error *error) {
    struct ja_learn_settings settings = {0};
    bool was;
    ja_config_fill(config, &ja_learn_module, NULL, &settings);
    enum ja_status status = ja_learner_forget(&settings, &was, error);
    if (status == JA_OK)
        printf("profile %s: %s\n", settings.profile,
               was ? "what was learnt is forgotten" : "nothing was learnt");
    return status;
}

static enum ja_status make_cert(const struct ja_config *config, struct ja_error *error) {
#if JA_WITH_WEB
    struct ja_api_settings settings = {0};
    ja_config_fill(config, &ja_web_module, NULL, &settings);
    return ja_make_cert(settings.hosts, stdout, error);
#else
    (void)config;
    return ja_fail(error, JA_USAGE, "--make-cert: this program was built without the web");
#endif
}

/* What can be left out of a build. */
static void tell_parts(void) {
    printf("%s Ableton Link\n", ja_link_built_in ? "with" : "without");
    printf("%s MQTT\n", ja_mqtt_built_in ? "with" : "without");
}

/* What needs no configuration. */
static bool answer(enum ja_action action, const struct ja_config *config) {
    switch (action) {
    case JA_ACTION_HELP:
        ja_arguments_help(stdout);
        return true;
    case JA_ACTION_VERSION:
        puts("jack-analyzer " JA_VERSION);
        tell_parts();
        return true;
    case JA_ACTION_LIST_OPTIONS:
        ja_config_list(config, stdout);
        return true;
    case JA_ACTION_LIST_OUTPUTS:
        ja_list_outputs(stdout);
        return true;
    case JA_ACTION_LIST_COMMANDS:
        ja_command_list(stdout);
        return true;
    case JA_ACTION_LIST_PRESETS:
        ja_preset_list(stdout);
        return true;
    default:
        return false;
    }
}

static enum ja_status act(struct ja_config *config, const struct ja_arguments *arguments,
                          struct ja_error *error) {
    if (answer(arguments->action, config))
        return JA_OK;
    enum ja_status status = ja_app_configure(config, arguments, error);
    if (status != JA_OK)
        return status;
    switch (arguments->action) {
    case JA_ACTION_LIST_PORTS:
        return list_ports(config, error);
    case JA_ACTION_RESET_MODEL:
        return reset_model(config, error);
    case JA_ACTION_MAKE_CERT:
        return make_cert(config, error);
    case JA_ACTION_PRINT_CONFIG:
        ja_config_print(config, stdout);
        return JA_OK;
    case JA_ACTION_CHECK:
        status = ja_preset_check_all(config, error);
        if (status == JA_OK)
            status = ja_app_check_sinks(config, error);
        if (status == JA_OK)
            puts("configuration and presets are fine");
        return status;
    default:
        return run(config, arguments, error);
    }
}

int main(int argc, char **argv) {
    struct ja_arguments arguments;
    struct ja_error error = {""};
    enum ja_status status = ja_arguments_read(&arguments, argc, argv, &error);
    if (arguments.verbosity != 0)
        ja_log_set_level(arguments.verbosity > 0 ? JA_LOG_DEBUG : JA_LOG_WARNING);
    if (status == JA_OK) {
        const struct ja_module *modules[JA_MODULES];
        struct ja_config *config = ja_config_new(modules, ja_modules_collect(modules));
        if (config)
            status = act(config, &arguments, &error);
        else
            status = ja_fail(&error, JA_FAILED, "no memory for the configuration");
        ja_config_free(config);
    }
    if (status != JA_OK)
        ja_log(JA_LOG_ERROR, "%s", error.text);
    return (int)status;
}
