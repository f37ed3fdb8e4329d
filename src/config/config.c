/* The layers of settings. Each section keeps a settings struct of each layer that mentions it,
 * filled only where set, and the effective value is the one of the highest layer that has it. So a
 * reload, a change of preset and "where does this come from" need no code of their own.
 *
 * Whatever can fail half-way is tried on a copy, which then changes places with the original. A
 * copy shares its sections with the original, perhaps across threads, until one of them changes
 * one; then the two share all layers but the one that is changed.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"
#include <ja/config/value.h>

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char no_memory[] = "out of memory";

static void values_free(struct ja_values *values, const struct ja_module *module) {
    if (values == NULL || atomic_fetch_sub(&values->users, 1) > 1)
        return;
    for (size_t i = 0; i < module->option_count; i++)
        free(values->origins[i]);
    free(values->settings);
    free(values);
}

static struct ja_values *values_new(const struct ja_module *module) {
    struct ja_values *values =
        calloc(1, sizeof *values + module->option_count * sizeof values->origins[0]);
    if (values == NULL)
        return NULL;
    atomic_init(&values->users, 1);
    values->settings = malloc(module->settings_size + 1); /* it may have none */
    if (values->settings != NULL)
        return values;
    free(values);
    return NULL;
}

static struct ja_values *values_copy(const struct ja_values *from, const struct ja_module *module) {
    struct ja_values *values = values_new(module);
    if (values == NULL)
        return NULL;
    memcpy(values->settings, from->settings, module->settings_size);
    for (size_t i = 0; i < module->option_count; i++) {
        if (from->origins[i] == NULL)
            continue;
        values->origins[i] = strdup(from->origins[i]);
        if (values->origins[i] == NULL) {
            values_free(values, module);
            return NULL;
        }
    }
    return values;
}

static struct ja_values *values_share(struct ja_values *values) {
    if (values != NULL)
        atomic_fetch_add(&values->users, 1);
    return values;
}

/* Where the origin of the option's value in that layer stands. */
static char **origin_of(const struct ja_section *section, enum ja_layer layer,
                        const struct ja_option *option) {
    return &section->values[layer]->origins[option - section->module->options];
}

static bool is_set(const struct ja_section *section, enum ja_layer layer,
                   const struct ja_option *option) {
    return section->values[layer] != NULL && *origin_of(section, layer, option) != NULL;
}

static unsigned char *field(const struct ja_section *section, enum ja_layer layer,
                            const struct ja_option *option) {
    return section->values[layer]->settings + option->offset;
}

static void section_free(struct ja_section *section) {
    if (section == NULL || atomic_fetch_sub(&section->users, 1) > 1)
        return;
    for (int layer = 0; layer < JA_LAYERS; layer++)
        values_free(section->values[layer], section->module);
    free(section);
}

static struct ja_section *section_new(const struct ja_module *module, const char *name) {
    struct ja_section *section = calloc(1, sizeof *section);
    if (section == NULL)
        return NULL;
    section->module = module;
    atomic_init(&section->users, 1);
    bool fits = ja_text_copy(section->name, sizeof section->name, name);
    assert(fits);
    (void)fits;
    return section;
}

static struct ja_values *defaults_of(const struct ja_module *module) {
    struct ja_values *values = values_new(module);
    if (values == NULL)
        return NULL;
    memset(values->settings, 0, module->settings_size);
    for (const struct ja_option *o = module->options; o < module->options + module->option_count;
         o++) {
        enum ja_status status = ja_value_parse(o, o->fallback, values->settings + o->offset, NULL);
        assert(status == JA_OK); /* a row whose default breaks its own rule */
        (void)status;
    }
    return values;
}

static struct ja_section *section_copy(const struct ja_section *from) {
    struct ja_section *section = section_new(from->module, from->name);
    if (section == NULL)
        return NULL;
    section->lasts = from->lasts;
    for (int layer = 0; layer < JA_LAYERS; layer++)
        section->values[layer] = values_share(from->values[layer]);
    return section;
}

/* Makes what the layer says one that only this section has; false without memory. */
static bool mention(struct ja_section *section, enum ja_layer layer) {
    struct ja_values *former = section->values[layer];
    if (former != NULL && atomic_load(&former->users) == 1)
        return true;
    struct ja_values *values =
        former == NULL ? values_new(section->module) : values_copy(former, section->module);
    if (values == NULL)
        return false;
    values_free(former, section->module);
    section->values[layer] = values;
    return true;
}

