/* The keys of the terminal: one key, one command, while the status line is on.
 *
 * The terminal is then asked for single keys without echo. It gets its former settings back however
 * the program ends: by itself, stopped by Ctrl-Z, or in a crash; only SIGKILL leaves no chance.
 * Ctrl-C and Ctrl-Z stay what they are.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "keys.h"

#include "app.h"
#include "sink/terminal.h"

#include <ja/core/log.h>
#include <ja/sink/sinks.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct key {
    int code;
    const char *name, *help;
    void (*press)(struct ja_app *app, const struct key *key);
    const char *command; /* for press_command */
    double number;       /* its argument; 0: none */
};

static void run(struct ja_app *app, const char *command, const struct ja_argument *arguments,
                size_t count) {
    char buffer[512];
    struct ja_text reply;
    ja_text_init(&reply, buffer, sizeof buffer);
    enum ja_status status = ja_command_run(&app->operator, command, arguments, count, &reply);
    ja_log(status == JA_OK ? JA_LOG_DEBUG : JA_LOG_WARNING, "%s: %s", command, buffer);
}

static void press_command(struct ja_app *app, const struct key *key) {
    struct ja_argument argument = {.type = 'f', .number = key->number};
    run(app, key->command, &argument, key->number != 0);
}

static void toggle(struct ja_app *app, const char *command, enum ja_order_kind kind) {
    struct ja_argument argument = {.type = 'i', .integer = !app->orders[kind].given};
    run(app, command, &argument, 1);
}

static void press_lock(struct ja_app *app, const struct key *key) {
    toggle(app, key->command, JA_ORDER_PIN);
}

static void press_hold(struct ja_app *app, const struct key *key) {
    toggle(app, key->command, JA_ORDER_HOLD);
}

/* All but the status line. If any of them speaks, all fall silent. */
static void press_mute(struct ja_app *app, const struct key *key) {
    bool speaks = false;
    (void)key;
    for (size_t i = 0; i < app->sink_count; i++)
        speaks |= app->sinks[i]->class != &ja_terminal_sink && !app->sinks[i]->mute;
    for (size_t i = 0; i < app->sink_count; i++) {
        if (app->sinks[i]->class != &ja_terminal_sink)
            ja_sink_mute(app->sinks[i], speaks);
    }
    ja_log(JA_LOG_NOTICE, speaks ? "all outputs muted" : "all outputs sending");
}

static void press_quit(struct ja_app *app, const struct key *key) {
    (void)key;
    ja_loop_stop(app->loop);
}

static void press_help(struct ja_app *app, const struct key *key) {
    (void)app, (void)key;
    fputs("\r\033[K", stderr);
    ja_app_list_keys(stderr);
}

static const struct key keys[] = {
    {' ', "space", "tap: a beat is now", press_command, "tap", 0},
    {'r', "r", "the bar begins now", press_command, "resync", 0},
    {JA_KEY_LEFT, "left", "beats 10 ms earlier", press_command, "nudge", -10},
    {JA_KEY_RIGHT, "right", "beats 10 ms later", press_command, "nudge", 10},
    {'h', "h", "half the tempo", press_command, "half", 0},
    {'d', "d", "double the tempo", press_command, "double", 0},
    {'a', "a", "follow the music alone", press_command, "auto", 0},
    {'l', "l", "lock the tempo, or no longer", press_lock, "lock", 0},
    {'o', "o", "hold the tempo, or no longer", press_hold, "hold", 0},
    {'m', "m", "mute all outputs, or none", press_mute, NULL, 0},
    {'q', "q", "quit", press_quit, NULL, 0},
    {'?', "?", "these keys", press_help, NULL, 0},
};
enum { KEYS = sizeof keys / sizeof *keys };

void ja_app_list_keys(FILE *out) {
    for (int i = 0; i < KEYS; i++)
        fprintf(out, "  %-6s %s\n", keys[i].name, keys[i].help);
}

/* --- The terminal's settings; signal handlers use them too --- */

static struct termios former;
static volatile sig_atomic_t changed; /* the terminal has our settings, not the former */

static bool is_foreground(void) {
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static bool ask_for_keys(void) {
    struct termios wanted;
    if (!is_foreground() || (!changed && tcgetattr(STDIN_FILENO, &former) != 0))
        return false;
    wanted = former;
    wanted.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    wanted.c_cc[VMIN] = 1;
    wanted.c_cc[VTIME] = 0;
    changed = 1; /* first, so that a signal between finds what it restores */
    return tcsetattr(STDIN_FILENO, TCSANOW, &wanted) == 0;
}

/* In the background it is the shell's, which has restored it. */
void ja_app_restore_terminal(void) {
    if (changed && is_foreground())
        tcsetattr(STDIN_FILENO, TCSANOW, &former);
    changed = 0;
}

static void on_crash(int number) {
    int error = errno;
    ja_app_restore_terminal();
    errno = error;
    raise(number); /* the handler is gone: as it would have been without us */
}

static void watch_crashes(void) {
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigaction(crashes[i], &action, NULL);
}

/* --- Reading --- */

static void keys_came(void *data, int fd, short events) {
    static struct ja_key_reader reader;
    struct ja_app *app = data;
    unsigned char bytes[64];
    (void)events;
    ssize_t size = is_foreground() ? read(fd, bytes, sizeof bytes) : 0;
    if (size <= 0) { /* closed, or another's */
        ja_loop_unwatch(app->loop, fd);
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        int code = ja_key_read(&reader, bytes[i]);
        for (int k = 0; k < KEYS && code != JA_KEY_NONE; k++) {
            if (keys[k].code == code)
                keys[k].press(app, &keys[k]);
        }
    }
}

void ja_app_open_keys(struct ja_app *app) {
    const struct ja_terminal_settings *settings = NULL;
    for (size_t i = 0; i < app->sink_count; i++) {
        if (app->sinks[i]->class == &ja_terminal_sink)
            settings = app->sinks[i]->settings;
    }
    if (!settings || !settings->keys || !ja_terminal_draws(settings) || !isatty(STDIN_FILENO))
        return;
    watch_crashes();
    app->wants_keys = true;
    ja_app_resume_keys(app);
}

void ja_app_resume_keys(struct ja_app *app) {
    struct ja_error error;
    if (!app->wants_keys || !ask_for_keys())
        return;
    ja_loop_unwatch(app->loop, STDIN_FILENO);
    if (ja_loop_watch(app->loop, STDIN_FILENO, POLLIN, keys_came, app, &error) != JA_OK)
        ja_log(JA_LOG_WARNING, "no keys: %s", error.text);
}

void ja_app_suspend_keys(struct ja_app *app) {
    if (!app->wants_keys)
        return;
    ja_loop_unwatch(app->loop, STDIN_FILENO);
    ja_app_restore_terminal();
}
