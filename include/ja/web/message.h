/* What browsers and scripts tell us as JSON: commands, what they want to hear, new values.
 *
 * Whoever writes it may be anybody: depth, length, keys and types are checked, and what is read is
 * of fixed size, without pointers, to be copied from thread to thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_MESSAGE_H
#define JA_WEB_MESSAGE_H

#include <ja/control/command.h>
#include <ja/core/status.h>
#include <ja/pipeline/event.h>
#include <ja/stream/stream.h>

enum {
    JA_WEB_DEPTH = 8, /* of objects and lists within each other */
    JA_WEB_ARGUMENTS = 8,
    JA_WEB_STRING_BYTES = 2048, /* all strings of one command together */
    JA_WEB_MOST_HZ = 100,       /* of analysis frames */
    JA_WEB_NAMED = 8,           /* streams of one subscription */
    /* What can be subscribed to: 1u << JA_EVENT_…, and */
    JA_WEB_ANALYSIS = 1 << JA_EVENT_TYPES,
    JA_WEB_METRICS = 1 << (JA_EVENT_TYPES + 1),
    JA_WEB_OPERATOR = 1 << (JA_EVENT_TYPES + 2),
    JA_WEB_ALL = (1 << (JA_EVENT_TYPES + 3)) - 1,
};

/* A command with its arguments. */
struct ja_web_call {
    char name[64];
    size_t count;
    struct {
        char type; /* 's', 'i' or 'f' */
        int integer;
        double number;
        size_t string; /* where it begins in `strings` */
    } arguments[JA_WEB_ARGUMENTS];
    size_t string_bytes;
    char strings[JA_WEB_STRING_BYTES];
};

enum ja_web_message_kind { JA_WEB_PING, JA_WEB_SUBSCRIBE, JA_WEB_COMMAND };

struct ja_web_message {
    enum ja_web_message_kind kind;
    bool has_id;
    long long id;     /* comes back with the answer */
    unsigned outputs; /* SUBSCRIBE: what is wanted; 0: as it was */
    double rate_hz;   /* SUBSCRIBE: 0…JA_WEB_MOST_HZ analysis frames a second; NAN: as it was */
    bool has_streams; /* SUBSCRIBE: `streams` are what is wanted; none: the program's own */
    char streams[JA_WEB_NAMED][JA_STREAM_NAME_BYTES];
    size_t stream_count;
    struct ja_web_call call; /* COMMAND */
};

/* {"type":"ping"}, {"command":"subscribe","outputs":[…],"rate_hz":…,"streams":[…]} or
 * {"command":…,"args":[…]}, each with an integer "id" or without. JA_USAGE and a sentence for
 * anything else. */
enum ja_status ja_web_message_read(struct ja_web_message *message, const char *text, size_t size,
                                   struct ja_error *error);
/* {"value":…}: makes it the command that sets `option`. */
enum ja_status ja_web_value_read(struct ja_web_call *call, const char *option, const char *text,
                                 size_t size, struct ja_error *error);
/* The arguments as ja_command_run takes them; they point into `call`. */
void ja_web_call_arguments(const struct ja_web_call *call,
                           struct ja_argument arguments[JA_WEB_ARGUMENTS]);
/* Name of the i-th output, 1u << i in `outputs`; NULL behind the last one. */
const char *ja_web_output_name(unsigned i);

#endif
