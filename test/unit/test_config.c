/* Tests the layers of settings: what wins, where it comes from, instances, copies.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/settings_rig.h"
#include <cmocka.h>

static struct ja_error error;

static int set_up(void **state) {
    *state = rig_new();
    error.text[0] = '\0';
    return 0;
}

static int tear_down(void **state) {
    ja_config_free(*state);
    return 0;
}

static void set(struct ja_config *config, enum ja_layer layer, const char *name, const char *text) {
    char origin[64];
    snprintf(origin, sizeof origin, "layer %d", layer);
    if (ja_config_set(config, layer, name, text, origin, &error) != JA_OK)
        fail_msg("%s", error.text);
}

static void assert_value(const struct ja_config *config, const char *name, const char *expected,
                         enum ja_layer expected_layer) {
    char buffer[128];
    struct ja_text text;
    enum ja_layer layer;
    const char *origin;
    ja_text_init(&text, buffer, sizeof buffer);
    assert_int_equal(ja_config_get(config, name, &text, &layer, &origin, &error), JA_OK);
    assert_string_equal(buffer, expected);
    assert_int_equal(layer, expected_layer);
    char expected_origin[64] = "default";
    if (layer != JA_LAYER_DEFAULT)
        snprintf(expected_origin, sizeof expected_origin, "layer %d", layer);
    assert_string_equal(origin, expected_origin);
}

static void assert_refused(struct ja_config *config, enum ja_layer layer, const char *name,
                           const char *text, const char *sentence) {
    char *before = rig_printed(config, ja_config_print);
    assert_int_equal(ja_config_set(config, layer, name, text, "argument --set", &error), JA_USAGE);
    assert_string_equal(error.text, sentence);
    char *after = rig_printed(config, ja_config_print);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void begins_with_the_defaults(void **state) {
    struct onset_settings onset;
    struct target_settings target;
    memset(&onset, 0x55, sizeof onset);
    ja_config_fill(*state, &onset_module, NULL, &onset);
    assert_true(onset.enable);
    assert_int_equal(onset.bands, 3);
    assert_true(onset.threshold == 0.3);
    assert_int_equal(onset.method, 0);
    assert_string_equal(onset.label, "quote \" \\");
    assert_memory_equal(onset.inputs, "left\0right\0\0", 12);
    ja_config_fill(*state, &target_module, "main", &target);
    assert_string_equal(target.host, "127.0.0.1");
    assert_int_equal(target.port, 7771);
    assert_true(target.enable);
}

static void the_higher_layer_wins_whatever_comes_first(void **state) {
    struct ja_config *config = *state;
    const char *const values[] = {"0.3", "1", "2", "3", "4"};
    const char *name = "onset.threshold";
    for (int layer = JA_LAYER_LIVE; layer > JA_LAYER_DEFAULT; layer--) {
        set(config, layer, name, values[layer]);
        assert_value(config, name, "4", JA_LAYER_LIVE);
    }
    for (int layer = JA_LAYER_LIVE; layer > JA_LAYER_DEFAULT; layer--) {
        assert_value(config, name, values[layer], layer);
        ja_config_clear(config, layer);
    }
    assert_value(config, name, "0.3", JA_LAYER_DEFAULT);
}

static void a_later_value_in_a_layer_replaces_the_former(void **state) {
    set(*state, JA_LAYER_FILE, "onset.inputs", "one,two,three");
    set(*state, JA_LAYER_FILE, "onset.inputs", "four");
    assert_value(*state, "onset.inputs", "four", JA_LAYER_FILE);
    struct onset_settings onset;
    ja_config_fill(*state, &onset_module, NULL, &onset);
    assert_memory_equal(onset.inputs, "four\0\0", 6);
}

static void instances_come_by_being_named_and_go_with_their_layers(void **state) {
    struct ja_config *config = *state;
    set(config, JA_LAYER_FILE, "target.lights.port", "7000");
    set(config, JA_LAYER_ARGUMENT, "target.video.host", "video.local");
    set(config, JA_LAYER_LIVE, "target.lights.enable", "off");
    set(config, JA_LAYER_FILE, "wire.a.name", "x");
    assert_string_equal(ja_config_instance(config, &target_module, 0), "main");
    assert_string_equal(ja_config_instance(config, &target_module, 1), "lights");
    assert_string_equal(ja_config_instance(config, &target_module, 2), "video");
    assert_null(ja_config_instance(config, &target_module, 3));
    assert_string_equal(ja_config_instance(config, &wire_module, 0), "a");
    struct target_settings target;
    ja_config_fill(config, &target_module, "lights", &target);
    assert_int_equal(target.port, 7000);
    assert_false(target.enable);
    assert_string_equal(target.host, "127.0.0.1");
    for (size_t i = 0; i < target_module.option_count; i++) {
        const struct ja_option *option = &target_module.options[i];
        assert_memory_equal(ja_config_value(config, &target_module, "lights", option),
                            (const char *)&target + option->offset, option->size);
    }

    ja_config_clear(config, JA_LAYER_FILE);
    assert_string_equal(ja_config_instance(config, &target_module, 1), "lights");
    assert_value(config, "target.lights.port", "7771", JA_LAYER_DEFAULT);
    assert_null(ja_config_instance(config, &wire_module, 0));
    ja_config_clear(config, JA_LAYER_LIVE);
    assert_string_equal(ja_config_instance(config, &target_module, 1), "video");
    ja_config_clear(config, JA_LAYER_ARGUMENT);
    assert_string_equal(ja_config_instance(config, &target_module, 0), "main");
    assert_null(ja_config_instance(config, &target_module, 1));
}

static void names_of_instances_are_checked(void **state) {
    const char *const good[] = {"a", "A-b_9", "x2345678901234567890123456789012"};
    const char *const bad[] = {
        "",    "1a",        "-a",   "_a",    "a b",
        "a/b", "a\xc3\xa4", "true", "FALSE", "x23456789012345678901234567890123"};
    char name[80];
    for (size_t i = 0; i < COUNT(good); i++) {
        snprintf(name, sizeof name, "target.%s.port", good[i]);
        set(*state, JA_LAYER_FILE, name, "7000");
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(name, sizeof name, "target.%s.port", bad[i]);
        assert_int_equal(ja_config_set(*state, JA_LAYER_FILE, name, "7000", "test", &error),
                         JA_USAGE);
        assert_non_null(strstr(error.text, "must begin with a letter and have at most 32"));
    }
    assert_null(ja_config_instance(*state, &target_module, 1 + COUNT(good)));
}

static void there_are_at_most_64_instances(void **state) {
    char name[32];
    for (int i = 1; i < 64; i++) {
        snprintf(name, sizeof name, "target.t%d.port", i);
        set(*state, JA_LAYER_LIVE, name, "7000");
    }
    assert_refused(*state, JA_LAYER_LIVE, "target.one-more.port", "7000",
                   "argument --set: target.one-more: there can be at most 64 of target");
    set(*state, JA_LAYER_LIVE, "target.t63.port", "7001");
}

static void what_is_wrong_is_told_and_changes_nothing(void **state) {
    struct ja_config *config = *state;
    set(config, JA_LAYER_FILE, "onset.threshold", "1");
    assert_refused(config, JA_LAYER_ARGUMENT, "onset.threshold", "7",
                   "argument --set: onset.threshold = 7: must be between 0 and 5");
    assert_refused(config, JA_LAYER_ARGUMENT, "target.new.offset_ms", "600",
                   "argument --set: target.new.offset_ms = 600: must be between -500 and 500 ms");
    assert_refused(config, JA_LAYER_ARGUMENT, "onset.label", "a\033[2Jb",
                   "argument --set: onset.label = a?[2Jb: must not hold control characters");
    assert_refused(config, JA_LAYER_LIVE, "onset.method", "energy",
                   "argument --set: onset.method is read at the start only and cannot be changed "
                   "live");
    set(config, JA_LAYER_ARGUMENT, "onset.method", "energy");
}

static void an_unknown_name_is_answered_with_the_nearest(void **state) {
    const char *const near[][2] = {
        {"onset.treshold", "onset.threshold"},
        {"onsett.method", "onset.method"},
        {"threshold", "onset.threshold"},
        {"target.port", "target.main.port"},
        {"target.lights.prot", "target.lights.port"},
        {"target", "target.main.port"},
        {"onset.main.bands", "onset.bands"},
        {"wire.gain", "wire.NAME.gain"},
    };
    for (size_t i = 0; i < COUNT(near); i++) {
        char sentence[200];
        snprintf(sentence, sizeof sentence, "argument --set: %s: no such option; did you mean %s?",
                 near[i][0], near[i][1]);
        assert_refused(*state, JA_LAYER_FILE, near[i][0], "1", sentence);
    }
    assert_refused(*state, JA_LAYER_FILE, "bare.x", "1", "argument --set: bare.x: no such option");
    char longest[70000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest, "onset.bands", strlen("onset.bands"));
    assert_int_equal(ja_config_set(*state, JA_LAYER_FILE, longest, longest, "o", &error), JA_USAGE);
    longest[strlen("onset.bands")] = '=';
    assert_int_equal(ja_config_set_pair(*state, JA_LAYER_FILE, longest, "o", &error), JA_USAGE);
}

static void pairs_are_split_at_the_first_equals_sign(void **state) {
    const char *origin = "layer 3";
    assert_int_equal(
        ja_config_set_pair(*state, JA_LAYER_ARGUMENT, "onset.label=a=b", origin, &error), JA_OK);
    assert_value(*state, "onset.label", "a=b", JA_LAYER_ARGUMENT);
    assert_int_equal(ja_config_set_pair(*state, JA_LAYER_ARGUMENT, "onset.label=", origin, &error),
                     JA_OK);
    assert_value(*state, "onset.label", "", JA_LAYER_ARGUMENT);
    assert_int_equal(ja_config_set_pair(*state, JA_LAYER_ARGUMENT, "onset.label", "-S", &error),
                     JA_USAGE);
    assert_string_equal(error.text, "-S: onset.label: must be OPTION=VALUE");
    assert_int_equal(ja_config_set_pair(*state, JA_LAYER_ARGUMENT, "=1", "-S", &error), JA_USAGE);
}

static void finds_what_is_behind_a_name(void **state) {
    const struct ja_option *option;
    const char *instance;
    set(*state, JA_LAYER_FILE, "target.lights.port", "7000");
    assert_ptr_equal(ja_config_find(*state, "onset.bands", &option, &instance, &error),
                     &onset_module);
    assert_ptr_equal(option, &onset_options[1]);
    assert_null(instance);
    assert_ptr_equal(ja_config_find(*state, "target.lights.host", &option, &instance, &error),
                     &target_module);
    assert_ptr_equal(option, &target_options[0]);
    assert_ptr_equal(instance, ja_config_instance(*state, &target_module, 1));
    assert_null(ja_config_find(*state, "target.video.host", &option, &instance, &error));
    assert_string_equal(error.text, "target.video.host: there is no target named video");
    assert_null(ja_config_find(*state, "nothing", &option, &instance, &error));
    struct ja_text none;
    char buffer[4];
    ja_text_init(&none, buffer, sizeof buffer);
    assert_int_equal(ja_config_get(*state, "nothing", &none, NULL, NULL, &error), JA_USAGE);
}

static void a_copy_lives_alone_and_changes_places(void **state) {
    struct ja_config *config = *state;
    set(config, JA_LAYER_FILE, "onset.threshold", "1");
    set(config, JA_LAYER_FILE, "target.lights.port", "7000");
    struct ja_config *copy = ja_config_clone(config);
    char *before = rig_printed(config, ja_config_print), *same = rig_printed(copy, ja_config_print);
    assert_string_equal(before, same);
    ja_config_clear(copy, JA_LAYER_FILE);
    set(copy, JA_LAYER_FILE, "wire.b.gain", "2");
    set(copy, JA_LAYER_PRESET, "onset.threshold", "2");
    char *untouched = rig_printed(config, ja_config_print);
    assert_string_equal(before, untouched);

    ja_config_swap(config, copy);
    assert_value(config, "onset.threshold", "2", JA_LAYER_PRESET);
    assert_value(config, "wire.b.gain", "2", JA_LAYER_FILE);
    assert_value(copy, "onset.threshold", "1", JA_LAYER_FILE);
    ja_config_free(copy);
    assert_value(config, "onset.threshold", "2", JA_LAYER_PRESET);
    free(before);
    free(same);
    free(untouched);
}

static void tells_what_has_changed(void **state) {
    struct ja_config *config = *state, *copy;
    const char *instance = "";
    size_t at = 0;
    set(config, JA_LAYER_FILE, "wire.a.gain", "1");
    set(config, JA_LAYER_ARGUMENT, "target.video.port", "7000");
    set(config, JA_LAYER_ARGUMENT, "target.lights.port", "7000");
    copy = ja_config_clone(config);
    assert_null(ja_config_change(config, copy, &at, &instance));
    ja_config_clear(copy, JA_LAYER_FILE); /* the targets move up */
    set(copy, JA_LAYER_LIVE, "onset.threshold", "1");
    set(copy, JA_LAYER_LIVE, "target.lights.port", "7001");
    at = 0;
    assert_ptr_equal(ja_config_change(config, copy, &at, &instance), &onset_module);
    assert_null(instance);
    assert_ptr_equal(ja_config_change(config, copy, &at, &instance), &target_module);
    assert_string_equal(instance, "lights");
    assert_null(ja_config_change(config, copy, &at, &instance));
    ja_config_free(copy);
}

