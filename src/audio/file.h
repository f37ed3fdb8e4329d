/* A sound file as a source. Internal to this folder; see source.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_FILE_H
#define JA_AUDIO_FILE_H

#include <ja/audio/source.h>

struct ja_file;

enum ja_status ja_file_open(struct ja_file **file, const char *path, struct ja_source_info *info,
                            struct ja_error *error);
int ja_file_read(struct ja_file *file, float *const *channels, unsigned frames,
                 struct ja_error *error);
void ja_file_close(struct ja_file *file); /* NULL is fine */

#endif
