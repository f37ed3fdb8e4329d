/* Configuration: where it is read from, and how a change reaches the running parts.
 *
 * A change is made on a clone. The settings of what it has touched are filled from the old and the
 * new configuration; where they differ, streams and sinks are told. So a live `set`, a preset and a
 * reload are the same thing.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "modules.h"

#include <ja/adapt/governor.h>
#include <ja/config/preset.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <ja/feature/stages.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const timebases[] = {"off", "conditional", "on", NULL};
static const char *const transports[] = {"leave", "start", NULL};
static const struct ja_option jack_options[] = {
    JA_OPTION_STRING(struct ja_jack_settings, name, "name", "jack-analyzer", JA_START,
                     "Name of the JACK client."),
    JA_OPTION_STRING(struct ja_jack_settings, server, "server", "", JA_START,
                     "JACK server to connect to; empty: JACK_DEFAULT_SERVER or the default one."),
    JA_OPTION_CHOICE(struct ja_jack_settings, timebase, "timebase", "conditional", timebases,
                     JA_START,
                     "Whether the transport's clients are told tempo, bar and beat of the stream "
                     "main: off, conditional (unless another program does), or on."),
    JA_OPTION_CHOICE(struct ja_jack_settings, transport, "transport", "leave", transports, JA_START,
                     "leave the transport to others, or start it when the beat is found."),
};

const struct ja_module ja_jack_module = {
    .name = "jack",
    .help = "The JACK client.",
    .options = jack_options,
    .option_count = sizeof jack_options / sizeof jack_options[0],
    .settings_size = sizeof(struct ja_jack_settings),
};

static const struct ja_option stream_options[] = {
    JA_OPTION_INT(struct ja_stream_settings, inputs, "inputs", "2", 1, JA_CHANNELS, NULL, JA_START,
                  "Input ports that are analysed together."),
    JA_OPTION_LIST(struct ja_stream_settings, connect, "connect", "", JA_START,
                   "Ports to connect to the inputs: anchored regular expressions of port names, or "
                   "the words capture and monitor."),
};

const struct ja_module ja_stream_module = {
    .name = "stream",
    .help = "One analysed signal.",
    .options = stream_options,
    .option_count = sizeof stream_options / sizeof stream_options[0],
    .settings_size = sizeof(struct ja_stream_settings),
    .named = true,
    .fallback_name = "main",
};

/* --- Reading --- */

static bool user_file(char *path, size_t size) {
    struct ja_text text;
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    ja_text_init(&text, path, size);
    if (base && base[0])
        ja_text_format(&text, "%s/jack-analyzer/jack-analyzer.conf", base);
    else if (home && home[0])
        ja_text_format(&text, "%s/.config/jack-analyzer/jack-analyzer.conf", home);
    else
        return false;
    return !text.full && access(path, F_OK) == 0;
}

static enum ja_status read_file(struct ja_config *config, const struct ja_arguments *arguments,
                                struct ja_error *error) {
    static const char system_file[] = "/etc/jack-analyzer.conf";
    char path[4096];
    if (arguments->config)
        return ja_config_read(config, JA_LAYER_FILE, arguments->config, error);
    if (user_file(path, sizeof path))
        return ja_config_read(config, JA_LAYER_FILE, path, error);
    if (access(system_file, F_OK) == 0)
        return ja_config_read(config, JA_LAYER_FILE, system_file, error);
    return JA_OK;
}

static enum ja_status set_argument(struct ja_config *config, const struct ja_arguments *arguments,
                                   size_t i, struct ja_error *error) {
    char origin[64];
    struct ja_text text;
    ja_text_init(&text, origin, sizeof origin);
    ja_text_format(&text, "argument --%s", ja_arguments_origin(arguments, i));
    if (arguments->set_name[i])
        return ja_config_set(config, JA_LAYER_ARGUMENT, arguments->set_name[i],
                             arguments->set_value[i], origin, error);
    return ja_config_set_pair(config, JA_LAYER_ARGUMENT, arguments->set_value[i], origin, error);
}

static enum ja_status check_profile(const struct ja_config *config, struct ja_error *error) {
    struct ja_learn_settings learn;
    char path[JA_MODEL_PATH];
    memset(&learn, 0, sizeof learn);
    ja_config_fill(config, &ja_learn_module, NULL, &learn);
    return ja_model_path(learn.profile, path, error) == JA_USAGE ? JA_USAGE : JA_OK;
}

static enum ja_status check_range(const struct ja_config *config, struct ja_error *error) {
    struct ja_tempo_settings range;
    memset(&range, 0, sizeof range);
    ja_config_fill(config, ja_tempo_stage.module, NULL, &range);
    if (range.min_bpm < range.max_bpm)
        return JA_OK;
    return ja_fail(error, JA_USAGE,
                   "tempo.min_bpm = %g: must be less than tempo.max_bpm, which is %g",
                   range.min_bpm, range.max_bpm);
}

