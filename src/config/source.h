/* Reads a configuration file into a tree, trusting neither file nor parser.
 *
 * For the files of this folder only.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONFIG_SOURCE_H
#define JA_CONFIG_SOURCE_H

#include <ja/core/status.h>
#include <libconfig.h>

/* Fills `tree`, which the caller destroys with config_destroy when JA_OK. Errors name file and
 * line. */
enum ja_status ja_config_source_read(config_t *tree, const char *path, struct ja_error *error);

#endif
