/* Tests of what all sinks have in common.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/sink_rig.h"
#include "sink/slots.h"

struct settings {
    int value;
};
static const struct ja_option options[] = {
    JA_OPTION_INT(struct settings, value, "value", "1", 0, 9, NULL, JA_LIVE, "A value."),
};
static const struct ja_module module = {.name = "dummy",
                                        .help = "A sink that counts.",
                                        .options = options,
                                        .option_count = 1,
                                        .settings_size = sizeof(struct settings)};

static struct {
    unsigned open, frames, events, seconds, muted, closed;
    int before;
} seen;

static enum ja_status dummy_open(struct ja_sink *sink, struct ja_error *error) {
    seen.open++;
    return ((struct settings *)sink->settings)->value == 9
               ? ja_fail(error, JA_FAILED, "9 cannot be opened")
               : JA_OK;
}
static void dummy_frame(struct ja_sink *sink, const struct ja_tap *tap,
                        const struct ja_frame *frame) {
    (void)sink, (void)tap, (void)frame;
    seen.frames++;
}
static void dummy_event(struct ja_sink *sink, const struct ja_tap *tap,
                        const struct ja_event *event) {
    (void)sink, (void)tap, (void)event;
    seen.events++;
}
static void dummy_second(struct ja_sink *sink) {
    (void)sink;
    seen.seconds++;
}
static void dummy_muted(struct ja_sink *sink) {
    (void)sink;
    seen.muted++;
}
static enum ja_status dummy_configure(struct ja_sink *sink, const void *before,
                                      struct ja_error *error) {
    seen.before = ((const struct settings *)before)->value;
    return ((struct settings *)sink->settings)->value == 8
               ? ja_fail(error, JA_USAGE, "8 is not allowed")
               : JA_OK;
}
static void dummy_close(struct ja_sink *sink) {
    (void)sink;
    seen.closed++;
}

static const struct ja_sink_class full = {.module = &module,
                                          .open = dummy_open,
                                          .frame = dummy_frame,
                                          .event = dummy_event,
                                          .second = dummy_second,
                                          .muted = dummy_muted,
                                          .configure = dummy_configure,
                                          .close = dummy_close};
static const struct ja_sink_class bare = {.module = &module};

static int value_of(const struct ja_sink *sink) {
    return ((struct settings *)sink->settings)->value;
}

static void passes_things_on(void **state) {
    struct sink_rig *rig = *state;
    const struct ja_event beat = {.type = JA_EVENT_BEAT}, news = {.type = JA_EVENT_STATE};
    memset(&seen, 0, sizeof seen);
    struct ja_sink *sink = RIG_SINK(rig, &full, "value=3");
    assert_string_equal(sink->name, "dummy");
    assert_int_equal(value_of(sink), 3);
    for (unsigned mute = 0; mute < 2; mute++) {
        ja_sink_mute(sink, mute);
        ja_sink_frame(sink, rig->taps, rig->frame);
        ja_sink_event(sink, rig->taps, &beat);
        ja_sink_event(sink, rig->taps, &news); /* also when muted */
        ja_sink_second(sink);                  /* also when muted */
    }
    ja_sink_mute(sink, true); /* no change */
    assert_int_equal(seen.frames, 1);
    assert_int_equal(seen.events, 3);
    assert_int_equal(seen.seconds, 2);
    assert_int_equal(seen.muted, 1);
    ja_sink_free(sink);
    assert_int_equal(seen.closed, 1);
}

static void keeps_the_settings_it_had_on_error(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error = {""};
    struct ja_sink *sink = RIG_SINK(rig, &full, "value=3");
    struct settings settings = {8};
    assert_int_equal(ja_sink_configure(sink, &settings, &error), JA_USAGE);
    assert_string_equal(error.text, "8 is not allowed");
    assert_int_equal(seen.before, 3);
    assert_int_equal(value_of(sink), 3);
    settings.value = 4;
    assert_int_equal(ja_sink_configure(sink, &settings, &error), JA_OK);
    settings.value = 5; /* a copy was taken */
    assert_int_equal(value_of(sink), 4);
    ja_sink_free(sink);
}

static void says_why_it_did_not_open(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error = {""};
    struct settings settings = {9};
    memset(&seen, 0, sizeof seen);
    assert_null(ja_sink_new(&full, &rig->host, NULL, &settings, &error));
    assert_string_equal(error.text, "9 cannot be opened");
    assert_int_equal(seen.closed, 0); /* open has tidied up itself */
}

static void needs_no_function(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error = {""};
    const struct ja_event beat = {.type = JA_EVENT_BEAT};
    struct settings settings = {1};
    struct ja_sink *sink = ja_sink_new(&bare, &rig->host, "name", &settings, &error);
    assert_non_null(sink);
    assert_string_equal(sink->name, "name");
    ja_sink_frame(sink, rig->taps, rig->frame);
    ja_sink_event(sink, rig->taps, &beat);
    ja_sink_second(sink);
    ja_sink_mute(sink, true);
    assert_int_equal(ja_sink_configure(sink, &settings, &error), JA_OK);
    ja_sink_free(sink);
    ja_sink_free(NULL);
}

static void knows_the_clock_of_a_stream(void **state) {
    (void)state;
    struct ja_tap tap = {.timebase = {.at = 10, .us = 5000000, .rate = 48000}};
    assert_true(ja_tap_us(&tap, 10) == 5000000);
    assert_true(ja_tap_us(&tap, 12.5) == 7500000);
    assert_true(ja_tap_us(&tap, 9) == 4000000);
    assert_true(ja_tap_us(&tap, -10) == 0);
    assert_true(ja_tap_us(&tap, NAN) == 0);
    assert_true(ja_tap_time(&tap, 7500000) == 12.5);
    assert_true(ja_tap_time(&tap, 4000000) == 9);
    tap.timebase.at = NAN;
    assert_true(ja_tap_us(&tap, 10) == 0);
    assert_true(isnan(ja_tap_time(&tap, 7500000)));
}

static void numbers_streams(void **state) {
    struct sink_rig *rig = *state;
    struct ja_slots slots = {0};
    bool fresh;
    rig->host.tap_count = 2;
    assert_int_equal(ja_slot(&slots, &rig->host, "main", &fresh), 0);
    assert_true(fresh);
    assert_int_equal(ja_slot(&slots, &rig->host, "desk", &fresh), 1);
    assert_int_equal(ja_slot(&slots, &rig->host, "main", &fresh), 0);
    assert_false(fresh);
    /* Streams come and go; the two that live keep their numbers. */
    for (unsigned i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "guest-%u", i);
        assert_in_range(ja_slot(&slots, &rig->host, name, &fresh), 2, JA_STREAMS - 1);
        assert_true(fresh);
    }
    assert_int_equal(ja_slot(&slots, &rig->host, "main", &fresh), 0);
    assert_int_equal(ja_slot(&slots, &rig->host, "desk", &fresh), 1);
    assert_false(fresh);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define WITH(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        WITH(passes_things_on),
        WITH(keeps_the_settings_it_had_on_error),
        WITH(says_why_it_did_not_open),
        WITH(needs_no_function),
        WITH(knows_the_clock_of_a_stream),
        WITH(numbers_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
