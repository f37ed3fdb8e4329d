/* Reads OSC packets from the network, strictly.
 *
 * Everything is taken from a cursor that knows where its message ends; whatever is asked of it is
 * there or the message is refused. Every byte is looked at a fixed number of times, so a hostile
 * packet costs no more than an honest one of its size.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/net/osc_reader.h>

#include <assert.h>
#include <string.h>

struct cursor {
    const unsigned char *at, *end;
};

static size_t left(const struct cursor *cursor) {
    return (size_t)(cursor->end - cursor->at);
}

static bool take_u32(struct cursor *cursor, uint32_t *value) {
    if (left(cursor) < 4)
        return false;
    const unsigned char *b = cursor->at;
    *value = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    cursor->at += 4;
    return true;
}

static bool take_u64(struct cursor *cursor, uint64_t *value) {
    uint32_t high, low;
    if (!take_u32(cursor, &high) || !take_u32(cursor, &low))
        return false;
    *value = (uint64_t)high << 32 | low;
    return true;
}

/* `size` bytes and the zeros that fill up to a multiple of 4. */
static bool take_padded(struct cursor *cursor, size_t size, const void **bytes) {
    size_t available = left(cursor);
    if (size > available)
        return false;
    size_t padding = (4 - size % 4) % 4;
    if (padding > available - size)
        return false;
    *bytes = cursor->at;
    for (size_t i = 0; i < padding; i++)
        if (cursor->at[size + i] != 0)
            return false;
    cursor->at += size + padding;
    return true;
}

static bool take_string(struct cursor *cursor, const char **string) {
    const unsigned char *nul = left(cursor) ? memchr(cursor->at, 0, left(cursor)) : NULL;
    const void *bytes;
    if (!nul || !take_padded(cursor, (size_t)(nul - cursor->at) + 1, &bytes))
        return false;
    *string = bytes;
    return true;
}

static bool take_blob(struct cursor *cursor, struct ja_osc_argument *argument) {
    return take_u32(cursor, &argument->b.size) &&
           take_padded(cursor, argument->b.size, &argument->b.data);
}

static bool take_argument(struct cursor *cursor, char type, struct ja_osc_argument *argument) {
    uint32_t word;
    uint64_t both;
    argument->type = type;
    switch (type) {
    case 'i':
    case 'f':
        if (!take_u32(cursor, &word))
            return false;
        memcpy(&argument->i, &word, sizeof word);
        return true;
    case 'h':
    case 'd':
    case 't':
        if (!take_u64(cursor, &both))
            return false;
        memcpy(&argument->t, &both, sizeof both);
        return true;
    case 's':
        return take_string(cursor, &argument->s);
    case 'b':
        return take_blob(cursor, argument);
    case 'T':
    case 'F':
    case 'N':
    case 'I':
        return true;
    default:
        return false;
    }
}

static bool is_address(const char *string) {
    if (string[0] != '/')
        return false;
    for (const char *c = string; *c; c++)
        if (*c <= ' ' || *c >= 127 || *c == '#')
            return false;
    return true;
}

static bool take_message(struct cursor *cursor, struct ja_osc_message *message) {
    if (!take_string(cursor, &message->address) || !is_address(message->address))
        return false;
    message->types = "";
    message->count = 0;
    if (left(cursor) == 0) /* senders of old leave the types out where there are no arguments */
        return true;
    if (!take_string(cursor, &message->types) || message->types[0] != ',')
        return false;
    message->types++;
    for (const char *type = message->types; *type; type++) {
        if (message->count == JA_OSC_ARGUMENTS)
            return false;
        if (!take_argument(cursor, *type, &message->arguments[message->count++]))
            return false;
    }
    return left(cursor) == 0;
}

struct receiver {
    void (*function)(void *data, const struct ja_osc_message *message);
    void *data;
    unsigned messages, bundles; /* so far */
};

static bool read_element(struct cursor cursor, unsigned depth, struct receiver *receiver);

static bool read_bundle(struct cursor cursor, unsigned depth, struct receiver *receiver) {
    const char *mark;
    uint64_t timetag;
    if (depth == JA_OSC_DEPTH || receiver->bundles++ == JA_OSC_BUNDLES)
        return false;
    if (!take_string(&cursor, &mark) || strcmp(mark, "#bundle") != 0 ||
        !take_u64(&cursor, &timetag))
        return false;
    while (left(&cursor) > 0) {
        uint32_t size;
        if (!take_u32(&cursor, &size) || size > left(&cursor))
            return false;
        struct cursor element = {cursor.at, cursor.at + size};
        if (!read_element(element, depth + 1, receiver))
            return false;
        cursor.at += size;
    }
    return true;
}

static bool read_element(struct cursor cursor, unsigned depth, struct receiver *receiver) {
    if (left(&cursor) == 0 || left(&cursor) % 4 != 0)
        return false;
    if (cursor.at[0] == '#')
        return read_bundle(cursor, depth, receiver);
    struct ja_osc_message message;
    if (receiver->messages++ == JA_OSC_MESSAGES || !take_message(&cursor, &message))
        return false;
    receiver->function(receiver->data, &message);
    return true;
}

bool ja_osc_read(const void *packet, size_t size,
                 void (*function)(void *data, const struct ja_osc_message *message), void *data) {
    assert((uintptr_t)packet % 4 == 0);
    struct cursor cursor = {packet, (const unsigned char *)packet + size};
    struct receiver receiver = {function, data, 0, 0};
    return size <= JA_OSC_BYTES && read_element(cursor, 0, &receiver);
}
