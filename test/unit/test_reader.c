/* Tests reading configuration files: what is right, what is wrong and where, and hostile files.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/settings_rig.h"
#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>

/* libconfig 1.5 forgets the string it is reading when it meets a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libconfig";
}

static char folder[] = "/tmp/ja-reader-XXXXXX";
static char path[64];
static struct ja_error error;

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/a.conf", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    remove(path);
    return rmdir(folder);
}

/* Reads the file at `path`; what it changed, or nothing, is to be seen in the printed text. */
static enum ja_status read_file(struct ja_config *config) {
    error.text[0] = '\0';
    return ja_config_read(config, JA_LAYER_FILE, path, &error);
}

static void assert_refused_as_it_is(const char *why) {
    struct ja_config *config = rig_new();
    ja_config_set(config, JA_LAYER_FILE, "onset.threshold", "1", "earlier", NULL);
    char *before = rig_printed(config, ja_config_print);
    assert_int_equal(read_file(config), JA_USAGE);
    char *after = rig_printed(config, ja_config_print);
    assert_string_equal(before, after);
    if (strncmp(error.text, path, strlen(path)) != 0 ||
        strstr(error.text + strlen(path), why) == NULL)
        fail_msg("expected \"%s\", got \"%s\"", why, error.text);
    free(before);
    free(after);
    ja_config_free(config);
}

static void assert_refused(const char *text, const char *why) {
    rig_write(path, text);
    assert_refused_as_it_is(why);
}

static struct ja_config *read_text(const char *text) {
    struct ja_config *config = rig_new();
    rig_write(path, text);
    if (read_file(config) != JA_OK)
        fail_msg("%s", error.text);
    return config;
}

static void assert_value(const struct ja_config *config, const char *name, const char *expected,
                         int line) {
    char buffer[128], expected_origin[80] = "default";
    const char *origin;
    struct ja_text text;
    ja_text_init(&text, buffer, sizeof buffer);
    assert_int_equal(ja_config_get(config, name, &text, NULL, &origin, &error), JA_OK);
    assert_string_equal(buffer, expected);
    if (line > 0)
        snprintf(expected_origin, sizeof expected_origin, "%s:%d", path, line);
    assert_string_equal(origin, expected_origin);
}

static void reads_every_type_and_remembers_the_line(void **state) {
    (void)state;
    struct ja_config *config = read_text("# a rig\n"
                                         "onset: {\n"
                                         "  enable = FALSE;\n"
                                         "  bands = -2\n"
                                         "  threshold = 4; // whole\n"
                                         "  method = \"energy\";\n"
                                         "  label = \"a\\\"b\\\\c\";\n"
                                         "  inputs = [ \"x, y\", \"z\" ];\n"
                                         "};\n"
                                         "target = {\n"
                                         "  main: { port = 9000L, offset_ms = -1e1 }\n"
                                         "  lights: { };\n"
                                         "};\n"
                                         "# no line's end after this");
    assert_value(config, "onset.enable", "false", 3);
    assert_value(config, "onset.bands", "-2", 4);
    assert_value(config, "onset.threshold", "4", 5);
    assert_value(config, "onset.method", "energy", 6);
    assert_value(config, "onset.label", "a\"b\\c", 7);
    assert_value(config, "onset.inputs", "x, y,z", 8);
    assert_value(config, "target.main.port", "9000", 11);
    assert_value(config, "target.main.offset_ms", "-10", 11);
    assert_value(config, "target.lights.port", "7771", 0);
    assert_string_equal(ja_config_instance(config, &target_module, 1), "lights");
    ja_config_free(config);
}

static void reads_what_editors_and_habits_leave(void **state) {
    (void)state;
    const char *const texts[] = {
        "onset: { method = 1024; inputs = (\"z\"); };",
        "\xef\xbb\xbfonset: { method = \"1024\"; inputs = [\"z\"]; };",
        "onset = {\r\n  method = 1024, # comment\r\n  inputs = [ \"z\" ]\r\n}\r\n",
        "onset: { /* @include \"x\" */ method = 1024; inputs = [ \"z\" ]; }; /**/ // @include",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct ja_config *config = read_text(texts[i]);
        struct onset_settings onset;
        ja_config_fill(config, &onset_module, NULL, &onset);
        assert_int_equal(onset.method, 3);
        assert_memory_equal(onset.inputs, "z\0\0", 3);
        ja_config_free(config);
    }
    ja_config_free(read_text("onset: { threshold = .4294967297; label = \"\\\\4294967297\"; };"
                             "# 4294967297\n/* 4294967297 */ // 4294967297"));
    ja_config_free(read_text("target: { a4294967297: { }; b-4294967297: { }; };"));
    ja_config_free(read_text(""));
    ja_config_free(read_text("\n\n# nothing\n"));
    struct ja_config *config = read_text("onset: { inputs = [ ]; };");
    assert_value(config, "onset.inputs", "", 1);
    ja_config_free(config);
}

