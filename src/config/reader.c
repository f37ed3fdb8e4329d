/* Walks the tree: module, for named modules instance, then option. Scalars become text and take the
 * same way as a value from the command line, once their type is the option's own.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "reader.h"
#include "source.h"
#include "store.h"
#include <ja/config/value.h>

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the values of one file go. */
struct reader {
    struct ja_config *config;
    enum ja_layer layer;
    const char *path;
    struct ja_error *error;
};

/* "PATH:LINE", to be freed; NULL without memory. */
static char *origin_of(const char *path, const config_setting_t *setting) {
    size_t size = strlen(path) + sizeof ":" + 20;
    char *origin = malloc(size);
    if (origin != NULL)
        snprintf(origin, size, "%s:%u", path, setting->line);
    return origin;
}

enum ja_status ja_reader_fail(struct ja_error *error, enum ja_status status, const char *path,
                              const config_setting_t *setting, const char *format, ...) {
    struct ja_error reason;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason.text, sizeof reason.text, format, arguments);
    va_end(arguments);
    char *origin = origin_of(path, setting);
    ja_store_fail(error, status, origin == NULL ? path : origin, &reason);
    free(origin);
    return status;
}

/* A list's strings, one after another. */
static enum ja_status read_list(const struct ja_option *option, const config_setting_t *setting,
                                void *value, struct ja_error *reason) {
    for (int i = 0; i < config_setting_length(setting); i++) {
        const char *item = config_setting_get_string_elem(setting, i);
        if (item == NULL)
            return ja_fail(reason, JA_USAGE, "must hold nothing but strings in \"\"");
        enum ja_status status = ja_value_append(option, item, strlen(item), value, reason);
        if (status != JA_OK)
            return status;
    }
    return JA_OK;
}

/* The setting as text when its type suits the option, else what would suit. libconfig cuts a
 * hexadecimal number to 32 bits without a word, so these are refused. */
static const char *scalar_text(const struct ja_option *option, const config_setting_t *setting,
                               struct ja_text *text) {
    int type = config_setting_type(setting);
    bool integer = (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) &&
                   config_setting_get_format(setting) != CONFIG_FORMAT_HEX;
    switch (option->type) {
    case JA_BOOL:
        if (type != CONFIG_TYPE_BOOL)
            return "must be true or false";
        ja_text_put(text, config_setting_get_bool(setting) ? "true" : "false");
        return NULL;
    case JA_FLOAT:
        if (type == CONFIG_TYPE_FLOAT) {
            ja_value_format_number(config_setting_get_float(setting), text);
            return NULL;
        }
        /* fall through */
    case JA_INT:
        if (!integer)
            return option->type == JA_INT ? "must be a whole number, decimal, without \"\""
                                          : "must be a number, decimal, without \"\"";
        ja_text_format(text, "%lld", config_setting_get_int64(setting));
        return NULL;
    case JA_CHOICE: /* "2048" may be written without quotes */
        if (integer) {
            ja_text_format(text, "%lld", config_setting_get_int64(setting));
            return NULL;
        }
        /* fall through */
    default:
        return type == CONFIG_TYPE_STRING ? NULL : "must be a string in \"\"";
    }
}

static enum ja_status read_value(const struct ja_option *option, const config_setting_t *setting,
                                 const char **shown, struct ja_text *text, void *value,
                                 struct ja_error *reason) {
    if (option->type == JA_LIST) {
        if (config_setting_is_array(setting) || config_setting_is_list(setting))
            return read_list(option, setting, value, reason);
        return ja_fail(reason, JA_USAGE, "must be a list: [ \"...\", \"...\" ]");
    }
    const char *complaint = scalar_text(option, setting, text);
    if (complaint != NULL)
        return ja_fail(reason, JA_USAGE, "%s", complaint);
    *shown = config_setting_type(setting) == CONFIG_TYPE_STRING ? config_setting_get_string(setting)
                                                                : text->data;
    return ja_value_parse(option, *shown, value, reason);
}

