/* Tests text in fixed buffers, strict numbers and the distance between words.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../support/random.h"
#include <cmocka.h>
#include <ja/core/text.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void takes_what_fits_and_says_when_it_did_not(void **state) {
    (void)state;
    const char whole[] = "onset 0.25 hop";
    for (size_t size = 1; size <= sizeof whole + 3; size++) {
        char data[32];
        memset(data, '#', sizeof data);
        struct ja_text text;
        ja_text_init(&text, data, size);
        assert_string_equal(data, "");
        ja_text_put(&text, "onset ");
        ja_text_format(&text, "%.2f", 0.25);
        ja_text_put_bytes(&text, " hopper", 4);

        size_t fits = size - 1 < strlen(whole) ? size - 1 : strlen(whole);
        assert_int_equal(text.length, fits);
        assert_int_equal(strlen(data), fits);
        assert_memory_equal(data, whole, fits);
        assert_int_equal(text.full, fits < strlen(whole));
        for (size_t i = size; i < sizeof data; i++)
            assert_int_equal(data[i], '#');
    }
}

static void takes_nothing_more_once_full(void **state) {
    (void)state;
    char data[6];
    struct ja_text text;
    ja_text_init(&text, data, sizeof data);
    ja_text_put(&text, "abcdefgh");
    text.length = 2; /* there would be room now */
    data[2] = '\0';
    ja_text_put(&text, "x");
    ja_text_format(&text, "y");
    assert_string_equal(data, "ab");
}

static void copies_and_says_when_it_cut(void **state) {
    (void)state;
    char to[4];
    assert_true(ja_text_copy(to, sizeof to, "abc"));
    assert_string_equal(to, "abc");
    assert_false(ja_text_copy(to, sizeof to, "defg"));
    assert_string_equal(to, "def");
    assert_true(ja_text_copy(to, 1, ""));
    assert_false(ja_text_copy(to, 1, "a"));
    assert_string_equal(to, "");
}

static const struct {
    const char *string;
    double value;
} doubles[] = {
    {"0", 0},       {"-0.5", -0.5},   {"+3", 3},
    {".25", 0.25},  {"7.", 7},        {"1e3", 1000},
    {"1E-2", 0.01}, {"2.5e+1", 25},   {"1.7976931348623157e308", 1.7976931348623157e308},
    {"1e-400", 0},  {"000012", 12.0},
};

static const char *const not_doubles[] = {"",    " 1",        "1 ",    "1,5",     "0x10",  "nan",
                                          "inf", "-infinity", "1e",    "1e+",     ".",     "-",
                                          "+-1", "1.2.3",     "1e5.0", "e5",      "1e999", "-1e999",
                                          "1f",  "1\n",       "0x1p3", "\xd9\xa3"};

/* The first that is read wrongly, NULL when none is. */
static const char *misread(void) {
    double value;
    for (size_t i = 0; i < COUNT(doubles); i++)
        if (!ja_text_double(doubles[i].string, &value) || value != doubles[i].value)
            return doubles[i].string;
    value = 42;
    for (size_t i = 0; i < COUNT(not_doubles); i++)
        if (ja_text_double(not_doubles[i], &value) || value != 42)
            return not_doubles[i];
    return NULL;
}

static void reads_decimal_numbers_strictly(void **state) {
    (void)state;
    const char *wrong = misread();
    if (wrong)
        fail_msg("\"%s\" was misread", wrong);
}

/* In a process of its own: with LOCPATH glibc 2.36 loses memory for every locale that is made. */
static void a_point_is_a_point_in_every_locale(void **state) {
    static const char *const with_comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL"};
    enum { NONE = 2 };
    int status;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        setenv("LOCPATH", "build/locale", 0); /* of `make test` */
    for (size_t i = 0; child == 0 && i < COUNT(with_comma); i++)
        if (setlocale(LC_ALL, with_comma[i]))
            _exit(misread() != NULL);
    if (child == 0)
        _exit(NONE);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NONE)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void reads_back_every_double(void **state) {
    (void)state;
    struct random random = {7};
    for (int i = 0; i < 20000; i++) {
        union {
            uint64_t bits;
            double value;
        } number = {random_next(&random)};
        if ((number.bits >> 52 & 0x7ff) == 0x7ff)
            continue; /* not finite */
        char string[64];
        snprintf(string, sizeof string, "%.17g", number.value);
        double read = 0;
        assert_true(ja_text_double(string, &read));
        assert_memory_equal(&read, &number.value, sizeof read);
    }
}

