/* Tests where the program keeps what outlives it.
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
#include <errno.h>
#include <ja/core/state.h>
#include <sys/stat.h>
#include <unistd.h>

static void set(const char *name, const char *value) {
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

/* `expected` NULL: refused, and the sentence holds `words`. */
static void assert_place(const char *service, const char *user, const char *home,
                         const char *expected, const char *words) {
    char path[32];
    struct ja_error error = {""};
    set("STATE_DIRECTORY", service);
    set("XDG_STATE_HOME", user);
    set("HOME", home);
    enum ja_status status = ja_state_path("x", path, sizeof path, &error);
    assert_int_equal(status, expected ? JA_OK : JA_FAILED);
    if (expected)
        assert_string_equal(path, expected);
    else
        assert_non_null(strstr(error.text, words));
}

static void the_service_wins_over_the_user(void **state) {
    (void)state;
    assert_place("/s", "/u", "/h", "/s/x", NULL);
    assert_place("/s:/t", NULL, NULL, "/s/x", NULL);
    assert_place(NULL, "/u", "/h", "/u/jack-analyzer/x", NULL);
    assert_place("", "relative", "/h", "/h/.local/state/jack-analyzer/x", NULL);
}

static void it_says_when_there_is_no_place(void **state) {
    (void)state;
    assert_place(NULL, NULL, NULL, NULL, "no place for x: none of STATE_DIRECTORY");
    assert_place("/a-name-that-is-longer-than-the-room", NULL, NULL, NULL, "too long");
    assert_place("/exactly-one-byte-more-than-roo", NULL, NULL, NULL, "too long");
    assert_place(NULL, "/a-name-that-is-longer-than-the-room", NULL, NULL, "too long");
}

static void folders_are_made_for_the_user_alone(void **state) {
    char place[] = "/tmp/ja-state-XXXXXX", path[64];
    struct stat about;
    (void)state;
    assert_non_null(mkdtemp(place));
    snprintf(path, sizeof path, "%s/a/b/file", place);
    assert_true(ja_state_make_folders(path));
    assert_true(ja_state_make_folders(path));
    *strrchr(path, '/') = '\0';
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(rmdir(path), 0);
    *strrchr(path, '/') = '\0';
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(place), 0);
    assert_false(ja_state_make_folders("/dev/null/nothing/here"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_service_wins_over_the_user),
        cmocka_unit_test(it_says_when_there_is_no_place),
        cmocka_unit_test(folders_are_made_for_the_user_alone),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
