/* Tests how values are read from text and written again.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/random.h"
#include "../support/settings_rig.h"
#include <cmocka.h>
#include <float.h>
#include <ja/config/value.h>
#include <math.h>

static struct ja_error reason;

/* The option of that name, of any of the tables. */
static const struct ja_option *row(const char *name) {
    for (size_t i = 0; i < COUNT(onset_options); i++) {
        if (strcmp(onset_options[i].name, name) == 0)
            return &onset_options[i];
    }
    return strcmp(name, "gain") == 0 ? &wire_options[1] : NULL;
}

static void assert_refused(const char *name, const char *text, const char *why) {
    unsigned char value[64], before[64];
    memset(value, 0, sizeof value);
    memcpy(before, value, sizeof value);
    reason.text[0] = '\0';
    assert_int_equal(ja_value_parse(row(name), text, value, &reason), JA_USAGE);
    if (row(name)->type != JA_LIST)
        assert_memory_equal(value, before, sizeof value);
    assert_non_null(strstr(reason.text, why));
}

static void assert_becomes(const char *name, const char *text, const char *again) {
    unsigned char value[64] = {0};
    char buffer[128];
    struct ja_text out;
    assert_int_equal(ja_value_parse(row(name), text, value, &reason), JA_OK);
    ja_text_init(&out, buffer, sizeof buffer);
    ja_value_format(row(name), value, &out);
    assert_string_equal(buffer, again);
}

static void reads_what_is_right(void **state) {
    (void)state;
    const char *const yes[] = {"true", "on", "yes", "1"}, *const no[] = {"false", "off", "no", "0"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        assert_becomes("enable", yes[i], "true");
        assert_becomes("enable", no[i], "false");
    }
    assert_becomes("bands", "-4", "-4");
    assert_becomes("bands", "+40", "40");
    assert_becomes("threshold", "0", "0");
    assert_becomes("threshold", "5.000", "5");
    assert_becomes("threshold", "4e-1", "0.4");
    assert_becomes("method", "specflux", "specflux");
    assert_becomes("label", "", "");
    assert_becomes("label", "fifteen bytes!!", "fifteen bytes!!");
    assert_becomes("inputs", "", "");
    assert_becomes("inputs", "a", "a");
    assert_becomes("inputs", " a b ,  c", "a b,c");
    assert_becomes("inputs", "123456789012345678901234567890", "123456789012345678901234567890");
}

static void refuses_everything_else_with_the_reason(void **state) {
    (void)state;
    const char *const no_bool[] = {"", "True", "2", "maybe", "true ", " true"};
    for (size_t i = 0; i < COUNT(no_bool); i++)
        assert_refused("enable", no_bool[i], "must be true or false");
    const char *const no_int[] = {"",    "1.0", "0x10", "1 ",
                                  "ten", "1e1", "-",    "99999999999999999999"};
    for (size_t i = 0; i < COUNT(no_int); i++)
        assert_refused("bands", no_int[i], "must be a whole number between -4 and 40");
    const char *const far_int[] = {"-5", "41", "2147483648", "4294967299", "9223372036854775807"};
    for (size_t i = 0; i < COUNT(far_int); i++)
        assert_refused("bands", far_int[i], "must be between -4 and 40");
    const char *const no_float[] = {"", "nan", "inf", "-inf", "1e999", "0x1p3", "0,4", "1 ", "."};
    for (size_t i = 0; i < COUNT(no_float); i++)
        assert_refused("threshold", no_float[i], "must be a number between 0 and 5");
    const char *const far_float[] = {"-1e-300", "5.0000001", "1e308"};
    for (size_t i = 0; i < COUNT(far_float); i++)
        assert_refused("threshold", far_float[i], "must be between 0 and 5");
    assert_refused("gain", "1e301", "between -1e+300 and 1e+300 dB");
    assert_refused("method", "hf", "must be one of hfc, energy, specflux, 1024");
    assert_refused("method", "", "must be one of");
    assert_refused("label", "sixteen bytes!!!", "at most 15 bytes, not 16");
    assert_refused("label", "a\nb", "control characters");
    assert_refused("label", "\x7f", "control characters");
    assert_refused("inputs", "a,,b", "empty entry");
    assert_refused("inputs", "a,", "empty entry");
    assert_refused("inputs", " ", "empty entry");
    assert_refused("inputs", "1234567890123456789012345678901", "at most 30 bytes");
    assert_refused("inputs", "12345678901234,1234567890,1234567", "at most 30 bytes");
    assert_refused("inputs", "a\tb", "control characters");
}

static void a_full_list_ends_inside_its_field(void **state) {
    (void)state;
    struct {
        char list[32];
        char behind[8];
    } field = {{0}, "behind!"};
    assert_int_equal(
        ja_value_parse(row("inputs"), "12345678901234,123456789012345", field.list, &reason),
        JA_OK);
    assert_string_equal(field.behind, "behind!");
    const char *item = ja_list_next(field.list, NULL);
    assert_string_equal(item, "12345678901234");
    item = ja_list_next(field.list, item);
    assert_string_equal(item, "123456789012345");
    assert_null(ja_list_next(field.list, item));
    assert_null(ja_list_next("", NULL));
}

static void numbers_keep_every_bit(void **state) {
    (void)state;
    struct random random = {.state = 5};
    const double chosen[] = {0, -0.0, 0.1, 1.0 / 3, DBL_MAX, -DBL_MAX, DBL_MIN, 5e-324, 120, 1e15};
    for (size_t i = 0; i < 20000 + COUNT(chosen); i++) {
        uint64_t bits = random_next(&random);
        double number, back;
        memcpy(&number, &bits, sizeof number);
        if (i < COUNT(chosen))
            number = chosen[i];
        if (!isfinite(number))
            continue;
        char buffer[40];
        struct ja_text text;
        ja_text_init(&text, buffer, sizeof buffer);
        ja_value_format_number(number, &text);
        assert_true(ja_text_double(buffer, &back));
        assert_memory_equal(&back, &number, sizeof back);
    }
}

static void every_default_is_right_and_stays_the_same(void **state) {
    (void)state;
    for (size_t m = 0; m < COUNT(modules); m++) {
        for (size_t i = 0; i < modules[m]->option_count; i++) {
            const struct ja_option *option = &modules[m]->options[i];
            unsigned char value[64] = {0}, again[64] = {0};
            char buffer[128];
            struct ja_text text;
            assert_int_equal(ja_value_parse(option, option->fallback, value, &reason), JA_OK);
            ja_text_init(&text, buffer, sizeof buffer);
            ja_value_format(option, value, &text);
            assert_int_equal(ja_value_parse(option, buffer, again, &reason), JA_OK);
            assert_memory_equal(value, again, sizeof value);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_right),
        cmocka_unit_test(refuses_everything_else_with_the_reason),
        cmocka_unit_test(a_full_list_ends_inside_its_field),
        cmocka_unit_test(numbers_keep_every_bit),
        cmocka_unit_test(every_default_is_right_and_stays_the_same),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
