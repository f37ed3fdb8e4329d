/* Signals, taken as events of the loop: SIGTERM and SIGINT end, SIGHUP reads the configuration
 * again; SIGTSTP and SIGCONT (Ctrl-Z, fg) are about the keys of the terminal.
 *
 * The first two come by a thread, which then stands guard: the process ends within GRACE_MS of the
 * signal even where the loop or the way out hangs, in a disk that does not answer, say. Nothing
 * that can wait for long is to be called there.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* signalfd */
#include "app.h"

#include <ja/core/log.h>
#include <ja/core/thread.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 1300 };

static int end_fd = -1; /* eventfd: the end was asked for; open for as long as the process lives */

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
        else
            ja_app_resume_keys(app);
    }
}

static void end_came(void *data, int fd, short events) {
    const struct ja_app *app = data;
    (void)fd, (void)events;
    ja_loop_stop(app->loop);
}

/* --- The guard --- */

static void make_end_set(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

static void make_loop_set(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGTSTP);
    sigaddset(set, SIGCONT);
}

static void *guard_end(void *data) {
    const struct timespec grace = {.tv_sec = GRACE_MS / 1000,
                                   .tv_nsec = GRACE_MS % 1000 * 1000000L};
    sigset_t set;
    int number;
    (void)data;
    prctl(PR_SET_NAME, "end");
    make_end_set(&set);
    sigwait(&set, &number);
    eventfd_write(end_fd, 1);
    nanosleep(&grace, NULL);
    ja_app_restore_terminal();
    ja_log(JA_LOG_WARNING, "something hangs: leaving without it");
    _exit(JA_OK);
}

/* --- On --- */

void ja_app_ignore_pipes(void) {
    signal(SIGPIPE, SIG_IGN);
}

enum ja_status ja_app_take_signals(struct ja_error *error) {
    sigset_t end, loop;
    pthread_t thread;
    make_end_set(&end);
    make_loop_set(&loop);
    sigprocmask(SIG_BLOCK, &end, NULL);
    sigprocmask(SIG_BLOCK, &loop, NULL);
    ja_app_ignore_pipes();
    end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int fault = end_fd < 0 ? errno : ja_thread_start(&thread, 0, guard_end, NULL);
    if (fault)
        return ja_fail(error, JA_FAILED, "signals cannot be waited for: %s", strerror(fault));
    pthread_detach(thread);
    return JA_OK;
}

enum ja_status ja_app_watch_signals(struct ja_app *app, struct ja_error *error) {
    sigset_t set;
    make_loop_set(&set);
    app->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (app->signal_fd < 0)
        return ja_fail(error, JA_FAILED, "signals cannot be watched: %s", strerror(errno));
    enum ja_status status = ja_loop_watch(app->loop, end_fd, POLLIN, end_came, app, error);
    if (status == JA_OK)
        status = ja_loop_watch(app->loop, app->signal_fd, POLLIN, signal_came, app, error);
    return status;
}