static void reads_integers_strictly(void **state) {
    (void)state;
    static const struct {
        const char *string;
        long long value;
    } right[] = {{"0", 0},
                 {"-7", -7},
                 {"+12", 12},
                 {"0010", 10},
                 {"9223372036854775807", LLONG_MAX},
                 {"-9223372036854775808", LLONG_MIN}};
    static const char *const wrong[] = {"",
                                        " 1",
                                        "1 ",
                                        "0x1",
                                        "1.0",
                                        "1e3",
                                        "--1",
                                        "ten",
                                        "+",
                                        "9223372036854775808",
                                        "-9223372036854775809"};
    long long value = 0;
    for (size_t i = 0; i < COUNT(right); i++) {
        assert_true(ja_text_integer(right[i].string, &value));
        assert_true(value == right[i].value);
    }
    value = 42;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (ja_text_integer(wrong[i], &value))
            fail_msg("\"%s\" was read as %lld", wrong[i], value);
    assert_true(value == 42);
}

static void counts_the_edits_between_words(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned distance;
    } pairs[] = {{"", "", 0},
                 {"tempo", "tempo", 0},
                 {"", "hop", 3},
                 {"treshold", "threshold", 1},
                 {"onset", "offset", 2},
                 {"kitten", "sitting", 3},
                 {"abc", "cba", 2}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        assert_int_equal(ja_text_distance(pairs[i].a, pairs[i].b), pairs[i].distance);
        assert_int_equal(ja_text_distance(pairs[i].b, pairs[i].a), pairs[i].distance);
    }
}

static void the_distance_is_capped(void **state) {
    (void)state;
    char a[401], b[401];
    memset(a, 'a', 400);
    memset(b, 'b', 400);
    a[400] = b[400] = '\0';
    assert_int_equal(ja_text_distance(a, b), 255);
    assert_int_equal(ja_text_distance(a, ""), 255);
    assert_int_equal(ja_text_distance(a, a), 0);
    a[255] = b[255] = '\0';
    assert_int_equal(ja_text_distance(a, b), 255);
}

static void random_word(struct random *random, char word[9]) {
    size_t length = random_below(random, 9);
    for (size_t i = 0; i < length; i++)
        word[i] = (char)('a' + random_below(random, 3));
    word[length] = '\0';
}

static void the_distance_is_a_metric(void **state) {
    (void)state;
    struct random random = {3};
    for (int i = 0; i < 5000; i++) {
        char a[9], b[9], c[9];
        random_word(&random, a);
        random_word(&random, b);
        random_word(&random, c);
        unsigned ab = ja_text_distance(a, b);
        assert_int_equal(ab == 0, strcmp(a, b) == 0);
        assert_int_equal(ab, ja_text_distance(b, a));
        assert_true(ab <= ja_text_distance(a, c) + ja_text_distance(c, b));
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_fits_and_says_when_it_did_not),
        cmocka_unit_test(takes_nothing_more_once_full),
        cmocka_unit_test(copies_and_says_when_it_cut),
        cmocka_unit_test(reads_decimal_numbers_strictly),
        cmocka_unit_test(a_point_is_a_point_in_every_locale),
        cmocka_unit_test(reads_back_every_double),
        cmocka_unit_test(reads_integers_strictly),
        cmocka_unit_test(counts_the_edits_between_words),
        cmocka_unit_test(the_distance_is_capped),
        cmocka_unit_test(the_distance_is_a_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