static void a_second_file_is_laid_over_the_first(void **state) {
    (void)state;
    struct ja_config *config = read_text("onset: { bands = 1; threshold = 1.5; };");
    rig_write(path, "\nonset: { bands = 2; };");
    assert_int_equal(read_file(config), JA_OK);
    assert_value(config, "onset.bands", "2", 2);
    assert_value(config, "onset.threshold", "1.5", 1);
    ja_config_free(config);
}

static void names_file_line_value_and_range(void **state) {
    (void)state;
    const char *const wrong[][2] = {
        {"\nonset: {\n\n threshold = 7; };", ":4: onset.threshold = 7: must be between 0 and 5"},
        {"onset: { threshold = 1e999; };", "onset.threshold = inf: must be a number between"},
        {"onset: { threshold = -0.1; };", "onset.threshold = -0.1: must be between 0 and 5"},
        {"onset: { threshold = \"1\"; };", "onset.threshold: must be a number, decimal"},
        {"onset: { threshold = nan; };", ":1: syntax error"},
        {"onset: { bands = 1.0; };", "onset.bands: must be a whole number"},
        {"onset: { bands = 41; };", "onset.bands = 41: must be between -4 and 40"},
        {"onset: { bands = 40000000; };", "onset.bands = 40000000: must be between"},
        {"onset: { bands = 4294967297L; };", "onset.bands = 4294967297: must be between"},
        {"onset: { bands = 2147483647; };", "onset.bands = 2147483647: must be between"},
        {"onset: { bands = -2147483648; };", "onset.bands = -2147483648: must be between"},
        {"onset: {\n bands = 2147483648; };", ":2: this whole number is too large: 2147483648"},
        {"onset: { bands = -2147483649; };", ":1: this whole number is too large: 2147483649"},
        {"onset: { bands = 4294967297; };", ":1: this whole number is too large: 4294967297"},
        {"onset: { bands = 4294967297threshold = 1; };", "is too large: 4294967297"},
        {"onset: { bands = 4294967297e };", "is too large: 4294967297"},
        {"onset: { label = \"\\\"\"; bands = 4294967297; };", "is too large: 4294967297"},
        {"/* \" */ onset: { bands = 4294967297; }; # \"", "is too large: 4294967297"},
        {"// \"\nonset: { bands = 4294967297; };", ":2: this whole number is too large: 429"},
        {"onset: { bands = 18446744073709551617L; };", "is too large: 18446744073709551617"},
        {"onset: { threshold = 18446744073709551617; };", "is too large: 18446744073709551617"},
        {"onset: { threshold = 4294967297e1; };", "onset.threshold = 42949672970: must be between"},
        {"onset: { threshold = 4294967297.; };", "onset.threshold = 4294967297: must be between"},
        {"onset: { bands = 0x100000001; };", "onset.bands: must be a whole number, decimal"},
        {"onset: { bands = 0x10000000000000001L; };", "onset.bands: must be a whole number"},
        {"onset: { threshold = 0x1; };", "onset.threshold: must be a number, decimal"},
        {"onset: { bands = true; };", "onset.bands: must be a whole number"},
        {"onset: { bands = [ 1 ]; };", "onset.bands: must be a whole number"},
        {"onset: { enable = 1; };", "onset.enable: must be true or false"},
        {"onset: { enable = \"true\"; };", "onset.enable: must be true or false"},
        {"onset: { method = \"hf\"; };", "onset.method = hf: must be one of hfc, energy"},
        {"onset: { method = 1025; };", "onset.method = 1025: must be one of"},
        {"onset: { method = 0x400; };", "onset.method: must be a string"},
        {"onset: { label = 5; };", "onset.label: must be a string"},
        {"onset: { label = { }; };", "onset.label: must be a string"},
        {"onset: { label = \"sixteen bytes!!!\"; };", "must have at most 15 bytes, not 16"},
        {"onset: { label = \"a\\nb\"; };", "onset.label = a?b: must not hold control"},
        {"onset: { label = \"\\x1b[2J\"; };", "onset.label = ?[2J: must not hold control"},
        {"onset: { inputs = \"a\"; };", "onset.inputs: must be a list: [ \"...\""},
        {"onset: { inputs = [ 1, 2 ]; };", "onset.inputs: must hold nothing but strings"},
        {"onset: { inputs = ( \"a\", [ ] ); };", "onset.inputs: must hold nothing but strings"},
        {"onset: { inputs = [ \"a\", \"\" ]; };", "onset.inputs: must not hold an empty entry"},
        {"onset: { inputs = [ \"1234567890123456789012345678901\" ]; };", "at most 30 bytes"},
        {"onset: {\ntreshold = 1; };",
         ":2: onset.treshold: no such option; did you mean onset.thr"},
        {"target: {\n main: {\n prot = 1; }; };", ":3: target.main.prot: no such option; did you "
                                                  "mean target.main.port?"},
        {"\nonzet: { };", ":2: onzet: nothing has that name; did you mean onset?"},
        {"preset: { name = \"x\"; };", "preset: nothing has that name"},
        {"onset = 5;", "onset: must be a group: { ... }"},
        {"target = [ 1 ];", "target: must be a group of named groups"},
        {"target: { port = 7000; };", "port: must be a group"},
        {"target: { a*b: { }; };", "target.a*b: a name must begin with a letter"},
        {"bare: { x = 1; };", "bare.x: no such option"},
        {"onset: { bands = 1;\n bands = 2; };", ":2: duplicate setting name"},
        {"onset: { };\nonset: { };", ":2: duplicate setting name"},
        {"onset: { bands = ; };", ":1: syntax error"},
        {"onset: { bands = 1;", "syntax error"},
        {"onset: { bands = 1; }; }", "syntax error"},
        {"onset: { label = \"a", "syntax error"},
        {"onset: { }; \"a", "ends inside a comment or a string"},
        {"onset: { }; /* target: { };", "ends inside a comment or a string"},
        {"end-of-file = true;", "duplicate setting name"},
        {"@include \"/etc/passwd\"\n", ":1: @include is not allowed"},
        {"onset: {\n \t@include \"other.conf\"\n};", ":2: @include is not allowed"},
        {"onset: { }; @include \"/etc/passwd\"\n", ":1: syntax error"},
        {"\xff\xfe", ":1: syntax error"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_refused(wrong[i][0], wrong[i][1]);
}

static void there_are_at_most_64_instances(void **state) {
    (void)state;
    char text[4096] = "target: {\n";
    for (int i = 1; i <= 64; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "t%d: { };\n", i);
    strcat(text, "};");
    assert_refused(text, ":65: target.t64: there can be at most 64 of target");
}

static void opens_nothing_but_a_small_regular_file(void **state) {
    (void)state;
    remove(path);
    assert_refused_as_it_is(": No such file or directory");

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused_as_it_is(": is not a regular file"); /* and does not wait for a writer */
    remove(path);

    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused_as_it_is(": is not a regular file");
    remove(path);

    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_refused_as_it_is(": is not a regular file");
    remove(path);

    enum { LARGEST = 64 * 1024 };
    char *text = malloc(LARGEST + 2);
    assert_non_null(text);
    memset(text, '#', LARGEST + 1);
    text[LARGEST + 1] = '\0';
    assert_refused(text, ": is larger than 64 KiB");
    text[LARGEST] = '\0';
    ja_config_free(read_text(text));
    free(text);
}

static void refuses_nul_bytes(void **state) {
    (void)state;
    const char text[] = "onset: {\n bands = 1; };\n\0onset2: { };";
    rig_write_bytes(path, text, sizeof text - 1);
    assert_refused_as_it_is(":3: holds a NUL byte");
    rig_write_bytes(path, "\0", 1);
    assert_refused_as_it_is(":1: holds a NUL byte");
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Fills a file of at most 64 KiB with `count` times `piece`, in which %d is a running number. */
static void write_many(const char *before, const char *piece, int count, const char *after) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(before, file);
    for (int i = 0; i < count; i++) {
        if (strstr(piece, "%d") != NULL)
            fprintf(file, "%.*s%d%s", (int)(strstr(piece, "%d") - piece), piece, i,
                    strstr(piece, "%d") + 2);
        else
            fputs(piece, file);
    }
    fputs(after, file);
    fclose(file);
}

static void large_and_deep_files_end_soon(void **state) {
    (void)state;
    double begin = seconds();
    write_many("", "a%d=1", 9000, "");
    assert_refused_as_it_is(":1: ");
    write_many("onset: {\n", "\na%d=1", 8000, "\n};");
    assert_refused_as_it_is(":3: onset.a0: no such option");
    write_many("", "a:{", 21000, "");
    assert_refused_as_it_is(": ");
    write_many("a=", "(", 65000, "");
    assert_refused_as_it_is(": ");
    write_many("a=", "(", 2000, ")");
    assert_refused_as_it_is(": ");
    write_many("onset: { inputs = [ \"", "x", 60000, "\" ]; };");
    assert_refused_as_it_is("at most 30 bytes");
    write_many("onset: { inputs = [ ", "\"\",", 20000, "\"\" ]; };");
    assert_refused_as_it_is("empty entry");
    write_many("onset: { bands = ", "9", 60000, "; };");
    assert_refused_as_it_is("this whole number is too large");
    write_many("", "b", 60000, ": { };");
    assert_refused_as_it_is("nothing has that name");
    write_many("target: { ", "b", 60000, ": { }; };");
    assert_refused_as_it_is("a name must begin with a letter");
    write_many("onset: { ", "b", 60000, " = 1; };");
    assert_refused_as_it_is("no such option");
    write_many("onset: { label = ", "\"\" ", 20000, "; };");
    struct ja_config *config = rig_new();
    assert_int_equal(read_file(config), JA_OK);
    ja_config_free(config);
    assert_true(seconds() - begin < 60); /* quadratic in the keys, so the size is bounded */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type_and_remembers_the_line),
        cmocka_unit_test(reads_what_editors_and_habits_leave),
        cmocka_unit_test(a_second_file_is_laid_over_the_first),
        cmocka_unit_test(names_file_line_value_and_range),
        cmocka_unit_test(there_are_at_most_64_instances),
        cmocka_unit_test(opens_nothing_but_a_small_regular_file),
        cmocka_unit_test(refuses_nul_bytes),
        cmocka_unit_test(large_and_deep_files_end_soon),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