static enum ja_status take_option(struct reader *reader, struct ja_section *section,
                                  const config_setting_t *setting) {
    char name[JA_FULL_NAME], digits[64];
    struct ja_text text;
    ja_text_init(&text, name, sizeof name);
    ja_store_name(section->module, section->name, config_setting_name(setting), &text);
    const struct ja_option *option = ja_store_option(section->module, config_setting_name(setting));
    struct ja_error reason;
    if (option == NULL) {
        ja_store_unknown(reader->config, name, &reason);
        return ja_reader_fail(reader->error, JA_USAGE, reader->path, setting, "%s", reason.text);
    }
    void *value = calloc(1, option->size);
    char *origin = origin_of(reader->path, setting);
    const char *shown = NULL;
    ja_text_init(&text, digits, sizeof digits);
    enum ja_status status = JA_FAILED;
    if (value == NULL || origin == NULL)
        ja_fail(reader->error, JA_FAILED, "out of memory");
    else if (read_value(option, setting, &shown, &text, value, &reason) != JA_OK)
        status =
            ja_reader_fail(reader->error, JA_USAGE, reader->path, setting, "%s%s%.100s: %s", name,
                           shown == NULL ? "" : " = ", shown == NULL ? "" : shown, reason.text);
    else {
        ja_store_put(section, reader->layer, option, value, origin);
        origin = NULL;
        status = JA_OK;
    }
    free(origin);
    free(value);
    return status;
}

static enum ja_status take_section(struct reader *reader, const struct ja_module *module,
                                   const char *instance, const config_setting_t *group) {
    struct ja_section *section;
    struct ja_error reason;
    if (!config_setting_is_group(group))
        return ja_reader_fail(reader->error, JA_USAGE, reader->path, group,
                              "%s: must be a group: { ... }", config_setting_name(group));
    enum ja_status status =
        ja_store_mention(reader->config, reader->layer, module, instance, &section, &reason);
    if (status != JA_OK)
        return ja_reader_fail(reader->error, status, reader->path, group, "%s", reason.text);
    for (int i = 0; status == JA_OK && i < config_setting_length(group); i++)
        status = take_option(reader, section, config_setting_get_elem(group, (unsigned)i));
    return status;
}

static enum ja_status take_instances(struct reader *reader, const struct ja_module *module,
                                     const config_setting_t *group) {
    enum ja_status status = JA_OK;
    if (!config_setting_is_group(group))
        return ja_reader_fail(reader->error, JA_USAGE, reader->path, group,
                              "%s: must be a group of named groups: { NAME: { ... }; }",
                              module->name);
    for (int i = 0; status == JA_OK && i < config_setting_length(group); i++) {
        const config_setting_t *instance = config_setting_get_elem(group, (unsigned)i);
        status = take_section(reader, module, config_setting_name(instance), instance);
    }
    return status;
}

static const char *nearest_module(const struct ja_config *config, const char *name) {
    const char *nearest = "";
    unsigned least = UINT_MAX;
    for (size_t i = 0; i < config->module_count; i++) {
        unsigned distance = ja_text_distance(name, config->modules[i]->name);
        if (distance < least) {
            least = distance;
            nearest = config->modules[i]->name;
        }
    }
    return nearest;
}

enum ja_status ja_reader_take(struct ja_config *config, enum ja_layer layer, const char *path,
                              const config_setting_t *setting, struct ja_error *error) {
    struct reader reader = {config, layer, path, error};
    const char *name = config_setting_name(setting);
    const struct ja_module *module = ja_store_module(config, name);
    if (module == NULL)
        return ja_reader_fail(error, JA_USAGE, path, setting,
                              "%.100s: nothing has that name; did you mean %s?", name,
                              nearest_module(config, name));
    if (module->named)
        return take_instances(&reader, module, setting);
    return take_section(&reader, module, "", setting);
}

enum ja_status ja_config_read(struct ja_config *config, enum ja_layer layer, const char *path,
                              struct ja_error *error) {
    assert(layer > JA_LAYER_DEFAULT && layer < JA_LAYERS);
    config_t tree;
    enum ja_status status = ja_config_source_read(&tree, path, error);
    if (status != JA_OK)
        return status;
    struct ja_config *copy = ja_config_clone(config);
    if (copy == NULL)
        status = ja_fail(error, JA_FAILED, "out of memory");
    const config_setting_t *root = config_root_setting(&tree);
    for (int i = 0; status == JA_OK && i < config_setting_length(root); i++)
        status =
            ja_reader_take(copy, layer, path, config_setting_get_elem(root, (unsigned)i), error);
    if (status == JA_OK)
        ja_config_swap(config, copy);
    ja_config_free(copy);
    config_destroy(&tree);
    return status;
}
