/* Tests of the command table: every command with right and with wrong arguments.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ja/control/command.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the operator was asked to do, in words. */
static char asked[2048];

static enum ja_status set(void *data, const char *option, const char *value,
                          struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "set %s=%s", option, value);
    return JA_OK;
}
static enum ja_status get(void *data, const char *option, struct ja_text *reply) {
    (void)data;
    snprintf(asked, sizeof asked, "get %s", option);
    ja_text_put(reply, "0.5");
    return JA_OK;
}
static struct ja_waiter *waiting; /* for a preset */

static enum ja_status preset(const struct ja_operator *who, const char *name,
                             struct ja_text *reply) {
    if (!strcmp(name, "later"))
        return ja_command_put_off(who, &waiting, reply) ? JA_OK : JA_FAILED;
    snprintf(asked, sizeof asked, "preset %s", name);
    ja_text_put(reply, "no such preset");
    return JA_USAGE;
}
static enum ja_status reset(void *data, struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "reset");
    return JA_FAILED;
}
static enum ja_status pause_or_resume(void *data, bool paused, struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "pause %d", paused);
    return JA_OK;
}
static enum ja_status mute(void *data, const char *output, bool silent, struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "mute %s %d", output, silent);
    return JA_OK;
}
static enum ja_status level(void *data, const char *name, struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "level %s", name);
    return JA_OK;
}
static void note_seconds(double for_s) {
    size_t length = strlen(asked);
    if (for_s != 0)
        snprintf(asked + length, sizeof asked - length, " for %g", for_s);
}
static enum ja_status beat(void *data, enum ja_beat_action action, double number, double for_s,
                           struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "beat %d %g", action, number);
    note_seconds(for_s);
    return JA_OK;
}
static enum ja_status range(void *data, double min_bpm, double max_bpm, double for_s,
                            struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "range %g %g", min_bpm, max_bpm);
    note_seconds(for_s);
    return JA_OK;
}
static enum ja_status test_beats(void *data, double bpm, bool on, double for_s,
                                 struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "test-beats %g %d", bpm, on);
    note_seconds(for_s);
    return JA_OK;
}
static enum ja_status learn(void *data, const char *command, struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "learn %s", command);
    return JA_OK;
}
static enum ja_status feedback(void *data, const char *word, struct ja_text *reply) {
    (void)data, (void)reply;
    snprintf(asked, sizeof asked, "feedback %s", word);
    return JA_OK;
}
static enum ja_status stats(void *data, struct ja_text *reply) {
    (void)data;
    snprintf(asked, sizeof asked, "stats");
    ja_text_put(reply, "{}");
    return JA_OK;
}
static enum ja_status streams(void *data, struct ja_text *reply) {
    (void)data;
    snprintf(asked, sizeof asked, "streams");
    ja_text_put(reply, "{}");
    return JA_OK;
}

static const struct ja_operator hand = {.set = set,
                                        .get = get,
                                        .preset = preset,
                                        .reset = reset,
                                        .pause = pause_or_resume,
                                        .mute = mute,
                                        .level = level,
                                        .beat = beat,
                                        .range = range,
                                        .test_beats = test_beats,
                                        .learn = learn,
                                        .feedback = feedback,
                                        .stats = stats,
                                        .streams = streams};

#define S(text)                                                                                    \
    { .type = 's', .string = text }
#define I(value)                                                                                   \
    { .type = 'i', .integer = value }
#define F(value)                                                                                   \
    { .type = 'f', .number = value }

struct row {
    const char *command;
    size_t count;
    struct ja_argument arguments[5];
    enum ja_status status;
    const char *asked; /* "": the operator must not be asked */
    const char *reply; /* part of it */
};

