/* A stage that only looks, from the high level on: what it was called with, for tests of pipeline
 * and stream.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TEST_PROBE_H
#define JA_TEST_PROBE_H

#include <ja/pipeline/pipeline.h>
#include <math.h>
#include <string.h>

struct probe_settings {
    double gain; /* live */
    int size;    /* reopens; 13 fails to open */
};

/* What the last opened probe has seen; tests run one pipeline at a time. */
struct probe_log {
    unsigned opened, closed, reset, configured, listened, processed, heard, noticed, commanded,
        shed;
    unsigned slice, hop, rate;
    double last_time, last_end, latency_s;
    struct ja_event last_heard;
    char reason[64];
    struct ja_stage_command commands[8]; /* as the second stage got them */
};

static struct probe_log probe_log;

static const struct ja_option probe_options[] = {
    JA_OPTION_FLOAT(struct probe_settings, gain, "gain", "1", 0, 10, NULL, JA_LIVE, "A gain."),
    JA_OPTION_INT(struct probe_settings, size, "size", "1", 0, 20, NULL, JA_REOPEN, "A size."),
};

static const struct ja_module probe_module = {
    .name = "probe",
    .help = "Looks on.",
    .options = probe_options,
    .option_count = 2,
    .settings_size = sizeof(struct probe_settings),
};

static const struct ja_module second_module = {.name = "second", .help = "Looks on, later."};

static enum ja_status probe_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    const struct probe_settings *settings = stage->settings;
    if (settings->size == 13)
        return ja_fail(error, JA_USAGE, "probe.size = 13: brings bad luck");
    probe_log.opened++;
    probe_log.slice = setup->slice;
    probe_log.hop = setup->hop;
    probe_log.rate = setup->rate;
    return JA_OK;
}

static void probe_listen(struct ja_stage *stage, const struct ja_span *slice) {
    float peak = 0;
    for (unsigned i = 0; i < slice->size; i++)
        peak = fmaxf(peak, fabsf(slice->mono[i]));
    probe_log.listened++;
    if (peak < 0.9f)
        return;
    struct ja_event event = {.type = JA_EVENT_ONSET, .time = slice->time, .onset = {peak, "full"}};
    ja_stage_emit(stage, &event);
}

static void probe_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    const struct probe_settings *settings = stage->settings;
    double sum = 0;
    for (unsigned i = 0; i < hop->size; i++)
        sum += hop->mono[i];
    out[0] = (float)(sum * settings->gain);
    out[1] = spectrum->magnitude[1];
    out[2] = hop->mono[0] > 0;
    probe_log.processed++;
    probe_log.last_time = hop->time;
    probe_log.last_end = hop->end;
    probe_log.latency_s = ja_stage_priors(stage)->latency_s;
}

static void probe_configure(struct ja_stage *stage) {
    (void)stage;
    probe_log.configured++;
}

static void probe_notice(struct ja_stage *stage, enum ja_notice notice, const char *reason,
                         double now) {
    struct ja_event event = {.type = JA_EVENT_STATE,
                             .time = now,
                             .state = {notice == JA_NOTICE_INPUT_LOST ? "no_input" : "learning"}};
    probe_log.noticed++;
    strncpy(probe_log.reason, reason, sizeof probe_log.reason - 1);
    ja_stage_emit(stage, &event);
}

static void probe_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    struct ja_event event = {.type = JA_EVENT_STATE, .time = now, .state = {"locked"}};
    command->shift_s = now;
    strcpy(command->outcome, "done");
    ja_stage_emit(stage, &event);
}

static void probe_reset(struct ja_stage *stage) {
    (void)stage;
    probe_log.reset++;
}

static void probe_shed(struct ja_stage *stage, double now) {
    struct ja_event event = {.type = JA_EVENT_NOTE, .time = now};
    probe_log.shed++;
    ja_stage_emit(stage, &event);
}

static void probe_close(struct ja_stage *stage) {
    (void)stage;
    probe_log.closed++;
}

static const struct ja_output probe_outputs[] = {
    {"sum", NULL, JA_OUTPUT_NUMBER, 1, NAN, NAN, "The sum of the samples."},
    {"first", NULL, JA_OUTPUT_NUMBER, 1, 0, 1, "The first bin."},
    {"up", NULL, JA_OUTPUT_BOOL, 1, 0, 1, "Is the first sample above zero."},
};

static const struct ja_stage_class probe_stage = {
    .module = &probe_module,
    .state_size = 16,
    .outputs = probe_outputs,
    .output_count = 3,
    .events = 1u << JA_EVENT_ONSET | 1u << JA_EVENT_STATE | 1u << JA_EVENT_NOTE,
    .needs_spectrum = true,
    .level = JA_LEVEL_HIGH,
    .open = probe_open,
    .listen = probe_listen,
    .process = probe_process,
    .configure = probe_configure,
    .notice = probe_notice,
    .command = probe_command,
    .reset = probe_reset,
    .shed = probe_shed,
    .close = probe_close,
};

/* --- A second stage, which hears the first and doubles its sum --- */

static const float *second_input, *second_self;

static enum ja_status second_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                  struct ja_error *error) {
    (void)setup;
    (void)error;
    second_input = ja_stage_input(stage, "sum");
    second_self = ja_stage_input(stage, "double");
    return JA_OK;
}

static void second_process(struct ja_stage *stage, const struct ja_span *hop,
                           const struct ja_spectrum *spectrum, float *out) {
    (void)stage;
    (void)hop;
    (void)spectrum;
    out[0] = 2 * *second_input;
}

static void second_heard(struct ja_stage *stage, const struct ja_event *event) {
    (void)stage;
    probe_log.heard++;
    probe_log.last_heard = *event;
}

static void second_command(struct ja_stage *stage, struct ja_stage_command *command, double now) {
    (void)stage, (void)now;
    probe_log.commands[probe_log.commanded++ % 8] = *command;
}

static const struct ja_output second_outputs[] = {
    {"double", NULL, JA_OUTPUT_NUMBER, 2, NAN, NAN, "Twice the sum, and nothing."},
};

static const struct ja_stage_class second_stage = {
    .module = &second_module,
    .outputs = second_outputs,
    .output_count = 1,
    .open = second_open,
    .process = second_process,
    .heard = second_heard,
    .command = second_command,
};

static const struct ja_stage_class *const probe_stages[] = {&probe_stage, &second_stage};
static const struct ja_analysis_settings probe_analysis = {.window_size = 2};
static const struct probe_settings probe_defaults = {1, 1};
static const void *const probe_settings_list[] = {&probe_defaults, NULL};

#endif