/* Takes ownership; false, and the section freed, without memory. */
static bool add_section(struct ja_config *config, struct ja_section *section) {
    size_t bytes = (config->section_count + 1) * sizeof *config->sections;
    struct ja_section **sections = realloc(config->sections, bytes);
    if (sections == NULL) {
        section_free(section);
        return false;
    }
    config->sections = sections;
    sections[config->section_count++] = section;
    return true;
}

/* As any other instance has them, or new; NULL without memory. */
static struct ja_values *find_defaults(const struct ja_config *config,
                                       const struct ja_module *module) {
    for (size_t i = 0; i < config->section_count; i++) {
        if (config->sections[i]->module == module)
            return values_share(config->sections[i]->values[JA_LAYER_DEFAULT]);
    }
    return defaults_of(module);
}

/* In JA_LAYER_DEFAULT it is one that lasts. */
static bool add_new_section(struct ja_config *config, const struct ja_module *module,
                            const char *name, enum ja_layer layer) {
    struct ja_section *section = section_new(module, name);
    if (section == NULL)
        return false;
    section->lasts = layer == JA_LAYER_DEFAULT;
    section->values[JA_LAYER_DEFAULT] = find_defaults(config, module);
    if (section->values[JA_LAYER_DEFAULT] != NULL && (section->lasts || mention(section, layer)))
        return add_section(config, section);
    section_free(section);
    return false;
}

/* Makes the section one that only `config` has; false without memory. */
static bool own_section(struct ja_section **section) {
    if (atomic_load(&(*section)->users) == 1)
        return true;
    struct ja_section *copy = section_copy(*section);
    if (copy == NULL)
        return false;
    section_free(*section);
    *section = copy;
    return true;
}

static bool is_mentioned(const struct ja_section *section) {
    for (int layer = JA_LAYER_DEFAULT + 1; layer < JA_LAYERS; layer++) {
        if (section->values[layer] != NULL)
            return true;
    }
    return false;
}

static void drop_absent_sections(struct ja_config *config) {
    size_t kept = 0;
    for (size_t i = 0; i < config->section_count; i++) {
        struct ja_section *section = config->sections[i];
        if (section->lasts || is_mentioned(section))
            config->sections[kept++] = section;
        else
            section_free(section);
    }
    config->section_count = kept;
}

struct ja_config *ja_config_new(const struct ja_module *const *modules, size_t count) {
    struct ja_config *config = calloc(1, sizeof *config);
    if (config == NULL)
        return NULL;
    config->modules = modules;
    config->module_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *name = modules[i]->named ? modules[i]->fallback_name : "";
        if (name != NULL && !add_new_section(config, modules[i], name, JA_LAYER_DEFAULT)) {
            ja_config_free(config);
            return NULL;
        }
    }
    return config;
}

struct ja_config *ja_config_blank(const struct ja_config *config) {
    return ja_config_new(config->modules, config->module_count);
}

void ja_config_free(struct ja_config *config) {
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->section_count; i++)
        section_free(config->sections[i]);
    free(config->sections);
    free(config);
}

