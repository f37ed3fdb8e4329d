/* A stage for tests of the stages after it: emits what a script says.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_SCRIPT_STAGE_H
#define TEST_SCRIPT_STAGE_H

#include "stage_rig.h"

struct line {
    double at; /* s: in the first hop that ends then or later */
    struct ja_event event;
};

static const struct line *script;
static size_t script_lines, script_next;

static void script_process(struct ja_stage *stage, const struct ja_span *hop,
                           const struct ja_spectrum *spectrum, float *out) {
    (void)spectrum, (void)out;
    for (; script_next < script_lines && script[script_next].at <= hop->end; script_next++)
        ja_stage_emit(stage, &script[script_next].event);
}

static const struct ja_module script_module = {.name = "script", .help = "Says what it is told."};
static const struct ja_stage_class script_stage = {
    .module = &script_module,
    .events = ~0u,
    .process = script_process,
};

/* A script is read from its beginning by the pipeline that runs next. */
static inline void script_set(const struct line *lines, size_t count) {
    script = lines;
    script_lines = count;
    script_next = 0;
}

#endif
