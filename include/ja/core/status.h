/* How a function says that it failed, in words a person can act on.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_STATUS_H
#define JA_CORE_STATUS_H

/* The values are the program's exit codes. */
enum ja_status {
    JA_OK = 0,     /* done */
    JA_FAILED = 1, /* the world failed us while running: server, network, memory, disk */
    JA_USAGE = 2,  /* the user's input is wrong: argument, configuration, sound file */
};

/* A sentence that names thing, value, allowed range and origin. */
struct ja_error {
    char text[512];
};

/* Writes the formatted sentence to `error` (which may be NULL) and returns `status`, so that a
 * function can end with `return ja_fail(error, JA_USAGE, "...")`. */
enum ja_status ja_fail(struct ja_error *error, enum ja_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
