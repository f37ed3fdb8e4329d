/* Tests presets: where they are found, what they may set, how they are laid over each other.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/settings_rig.h"
#include <cmocka.h>
#include <ja/config/preset.h>
#include <sys/stat.h>

static char root[] = "/tmp/ja-preset-XXXXXX"; /* current directory, and XDG_CONFIG_HOME in it */
static struct ja_error error;
static char written[64][64]; /* files to be removed */
static size_t written_count;

static const char *const folders[] = {
    "home",
    "home/jack-analyzer",
    "home/jack-analyzer/presets",
    "home/jack-analyzer/presets/genre",
    "presets",
    "presets/genre",
    "presets/box",
    "presets/target",
    "presets/other",
};

static int make_folders(void **state) {
    (void)state;
    char home[64];
    if (mkdtemp(root) == NULL || chdir(root) != 0)
        return -1;
    for (size_t i = 0; i < COUNT(folders); i++) {
        if (mkdir(folders[i], 0700) != 0)
            return -1;
    }
    snprintf(home, sizeof home, "%s/home", root);
    return setenv("XDG_CONFIG_HOME", home, 1);
}

static int remove_folders(void **state) {
    (void)state;
    for (size_t i = COUNT(folders); i-- > 0;)
        rmdir(folders[i]);
    return chdir("/") == 0 ? rmdir(root) : -1;
}

static int remove_files(void **state) {
    (void)state;
    while (written_count > 0)
        remove(written[--written_count]);
    return 0;
}

static void write_file(const char *path, const char *text) {
    rig_write(path, text);
    snprintf(written[written_count++], sizeof written[0], "%s", path);
}

/* Writes ./presets/KIND/NAME.conf with a proper head on its first line. */
static void write_preset(const char *kind, const char *name, const char *settings) {
    char path[64], text[512];
    snprintf(path, sizeof path, "presets/%s/%s.conf", kind, name);
    snprintf(
        text, sizeof text,
        "preset: { name = \"%s\"; kind = \"%s\"; description = \"For %s.\"; version = 2; };\n%s",
        name, kind, name, settings);
    write_file(path, text);
}

static void apply(struct ja_config *config, const char *name) {
    if (ja_preset_apply(config, name, &error) != JA_OK)
        fail_msg("%s", error.text);
}

static void assert_value(const struct ja_config *config, const char *name, const char *expected,
                         const char *expected_origin) {
    char buffer[128];
    const char *origin;
    struct ja_text text;
    ja_text_init(&text, buffer, sizeof buffer);
    assert_int_equal(ja_config_get(config, name, &text, NULL, &origin, &error), JA_OK);
    assert_string_equal(buffer, expected);
    assert_string_equal(origin, expected_origin);
}

