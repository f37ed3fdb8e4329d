/* Throws bytes at the reader of JSON messages from browsers and scripts.
 *
 * What it accepts must be within its bounds; what it refuses must come with a sentence.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/web/message.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void require(bool condition) {
    if (!condition)
        abort();
}

static void check_call(const struct ja_web_call *call) {
    struct ja_argument arguments[JA_WEB_ARGUMENTS];
    size_t bytes = 0;
    require(call->count <= JA_WEB_ARGUMENTS && strlen(call->name) < sizeof call->name);
    ja_web_call_arguments(call, arguments);
    for (size_t i = 0; i < call->count; i++) {
        require(arguments[i].type != 'f' || isfinite(arguments[i].number));
        if (arguments[i].type == 's')
            bytes += strlen(arguments[i].string) + 1;
    }
    require(bytes == call->string_bytes && bytes <= JA_WEB_STRING_BYTES);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    struct ja_web_message message;
    struct ja_web_call call;
    struct ja_error error = {""};
    if (ja_web_message_read(&message, (const char *)bytes, size, &error) != JA_OK) {
        require(error.text[0] != '\0');
    } else {
        require((message.outputs & ~(unsigned)JA_WEB_ALL) == 0);
        require(isnan(message.rate_hz) ||
                (message.rate_hz >= 0 && message.rate_hz <= JA_WEB_MOST_HZ));
        check_call(&message.call);
    }
    if (ja_web_value_read(&call, "onset.threshold", (const char *)bytes, size, &error) == JA_OK)
        check_call(&call);
    return 0;
}