struct ja_config *ja_config_clone(const struct ja_config *config) {
    struct ja_config *copy = calloc(1, sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = *config;
    copy->sections = malloc((config->section_count + 1) * sizeof *copy->sections);
    if (copy->sections == NULL) {
        free(copy);
        return NULL;
    }
    for (size_t i = 0; i < config->section_count; i++) {
        copy->sections[i] = config->sections[i];
        atomic_fetch_add(&copy->sections[i]->users, 1);
    }
    return copy;
}

void ja_config_swap(struct ja_config *a, struct ja_config *b) {
    struct ja_config former = *a;
    *a = *b;
    *b = former;
}

bool ja_config_clear(struct ja_config *config, enum ja_layer layer) {
    assert(layer > JA_LAYER_DEFAULT && layer < JA_LAYERS);
    for (size_t i = 0; i < config->section_count; i++) {
        if (config->sections[i]->values[layer] != NULL && !own_section(&config->sections[i]))
            return false;
    }
    for (size_t i = 0; i < config->section_count; i++) {
        struct ja_section *section = config->sections[i];
        if (section->values[layer] == NULL)
            continue;
        values_free(section->values[layer], section->module);
        section->values[layer] = NULL;
    }
    drop_absent_sections(config);
    if (layer == JA_LAYER_PRESET)
        config->preset_count = 0;
    return true;
}

/* Most are in the same place of both. */
static bool has_section(const struct ja_config *config, size_t likely,
                        const struct ja_section *section) {
    return (likely < config->section_count && config->sections[likely] == section) ||
           ja_store_section(config, section->module, section->name) == section;
}

const struct ja_module *ja_config_change(const struct ja_config *before,
                                         const struct ja_config *after, size_t *at,
                                         const char **instance) {
    while (*at < after->section_count) {
        const struct ja_section *section = after->sections[(*at)++];
        if (has_section(before, *at - 1, section))
            continue;
        *instance = section->module->named ? section->name : NULL;
        return section->module;
    }
    return NULL;
}

const struct ja_module *ja_config_module(const struct ja_config *config, size_t i) {
    return i < config->module_count ? config->modules[i] : NULL;
}

const struct ja_module *ja_store_module(const struct ja_config *config, const char *name) {
    for (size_t i = 0; i < config->module_count; i++) {
        if (strcmp(config->modules[i]->name, name) == 0)
            return config->modules[i];
    }
    return NULL;
}

const struct ja_option *ja_store_option(const struct ja_module *module, const char *name) {
    for (size_t i = 0; i < module->option_count; i++) {
        if (strcmp(module->options[i].name, name) == 0)
            return &module->options[i];
    }
    return NULL;
}

/* Where it hangs; NULL when there is none. */
static struct ja_section **find_section(const struct ja_config *config,
                                        const struct ja_module *module, const char *instance) {
    for (size_t i = 0; i < config->section_count; i++) {
        if (config->sections[i]->module == module &&
            strcmp(config->sections[i]->name, instance) == 0)
            return &config->sections[i];
    }
    return NULL;
}

const struct ja_section *ja_store_section(const struct ja_config *config,
                                          const struct ja_module *module, const char *instance) {
    struct ja_section **section = find_section(config, module, instance);
    return section == NULL ? NULL : *section;
}

/* A name that can also stand in a configuration file, where true and false are values. */
static bool is_instance_name(const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_-";
    enum { LETTERS = 52 };
    size_t length = strlen(name);
    return length > 0 && length < JA_INSTANCE_NAME && strspn(name, letters) == length &&
           memchr(letters, name[0], LETTERS) != NULL && strcasecmp(name, "true") != 0 &&
           strcasecmp(name, "false") != 0;
}

static size_t count_instances(const struct ja_config *config, const struct ja_module *module) {
    size_t count = 0;
    while (ja_config_instance(config, module, count) != NULL)
        count++;
    return count;
}

enum ja_status ja_store_mention(struct ja_config *config, enum ja_layer layer,
                                const struct ja_module *module, const char *instance,
                                struct ja_section **section, struct ja_error *error) {
    struct ja_section **found = find_section(config, module, instance);
    if (found != NULL) {
        if (!own_section(found) || !mention(*found, layer))
            return ja_fail(error, JA_FAILED, no_memory);
        *section = *found;
        return JA_OK;
    }
    if (!is_instance_name(instance))
        return ja_fail(error, JA_USAGE,
                       "%s.%.64s: a name must begin with a letter and have at most %d letters, "
                       "digits, '-' and '_'",
                       module->name, instance, JA_INSTANCE_NAME - 1);
    if (count_instances(config, module) == JA_INSTANCES)
        return ja_fail(error, JA_USAGE, "%s.%s: there can be at most %d of %s", module->name,
                       instance, JA_INSTANCES, module->name);
    if (!add_new_section(config, module, instance, layer))
        return ja_fail(error, JA_FAILED, no_memory);
    *section = config->sections[config->section_count - 1];
    return JA_OK;
}

void ja_store_put(struct ja_section *section, enum ja_layer layer, const struct ja_option *option,
                  const void *value, char *origin) {
    char **place = origin_of(section, layer, option);
    free(*place);
    *place = origin;
    memcpy(field(section, layer, option), value, option->size);
}

const void *ja_store_value(const struct ja_section *section, const struct ja_option *option,
                           enum ja_layer *layer, const char **origin) {
    enum ja_layer top = JA_LAYERS - 1;
    while (top > JA_LAYER_DEFAULT && !is_set(section, top, option))
        top--;
    if (layer != NULL)
        *layer = top;
    if (origin != NULL)
        *origin = top == JA_LAYER_DEFAULT ? "default" : *origin_of(section, top, option);
    return field(section, top, option);
}

void ja_store_name(const struct ja_module *module, const char *instance, const char *option,
                   struct ja_text *name) {
    ja_text_put(name, module->name);
    if (module->named)
        ja_text_format(name, ".%s", instance);
    ja_text_format(name, ".%s", option);
}

static enum ja_status take_section(struct ja_config *config, enum ja_layer layer,
                                   const struct ja_section *from, struct ja_error *error) {
    struct ja_section *section;
    enum ja_status status =
        ja_store_mention(config, layer, from->module, from->name, &section, error);
    if (status != JA_OK)
        return status;
    for (size_t i = 0; i < from->module->option_count; i++) {
        const struct ja_option *option = &from->module->options[i];
        const char *origin = *origin_of(from, layer, option);
        char *copy = origin != NULL ? strdup(origin) : NULL;
        if (copy != NULL)
            ja_store_put(section, layer, option, field(from, layer, option), copy);
        else if (origin != NULL)
            return ja_fail(error, JA_FAILED, no_memory);
    }
    return JA_OK;
}

enum ja_status ja_config_take_layer(struct ja_config *config, enum ja_layer layer,
                                    const struct ja_config *from, struct ja_error *error) {
    enum ja_status status = JA_OK;
    if (!ja_config_clear(config, layer))
        return ja_fail(error, JA_FAILED, no_memory);
    for (size_t i = 0; i < from->section_count && status == JA_OK; i++)
        if (from->sections[i]->values[layer] != NULL)
            status = take_section(config, layer, from->sections[i], error);
    if (layer == JA_LAYER_PRESET) {
        memcpy(config->presets, from->presets, sizeof config->presets);
        config->preset_count = from->preset_count;
    }
    return status;
}

/* MODULE.OPTION or MODULE.INSTANCE.OPTION taken apart. */
struct key {
    const struct ja_module *module;
    const struct ja_option *option;
    char instance[JA_FULL_NAME]; /* as given; empty when the module is not named */
};

static bool parse_key(const struct ja_config *config, const char *name, struct key *key) {
    char parts[JA_FULL_NAME];
    if (!ja_text_copy(parts, sizeof parts, name))
        return false;
    char *option = strchr(parts, '.');
    if (option == NULL)
        return false;
    *option++ = '\0';
    key->module = ja_store_module(config, parts);
    if (key->module == NULL)
        return false;
    key->instance[0] = '\0';
    if (key->module->named) {
        char *dot = strchr(option, '.');
        if (dot == NULL)
            return false;
        *dot = '\0';
        ja_text_copy(key->instance, sizeof key->instance, option);
        option = dot + 1;
    }
    key->option = ja_store_option(key->module, option);
    return key->option != NULL;
}

/* The module that `name` begins with, or NULL. */
static const struct ja_module *leading_module(const struct ja_config *config, const char *name) {
    char first[JA_FULL_NAME];
    struct ja_text text;
    ja_text_init(&text, first, sizeof first);
    ja_text_put_bytes(&text, name, strcspn(name, "."));
    return ja_store_module(config, first);
}

/* The instance that `name` speaks of (MODULE.INSTANCE.OPTION), or one that could be meant. */
static void likely_instance(const struct ja_module *module, const char *name,
                            struct ja_text *instance) {
    const char *first = strchr(name, '.'), *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second != NULL)
        ja_text_put_bytes(instance, first + 1, (size_t)(second - first - 1));
    else
        ja_text_put(instance, module->fallback_name == NULL ? "NAME" : module->fallback_name);
}

