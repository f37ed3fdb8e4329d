/* Reads the lines of a map, and changes values as they say.
 *
 * The keys of a line are option rows like any others; so ranges and errors come from one table.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "osc_entry.h"

#include <float.h>
#include <ja/config/value.h>
#include <ja/core/math.h>
#include <ja/core/text.h>
#include <math.h>
#include <string.h>

enum { LINEAR, SQRT, LOG, DECIBEL };
enum { TYPE_OWN, TYPE_F, TYPE_I, TYPE_S };
enum { MOST_DIGITS = 6 };

static const double least_db = -100;

#define R struct ja_osc_rule
#define UNBOUND 1e9
static const char *const curves[] = {"linear", "sqrt", "log", "db", NULL};
static const char *const types[] = {"own", "f", "i", "s", NULL};
static const char *const moments[] = {"auto", "change", "interval", "beats", NULL};
/* Without defaults, which stand below. */
static const struct ja_option keys[] = {
    JA_OPTION_STRING(R, output, "output", NULL, JA_LIVE, "An output's name."),
    JA_OPTION_STRING(R, address, "address", NULL, JA_LIVE, "The OSC address it goes to."),
    JA_OPTION_INT(R, value, "value", NULL, 0, JA_OSC_VALUES, NULL, JA_LIVE, "Which value."),
    JA_OPTION_CHOICE(R, curve, "curve", NULL, curves, JA_LIVE, "Shape."),
    JA_OPTION_FLOAT(R, scale, "scale", NULL, -UNBOUND, UNBOUND, NULL, JA_LIVE, "Factor."),
    JA_OPTION_FLOAT(R, offset, "offset", NULL, -UNBOUND, UNBOUND, NULL, JA_LIVE, "Added."),
    JA_OPTION_FLOAT(R, min, "min", NULL, -UNBOUND, UNBOUND, NULL, JA_LIVE, "Least result."),
    JA_OPTION_FLOAT(R, max, "max", NULL, -UNBOUND, UNBOUND, NULL, JA_LIVE, "Greatest result."),
    JA_OPTION_CHOICE(R, type, "type", NULL, types, JA_LIVE, "OSC type of the values."),
    JA_OPTION_STRING(R, arguments, "arguments", NULL, JA_LIVE, "What the message holds."),
    JA_OPTION_STRING(R, text, "text", NULL, JA_LIVE, "A text as the one argument."),
    JA_OPTION_CHOICE(R, when, "when", NULL, moments, JA_LIVE, "When it is sent."),
    JA_OPTION_INT(R, every, "every", NULL, 1, 1024, "beats", JA_LIVE, "Only every so many beats."),
    JA_OPTION_FLOAT(R, max_hz, "max_hz", NULL, 0, 1000, "Hz", JA_LIVE, "At most so often."),
    JA_OPTION_FLOAT(R, resend_s, "resend_s", NULL, -1, 3600, "s", JA_LIVE, "Repeated after."),
    JA_OPTION_FLOAT(R, pulse_ms, "pulse_ms", NULL, 0, 2000, "ms", JA_LIVE, "Zero after."),
};
#undef R
enum { KEYS = sizeof keys / sizeof keys[0] };

/* Of a line that says nothing. */
static const struct ja_osc_line plain = {
    .rule = {.scale = 1, .min = -UNBOUND, .max = UNBOUND, .every = 1, .resend_s = -1}};

/* --- Lines --- */

static const struct ja_option *find_key(const char *name, size_t length) {
    for (size_t i = 0; i < KEYS; i++)
        if (strlen(keys[i].name) == length && !strncmp(keys[i].name, name, length))
            return &keys[i];
    return NULL;
}

static void put_key_names(struct ja_text *text) {
    for (size_t i = 0; i < KEYS; i++)
        ja_text_format(text, "%s%s", i ? ", " : "", keys[i].name);
}

static enum ja_status set_key(struct ja_osc_rule *rule, const char *name, size_t length,
                              const char *value, struct ja_error *error) {
    const struct ja_option *key = find_key(name, length);
    struct ja_error reason;
    if (!key) {
        char names[256];
        struct ja_text text;
        ja_text_init(&text, names, sizeof names);
        put_key_names(&text);
        return ja_fail(error, JA_USAGE, "there is no key \"%.*s\"; the keys are %s", (int)length,
                       name, names);
    }
    void *field = (char *)rule + key->offset;
    memset(field, 0, key->size);
    if (ja_value_parse(key, value, field, &reason) != JA_OK)
        return ja_fail(error, JA_USAGE, "%s=%s: %s", key->name, value, reason.text);
    return JA_OK;
}

