/* Messages to the person or the journal: one line each on standard error. Never called by a
 * real-time thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_LOG_H
#define JA_CORE_LOG_H

#include <stdint.h>

enum ja_log_level { JA_LOG_ERROR, JA_LOG_WARNING, JA_LOG_NOTICE, JA_LOG_DEBUG };

/* Messages above `level` are dropped; the default is JA_LOG_NOTICE. Before threads start. */
void ja_log_set_level(enum ja_log_level level);
/* One line, written with a single write(2). Where that would block for longer than a moment it is
 * lost, and the next one tells how many were. Safe from any thread that may block. */
void ja_log(enum ja_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lets one message through per 10 s and tells, with the next, how many were held back. */
struct ja_log_limit {
    uint64_t next_us;
    unsigned held;
};
void ja_log_limited(struct ja_log_limit *limit, enum ja_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
