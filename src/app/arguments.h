/* The command line, read into one struct.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_APP_ARGUMENTS_H
#define JA_APP_ARGUMENTS_H

#include <ja/core/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum ja_action {
    JA_ACTION_RUN,
    JA_ACTION_LIST_OPTIONS,
    JA_ACTION_LIST_OUTPUTS,
    JA_ACTION_LIST_COMMANDS,
    JA_ACTION_LIST_PRESETS,
    JA_ACTION_LIST_PORTS,
    JA_ACTION_CHECK,
    JA_ACTION_PRINT_CONFIG,
    JA_ACTION_TEST_INPUT,
    JA_ACTION_LOOPBACK,
    JA_ACTION_RESET_MODEL,
    JA_ACTION_MAKE_CERT,
    JA_ACTION_VERSION,
    JA_ACTION_HELP,
};

enum { JA_ARGUMENTS = 256 }; /* most --preset, and most --set */

/* Strings point into argv. */
struct ja_arguments {
    enum ja_action action;
    const char *config; /* --config, or NULL */
    const char *presets[JA_ARGUMENTS];
    size_t preset_count;
    const struct ja_argument_row *set_by[JA_ARGUMENTS]; /* the option that sets, for its origin */
    const char *set_name[JA_ARGUMENTS]; /* full option name; NULL: `set_value` is NAME=VALUE */
    const char *set_value[JA_ARGUMENTS];
    size_t set_count;
    const char *file; /* --file, or NULL */
    bool paced;
    double seconds; /* --test-input, --loopback */
    int verbosity;  /* -1 quiet, 0, 1 verbose */
};

/* The name of the row that set the i-th value, "--set" for example. */
const char *ja_arguments_origin(const struct ja_arguments *arguments, size_t i);

enum ja_status ja_arguments_read(struct ja_arguments *arguments, int argc, char **argv,
                                 struct ja_error *error);
void ja_arguments_help(FILE *out);

#endif
