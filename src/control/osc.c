/* Steering by OSC: one UDP socket, every command answered to its sender.
 *
 * Whoever sends here may be anybody, so: packets go through the strict reader only; a turn of the
 * loop takes TURN_US and the command that passes it, then the beats have their turn, and what is
 * left of a bundle is done in the next ones; an answer is never longer than ACK_BYTES, and there is
 * none to what is not a command. Nor is this a way to have a third one flooded: to an address that
 * has not confirmed, the answers to a packet are together no larger than the packet, and it cannot
 * say where outputs go (control/command.c).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/control/osc.h>

#include <ja/control/subscribers.h>
#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/net/osc_reader.h>
#include <ja/net/osc_writer.h>
#include <ja/net/socket.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TURN_US = 50, /* in one turn of the loop; the message that passes it is the last */
    ACK_BYTES = 1024,
    ACK_COMMAND_BYTES = 64,
    OPTION_BYTES = 192,   /* more than any option's name */
    ACK_TEXT_BYTES = 900, /* with address, types and command this makes less than ACK_BYTES */
};

static const char command_prefix[] = "/ja/ctl/", option_prefix[] = "/ja/option/";

struct recipient {
    struct ja_asker asker;
    size_t allowance; /* what may be sent to him if he is not confirmed, in bytes */
};

struct ja_control {
    int fd;
    struct ja_loop *loop;
    const struct ja_operator *operator;
    struct ja_handshake handshake;
    struct ja_control_stats stats;
    struct ja_log_limit refused_limit, foreign_limit;

    /* The packet being read. */
    struct recipient from;
    unsigned messages, done; /* read in this turn; obeyed in all turns */
    uint64_t end_us;         /* of this turn */
    bool late;               /* it is over */
    uint64_t timer;          /* of the next turn; 0: the packet is done */
    size_t size;
    _Alignas(8) unsigned char packet[JA_OSC_BYTES];
};

#define S struct ja_control_settings
static const struct ja_option control_options[] = {
    JA_OPTION_BOOL(S, enable, "enable", "true", JA_START, "Listen for OSC commands."),
    JA_OPTION_STRING(S, address, "address", "127.0.0.1", JA_START,
                     "Numeric address to listen on; 0.0.0.0 lets everybody on the network steer."),
    JA_OPTION_INT(S, port, "port", "7770", 1, 65535, NULL, JA_START, "UDP port to listen on."),
    JA_OPTION_INT(S, subscribers, "subscribers", "8", 0, JA_SUBSCRIBERS, NULL, JA_START,
                  "How many may ask for results at a time by /ja/ctl/subscribe; 0: nobody."),
};
#undef S

const struct ja_module ja_control_module = {
    .name = "control",
    .help = "Steering by OSC.",
    .options = control_options,
    .option_count = sizeof control_options / sizeof control_options[0],
    .settings_size = sizeof(struct ja_control_settings),
};

/* Cuts `text` to fewer than `size` bytes, not within a UTF-8 character. */
static void cut(char *to, size_t size, const char *from) {
    size_t length = strnlen(from, size);
    if (length == size) {
        length--;
        while (length > 0 && ((unsigned char)from[length] & 0xC0) == 0x80)
            length--;
    }
    memcpy(to, from, length);
    to[length] = '\0';
}

/* To whom has not confirmed, only as much as he has sent. */
static void answer(struct ja_control *control, struct recipient *to, const void *packet,
                   size_t size) {
    const struct ja_peer *peer = &to->asker.peer;
    if (peer->length == 0)
        return;
    bool confirmed = to->asker.confirmed;
    bool allowed = size > 0 && (confirmed || size <= to->allowance);
    if (!allowed || sendto(control->fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                           (const struct sockaddr *)&peer->address, peer->length) < 0)
        control->stats.unanswered++;
    else if (!confirmed)
        to->allowance -= size;
}

static void ask_to_confirm(struct ja_control *control) {
    _Alignas(4) unsigned char packet[32];
    struct ja_osc_argument number = {
        .type = 'i',
        .i = ja_handshake_number(&control->handshake, &control->from.asker.peer, ja_clock_us())};
    answer(control, &control->from, packet,
           ja_osc_write(packet, sizeof packet, "/ja/confirm", "i", &number));
}

static void acknowledge(struct ja_control *control, struct recipient *to, const char *command,
                        bool done, const char *text) {
    char name[ACK_COMMAND_BYTES], reply[ACK_TEXT_BYTES];
    _Alignas(4) unsigned char packet[ACK_BYTES];
    cut(name, sizeof name, command);
    cut(reply, sizeof reply, text);
    struct ja_osc_argument arguments[] = {
        {.type = 's', .s = name}, {.type = 'i', .i = done}, {.type = 's', .s = reply}};
    answer(control, to, packet, ja_osc_write(packet, sizeof packet, "/ja/ack", "sis", arguments));
}

