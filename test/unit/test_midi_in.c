/* Tests of commands by MIDI: what can be bound, what runs when, and learning.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ja/config/config.h>
#include <ja/control/midi_in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the operator was asked to do, in words. */
static char asked[512];

static enum ja_status beat(void *data, enum ja_beat_action action, double number, double for_s,
                           struct ja_text *reply) {
    size_t length = strlen(asked);
    (void)data, (void)reply;
    snprintf(asked + length, sizeof asked - length, "beat %d %.4g %g;", action, number, for_s);
    return JA_OK;
}
static enum ja_status set(void *data, const char *option, const char *value,
                          struct ja_text *reply) {
    size_t length = strlen(asked);
    (void)data, (void)reply;
    snprintf(asked + length, sizeof asked - length, "set %s %s;", option, value);
    return JA_OK;
}
static enum ja_status mute(void *data, const char *output, bool silent, struct ja_text *reply) {
    size_t length = strlen(asked);
    (void)data, (void)reply;
    snprintf(asked + length, sizeof asked - length, "mute %s %d;", output, silent);
    return JA_OK;
}
static const struct ja_operator hand = {.beat = beat, .set = set, .mute = mute};

/* `lines` separated by semicolons, as the option holds them. */
static const char *list_of(const char *lines) {
    static char list[4096];
    memset(list, 0, sizeof list);
    strcpy(list, lines);
    for (char *at = list; (at = strchr(at, ';'));)
        *at++ = '\0';
    return list;
}

static struct ja_midi_in *bound_to(const char *lines) {
    static struct ja_midi_in in;
    struct ja_error error = {""};
    in = (struct ja_midi_in){.count = 0};
    if (ja_midi_in_read(&in, list_of(lines), &error) != JA_OK)
        fail_msg("%s", error.text);
    return &in;
}

static const char *run(struct ja_midi_in *in, uint8_t status, uint8_t number, uint8_t value) {
    asked[0] = '\0';
    bool ran = ja_midi_in_run(in, (uint8_t[]){status, number, value}, 3, &hand);
    assert_int_equal(ran, asked[0] != '\0');
    return asked;
}

static void wrong_lines_are_explained(void **state) {
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"tap", "no colon"},
        {"note 60:", "no command after the colon"},
        {": tap", "begin with note or cc, not \"\""},
        {"key 60: tap", "begin with note or cc, not \"key\""},
        {"note: tap", "the note must be 0 to 127, not \"\""},
        {"note 128: tap", "the note must be 0 to 127, not \"128\""},
        {"cc -1: tap", "the cc must be 0 to 127, not \"-1\""},
        {"note 6x: tap", "not \"6x\""},
        {"note 60 ch: tap", "the channel must be 1 to 16, not \"\""},
        {"note 60 ch 17: tap", "the channel must be 1 to 16, not \"17\""},
        {"note 60 on 1: tap", "\"ch CHANNEL\" or a colon, not \"on\""},
        {"note 60 ch 1 2: tap", "after the channel comes a colon, not \"2\""},
        {"note 60: tip", "no command \"tip\"; the nearest is \"tap\""},
        {"note 60: tap 1", "tap takes no argument; 1 given"},
        {"note 60: nudge -20..20", "a note has no values, so \"-20..20\" cannot be a range"},
        {"cc 20: range 60..80 90..180", "one argument is a range already"},
        {"cc 20: nudge -20..300", "-200 to 200 ms, not 300"},
        {"cc 20: nudge -20..", "argument 1 is not that"},
        {"cc 20: hold 0..2", "hold takes 1 (on) or 0 (off), not 2"},
        {"note 60: set a b,c", "it can have no comma"},
        {"cc 20: set a 1 2 3 4", "no command takes more than 4 arguments"},
        {"note 60: preset "
         "genre/"
         "01234567890123456789012345678901234567890123456789012345678901234567890123456789",
         "longer than 95 bytes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ja_midi_in *in = bound_to("note 1: tap");
        struct ja_error error = {""};
        char lines[256];
        snprintf(lines, sizeof lines, "note 2: tap;%s", rows[i].line);
        assert_int_equal(ja_midi_in_read(in, list_of(lines), &error), JA_USAGE);
        if (!strstr(error.text, rows[i].why) || !strstr(error.text, rows[i].line) ||
            strncmp(error.text, "midi_in.bind \"", 14) != 0)
            fail_msg("%s: %s", rows[i].line, error.text);
        assert_int_equal(in->count, 1); /* the former ones stay */
        assert_string_not_equal(run(in, 0x90, 1, 1), "");
    }
}

static void notes_run_when_they_begin(void **state) {
    struct ja_midi_in *in = bound_to("note 60 ch 2: tap; note 61:resync;note 61 ch 16 : hold 1 2.5;"
                                     "note 62: mute default 1");
    (void)state;
    assert_string_equal(run(in, 0x91, 60, 1), "beat 0 0 0;");
    assert_string_equal(run(in, 0x91, 60, 127), "beat 0 0 0;");
    assert_string_equal(run(in, 0x91, 60, 0), ""); /* another way to end it */
    assert_string_equal(run(in, 0x81, 60, 64), "");
    assert_string_equal(run(in, 0x90, 60, 64), ""); /* another channel */
    assert_string_equal(run(in, 0xb1, 60, 64), "");
    assert_string_equal(run(in, 0x90, 61, 64), "beat 1 0 0;");
    assert_string_equal(run(in, 0x9f, 61, 64), "beat 1 0 0;beat 7 1 2.5;");
    assert_string_equal(run(in, 0x90, 62, 64), "mute default 1;");
    assert_false(ja_midi_in_run(in, (uint8_t[]){0xc1, 60}, 2, &hand));
}