/* One KEY=VALUE; moves `*at` behind it. */
static enum ja_status read_pair(struct ja_osc_rule *rule, const char **at, struct ja_error *error) {
    const char *name = *at;
    size_t length = strcspn(name, "= ");
    if (name[length] != '=')
        return ja_fail(error, JA_USAGE, "\"%.*s\" is not KEY=VALUE", (int)length, name);
    const char *value = name + length + 1;
    bool quoted = *value == '\'';
    value += quoted;
    size_t size = strcspn(value, quoted ? "'" : " ");
    const char *end = value + size;
    if (quoted && (*end++ != '\'' || (*end && *end != ' ')))
        return ja_fail(error, JA_USAGE, "%.*s: the quotes are not closed", (int)length, name);
    char copy[256];
    if (size >= sizeof copy)
        return ja_fail(error, JA_USAGE, "%.*s: more than %zu bytes", (int)length, name,
                       sizeof copy - 1);
    memcpy(copy, value, size);
    copy[size] = '\0';
    *at = end + strspn(end, " ");
    return set_key(rule, name, length, copy, error);
}

static const struct ja_osc_row *find_row(const char *output) {
    for (size_t i = 0; i < ja_osc_row_count; i++)
        if (!strcmp(ja_osc_rows[i].address + 1, output))
            return &ja_osc_rows[i];
    return NULL;
}

const char *ja_osc_nearest(const char *name) {
    const char *nearest = ja_osc_rows[0].address + 1;
    unsigned least = ja_text_distance(name, nearest);
    for (size_t i = 0; i < ja_osc_row_count; i++) {
        unsigned distance = ja_text_distance(name, ja_osc_rows[i].address + 1);
        if (distance < least) {
            least = distance;
            nearest = ja_osc_rows[i].address + 1;
        }
    }
    return nearest;
}

/* --- Placeholders --- */

/* {value}, {value:N}, {K}, {K:N}, {stream}: K counts the output's values from 1, N digits follow
 * the point. */
struct placeholder {
    bool stream;
    size_t index; /* from 1; 0: value */
    int digits;   /* -1: as many as needed */
};

/* Reads what stands between braces from `at`, behind the opening one; NULL when it is none. */
static const char *read_placeholder(const char *at, struct placeholder *place) {
    *place = (struct placeholder){.digits = -1};
    if (!strncmp(at, "stream}", 7)) {
        place->stream = true;
        return at + 7;
    }
    if (!strncmp(at, "value", 5)) {
        at += 5;
    } else {
        while (*at >= '0' && *at <= '9' && place->index <= JA_OSC_VALUES)
            place->index = 10 * place->index + (size_t)(*at++ - '0');
        if (place->index < 1 || place->index > JA_OSC_VALUES)
            return NULL;
    }
    if (*at == ':') {
        place->digits = at[1] - '0';
        if (place->digits < 0 || place->digits > MOST_DIGITS)
            return NULL;
        at += 2;
    }
    return *at == '}' ? at + 1 : NULL;
}

static enum ja_status check_template(const char *template, struct ja_error *error) {
    struct placeholder place;
    for (const char *at = template; (at = strchr(at, '{')) != NULL;) {
        const char *next = read_placeholder(at + 1, &place);
        if (!next)
            return ja_fail(error, JA_USAGE,
                           "text=%s: a placeholder is {value}, {1} to {%d}, each with :N for N "
                           "digits (0 to %d), or {stream}",
                           template, JA_OSC_VALUES, MOST_DIGITS);
        at = next;
    }
    return JA_OK;
}

/* --- Arguments --- */

/* A word of arguments=: {value}, {K}, a whole number, a number with a point, or a string. */
static enum ja_status read_item(struct ja_osc_item *item, const struct ja_osc_rule *rule,
                                const char *word, struct ja_error *error) {
    struct placeholder place;
    long long integer;
    double number;
    if (word[0] == '{') {
        const char *end = read_placeholder(word + 1, &place);
        if (!end || *end || place.stream || place.digits >= 0)
            return ja_fail(error, JA_USAGE, "arguments: \"%s\" is none of {value} and {1} to {%d}",
                           word, JA_OSC_VALUES);
        item->kind = place.index ? JA_OSC_PLAIN : JA_OSC_VALUE;
        item->index = place.index - 1;
    } else if (ja_text_integer(word, &integer) && integer >= INT32_MIN && integer <= INT32_MAX) {
        item->constant = (struct ja_osc_argument){.type = 'i', .i = (int32_t)integer};
    } else if (ja_text_double(word, &number)) {
        if (fabs(number) > FLT_MAX)
            return ja_fail(error, JA_USAGE, "arguments: %s is beyond what a float holds", word);
        item->constant = (struct ja_osc_argument){.type = 'f', .f = (float)number};
    } else {
        item->constant.type = 's';
        item->index = (size_t)(word - rule->arguments);
    }
    return JA_OK;
}

