/* Messages to the person or the journal: one line each on standard error.
 *
 * The journal says by JOURNAL_STREAM that standard error leads to it; it then wants sd-daemon's
 * "<3>" in place of the word "error:".
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/log.h>

#include <ja/core/clock.h>
#include <ja/core/text.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 50 };

static const uint64_t LIMIT_US = 10000000;

static enum ja_log_level highest = JA_LOG_NOTICE; /* set before threads start, then only read */

void ja_log_set_level(enum ja_log_level level) {
    highest = level;
}

static bool to_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

static atomic_uint lost; /* lines, since the last that was written */

/* A terminal that was stopped or a pipe whose reader sleeps must not hold us: after a moment lines
 * are lost, and then without waiting until there is room again. */
static bool takes_a_line(void) {
    struct pollfd polled = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&polled, 1, lost > 0 ? 0 : WAIT_MS) != 0;
}

static void write_line(enum ja_log_level level, const char *message, unsigned held) {
    static const char *const words[] = {"error: ", "warning: ", "", "debug: "};
    static const char *const priorities[] = {"<3>", "<4>", "<5>", "<7>"};
    char line[1024];
    struct ja_text text;
    if (!takes_a_line()) {
        lost++;
        return;
    }
    unsigned before = atomic_exchange(&lost, 0);
    ja_text_init(&text, line, sizeof line - 1); /* room for the line's end */
    if (isatty(STDERR_FILENO))
        ja_text_put(&text, "\r\033[K"); /* a status line may stand there */
    size_t start = text.length;
    ja_text_put(&text, to_journal() ? priorities[level] : words[level]);
    ja_text_put(&text, message);
    if (held > 0)
        ja_text_format(&text, " (and %u more like it)", held);
    if (before > 0)
        ja_text_format(&text, " (%u lines before this one were lost)", before);
    for (size_t i = start; i < text.length; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = ' '; /* text from outside must not forge lines or move the cursor */
    line[text.length] = '\n';
    ssize_t written = write(STDERR_FILENO, line, text.length + 1);
    (void)written; /* nobody to tell */
}

static void log_formatted(enum ja_log_level level, unsigned held, const char *format,
                          va_list arguments) {
    char message[900];
    vsnprintf(message, sizeof message, format, arguments);
    write_line(level, message, held);
}

void ja_log(enum ja_log_level level, const char *format, ...) {
    if (level > highest)
        return;
    va_list arguments;
    va_start(arguments, format);
    log_formatted(level, 0, format, arguments);
    va_end(arguments);
}

void ja_log_limited(struct ja_log_limit *limit, enum ja_log_level level, const char *format, ...) {
    if (level > highest)
        return;
    uint64_t now_us = ja_clock_us();
    if (now_us < limit->next_us) {
        limit->held++;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    log_formatted(level, limit->held, format, arguments);
    va_end(arguments);
    *limit = (struct ja_log_limit){.next_us = now_us + LIMIT_US};
}
