/* Steering by OSC: /ja/ctl/COMMAND arguments…, each answered to its sender with /ja/ack s(command)
 * i(1 or 0) s(text); and options as addresses: /ja/option/MODULE/NAME value is as /ja/ctl/set.
 *
 * Whoever is not on this machine gets no more than he has sent until he has said back the number
 * that came as /ja/confirm i (ja/control/handshake.h).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONTROL_OSC_H
#define JA_CONTROL_OSC_H

#include <ja/config/option.h>
#include <ja/control/command.h>
#include <ja/core/loop.h>

/* Options "control.…": enable, bind address, port, subscribers. */
extern const struct ja_module ja_control_module;

struct ja_control_settings {
    bool enable;
    char address[64]; /* numeric */
    int port;         /* UDP */
    int subscribers;  /* most at a time */
};

struct ja_control;

/* Counted since it was opened. */
struct ja_control_stats {
    uint64_t refused;    /* packets that are not OSC or beyond its limits, wholly or in part */
    uint64_t foreign;    /* messages that are not for us */
    uint64_t unanswered; /* answers that were not sent, most of all to who has not confirmed */
};

/* Opens the socket and watches it in `loop`; JA_FAILED and a sentence when the address cannot be
 * bound. */
enum ja_status ja_control_open(struct ja_control **control,
                               const struct ja_control_settings *settings, struct ja_loop *loop,
                               const struct ja_operator *operator, struct ja_error * error);
/* A packet that came another way than by the socket: done as if it had, but not answered. */
void ja_control_take(struct ja_control *control, const void *packet, size_t size);
struct ja_control_stats ja_control_stats(const struct ja_control *control);
void ja_control_close(struct ja_control *control); /* NULL is fine */

#endif