/* Longer names are not compared: whoever sends them has not mistyped one, and it would take long.
 */
enum { LIKELY_NAME = 40 };

struct nearest {
    char name[JA_FULL_NAME];
    unsigned distance;
};

/* What of `name` is to be like an option's name: behind the instance, if that is given. */
static const char *option_part(const struct ja_module *module, const char *name) {
    const char *first = strchr(name, '.'), *second = first == NULL ? NULL : strchr(first + 1, '.');
    return module->named && second != NULL ? second + 1 : NULL;
}

static unsigned distance_of(const char *name, const char *option, const char *full,
                            const char *part) {
    if (part != NULL)
        return strlen(part) < LIKELY_NAME ? ja_text_distance(part, option) : UINT_MAX;
    if (strlen(name) >= LIKELY_NAME)
        return UINT_MAX;
    /* The module's name alone may have been forgotten. */
    unsigned whole = strchr(name, '.') == NULL ? UINT_MAX : ja_text_distance(name, full);
    unsigned alone = ja_text_distance(name, option) + 1;
    return alone < whole ? alone : whole;
}

static void look_for_nearest(const struct ja_module *module, const char *name,
                             struct nearest *nearest) {
    char instance[JA_FULL_NAME], full[JA_FULL_NAME];
    const char *part = option_part(module, name);
    struct ja_text text;
    ja_text_init(&text, instance, sizeof instance);
    likely_instance(module, name, &text);
    for (size_t i = 0; i < module->option_count; i++) {
        ja_text_init(&text, full, sizeof full);
        ja_store_name(module, instance, module->options[i].name, &text);
        unsigned distance = distance_of(name, module->options[i].name, full, part);
        if (distance < nearest->distance) {
            nearest->distance = distance;
            ja_text_copy(nearest->name, sizeof nearest->name, full);
        }
    }
}

