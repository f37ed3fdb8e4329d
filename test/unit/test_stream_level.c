/* A stream that does not keep up: it leaves out what it may, goes on with the rest, and takes it up
 * again.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../support/own_clock.h"
#include "../support/wait.h"
#include <cmocka.h>
#include <ja/stream/stream.h>
#include <math.h>
#include <semaphore.h>

enum { BLOCK = 4800, RATE = 48000, HOPS = 10 }; /* a tenth of a second, hops in it */

/* --- Two stages: one may be left out and takes long, one must not and counts --- */

static struct {
    uint64_t takes_us; /* for each hop */
    bool gated;        /* waits for the gate at each hop */
    sem_t gate;
    atomic_uint hops, resets;
} heavy;
static atomic_uint light_hops;
static uint64_t light_takes_us;
static bool light_sees_heavy; /* in the last hop */
static const float *heavy_output;

static void heavy_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    (void)stage, (void)hop;
    while (heavy.gated && sem_wait(&heavy.gate) != 0)
        continue;
    own_clock_pass(heavy.takes_us);
    assert_non_null(spectrum);
    out[0] = 1;
    heavy.hops++;
}

static void heavy_reset(struct ja_stage *stage) {
    (void)stage;
    heavy.resets++;
}

static enum ja_status light_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    (void)setup, (void)error;
    heavy_output = ja_stage_input(stage, "heavy");
    return JA_OK;
}

static void light_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    struct ja_event event = {.type = JA_EVENT_BEAT, .time = hop->time};
    (void)spectrum, (void)out;
    own_clock_pass(light_takes_us);
    light_sees_heavy = *heavy_output == 1;
    light_hops++;
    ja_stage_emit(stage, &event);
}

static const struct ja_module heavy_module = {.name = "heavy", .help = "Takes long."};
static const struct ja_module light_module = {.name = "light", .help = "Tells beats."};
static const struct ja_output heavy_outputs[] = {
    {"heavy", NULL, JA_OUTPUT_NUMBER, 1, 0, 1, "One."},
};
static const struct ja_stage_class heavy_stage = {
    .module = &heavy_module,
    .outputs = heavy_outputs,
    .output_count = 1,
    .level = JA_LEVEL_MAXIMUM,
    .needs_spectrum = true,
    .process = heavy_process,
    .reset = heavy_reset,
};
static const struct ja_stage_class light_stage = {
    .module = &light_module,
    .events = 1u << JA_EVENT_BEAT,
    .open = light_open,
    .process = light_process,
};

/* --- The stream, and what it told --- */

static const struct ja_governor_settings defaults = {
    .highest = JA_LEVEL_MAXIMUM, .load = 0.5, .backlog_ms = 100, .recover_s = 1};

struct told {
    unsigned frames, beats, levels;
    struct ja_event_level level;
};

static struct ja_stream *make(const struct ja_governor_settings *governor) {
    static const struct ja_stage_class *const stages[] = {&heavy_stage, &light_stage};
    static const struct ja_analysis_settings analysis = {.window_size = 2};
    static const void *const settings[2];
    struct ja_error error;
    struct ja_stream_setup setup = {
        .name = "main",
        .channels = 1,
        .analysis = &analysis,
        .stages = stages,
        .stage_count = 2,
        .settings = settings,
        .governor = governor,
    };
    heavy.takes_us = light_takes_us = 0;
    heavy.gated = false;
    heavy.hops = heavy.resets = light_hops = 0;
    struct ja_stream *stream = ja_stream_new(&setup, &error);
    assert_non_null(stream);
    return stream;
}

static void write_block(struct ja_stream *stream, unsigned number) {
    static const float *const silence[1];
    struct ja_block block = {.frame = (uint64_t)number * BLOCK,
                             .frames = BLOCK,
                             .rate = RATE,
                             .channels = 1,
                             .epoch = 1};
    assert_true(ja_inlet_write(ja_stream_inlet(stream), &block, silence));
}

