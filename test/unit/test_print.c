/* Tests the settings on paper: table, effective configuration, sample.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/settings_rig.h"
#include <cmocka.h>
#include <ctype.h>

static char path[] = "/tmp/ja-print-XXXXXX";
static struct ja_error error;

static int make_file(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return remove(path);
}

static void set(struct ja_config *config, enum ja_layer layer, const char *pair,
                const char *origin) {
    if (ja_config_set_pair(config, layer, pair, origin, &error) != JA_OK)
        fail_msg("%s", error.text);
}

/* Settings that are awkward to write down. */
static struct ja_config *awkward(void) {
    struct ja_config *config = rig_new();
    set(config, JA_LAYER_FILE, "onset.enable=off", "a.conf:1");
    set(config, JA_LAYER_FILE, "onset.bands=-4", "a.conf:2");
    set(config, JA_LAYER_PRESET, "onset.threshold=5", "b.conf:3");
    set(config, JA_LAYER_ARGUMENT, "onset.method=1024", "argument --set");
    set(config, JA_LAYER_LIVE, "onset.label=\\\"# /* \xc3\xa4", "osc\n\033 127.0.0.1");
    set(config, JA_LAYER_FILE, "onset.inputs=a\\,\",#", "a.conf:4");
    set(config, JA_LAYER_FILE, "target.lights.offset_ms=-0.1", "a.conf:5");
    set(config, JA_LAYER_FILE, "wire.w.gain=-1e300", "a.conf:6");
    set(config, JA_LAYER_FILE, "wire.v.gain=123456789012345678", "a.conf:6");
    return config;
}

static void assert_same_values(const struct ja_config *a, const struct ja_config *b) {
    for (size_t m = 0; m < COUNT(modules); m++) {
        for (size_t i = 0;; i++) {
            char one[256] = {0}, other[256] = {0};
            const char *instance = NULL;
            if (modules[m]->named) {
                instance = ja_config_instance(a, modules[m], i);
                const char *same = ja_config_instance(b, modules[m], i);
                if (instance == NULL) {
                    assert_null(same);
                    break;
                }
                assert_string_equal(instance, same);
            }
            assert_true(modules[m]->settings_size <= sizeof one);
            ja_config_fill(a, modules[m], instance, one);
            ja_config_fill(b, modules[m], instance, other);
            assert_memory_equal(one, other, sizeof one);
            if (!modules[m]->named)
                break;
        }
    }
}

static void what_is_printed_is_read_back_the_same(void **state) {
    (void)state;
    struct ja_config *configs[] = {rig_new(), awkward()};
    for (size_t i = 0; i < COUNT(configs); i++) {
        char *text = rig_printed(configs[i], ja_config_print);
        rig_write(path, text);
        struct ja_config *again = rig_new();
        if (ja_config_read(again, JA_LAYER_FILE, path, &error) != JA_OK)
            fail_msg("%s", error.text);
        assert_same_values(configs[i], again);
        free(text);
        ja_config_free(again);
        ja_config_free(configs[i]);
    }
}

static void each_value_is_printed_with_its_origin(void **state) {
    (void)state;
    struct ja_config *config = awkward();
    char *text = rig_printed(config, ja_config_print);
    const char *const lines[] = {
        "onset: {\n    enable = false; # a.conf:1\n",
        "\n    bands = -4; # a.conf:2\n",
        "\n    threshold = 5.0; # b.conf:3\n",
        "\n    method = \"1024\"; # argument --set\n",
        "\n    label = \"\\\\\\\"# /* \xc3\xa4\"; # osc?? 127.0.0.1\n",
        "\n    inputs = [ \"a\\\\\", \"\\\"\", \"#\" ]; # a.conf:4\n",
        "\n    lights: {\n        host = \"127.0.0.1\"; # default\n",
        "\n        offset_ms = -0.1; # a.conf:5\n",
        "\n        gain = -1e+300; # a.conf:6\n",
        "\n        gain = 1.2345678901234568e+17; # a.conf:6\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        if (strstr(text, lines[i]) == NULL)
            fail_msg("lacks %s in %s", lines[i], text);
    }
    free(text);
    ja_config_free(config);
}

/* Whether the line is an option or a group that was commented out. */
static bool is_commented_out(const char *line) {
    const char *mark = line + strspn(line, " ");
    return mark[0] == '#' && !isspace((unsigned char)mark[1]);
}

