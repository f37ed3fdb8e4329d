/* Tests of the file in which lies what was learnt: what is written is read back, everything else is
 * refused and set aside.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/failing.h"
#include <cmocka.h>
#include <fcntl.h>
#include <ja/adapt/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/ja-model-XXXXXX";
static char path[64], bad[80];
static struct ja_error error;

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/club.model", folder);
    snprintf(bad, sizeof bad, "%s.bad", path);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

/* Every value another, all in range. */
static struct ja_model some_model(void) {
    struct ja_model model;
    for (int i = 0; i < JA_PRIOR_TEMPI; i++) {
        for (int c = 0; c < JA_TEMPO_CASES; c++)
            model.tempo[i][c] = 500 * i + c;
    }
    for (int i = 0; i < JA_PRIOR_KINDS; i++)
        model.energy[i] = 100 * i - 300;
    model.latency_us = -12345;
    return model;
}

static void write_file(const char *name, const void *bytes, size_t size) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static void assert_same(const struct ja_model *a, const struct ja_model *b) {
    assert_memory_equal(a, b, sizeof *a);
}

static bool exists(const char *name) {
    struct stat status;
    return lstat(name, &status) == 0;
}

/* Refused with these words, set aside, and nothing is taken from it. */
static void assert_refused(const char *words) {
    struct ja_model model = some_model();
    const struct ja_model empty = {0};
    assert_int_equal(ja_model_load(&model, path, &error), JA_USAGE);
    assert_non_null(strstr(error.text, path));
    if (!strstr(error.text, words))
        fail_msg("\"%s\" lacks \"%s\"", error.text, words);
    assert_same(&model, &empty);
    assert_false(exists(path));
    assert_true(exists(bad));
    assert_int_equal(remove(bad), 0);
}

static void saved_and_loaded_is_the_same(void **state) {
    struct ja_model model = some_model(), read;
    struct stat status;
    (void)state;
    for (int i = 0; i < 2; i++) { /* over an older one, too */
        assert_int_equal(ja_model_save(&model, path, &error), JA_OK);
        assert_int_equal(ja_model_load(&read, path, &error), JA_OK);
        assert_same(&model, &read);
        model.latency_us = 50000;
    }
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(remove(path), 0); /* and the folder is empty, or rmdir would fail at the end */
}

static void absent_is_empty(void **state) {
    struct ja_model model = some_model();
    const struct ja_model empty = {0};
    (void)state;
    assert_int_equal(ja_model_load(&model, path, &error), JA_OK);
    assert_same(&model, &empty);
    assert_int_equal(ja_model_load(&model, "/nowhere/at/all.model", &error), JA_OK);
}

static size_t set_sum(char *text) {
    uint32_t sum = 2166136261u;
    char *end = strstr(text, "sum ");
    for (const char *at = text; at < end; at++)
        sum = (sum ^ (unsigned char)*at) * 16777619u;
    sprintf(end, "sum %08x\n", (unsigned)sum);
    return strlen(text);
}

/* The text of some_model with the row `name` saying `values`, and the sum right. */
static size_t text_with(char text[JA_MODEL_BYTES], const char *name, const char *values) {
    char whole[JA_MODEL_BYTES];
    struct ja_model model = some_model();
    ja_model_write(&model, whole);
    char *row = strstr(whole, name);
    assert_non_null(row);
    snprintf(text, JA_MODEL_BYTES, "%.*s%s %s%s", (int)(row - whole), whole, name, values,
             strchr(row, '\n'));
    return set_sum(text);
}

