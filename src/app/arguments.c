/* The command line as one table: getopt's options, the help text and the actions come from its
 * rows.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/text.h>

#include <getopt.h>
#include <string.h>

struct ja_argument_row {
    char letter; /* 0: none */
    const char *name;
    const char *value; /* its argument in the help, [in brackets] if optional; NULL: takes none */
    const char *help;
    enum ja_status (*take)(struct ja_arguments *arguments, const struct ja_argument_row *row,
                           const char *value, struct ja_error *error);
    enum ja_action action; /* for take_action */
    const char *option;    /* for take_option: the configuration option it sets */
};

static enum ja_status take_action(struct ja_arguments *arguments, const struct ja_argument_row *row,
                                  const char *value, struct ja_error *error) {
    (void)value;
    (void)error;
    arguments->action = row->action;
    return JA_OK;
}

static enum ja_status take_option(struct ja_arguments *arguments, const struct ja_argument_row *row,
                                  const char *value, struct ja_error *error) {
    size_t i = arguments->set_count;
    if (i == JA_ARGUMENTS)
        return ja_fail(error, JA_USAGE, "--%s %s: at most %d settings can be given", row->name,
                       value, JA_ARGUMENTS);
    arguments->set_by[i] = row;
    arguments->set_name[i] = row->option;
    arguments->set_value[i] = value;
    arguments->set_count++;
    return JA_OK;
}

static enum ja_status take_preset(struct ja_arguments *arguments, const struct ja_argument_row *row,
                                  const char *value, struct ja_error *error) {
    if (arguments->preset_count == JA_ARGUMENTS)
        return ja_fail(error, JA_USAGE, "--%s %s: at most %d presets can be given", row->name,
                       value, JA_ARGUMENTS);
    arguments->presets[arguments->preset_count++] = value;
    return JA_OK;
}

static enum ja_status take_config(struct ja_arguments *arguments, const struct ja_argument_row *row,
                                  const char *value, struct ja_error *error) {
    (void)row;
    (void)error;
    arguments->config = value;
    return JA_OK;
}

static enum ja_status take_file(struct ja_arguments *arguments, const struct ja_argument_row *row,
                                const char *value, struct ja_error *error) {
    (void)row;
    (void)error;
    arguments->file = value;
    return JA_OK;
}

static enum ja_status take_paced(struct ja_arguments *arguments, const struct ja_argument_row *row,
                                 const char *value, struct ja_error *error) {
    (void)row;
    (void)value;
    (void)error;
    arguments->paced = true;
    return JA_OK;
}

static enum ja_status read_seconds(struct ja_arguments *arguments,
                                   const struct ja_argument_row *row, const char *value,
                                   double least, double most, struct ja_error *error) {
    arguments->action = row->action;
    if (!ja_text_double(value, &arguments->seconds) || arguments->seconds < least ||
        arguments->seconds > most)
        return ja_fail(error, JA_USAGE, "--%s %s: must be %g to %g seconds", row->name, value,
                       least, most);
    return JA_OK;
}

static enum ja_status take_test_input(struct ja_arguments *arguments,
                                      const struct ja_argument_row *row, const char *value,
                                      struct ja_error *error) {
    return read_seconds(arguments, row, value, 0.1, 86400, error);
}

static enum ja_status take_loopback(struct ja_arguments *arguments,
                                    const struct ja_argument_row *row, const char *value,
                                    struct ja_error *error) {
    return read_seconds(arguments, row, value ? value : "20", 2, 600, error);
}

static enum ja_status take_verbosity(struct ja_arguments *arguments,
                                     const struct ja_argument_row *row, const char *value,
                                     struct ja_error *error) {
    (void)value;
    (void)error;
    arguments->verbosity = row->letter == 'v' ? 1 : -1;
    return JA_OK;
}

#define ACTION(letter, name, action, help)                                                         \
    { letter, name, NULL, help, take_action, action, NULL }
#define OPTION(letter, name, value, option, help)                                                  \
    { letter, name, value, help, take_option, JA_ACTION_RUN, option }

