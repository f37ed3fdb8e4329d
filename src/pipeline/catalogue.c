/* Makes the frame layout from the stages' tables, and writes a frame as JSON.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/json.h>
#include <ja/pipeline/catalogue.h>

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum ja_status ja_catalogue_init(struct ja_catalogue *catalogue,
                                 const struct ja_stage_class *const *stages, size_t count,
                                 struct ja_error *error) {
    *catalogue = (struct ja_catalogue){0};
    size_t outputs = 0;
    for (size_t s = 0; s < count; s++)
        outputs += stages[s]->output_count;
    catalogue->entries = calloc(outputs ? outputs : 1, sizeof *catalogue->entries);
    if (!catalogue->entries)
        return ja_fail(error, JA_FAILED, "no memory for the list of outputs");
    for (size_t s = 0; s < count; s++) {
        for (size_t o = 0; o < stages[s]->output_count; o++) {
            const struct ja_output *output = &stages[s]->outputs[o];
            assert(!ja_catalogue_find(catalogue, output->name));
            catalogue->entries[catalogue->count++] =
                (struct ja_catalogue_entry){output, stages[s], catalogue->values};
            catalogue->values += output->width;
        }
    }
    return JA_OK;
}

void ja_catalogue_done(struct ja_catalogue *catalogue) {
    free(catalogue->entries);
    *catalogue = (struct ja_catalogue){0};
}

const struct ja_catalogue_entry *ja_catalogue_find(const struct ja_catalogue *catalogue,
                                                   const char *name) {
    for (size_t i = 0; i < catalogue->count; i++) {
        if (!strcmp(catalogue->entries[i].output->name, name))
            return &catalogue->entries[i];
    }
    return NULL;
}

unsigned ja_frame_list(const float *values, unsigned width) {
    while (width > 0 && isnan(values[width - 1]))
        width--;
    return width;
}

static void write_value(const struct ja_output *output, float value, struct ja_json *json) {
    if (output->type == JA_OUTPUT_BOOL && !isnan(value))
        ja_json_bool(json, value != 0);
    else
        ja_json_number(json, value);
}

void ja_frame_write_json(const struct ja_frame *frame, const struct ja_catalogue *catalogue,
                         const char *stream, struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_put_string(json, "type", "analysis");
    ja_json_put_string(json, "stream", stream);
    ja_json_put_time(json, "time", frame->time);
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct ja_catalogue_entry *entry = &catalogue->entries[i];
        ja_json_key(json, entry->output->name);
        if (entry->output->width == 1) {
            write_value(entry->output, frame->values[entry->first], json);
            continue;
        }
        const float *values = frame->values + entry->first;
        unsigned length = ja_frame_list(values, entry->output->width);
        ja_json_begin_array(json);
        for (unsigned v = 0; v < length; v++)
            write_value(entry->output, values[v], json);
        ja_json_end_array(json);
    }
    ja_json_end_object(json);
}
