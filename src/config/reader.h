/* Takes settings from a configuration file's tree into a layer.
 *
 * For the files of this folder only.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONFIG_READER_H
#define JA_CONFIG_READER_H

#include <ja/config/config.h>
#include <libconfig.h>

/* Takes one setting of the root, that is a module's group. Errors name file and line; what came
 * before the error is in the layer, so use a clone. */
enum ja_status ja_reader_take(struct ja_config *config, enum ja_layer layer, const char *path,
                              const config_setting_t *setting, struct ja_error *error);
/* "PATH:LINE: " and the sentence. */
enum ja_status ja_reader_fail(struct ja_error *error, enum ja_status status, const char *path,
                              const config_setting_t *setting, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