static enum ja_status check_connections(const struct ja_config *config, struct ja_error *error) {
    enum ja_status status = JA_OK;
    const char *name;
    for (size_t i = 0; (name = ja_config_instance(config, &ja_stream_module, i)) && !status; i++) {
        struct ja_stream_settings stream;
        memset(&stream, 0, sizeof stream);
        ja_config_fill(config, &ja_stream_module, name, &stream);
        status = ja_jack_check_rules(name, stream.connect, error);
    }
    return status;
}

enum ja_status ja_app_configure(struct ja_config *config, const struct ja_arguments *arguments,
                                struct ja_error *error) {
    enum ja_status status = read_file(config, arguments, error);
    for (size_t i = 0; i < arguments->preset_count && status == JA_OK; i++)
        status = ja_preset_apply(config, arguments->presets[i], error);
    for (size_t i = 0; i < arguments->set_count && status == JA_OK; i++)
        status = set_argument(config, arguments, i, error);
    if (status == JA_OK)
        status = check_profile(config, error);
    if (status == JA_OK)
        status = check_range(config, error);
    if (status == JA_OK)
        status = check_connections(config, error);
    return status == JA_OK ? ja_app_check_midi_in(config, error) : status;
}

static void *filled(const struct ja_config *config, const struct ja_module *module,
                    const char *instance) {
    void *settings = malloc(module->settings_size ? module->settings_size : 1);
    if (settings)
        ja_config_fill(config, module, instance, settings);
    return settings;
}

static enum ja_status check_sink(const struct ja_config *config, const struct ja_sink_class *class,
                                 const char *instance, struct ja_error *error) {
    const char *name = instance ? instance : class->module->name;
    void *settings = filled(config, class->module, instance);
    enum ja_status status = settings ? ja_sink_check(class, name, settings, error)
                                     : ja_fail(error, JA_FAILED, "no memory to check %s", name);
    free(settings);
    return status;
}

static enum ja_status check_class(const struct ja_config *config, const struct ja_sink_class *class,
                                  struct ja_error *error) {
    if (!class->module->named)
        return check_sink(config, class, NULL, error);
    enum ja_status status = JA_OK;
    const char *instance;
    for (size_t i = 0; (instance = ja_config_instance(config, class->module, i)) && !status; i++)
        status = check_sink(config, class, instance, error);
    return status;
}

enum ja_status ja_app_check_sinks(const struct ja_config *config, struct ja_error *error) {
    enum ja_status status = JA_OK;
    for (size_t i = 0; i < ja_sink_count && status == JA_OK; i++)
        status = check_class(config, ja_sinks[i], error);
    return status;
}

/* --- Stages --- */

void **ja_app_stage_settings(const struct ja_app *app) {
    void **settings = calloc(ja_stage_count + 1, sizeof *settings);
    for (size_t i = 0; settings && i < ja_stage_count; i++) {
        settings[i] = filled(app->config, ja_stages[i]->module, NULL);
        if (!settings[i]) {
            ja_app_free_stage_settings(settings);
            return NULL;
        }
    }
    return settings;
}

void ja_app_free_stage_settings(void **settings) {
    for (size_t i = 0; settings && i < ja_stage_count; i++)
        free(settings[i]);
    free(settings);
}

/* --- Applying --- */

/* Calls `function` with the settings before and after when they differ; both may be taken as const.
 */
typedef enum ja_status difference_function(struct ja_app *app, const struct ja_module *module,
                                           const char *instance, const void *after,
                                           struct ja_error *error);

static enum ja_status when_different(struct ja_app *app, const struct ja_config *from,
                                     const struct ja_config *to, const struct ja_module *module,
                                     const char *instance, difference_function *function,
                                     struct ja_error *error) {
    enum ja_status status = JA_OK;
    void *before = filled(from, module, instance);
    void *after = filled(to, module, instance);
    if (!before || !after)
        status = ja_fail(error, JA_FAILED, "no memory for the settings of %s", module->name);
    else if (memcmp(before, after, module->settings_size) != 0)
        status = function(app, module, instance, after, error);
    free(before);
    free(after);
    return status;
}

static enum ja_status tell_streams(struct ja_app *app, const struct ja_module *module,
                                   const char *instance, const void *after,
                                   struct ja_error *error) {
    (void)instance;
    for (size_t i = 0; i < app->stream_count; i++) {
        if (!ja_stream_configure(app->streams[i], module, after))
            return ja_fail(error, JA_FAILED, "stream %s takes no commands now",
                           ja_stream_name(app->streams[i]));
    }
    ja_app_web_configure(app, module, after);
    return JA_OK;
}

static enum ja_status tell_sink(struct ja_app *app, const struct ja_module *module,
                                const char *instance, const void *after, struct ja_error *error) {
    for (size_t i = 0; i < app->sink_count; i++) {
        struct ja_sink *sink = app->sinks[i];
        if (!sink->leased && sink->class->module == module &&
            (!instance || !strcmp(sink->name, instance)))
            return ja_sink_configure(sink, after, error);
    }
    return JA_OK;
}

static enum ja_status tell_learner(struct ja_app *app, const struct ja_module *module,
                                   const char *instance, const void *after,
                                   struct ja_error *error) {
    (void)module;
    (void)instance;
    return ja_app_change_learner(app, after, error);
}