/* --- Answers that come later --- */

struct waiter {
    struct ja_waiter waiter;
    struct ja_control *control;
    struct recipient to;
    char command[ACK_COMMAND_BYTES];
};

/* One message while it is being obeyed. */
struct asking {
    struct ja_control *control;
    const char *command;
    bool put_off;
};

static void answer_waiter(struct ja_waiter *answered, enum ja_status status, const char *text) {
    struct waiter *waiter = (struct waiter *)answered;
    acknowledge(waiter->control, &waiter->to, waiter->command, status == JA_OK, text);
    free(waiter);
}

/* He takes along all that may still be sent for this packet. */
static struct ja_waiter *wait_for_answer(void *data) {
    struct asking *asking = data;
    struct waiter *waiter = malloc(sizeof *waiter);
    if (!waiter)
        return NULL;
    *waiter = (struct waiter){
        .waiter.answer = answer_waiter, .control = asking->control, .to = asking->control->from};
    cut(waiter->command, sizeof waiter->command, asking->command);
    asking->control->from.allowance = 0;
    asking->put_off = true;
    return &waiter->waiter;
}

/* --- Commands --- */

static bool convert(const struct ja_osc_argument *from, struct ja_argument *to) {
    switch (from->type) {
    case 's':
        *to = (struct ja_argument){.type = 's', .string = from->s};
        return true;
    case 'i':
        *to = (struct ja_argument){.type = 'i', .integer = from->i};
        return true;
    case 'h':
        *to = (struct ja_argument){.type = 'i', .integer = (int)from->h};
        return from->h >= INT_MIN && from->h <= INT_MAX;
    case 'f':
        *to = (struct ja_argument){.type = 'f', .number = from->f};
        return true;
    case 'd':
        *to = (struct ja_argument){.type = 'f', .number = from->d};
        return true;
    case 'T':
    case 'F':
        *to = (struct ja_argument){.type = 'i', .integer = from->type == 'T'};
        return true;
    default:
        return false;
    }
}

static void run(struct ja_control *control, const char *command,
                const struct ja_osc_message *message) {
    struct ja_argument arguments[JA_OSC_ARGUMENTS];
    char text[4096];
    struct ja_text reply;
    enum ja_status status = JA_OK;
    struct asking asking = {control, command, false};
    struct ja_operator who = *control->operator;
    if (control->from.asker.peer.length > 0) {
        who.asker = &control->from.asker;
        who.wait = wait_for_answer;
        who.asking = &asking;
    }
    ja_text_init(&reply, text, sizeof text);
    for (size_t i = 0; i < message->count && status == JA_OK; i++)
        if (!convert(&message->arguments[i], &arguments[i])) {
            ja_text_format(&reply, "no command takes argument %zu (type %c)", i + 1,
                           message->arguments[i].type);
            status = JA_USAGE;
        }
    if (status == JA_OK)
        status = ja_command_run(&who, command, arguments, message->count, &reply);
    if (!asking.put_off)
        acknowledge(control, &control->from, command, status == JA_OK, text);
}

/* "onset/threshold" 0.4 is "set" "onset.threshold" 0.4. */
static void set_option(struct ja_control *control, const char *path,
                       const struct ja_osc_message *message) {
    char name[OPTION_BYTES];
    cut(name, sizeof name, path);
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '.';
    struct ja_osc_message command = {.address = message->address, .count = message->count + 1};
    if (command.count > JA_OSC_ARGUMENTS)
        command.count = JA_OSC_ARGUMENTS; /* too many anyway */
    command.arguments[0] = (struct ja_osc_argument){.type = 's', .s = name};
    memcpy(&command.arguments[1], message->arguments,
           (command.count - 1) * sizeof message->arguments[0]);
    run(control, "set", &command);
}

static void obey(struct ja_control *control, const struct ja_osc_message *message) {
    const size_t prefix = sizeof command_prefix - 1;
    bool is_command = !strncmp(message->address, command_prefix, prefix);
    if (!strncmp(message->address, option_prefix, sizeof option_prefix - 1)) {
        set_option(control, message->address + sizeof option_prefix - 1, message);
        return;
    }
    if (is_command && !control->from.asker.confirmed &&
        !strcmp(message->address + prefix, "subscribe")) {
        ask_to_confirm(control);
        return;
    }
    if (is_command) {
        run(control, message->address + prefix, message);
        return;
    }
    control->stats.foreign++;
    ja_log_limited(&control->foreign_limit, JA_LOG_NOTICE,
                   "OSC control: \"%.80s\" is not a command, those are %s…", message->address,
                   command_prefix);
}

