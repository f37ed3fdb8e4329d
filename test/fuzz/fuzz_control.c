/* Throws packets at the way in of OSC commands, as from this machine, from a stranger, from a
 * WebSocket and from one who has confirmed: what is obeyed must be as the table of commands says,
 * and a stranger gets no more than he sent and directs nothing.
 *
 * The first byte says who sends. The network is played by this file.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _DEFAULT_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>

static ssize_t send_away(int fd, const void *bytes, size_t size, int flags,
                         const struct sockaddr *to, socklen_t length);
static ssize_t fetch(int fd, void *bytes, size_t size, int flags, struct sockaddr *from,
                     socklen_t *length);
#define sendto send_away
#define recvfrom fetch
#include "control/osc.c"
#undef sendto
#undef recvfrom

#include <math.h>

/* So that all depends on the bytes alone: a turn is over when the clock has been looked at so
 * often. */
uint64_t ja_clock_us(void) {
    static uint64_t now_us = 1000000;
    return now_us += 5;
}

enum { LOCAL, STRANGER, SOCKET, CONFIRMED, WAYS };

static struct {
    int way;
    const unsigned char *bytes; /* NULL: has been fetched */
    size_t size, sent;
} network;

static void require(bool condition) {
    if (!condition)
        abort();
}

static void ignore(void *data, const struct ja_osc_message *message) {
    (void)data, (void)message;
}

static ssize_t send_away(int fd, const void *bytes, size_t size, int flags,
                         const struct sockaddr *to, socklen_t length) {
    (void)fd, (void)flags, (void)to;
    require(network.way != SOCKET && length > 0 && size <= ACK_BYTES);
    require(ja_osc_read(bytes, size, ignore, NULL));
    network.sent += size;
    require(network.way != STRANGER || network.sent <= network.size);
    return (ssize_t)size;
}

/* A stranger has an address of IPv4, who has confirmed one of IPv6. */
static socklen_t write_sender(void *from) {
    const struct sockaddr_in four = {
        .sin_family = AF_INET,
        .sin_port = htons(9000),
        .sin_addr.s_addr = htonl(network.way == LOCAL ? INADDR_LOOPBACK : 0xc6336401)};
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                                     .sin6_port = htons(9000),
                                     .sin6_addr.s6_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    if (network.way == CONFIRMED)
        memcpy(from, &six, sizeof six);
    else
        memcpy(from, &four, sizeof four);
    return network.way == CONFIRMED ? sizeof six : sizeof four;
}

static ssize_t fetch(int fd, void *bytes, size_t size, int flags, struct sockaddr *from,
                     socklen_t *length) {
    (void)fd;
    require((flags & MSG_TRUNC) && *length >= sizeof(struct sockaddr_in6));
    if (!network.bytes)
        return -1;
    memcpy(bytes, network.bytes, network.size < size ? network.size : size);
    *length = write_sender(from);
    network.bytes = NULL;
    return (ssize_t)network.size;
}

/* --- Who obeys --- */

static enum ja_status note(struct ja_text *reply, const char *word) {
    for (int i = 0; i < 500; i++)
        ja_text_put(reply, word); /* an answer that must be cut */
    return JA_OK;
}

static bool directs(void *data, const char *option) {
    (void)data;
    return !strncmp(option, "target.", 7);
}

static enum ja_status set(void *data, const char *option, const char *value,
                          struct ja_text *reply) {
    require(network.way != STRANGER || !directs(data, option));
    require(strlen(value) < 1024);
    return note(reply, option);
}

static enum ja_status take_word(void *data, const char *word, struct ja_text *reply) {
    (void)data;
    return note(reply, word);
}

/* --- Who is answered later, at the latest when all else is done --- */

static struct ja_waiter *waiters[JA_OSC_MESSAGES];
static size_t waiter_count;

static void answer_waiters(void) {
    char answer[2000];
    struct ja_text text;
    ja_text_init(&text, answer, sizeof answer);
    note(&text, "later…");
    for (; waiter_count > 0; waiter_count--)
        ja_command_answer(waiters[waiter_count - 1], waiter_count % 2 ? JA_OK : JA_USAGE, answer);
}

static enum ja_status put_off(const struct ja_operator *who, struct ja_text *reply) {
    struct ja_waiter *waiter;
    require(ja_command_put_off(who, &waiter, reply) && !waiter == (network.way == SOCKET));
    if (waiter)
        waiters[waiter_count++] = waiter;
    return JA_OK;
}

static enum ja_status preset(const struct ja_operator *who, const char *name,
                             struct ja_text *reply) {
    require(network.way != STRANGER || strncmp(name, "target/", 7) != 0);
    return name[0] == 'x' ? take_word(who->data, name, reply) : put_off(who, reply);
}

static enum ja_status learn(void *data, const char *command, struct ja_text *reply) {
    require(network.way != STRANGER);
    return take_word(data, command, reply);
}

static enum ja_status answer_all(void *data, struct ja_text *reply) {
    (void)data;
    return note(reply, "{…}");
}

static enum ja_status pause_or_resume(void *data, bool paused, struct ja_text *reply) {
    (void)data, (void)paused, (void)reply;
    return JA_FAILED;
}

static enum ja_status mute(void *data, const char *output, bool wish, struct ja_text *reply) {
    (void)data, (void)wish;
    return note(reply, output);
}

static void check_seconds(double for_s) {
    require(for_s == 0 || (for_s >= 0.1 && for_s <= 86400));
}

