/* Presets: named bundles of settings, of a kind (genre, target, box) that says what they may set.
 *
 * Searched as KIND/NAME.conf in $XDG_CONFIG_HOME/jack-analyzer/presets, /etc/jack-analyzer/presets,
 * the data directory and, during development, ./presets; the first hit wins.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONFIG_PRESET_H
#define JA_CONFIG_PRESET_H

#include <ja/config/config.h>

/* Reads preset "KIND/NAME" into JA_LAYER_PRESET, over those of other kinds. A later genre or box
 * replaces the former one wholly; targets add up. On error nothing has changed. */
enum ja_status ja_preset_apply(struct ja_config *config, const char *name, struct ja_error *error);
/* Every preset that can be found, in any thread; instead of a description what is wrong with it.
 * `visit` returns false to end. */
void ja_preset_each(bool (*visit)(void *data, const char *name, const char *description,
                                  const char *path),
                    void *data);
/* --list-presets: kind/name, description, file. */
void ja_preset_list(FILE *out);
/* Checks every preset that can be found (for --check); reports the first fault. */
enum ja_status ja_preset_check_all(const struct ja_config *config, struct ja_error *error);

#endif
