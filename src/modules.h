/* The lists of everything that is built in: stages, sinks and option modules, one line each in
 * modules.c.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_MODULES_H
#define JA_MODULES_H

#include <ja/pipeline/stage.h>
#include <ja/sink/sink.h>

extern const struct ja_stage_class *const ja_stages[]; /* in order of execution */
extern const size_t ja_stage_count;
extern const struct ja_sink_class *const ja_sinks[];
extern const size_t ja_sink_count;
extern const struct ja_module
    *const ja_modules[]; /* every module with options, the stages' and sinks' included */
extern const size_t ja_module_count;

#endif
