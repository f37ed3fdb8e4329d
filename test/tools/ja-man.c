/* Prints the parts of the manual pages that come from tables: "options" for jack-analyzer.conf(5);
 * "addresses", "commands", "events" and "frames" for jack-analyzer-osc(7).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/app.h"
#include "modules.h"
#include "sink/osc_map.h"

#include <ja/config/config.h>
#include <ja/control/command.h>
#include <ja/pipeline/event.h>
#include <stdio.h>
#include <string.h>

/* As mdoc wants it: backslashes escaped, three points for an ellipsis, every sentence on a line of
 * its own, no line that looks like a request. */
static void put(const char *text) {
    for (const char *c = text; *c; c++) {
        bool first = c == text || c[-1] == '\n';
        if (first && (*c == '.' || *c == '\''))
            fputs("\\&", stdout);
        if (*c == '\\') {
            fputs("\\e", stdout);
        } else if (!strncmp(c, "…", strlen("…"))) {
            fputs("...", stdout);
            c += strlen("…") - 1;
        } else if (!strncmp(c, ". ", 2)) {
            puts(".");
            c++;
        } else {
            putchar(*c);
        }
    }
}

static void put_line(const char *text) {
    put(text);
    putchar('\n');
}

/* --- Options --- */

static void list_option(const struct ja_module *module, const struct ja_option *option) {
    char sentences[1024];
    struct ja_text text;
    bool quoted = option->type == JA_STRING || option->type == JA_CHOICE;
    ja_text_init(&text, sentences, sizeof sentences);
    ja_config_describe(option, &text);
    printf(".It Li %s%s.%s No = Li ", module->name, module->named ? ".NAME" : "", option->name);
    fputs(option->type == JA_LIST ? "[" : quoted ? "\\(dq" : "", stdout);
    put(option->fallback);
    puts(option->type == JA_LIST ? "]" : quoted ? "\\(dq" : "");
    put_line(sentences);
}

static void list_options(void) {
    const struct ja_module *modules[JA_MODULES];
    size_t count = ja_modules_collect(modules);
    for (size_t m = 0; m < count; m++) {
        if (modules[m]->option_count == 0)
            continue;
        printf(".Ss %s\n", modules[m]->name);
        put_line(modules[m]->help);
        if (modules[m]->named)
            puts("There can be several, each in a group with a name of its own.");
        puts(".Bl -tag -width Ds");
        for (size_t i = 0; i < modules[m]->option_count; i++)
            list_option(modules[m], &modules[m]->options[i]);
        puts(".El");
    }
}

/* --- Outputs and commands --- */

static void list_addresses(void) {
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < ja_osc_row_count; i++) {
        const struct ja_osc_row *row = &ja_osc_rows[i];
        printf(".It Li /ja%s Ar ", row->address);
        put(row->types);
        printf(" , No %s\n", ja_osc_moment_words(row->when));
        put_line(row->help);
    }
    puts(".El");
}

static void list_commands(void) {
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < ja_command_count; i++) {
        const struct ja_command *command = &ja_commands[i];
        printf(".It Li /ja/ctl/%s%s%s\n", command->name, command->arguments[0] ? " Ar " : "",
               command->arguments);
        put_line(command->help);
    }
    puts(".El");
}

static void list_events(void) {
    puts(".Bl -tag -width Ds");
    for (int type = 0; type < JA_EVENT_TYPES; type++) {
        const struct ja_event_info *info = ja_event_info((enum ja_event_type)type);
        printf(".It Li %s\n", info->name);
        put(info->help);
        puts("\n.Bl -tag -width Ds -compact");
        for (size_t i = 0; i < info->field_count; i++) {
            printf(".It Li %s\n", info->fields[i].name);
            put_line(info->fields[i].help);
        }
        puts(".El");
    }
    puts(".El");
}

static void list_frames(void) {
    puts(".Bl -tag -width Ds");
    for (size_t s = 0; s < ja_stage_count; s++) {
        for (size_t o = 0; o < ja_stages[s]->output_count; o++) {
            const struct ja_output *output = &ja_stages[s]->outputs[o];
            printf(".It Li %s Pq ", output->name);
            ja_list_range(output, stdout);
            putchar('\n');
            put_line(output->help);
        }
    }
    puts(".El");
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*list)(void);
    } parts[] = {{"options", list_options},
                 {"addresses", list_addresses},
                 {"commands", list_commands},
                 {"events", list_events},
                 {"frames", list_frames}};
    for (size_t i = 0; argc == 2 && i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(argv[1], parts[i].name) != 0)
            continue;
        parts[i].list();
        return fflush(stdout) ? 1 : 0;
    }
    fputs("usage: ja-man options | addresses | commands | events | frames\n", stderr);
    return 2;
}
