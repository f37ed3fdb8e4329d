/* Throws lines at the reader of MIDI bindings, and what follows the first NUL as messages at what
 * is bound.
 *
 * What is accepted must only ask for what the table of commands allows, and what was learnt must
 * be read again.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/control/midi_in.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void require(bool condition) {
    if (!condition)
        abort();
}

static enum ja_status beat(void *data, enum ja_beat_action action, double number, double for_s,
                           struct ja_text *reply) {
    (void)data, (void)for_s, (void)reply;
    require(action != JA_BEAT_NUDGE || fabs(number) <= 200);
    return JA_OK;
}

static enum ja_status set(void *data, const char *option, const char *value,
                          struct ja_text *reply) {
    (void)data, (void)reply;
    require(strlen(option) < JA_BINDING_BYTES && strlen(value) < JA_BINDING_BYTES);
    return JA_FAILED;
}

static const struct ja_operator hand = {.beat = beat, .set = set};

/* Lines become the items of a list; an empty one ends it. */
static void make_list(char *list, size_t size, const char *text, size_t length) {
    size_t at = 0;
    for (size_t i = 0; i < length && at + 2 < size; i++) {
        if (text[i] != '\n')
            list[at++] = text[i];
        else if (at > 0 && list[at - 1])
            list[at++] = '\0';
    }
    list[at] = list[at + 1] = '\0';
}

static void learn(struct ja_midi_in *in, const char *list, const unsigned char *message,
                  size_t count) {
    char learnt[4096];
    struct ja_text text;
    struct ja_error error = {""};
    const char *first = list[0] ? strchr(list, ':') : NULL;
    if (ja_midi_in_learn(in, first ? first + 1 : "tap", &error) != JA_OK) {
        require(error.text[0] != '\0');
        return;
    }
    ja_text_init(&text, learnt, sizeof learnt);
    if (!ja_midi_in_learnt(in, message, count, list, &text) || text.full)
        return;
    for (char *c = learnt; *c; c++)
        if (*c == ',')
            *c = '\n';
    char again[sizeof learnt + 2];
    make_list(again, sizeof again, learnt, text.length);
    if (ja_midi_in_read(in, again, &error) != JA_OK)
        require(in->count == JA_BINDINGS || strstr(error.text, "at most"));
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    static struct ja_midi_in in;
    struct ja_error error = {""};
    char list[4096];
    const unsigned char *end = size ? memchr(bytes, 0, size) : NULL;
    size_t length = end ? (size_t)(end - bytes) : size;
    ja_log_set_level(JA_LOG_ERROR);
    make_list(list, sizeof list, (const char *)bytes, length);
    memset(&in, 0, sizeof in);
    if (ja_midi_in_read(&in, list, &error) != JA_OK) {
        require(error.text[0] != '\0' && in.count == 0);
        list[0] = '\0';
    }
    require(in.count <= JA_BINDINGS);
    for (size_t at = length + 1; at < size; at += 3)
        ja_midi_in_run(&in, bytes + at, size - at < 3 ? size - at : 3, &hand);
    if (size > length + 3)
        learn(&in, list, bytes + length + 1, 3);
    return 0;
}
