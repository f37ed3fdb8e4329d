/* Tests of what is read as JSON from outside.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ja/web/message.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct ja_web_message message;
static struct ja_error error;

static enum ja_status read_text(const char *text) {
    error.text[0] = '\0';
    return ja_web_message_read(&message, text, strlen(text), &error);
}

static void test_commands(void **state) {
    (void)state;
    struct ja_argument arguments[JA_WEB_ARGUMENTS];
    assert_int_equal(read_text("{\"command\":\"tap\"}"), JA_OK);
    assert_int_equal(message.kind, JA_WEB_COMMAND);
    assert_string_equal(message.call.name, "tap");
    assert_int_equal(message.call.count, 0);
    assert_false(message.has_id);
    assert_int_equal(
        read_text("{\"args\":[5, -0.5, \"a\\u00e9\", true, \"\", [\"x\",\"y\"], 3000000000],"
                  " \"command\":\"set\", \"id\":-7}"),
        JA_OK);
    assert_true(message.has_id);
    assert_int_equal(message.id, -7);
    assert_int_equal(message.call.count, 7);
    ja_web_call_arguments(&message.call, arguments);
    assert_int_equal(arguments[0].integer, 5);
    assert_true(arguments[1].type == 'f' && arguments[1].number == -0.5);
    assert_string_equal(arguments[2].string, "a\xc3\xa9");
    assert_true(arguments[3].type == 'i' && arguments[3].integer == 1);
    assert_string_equal(arguments[4].string, "");
    assert_string_equal(arguments[5].string, "x,y");
    assert_true(arguments[6].type == 'f' && arguments[6].number == 3e9);
}

static void test_pings(void **state) {
    (void)state;
    assert_int_equal(read_text(" {\"type\":\"ping\",\"id\":12} "), JA_OK);
    assert_int_equal(message.kind, JA_WEB_PING);
    assert_int_equal(message.id, 12);
}

static void test_subscriptions(void **state) {
    (void)state;
    assert_int_equal(read_text("{\"command\":\"subscribe\"}"), JA_OK);
    assert_int_equal(message.kind, JA_WEB_SUBSCRIBE);
    assert_int_equal(message.outputs, 0);
    assert_true(isnan(message.rate_hz));
    assert_int_equal(read_text("{\"command\":\"subscribe\",\"rate_hz\":12.5,"
                               "\"outputs\":[\"beat\",\"gap\",\"analysis\",\"metrics\"]}"),
                     JA_OK);
    assert_int_equal(message.outputs,
                     1u << JA_EVENT_BEAT | 1u << JA_EVENT_GAP | JA_WEB_ANALYSIS | JA_WEB_METRICS);
    assert_true(message.rate_hz == 12.5);
}

static void test_every_output_has_a_name(void **state) {
    (void)state;
    unsigned all = 0, i;
    for (i = 0; ja_web_output_name(i); i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"command\":\"subscribe\",\"outputs\":[\"%s\"]}",
                 ja_web_output_name(i));
        assert_int_equal(read_text(text), JA_OK);
        all |= message.outputs;
    }
    assert_int_equal(all, JA_WEB_ALL);
}

/* What is refused, and a word of the reason. */
static void test_refusals(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"[]", "object"},
        {"\"tap\"", "not JSON"},
        {"{} {}", "not JSON"},
        {"{}", "command"},
        {"{\"command\":1}", "command"},
        {"{\"command\":null}", "command"},
        {"{\"type\":\"pong\"}", "pong"},
        {"{\"type\":\"ping\",\"more\":1}", "more"},
        {"{\"command\":\"tap\",\"arguments\":[]}", "arguments"},
        {"{\"command\":\"tap\",\"args\":5}", "args"},
        {"{\"command\":\"tap\",\"args\":[null]}", "value 1"},
        {"{\"command\":\"tap\",\"args\":[1,{}]}", "value 2"},
        {"{\"command\":\"tap\",\"args\":[[1]]}", "value 1"},
        {"{\"command\":\"tap\",\"args\":[1,2,3,4,5,6,7,8,9]}", "8 values"},
        {"{\"command\":\"tap\",\"id\":\"a\"}", "id"},
        {"{\"command\":\"tap\",\"id\":1.5}", "id"},
        {"{\"command\":\"tap\",\"command\":\"tap\"}", "not JSON"},
        {"{\"command\":\"t\\u0000ap\"}", "not JSON"},
        {"{\"command\":\"tap\",\"args\":[1e999]}", "not JSON"},
        {"{\"command\":\"tap\",\"args\":[NaN]}", "not JSON"},
        {"{\"command\":\"t\xff\"}", "not JSON"},
        {"{\"command\":\"subscribe\",\"outputs\":\"beat\"}", "outputs"},
        {"{\"command\":\"subscribe\",\"outputs\":[]}", "outputs"},
        {"{\"command\":\"subscribe\",\"outputs\":[1]}", "outputs"},
        {"{\"command\":\"subscribe\",\"outputs\":[\"bea\"]}", "\"bea\""},
        {"{\"command\":\"subscribe\",\"rate_hz\":\"30\"}", "rate_hz"},
        {"{\"command\":\"subscribe\",\"rate_hz\":-1}", "0 and 100"},
        {"{\"command\":\"subscribe\",\"rate_hz\":101}", "0 and 100"},
        {"{\"command\":\"subscribe\",\"args\":[]}", "args"},
        {"{\"command\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
         "less than 64"},
        {"{\"a\":[[[[[[[[1]]]]]]]]}", "8 deep"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_text(cases[i][0]), JA_USAGE);
        if (!strstr(error.text, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], error.text);
    }
}

static void test_long_strings(void **state) {
    (void)state;
    char text[JA_WEB_STRING_BYTES + 64];
    for (int too_long = 0; too_long < 2; too_long++) {
        int length = snprintf(text, sizeof text, "{\"command\":\"set\",\"args\":[\"");
        memset(text + length, 'x', JA_WEB_STRING_BYTES);
        strcpy(text + length + JA_WEB_STRING_BYTES - 1 + too_long, "\"]}");
        assert_int_equal(read_text(text), too_long ? JA_USAGE : JA_OK);
    }
    assert_non_null(strstr(error.text, "shorter than 2048"));
}

static void test_values(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool fine;
    } cases[] = {
        {"{\"value\":0.4}", true},        {"{\"value\":\"hfc\"}", true},
        {"{\"value\":[\"a\"]}", true},    {"{\"value\":false}", true},
        {"{\"value\":null}", false},      {"{}", false},
        {"{\"value\":1,\"x\":1}", false}, {"0.4", false},
    };
    struct ja_web_call call;
    struct ja_argument arguments[JA_WEB_ARGUMENTS];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum ja_status status = ja_web_value_read(&call, "onset.threshold", cases[i].text,
                                                  strlen(cases[i].text), &error);
        assert_int_equal(status, cases[i].fine ? JA_OK : JA_USAGE);
        if (!cases[i].fine)
            continue;
        ja_web_call_arguments(&call, arguments);
        assert_string_equal(call.name, "set");
        assert_int_equal(call.count, 2);
        assert_string_equal(arguments[0].string, "onset.threshold");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),      cmocka_unit_test(test_pings),
        cmocka_unit_test(test_subscriptions), cmocka_unit_test(test_every_output_has_a_name),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_long_strings),
        cmocka_unit_test(test_values),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