static void a_layer_is_taken_from_another(void **state) {
    struct ja_config *config = *state;
    set(config, JA_LAYER_PRESET, "target.lights.port", "7000");
    set(config, JA_LAYER_PRESET, "onset.threshold", "1");
    struct ja_config *other = ja_config_blank(config);
    assert_false(ja_config_has(other, &target_module, "lights"));
    set(other, JA_LAYER_PRESET, "onset.threshold", "2");
    set(other, JA_LAYER_PRESET, "wire.b.gain", "3");
    set(other, JA_LAYER_FILE, "wire.c.gain", "4");
    set(config, JA_LAYER_LIVE, "wire.a.gain", "5");
    assert_int_equal(ja_config_take_layer(config, JA_LAYER_PRESET, other, &error), JA_OK);
    ja_config_free(other);
    assert_value(config, "onset.threshold", "2", JA_LAYER_PRESET);
    assert_value(config, "wire.b.gain", "3", JA_LAYER_PRESET);
    assert_value(config, "wire.a.gain", "5", JA_LAYER_LIVE);
    assert_false(ja_config_has(config, &target_module, "lights"));
    assert_false(ja_config_has(config, &wire_module, "c"));
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(tells_what_has_changed),
        TEST(a_layer_is_taken_from_another),
        TEST(begins_with_the_defaults),
        TEST(the_higher_layer_wins_whatever_comes_first),
        TEST(a_later_value_in_a_layer_replaces_the_former),
        TEST(instances_come_by_being_named_and_go_with_their_layers),
        TEST(names_of_instances_are_checked),
        TEST(there_are_at_most_64_instances),
        TEST(what_is_wrong_is_told_and_changes_nothing),
        TEST(an_unknown_name_is_answered_with_the_nearest),
        TEST(pairs_are_split_at_the_first_equals_sign),
        TEST(finds_what_is_behind_a_name),
        TEST(a_copy_lives_alone_and_changes_places),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
