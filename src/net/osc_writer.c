/* Writes one OSC 1.0 message into a buffer of the caller's (encoded by liblo).
 *
 * liblo serialises without looking at the buffer's size, so the length is asked first.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/net/osc_writer.h>

#include <assert.h>
#include <lo/lo.h>

static bool add(lo_message message, char type, const struct ja_osc_argument *argument) {
    switch (type) {
    case 'i':
        return lo_message_add_int32(message, argument->i) == 0;
    case 'f':
        return lo_message_add_float(message, argument->f) == 0;
    case 's':
        return lo_message_add_string(message, argument->s) == 0;
    default:
        assert(!"a type this program does not send");
        return false;
    }
}

size_t ja_osc_write(void *packet, size_t size, const char *address, const char *types,
                    const struct ja_osc_argument *arguments) {
    lo_message message = lo_message_new();
    if (!message)
        return 0;
    size_t length = 0;
    bool whole = true;
    for (size_t i = 0; types[i] && whole; i++)
        whole = add(message, types[i], &arguments[i]);
    if (whole && lo_message_length(message, address) <= size)
        if (!lo_message_serialise(message, address, packet, &length))
            length = 0;
    lo_message_free(message);
    return length;
}
