/* Throws lines at the reader of a target's map: what it accepts must make messages within their
 * bounds of any values; what it refuses must come with a sentence.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/osc_entry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void require(bool condition) {
    if (!condition)
        abort();
}

static void check_message(const struct ja_osc_entry *entry, const struct ja_osc_argument *from,
                          bool rest) {
    struct ja_osc_argument to[JA_OSC_VALUES + 1];
    char texts[JA_OSC_TEXTS];
    if (!ja_osc_entry_fill(entry, "main", from, rest, to, texts))
        return;
    size_t count = 0;
    for (; to[count].type; count++) {
        require(count < JA_OSC_VALUES && strchr("ifs", to[count].type));
        require(to[count].type != 'f' || isfinite(to[count].f));
        if (to[count].type == 's')
            require(strlen(to[count].s) < JA_OSC_TEXTS);
    }
    require(count > 0);
}

static void check_entry(const struct ja_osc_entry *entry) {
    static const struct ja_osc_argument some[] = {{.type = 'i', .i = INT32_MIN},
                                                  {.type = 'f', .f = 3e38f},
                                                  {.type = 's', .s = "A:min"},
                                                  {.type = 0}};
    struct ja_osc_argument many[JA_OSC_VALUES + 1];
    for (size_t i = 0; i < JA_OSC_VALUES; i++)
        many[i] = (struct ja_osc_argument){.type = 'f', .f = i % 2 ? -0.5f : 1e-38f};
    many[JA_OSC_VALUES].type = 0;
    require(entry->row && entry->line->rule.address[0] == '/');
    require(entry->line->rule.every >= 1 && entry->line->rule.max_hz >= 0 &&
            entry->line->rule.pulse_ms >= 0);
    for (int rest = 0; rest < 2; rest++) {
        check_message(entry, some, rest);
        check_message(entry, many, rest);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    struct ja_error error = {""};
    struct ja_osc_entry entry;
    struct ja_osc_line kept;
    char *line = malloc(size + 1);
    require(line != NULL);
    memcpy(line, bytes, size);
    line[size] = '\0';
    if (ja_osc_entry_parse(&entry, &kept, line, &error) == JA_OK) {
        check_entry(&entry);
        struct ja_osc_entry plain = ja_osc_entry_plain(entry.row);
        check_message(&plain, (const struct ja_osc_argument[]){{.type = 'f'}, {.type = 0}}, true);
    } else {
        require(error.text[0] != '\0');
    }
    free(line);
    return 0;
}