/* Cuts rule.arguments at its blanks; strings stay there. */
static enum ja_status read_arguments(struct ja_osc_line *line, struct ja_error *error) {
    char *rest = line->rule.arguments;
    while (*(rest += strspn(rest, " "))) {
        char *word = rest;
        rest += strcspn(rest, " ");
        if (*rest)
            *rest++ = '\0';
        if (line->item_count == JA_OSC_ITEMS)
            return ja_fail(error, JA_USAGE, "arguments: more than %d", JA_OSC_ITEMS);
        struct ja_osc_item *item = &line->items[line->item_count++];
        *item = (struct ja_osc_item){.kind = JA_OSC_CONSTANT};
        if (read_item(item, &line->rule, word, error) != JA_OK)
            return JA_USAGE;
    }
    return JA_OK;
}

static bool is_beat(const struct ja_osc_row *row) {
    return row->when == JA_OSC_BEAT || row->when == JA_OSC_PULSE;
}

/* What the keys may not mean together. */
static enum ja_status check_rule(const struct ja_osc_entry *entry, struct ja_error *error) {
    const struct ja_osc_rule *rule = &entry->line->rule;
    const struct ja_osc_row *row = entry->row;
    bool values = row->event < 0 && row->when <= JA_OSC_STATE;
    if (rule->address[0] != '/' || strpbrk(rule->address, "#*,?[]{} "))
        return ja_fail(error, JA_USAGE,
                       "address=%s: must start with '/' and hold no blank and none of #*,?[]{}",
                       rule->address);
    if (rule->text[0] && rule->arguments[0])
        return ja_fail(error, JA_USAGE, "text and arguments exclude each other");
    if (rule->min > rule->max)
        return ja_fail(error, JA_USAGE, "min=%g is above max=%g", rule->min, rule->max);
    if (rule->when != JA_OSC_AS_OUTPUT && !values && !(rule->when == JA_OSC_BEATS && is_beat(row)))
        return ja_fail(error, JA_USAGE, "when=%s: %s is sent %s", moments[rule->when], rule->output,
                       is_beat(row) ? "on beats alone" : "by itself; use auto");
    if (rule->every > 1 && !is_beat(row) && rule->when != JA_OSC_BEATS)
        return ja_fail(error, JA_USAGE, "every=%d needs when=beats", rule->every);
    return check_template(rule->text, error);
}

struct ja_osc_entry ja_osc_entry_plain(const struct ja_osc_row *row) {
    return (struct ja_osc_entry){.row = row, .line = &plain};
}

enum ja_status ja_osc_entry_parse(struct ja_osc_entry *entry, struct ja_osc_line *line,
                                  const char *text, struct ja_error *error) {
    struct ja_osc_rule *rule = &line->rule;
    *entry = (struct ja_osc_entry){.mapped = true, .line = line};
    *line = plain;
    const char *at = text + strspn(text, " ");
    while (*at)
        if (read_pair(rule, &at, error) != JA_OK)
            return JA_USAGE;
    entry->row = find_row(rule->output);
    if (!entry->row)
        return ja_fail(error, JA_USAGE,
                       "output=%s: there is no such output; the nearest is \"%s\" (see "
                       "--list-outputs)",
                       rule->output, ja_osc_nearest(rule->output));
    if (check_rule(entry, error) != JA_OK || read_arguments(line, error) != JA_OK)
        return JA_USAGE;
    if (rule->text[0])
        line->items[line->item_count++] = (struct ja_osc_item){.kind = JA_OSC_TEMPLATE};
    else if (rule->value > 0 && line->item_count == 0)
        line->items[line->item_count++] = (struct ja_osc_item){.kind = JA_OSC_VALUE};
    return JA_OK;
}

/* --- Values --- */

static double number_of(const struct ja_osc_argument *argument) {
    return argument->type == 'i' ? argument->i : (double)argument->f;
}

static double bend(int curve, double x) {
    switch (curve) {
    case SQRT:
        return sqrt(fmax(0, x));
    case LOG:
        return log10(1 + 9 * fmax(0, x));
    case DECIBEL:
        return fmax(least_db, 20 * log10(fmax(x, 1e-9)));
    default:
        return x;
    }
}

static double scaled(const struct ja_osc_rule *rule, double x) {
    return ja_clamp(bend(rule->curve, x) * rule->scale + rule->offset, rule->min, rule->max);
}

