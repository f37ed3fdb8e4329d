/* Tests of the lines of a target's map: what they make of values, and what they refuse.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ja/core/text.h>
#include <stdio.h>
#include <string.h>

#include "sink/osc_entry.h"

static const struct ja_osc_argument values[] = {
    {.type = 'i', .i = 7}, {.type = 'f', .f = 0.25f}, {.type = 's', .s = "A:min"}, {.type = 0}};

/* The message in words, as "if 7 0.25". */
static const char *made_of(const char *line, const struct ja_osc_argument *from, bool rest) {
    static char words[512];
    struct ja_osc_entry entry;
    struct ja_osc_line kept;
    struct ja_osc_argument to[JA_OSC_VALUES + 1];
    struct ja_error error = {""};
    struct ja_text text;
    char texts[JA_OSC_TEXTS];
    ja_text_init(&text, words, sizeof words);
    if (ja_osc_entry_parse(&entry, &kept, line, &error) != JA_OK) {
        ja_text_put(&text, error.text);
        return words;
    }
    struct ja_osc_entry moved = entry; /* an entry may be copied */
    memset(&entry, 0xff, sizeof entry);
    if (!ja_osc_entry_fill(&moved, "main", from, rest, to, texts))
        return "nothing";
    for (size_t i = 0; to[i].type; i++)
        ja_text_format(&text, "%c", to[i].type);
    for (size_t i = 0; to[i].type; i++)
        if (to[i].type == 's')
            ja_text_format(&text, " \"%s\"", to[i].s);
        else if (to[i].type == 'i')
            ja_text_format(&text, " %d", (int)to[i].i);
        else
            ja_text_format(&text, " %.6g", (double)to[i].f);
    return words;
}

#define LINE "output=beat address=/x "

static void makes_messages(void **state) {
    (void)state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"output=beat address=/x", "ifs 7 0.25 \"A:min\""},
        {LINE "value=2", "f 0.25"},
        {LINE "value=2 scale=100 type=i", "i 25"},
        {LINE "value=2 curve=sqrt", "f 0.5"},
        {LINE "value=2 curve=log scale=2", "f 1.02377"},
        {LINE "value=2 curve=db", "f -12.0412"},
        {LINE "value=2 offset=-1 min=-0.5", "f -0.5"},
        {LINE "value=1 scale=3 max=20 type=s", "s \"20\""},
        {LINE "value=3", "s \"A:min\""},
        {LINE "value=4", "nothing"},
        {LINE "scale=2", "ifs 14 0.5 \"A:min\""},
        {LINE "arguments='{value} {2} go 3 1.5' value=1 scale=2", "ifsif 14 0.25 \"go\" 3 1.5"},
        {LINE "arguments={4}", "nothing"},
        {LINE "text='Master 3.1 At BPM {2:2} {value} {3} {stream}' scale=2",
         "s \"Master 3.1 At BPM 0.25 14 A:min main\""},
        {LINE "text=plain", "s \"plain\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(made_of(cases[i].line, values, false), cases[i].message);
    assert_string_equal(made_of(LINE "value=2 offset=1", values, true), "f 1"); /* at rest */
    assert_string_equal(made_of(LINE "arguments='go {value}' value=2", values, true),
                        "sf \"go\" 0");
}

static void scales_every_band(void **state) {
    (void)state;
    static const struct ja_osc_argument bands[] = {
        {.type = 'f', .f = 0}, {.type = 'f', .f = 0.5f}, {.type = 'f', .f = 1}, {.type = 0}};
    assert_string_equal(made_of("output=bands address=/b scale=255 type=i", bands, false),
                        "iii 0 128 255");
}

static void refuses(void **state) {
    (void)state;
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {"", "there is no such output"},
        {"output=baet address=/x", "the nearest is \"beat\""},
        {"output=beat", "address=: must start with '/'"},
        {"output=beat address=x", "must start with '/'"},
        {"output=beat address=/a*", "none of #*,?[]{}"},
        {LINE "scale=much", "scale=much: "},
        {LINE "scale=1e10", "between -1000000000 and 1000000000"},
        {LINE "value=17", "value=17: "},
        {LINE "curve=cubic", "linear, sqrt, log, db"},
        {LINE "colour=red", "there is no key \"colour\"; the keys are output, address, value"},
        {LINE "scale", "\"scale\" is not KEY=VALUE"},
        {LINE "text='open", "the quotes are not closed"},
        {LINE "text='a'b", "the quotes are not closed"},
        {LINE "text='{bpm}'", "a placeholder is {value}"},
        {LINE "text='{1:9}'", "a placeholder is {value}"},
        {LINE "text='{0}'", "a placeholder is {value}"},
        {LINE "text='{99999999999999999999}'", "a placeholder is {value}"},
        {LINE "text='{'", "a placeholder is {value}"},
        {LINE "arguments={stream}", "is none of {value}"},
        {LINE "arguments='1 2 3 4 5 6 7 8 9 10 11 12 13'", "more than 12"},
        {LINE "arguments='1 1e39'", "1e39 is beyond what a float holds"},
        {LINE "text=a arguments=b", "exclude each other"},
        {LINE "min=2 max=1", "min=2 is above max=1"},
        {LINE "when=change", "beat is sent on beats alone"},
        {"output=onset address=/x when=beats", "onset is sent by itself"},
        {"output=phase address=/x every=4", "every=4 needs when=beats"},
        {LINE "every=0", "every=0: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *told = made_of(cases[i].line, values, false);
        if (!strstr(told, cases[i].reason))
            fail_msg("%s: %s", cases[i].line, told);
    }
}

static void refuses_what_is_too_long(void **state) {
    (void)state;
    char line[600] = LINE "text='";
    memset(line + strlen(line), 'x', 300);
    strcat(line, "'");
    assert_non_null(strstr(made_of(line, values, false), "bytes"));
    /* Placeholders that grow beyond what is kept: nothing is sent, nothing is cut. */
    strcpy(line, LINE "text='");
    for (int i = 0; i < 30; i++)
        strcat(line, "{3}");
    strcat(line, "'");
    static char long_word[64];
    memset(long_word, 'y', sizeof long_word - 1);
    const struct ja_osc_argument grown[] = {
        {.type = 'i', .i = 7}, {.type = 'f'}, {.type = 's', .s = long_word}, {.type = 0}};
    assert_string_equal(made_of(line, grown, false), "nothing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_messages),
        cmocka_unit_test(scales_every_band),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_what_is_too_long),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("osc_entry", tests, NULL, NULL);
}
