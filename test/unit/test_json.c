/* Tests the JSON writer: commas, numbers, times and text of every kind.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../support/random.h"
#include <cmocka.h>
#include <float.h>
#include <ja/core/json.h>
#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct fixture {
    char data[1024];
    struct ja_text text;
    struct ja_json json;
};

static struct ja_json *begin(struct fixture *fixture) {
    ja_text_init(&fixture->text, fixture->data, sizeof fixture->data);
    ja_json_init(&fixture->json, &fixture->text);
    return &fixture->json;
}

static void places_the_commas(void **state) {
    (void)state;
    struct fixture fixture;
    struct ja_json *json = begin(&fixture);
    ja_json_begin_object(json);
    ja_json_key(json, "type");
    ja_json_string(json, "beat");
    ja_json_key(json, "empty");
    ja_json_begin_array(json);
    ja_json_end_array(json);
    ja_json_key(json, "list");
    ja_json_begin_array(json);
    ja_json_integer(json, 1);
    ja_json_begin_object(json);
    ja_json_end_object(json);
    ja_json_begin_array(json);
    ja_json_bool(json, true);
    ja_json_bool(json, false);
    ja_json_end_array(json);
    ja_json_number(json, 0.5);
    ja_json_end_array(json);
    ja_json_key(json, "none");
    ja_json_string(json, NULL);
    ja_json_end_object(json);
    assert_string_equal(fixture.data, "{\"type\":\"beat\",\"empty\":[],"
                                      "\"list\":[1,{},[true,false],0.5],\"none\":null}");
}

static void writes_numbers(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } numbers[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {1.0 / 3, "0.333333333"},
        {120.00000001, "120"},
        {123456789, "123456789"},
        {1e10, "1e+10"},
        {-2.5e-7, "-2.5e-07"},
        {DBL_MAX, "1.79769313e+308"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct fixture fixture;
        ja_json_number(begin(&fixture), numbers[i].value);
        assert_string_equal(fixture.data, numbers[i].text);
    }
}

static void writes_times(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } times[] = {
        {0, "0"},
        {-0.0, "0"},
        {-1e-9, "0"},
        {100, "100"},
        {12.34, "12.34"},
        {0.000001, "0.000001"},
        {1e-7, "0"},
        {-0.25, "-0.25"},
        {86400.1234567, "86400.123457"},
        {1e15, "1000000000000000"},
        {NAN, "null"},
        {INFINITY, "null"},
    };
    for (size_t i = 0; i < COUNT(times); i++) {
        struct fixture fixture;
        ja_json_time(begin(&fixture), times[i].seconds);
        assert_string_equal(fixture.data, times[i].text);
    }
    struct fixture fixture;
    ja_json_time(begin(&fixture), -DBL_MAX);
    assert_int_equal(fixture.text.length, 310);
}

static void numbers_and_times_read_back(void **state) {
    (void)state;
    struct random random = {5};
    for (int i = 0; i < 20000; i++) {
        double value = (random_unit(&random) - 0.5) * pow(10, 12 * random_unit(&random) - 6);
        struct fixture fixture;
        ja_json_number(begin(&fixture), value);
        assert_true(fabs(strtod(fixture.data, NULL) - value) <= 5e-9 * fabs(value));
        ja_json_time(begin(&fixture), value);
        assert_true(fabs(strtod(fixture.data, NULL) - value) <= 0.501e-6);
        const char *point = strchr(fixture.data, '.');
        assert_true(!point || fixture.data[fixture.text.length - 1] != '0');
    }
}

static void writes_integers(void **state) {
    (void)state;
    struct fixture fixture;
    struct ja_json *json = begin(&fixture);
    ja_json_begin_array(json);
    ja_json_integer(json, INT64_MIN);
    ja_json_integer(json, 0);
    ja_json_integer(json, INT64_MAX);
    ja_json_end_array(json);
    assert_string_equal(fixture.data, "[-9223372036854775808,0,9223372036854775807]");
}

static void writes_text(void **state) {
    (void)state;
#define FFFD "\xef\xbf\xbd"
    static const struct {
        const char *value, *text;
    } strings[] = {
        {"", ""},
        {"plain", "plain"},
        {"a\"b\\c/d", "a\\\"b\\\\c/d"},
        {"line\n\ttab\r\x01\x1f\x7f", "line\\n\\u0009tab\\u000d\\u0001\\u001f\x7f"},
        {"S\xc3\xa4ngerin \xe2\x82\xac \xf0\x9f\x8e\xb5",
         "S\xc3\xa4ngerin \xe2\x82\xac \xf0\x9f\x8e\xb5"},
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"},
        {"\xff", FFFD},
        {"\x80x", FFFD "x"},
        {"\xc3", FFFD},                            /* cut off */
        {"\xe2\x82", FFFD FFFD},                   /* cut off */
        {"\xc0\xaf", FFFD FFFD},                   /* too long a form of / */
        {"\xe0\x80\xaf", FFFD FFFD FFFD},          /* likewise */
        {"\xed\xa0\x80", FFFD FFFD FFFD},          /* a surrogate */
        {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD}, /* above U+10FFFF */
        {"\xf0\x9f\x8e\"", FFFD FFFD FFFD "\\\""}, /* a quote hides in it */
    };
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct fixture fixture;
        ja_json_string(begin(&fixture), strings[i].value);
        assert_int_equal(fixture.data[0], '"');
        assert_int_equal(fixture.data[fixture.text.length - 1], '"');
        fixture.data[fixture.text.length - 1] = '\0';
        assert_string_equal(fixture.data + 1, strings[i].text);
    }
}

static void keys_are_escaped_too(void **state) {
    (void)state;
    struct fixture fixture;
    struct ja_json *json = begin(&fixture);
    ja_json_begin_object(json);
    ja_json_key(json, "a\"\xff");
    ja_json_integer(json, 1);
    ja_json_end_object(json);
    assert_string_equal(fixture.data, "{\"a\\\"" FFFD "\":1}");
}

/* Whatever the bytes: between the outer quotes no bare quote, no control character. */
static void no_bytes_break_out_of_the_string(void **state) {
    (void)state;
    struct random random = {11};
    for (int i = 0; i < 5000; i++) {
        char value[33];
        size_t length = random_below(&random, sizeof value);
        for (size_t j = 0; j < length; j++)
            value[j] = (char)(1 + random_below(&random, 255));
        value[length] = '\0';
        struct fixture fixture;
        ja_json_string(begin(&fixture), value);
        assert_false(fixture.text.full);
        for (size_t j = 1; j < fixture.text.length - 1; j++) {
            assert_true((unsigned char)fixture.data[j] >= 0x20);
            assert_true(fixture.data[j] != '"');
            if (fixture.data[j] == '\\')
                j++;
        }
    }
}

static void a_full_buffer_is_told(void **state) {
    (void)state;
    char data[8];
    struct ja_text text;
    struct ja_json json;
    ja_text_init(&text, data, sizeof data);
    ja_json_init(&json, &text);
    ja_json_string(&json, "long enough");
    assert_true(text.full);
    assert_int_equal(strlen(data), 7);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_the_commas),     cmocka_unit_test(writes_numbers),
        cmocka_unit_test(writes_times),          cmocka_unit_test(numbers_and_times_read_back),
        cmocka_unit_test(writes_integers),       cmocka_unit_test(writes_text),
        cmocka_unit_test(keys_are_escaped_too),  cmocka_unit_test(no_bytes_break_out_of_the_string),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
