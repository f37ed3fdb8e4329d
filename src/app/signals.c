/* Signals, taken as events of the loop: SIGTERM and SIGINT end, SIGHUP reads the configuration
 * again; SIGTSTP and SIGCONT (Ctrl-Z, fg) are about the keys of the terminal.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* signalfd */
#include "app.h"

#include <ja/core/log.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void reload(struct ja_app *app) {
    struct ja_error error;
    ja_app_service_reloads();
    if (ja_app_reload(app, &error) == JA_OK)
        ja_log(JA_LOG_NOTICE, "configuration read again");
    else
        ja_log(JA_LOG_ERROR, "the former configuration stays: %s", error.text);
    ja_app_service_reloaded(app);
}

/* As without us, but for the terminal's settings. */
static void stand_still(struct ja_app *app) {
    sigset_t set;
    ja_app_suspend_keys(app);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    raise(SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* here it happens */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    ja_app_resume_keys(app);
}

static void signal_came(void *data, int fd, short events) {
    struct ja_app *app = data;
    struct signalfd_siginfo info;
    (void)events;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(app);
        else if (info.ssi_signo == SIGTSTP)
            stand_still(app);
        else if (info.ssi_signo == SIGCONT)
            ja_app_resume_keys(app);
        else
            ja_loop_stop(app->loop);
    }
}

void ja_app_ignore_pipes(void) {
    signal(SIGPIPE, SIG_IGN);
}

void ja_app_block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    ja_app_ignore_pipes();
}

enum ja_status ja_app_watch_signals(struct ja_app *app, struct ja_error *error) {
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    app->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (app->signal_fd < 0)
        return ja_fail(error, JA_FAILED, "signals cannot be watched: %s", strerror(errno));
    return ja_loop_watch(app->loop, app->signal_fd, POLLIN, signal_came, app, error);
}