/* What has been obeyed in a former turn is passed over, what there is no time for is left. */
static void hear(void *data, const struct ja_osc_message *message) {
    struct ja_control *control = data;
    if (control->messages++ < control->done || control->late)
        return;
    obey(control, message);
    control->done++;
    control->late = ja_clock_us() >= control->end_us;
}

static void refuse(struct ja_control *control, const char *why) {
    control->stats.refused++;
    ja_log_limited(&control->refused_limit, JA_LOG_WARNING,
                   "OSC control: %s (%llu bad packets so far)", why,
                   (unsigned long long)control->stats.refused);
}
static void go_on(struct ja_control *control, uint64_t end_us);

static void take_turn(void *data, uint64_t due_us) {
    struct ja_control *control = data;
    (void)due_us;
    control->timer = 0;
    go_on(control, ja_clock_us() + TURN_US);
}

/* Does as much of the packet as there is time for; the next turn goes on. */
static void go_on(struct ja_control *control, uint64_t end_us) {
    bool begins = control->done == 0;
    control->messages = 0;
    control->late = false;
    control->end_us = end_us;
    bool whole = ja_osc_read(control->packet, control->size, hear, control);
    if (begins && !whole)
        refuse(control, "a packet that is not OSC, or more than 64 messages");
    if (control->messages == control->done)
        return;
    control->timer = ja_loop_at(control->loop, ja_clock_us(), take_turn, control);
    if (control->timer == 0)
        go_on(control, UINT64_MAX);
}

static void begin(struct ja_control *control, size_t size, bool confirmed, uint64_t end_us) {
    control->size = size;
    control->from.allowance = size;
    control->from.asker.confirmed = confirmed;
    control->done = 0;
    go_on(control, end_us);
}

static void receive(void *data, int fd, short events) {
    (void)events;
    struct ja_control *control = data;
    struct ja_peer *peer = &control->from.asker.peer;
    const uint64_t end_us = ja_clock_us() + TURN_US;
    while (control->timer == 0) {
        peer->length = sizeof peer->address;
        ssize_t size =
            recvfrom(fd, control->packet, sizeof control->packet, MSG_DONTWAIT | MSG_TRUNC,
                     (struct sockaddr *)&peer->address, &peer->length);
        if (size < 0)
            return; /* nothing more, or an error of one packet: poll tells when to go on */
        if ((size_t)size > sizeof control->packet)
            refuse(control, "a packet of more than 8 KiB");
        else
            begin(control, (size_t)size,
                  ja_handshake_is_confirmed(&control->handshake, peer, ja_clock_us()), end_us);
        if (ja_clock_us() >= end_us)
            return;
    }
}

void ja_control_take(struct ja_control *control, const void *packet, size_t size) {
    if (control->timer) {
        ja_loop_cancel(control->loop, control->timer);
        control->timer = 0;
        go_on(control, UINT64_MAX);
    }
    if (size > sizeof control->packet) {
        refuse(control, "a packet of more than 8 KiB");
        return;
    }
    memcpy(control->packet, packet, size);
    control->from.asker.peer = (struct ja_peer){.length = 0};
    begin(control, size, true, ja_clock_us() + TURN_US);
}

struct ja_control_stats ja_control_stats(const struct ja_control *control) {
    return control->stats;
}

enum ja_status ja_control_open(struct ja_control **control,
                               const struct ja_control_settings *settings, struct ja_loop *loop,
                               const struct ja_operator *operator, struct ja_error * error) {
    struct ja_control *made = calloc(1, sizeof *made);
    *control = NULL;
    if (!made)
        return ja_fail(error, JA_FAILED, "no memory for OSC control");
    made->loop = loop;
    made->operator= operator;
    made->from.asker.handshake = &made->handshake;
    if (!ja_handshake_init(&made->handshake)) {
        free(made);
        return ja_fail(error, JA_FAILED, "control: no random numbers");
    }
    struct ja_error cause;
    made->fd = ja_udp_listen(settings->address, settings->port, &cause);
    if (made->fd < 0) {
        free(made);
        return ja_fail(error, JA_FAILED, "control: %s", cause.text);
    }
    enum ja_status status = ja_loop_watch(loop, made->fd, POLLIN, receive, made, error);
    if (status != JA_OK) {
        close(made->fd);
        free(made);
        return status;
    }
    *control = made;
    return JA_OK;
}

void ja_control_close(struct ja_control *control) {
    if (!control)
        return;
    ja_log(JA_LOG_DEBUG, "OSC control: %llu bad packets, %llu not for us, %llu answers not sent",
           (unsigned long long)control->stats.refused, (unsigned long long)control->stats.foreign,
           (unsigned long long)control->stats.unanswered);
    ja_loop_cancel(control->loop, control->timer);
    ja_loop_unwatch(control->loop, control->fd);
    close(control->fd);
    free(control);
}