static const struct row rows[] = {
    {"set", 2, {S("onset.threshold"), S("0.4")}, JA_OK, "set onset.threshold=0.4", "ok"},
    {"set", 2, {S("target.a.port"), I(-7)}, JA_OK, "set target.a.port=-7", "ok"},
    {"set", 2, {S("a.b"), F(0.25)}, JA_OK, "set a.b=0.25", "ok"},
    {"set", 2, {S("a.b"), F(1e9)}, JA_OK, "set a.b=1e+09", "ok"},
    {"set", 1, {S("a.b")}, JA_USAGE, "", "set takes a string and a value; 1 given"},
    {"set", 3, {S("a"), S("b"), S("c")}, JA_USAGE, "", "; 3 given"},
    {"set", 2, {I(1), S("b")}, JA_USAGE, "", "argument 1 is not that"},
    {"set", 2, {S("a.b"), F(NAN)}, JA_USAGE, "", "argument 2 is not that"},
    {"set", 2, {S("a.b"), F(-INFINITY)}, JA_USAGE, "", "argument 2 is not that"},
    {"get", 1, {S("a.b")}, JA_OK, "get a.b", "0.5"},
    {"get", 0, {S("")}, JA_USAGE, "", "get takes a string"},
    {"get", 1, {F(1)}, JA_USAGE, "", "get takes a string"},
    {"preset", 1, {S("genre/techno")}, JA_USAGE, "preset genre/techno", "no such preset"},
    {"preset", 0, {S("")}, JA_USAGE, "", "preset takes a string"},
    {"reset", 0, {S("")}, JA_FAILED, "reset", "failed"},
    {"reset", 1, {I(1)}, JA_USAGE, "", "reset takes no argument"},
    {"pause", 0, {S("")}, JA_OK, "pause 1", "ok"},
    {"pause", 1, {I(1)}, JA_USAGE, "", "pause takes no argument"},
    {"resume", 0, {S("")}, JA_OK, "pause 0", "ok"},
    {"resume", 1, {S("main")}, JA_USAGE, "", "resume takes no argument"},
    {"mute", 2, {S("target.default"), I(1)}, JA_OK, "mute target.default 1", "ok"},
    {"mute", 2, {S("a"), F(0)}, JA_OK, "mute a 0", "ok"},
    {"mute", 2, {S("a"), I(2)}, JA_USAGE, "", "1 (silent) or 0 (not), not 2"},
    {"mute", 2, {S("a"), F(0.5)}, JA_USAGE, "", "argument 2 is not that"},
    {"mute", 2, {S("a"), F(1e20)}, JA_USAGE, "", "argument 2 is not that"},
    {"mute", 2, {S("a"), S("on")}, JA_USAGE, "", "mute takes a string and an integer"},
    {"level", 1, {S("low")}, JA_OK, "level low", "ok"},
    {"level", 1, {I(2)}, JA_USAGE, "", "level takes a string"},
    {"level", 0, {S("")}, JA_USAGE, "", "; 0 given"},
    {"tap", 0, {S("")}, JA_OK, "beat 0 0", "ok"},
    {"tap", 1, {F(120)}, JA_USAGE, "", "tap takes no argument"},
    {"resync", 0, {S("")}, JA_OK, "beat 1 0", "ok"},
    {"resync", 1, {I(1)}, JA_USAGE, "", "resync takes no argument"},
    {"nudge", 1, {F(-12.5)}, JA_OK, "beat 2 -12.5", "ok"},
    {"nudge", 1, {I(200)}, JA_OK, "beat 2 200", "ok"},
    {"nudge", 1, {F(200.5)}, JA_USAGE, "", "-200 to 200 ms, not 200.5"},
    {"nudge", 1, {F(NAN)}, JA_USAGE, "", "argument 1 is not that"},
    {"nudge", 0, {S("")}, JA_USAGE, "", "nudge takes a number"},
    {"half", 0, {S("")}, JA_OK, "beat 3 0", "ok"},
    {"half", 1, {I(20)}, JA_OK, "beat 3 0 for 20", "ok"},
    {"half", 1, {S("a")}, JA_USAGE, "", "half takes perhaps a number; argument 1 is not that"},
    {"double", 0, {S("")}, JA_OK, "beat 4 0", "ok"},
    {"double", 1, {F(0.1)}, JA_OK, "beat 4 0 for 0.1", "ok"},
    {"double", 1, {F(0)}, JA_USAGE, "", "double ends after 0.1 to 86400 s, not 0"},
    {"double", 2, {F(1), F(1)}, JA_USAGE, "", "; 2 given"},
    {"auto", 0, {S("")}, JA_OK, "beat 5 0", "ok"},
    {"auto", 1, {I(1)}, JA_USAGE, "", "auto takes no argument"},
    {"hold", 1, {I(1)}, JA_OK, "beat 7 1", "ok"},
    {"hold", 1, {F(0)}, JA_OK, "beat 7 0", "ok"},
    {"hold", 1, {I(2)}, JA_USAGE, "", "hold takes 1 (on) or 0 (off), not 2"},
    {"hold", 0, {S("")}, JA_USAGE, "", "hold takes an integer and perhaps a number; 0 given"},
    {"hold", 2, {I(1), F(2.5)}, JA_OK, "beat 7 1 for 2.5", "ok"},
    {"hold", 2, {I(1), F(86401)}, JA_USAGE, "", "hold ends after 0.1 to 86400 s, not 86401"},
    {"hold", 2, {I(1), F(NAN)}, JA_USAGE, "", "argument 2 is not that"},
    {"lock", 1, {I(1)}, JA_OK, "beat 8 1", "ok"},
    {"lock", 2, {I(1), I(60)}, JA_OK, "beat 8 1 for 60", "ok"},
    {"lock", 2, {I(1), I(-60)}, JA_USAGE, "", "lock ends after 0.1 to 86400 s, not -60"},
    {"lock", 1, {I(-1)}, JA_USAGE, "", "lock takes 1 (on) or 0 (off), not -1"},
    {"lock", 1, {F(0.5)}, JA_USAGE, "", "argument 1 is not that"},
    {"feedback", 1, {S("wrong-octave")}, JA_OK, "feedback wrong-octave", "ok"},
    {"feedback", 0, {S("")}, JA_USAGE, "", "feedback takes a string"},
    {"feedback", 1, {I(1)}, JA_USAGE, "", "feedback takes a string"},
    {"range", 2, {F(90), I(180)}, JA_OK, "range 90 180", "ok"},
    {"range", 2, {F(100), F(109)}, JA_USAGE, "", "at least 1.1 times as fast, not 100 and 109"},
    {"range", 2, {F(180), F(90)}, JA_USAGE, "", "not 180 and 90"},
    {"range", 2, {F(0), F(90)}, JA_USAGE, "", "not 0 and 90"},
    {"range", 2, {F(INFINITY), F(INFINITY)}, JA_USAGE, "", "argument 1 is not that"},
    {"range",
     1,
     {F(90)},
     JA_USAGE,
     "",
     "range takes a number and a number and perhaps a number; 1 given"},
    {"range", 3, {F(90), I(180), I(8)}, JA_OK, "range 90 180 for 8", "ok"},
    {"range", 3, {F(90), I(180), F(1e9)}, JA_USAGE, "", "range ends after 0.1 to 86400 s"},
    {"test-beats", 2, {F(128), I(1)}, JA_OK, "test-beats 128 1", "ok"},
    {"test-beats", 3, {I(128), I(1), I(30)}, JA_OK, "test-beats 128 1 for 30", "ok"},
    {"test-beats", 2, {F(128), I(0)}, JA_OK, "test-beats 128 0", "ok"},
    {"test-beats", 2, {F(128), I(3)}, JA_USAGE, "", "test-beats takes 1 (on) or 0 (off), not 3"},
    {"test-beats", 3, {F(128), I(1), F(0)}, JA_USAGE, "", "ends after 0.1 to 86400 s, not 0"},
    {"test-beats", 1, {F(128)}, JA_USAGE, "", "; 1 given"},
    {"learn", 1, {S("nudge -20..20")}, JA_OK, "learn nudge -20..20", "ok"},
    {"learn", 0, {S("")}, JA_USAGE, "", "learn takes a string"},
    {"subscribe", 2, {S("beat"), I(9000)}, JA_FAILED, "", "not possible here"},
    {"subscribe", 1, {S("beat")}, JA_USAGE, "", "subscribe takes a string and an integer"},
    {"unsubscribe", 2, {S("all"), I(0)}, JA_FAILED, "", "not possible here"},
    {"unsubscribe", 2, {S("all"), F(0.5)}, JA_USAGE, "", "argument 2 is not that"},
    {"confirm", 1, {I(7)}, JA_FAILED, "", "not possible here"},
    {"confirm", 0, {S("")}, JA_USAGE, "", "confirm takes an integer; 0 given"},
    {"ping", 0, {S("")}, JA_OK, "", "pong"},
    {"ping", 1, {S("you")}, JA_USAGE, "", "ping takes no argument"},
    {"get_stats", 0, {S("")}, JA_OK, "stats", "{}"},
    {"get_stats", 1, {S("")}, JA_USAGE, "", "takes no argument"},
    {"list_streams", 0, {S("")}, JA_OK, "streams", "{}"},
    {"reset_analysis", 0, {S("")}, JA_FAILED, "reset", "failed"},
    {"reset_analysis", 1, {I(1)}, JA_USAGE, "", "takes no argument"},
    {"list_streams", 1, {S("")}, JA_USAGE, "", "takes no argument"},
    {"rest", 0, {S("")}, JA_USAGE, "", "no command \"rest\"; the nearest is \"reset\""},
    {"", 0, {S("")}, JA_USAGE, "", "no command \"\""},
    {"PING", 0, {S("")}, JA_USAGE, "", "no command \"PING\""},
};