static void controllers_are_buttons_or_values(void **state) {
    struct ja_midi_in *in = bound_to("cc 64: tap;cc 20 ch 1: nudge -20..20;cc 21: lock 0..1;"
                                     "cc 22: set beat.least_confidence 0.9..0.1");
    (void)state;
    assert_string_equal(run(in, 0xb0, 64, 63), "");
    assert_string_equal(run(in, 0xb0, 64, 64), "beat 0 0 0;");
    assert_string_equal(run(in, 0xb0, 64, 127), ""); /* still down */
    assert_string_equal(run(in, 0xb0, 64, 0), "");
    assert_string_equal(run(in, 0xb5, 64, 100), "beat 0 0 0;");
    assert_string_equal(run(in, 0xb0, 20, 0), "beat 2 -20 0;");
    assert_string_equal(run(in, 0xb0, 20, 127), "beat 2 20 0;");
    assert_string_equal(run(in, 0xb0, 20, 64), "beat 2 0.1575 0;");
    assert_string_equal(run(in, 0xb0, 20, 128), ""); /* no MIDI */
    assert_string_equal(run(in, 0xb1, 20, 64), "");
    assert_string_equal(run(in, 0xb0, 21, 63), "beat 8 0 0;");
    assert_string_equal(run(in, 0xb0, 21, 64), "beat 8 1 0;");
    assert_string_equal(run(in, 0xb0, 22, 127), "set beat.least_confidence 0.1;");
}

static bool learn(struct ja_midi_in *in, const char *bind, uint8_t status, uint8_t number,
                  uint8_t value, char list[256]) {
    struct ja_text text;
    ja_text_init(&text, list, 256);
    return ja_midi_in_learnt(in, (uint8_t[]){status, number, value}, 3, list_of(bind), &text);
}

static void the_next_one_is_learnt(void **state) {
    struct ja_midi_in *in = bound_to("");
    struct ja_error error = {""};
    char list[256];
    (void)state;
    assert_false(learn(in, "", 0x90, 60, 100, list));
    assert_int_equal(ja_midi_in_learn(in, "tap", &error), JA_OK);
    assert_false(learn(in, "", 0x80, 60, 100, list));
    assert_false(learn(in, "", 0x90, 60, 0, list));
    assert_false(learn(in, "", 0xb0, 60, 63, list));
    assert_true(learn(in, "", 0x93, 60, 100, list));
    assert_string_equal(list, "note 60 ch 4: tap");
    assert_false(learn(in, "", 0x93, 60, 100, list)); /* once only */
    assert_int_equal(ja_midi_in_learn(in, "nudge -20..20", &error), JA_OK);
    assert_false(learn(in, "", 0x90, 60, 100, list)); /* has no values */
    assert_true(
        learn(in, "note 60: tap;cc 7: tap;cc 7 ch 3: half;cc 7 ch 1: half", 0xb0, 7, 0, list));
    assert_string_equal(list, "note 60: tap,cc 7 ch 3: half,cc 7 ch 1: nudge -20..20");
    bound_to("note 60: tap;cc 7 ch 3: half;cc 7 ch 1: nudge -20..20"); /* can be read again */
    assert_int_equal(ja_midi_in_learn(in, "tap", &error), JA_OK);
    assert_int_equal(ja_midi_in_learn(in, "", &error), JA_OK);
    assert_false(learn(in, "", 0x90, 60, 100, list));
    assert_int_equal(ja_midi_in_learn(in, "tip", &error), JA_USAGE);
    assert_non_null(strstr(error.text, "no command \"tip\""));
    char longest[JA_BINDING_BYTES] = "get ";
    memset(longest + 4, 'x', 76); /* of a note with three digits and two of the channel */
    assert_int_equal(ja_midi_in_learn(in, longest, &error), JA_USAGE);
    assert_non_null(strstr(error.text, "too long to be bound"));
    longest[79] = '\0';
    assert_int_equal(ja_midi_in_learn(in, longest, &error), JA_OK);
    assert_true(learn(in, "", 0x9f, 127, 100, list));
    bound_to(list);
    assert_int_equal(ja_midi_in_learn(in, "get a,b", &error), JA_USAGE);
    assert_non_null(strstr(error.text, "no comma"));
    assert_false(learn(in, "", 0x90, 60, 100, list));
}

static void too_many_are_refused(void **state) {
    static struct ja_midi_in in;
    static char list[4096];
    struct ja_error error = {""};
    size_t length = 0;
    (void)state;
    for (int i = 0; i < JA_BINDINGS + 1; i++)
        length += (size_t)sprintf(list + length, "note %d: tap", i) + 1;
    assert_int_equal(ja_midi_in_read(&in, list, &error), JA_USAGE);
    assert_non_null(strstr(error.text, "at most 64"));
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_lines_are_explained),
        cmocka_unit_test(notes_run_when_they_begin),
        cmocka_unit_test(controllers_are_buttons_or_values),
        cmocka_unit_test(the_next_one_is_learnt),
        cmocka_unit_test(too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
