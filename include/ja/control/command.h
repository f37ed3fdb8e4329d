/* What an operator can say while the music plays: one table of commands for OSC and every other way
 * in.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CONTROL_COMMAND_H
#define JA_CONTROL_COMMAND_H

#include <ja/control/handshake.h>
#include <ja/core/status.h>
#include <ja/core/text.h>
#include <ja/pipeline/stage.h>
#include <stddef.h>
#include <stdio.h>

struct ja_argument {
    char type; /* 's', 'i' or 'f'; 0: not given */
    const char *string;
    int integer;
    double number;
};

/* Where a command came from, by a way in that has addresses: its receiver can ask for results. */
struct ja_asker {
    struct ja_peer peer;
    struct ja_handshake *handshake;
    bool confirmed; /* he is where he says */
};

/* Somebody who waits for the answer of a command that takes its time, such as reading a file. */
struct ja_waiter {
    /* Once, from the loop; frees it. */
    void (*answer)(struct ja_waiter *waiter, enum ja_status status, const char *text);
};

/* What commands act on; the app fills it in. Each writes its answer, or why not, to `reply`. What
 * has `for_s` is undone after so many seconds; 0: not by itself. */
struct ja_operator {
    void *data;
    enum ja_status (*set)(void *data, const char *option, const char *value, struct ja_text *reply);
    /* Does the option say where something goes, or what others will say? */
    bool (*directs)(void *data, const char *option);
    enum ja_status (*get)(void *data, const char *option, struct ja_text *reply);
    enum ja_status (*preset)(const struct ja_operator *who, const char *name,
                             struct ja_text *reply); /* may be put off */
    enum ja_status (*reset)(void *data, struct ja_text *reply);
    enum ja_status (*pause)(void *data, bool paused, struct ja_text *reply);
    enum ja_status (*mute)(void *data, const char *output, bool mute, struct ja_text *reply);
    enum ja_status (*level)(void *data, const char *name, struct ja_text *reply);
    enum ja_status (*beat)(void *data, enum ja_beat_action action, double number, double for_s,
                           struct ja_text *reply); /* all but JA_BEAT_RANGE */
    enum ja_status (*range)(void *data, double min_bpm, double max_bpm, double for_s,
                            struct ja_text *reply);
    enum ja_status (*test_beats)(void *data, double bpm, bool on, double for_s,
                                 struct ja_text *reply);
    enum ja_status (*learn)(void *data, const char *command, struct ja_text *reply);
    enum ja_status (*feedback)(void *data, const char *word, struct ja_text *reply);
    enum ja_status (*stats)(void *data, struct ja_text *reply);   /* a JSON object */
    enum ja_status (*streams)(void *data, struct ja_text *reply); /* a JSON object */
    enum ja_status (*subscribe)(const struct ja_operator *who, const char *wish, int port,
                                struct ja_text *reply); /* may be put off */
    enum ja_status (*unsubscribe)(void *data, const struct ja_peer *peer, const char *wish,
                                  int port, struct ja_text *reply);
    /* Of this command: */
    struct ja_asker *asker; /* NULL: it has no address */
    /* Whom to answer if it is put off, NULL without memory; left out, nobody waits. Once this has
     * been called, what ja_command_run returns is not the answer. */
    struct ja_waiter *(*wait)(void *asking);
    void *asking;
};

struct ja_command {
    const char *name;
    const char *arguments; /* OSC type letters: s i f, v for any of them; [f] may be left out */
    const char *help;      /* one sentence */
    enum ja_status (*run)(const struct ja_operator *operator, const struct ja_argument * arguments,
                          struct ja_text *reply);
};

extern const struct ja_command ja_commands[];
extern const size_t ja_command_count;

/* Finds the command, checks number and types of arguments (i and f are taken for each other where
 * exact), runs it. `reply` always holds a sentence or value. */
enum ja_status ja_command_run(const struct ja_operator *operator, const char * name,
                              const struct ja_argument *arguments, size_t count,
                              struct ja_text *reply);
/* For a command that is put off: who waits, NULL when nobody does. False, and why: it cannot be. */
bool ja_command_put_off(const struct ja_operator *operator, struct ja_waiter ** waiter,
                        struct ja_text *reply);
/* The end of it. Where nobody waits, it is logged. */
void ja_command_answer(struct ja_waiter *waiter, enum ja_status status, const char *text);
/* The type letter of a command's i-th argument (0…); 0 when there is no such. */
char ja_command_argument(const char *name, size_t i);
/* --list-commands */
void ja_command_list(FILE *out);

#endif