static void drain(struct ja_stream *stream, struct told *told) {
    struct ja_message message;
    while (ja_stream_receive(stream, &message)) {
        told->frames += message.type == JA_MESSAGE_FRAME;
        if (message.type != JA_MESSAGE_EVENT)
            continue;
        told->beats += message.event->type == JA_EVENT_BEAT;
        if (message.event->type == JA_EVENT_LEVEL) {
            told->level = message.event->level;
            told->levels++;
        }
    }
}

static struct ja_stream_stats stats_of(struct ja_stream *stream) {
    struct ja_stream_stats stats;
    ja_stream_stats(stream, &stats);
    return stats;
}

/* Block after block, each worked off, until the level is this one; how many, or `most`. */
static unsigned play_until(struct ja_stream *stream, unsigned first, unsigned most,
                           enum ja_level level, struct told *told) {
    for (unsigned i = 0; i < most; i++) {
        if (stats_of(stream).level == level)
            return i;
        write_block(stream, first + i);
        ja_stream_run(stream);
        drain(stream, told);
    }
    return most;
}

/* --- Tests --- */

static void a_load_is_shed_and_comes_back(void **state) {
    struct told told = {0};
    struct ja_stream *stream = make(&defaults);
    (void)state;
    heavy.takes_us = 8000; /* of 10000 */
    unsigned blocks = play_until(stream, 0, 40, JA_LEVEL_HIGH, &told);
    assert_in_range(blocks, 20, 25); /* two seconds are averaged */
    assert_int_equal(told.levels, 1);
    assert_string_equal(told.level.from, "maximum");
    assert_string_equal(told.level.to, "high");
    assert_non_null(strstr(told.level.reason, "% of real time, more than 50 %: chroma"));
    assert_int_equal(heavy.hops, blocks * HOPS);
    struct ja_stream_stats stats = stats_of(stream);
    assert_true(stats.level_load[JA_LEVEL_MAXIMUM] >= 0.8);
    assert_true(isnan(stats.level_load[JA_LEVEL_HIGH]));
    assert_string_equal(stats.strategies, "skip_advanced_features");
    assert_true(light_sees_heavy);

    heavy.takes_us = 0;
    unsigned more = play_until(stream, blocks, 600, JA_LEVEL_MAXIMUM, &told);
    assert_in_range(more, 10, 599);
    assert_false(light_sees_heavy);
    assert_string_equal(told.level.to, "maximum");
    assert_int_equal(heavy.hops, blocks * HOPS); /* not one more */
    assert_int_equal(heavy.resets, 1);
    assert_true(stats_of(stream).level_load[JA_LEVEL_HIGH] <
                stats_of(stream).level_load[JA_LEVEL_MAXIMUM]);
    write_block(stream, blocks + more);
    ja_stream_run(stream);
    drain(stream, &told);
    assert_true(light_sees_heavy);
    assert_int_equal(light_hops, (blocks + more + 1) * HOPS); /* in every hop */
    assert_int_equal(told.beats, light_hops);
    assert_int_equal(stats_of(stream).lost, 0);
    ja_stream_free(stream);
}

static void wake(void *data) {
    (void)data;
}

/* Two blocks come in for each that the heavy stage is let through; once it is left out, the rest is
 * worked off though the gate stays shut. */
static void a_backlog_is_shed_at_once(void **state) {
    struct told told = {0};
    struct ja_error error;
    struct ja_governor_settings settings = defaults;
    settings.recover_s = 600;
    struct ja_stream *stream = make(&settings);
    unsigned written = 0, let = 0;
    (void)state;
    heavy.gated = true;
    sem_init(&heavy.gate, 0, 0);
    assert_int_equal(ja_stream_start(stream, wake, NULL, &error), JA_OK);
    while (stats_of(stream).level == JA_LEVEL_MAXIMUM && let < 10) {
        write_block(stream, written++);
        write_block(stream, written++);
        for (int i = 0; i < HOPS; i++)
            sem_post(&heavy.gate);
        let++;
        while (stats_of(stream).processed < (uint64_t)let * BLOCK)
            wait_a_little();
    }
    assert_in_range(let, 2, 5);
    while (stats_of(stream).processed < (uint64_t)written * BLOCK)
        wait_a_little();
    drain(stream, &told);
    assert_in_range(told.levels, 1, 3); /* more while it still seems to pile up */
    assert_non_null(strstr(told.level.reason, " ms of sound wait, more than 100 ms: "));
    assert_in_range(heavy.hops, (let - 1) * HOPS, let * HOPS); /* the last may have come late */
    assert_int_equal(light_hops, written * HOPS);
    assert_int_equal(stats_of(stream).lost, 0);
    ja_stream_free(stream);
    sem_destroy(&heavy.gate);
}

