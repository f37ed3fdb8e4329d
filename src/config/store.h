/* How the layers are kept: one section per module or instance, with a settings struct for each
 * layer that mentions it.
 *
 * For the files of this folder only.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONFIG_STORE_H
#define JA_CONFIG_STORE_H

#include <ja/config/config.h>
#include <stdatomic.h>

enum {
    JA_FULL_NAME = 128,    /* bytes of module.instance.option */
    JA_INSTANCE_NAME = 33, /* bytes of an instance's name */
    JA_INSTANCES = 64,     /* most instances of one module */
    JA_PRESETS = 32,       /* most presets laid over each other */
    JA_PRESET_NAME = 64,   /* bytes of kind/name */
};

/* What one layer says of a section. */
struct ja_values {
    atomic_uint users;       /* sections that have it; changed only where that is one */
    unsigned char *settings; /* fields valid where set */
    char *origins[];         /* of each option; NULL: not set in this layer */
};

/* A module, or one instance of a named module. */
struct ja_section {
    atomic_uint users; /* configurations that have it; changed only where that is one */
    const struct ja_module *module;
    char name[JA_INSTANCE_NAME]; /* of the instance; empty when the module is not named */
    bool lasts;                  /* else it is dropped when no layer mentions it */
    /* That of the defaults is always there, the others where it is mentioned, else NULL. */
    struct ja_values *values[JA_LAYERS];
};

struct ja_config {
    const struct ja_module *const *modules;
    size_t module_count;
    struct ja_section **sections; /* instances of a module in order of appearance */
    size_t section_count;
    char presets[JA_PRESETS][JA_PRESET_NAME]; /* applied, in order */
    size_t preset_count;
};

/* NULL when there is none. */
const struct ja_module *ja_store_module(const struct ja_config *config, const char *name);
/* NULL when there is none; `instance` is "" for a module that is not named. */
const struct ja_section *ja_store_section(const struct ja_config *config,
                                          const struct ja_module *module, const char *instance);
/* Finds or makes an instance, which may be changed then, and notes that `layer` mentions it. */
enum ja_status ja_store_mention(struct ja_config *config, enum ja_layer layer,
                                const struct ja_module *module, const char *instance,
                                struct ja_section **section, struct ja_error *error);
/* The option of the module; NULL when there is none. */
const struct ja_option *ja_store_option(const struct ja_module *module, const char *name);
/* Puts `value` (option->size bytes) there; `origin` is taken over, to be freed by the store. */
void ja_store_put(struct ja_section *section, enum ja_layer layer, const struct ja_option *option,
                  const void *value, char *origin);
/* The value that counts; where it comes from, when wanted. */
const void *ja_store_value(const struct ja_section *section, const struct ja_option *option,
                           enum ja_layer *layer, const char **origin);
/* Writes "module.instance.option". */
void ja_store_name(const struct ja_module *module, const char *instance, const char *option,
                   struct ja_text *name);
/* Says that there is no option `name` and which is nearest. */
enum ja_status ja_store_unknown(const struct ja_config *config, const char *name,
                                struct ja_error *error);
/* Puts who asked before the reason, and '?' for control characters of what was asked. */
enum ja_status ja_store_fail(struct ja_error *error, enum ja_status status, const char *origin,
                             const struct ja_error *reason);

#endif