static void runs_every_row(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        char buffer[512];
        struct ja_text reply;
        ja_text_init(&reply, buffer, sizeof buffer);
        asked[0] = '\0';
        enum ja_status status =
            ja_command_run(&hand, row->command, row->arguments, row->count, &reply);
        if (status != row->status || strcmp(asked, row->asked) || !strstr(buffer, row->reply))
            fail_msg("row %zu, %s: status %d, asked \"%s\", reply \"%s\"", i, row->command, status,
                     asked, buffer);
    }
}

static size_t least_count(const struct ja_command *command) {
    return strcspn(command->arguments, "[");
}

static void every_command_is_tested_both_ways(void **state) {
    (void)state;
    for (size_t c = 0; c < ja_command_count; c++) {
        bool right = false, wrong = false;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            if (strcmp(rows[i].command, ja_commands[c].name))
                continue;
            right |= rows[i].count == least_count(&ja_commands[c]);
            wrong |= rows[i].status == JA_USAGE && !rows[i].asked[0];
        }
        if (!right || !wrong)
            fail_msg("no row for %s", ja_commands[c].name);
    }
}

/* An operator that can do nothing is answered for. */
static void says_what_is_not_possible(void **state) {
    (void)state;
    static const struct ja_operator nobody;
    for (size_t c = 0; c < ja_command_count; c++) {
        bool numbers = *ja_commands[c].arguments == 'f';
        const struct ja_argument words[] = {S("a"), I(1)}, tempi[] = {F(100), F(200)};
        const struct ja_argument switched[] = {I(1)}, test[] = {F(100), I(1)};
        bool is_test = !strcmp(ja_commands[c].name, "test-beats");
        const struct ja_argument *arguments = is_test                            ? test
                                              : numbers                          ? tempi
                                              : *ja_commands[c].arguments == 'i' ? switched
                                                                                 : words;
        char buffer[512];
        struct ja_text reply;
        ja_text_init(&reply, buffer, sizeof buffer);
        enum ja_status status = ja_command_run(&nobody, ja_commands[c].name, arguments,
                                               least_count(&ja_commands[c]), &reply);
        bool is_ping = !strcmp(ja_commands[c].name, "ping");
        assert_int_equal(status, is_ping ? JA_OK : JA_FAILED);
        assert_string_equal(buffer, is_ping ? "pong" : "not possible here");
    }
}

