/* The pipeline: slices, hops, times, spectrum, order of stages, settings.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/probe.h"
#include "../support/random.h"

#include <ja/core/json.h>
#include <ja/core/math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

/* Everything that came out, in order. */
struct record {
    unsigned char bytes[1 << 18];
    size_t size;
    unsigned frames, events;
    struct ja_event last_event;
    float last[8];
};

static void record_frame(void *data, const struct ja_frame *frame, size_t size) {
    struct record *record = data;
    assert_true(record->size + size < sizeof record->bytes);
    memcpy(record->bytes + record->size, frame, size);
    record->size += size;
    memcpy(record->last, frame->values, size - sizeof *frame);
    record->frames++;
}

static void record_event(void *data, const struct ja_event *event) {
    struct record *record = data;
    double times[2] = {event->time, event->emitted};
    memcpy(record->bytes + record->size, times, sizeof times);
    record->size += sizeof times;
    record->last_event = *event;
    record->events++;
}

static struct ja_pipeline *make(unsigned rate, unsigned channels, struct record *record,
                                const struct ja_analysis_settings *analysis) {
    struct ja_error error;
    struct ja_pipeline_setup setup = {
        .rate = rate,
        .channels = channels,
        .analysis = analysis,
        .stages = probe_stages,
        .stage_count = 2,
        .settings = probe_settings_list,
        .out = {record_frame, record_event, record},
    };
    memset(record, 0, sizeof *record);
    memset(&probe_log, 0, sizeof probe_log);
    struct ja_pipeline *pipeline = ja_pipeline_new(&setup, &error);
    assert_non_null(pipeline);
    return pipeline;
}

static void feed_constant(struct ja_pipeline *pipeline, float value, size_t count) {
    const float *channels[1];
    for (size_t i = 0; i < count; i++) {
        channels[0] = &value;
        ja_pipeline_feed(pipeline, channels, 1);
    }
}

static void test_sizes(void **state) {
    static const struct {
        unsigned rate;
        int hop;
        unsigned expected_hop, expected_slice;
    } rows[] = {
        {44100, 0, 441, 147}, {48000, 0, 480, 160},   {48000, 512, 512, 256},
        {48000, 64, 64, 64},  {44100, 441, 441, 147}, {48000, 4096, 4096, 256},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct record record;
        struct ja_analysis_settings analysis = {.window_size = 2, .hop = rows[i].hop};
        struct ja_pipeline *pipeline = make(rows[i].rate, 1, &record, &analysis);
        assert_int_equal(probe_log.hop, rows[i].expected_hop);
        assert_int_equal(probe_log.hop % probe_log.slice, 0);
        assert_int_equal(probe_log.slice, rows[i].expected_slice);
        ja_pipeline_free(pipeline);
    }
}

static void test_refuses_a_hop_that_is_too_short(void **state) {
    struct ja_error error;
    struct ja_analysis_settings analysis = {.hop = 63};
    struct ja_pipeline_setup setup = {.rate = 48000, .channels = 1, .analysis = &analysis};
    (void)state;
    assert_null(ja_pipeline_new(&setup, &error));
    assert_non_null(strstr(error.text, "analysis.hop = 63"));
}

static void test_times(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    (void)state;
    feed_constant(pipeline, 0.5f, 959);
    assert_int_equal(probe_log.listened, 5);
    assert_int_equal(probe_log.processed, 1);
    feed_constant(pipeline, 0.5f, 1);
    assert_int_equal(probe_log.listened, 6);
    assert_int_equal(probe_log.processed, 2);
    assert_true(fabs(probe_log.last_time - 0.01) < 1e-12);
    assert_true(fabs(probe_log.last_end - 0.02) < 1e-12);
    assert_true(fabs(ja_pipeline_now(pipeline) - 0.02) < 1e-12);
    assert_true(fabsf(record.last[0] - 240) < 1e-3f);
    assert_true(record.last[3] == 2 * record.last[0]);
    assert_true(isnan(record.last[4])); /* nobody wrote it */
    ja_pipeline_free(pipeline);
    assert_int_equal(probe_log.closed, 1);
}