static const struct ja_argument_row rows[] = {
    OPTION('n', "name", "NAME", "jack.name", "JACK client name (default jack-analyzer)"),
    OPTION('s', "server", "NAME", "jack.server",
           "JACK server name; without it JACK_DEFAULT_SERVER is honoured"),
    {'c', "config", "FILE", "configuration file instead of the default ones", take_config, 0, 0},
    {'p', "preset", "KIND/NAME", "lay a preset over the configuration; may be repeated",
     take_preset, 0, 0},
    OPTION('S', "set", "OPTION=VALUE", NULL, "set one option; may be repeated"),
    {'f', "file", "AUDIO", "analyse a sound file, or synth:NAME, instead of JACK, then exit",
     take_file, 0, 0},
    {0, "paced", NULL, "with --file: in real time, with all live outputs", take_paced, 0, 0},
    OPTION('e', "events", "FILE|-", "events.path", "write every event as one JSON line"),
    OPTION(0, "frames", "FILE|-", "frames.path", "write every analysis frame as one JSON line"),
    ACTION(0, "list-options", JA_ACTION_LIST_OPTIONS, "show every option with range and default"),
    ACTION(0, "list-outputs", JA_ACTION_LIST_OUTPUTS, "show what is sent: events, frames, OSC"),
    ACTION(0, "list-commands", JA_ACTION_LIST_COMMANDS, "show what can be steered live"),
    ACTION(0, "list-presets", JA_ACTION_LIST_PRESETS, "show the presets that can be found"),
    ACTION(0, "list-ports", JA_ACTION_LIST_PORTS, "show the JACK server's ports"),
    ACTION(0, "check", JA_ACTION_CHECK, "read configuration and presets, say what is wrong"),
    ACTION(0, "print-config", JA_ACTION_PRINT_CONFIG,
           "show the effective configuration and where each value comes from"),
    {0, "test-input", "SECONDS", "listen to the inputs and report on each", take_test_input,
     JA_ACTION_TEST_INPUT, 0},
    {0, "loopback", "[SECONDS]", "play clicks to itself and tell how long they take to be OSC",
     take_loopback, JA_ACTION_LOOPBACK, 0},
    ACTION(0, "reset-model", JA_ACTION_RESET_MODEL,
           "forget what was learnt for the profile (learn.profile)"),
    ACTION(0, "make-cert", JA_ACTION_MAKE_CERT,
           "make a certificate for this machine, for web.cert and web.key"),
    {'v', "verbose", NULL, "say more", take_verbosity, 0, 0},
    {'q', "quiet", NULL, "say only what is wrong", take_verbosity, 0, 0},
    ACTION('V', "version", JA_ACTION_VERSION, "show the version"),
    ACTION('h', "help", JA_ACTION_HELP, "show this"),
};

enum { ROWS = sizeof rows / sizeof rows[0] };

const char *ja_arguments_origin(const struct ja_arguments *arguments, size_t i) {
    return arguments->set_by[i]->name;
}

void ja_arguments_help(FILE *out) {
    fputs("Usage: jack-analyzer [OPTION]...\n"
          "Listens to a JACK port and tells, by OSC, what the music does now and next.\n\n",
          out);
    for (size_t i = 0; i < ROWS; i++) {
        char left[64];
        struct ja_text text;
        ja_text_init(&text, left, sizeof left);
        if (rows[i].letter)
            ja_text_format(&text, "-%c, ", rows[i].letter);
        else
            ja_text_put(&text, "    ");
        ja_text_format(&text, "--%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
        fprintf(out, "  %-30s%s\n", left, rows[i].help);
    }
    fputs("\nKeys, when a terminal shows the status line (terminal.keys):\n", out);
    ja_app_list_keys(out);
    fputs("\nExit status: 0 done, 1 failed while running, 2 wrong usage, configuration or input "
          "file.\n",
          out);
}

static bool is_optional(const struct ja_argument_row *row) {
    return row->value && row->value[0] == '[';
}

static void make_getopt_tables(struct option *longs, char *shorts) {
    *shorts++ = ':'; /* tell a missing argument from an unknown option */
    for (size_t i = 0; i < ROWS; i++) {
        int argument = !rows[i].value          ? no_argument
                       : is_optional(&rows[i]) ? optional_argument
                                               : required_argument;
        longs[i] = (struct option){rows[i].name, argument, NULL, 256 + (int)i};
        if (!rows[i].letter)
            continue;
        *shorts++ = rows[i].letter;
        if (rows[i].value)
            *shorts++ = ':';
    }
    longs[ROWS] = (struct option){0};
    *shorts = '\0';
}

static const struct ja_argument_row *find_row(int code) {
    if (code >= 256)
        return &rows[code - 256];
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].letter == code)
            return &rows[i];
    }
    return NULL;
}

static enum ja_status check(const struct ja_arguments *arguments, struct ja_error *error) {
    if (arguments->paced && !arguments->file)
        return ja_fail(error, JA_USAGE, "--paced needs --file");
    return JA_OK;
}

enum ja_status ja_arguments_read(struct ja_arguments *arguments, int argc, char **argv,
                                 struct ja_error *error) {
    struct option longs[ROWS + 1];
    char shorts[2 * ROWS + 2];
    int code;
    make_getopt_tables(longs, shorts);
    *arguments = (struct ja_arguments){0};
    opterr = 0;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (code == ':')
            return ja_fail(error, JA_USAGE, "%s needs an argument; see --help", argv[optind - 1]);
        if (code == '?')
            return ja_fail(error, JA_USAGE, "unknown or ambiguous option %s; see --help",
                           argv[optind - 1]);
        const struct ja_argument_row *row = find_row(code);
        /* getopt takes an optional argument after '=' alone. */
        if (is_optional(row) && !optarg && optind < argc && argv[optind][0] != '-')
            optarg = argv[optind++];
        enum ja_status status = row->take(arguments, row, optarg, error);
        if (status != JA_OK)
            return status;
    }
    if (optind < argc)
        return ja_fail(error, JA_USAGE, "unexpected argument %s; a sound file is given with --file",
                       argv[optind]);
    return check(arguments, error);
}
