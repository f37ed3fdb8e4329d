/* Tests that every preset in presets/ fits the options that are built in. Run from the top folder.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <ja/config/preset.h>
#include <modules.h>
#include <stdlib.h>
#include <string.h>

static void every_preset_fits_the_options(void **state) {
    (void)state;
    glob_t files;
    const struct ja_module *modules[JA_MODULES];
    size_t count = ja_modules_collect(modules);
    /* The presets of whoever runs this must not hide these. */
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    assert_int_equal(glob("presets/*/*.conf", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct ja_error error;
        struct ja_config *config = ja_config_new(modules, count);
        assert_non_null(config);
        char name[64];
        const char *begin = files.gl_pathv[i] + strlen("presets/");
        assert_true(ja_text_copy(name, sizeof name, begin));
        *strrchr(name, '.') = '\0';
        if (ja_preset_apply(config, name, &error) != JA_OK)
            fail_msg("%s", error.text);
        ja_config_free(config);
    }
    assert_true(files.gl_pathc >= 32);
    globfree(&files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_preset_fits_the_options),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
