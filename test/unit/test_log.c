/* Tests the log. Standard error becomes one end of a packet socket, so that every write(2) is told
 * apart.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int reader; /* what was written to standard error comes out here */

/* The next packet, or "" when there is none. */
static const char *next_line(void) {
    static char line[4096];
    ssize_t length = recv(reader, line, sizeof line - 1, MSG_DONTWAIT);
    line[length > 0 ? length : 0] = '\0';
    return line;
}

static int capture(void **state) {
    int pair[2];
    int *before = malloc(sizeof *before);
    *before = dup(STDERR_FILENO);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 || dup2(pair[0], STDERR_FILENO) < 0)
        return -1;
    close(pair[0]);
    reader = pair[1];
    *state = before;
    unsetenv("JOURNAL_STREAM");
    ja_log_set_level(JA_LOG_NOTICE);
    return 0;
}

static int release(void **state) {
    int *before = *state;
    dup2(*before, STDERR_FILENO);
    close(*before);
    close(reader);
    free(before);
    return 0;
}

static void every_message_is_one_line_and_one_write(void **state) {
    (void)state;
    ja_log(JA_LOG_ERROR, "no %s", "port");
    ja_log(JA_LOG_WARNING, "%d lost", 3);
    ja_log(JA_LOG_NOTICE, "locked");
    assert_string_equal(next_line(), "error: no port\n");
    assert_string_equal(next_line(), "warning: 3 lost\n");
    assert_string_equal(next_line(), "locked\n");
    assert_string_equal(next_line(), "");
}

static void messages_above_the_level_are_dropped(void **state) {
    (void)state;
    ja_log(JA_LOG_DEBUG, "hidden");
    assert_string_equal(next_line(), "");
    ja_log_set_level(JA_LOG_DEBUG);
    ja_log(JA_LOG_DEBUG, "shown");
    assert_string_equal(next_line(), "debug: shown\n");
    ja_log_set_level(JA_LOG_ERROR);
    ja_log(JA_LOG_WARNING, "hidden");
    assert_string_equal(next_line(), "");
    ja_log(JA_LOG_ERROR, "shown");
    assert_string_equal(next_line(), "error: shown\n");
}

static void text_from_outside_forges_no_line(void **state) {
    (void)state;
    ja_log(JA_LOG_NOTICE, "port %s", "a\nerror: b\r\x1b[2J\x7f");
    assert_string_equal(next_line(), "port a error: b  [2J \n");
}

static void a_long_message_is_cut_and_still_a_line(void **state) {
    (void)state;
    ja_log(JA_LOG_ERROR, "%05000d", 0);
    const char *line = next_line();
    assert_in_range(strlen(line), 500, 1024);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_string_equal(next_line(), "");
}

static void the_journal_gets_priorities(void **state) {
    (void)state;
    struct stat status;
    char stream[64];
    fstat(STDERR_FILENO, &status);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    ja_log_set_level(JA_LOG_DEBUG);
    ja_log(JA_LOG_ERROR, "a");
    ja_log(JA_LOG_WARNING, "b");
    ja_log(JA_LOG_NOTICE, "c");
    ja_log(JA_LOG_DEBUG, "d");
    assert_string_equal(next_line(), "<3>a\n");
    assert_string_equal(next_line(), "<4>b\n");
    assert_string_equal(next_line(), "<5>c\n");
    assert_string_equal(next_line(), "<7>d\n");
}

static void somebody_elses_journal_stream_does_not_count(void **state) {
    (void)state;
    setenv("JOURNAL_STREAM", "1:1", 1);
    ja_log(JA_LOG_ERROR, "a");
    assert_string_equal(next_line(), "error: a\n");
    setenv("JOURNAL_STREAM", "rubbish", 1);
    ja_log(JA_LOG_ERROR, "b");
    assert_string_equal(next_line(), "error: b\n");
}

static void a_limit_lets_one_message_through_and_counts(void **state) {
    (void)state;
    struct ja_log_limit limit = {0};
    uint64_t before_us = ja_clock_us();
    for (int i = 0; i < 5; i++)
        ja_log_limited(&limit, JA_LOG_WARNING, "late %d", i);
    assert_string_equal(next_line(), "warning: late 0\n");
    assert_string_equal(next_line(), "");
    assert_int_equal(limit.held, 4);
    assert_in_range(limit.next_us, before_us + 10000000, ja_clock_us() + 10000000);

    limit.next_us = ja_clock_us(); /* ten seconds have gone by */
    ja_log_limited(&limit, JA_LOG_WARNING, "late again");
    assert_string_equal(next_line(), "warning: late again (and 4 more like it)\n");
    limit.next_us = 0;
    ja_log_limited(&limit, JA_LOG_WARNING, "late once more");
    assert_string_equal(next_line(), "warning: late once more\n");
}

static void the_limit_does_not_count_what_the_level_drops(void **state) {
    (void)state;
    struct ja_log_limit limit = {0};
    ja_log_limited(&limit, JA_LOG_DEBUG, "hidden");
    ja_log_limited(&limit, JA_LOG_WARNING, "shown");
    assert_string_equal(next_line(), "warning: shown\n");
}

#define LOG_TEST(function) cmocka_unit_test_setup_teardown(function, capture, release)

static void a_reader_that_stands_still_does_not_hold_us(void **state) {
    char filler[1024] = "";
    (void)state;
    while (send(STDERR_FILENO, filler, sizeof filler, MSG_DONTWAIT) > 0)
        ;
    alarm(20);
    for (int i = 0; i < 1000; i++)
        ja_log(JA_LOG_ERROR, "lost");
    alarm(0);
    while (recv(reader, filler, sizeof filler, MSG_DONTWAIT) > 0)
        ;
    ja_log(JA_LOG_NOTICE, "back");
    assert_string_equal(next_line(), "back (1000 lines before this one were lost)\n");
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        LOG_TEST(every_message_is_one_line_and_one_write),
        LOG_TEST(messages_above_the_level_are_dropped),
        LOG_TEST(text_from_outside_forges_no_line),
        LOG_TEST(a_long_message_is_cut_and_still_a_line),
        LOG_TEST(the_journal_gets_priorities),
        LOG_TEST(somebody_elses_journal_stream_does_not_count),
        LOG_TEST(a_limit_lets_one_message_through_and_counts),
        LOG_TEST(the_limit_does_not_count_what_the_level_drops),
        LOG_TEST(a_reader_that_stands_still_does_not_hold_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
