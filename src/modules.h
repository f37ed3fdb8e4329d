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
enum { JA_MODULES = 64 }; /* most modules with options */
/* Every module with options: the program's own, then the stages' and the sinks'. Returns how many.
 */
size_t ja_modules_collect(const struct ja_module *modules[JA_MODULES]);

#endif
