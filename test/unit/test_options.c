/* Tests that every option that is built in refuses what is none of its values, and says so.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ja/config/config.h>
#include <math.h>
#include <modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 16384 }; /* more than any option holds */

static struct ja_config *config;

static int set_up(void **state) {
    static const struct ja_module *modules[JA_MODULES];
    size_t count = ja_modules_collect(modules);
    *state = modules;
    config = ja_config_new(modules, count);
    return config ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    ja_config_free(config);
    return 0;
}

static void write_name(const struct ja_module *module, const struct ja_option *option,
                       char name[128]) {
    snprintf(name, 128, "%s%s.%s", module->name, module->named ? ".one" : "", option->name);
}

static void assert_taken(const struct ja_module *module, const struct ja_option *option,
                         const char *text) {
    struct ja_error error = {""};
    char name[128];
    write_name(module, option, name);
    if (ja_config_set(config, JA_LAYER_FILE, name, text, "test", &error) != JA_OK)
        fail_msg("%s", error.text);
}

static void assert_refused(const struct ja_module *module, const struct ja_option *option,
                           const char *text) {
    struct ja_error error = {""};
    char name[128];
    write_name(module, option, name);
    if (ja_config_set(config, JA_LAYER_FILE, name, text, "test", &error) == JA_OK)
        fail_msg("%s takes %.80s", name, text);
    if (!strstr(error.text, name))
        fail_msg("%s is not named: %s", name, error.text);
}

/* Next to the ends of the range, and nowhere near any number. */
static void assert_range(const struct ja_module *module, const struct ja_option *option) {
    static const char *const odd[] = {"",       "x",   "nan", "inf", "1e999",
                                      "-1e999", "0x5", "5 5", "--1", "99999999999999999999"};
    char beyond[64];
    assert_true(isfinite(option->min) && isfinite(option->max) && option->min < option->max);
    double step = option->type == JA_INT ? 1 : 1e-6 * (option->max - option->min);
    snprintf(beyond, sizeof beyond, "%.*f", option->type == JA_INT ? 0 : 9, option->min - step);
    assert_refused(module, option, beyond);
    snprintf(beyond, sizeof beyond, "%.*f", option->type == JA_INT ? 0 : 9, option->max + step);
    assert_refused(module, option, beyond);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_refused(module, option, odd[i]);
    if (option->type == JA_INT)
        assert_refused(module, option, "1.5");
}

static void assert_text(const struct ja_module *module, const struct ja_option *option) {
    static char longest[LONGEST];
    memset(longest, 'y', sizeof longest - 1);
    assert_true(option->size < sizeof longest);
    assert_refused(module, option, longest);
    assert_refused(module, option, "a\nb");
    assert_refused(module, option, "a\x7f");
}

static void assert_word(const struct ja_module *module, const struct ja_option *option) {
    static const char *const wrong[] = {"", "zzz", "-1", "2", "true false"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused(module, option, wrong[i]);
}

static void every_option_refuses_other_values(void **state) {
    const struct ja_module **modules = *state;
    for (size_t m = 0; m < JA_MODULES && modules[m]; m++) {
        for (size_t i = 0; i < modules[m]->option_count; i++) {
            const struct ja_option *option = &modules[m]->options[i];
            assert_taken(modules[m], option, option->fallback);
            if (option->type == JA_INT || option->type == JA_FLOAT)
                assert_range(modules[m], option);
            else if (option->type == JA_STRING || option->type == JA_LIST)
                assert_text(modules[m], option);
            else
                assert_word(modules[m], option);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_option_refuses_other_values, set_up, tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