static void bears_endless_names_and_values(void **state) {
    (void)state;
    static char endless[60000];
    memset(endless, 'p', sizeof endless - 1);
    char buffer[256];
    struct ja_text reply;
    ja_text_init(&reply, buffer, sizeof buffer);
    assert_int_equal(ja_command_run(&hand, endless, NULL, 0, &reply), JA_USAGE);
    assert_non_null(strstr(buffer, "…\"; the nearest is"));
    const struct ja_argument arguments[] = {S("a.b"), S(endless)};
    ja_text_init(&reply, buffer, sizeof buffer);
    asked[0] = '\0';
    assert_int_equal(ja_command_run(&hand, "set", arguments, 2, &reply), JA_USAGE);
    assert_non_null(strstr(buffer, "longer than"));
    assert_string_equal(asked, "");
}

struct promise {
    struct ja_waiter waiter;
    bool has_memory;
    enum ja_status status;
    char text[64];
};

static void keep_promise(struct ja_waiter *waiter, enum ja_status status, const char *text) {
    struct promise *promise = (struct promise *)waiter;
    promise->status = status;
    snprintf(promise->text, sizeof promise->text, "%s", text);
}

static struct ja_waiter *promise(void *asking) {
    struct promise *made = asking;
    made->waiter.answer = keep_promise;
    return made->has_memory ? &made->waiter : NULL;
}

static void answers_later(void **state) {
    (void)state;
    const struct ja_argument name = S("later");
    struct promise made = {.has_memory = true};
    struct ja_operator who = hand;
    char buffer[256];
    struct ja_text reply;
    ja_text_init(&reply, buffer, sizeof buffer);
    assert_int_equal(ja_command_run(&who, "preset", &name, 1, &reply), JA_OK);
    assert_null(waiting); /* nobody said that he would */
    ja_command_answer(waiting, JA_USAGE, "is only logged");
    who.wait = promise;
    who.asking = &made;
    ja_command_run(&who, "preset", &name, 1, &reply);
    assert_ptr_equal(waiting, &made);
    ja_command_answer(waiting, JA_FAILED, "no");
    assert_int_equal(made.status, JA_FAILED);
    assert_string_equal(made.text, "no");
    made.has_memory = false;
    ja_text_init(&reply, buffer, sizeof buffer);
    assert_int_equal(ja_command_run(&who, "preset", &name, 1, &reply), JA_FAILED);
    assert_string_equal(buffer, "no memory to answer later");
}

static void lists_every_command(void **state) {
    (void)state;
    char *listed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&listed, &size);
    assert_non_null(out);
    ja_command_list(out);
    fclose(out);
    for (size_t c = 0; c < ja_command_count; c++) {
        char line[128];
        snprintf(line, sizeof line, "/ja/ctl/%s ", ja_commands[c].name);
        assert_non_null(strstr(listed, line));
        assert_non_null(strstr(listed, ja_commands[c].help));
    }
    free(listed);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_every_row),
        cmocka_unit_test(every_command_is_tested_both_ways),
        cmocka_unit_test(says_what_is_not_possible),
        cmocka_unit_test(bears_endless_names_and_values),
        cmocka_unit_test(answers_later),
        cmocka_unit_test(lists_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
