/* --list-outputs: every event, frame value and OSC address, from the tables that make them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "modules.h"

#include <ja/sink/sinks.h>

#include <math.h>

static void list_events(FILE *out) {
    fputs("Events (--events):\n", out);
    for (int type = 0; type < JA_EVENT_TYPES; type++) {
        const struct ja_event_info *info = ja_event_info((enum ja_event_type)type);
        fprintf(out, "  %-12s %s\n", info->name, info->help);
        for (size_t i = 0; i < info->field_count; i++)
            fprintf(out, "    %-14s %s\n", info->fields[i].name, info->fields[i].help);
    }
}

void ja_list_range(const struct ja_output *output, FILE *out) {
    if (output->width > 1)
        fprintf(out, "list of up to %u: ", output->width);
    if (output->type == JA_OUTPUT_BOOL)
        fputs("true or false", out);
    else if (isnan(output->min) || isnan(output->max))
        fputs("number", out);
    else
        fprintf(out, "%g to %g", output->min, output->max);
    if (output->unit)
        fprintf(out, " %s", output->unit);
}

static void list_frame(FILE *out) {
    fputs("\nAnalysis frames (--frames):\n", out);
    for (size_t s = 0; s < ja_stage_count; s++) {
        for (size_t o = 0; o < ja_stages[s]->output_count; o++) {
            const struct ja_output *output = &ja_stages[s]->outputs[o];
            fprintf(out, "  %-18s %s (", output->name, output->help);
            ja_list_range(output, out);
            fputs(")\n", out);
        }
    }
}

void ja_list_outputs(FILE *out) {
    list_events(out);
    list_frame(out);
    fputs("\nOSC addresses (target.NAME):\n", out);
    ja_osc_list(out);
}
