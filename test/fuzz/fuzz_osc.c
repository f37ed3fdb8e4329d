/* Throws bytes at the OSC reader: whatever it delivers must lie inside the packet.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/net/osc_reader.h>
#include <stdlib.h>
#include <string.h>

struct packet {
    const char *start;
    size_t size;
    size_t messages;
};

static void require(bool condition) {
    if (!condition)
        abort();
}

static void require_inside(const struct packet *packet, const void *data, size_t size) {
    const char *start = data;
    require(start >= packet->start && start <= packet->start + packet->size);
    require(size <= (size_t)(packet->start + packet->size - start));
}

static void require_string(const struct packet *packet, const char *string) {
    require_inside(packet, string, 1);
    size_t room = (size_t)(packet->start + packet->size - string);
    require(memchr(string, 0, room) != NULL);
}

static void check_message(void *data, const struct ja_osc_message *message) {
    struct packet *packet = data;
    packet->messages++;
    require_string(packet, message->address);
    require(message->address[0] == '/');
    require(message->count <= JA_OSC_ARGUMENTS);
    require(strlen(message->types) == message->count);
    for (size_t i = 0; i < message->count; i++) {
        const struct ja_osc_argument *argument = &message->arguments[i];
        require(argument->type == message->types[i]);
        require(strchr("ifsbhdtTFNI", argument->type) != NULL);
        if (argument->type == 's')
            require_string(packet, argument->s);
        if (argument->type == 'b')
            require_inside(packet, argument->b.data, argument->b.size);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    char *copy = malloc(size ? size : 1); /* aligned, and its end is watched to the byte */
    require(copy != NULL);
    memcpy(copy, bytes, size);
    struct packet packet = {copy, size, 0};
    bool whole = ja_osc_read(copy, size, check_message, &packet);
    require(!whole || size % 4 == 0);
    require(packet.messages <= size / 4);
    free(copy);
    return 0;
}
