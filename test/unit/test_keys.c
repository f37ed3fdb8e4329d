/* Tests of how the terminal's keys are told apart.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "app/keys.h"
#include <cmocka.h>

static void keys_are_told_apart(void **state) {
    static const struct {
        const char *bytes;
        int keys[4]; /* all that come, 0 ends */
    } rows[] = {
        {" ", {' '}},
        {"r?", {'r', '?'}},
        {"\033[D", {JA_KEY_LEFT}},
        {"\033[C\033[D", {JA_KEY_RIGHT, JA_KEY_LEFT}},
        {"\033OC", {JA_KEY_RIGHT}},        /* in application mode */
        {"\033[Aq", {'q'}},                /* up */
        {"\033[1;5Dq", {'q'}},             /* with Ctrl */
        {"\033[15~q", {'q'}},              /* F5 */
        {"\033[1;2;3;4;5;6;7;8;q", {'q'}}, /* none is so long */
        {"\033qr", {'r'}},                 /* Alt-q does not quit */
        {"\033\033[D", {JA_KEY_LEFT}},
        {"\303\266", {0303, 0266}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ja_key_reader reader = {.bytes = 0};
        size_t count = 0;
        for (const char *byte = rows[i].bytes; *byte; byte++) {
            int key = ja_key_read(&reader, (unsigned char)*byte);
            if (key != JA_KEY_NONE)
                assert_int_equal(key, rows[i].keys[count++]);
        }
        assert_int_equal(rows[i].keys[count], 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_are_told_apart)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