/* By order: also before there is any sound, and over a change of the rate. */
static void an_order_is_followed(void **state) {
    struct told told = {0};
    struct ja_governor_settings settings = defaults;
    struct ja_stream *stream = make(&defaults);
    (void)state;
    settings.level = 1 + JA_LEVEL_MEDIUM;
    assert_true(ja_stream_configure(stream, &ja_governor_module, &settings));
    write_block(stream, 0);
    ja_stream_run(stream);
    assert_int_equal(stats_of(stream).level, JA_LEVEL_MEDIUM);
    assert_int_equal(heavy.hops, 0);
    struct ja_block other = {.frames = 4410, .rate = 44100, .channels = 1, .epoch = 2};
    assert_true(ja_inlet_write(ja_stream_inlet(stream), &other, (const float *const[]){NULL}));
    ja_stream_run(stream);
    assert_int_equal(heavy.hops, 0);
    assert_int_equal(light_hops, 2 * HOPS);
    drain(stream, &told);
    assert_int_equal(told.levels, 0); /* there was nothing yet that could tell */
    settings.level = 1 + JA_LEVEL_MAXIMUM;
    assert_true(ja_stream_configure(stream, &ja_governor_module, &settings));
    other.frame = 4410;
    assert_true(ja_inlet_write(ja_stream_inlet(stream), &other, (const float *const[]){NULL}));
    ja_stream_run(stream);
    drain(stream, &told);
    assert_int_equal(told.levels, 1);
    assert_string_equal(told.level.from, "medium");
    assert_string_equal(told.level.reason, "The option governor.level is maximum.");
    assert_int_equal(heavy.hops, HOPS);
    ja_stream_free(stream);
}

/* The last step thins the frames, not the events. */
static void frames_are_thinned_last(void **state) {
    struct told told = {0};
    struct ja_governor_settings settings = defaults;
    settings.highest = JA_LEVEL_LOW;
    struct ja_stream *stream = make(&settings);
    unsigned blocks = 0;
    (void)state;
    light_takes_us = 6000;
    while (!strstr(stats_of(stream).strategies, "reduce_prediction_frequency") && blocks < 80) {
        write_block(stream, blocks++);
        ja_stream_run(stream);
    }
    assert_in_range(blocks, 40, 45); /* two steps */
    drain(stream, &told);
    assert_int_equal(told.frames, blocks * HOPS);
    assert_int_equal(told.levels, 0); /* it was and is low */
    told = (struct told){0};
    for (int i = 0; i < 10; i++) {
        write_block(stream, blocks++);
        ja_stream_run(stream);
        drain(stream, &told);
    }
    assert_int_equal(told.frames, 10 * HOPS / 4);
    assert_int_equal(told.beats, 10 * HOPS);
    ja_stream_free(stream);
}

/* Without a governor nothing is ever left out. */
static void nobody_governs_unasked(void **state) {
    struct told told = {0};
    struct ja_stream *stream = make(NULL);
    (void)state;
    heavy.takes_us = 8000;
    assert_int_equal(play_until(stream, 0, 25, JA_LEVEL_HIGH, &told), 25);
    assert_int_equal(told.levels, 0);
    assert_int_equal(heavy.hops, 25 * HOPS);
    assert_int_equal(told.frames, 25 * HOPS);
    assert_string_equal(stats_of(stream).strategies, "");
    ja_stream_free(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_is_shed_and_comes_back),
        cmocka_unit_test(a_backlog_is_shed_at_once),
        cmocka_unit_test(an_order_is_followed),
        cmocka_unit_test(frames_are_thinned_last),
        cmocka_unit_test(nobody_governs_unasked),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
