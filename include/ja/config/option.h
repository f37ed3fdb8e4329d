/* The shape of every parameter: one table row gives name, type, range, default, unit and help.
 *
 * Parser, range check, --list-options, --print-config, jack-analyzer.conf, the man page and remote
 * control all read the rows. A module is a group of rows filled into one settings struct.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONFIG_OPTION_H
#define JA_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>

enum ja_option_type {            /* field in the settings struct */
                      JA_BOOL,   /* bool; text: true, false, on, off, yes, no, 1, 0 */
                      JA_INT,    /* int */
                      JA_FLOAT,  /* double */
                      JA_CHOICE, /* int: index into choices */
                      JA_STRING, /* char[size] */
                      JA_LIST,   /* char[size]: strings one after another, each NUL-terminated, an
                                    empty one ends (ja_list_next) */
};

enum ja_option_effect {
    JA_LIVE,   /* takes effect within one hop */
    JA_REOPEN, /* its module is opened anew: a short interruption of that module */
    JA_START,  /* at the next start only; changing it live is an error that says so */
};

struct ja_option {
    const char *name; /* without the module: "threshold" of onset.threshold */
    enum ja_option_type type;
    size_t offset, size;        /* of the field in the settings struct */
    double min, max;            /* allowed range of INT and FLOAT, inclusive */
    const char *fallback;       /* the default as text; lists separated by ',' */
    const char *const *choices; /* NULL-terminated, for CHOICE */
    const char *unit;           /* "Hz", "dB", "ms"; NULL when it has none */
    const char *help;           /* one sentence */
    enum ja_option_effect effect;
};

struct ja_module {
    const char *name; /* "onset"; the option's full name is onset.threshold, or target.lights.port
                         when named */
    const char *help; /* one sentence */
    const struct ja_option *options;
    size_t option_count;
    size_t settings_size; /* bytes of the settings struct */
    bool named;           /* many of it, each with a name: module.NAME.option */
    const char
        *fallback_name; /* the one that exists without configuration, when named; NULL: none */
};

/* The next string of a list: give NULL first, then the former result; NULL at the end. */
const char *ja_list_next(const char *list, const char *previous);

#define JA_FIELD(type_, field) offsetof(type_, field), sizeof(((type_ *)0)->field)
#define JA_OPTION_BOOL(struct_, field, name, fallback, effect, help)                               \
    { name, JA_BOOL, JA_FIELD(struct_, field), 0, 1, fallback, NULL, NULL, help, effect }
#define JA_OPTION_INT(struct_, field, name, fallback, min, max, unit, effect, help)                \
    { name, JA_INT, JA_FIELD(struct_, field), min, max, fallback, NULL, unit, help, effect }
#define JA_OPTION_FLOAT(struct_, field, name, fallback, min, max, unit, effect, help)              \
    { name, JA_FLOAT, JA_FIELD(struct_, field), min, max, fallback, NULL, unit, help, effect }
#define JA_OPTION_CHOICE(struct_, field, name, fallback, choices, effect, help)                    \
    { name, JA_CHOICE, JA_FIELD(struct_, field), 0, 0, fallback, choices, NULL, help, effect }
#define JA_OPTION_STRING(struct_, field, name, fallback, effect, help)                             \
    { name, JA_STRING, JA_FIELD(struct_, field), 0, 0, fallback, NULL, NULL, help, effect }
#define JA_OPTION_LIST(struct_, field, name, fallback, effect, help)                               \
    { name, JA_LIST, JA_FIELD(struct_, field), 0, 0, fallback, NULL, NULL, help, effect }

#endif
