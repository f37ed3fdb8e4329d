/* One option's value: read from text, checked against its row, and written as text again.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONFIG_VALUE_H
#define JA_CONFIG_VALUE_H

#include <ja/config/option.h>
#include <ja/core/status.h>
#include <ja/core/text.h>

/* `value` is option->size bytes, as the field in the settings struct, zeroed before. On error the
 * reason alone is told ("must be between 0 and 5"); who asks knows name and origin. */
enum ja_status ja_value_parse(const struct ja_option *option, const char *text, void *value,
                              struct ja_error *reason);
/* Adds `length` bytes of `item` to the list in `value`. */
enum ja_status ja_value_append(const struct ja_option *option, const char *item, size_t length,
                               void *value, struct ja_error *reason);

/* The value as text that ja_value_parse reads; lists joined by ','. */
void ja_value_format(const struct ja_option *option, const void *value, struct ja_text *text);
/* The shortest text that is read as exactly `number` again. */
void ja_value_format_number(double number, struct ja_text *text);
/* What may be set: "0 to 5", "hfc, energy" or nothing. */
void ja_value_format_range(const struct ja_option *option, const char *separator,
                           struct ja_text *text);

#endif