static void every_row_is_checked(void **state) {
    static const struct {
        const char *name, *values, *problem;
    } rows[] = {
        {"tempo 40", "0 0 10000", NULL},
        {"tempo 285", "10000 0 0", NULL},
        {"tempo 40", "0 0 10001", "line 2: tempo 40: 10001 is not 0 to 10000"},
        {"tempo 40", "-1 0 0", "tempo 40: -1 is not 0 to 10000"},
        {"tempo 127", "0 99999999999999 0", "tempo 127: 99999999999999 is not"},
        {"tempo 127", "0 999999999999999999 0", "is not 0 to 10000"},
        {"tempo 127", "0 007 0", "is not as it was written"},
        {"latency", "-0", "is not as it was written"},
        {"tempo 127", "0 0", "line 12: tempo 127 has no 3 whole numbers"},
        {"tempo 127", "0 0 0 0", "tempo 127 has more than 3 numbers"},
        {"tempo 127", "0 0.5 0", "has no 3 whole numbers"},
        {"tempo 127", "0  0 0", "has no 3 whole numbers"},
        {"tempo 127", "0 0 0 ", "has more than 3 numbers"},
        {"tempo 127", "0 nan 0", "has no 3 whole numbers"},
        {"energy drop", "500", NULL},
        {"energy drop", "501", "line 23: energy drop: 501 is not -500 to 500"},
        {"energy rise", "-501", "line 20: energy rise: -501 is not"},
        {"energy return", "--5", "has no 1 whole numbers"},
        {"latency", "-50000", NULL},
        {"latency", "50001", "line 27: latency: 50001 is not -50000 to 50000"},
        {"latency", "", "latency has no 1 whole numbers"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ja_model model = some_model();
        char text[JA_MODEL_BYTES];
        size_t size = text_with(text, rows[i].name, rows[i].values);
        write_file(path, text, size);
        if (rows[i].problem) {
            assert_refused(rows[i].problem);
            continue;
        }
        assert_int_equal(ja_model_load(&model, path, &error), JA_OK);
        assert_int_equal(remove(path), 0);
    }
}

static void truncated_or_changed_anywhere_is_refused(void **state) {
    struct ja_model model = some_model(), read;
    char text[JA_MODEL_BYTES];
    size_t size = ja_model_write(&model, text);
    (void)state;
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(ja_model_read(&read, text, cut, &error), JA_USAGE);
    for (size_t at = 0; at < size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            text[at] ^= (char)(1 << bit);
            assert_int_equal(ja_model_read(&read, text, size, &error), JA_USAGE);
            text[at] ^= (char)(1 << bit);
        }
    }
    assert_int_equal(ja_model_read(&read, text, size, &error), JA_OK);
    strcpy(text + size, "\n");
    assert_int_equal(ja_model_read(&read, text, size + 1, &error), JA_USAGE);
    write_file(path, text, size / 2);
    assert_refused("line 14");
}

static void foreign_files_are_set_aside(void **state) {
    char text[JA_MODEL_BYTES];
    static char huge[1 << 20];
    (void)state;
    write_file(path, "", 0);
    assert_refused("does not begin with \"jack-analyzer model \"");
    write_file(path,
               "\x7f"
               "ELF\0\0\0\0",
               8);
    assert_refused("does not begin");
    text_with(text, "latency", "0");
    text[strlen("jack-analyzer model ")] = '2';
    write_file(path, text, set_sum(text));
    assert_refused("is of another version than 1");
    memset(huge, 'a', sizeof huge);
    write_file(path, huge, sizeof huge);
    assert_refused("is larger than 2047 bytes");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused("is not a regular file");
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_refused("is a symbolic link");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused("is not a regular file");
}

static void files_of_others_are_set_aside(void **state) {
    struct ja_model model = some_model();
    static const mode_t modes[] = {0620, 0602, 0666};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(ja_model_save(&model, path, &error), JA_OK);
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_refused("can be written by others");
    }
    if (geteuid() != 0)
        return;
    assert_int_equal(ja_model_save(&model, path, &error), JA_OK);
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_refused("belongs to another user");
}

/* When even that is impossible, it is left alone. */
static void cannot_be_set_aside(void **state) {
    struct ja_model model;
    char inside[96];
    (void)state;
    write_file(path, "mine", 4);
    assert_int_equal(mkdir(bad, 0700), 0);
    snprintf(inside, sizeof inside, "%s/full", bad);
    write_file(inside, "", 0);
    assert_int_equal(ja_model_load(&model, path, &error), JA_FAILED);
    assert_non_null(strstr(error.text, "it cannot be renamed: "));
    assert_true(exists(path));
    remove(inside);
    remove(bad);
    remove(path);
}

