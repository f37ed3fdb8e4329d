/* All settings, in layers: what is set later wins, and every value knows where it came from.
 *
 * Belongs to the main thread; other threads get copies of filled settings structs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONFIG_CONFIG_H
#define JA_CONFIG_CONFIG_H

#include <ja/config/option.h>
#include <ja/core/status.h>
#include <ja/core/text.h>
#include <stdio.h>

enum ja_layer {
    JA_LAYER_DEFAULT,
    JA_LAYER_FILE,
    JA_LAYER_PRESET,
    JA_LAYER_ARGUMENT,
    JA_LAYER_LIVE,
    JA_LAYERS
};

struct ja_config;

/* `modules` is kept, not copied; NULL without memory. */
struct ja_config *ja_config_new(const struct ja_module *const *modules, size_t count);
/* One of the same modules, where nothing is set. */
struct ja_config *ja_config_blank(const struct ja_config *config);
void ja_config_free(struct ja_config *config);

/* Sets one option from text. `name` is MODULE.OPTION or MODULE.INSTANCE.OPTION (which makes the
 * instance). `origin` is shown by print ("argument --set", "/etc/jack-analyzer.conf:12") and
 * copied. An unknown name is answered with the nearest known one. In JA_LAYER_LIVE an option of
 * effect JA_START is refused. */
enum ja_status ja_config_set(struct ja_config *config, enum ja_layer layer, const char *name,
                             const char *text, const char *origin, struct ja_error *error);
/* "NAME=VALUE" as after --set. */
enum ja_status ja_config_set_pair(struct ja_config *config, enum ja_layer layer, const char *pair,
                                  const char *origin, struct ja_error *error);

/* Reads a libconfig file into `layer`. Regular file, at most 64 KiB, no @include; every key
 * checked, errors name file and line. On error nothing of `config` has changed. */
enum ja_status ja_config_read(struct ja_config *config, enum ja_layer layer, const char *path,
                              struct ja_error *error);
/* Forgets every value of a layer; false without memory: then nothing has changed. */
bool ja_config_clear(struct ja_config *config, enum ja_layer layer);
/* A copy to try changes on: change the copy, then swap, or free it; or one to read in another
 * thread. Takes little time. NULL without memory. */
struct ja_config *ja_config_clone(const struct ja_config *config);
void ja_config_swap(struct ja_config *a, struct ja_config *b);
/* Puts a layer of `from`, with the names of its presets, in the place of that of `config`; on error
 * that is half done. */
enum ja_status ja_config_take_layer(struct ja_config *config, enum ja_layer layer,
                                    const struct ja_config *from, struct ja_error *error);
/* Goes through what is in `after` and has been touched, or made, since one was cloned from the
 * other: the next module, and its instance (NULL unless it is named); NULL when there is no more.
 * `at` is 0 at the start. */
const struct ja_module *ja_config_change(const struct ja_config *before,
                                         const struct ja_config *after, size_t *at,
                                         const char **instance);

/* Fills `settings` (module->settings_size bytes) with the effective values. `instance` is NULL
 * unless the module is named. */
void ja_config_fill(const struct ja_config *config, const struct ja_module *module,
                    const char *instance, void *settings);
/* The effective value of one of its options: what the field of the settings would hold. */
const void *ja_config_value(const struct ja_config *config, const struct ja_module *module,
                            const char *instance, const struct ja_option *option);
/* Names of a named module's instances, in order of appearance: i = 0, 1, … until NULL. */
const char *ja_config_instance(const struct ja_config *config, const struct ja_module *module,
                               size_t i);

/* The modules: i = 0, 1, … until NULL. */
const struct ja_module *ja_config_module(const struct ja_config *config, size_t i);

/* Is there an instance of that name? NULL is that of a module that is not named. */
bool ja_config_has(const struct ja_config *config, const struct ja_module *module,
                   const char *instance);

/* What is behind a full name; returns the module and sets `option` and `instance` (pointer into
 * `name`'s copy inside config, or NULL); NULL and a sentence with the nearest name, if it is
 * wanted, when unknown. */
const struct ja_module *ja_config_find(const struct ja_config *config, const char *name,
                                       const struct ja_option **option, const char **instance,
                                       struct ja_error *error);
/* The effective value as text (lists joined by ','), its layer and origin. */
enum ja_status ja_config_get(const struct ja_config *config, const char *name,
                             struct ja_text *value, enum ja_layer *layer, const char **origin,
                             struct ja_error *error);

/* --list-options: every row with type, range, default and help. */
void ja_config_list(const struct ja_config *config, FILE *out);
/* --print-config: every effective value with its origin, readable again as a configuration file. */
void ja_config_print(const struct ja_config *config, FILE *out);
/* jack-analyzer.conf: every option commented out at its default, with its sentence. */
void ja_config_sample(const struct ja_config *config, FILE *out);
/* Help, range and effect of an option, in sentences. */
void ja_config_describe(const struct ja_option *option, struct ja_text *text);

#endif