static void test_block_size_changes_nothing(void **state) {
    enum { COUNT = 20000 };
    static float left[COUNT], right[COUNT];
    static struct record once, pieces;
    struct random random = {1};
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        left[i] = (float)(random_unit(&random) * 2 - 1);
        right[i] = (float)(random_unit(&random) * 2 - 1);
    }
    const float *whole[] = {left, right};
    struct ja_pipeline *pipeline = make(44100, 2, &once, &probe_analysis);
    ja_pipeline_feed(pipeline, whole, COUNT);
    ja_pipeline_free(pipeline);
    pipeline = make(44100, 2, &pieces, &probe_analysis);
    for (size_t at = 0; at < COUNT;) {
        size_t count = 1 + random_below(&random, 700);
        count = count < COUNT - at ? count : COUNT - at;
        const float *piece[] = {left + at, right + at};
        ja_pipeline_feed(pipeline, piece, count);
        at += count;
    }
    ja_pipeline_free(pipeline);
    assert_true(once.frames == COUNT / 441);
    assert_int_equal(once.size, pieces.size);
    assert_memory_equal(once.bytes, pieces.bytes, once.size);
}

static void test_spectrum_of_a_sine(void **state) {
    enum { COUNT = 4800 };
    static float sine[COUNT];
    static struct record record;
    (void)state;
    for (int window = 0; window < 3; window++) {
        struct ja_analysis_settings analysis = {.window = window, .window_size = 0};
        for (size_t i = 0; i < COUNT; i++) /* on bin 1 of 512 */
            sine[i] = (float)sin(2 * JA_PI * (double)i / 512);
        const float *channels[] = {sine};
        struct ja_pipeline *pipeline = make(48000, 1, &record, &analysis);
        ja_pipeline_feed(pipeline, channels, COUNT);
        assert_true(fabsf(record.last[1] - 1) < 1e-2f);
        ja_pipeline_free(pipeline);
    }
}

static void test_events_reach_later_stages(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    (void)state;
    feed_constant(pipeline, 0.1f, 160);
    assert_int_equal(record.events, 0);
    feed_constant(pipeline, 1.0f, 160);
    assert_int_equal(record.events, 1);
    assert_int_equal(probe_log.heard, 1);
    assert_true(fabs(probe_log.last_heard.time - 160 / 48000.0) < 1e-12);
    assert_true(fabs(probe_log.last_heard.emitted - 320 / 48000.0) < 1e-12);
    ja_pipeline_free(pipeline);
}

static void test_only_earlier_outputs_are_inputs(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    (void)state;
    assert_non_null(second_input);
    assert_null(second_self);
    ja_pipeline_free(pipeline);
}

static void test_skip_moves_time(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    (void)state;
    feed_constant(pipeline, 0, 480 + 10);
    ja_pipeline_skip(pipeline, 2.0);
    assert_int_equal(probe_log.reset, 1);
    assert_true(fabs(ja_pipeline_now(pipeline) - (2.0 + 490 / 48000.0)) < 1e-9);
    feed_constant(pipeline, 0, 480);
    assert_true(fabs(probe_log.last_time - (2.0 + 490 / 48000.0)) < 1e-9);
    ja_pipeline_free(pipeline);
}

static void test_finish_completes_the_hop(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    (void)state;
    feed_constant(pipeline, 0, 481);
    ja_pipeline_finish(pipeline);
    assert_int_equal(record.frames, 2);
    ja_pipeline_finish(pipeline);
    assert_int_equal(record.frames, 2);
    ja_pipeline_free(pipeline);
}

static void test_configure(void **state) {
    struct record record;
    struct ja_error error;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    (void)state;
    struct probe_settings louder = {3, 1}, bigger = {3, 2}, unlucky = {4, 13};
    assert_int_equal(ja_pipeline_configure(pipeline, &probe_module, &louder, &error), JA_OK);
    assert_int_equal(probe_log.configured, 1);
    assert_int_equal(probe_log.opened, 1);
    feed_constant(pipeline, 0.5f, 480);
    assert_true(fabsf(record.last[0] - 720) < 1e-2f);
    assert_int_equal(ja_pipeline_configure(pipeline, &probe_module, &bigger, &error), JA_OK);
    assert_int_equal(probe_log.opened, 2);
    assert_int_equal(ja_pipeline_configure(pipeline, &probe_module, &unlucky, &error), JA_USAGE);
    assert_non_null(strstr(error.text, "bad luck"));
    assert_int_equal(probe_log.opened, 3); /* again with the former settings */
    feed_constant(pipeline, 0.5f, 480);
    assert_true(fabsf(record.last[0] - 720) < 1e-2f);
    ja_pipeline_free(pipeline);
}