static void unwritable_is_told(void **state) {
    struct ja_model model = some_model();
    char below[96];
    (void)state;
    write_file(path, "a file, no folder", 17);
    snprintf(below, sizeof below, "%s/deeper/club.model", path);
    assert_int_equal(ja_model_load(&model, below, &error), JA_OK);
    assert_int_equal(ja_model_save(&model, below, &error), JA_FAILED);
    assert_non_null(strstr(error.text, below));
    remove(path);
    assert_int_equal(mkdir(path, 0700), 0); /* in the way of the new name */
    snprintf(below, sizeof below, "%s/a", path);
    write_file(below, "", 0);
    assert_int_equal(ja_model_save(&model, path, &error), JA_FAILED);
    remove(below);
    remove(path);
}

/* What a crash left over is neither read nor in the way. */
static void leftovers_do_no_harm(void **state) {
    struct ja_model model = some_model(), read;
    char left[96];
    (void)state;
    snprintf(left, sizeof left, "%s.%ld.new", path, (long)getpid());
    write_file(left, "half a mod", 10);
    assert_int_equal(ja_model_load(&read, path, &error), JA_OK);
    assert_int_equal(ja_model_save(&model, path, &error), JA_OK);
    assert_int_equal(ja_model_load(&read, path, &error), JA_OK);
    assert_same(&model, &read);
    assert_false(exists(left));
    remove(path);
}

static void nothing_is_allocated(void **state) {
    struct ja_model model = some_model(), read;
    (void)state;
    fail_at = 1;
    assert_int_equal(ja_model_save(&model, path, &error), JA_OK);
    assert_int_equal(ja_model_load(&read, path, &error), JA_OK);
    assert_int_equal(fail_at, 1);
    fail_at = 0;
    assert_same(&model, &read);
    remove(path);
}

static void assert_path(const char *service, const char *user, const char *home,
                        const char *expected) {
    char found[JA_MODEL_PATH];
    const char *names[] = {"STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"};
    const char *values[] = {service, user, home};
    for (int i = 0; i < 3; i++) {
        if (values[i])
            setenv(names[i], values[i], 1);
        else
            unsetenv(names[i]);
    }
    enum ja_status status = ja_model_path("club", found, &error);
    assert_int_equal(status, expected ? JA_OK : JA_FAILED);
    if (expected)
        assert_string_equal(found, expected);
}

static void path_follows_the_environment(void **state) {
    char long_home[JA_MODEL_PATH + 1], found[JA_MODEL_PATH];
    static const char *const wrong[] = {
        "", "a/b", "..", ".", "a b", "caf\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    (void)state;
    assert_path("/var/lib/ja", "/s", "/h", "/var/lib/ja/club.model");
    assert_path("/a:/b", NULL, NULL, "/a/club.model");
    assert_path(NULL, "/s", "/h", "/s/jack-analyzer/club.model");
    assert_path("", "relative", "/h", "/h/.local/state/jack-analyzer/club.model");
    assert_path(NULL, NULL, NULL, NULL);
    memset(long_home, 'a', sizeof long_home - 1);
    long_home[0] = '/';
    long_home[JA_MODEL_PATH] = '\0';
    assert_path(NULL, NULL, long_home, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(ja_model_path(wrong[i], found, &error), JA_USAGE);
        assert_non_null(strstr(error.text, "must be 1 to 32 letters, digits, - and _"));
    }
}

static void folders_are_made(void **state) {
    struct ja_model model = some_model();
    char deep[80];
    (void)state;
    snprintf(deep, sizeof deep, "%s/a/b/club.model", folder);
    assert_int_equal(ja_model_save(&model, deep, &error), JA_OK);
    assert_true(exists(deep));
    remove(deep);
    for (int i = 0; i < 2; i++) {
        *strrchr(deep, '/') = '\0';
        assert_int_equal(rmdir(deep), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_and_loaded_is_the_same),
        cmocka_unit_test(absent_is_empty),
        cmocka_unit_test(every_row_is_checked),
        cmocka_unit_test(truncated_or_changed_anywhere_is_refused),
        cmocka_unit_test(foreign_files_are_set_aside),
        cmocka_unit_test(files_of_others_are_set_aside),
        cmocka_unit_test(cannot_be_set_aside),
        cmocka_unit_test(unwritable_is_told),
        cmocka_unit_test(leftovers_do_no_harm),
        cmocka_unit_test(nothing_is_allocated),
        cmocka_unit_test(path_follows_the_environment),
        cmocka_unit_test(folders_are_made),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
