/* The settings on paper: as a table, as a configuration file, as a sample to start from. What is
 * printed as a file is read back to the same values.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"
#include <ja/config/value.h>

#include <string.h>

enum { LINE = 100, TEXT = 1024 };

static const char *const type_names[] = {
    [JA_BOOL] = "bool",     [JA_INT] = "int",       [JA_FLOAT] = "float",
    [JA_CHOICE] = "choice", [JA_STRING] = "string", [JA_LIST] = "list",
};

static const char *const effect_names[] = {
    [JA_LIVE] = "live",
    [JA_REOPEN] = "reopen",
    [JA_START] = "start",
};

static const char *const effect_sentences[] = {
    [JA_LIVE] = "Changes at once.",
    [JA_REOPEN] = "A change interrupts this part shortly.",
    [JA_START] = "Read at the start only.",
};

static void put_quoted(FILE *out, const char *string) {
    fputc('"', out);
    for (; *string != '\0'; string++) {
        if (*string == '"' || *string == '\\')
            fputc('\\', out);
        fputc(*string, out);
    }
    fputc('"', out);
}

/* As libconfig reads it. */
static void put_value(FILE *out, const struct ja_option *option, const void *value) {
    char buffer[TEXT];
    struct ja_text text;
    switch (option->type) {
    case JA_STRING:
        put_quoted(out, value);
        return;
    case JA_LIST:
        fputs("[", out);
        for (const char *item = NULL; (item = ja_list_next(value, item)) != NULL;) {
            fputs(item == value ? " " : ", ", out);
            put_quoted(out, item);
        }
        fputs(" ]", out);
        return;
    default:
        break;
    }
    ja_text_init(&text, buffer, sizeof buffer);
    ja_value_format(option, value, &text);
    if (option->type == JA_CHOICE)
        put_quoted(out, buffer);
    else
        fputs(buffer, out);
    /* A float without a point would be an integer, for which libconfig has fewer digits. */
    if (option->type == JA_FLOAT && strpbrk(buffer, ".e") == NULL)
        fputs(".0", out);
}

/* The rest of a comment's line; whatever it holds, it must not end the line. */
static void put_comment(FILE *out, const char *text) {
    fputs(" # ", out);
    for (; *text != '\0'; text++)
        fputc((unsigned char)*text < ' ' ? '?' : *text, out);
    fputc('\n', out);
}

static void print_options(const struct ja_section *section, const char *indent, FILE *out) {
    const struct ja_module *module = section->module;
    for (size_t i = 0; i < module->option_count; i++) {
        const struct ja_option *option = &module->options[i];
        const char *origin;
        const void *value = ja_store_value(section, option, NULL, &origin);
        fprintf(out, "%s%s = ", indent, option->name);
        put_value(out, option, value);
        fputc(';', out);
        put_comment(out, origin);
    }
}

void ja_config_print(const struct ja_config *config, FILE *out) {
    for (size_t m = 0; m < config->module_count; m++) {
        const struct ja_module *module = config->modules[m];
        fprintf(out, "%s%s: {\n", m == 0 ? "" : "\n", module->name);
        if (!module->named)
            print_options(ja_store_section(config, module, ""), "    ", out);
        const char *name;
        for (size_t i = 0; module->named && (name = ja_config_instance(config, module, i)); i++) {
            fprintf(out, "    %s: {\n", name);
            print_options(ja_store_section(config, module, name), "        ", out);
            fputs("    };\n", out);
        }
        fputs("};\n", out);
    }
}

/* Writes `text` as comment lines, broken between words. */
static void put_wrapped(FILE *out, const char *indent, const char *text) {
    size_t column = LINE; /* full: the first word begins a line */
    bool first = true;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column + 1 + word > LINE) {
            fprintf(out, "%s%s#", first ? "" : "\n", indent);
            column = strlen(indent) + 1;
            first = false;
        }
        fprintf(out, " %.*s", (int)word, text);
        column += 1 + word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void ja_config_describe(const struct ja_option *option, struct ja_text *text) {
    ja_text_format(text, "%s ", option->help);
    if (option->type == JA_CHOICE)
        ja_text_put(text, "One of ");
    size_t before = text->length;
    ja_value_format_range(option, ", ", text);
    if (text->length > before)
        ja_text_format(text, "%s%s. ", option->unit == NULL ? "" : " ",
                       option->unit == NULL ? "" : option->unit);
    ja_text_put(text, effect_sentences[option->effect]);
}