/* The module whose name is most like what `name` begins with; NULL when it begins with none. */
static const struct ja_module *nearest_module(const struct ja_config *config, const char *name) {
    const struct ja_module *nearest = NULL;
    char first[LIKELY_NAME];
    unsigned least = UINT_MAX;
    size_t length = strcspn(name, ".");
    if (name[length] == '\0' || length >= sizeof first)
        return NULL;
    memcpy(first, name, length);
    first[length] = '\0';
    for (size_t i = 0; i < config->module_count; i++) {
        unsigned distance = ja_text_distance(first, config->modules[i]->name);
        if (distance < least) {
            least = distance;
            nearest = config->modules[i];
        }
    }
    return nearest;
}

enum ja_status ja_store_unknown(const struct ja_config *config, const char *name,
                                struct ja_error *error) {
    struct nearest nearest = {.distance = UINT_MAX};
    if (error == NULL)
        return JA_USAGE;
    const struct ja_module *only = leading_module(config, name);
    if (only == NULL)
        only = nearest_module(config, name);
    for (size_t i = 0; i < config->module_count; i++) {
        if (only == NULL || only == config->modules[i])
            look_for_nearest(config->modules[i], name, &nearest);
    }
    if (nearest.distance == UINT_MAX)
        return ja_fail(error, JA_USAGE, "%.100s: no such option", name);
    return ja_fail(error, JA_USAGE, "%.100s: no such option; did you mean %s?", name, nearest.name);
}

