/* Tests how failures become a status and a sentence.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <ja/core/status.h>

static void writes_the_sentence_and_returns_the_status(void **state) {
    (void)state;
    struct ja_error error;
    assert_int_equal(ja_fail(&error, JA_USAGE, "%s is %d", "hop", 7), JA_USAGE);
    assert_string_equal(error.text, "hop is 7");
}

static void takes_no_error_too(void **state) {
    (void)state;
    assert_int_equal(ja_fail(NULL, JA_FAILED, "nobody reads this"), JA_FAILED);
}

static void cuts_a_sentence_that_is_too_long(void **state) {
    (void)state;
    struct ja_error error;
    ja_fail(&error, JA_FAILED, "%01000d", 0);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_sentence_and_returns_the_status),
        cmocka_unit_test(takes_no_error_too),
        cmocka_unit_test(cuts_a_sentence_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
