/* The list of all values in an analysis frame, made from the stages' own tables.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PIPELINE_CATALOGUE_H
#define JA_PIPELINE_CATALOGUE_H

#include <ja/pipeline/stage.h>

struct ja_catalogue_entry {
    const struct ja_output *output;
    const struct ja_stage_class *stage;
    size_t first; /* index of its first value in a frame */
};

struct ja_catalogue {
    struct ja_catalogue_entry *entries;
    size_t count;  /* entries */
    size_t values; /* floats in a frame */
};

/* One analysis frame: what all stages found in one hop. */
struct ja_frame {
    double time;    /* s of audio: the end of the hop, which is also what had been consumed */
    float values[]; /* catalogue->values; NAN: no value */
};

enum ja_status ja_catalogue_init(struct ja_catalogue *catalogue,
                                 const struct ja_stage_class *const *stages, size_t count,
                                 struct ja_error *error);
void ja_catalogue_done(struct ja_catalogue *catalogue);
const struct ja_catalogue_entry *ja_catalogue_find(const struct ja_catalogue *catalogue,
                                                   const char *name);

/* How long a list is: its values without the NANs at its end. */
unsigned ja_frame_list(const float *values, unsigned width);

struct ja_json;
/* {"type":"analysis","stream":…,"time":…, then every output}. */
void ja_frame_write_json(const struct ja_frame *frame, const struct ja_catalogue *catalogue,
                         const char *stream, struct ja_json *json);

#endif
