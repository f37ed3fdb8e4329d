/* A bench for sinks: a loop, a resolver, one or more streams with a clock, and frames with the
 * outputs of a stage that does not exist. Time passes in rig_run alone.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_SINK_RIG_H
#define TEST_SINK_RIG_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "own_clock.h"
#include <ja/config/config.h>
#include <ja/core/clock.h>
#include <ja/net/resolver.h>
#include <ja/sink/sinks.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RIG_RMS, RIG_PEAK, RIG_PHASE, RIG_TEMPO, RIG_SURENESS, RIG_PITCH, RIG_CLARITY, RIG_BANDS };
enum { RIG_WIDTH = 4, RIG_VALUES = RIG_BANDS + RIG_WIDTH }; /* the bands are a list */

struct sink_rig {
    struct ja_loop *loop;
    struct ja_resolver *resolver;
    struct ja_catalogue catalogue;
    struct ja_tap taps[2]; /* "main" and "desk" */
    struct ja_sink_host host;
    struct ja_frame *frame; /* all values NAN at first */
};

#define RIG_OUTPUT(name)                                                                           \
    { name, NULL, JA_OUTPUT_NUMBER, 1, NAN, NAN, "A value." }
static const struct ja_output rig_outputs[] = {
    RIG_OUTPUT("rms"),
    RIG_OUTPUT("peak"),
    RIG_OUTPUT("beat_phase"),
    RIG_OUTPUT("tempo"),
    RIG_OUTPUT("tempo_confidence"),
    RIG_OUTPUT("pitch"),
    RIG_OUTPUT("pitch_confidence"),
    {"bands", NULL, JA_OUTPUT_NUMBER, RIG_WIDTH, 0, 1, "A list."},
};
static const struct ja_stage_class rig_stage = {.outputs = rig_outputs,
                                                .output_count = RIG_BANDS + 1};

static void rig_server(void *data, uint64_t *xruns) {
    (void)data;
    *xruns = 3;
}

/* Stream time 0 is now. */
static inline void rig_set_clock(struct sink_rig *rig) {
    for (size_t i = 0; i < 2; i++)
        rig->taps[i].timebase =
            (struct ja_timebase){.at = 0, .us = (double)ja_clock_us(), .rate = 48000};
}

static inline int rig_set_up(void **state) {
    struct sink_rig *rig = calloc(1, sizeof *rig);
    struct ja_error error;
    const struct ja_stage_class *const stages[] = {&rig_stage};
    if (!rig || !(rig->loop = ja_loop_new(&error)) ||
        !(rig->resolver = ja_resolver_new(rig->loop, &error)) ||
        ja_catalogue_init(&rig->catalogue, stages, 1, &error) != JA_OK)
        return -1;
    rig->frame = malloc(sizeof *rig->frame + RIG_VALUES * sizeof rig->frame->values[0]);
    rig->frame->time = 0;
    for (size_t i = 0; i < RIG_VALUES; i++)
        rig->frame->values[i] = NAN;
    rig->taps[0].name = "main";
    rig->taps[1].name = "desk";
    rig->host = (struct ja_sink_host){.loop = rig->loop,
                                      .catalogue = &rig->catalogue,
                                      .resolver = rig->resolver,
                                      .start_us = ja_clock_us() - 42500000,
                                      .taps = rig->taps,
                                      .tap_count = 1,
                                      .server = rig_server};
    rig_set_clock(rig);
    *state = rig;
    return 0;
}

static inline int rig_tear_down(void **state) {
    struct sink_rig *rig = *state;
    ja_resolver_free(rig->resolver);
    ja_loop_free(rig->loop);
    ja_catalogue_done(&rig->catalogue);
    free(rig->frame);
    free(rig);
    return 0;
}

/* Settings of `module` (of its instance "t" when it is named): the defaults and `count` texts
 * "option=value". To be freed. */
static inline void *rig_settings(const struct ja_module *module, const char *const *pairs,
                                 size_t count) {
    struct ja_error error = {""};
    struct ja_config *config = ja_config_new(&module, 1);
    void *settings = calloc(1, module->settings_size);
    assert_non_null(config);
    assert_non_null(settings);
    for (size_t i = 0; i < count; i++) {
        char pair[512];
        snprintf(pair, sizeof pair, "%s.%s%s", module->name, module->named ? "t." : "", pairs[i]);
        if (ja_config_set_pair(config, JA_LAYER_ARGUMENT, pair, "test", &error) != JA_OK)
            fail_msg("%s", error.text);
    }
    ja_config_fill(config, module, module->named ? "t" : NULL, settings);
    ja_config_free(config);
    return settings;
}

#define RIG_COUNT(array) (sizeof(array) / sizeof(array)[0])
#define RIG_SINK(rig, class, ...)                                                                  \
    rig_sink(rig, class, (const char *const[]){__VA_ARGS__},                                       \
             RIG_COUNT(((const char *const[]){__VA_ARGS__})))

/* Opens a sink with such settings. */
static inline struct ja_sink *rig_sink(struct sink_rig *rig, const struct ja_sink_class *class,
                                       const char *const *pairs, size_t count) {
    struct ja_error error = {""};
    void *settings = rig_settings(class->module, pairs, count);
    struct ja_sink *sink =
        ja_sink_new(class, &rig->host, class->module->named ? "t" : NULL, settings, &error);
    free(settings);
    if (!sink)
        fail_msg("%s", error.text);
    return sink;
}

static inline void rig_run(struct sink_rig *rig, uint64_t us) {
    uint64_t end_us = ja_clock_us() + us;
    for (uint64_t now_us; (now_us = ja_clock_us()) < end_us;)
        ja_loop_once(rig->loop, end_us - now_us);
}

#endif