/* Takes the # away from the n-th line that is commented out, or from all (n = -1). */
static bool uncomment(char *text, int n) {
    bool found = false;
    for (char *line = text; *line != '\0';) {
        if (is_commented_out(line) && (n-- == 0 || n < -1)) {
            line[strspn(line, " ")] = ' ';
            found = true;
        }
        line = strchr(line, '\n') + 1;
    }
    return found;
}

static void the_sample_uncommented_is_the_defaults(void **state) {
    (void)state;
    struct ja_config *config = awkward(); /* which must not show */
    char *text = rig_printed(config, ja_config_sample);
    struct ja_config *defaults = rig_new(), *sampled = rig_new();
    rig_write(path, text);
    assert_int_equal(ja_config_read(sampled, JA_LAYER_FILE, path, &error), JA_OK);
    assert_same_values(sampled, defaults);

    assert_true(uncomment(text, -1));
    rig_write(path, text);
    if (ja_config_read(sampled, JA_LAYER_FILE, path, &error) != JA_OK)
        fail_msg("%s\n%s", error.text, text);
    assert_int_equal(ja_config_set(defaults, JA_LAYER_FILE, "wire.example.name", "", "", &error),
                     JA_OK);
    assert_same_values(sampled, defaults);
    char *printed = rig_printed(sampled, ja_config_print);
    assert_null(strstr(printed, "# default")); /* so every option was in it */
    free(printed);
    free(text);
    ja_config_free(config);
    ja_config_free(defaults);
    ja_config_free(sampled);
}

static void any_one_option_of_the_sample_can_be_uncommented(void **state) {
    (void)state;
    struct ja_config *config = rig_new();
    int tried = 0;
    for (;; tried++) {
        char *text = rig_printed(config, ja_config_sample);
        /* An example of a module without instances is commented out with its group. */
        char *example = strstr(text, "#example");
        assert_non_null(example);
        char *end = strstr(example, "#};") + strlen("#};");
        memset(example, '\n', (size_t)(end - example));
        bool found = uncomment(text, tried);
        rig_write(path, text);
        if (ja_config_read(config, JA_LAYER_FILE, path, &error) != JA_OK)
            fail_msg("%s", error.text);
        free(text);
        if (!found)
            break;
    }
    assert_int_equal(tried, COUNT(onset_options) + COUNT(target_options));
    ja_config_free(config);
}

static void the_sample_tells_sentence_range_and_unit(void **state) {
    (void)state;
    struct ja_config *config = rig_new();
    char *text = rig_printed(config, ja_config_sample);
    const char *const parts[] = {
        "\n# Where sounds begin.\nonset: {\n    # Whether to listen. Changes at once.\n"
        "    #enable = true;\n",
        "# How many bands. -4 to 40. A change interrupts this part shortly.\n    #bands = 3;\n",
        "# Which function finds onsets. One of hfc, energy, specflux, 1024. Read at the start only."
        "\n    #method = \"hfc\";\n",
        "# Earlier or later. -500 to 500 ms. Changes at once.\n        #offset_ms = 0.0;\n",
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (strstr(text, parts[i]) == NULL)
            fail_msg("lacks %s in %s", parts[i], text);
    }
    for (char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 100);
    free(text);
    ja_config_free(config);
}

static void the_list_has_a_row_for_every_option(void **state) {
    (void)state;
    struct ja_config *config = rig_new();
    char *text = rig_printed(config, ja_config_list);
    const char *const rows[] = {
        "OPTION                 TYPE    RANGE                     UNIT  DEFAULT     CHANGE  "
        "MEANING\n",
        "onset.bands            int     -4 to 40                  -     3           reopen  "
        "How many bands.\n",
        "onset.method           choice  hfc|energy|specflux|1024  -     hfc         start   "
        "Which function finds onsets.\n",
        "onset.inputs           list    -                         -     left,right  reopen  "
        "What to listen to.\n",
        "target.NAME.offset_ms  float   -500 to 500               ms    0           live    "
        "Earlier or later.\n",
        "wire.NAME.name         string  -                         -     -           live    "
        "Its name.\n",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strstr(text, rows[i]) == NULL)
            fail_msg("lacks\n%s\nin\n%s", rows[i], text);
    }
    size_t lines = 0;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 1 + COUNT(onset_options) + COUNT(target_options) + COUNT(wire_options));
    free(text);
    ja_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read_back_the_same),
        cmocka_unit_test(each_value_is_printed_with_its_origin),
        cmocka_unit_test(the_sample_uncommented_is_the_defaults),
        cmocka_unit_test(any_one_option_of_the_sample_can_be_uncommented),
        cmocka_unit_test(the_sample_tells_sentence_range_and_unit),
        cmocka_unit_test(the_list_has_a_row_for_every_option),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