/* A scaled number as the type that is wanted; texts go to `text`. */
static struct ja_osc_argument typed(const struct ja_osc_rule *rule, char own, double value,
                                    struct ja_text *text) {
    char type = rule->type == TYPE_OWN ? own : types[rule->type][0];
    struct ja_osc_argument to = {.type = type};
    if (type == 's') {
        to.s = text->data + text->length;
        ja_text_format(text, "%.6g", value);
        ja_text_put_bytes(text, "", 1);
    } else if (type == 'i') {
        to.i = (int32_t)lrint(ja_clamp(value, INT32_MIN, INT32_MAX));
    } else {
        to.f = (float)value;
    }
    return to;
}

/* What is sent of one of the output's values. */
static struct ja_osc_argument changed(const struct ja_osc_entry *entry,
                                      const struct ja_osc_argument *from, bool rest,
                                      struct ja_text *text) {
    if (from->type == 's')
        return *from;
    double x = rest ? 0 : number_of(from);
    return typed(&entry->line->rule, from->type, scaled(&entry->line->rule, x), text);
}

static void put_number(struct ja_text *text, double value, int digits) {
    if (digits < 0)
        ja_text_format(text, "%.6g", value);
    else
        ja_text_format(text, "%.*f", digits, value);
}

static void put_placeholder(const struct ja_osc_entry *entry, const struct placeholder *place,
                            const char *stream, const struct ja_osc_argument *from, size_t count,
                            bool rest, struct ja_text *text) {
    size_t chosen = entry->line->rule.value > 0 ? (size_t)entry->line->rule.value : 1;
    size_t index = place->index ? place->index : chosen;
    if (place->stream) {
        ja_text_put(text, stream);
        return;
    }
    if (index > count)
        return;
    const struct ja_osc_argument *argument = &from[index - 1];
    if (argument->type == 's') {
        ja_text_put(text, argument->s);
        return;
    }
    double x = rest ? 0 : number_of(argument);
    put_number(text, place->index ? x : scaled(&entry->line->rule, x), place->digits);
}

static void expand(const struct ja_osc_entry *entry, const char *stream,
                   const struct ja_osc_argument *from, size_t count, bool rest,
                   struct ja_text *text) {
    struct placeholder place;
    const char *at = entry->line->rule.text;
    for (const char *brace; (brace = strchr(at, '{')) != NULL;) {
        ja_text_put_bytes(text, at, (size_t)(brace - at));
        at = read_placeholder(brace + 1, &place);
        put_placeholder(entry, &place, stream, from, count, rest, text);
    }
    ja_text_put(text, at);
    ja_text_put_bytes(text, "", 1);
}

static bool fill_item(const struct ja_osc_entry *entry, const struct ja_osc_item *item,
                      const char *stream, const struct ja_osc_argument *from, size_t count,
                      bool rest, struct ja_text *text, struct ja_osc_argument *to) {
    size_t chosen = entry->line->rule.value > 0 ? (size_t)entry->line->rule.value - 1 : 0;
    switch (item->kind) {
    case JA_OSC_CONSTANT:
        *to = item->constant;
        if (to->type == 's')
            to->s = entry->line->rule.arguments + item->index;
        return true;
    case JA_OSC_VALUE:
        if (chosen < count)
            *to = changed(entry, &from[chosen], rest, text);
        return chosen < count;
    case JA_OSC_PLAIN:
        if (item->index < count)
            *to = from[item->index];
        return item->index < count;
    case JA_OSC_TEMPLATE:
        *to = (struct ja_osc_argument){.type = 's', .s = text->data + text->length};
        expand(entry, stream, from, count, rest, text);
        return true;
    }
    return false;
}

bool ja_osc_entry_fill(const struct ja_osc_entry *entry, const char *stream,
                       const struct ja_osc_argument *from, bool rest,
                       struct ja_osc_argument to[JA_OSC_VALUES + 1], char texts[JA_OSC_TEXTS]) {
    struct ja_text text;
    size_t count = 0, filled = 0;
    ja_text_init(&text, texts, JA_OSC_TEXTS);
    while (from[count].type)
        count++;
    if (!entry->mapped) {
        for (; filled < count; filled++) {
            to[filled] = from[filled];
            if (rest && to[filled].type != 's')
                to[filled].i = 0; /* a float's zero is the same bits */
        }
    } else if (entry->line->item_count == 0) {
        for (; filled < count; filled++)
            to[filled] = changed(entry, &from[filled], rest, &text);
    }
    for (; entry->mapped && filled < entry->line->item_count; filled++)
        if (!fill_item(entry, &entry->line->items[filled], stream, from, count, rest, &text,
                       &to[filled]))
            return false;
    to[filled].type = '\0';
    return !text.full;
}
