/* Tests of the guard against JACK's metadata when they are broken.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../../src/audio/metadata.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/ja-metadata-XXXXXX";

static void write_file(const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_only_an_empty_file_is_broken(void **state) {
    (void)state;
    assert_false(ja_metadata_is_broken("/nonexistent/jack_db-0"));
    assert_false(ja_metadata_is_broken(folder));
    write_file("metadata.db", "names");
    write_file("__db.001", "region");
    write_file("unrelated", "");
    assert_false(ja_metadata_is_broken(folder));
    write_file("__db.002", "");
    assert_true(ja_metadata_is_broken(folder));
    write_file("__db.002", "region");
    assert_false(ja_metadata_is_broken(folder));
}

static void test_nothing_else_is_removed(void **state) {
    (void)state;
    write_file("__db.001", "region");
    write_file("__db.003", "");
    write_file("unrelated", "");
    ja_metadata_remove(folder);
    assert_false(ja_metadata_is_broken(folder));
    assert_int_equal(rmdir(folder), -1);
    char path[64];
    snprintf(path, sizeof path, "%s/unrelated", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_an_empty_file_is_broken),
        cmocka_unit_test(test_nothing_else_is_removed),
    };
    if (!mkdtemp(folder))
        return 1;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