static void test_notice(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    (void)state;
    ja_pipeline_notice(pipeline, JA_NOTICE_INPUT_LOST, "the cable is out");
    assert_string_equal(probe_log.reason, "the cable is out");
    assert_string_equal(record.last_event.state.state, "no_input");
    ja_pipeline_free(pipeline);
}

static void test_command(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    const struct ja_stage_command half = {.action = JA_BEAT_HALF, .time = 0.125};
    (void)state;
    feed_constant(pipeline, 0, 480 + 160);
    ja_pipeline_command(pipeline, &half);
    assert_int_equal(probe_log.commanded, 1);
    assert_int_equal(probe_log.commands[0].action, JA_BEAT_HALF);
    assert_true(probe_log.commands[0].time == 0.125);
    assert_string_equal(probe_log.commands[0].outcome, "done"); /* by the stage before */
    assert_true(fabs(probe_log.commands[0].shift_s - 640 / 48000.0) < 1e-12);
    assert_string_equal(half.outcome, "");
    assert_string_equal(record.last_event.state.state, "locked");
    assert_int_equal(probe_log.heard, 1);
    ja_pipeline_free(pipeline);
}

static void test_a_level_leaves_stages_out(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    const struct ja_stage_command tap = {.action = JA_BEAT_TAP};
    (void)state;
    feed_constant(pipeline, 0.5f, 480);
    float first = record.last[1];
    feed_constant(pipeline, 0.5f, 480);
    assert_true(record.last[1] != first); /* the window is fuller */
    ja_pipeline_set_level(pipeline, JA_LEVEL_HIGH);
    assert_int_equal(probe_log.shed, 0);
    ja_pipeline_set_level(pipeline, JA_LEVEL_MEDIUM);
    assert_int_equal(probe_log.shed, 1);
    assert_int_equal(probe_log.heard, 1); /* what it ended with */
    assert_int_equal(record.last_event.type, JA_EVENT_NOTE);
    assert_true(fabs(record.last_event.time - 0.02) < 1e-9);
    feed_constant(pipeline, 1, 480);
    ja_pipeline_notice(pipeline, JA_NOTICE_INPUT_LOST, "the cable is out");
    ja_pipeline_command(pipeline, &tap);
    assert_int_equal(record.events, 1);
    assert_int_equal(record.frames, 3);
    for (int i = 0; i < 3; i++)
        assert_true(isnan(record.last[i]));
    assert_true(isnan(record.last[3])); /* twice what is not there */
    assert_int_equal(probe_log.processed, 2);
    assert_int_equal(probe_log.listened, 6);
    assert_int_equal(probe_log.noticed, 0);
    assert_int_equal(probe_log.commanded, 1); /* the second stage goes on */
    ja_pipeline_set_level(pipeline, JA_LEVEL_MAXIMUM);
    assert_int_equal(probe_log.reset, 1);
    feed_constant(pipeline, 0.5f, 480);
    assert_int_equal(probe_log.processed, 3);
    assert_true(record.last[1] == first);
    assert_true(fabsf(record.last[3] - 480) < 1e-3f);
    ja_pipeline_free(pipeline);
}

static void test_priors(void **state) {
    struct record record;
    struct ja_pipeline *pipeline = make(48000, 1, &record, &probe_analysis);
    struct ja_priors priors = ja_neutral_priors;
    (void)state;
    feed_constant(pipeline, 0, 480);
    assert_true(probe_log.latency_s == 0);
    priors.latency_s = 0.02;
    ja_pipeline_set_priors(pipeline, &priors);
    feed_constant(pipeline, 0, 480);
    assert_true(probe_log.latency_s == 0.02);
    ja_pipeline_reset(pipeline);
    feed_constant(pipeline, 0, 480);
    assert_true(probe_log.latency_s == 0.02);
    ja_pipeline_free(pipeline);
}

