/* Lets each allocation of the configuration fail in turn: told plainly, nothing changed, no leak.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/failing.h"
#include "../support/settings_rig.h"
#include <cmocka.h>
#include <ja/config/preset.h>
#include <sys/stat.h>

static char folder[] = "/tmp/ja-memory-XXXXXX";
static struct ja_error error;

static int make_files(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir("presets", 0700) != 0 ||
        mkdir("presets/box", 0700) != 0)
        return -1;
    rig_write("a.conf", "onset: { bands = 4; inputs = [ \"a\", \"b\" ]; };\n"
                        "target: { lights: { port = 7000; }; };\n");
    rig_write("presets/box/b.conf",
              "preset: { name = \"b\"; kind = \"box\"; description = \"A box.\"; };\n"
              "onset: { bands = 5; };\n");
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    remove("presets/box/b.conf");
    remove("presets/box");
    remove("presets");
    remove("a.conf");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

static enum ja_status set(struct ja_config *config) {
    return ja_config_set(config, JA_LAYER_FILE, "target.lights.host", "10.0.0.9", "test", &error);
}

static enum ja_status read_file(struct ja_config *config) {
    return ja_config_read(config, JA_LAYER_FILE, "a.conf", &error);
}

static enum ja_status apply_preset(struct ja_config *config) {
    return ja_preset_apply(config, "box/b", &error);
}

static enum ja_status check_presets(struct ja_config *config) {
    return ja_preset_check_all(config, &error);
}

static enum ja_status set_shared(struct ja_config *config) {
    struct ja_config *other = ja_config_clone(config);
    enum ja_status status =
        other == NULL ? ja_fail(&error, JA_FAILED, "out of memory") : set(config);
    ja_config_free(other);
    return status;
}

/* What is taken may be left half done: it is thrown away then. */
static enum ja_status take_layer(struct ja_config *config) {
    struct ja_config *other = ja_config_blank(config), *next = ja_config_clone(config);
    enum ja_status status = JA_FAILED;
    if (other != NULL && next != NULL)
        status = set(other);
    else
        ja_fail(&error, JA_FAILED, "out of memory");
    if (status == JA_OK)
        status = ja_config_take_layer(next, JA_LAYER_FILE, other, &error);
    ja_config_free(other);
    ja_config_free(next);
    return status;
}

/* How many allocations the act needed, that is failed with one of them missing. */
static unsigned fails_cleanly(enum ja_status act(struct ja_config *config)) {
    struct ja_config *config = rig_new();
    ja_config_set(config, JA_LAYER_FILE, "wire.w.gain", "2", "earlier", NULL);
    char *before = rig_printed(config, ja_config_print);
    for (unsigned n = 1;; n++) {
        error.text[0] = '\0';
        fail_at = n;
        enum ja_status status = act(config);
        bool failed = fail_at == 0;
        fail_at = 0;
        if (!failed) {
            assert_int_equal(status, JA_OK);
            free(before);
            ja_config_free(config);
            return n - 1;
        }
        assert_int_equal(status, JA_FAILED);
        assert_non_null(strstr(error.text, "out of memory"));
        char *after = rig_printed(config, ja_config_print);
        assert_string_equal(before, after);
        free(after);
    }
}

static void new_and_clone_without_memory_are_null(void **state) {
    (void)state;
    unsigned made = 0, cloned = 0;
    for (;; made++) {
        fail_at = made + 1;
        struct ja_config *config = ja_config_new(modules, COUNT(modules));
        bool failed = fail_at == 0;
        fail_at = 0;
        assert_int_equal(config == NULL, failed);
        ja_config_free(config);
        if (!failed)
            break;
    }
    struct ja_config *config = rig_new();
    ja_config_set(config, JA_LAYER_FILE, "wire.w.gain", "2", "earlier", NULL);
    for (;; cloned++) {
        fail_at = cloned + 1;
        struct ja_config *copy = ja_config_clone(config);
        bool failed = fail_at == 0;
        fail_at = 0;
        assert_int_equal(copy == NULL, failed);
        ja_config_free(copy);
        if (!failed)
            break;
    }
    ja_config_free(config);
    assert_true(made > 5 && cloned == 2);
}

static void a_value_is_set_or_not(void **state) {
    (void)state;
    assert_true(fails_cleanly(set) >= 4);
}

/* What two have is copied before one of them changes it. */
static void what_is_shared_is_changed_or_not(void **state) {
    (void)state;
    assert_true(fails_cleanly(set_shared) >= 8);
    struct ja_config *config = rig_new();
    ja_config_set(config, JA_LAYER_FILE, "onset.threshold", "2", "earlier", NULL);
    struct ja_config *other = ja_config_clone(config);
    char *before = rig_printed(config, ja_config_print);
    fail_at = 1;
    assert_false(ja_config_clear(config, JA_LAYER_FILE));
    assert_int_equal(fail_at, 0);
    char *after = rig_printed(config, ja_config_print);
    assert_string_equal(before, after);
    ja_config_free(other);
    fail_at = 1; /* now nothing need be copied */
    assert_true(ja_config_clear(config, JA_LAYER_FILE));
    fail_at = 0;
    free(before);
    free(after);
    ja_config_free(config);
}

static void a_layer_is_taken_or_not(void **state) {
    (void)state;
    assert_true(fails_cleanly(take_layer) > 10);
}

static void a_file_is_read_or_not(void **state) {
    (void)state;
    assert_true(fails_cleanly(read_file) > 10);
}

static void a_preset_is_applied_or_not(void **state) {
    (void)state;
    assert_true(fails_cleanly(apply_preset) > 10);
    assert_true(fails_cleanly(check_presets) > 10);
}

static void a_sample_without_memory_is_empty(void **state) {
    (void)state;
    struct ja_config *config = rig_new();
    FILE *out = tmpfile();
    assert_non_null(out);
    fail_at = 1;
    ja_config_sample(config, out);
    fail_at = 0;
    assert_int_equal(ftell(out), 0);
    fclose(out);
    ja_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_and_clone_without_memory_are_null),
        cmocka_unit_test(a_value_is_set_or_not),
        cmocka_unit_test(what_is_shared_is_changed_or_not),
        cmocka_unit_test(a_layer_is_taken_or_not),
        cmocka_unit_test(a_file_is_read_or_not),
        cmocka_unit_test(a_preset_is_applied_or_not),
        cmocka_unit_test(a_sample_without_memory_is_empty),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
