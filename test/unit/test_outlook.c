/* The network that says what is to come against what the training framework computed:
 * src/train/outlook.py tells how the input is made.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "feature/outlook.h"
#include <cmocka.h>
#include <math.h>

static void hear(struct ja_outlook *outlook, int beat) {
    float clues[JA_OUTLOOK_CLUES];

    for (int i = 0; i < JA_OUTLOOK_CLUES; i++)
        clues[i] = (float)sin(0.05 * beat * (1 + i % 7) + i);
    ja_outlook_hear(outlook, clues);
}

static void assert_near(float got, char **text) {
    assert_true(fabs((double)got - strtod(*text, text)) <= 1e-4);
}

static void network_is_that_of_training(void **state) {
    FILE *file = fopen("test/golden/outlook.txt", "r");
    struct ja_outlook outlook;
    char line[1024];
    int heard = 0, checked = 0;

    (void)state;
    assert_non_null(file);
    ja_outlook_reset(&outlook);
    while (fgets(line, sizeof line, file)) {
        char *text = line;

        if (*line == '#')
            continue;
        for (long beat = strtol(line, &text, 10); heard <= beat; heard++)
            hear(&outlook, heard);
        for (int i = 0; i < JA_OUTLOOK_SECTIONS; i++)
            assert_near(outlook.sections[i], &text);
        for (int f = 0; f < JA_OUTLOOK_FORETOLD; f++)
            for (int i = 0; i < JA_OUTLOOK_SPANS; i++)
                assert_near(outlook.within[f][i], &text);
        checked++;
    }
    fclose(file);
    assert_int_equal(checked, 24);
}

static void nothing_is_known_before_a_beat_and_after_reset(void **state) {
    struct ja_outlook outlook;

    (void)state;
    ja_outlook_reset(&outlook);
    assert_true(isnan(outlook.sections[0]) && isnan(outlook.within[0][0]));
    hear(&outlook, 0);
    float first = outlook.within[0][JA_OUTLOOK_SPANS - 1];
    assert_true(first >= 0 && first <= 1);
    hear(&outlook, 1);
    ja_outlook_reset(&outlook);
    assert_true(isnan(outlook.sections[0]));
    hear(&outlook, 0);
    assert_true(outlook.within[0][JA_OUTLOOK_SPANS - 1] == first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_is_that_of_training),
        cmocka_unit_test(nothing_is_known_before_a_beat_and_after_reset),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
