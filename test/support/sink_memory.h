/* Opens a sink again and again, each time letting a later allocation fail, until none does.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_SINK_MEMORY_H
#define TEST_SINK_MEMORY_H

#include "failing.h"
#include "sink_rig.h"

/* `pair`: "option=value" of its settings. */
static inline void rig_sink_without_memory(struct sink_rig *rig, const struct ja_sink_class *class,
                                           const char *pair) {
    struct ja_error error = {""};
    unsigned failing = 0;
    void *settings = rig_settings(class->module, &pair, 1);
    struct ja_sink *sink = NULL;
    do {
        ja_sink_free(sink); /* opened all the same */
        failing++;
        fail_at = failing;
        sink = ja_sink_new(class, &rig->host, class->module->named ? "t" : NULL, settings, &error);
        assert_true(sink || strstr(error.text, "no memory"));
        assert_true(failing < 20);
    } while (fail_at == 0);
    assert_true(sink && failing > 1);
    fail_at = 0;
    ja_sink_free(sink);
    free(settings);
}

#endif
