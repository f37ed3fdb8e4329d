/* Tests of Ableton Link where it is left out: off it does nothing, on it says why it cannot be.
 * test/net/link.py has a session.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../../src/sink/link_none.c" // in place of the library's
#include "../support/sink_rig.h"
#include <stdio.h>

static void does_nothing_when_off(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = RIG_SINK(rig, &ja_link_sink, "steady_bars=1");
    struct ja_event beat = {.type = JA_EVENT_BEAT, .beat = {.bpm = 150, .confidence = 0.9}};
    ja_sink_frame(sink, rig->taps, rig->frame);
    for (int i = 0; i < 20; i++)
        ja_sink_event(sink, rig->taps, &beat);
    ja_sink_second(sink);
    ja_sink_mute(sink, true);
    assert_int_equal(sink->sent + sink->failed, 0);
    ja_sink_free(sink);
}

static void says_when_it_is_not_built_in(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error = {""};
    void *settings = rig_settings(ja_link_sink.module, (const char *const[]){"enable=true"}, 1);
    assert_null(ja_sink_new(&ja_link_sink, &rig->host, NULL, settings, &error));
    assert_non_null(strstr(error.text, "built without Ableton Link"));
    assert_int_equal(ja_sink_check(&ja_link_sink, "link", settings, &error), JA_USAGE);
    free(settings);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(does_nothing_when_off),
        WITH(says_when_it_is_not_built_in),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
