/* How a function says that it failed, in words a person can act on.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/status.h>

#include <stdarg.h>
#include <stdio.h>

enum ja_status ja_fail(struct ja_error *error, enum ja_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return status;
}