static enum ja_status beat(void *data, enum ja_beat_action action, double number, double for_s,
                           struct ja_text *reply) {
    (void)data, (void)reply;
    require(action != JA_BEAT_NUDGE || fabs(number) <= 200);
    require((action != JA_BEAT_HOLD && action != JA_BEAT_LOCK) || number == 0 || number == 1);
    check_seconds(for_s);
    return JA_OK;
}

static enum ja_status range(void *data, double low, double high, double for_s,
                            struct ja_text *reply) {
    (void)data, (void)reply;
    require(low > 0 && high > low);
    check_seconds(for_s);
    return JA_OK;
}

static enum ja_status test_beats(void *data, double bpm, bool on, double for_s,
                                 struct ja_text *reply) {
    (void)data, (void)on, (void)reply;
    require(isfinite(bpm));
    check_seconds(for_s);
    return JA_OK;
}

static struct ja_subscribers subscribers;

static void *open_subscriber(void *data, const char *wish, const char *host, int port,
                             struct ja_error *error) {
    (void)data, (void)host;
    require((network.way == LOCAL || network.way == CONFIRMED) && port > 0 && port <= 65535);
    if (wish[0] != 'x')
        return &subscribers;
    ja_fail(error, JA_USAGE, "not this");
    return NULL;
}

static void close_subscriber(void *data, void *handle) {
    (void)data;
    require(handle == &subscribers);
}

static enum ja_status subscribe(const struct ja_operator *who, const char *wish, int port,
                                struct ja_text *reply) {
    return ja_subscribers_add(&subscribers, &who->asker->peer, wish, port, 1, reply);
}

static enum ja_status unsubscribe(void *data, const struct ja_peer *peer, const char *wish,
                                  int port, struct ja_text *reply) {
    (void)data;
    return ja_subscribers_remove(&subscribers, peer, wish, port, reply);
}

static const struct ja_operator hand = {.set = set,
                                        .directs = directs,
                                        .get = take_word,
                                        .preset = preset,
                                        .reset = answer_all,
                                        .pause = pause_or_resume,
                                        .mute = mute,
                                        .level = take_word,
                                        .beat = beat,
                                        .range = range,
                                        .test_beats = test_beats,
                                        .learn = learn,
                                        .feedback = take_word,
                                        .stats = answer_all,
                                        .streams = answer_all,
                                        .subscribe = subscribe,
                                        .unsubscribe = unsubscribe};

static struct ja_control *open_control(void) {
    static const struct ja_control_settings settings = {true, "127.0.0.1", 0, 8};
    struct ja_control *control = NULL;
    struct ja_error error;
    struct ja_loop *loop = ja_loop_new(&error);
    ja_log_set_level(JA_LOG_ERROR);
    struct ja_control_settings nowhere = settings;
    strcpy(nowhere.address, "nowhere");
    require(loop && ja_control_open(&control, &nowhere, loop, &hand, &error) == JA_FAILED);
    require(ja_control_open(&control, &settings, loop, &hand, &error) == JA_OK);
    ja_control_close(control);
    require(ja_control_open(&control, &settings, loop, &hand, &error) == JA_OK);
    subscribers =
        (struct ja_subscribers){.most = 8, .open = open_subscriber, .close = close_subscriber};
    return control;
}

/* Each has a place; now and then their time is over. */
static void check_subscribers(size_t size) {
    for (size_t i = 0; i < JA_SUBSCRIBERS; i++) {
        char place[64];
        if (!subscribers.entries[i].handle)
            continue;
        ja_subscriber_place(&subscribers.entries[i], place, sizeof place);
        require(!strncmp(place, "127.0.0.1:", 10) || !strncmp(place, "[2001:db8::1]:", 14));
    }
    if (size % 64 == 0)
        ja_subscribers_expire(&subscribers, UINT64_MAX);
}

static void put_on_wire(const void *bytes, size_t size) {
    network.bytes = bytes;
    network.size = size;
    network.sent = 0;
}

/* A wrong number does not help, the right one does. */
static void confirm(struct ja_control *control) {
    _Alignas(4) char packet[64];
    struct ja_peer peer = {.length = 0};
    peer.length = write_sender(&peer.address);
    memset(control->handshake.confirmed, 0, sizeof control->handshake.confirmed);
    struct ja_osc_argument number = {
        .i = 1 ^ ja_handshake_number(&control->handshake, &peer, ja_clock_us())};
    for (int right = 0; right < 2; right++, number.i ^= 1) {
        put_on_wire(packet, ja_osc_write(packet, sizeof packet, "/ja/ctl/confirm", "i", &number));
        receive(control, control->fd, POLLIN);
        require(ja_handshake_is_confirmed(&control->handshake, &peer, ja_clock_us()) == right);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    static struct ja_control *control;
    if (!control)
        control = open_control();
    if (size == 0)
        return 0;
    network.way = bytes[0] % WAYS;
    if (network.way == CONFIRMED)
        confirm(control);
    put_on_wire(bytes + 1, size - 1);
    if (network.way == SOCKET)
        ja_control_take(control, bytes + 1, size - 1);
    else
        receive(control, control->fd, POLLIN);
    for (int turns = 0; control->timer; turns++) {
        require(turns < JA_OSC_MESSAGES);
        ja_loop_once(control->loop, 0);
    }
    answer_waiters();
    require(network.way == SOCKET || !network.bytes);
    check_subscribers(size);
    return 0;
}