/* A class of its own below the high level, which says how long the window is. */
static void window_process(struct ja_stage *stage, const struct ja_span *hop,
                           const struct ja_spectrum *spectrum, float *out) {
    (void)stage, (void)hop;
    out[0] = (float)spectrum->window;
    out[1] = (float)spectrum->bin_hz;
}

static void test_a_coarse_spectrum(void **state) {
    static const struct {
        int window_size; /* index */
        unsigned fine, coarse;
    } rows[] = {{0, 512, 512}, {1, 1024, 512}, {2, 2048, 512}, {4, 8192, 2048}};
    static const struct ja_stage_class window_stage = {
        .module = &second_module,
        .outputs = second_outputs,
        .output_count = 1,
        .needs_spectrum = true,
        .process = window_process,
    };
    static const struct ja_stage_class *const stages[] = {&window_stage, &probe_stage};
    static const void *const settings[] = {NULL, &probe_defaults};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct record record = {0};
        struct ja_analysis_settings analysis = {.window_size = rows[i].window_size};
        struct ja_pipeline_setup setup = {
            .rate = 48000,
            .channels = 1,
            .analysis = &analysis,
            .stages = stages,
            .stage_count = 2,
            .settings = settings,
            .out = {record_frame, record_event, &record},
        };
        struct ja_pipeline *pipeline = ja_pipeline_new(&setup, NULL);
        assert_non_null(pipeline);
        ja_pipeline_set_coarse(pipeline, true);
        feed_constant(pipeline, 0, 480);
        assert_true(record.last[0] == (float)rows[i].fine); /* the probe runs, too */
        ja_pipeline_set_level(pipeline, JA_LEVEL_LOW);
        feed_constant(pipeline, 0, 480);
        assert_true(record.last[0] == (float)rows[i].coarse);
        assert_true(fabsf(record.last[1] * record.last[0] - 48000) < 1);
        ja_pipeline_set_coarse(pipeline, false);
        feed_constant(pipeline, 0, 480);
        assert_true(record.last[0] == (float)rows[i].fine);
        ja_pipeline_free(pipeline);
    }
}

static void test_json(void **state) {
    char buffer[512];
    struct ja_text text;
    struct ja_json json;
    struct ja_event event = {
        .type = JA_EVENT_TEMPO, .time = 1.25, .emitted = 1.5, .tempo = {128, 0.75, "start", NAN}};
    struct ja_catalogue catalogue;
    struct ja_frame *frame = calloc(1, sizeof *frame + 5 * sizeof(float));
    (void)state;
    ja_text_init(&text, buffer, sizeof buffer);
    ja_json_init(&json, &text);
    ja_event_write_json(&event, "main", &json);
    assert_string_equal(buffer, "{\"type\":\"tempo\",\"stream\":\"main\",\"time\":1.25,"
                                "\"emitted\":1.5,\"bpm\":128,\"confidence\":0.75,"
                                "\"change\":\"start\",\"from_bpm\":null}");
    assert_int_equal(ja_catalogue_init(&catalogue, probe_stages, 2, NULL), JA_OK);
    assert_int_equal(catalogue.values, 5);
    frame->time = 0.5;
    frame->values[1] = NAN;
    frame->values[2] = 1;
    frame->values[4] = INFINITY;
    ja_text_init(&text, buffer, sizeof buffer);
    ja_json_init(&json, &text);
    ja_frame_write_json(frame, &catalogue, "main", &json);
    assert_string_equal(buffer, "{\"type\":\"analysis\",\"stream\":\"main\",\"time\":0.5,"
                                "\"sum\":0,\"first\":null,\"up\":true,\"double\":[0,null]}");
    ja_catalogue_done(&catalogue);
    free(frame);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_priors),
        cmocka_unit_test(test_refuses_a_hop_that_is_too_short),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_block_size_changes_nothing),
        cmocka_unit_test(test_spectrum_of_a_sine),
        cmocka_unit_test(test_events_reach_later_stages),
        cmocka_unit_test(test_only_earlier_outputs_are_inputs),
        cmocka_unit_test(test_skip_moves_time),
        cmocka_unit_test(test_finish_completes_the_hop),
        cmocka_unit_test(test_configure),
        cmocka_unit_test(test_notice),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_a_level_leaves_stages_out),
        cmocka_unit_test(test_a_coarse_spectrum),
        cmocka_unit_test(test_json),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
