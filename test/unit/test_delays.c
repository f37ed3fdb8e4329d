/* Delays: quantiles, the line of figures and the histogram.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../../src/app/delays.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What `tell` prints; to be freed. */
static char *printed(void (*tell)(struct ja_delays *, const char *, FILE *),
                     struct ja_delays *delays) {
    static char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    tell(delays, "way", out);
    fclose(out);
    return text;
}

static void quantiles_are_taken_in_order(void **state) {
    (void)state;
    struct ja_delays delays = {0};
    assert_true(isnan(ja_delays_quantile(&delays, 0.5)));
    for (int i = 1000; i >= 0; i--) /* more than fits at first */
        ja_delays_add(&delays, (i * 10) % 1001);
    assert_int_equal(delays.count, 1001);
    assert_true(ja_delays_quantile(&delays, 0) == 0);
    assert_true(ja_delays_quantile(&delays, 0.5) == 500);
    assert_true(ja_delays_quantile(&delays, 0.95) == 950);
    assert_true(ja_delays_quantile(&delays, 1) == 1000);
    ja_delays_done(&delays);
    assert_int_equal(delays.count, 0);
}

static void a_row_tells_five_figures(void **state) {
    (void)state;
    struct ja_delays delays = {0};
    char *text = printed(ja_delays_row, &delays);
    assert_non_null(strstr(text, "way"));
    assert_non_null(strstr(text, "none"));
    free(text);
    for (int i = 0; i < 4; i++)
        ja_delays_add(&delays, i % 2 ? 3 : -1);
    text = printed(ja_delays_row, &delays);
    assert_non_null(strstr(text, "  -1.00    3.00    3.00    3.00    2.00\n"));
    free(text);
    ja_delays_done(&delays);
}

static void a_histogram_counts_every_delay_once(void **state) {
    (void)state;
    static const double spans_ms[] = {0, 0.4, 3, 12, 13, 700};
    for (size_t s = 0; s < sizeof spans_ms / sizeof spans_ms[0]; s++) {
        struct ja_delays delays = {0};
        for (int i = 0; i < 500; i++)
            ja_delays_add(&delays, spans_ms[s] * (i / 499.0 - 0.3));
        ja_delays_add(&delays, -9000); /* one far out on each side */
        ja_delays_add(&delays, 9000);
        char *text = printed(ja_delays_histogram, &delays);
        size_t sum = 0, lines = 0;
        for (char *line = strchr(strstr(text, "way"), '\n') + 1; *line;
             line = strchr(line, '\n') + 1) {
            char *at;
            strtod(line, &at);
            sum += strtoul(at, NULL, 10);
            lines++;
        }
        assert_int_equal(sum, 502);
        assert_in_range(lines, 1, 26);
        free(text);
        ja_delays_done(&delays);
    }
}

static void no_delays_make_no_histogram(void **state) {
    (void)state;
    struct ja_delays delays = {0};
    char *text = printed(ja_delays_histogram, &delays);
    assert_string_equal(text, "");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_taken_in_order),
        cmocka_unit_test(a_row_tells_five_figures),
        cmocka_unit_test(a_histogram_counts_every_delay_once),
        cmocka_unit_test(no_delays_make_no_histogram),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
