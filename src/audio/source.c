/* Chooses between the two sources there are, by the name: "synth:…" or a path.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "file.h"
#include "synth.h"

#include <stdlib.h>
#include <string.h>

struct ja_source {
    struct ja_source_info info;
    struct ja_file *file; /* one of these two */
    struct ja_synth *synth;
};

enum ja_status ja_source_open(struct ja_source **opened, const char *what, struct ja_error *error) {
    *opened = NULL;
    struct ja_source *source = calloc(1, sizeof *source);
    if (!source)
        return ja_fail(error, JA_FAILED, "%s: out of memory", what);
    enum ja_status status;
    if (ja_synth_is_name(what))
        status = ja_synth_open(&source->synth, what, &source->info, error);
    else
        status = ja_file_open(&source->file, what, &source->info, error);
    if (status == JA_OK)
        *opened = source;
    else
        free(source);
    return status;
}

const struct ja_source_info *ja_source_info(const struct ja_source *source) {
    return &source->info;
}

int ja_source_read(struct ja_source *source, float *const *channels, unsigned frames,
                   struct ja_error *error) {
    if (source->synth)
        return ja_synth_read(source->synth, channels, frames);
    return ja_file_read(source->file, channels, frames, error);
}

void ja_source_close(struct ja_source *source) {
    if (!source)
        return;
    ja_file_close(source->file);
    ja_synth_close(source->synth);
    free(source);
}