static void put_help(FILE *out, const char *indent, const struct ja_option *option) {
    char sentences[TEXT];
    struct ja_text text;
    ja_text_init(&text, sentences, sizeof sentences);
    ja_config_describe(option, &text);
    put_wrapped(out, indent, sentences);
}

static void sample_options(const struct ja_section *section, const char *indent, FILE *out) {
    for (size_t i = 0; i < section->module->option_count; i++) {
        const struct ja_option *option = &section->module->options[i];
        put_help(out, indent, option);
        fprintf(out, "%s#%s = ", indent, option->name);
        put_value(out, option, ja_store_value(section, option, NULL, NULL));
        fputs(";\n", out);
    }
}

/* An instance that exists anyway has a group of its own; of an example all is commented out. */
static void sample_instance(const struct ja_section *section, FILE *out) {
    const char *mark = section->module->fallback_name == NULL ? "#" : "";
    fprintf(out, "    %s%s: {\n", mark, section->name);
    sample_options(section, "        ", out);
    fprintf(out, "    %s};\n", mark);
}

static void sample_module(struct ja_config *defaults, const struct ja_module *module, FILE *out) {
    struct ja_section *section;
    const char *name = module->fallback_name == NULL ? "example" : module->fallback_name;
    fputc('\n', out);
    put_wrapped(out, "", module->help);
    if (module->named)
        fputs("# There can be several, each in a group with a name of its own.\n", out);
    fprintf(out, "%s: {\n", module->name);
    if (ja_store_mention(defaults, JA_LAYER_FILE, module, module->named ? name : "", &section,
                         NULL) == JA_OK) {
        if (module->named)
            sample_instance(section, out);
        else
            sample_options(section, "    ", out);
    }
    fputs("};\n", out);
}

void ja_config_sample(const struct ja_config *config, FILE *out) {
    struct ja_config *defaults = ja_config_new(config->modules, config->module_count);
    if (defaults == NULL)
        return;
    fputs("# Settings of jack-analyzer. Every option stands here at its default; to change one, "
          "take\n"
          "# the # before it away. What is on the command line wins over this file.\n",
          out);
    for (size_t i = 0; i < config->module_count; i++)
        sample_module(defaults, config->modules[i], out);
    ja_config_free(defaults);
}

/* Columns before the help; a cell that is wider than WIDEST pushes what follows to the right. */
enum { COLUMNS = 6, CELL = 512, WIDEST = 32 };

static void make_row(char row[COLUMNS][CELL], const struct ja_module *module,
                     const struct ja_option *option) {
    struct ja_text cells[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        ja_text_init(&cells[i], row[i], CELL);
    ja_store_name(module, "NAME", option->name, &cells[0]);
    ja_text_put(&cells[1], type_names[option->type]);
    ja_value_format_range(option, "|", &cells[2]);
    ja_text_put(&cells[3], option->unit == NULL ? "" : option->unit);
    ja_text_put(&cells[4], option->fallback);
    ja_text_put(&cells[5], effect_names[option->effect]);
    for (int i = 0; i < COLUMNS; i++) {
        if (cells[i].length == 0)
            ja_text_put(&cells[i], "-");
    }
}

static void widen(int widths[COLUMNS], char row[COLUMNS][CELL]) {
    for (int i = 0; i < COLUMNS; i++) {
        int width = (int)strlen(row[i]);
        if (width <= WIDEST && width > widths[i])
            widths[i] = width;
    }
}

static void put_row(FILE *out, const int widths[COLUMNS], char row[COLUMNS][CELL],
                    const char *help) {
    for (int i = 0; i < COLUMNS; i++)
        fprintf(out, "%-*s  ", widths[i], row[i]);
    fprintf(out, "%s\n", help);
}

void ja_config_list(const struct ja_config *config, FILE *out) {
    char head[COLUMNS][CELL] = {"OPTION", "TYPE", "RANGE", "UNIT", "DEFAULT", "CHANGE"};
    char row[COLUMNS][CELL];
    int widths[COLUMNS] = {0};
    widen(widths, head);
    for (int writing = 0; writing < 2; writing++) {
        if (writing)
            put_row(out, widths, head, "MEANING");
        for (size_t m = 0; m < config->module_count; m++) {
            const struct ja_module *module = config->modules[m];
            for (size_t i = 0; i < module->option_count; i++) {
                make_row(row, module, &module->options[i]);
                if (writing)
                    put_row(out, widths, row, module->options[i].help);
                else
                    widen(widths, row);
            }
        }
    }
}