enum ja_status ja_store_fail(struct ja_error *error, enum ja_status status, const char *origin,
                             const struct ja_error *reason) {
    struct ja_error whole;
    ja_fail(&whole, status, "%s: %s", origin, reason->text);
    for (char *c = whole.text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    return ja_fail(error, status, "%s", whole.text);
}

/* Reads the value of `key` into `value`; the reason names option and value. */
static enum ja_status read_value(const struct key *key, enum ja_layer layer, const char *name,
                                 const char *text, void *value, struct ja_error *error) {
    struct ja_error reason;
    if (layer == JA_LAYER_LIVE && key->option->effect == JA_START)
        return ja_fail(error, JA_USAGE, "%s is read at the start only and cannot be changed live",
                       name);
    if (ja_value_parse(key->option, text, value, &reason) != JA_OK)
        return ja_fail(error, JA_USAGE, "%s = %.100s: %s", name, text, reason.text);
    return JA_OK;
}

/* Everything that can fail comes before the first change. */
static enum ja_status set_text(struct ja_config *config, enum ja_layer layer, const char *name,
                               const char *text, const char *origin, struct ja_error *error) {
    struct key key;
    struct ja_section *section;
    if (!parse_key(config, name, &key))
        return ja_store_unknown(config, name, error);
    void *value = calloc(1, key.option->size);
    char *kept_origin = strdup(origin);
    enum ja_status status = value == NULL || kept_origin == NULL
                                ? ja_fail(error, JA_FAILED, no_memory)
                                : read_value(&key, layer, name, text, value, error);
    if (status == JA_OK)
        status = ja_store_mention(config, layer, key.module, key.instance, &section, error);
    if (status == JA_OK) {
        ja_store_put(section, layer, key.option, value, kept_origin);
        kept_origin = NULL;
    }
    free(kept_origin);
    free(value);
    return status;
}

enum ja_status ja_config_set(struct ja_config *config, enum ja_layer layer, const char *name,
                             const char *text, const char *origin, struct ja_error *error) {
    assert(layer > JA_LAYER_DEFAULT && layer < JA_LAYERS);
    struct ja_error reason;
    enum ja_status status = set_text(config, layer, name, text, origin, &reason);
    return status == JA_OK ? JA_OK : ja_store_fail(error, status, origin, &reason);
}

enum ja_status ja_config_set_pair(struct ja_config *config, enum ja_layer layer, const char *pair,
                                  const char *origin, struct ja_error *error) {
    char name[JA_FULL_NAME];
    struct ja_text text;
    const char *equals = strchr(pair, '=');
    if (equals == NULL)
        return ja_fail(error, JA_USAGE, "%s: %.100s: must be OPTION=VALUE", origin, pair);
    ja_text_init(&text, name, sizeof name);
    ja_text_put_bytes(&text, pair, (size_t)(equals - pair));
    return ja_config_set(config, layer, name, equals + 1, origin, error);
}

bool ja_config_has(const struct ja_config *config, const struct ja_module *module,
                   const char *instance) {
    return ja_store_section(config, module, instance == NULL ? "" : instance) != NULL;
}

void ja_config_fill(const struct ja_config *config, const struct ja_module *module,
                    const char *instance, void *settings) {
    const struct ja_section *section =
        ja_store_section(config, module, instance == NULL ? "" : instance);
    assert(section != NULL);
    memset(settings, 0, module->settings_size);
    for (const struct ja_option *o = module->options; o < module->options + module->option_count;
         o++)
        memcpy((char *)settings + o->offset, ja_store_value(section, o, NULL, NULL), o->size);
}

const void *ja_config_value(const struct ja_config *config, const struct ja_module *module,
                            const char *instance, const struct ja_option *option) {
    const struct ja_section *section =
        ja_store_section(config, module, instance == NULL ? "" : instance);
    assert(section != NULL);
    return ja_store_value(section, option, NULL, NULL);
}

const char *ja_config_instance(const struct ja_config *config, const struct ja_module *module,
                               size_t i) {
    for (size_t s = 0; s < config->section_count; s++) {
        if (config->sections[s]->module == module && i-- == 0)
            return config->sections[s]->name;
    }
    return NULL;
}

static enum ja_status find(const struct ja_config *config, const char *name, struct key *key,
                           const struct ja_section **section, struct ja_error *error) {
    if (!parse_key(config, name, key))
        return ja_store_unknown(config, name, error);
    *section = ja_store_section(config, key->module, key->instance);
    if (*section == NULL)
        return ja_fail(error, JA_USAGE, "%s: there is no %s named %s", name, key->module->name,
                       key->instance);
    return JA_OK;
}

const struct ja_module *ja_config_find(const struct ja_config *config, const char *name,
                                       const struct ja_option **option, const char **instance,
                                       struct ja_error *error) {
    struct key key;
    const struct ja_section *section;
    if (find(config, name, &key, &section, error) != JA_OK)
        return NULL;
    *option = key.option;
    *instance = key.module->named ? section->name : NULL;
    return key.module;
}

enum ja_status ja_config_get(const struct ja_config *config, const char *name,
                             struct ja_text *value, enum ja_layer *layer, const char **origin,
                             struct ja_error *error) {
    struct key key;
    const struct ja_section *section;
    if (find(config, name, &key, &section, error) != JA_OK)
        return JA_USAGE;
    ja_value_format(key.option, ja_store_value(section, key.option, layer, origin), value);
    return JA_OK;
}
