/* Where the program keeps what outlives it: one folder, the user's or the service's own.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_STATE_H
#define JA_CORE_STATE_H

#include <ja/core/status.h>
#include <stdbool.h>
#include <stddef.h>

/* Where the file `name` belongs: below the first of $STATE_DIRECTORY (systemd's),
 * $XDG_STATE_HOME/jack-analyzer and ~/.local/state/jack-analyzer that is known. JA_FAILED when none
 * is, or when the path has `size` bytes or more. */
enum ja_status ja_state_path(const char *name, char *path, size_t size, struct ja_error *error);
/* Makes every folder of the path that is missing, for this user alone; false and errno on error. */
bool ja_state_make_folders(const char *path);

#endif