static void assert_refused(struct ja_config *config, const char *name, const char *why) {
    char *before = rig_printed(config, ja_config_print);
    assert_int_equal(ja_preset_apply(config, name, &error), JA_USAGE);
    if (strstr(error.text, why) == NULL)
        fail_msg("expected \"%s\", got \"%s\"", why, error.text);
    char *after = rig_printed(config, ja_config_print);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void one_of_a_kind_replaces_the_former_wholly(void **state) {
    (void)state;
    write_preset("genre", "techno", "onset: { threshold = 1.0;\n bands = 1; };");
    write_preset("genre", "house", "onset: { threshold = 2.0; };");
    write_preset("box", "pi4", "onset: { threshold = 3.0;\n label = \"box\"; };");
    write_preset("target", "desk", "target: { desk: { port = 7000; }; };");
    struct ja_config *config = rig_new();
    apply(config, "genre/techno");
    assert_value(config, "onset.threshold", "1", "./presets/genre/techno.conf:2");
    assert_value(config, "onset.bands", "1", "./presets/genre/techno.conf:3");
    apply(config, "target/desk");
    apply(config, "box/pi4");
    assert_value(config, "onset.threshold", "3", "./presets/box/pi4.conf:2");
    assert_value(config, "onset.bands", "1", "./presets/genre/techno.conf:3");
    apply(config, "genre/house"); /* the last of all now */
    assert_value(config, "onset.threshold", "2", "./presets/genre/house.conf:2");
    assert_value(config, "onset.bands", "3", "default");
    assert_value(config, "onset.label", "box", "./presets/box/pi4.conf:3");
    assert_value(config, "target.desk.port", "7000", "./presets/target/desk.conf:2");
    apply(config, "box/pi4");
    assert_value(config, "onset.threshold", "3", "./presets/box/pi4.conf:2");
    ja_config_free(config);
}

static void targets_add_up(void **state) {
    (void)state;
    char name[32];
    write_preset("target", "desk", "target: { desk: { port = 7000; }; };");
    write_preset("target", "screen", "target: { screen: { port = 7001; }; desk: { port = 7; }; };");
    struct ja_config *config = rig_new();
    apply(config, "target/desk");
    apply(config, "target/screen");
    assert_value(config, "target.screen.port", "7001", "./presets/target/screen.conf:2");
    assert_value(config, "target.desk.port", "7", "./presets/target/screen.conf:2");
    apply(config, "target/desk"); /* the last of all now, and not there twice */
    assert_value(config, "target.desk.port", "7000", "./presets/target/desk.conf:2");
    assert_value(config, "target.screen.port", "7001", "./presets/target/screen.conf:2");
    int added = 2;
    for (; added < 100; added++) {
        snprintf(name, sizeof name, "more-%d", added);
        write_preset("target", name, "target: { desk: { port = 7002; }; };");
        snprintf(name, sizeof name, "target/more-%d", added);
        if (ja_preset_apply(config, name, &error) != JA_OK)
            break;
    }
    assert_int_equal(added, 32);
    assert_non_null(strstr(error.text, "target/more-32: 32 presets hold already"));
    assert_value(config, "target.desk.port", "7002", "./presets/target/more-31.conf:2");
    ja_config_free(config);
}

static void copies_know_the_presets_and_a_cleared_layer_forgets_them(void **state) {
    (void)state;
    write_preset("genre", "techno", "onset: { threshold = 1.0; };");
    write_preset("box", "pi4", "onset: { bands = 4; };");
    struct ja_config *config = rig_new();
    apply(config, "genre/techno");
    struct ja_config *copy = ja_config_clone(config);
    apply(copy, "box/pi4");
    assert_value(copy, "onset.threshold", "1", "./presets/genre/techno.conf:2");
    assert_value(config, "onset.bands", "3", "default");
    ja_config_clear(copy, JA_LAYER_PRESET);
    apply(copy, "box/pi4");
    assert_value(copy, "onset.threshold", "0.3", "default");
    ja_config_free(copy);
    ja_config_free(config);
}

static void presets_lie_between_file_and_arguments(void **state) {
    (void)state;
    write_preset("genre", "techno", "onset: { threshold = 1.0; bands = 1; };");
    struct ja_config *config = rig_new();
    ja_config_set(config, JA_LAYER_FILE, "onset.threshold", "4", "file", NULL);
    ja_config_set(config, JA_LAYER_ARGUMENT, "onset.bands", "7", "argument", NULL);
    apply(config, "genre/techno");
    assert_value(config, "onset.threshold", "1", "./presets/genre/techno.conf:2");
    assert_value(config, "onset.bands", "7", "argument");
    ja_config_free(config);
}

static void the_users_own_is_found_first(void **state) {
    (void)state;
    char origin[128], *listed = NULL;
    size_t size;
    write_preset("genre", "techno", "onset: { threshold = 1.0; };");
    write_preset("genre", "house", "");
    write_file("home/jack-analyzer/presets/genre/techno.conf",
               "preset: { name = \"techno\"; kind = \"genre\"; description = \"Mine.\"; };\n\n"
               "onset: { threshold = 1.5; };");
    struct ja_config *config = rig_new();
    apply(config, "genre/techno");
    snprintf(origin, sizeof origin, "%s/home/jack-analyzer/presets/genre/techno.conf:3", root);
    assert_value(config, "onset.threshold", "1.5", origin);
    FILE *out = open_memstream(&listed, &size);
    ja_preset_list(out);
    fclose(out);
    snprintf(origin, sizeof origin,
             "genre/techno          Mine.  (%s/home/jack-analyzer/presets/genre/techno.conf)\n",
             root);
    assert_non_null(strstr(listed, origin));
    assert_null(strstr(listed, "For techno."));
    assert_non_null(
        strstr(listed, "genre/house           For house.  (./presets/genre/house.conf)\n"));
    free(listed);
    ja_config_free(config);
}

static void names_cannot_leave_the_folders(void **state) {
    (void)state;
    const char *const bad[] = {
        "",
        "techno",
        "/",
        "genre/",
        "/techno",
        "genre//techno",
        "genre/../techno",
        "../genre",
        "genre/techno.conf",
        "Genre/techno",
        "genre/te chno",
        "genre/\xc3\xa4",
        "genre/a/b",
        "genre/x-------------------------------------------------------------------x",
    };
    struct ja_config *config = rig_new();
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_refused(config, bad[i], "must be KIND/NAME");
    assert_refused(config, "other/thing", "its kind must be genre, target or box");
    write_preset("genre", "techno", "");
    assert_refused(config, "genre/tecno", "preset genre/tecno: there is none; did you mean genre/");
    ja_config_free(config);
}

static void a_preset_may_set_only_what_its_kind_may(void **state) {
    (void)state;
    struct ja_config *config = rig_new();
    write_preset("genre", "bad", "target: { main: { port = 1; }; };");
    assert_refused(config, "genre/bad",
                   "./presets/genre/bad.conf:2: target: a genre preset may only set onset, pitch");
    write_preset("target", "bad", "\nonset: { };");
    assert_refused(config, "target/bad",
                   "./presets/target/bad.conf:3: onset: a target preset may only set target");
    write_preset("genre", "unknown", "tempo: { };"); /* allowed, but not built in */
    assert_refused(config, "genre/unknown", "genre/unknown.conf:2: tempo: nothing has that name");
    write_preset("genre", "wrong", "onset: { threshold = 1.0; bands = 77; };");
    assert_refused(config, "genre/wrong",
                   "./presets/genre/wrong.conf:2: onset.bands = 77: must be between -4 and 40");
    ja_config_free(config);
}

static void a_head_must_be_there_and_right(void **state) {
    (void)state;
    const char *const heads[][2] = {
        {"onset: { };", "presets/genre/a.conf: lacks the group preset"},
        {"preset: { };", ":1: preset: kind and name must be those of the file, genre/a, not /"},
        {"preset: { name = \"b\"; kind = \"genre\"; description = \"x\"; };", "not genre/b"},
        {"preset: { name = \"a\"; kind = \"box\"; description = \"x\"; };", "not box/a"},
        {"preset: { name = \"a\"; kind = \"genre\"; };", ":1: preset: lacks a description"},
        {"preset: { name = \"a\"; kind = \"genre\"; description = \"x\"; version = 0; };",
         ":1: preset.version = 0: must be between 1 and 1000000"},
        {"preset: { nam = \"a\"; };", ":1: preset.nam: no such option; did you mean preset.name?"},
        {"preset = 5;", ":1: preset: must be a group"},
        {"preset: {", "syntax error"},
    };
    struct ja_config *config = rig_new();
    for (size_t i = 0; i < COUNT(heads); i++) {
        write_file("presets/genre/a.conf", heads[i][0]);
        assert_refused(config, "genre/a", heads[i][1]);
    }
    ja_config_free(config);
}

static void all_can_be_checked(void **state) {
    (void)state;
    struct ja_config *config = rig_new();
    write_preset("genre", "a", "onset: { threshold = 1.0; };");
    write_preset("box", "b", "onset: { bands = 1; };");
    write_file("presets/genre/README", "no preset");
    write_file("presets/genre/Not-One.conf", "no preset");
    write_file("presets/other/x.conf", "no preset");
    assert_int_equal(ja_preset_check_all(config, &error), JA_OK);
    assert_value(config, "onset.threshold", "0.3", "default");
    write_preset("target", "c", "target: { main: { port = 0; }; };");
    assert_int_equal(ja_preset_check_all(config, &error), JA_USAGE);
    assert_string_equal(error.text, "./presets/target/c.conf:2: target.main.port = 0: must be "
                                    "between 1 and 65535");
    ja_config_free(config);
}

static void an_earlier_preset_that_is_gone_is_named(void **state) {
    (void)state;
    struct ja_config *config = rig_new();
    write_preset("genre", "a", "onset: { threshold = 1.0; };");
    write_preset("box", "b", "");
    apply(config, "genre/a");
    remove("presets/genre/a.conf");
    assert_refused(config, "box/b", "preset genre/a: there is none");
    ja_config_free(config);
}

int main(void) {
#define TEST(function) cmocka_unit_test_teardown(function, remove_files)
    const struct CMUnitTest tests[] = {
        TEST(one_of_a_kind_replaces_the_former_wholly),
        TEST(targets_add_up),
        TEST(copies_know_the_presets_and_a_cleared_layer_forgets_them),
        TEST(presets_lie_between_file_and_arguments),
        TEST(the_users_own_is_found_first),
        TEST(names_cannot_leave_the_folders),
        TEST(a_preset_may_set_only_what_its_kind_may),
        TEST(a_head_must_be_there_and_right),
        TEST(all_can_be_checked),
        TEST(an_earlier_preset_that_is_gone_is_named),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
