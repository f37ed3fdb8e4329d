/* Tests of the status line: its layout, and that it appears only where it should.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/sink_rig.h"
#include "sink/terminal.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct ja_terminal_view locked = {.state = "locked",
                                               .reason = "Steady at 128 BPM.",
                                               .bpm = 128.04,
                                               .confidence = 0.92,
                                               .beat = true,
                                               .beat_in_bar = 3,
                                               .rms = 0.1,
                                               .pitch_hz = 440};

static const char *lay_out(const struct ja_terminal_view *view, unsigned width) {
    static char line[512];
    struct ja_text text;
    ja_text_init(&text, line, sizeof line);
    ja_terminal_line(view, width, &text);
    return line;
}

static void lays_out(void **state) {
    (void)state;
    assert_string_equal(
        lay_out(&locked, 200),
        "locked   128.0 BPM  92% *3 -20.0 dBFS [#############-------]    A4   440.0 "
        "Hz  Steady at 128 BPM.");
    struct ja_terminal_view nothing = {
        .state = "silent", .reason = "", .bpm = NAN, .confidence = NAN, .rms = 0, .pitch_hz = NAN};
    assert_string_equal(lay_out(&nothing, 200),
                        "silent   ---.- BPM      .   -inf dBFS [--------------------]");
    nothing.level = "low";
    nothing.reason = "The input is silent.";
    assert_non_null(strstr(lay_out(&nothing, 200), " [low] The input is silent."));
    nothing.onset = true;
    nothing.rms = 4; /* too loud for the meter */
    assert_non_null(strstr(lay_out(&nothing, 200), " 12.0 dBFS [####################] o"));
}

static void leaves_room_for_the_sentence(void **state) {
    (void)state;
    struct ja_terminal_view view = locked;
    view.reason = "Tempo no longer locked to 128.0 bpm.";
    assert_string_equal(lay_out(&view, 79), "locked   128.0 BPM  92% *3 -20.0 dBFS    "
                                            "Tempo no longer locked to 128.0 bpm.");
}

static void fits_every_width(void **state) {
    (void)state;
    struct ja_terminal_view view = locked;
    view.reason = "…………………………";
    for (unsigned width = 0; width < 120; width++) {
        const char *line = lay_out(&view, width);
        size_t length = strlen(line);
        assert_true(length <= width);
        if (length >= 3 && (line[length - 1] & 0x80)) /* no character cut in two */
            assert_memory_equal(line + length - 3, "…", 3);
    }
}

/* --- What comes out on standard error, which is a pipe here --- */

struct tap_of_stderr {
    int kept, ends[2];
};

static struct tap_of_stderr divert(void) {
    struct tap_of_stderr tap;
    assert_int_equal(pipe(tap.ends), 0);
    fcntl(tap.ends[0], F_SETFL, O_NONBLOCK);
    tap.kept = dup(STDERR_FILENO);
    dup2(tap.ends[1], STDERR_FILENO);
    return tap;
}

static const char *restore(struct tap_of_stderr *tap) {
    static char bytes[8192];
    dup2(tap->kept, STDERR_FILENO);
    close(tap->kept);
    close(tap->ends[1]);
    ssize_t size = read(tap->ends[0], bytes, sizeof bytes - 1);
    bytes[size > 0 ? size : 0] = '\0';
    close(tap->ends[0]);
    return bytes;
}

/* A second of a sink's life. */
static const char *live(struct sink_rig *rig, const char *mode, unsigned frames_apart_us) {
    const struct ja_event news = {.type = JA_EVENT_STATE,
                                  .state = {.state = "learning", .reason = "Listening."}};
    const struct ja_event beat = {.type = JA_EVENT_BEAT, .time = 0.5};
    struct tap_of_stderr tap = divert();
    struct ja_sink *sink = RIG_SINK(rig, &ja_terminal_sink, mode);
    ja_sink_event(sink, rig->taps, &news);
    ja_sink_event(sink, rig->taps, &beat);
    uint64_t end_us = ja_clock_us() + 1000000;
    for (unsigned i = 0; ja_clock_us() < end_us; i++) {
        rig->frame->values[RIG_RMS] = (float)(i % 10 + 1) / 20;
        ja_sink_frame(sink, rig->taps, rig->frame);
        rig_run(rig, frames_apart_us);
    }
    ja_sink_second(sink);
    ja_sink_free(sink);
    return restore(&tap);
}

static unsigned count_of(const char *text, const char *part) {
    unsigned count = 0;
    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static void draws_calmly(void **state) {
    const char *drawn = live(*state, "mode=on", 5000);
    unsigned lines = count_of(drawn, "\rlearning ");
    assert_in_range(lines, 2, 11);                                  /* ten a second at most */
    assert_non_null(strstr(drawn, " * "));                          /* the beat, at its time … */
    assert_memory_equal(drawn, "\rlearning ---.- BPM      . ", 25); /* … and not before */
    assert_null(strchr(drawn, '\n'));
    assert_string_equal(drawn + strlen(drawn) - 4, "\r\033[K"); /* nothing stays */
    assert_int_equal(count_of(drawn, "\033[3"), 0);             /* a pipe has no colours */
}

static void is_quiet_without_a_terminal(void **state) {
    assert_string_equal(live(*state, "mode=auto", 20000), "");
    assert_string_equal(live(*state, "mode=off", 20000), "");
}

static void plain_is_a_line_per_second(void **state) {
    const char *drawn = live(*state, "mode=plain", 20000);
    assert_int_equal(count_of(drawn, "\n"), 1);
    assert_non_null(strstr(drawn, "learning "));
    assert_non_null(strstr(drawn, "Listening.\n"));
    assert_null(strchr(drawn, '\033'));
}

static void tells_when_less_is_analysed(void **state) {
    struct sink_rig *rig = *state;
    rig->taps[0].stats.level = JA_LEVEL_HIGH;
    rig->taps[0].stats.strategies = "";
    assert_null(strstr(live(rig, "mode=plain", 20000), "[high]"));
    rig->taps[0].stats.strategies = "skip_advanced_features";
    assert_non_null(strstr(live(rig, "mode=plain", 20000), " [high] Listening."));
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define WITH(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lays_out),         cmocka_unit_test(leaves_room_for_the_sentence),
        cmocka_unit_test(fits_every_width), WITH(draws_calmly),
        WITH(is_quiet_without_a_terminal),  WITH(plain_is_a_line_per_second),
        WITH(tells_when_less_is_analysed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