static enum ja_status tell_midi_in(struct ja_app *app, const struct ja_module *module,
                                   const char *instance, const void *after,
                                   struct ja_error *error) {
    const struct ja_midi_in_settings *settings = after;
    (void)module;
    (void)instance;
    return ja_midi_in_read(&app->midi_in, settings->bind, error);
}

static enum ja_status tell_nobody(struct ja_app *app, const struct ja_module *module,
                                  const char *instance, const void *after, struct ja_error *error) {
    (void)app;
    (void)after;
    (void)error;
    ja_log(JA_LOG_NOTICE, "changed options of %s%s%s take effect at the next start", module->name,
           instance ? "." : "", instance ? instance : "");
    return JA_OK;
}

static difference_function *who_is_told(const struct ja_module *module) {
    for (size_t i = 0; i < ja_sink_count; i++) {
        if (ja_sinks[i]->module == module)
            return tell_sink;
    }
    for (size_t i = 0; i < ja_stage_count; i++) {
        if (ja_stages[i]->module == module)
            return tell_streams;
    }
    if (module == &ja_learn_module)
        return tell_learner;
    if (module == &ja_midi_in_module)
        return tell_midi_in;
    return module == &ja_governor_module ? tell_streams : tell_nobody;
}

/* Tells all that has changed from one to the other, as far as it is in both. */
static enum ja_status tell_changes(struct ja_app *app, const struct ja_config *from,
                                   const struct ja_config *to, struct ja_error *error) {
    enum ja_status status = JA_OK;
    const struct ja_module *module;
    const char *instance;
    size_t at = 0;
    while (status == JA_OK && (module = ja_config_change(from, to, &at, &instance)))
        if (ja_config_has(from, module, instance)) /* else it is opened later */
            status = when_different(app, from, to, module, instance, who_is_told(module), error);
    return status;
}

/* May offsets be others, or what they need? */
static bool changes_times(const struct ja_config *before, const struct ja_config *after) {
    const struct ja_module *module;
    const char *instance;
    size_t at = 0;
    while ((module = ja_config_change(before, after, &at, &instance)))
        if (module == ja_beat_stage.module || who_is_told(module) == tell_sink)
            return true;
    return false;
}

enum ja_status ja_app_apply(struct ja_app *app, struct ja_config *next, struct ja_error *error) {
    struct ja_error unused;
    enum ja_status status = tell_changes(app, app->config, next, error);
    if (status == JA_OK)
        status = ja_app_sync_sinks(app, next, error);
    if (status != JA_OK) { /* what has been told before is taken back */
        tell_changes(app, next, app->config, &unused);
        ja_app_sync_sinks(app, app->config, &unused);
        return status;
    }
    if (changes_times(app->config, next))
        ja_app_warn_of_offsets(app, next);
    ja_config_swap(app->config, next);
    ja_config_free(next);
    ja_app_tell_oscquery(app);
    return JA_OK;
}

static const struct ja_option *find_option(const struct ja_module *module, const char *name) {
    for (size_t i = 0; i < module->option_count; i++) {
        if (!strcmp(module->options[i].name, name))
            return &module->options[i];
    }
    return NULL;
}

/* The number behind an option of that name; 0 when the module has none. */
static double number_of(const struct ja_module *module, const void *settings, const char *name) {
    const struct ja_option *option = find_option(module, name);
    return option ? *(const double *)((const char *)settings + option->offset) : 0;
}

void ja_app_warn_of_offsets(const struct ja_app *app, const struct ja_config *config) {
    const struct ja_module *beat = ja_beat_stage.module;
    double lead_ms =
        *(const double *)ja_config_value(config, beat, NULL, find_option(beat, "lead_ms"));
    for (size_t i = 0; i < app->sink_count; i++) {
        const struct ja_sink *sink = app->sinks[i];
        const struct ja_module *module = sink->class->module;
        double offset_ms = number_of(module, sink->settings, "offset_ms");
        if (!sink->leased && -offset_ms > lead_ms)
            ja_log(JA_LOG_WARNING,
                   "%s%s%s.offset_ms is %g, but beats are told %g ms ahead: they will leave later "
                   "than wanted; raise beat.lead_ms to %g",
                   module->name, module->named ? "." : "", module->named ? sink->name : "",
                   offset_ms, lead_ms, fmin(400, 50 - offset_ms));
    }
}

enum ja_status ja_app_reload(struct ja_app *app, struct ja_error *error) {
    struct ja_config *next = ja_config_clone(app->config);
    if (!next)
        return ja_fail(error, JA_FAILED, "no memory to read the configuration again");
    enum ja_status status = ja_config_clear(next, JA_LAYER_FILE)
                                ? read_file(next, app->arguments, error)
                                : ja_fail(error, JA_FAILED, "no memory to read it again");
    if (status == JA_OK)
        status = ja_app_apply(app, next, error);
    if (status != JA_OK)
        ja_config_free(next);
    return status;
}
