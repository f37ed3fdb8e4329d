/* An error as the answer to a request.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <ja/core/json.h>

enum { ERROR_BYTES = 8192 }; /* a path may be in it */

static const char *code_of(unsigned status) {
    static const struct {
        unsigned status;
        const char *code;
    } codes[] = {
        {400, "bad_request"}, {401, "unauthorized"},     {404, "not_found"},   {405, "method"},
        {409, "conflict"},    {426, "upgrade_required"}, {503, "unavailable"},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "failed";
}

size_t ja_error_write(unsigned status, const char *sentence, char *buffer, size_t size) {
    struct ja_text text;
    struct ja_json json;
    ja_json_open(&json, &text, buffer, size);
    ja_json_put_string(&json, "error", sentence);
    ja_json_put_string(&json, "code", code_of(status));
    ja_json_end_object(&json);
    return text.length;
}

void ja_error_answer(struct ja_web_client *client, unsigned status, const char *sentence) {
    char text[ERROR_BYTES];
    ja_web_answer(client, status, "application/json", text,
                  ja_error_write(status, sentence, text, sizeof text));
}
