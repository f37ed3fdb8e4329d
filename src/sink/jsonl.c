/* JSON lines: every event, or the analysis frames, one line each into a file, a pipe or standard
 * output.
 *
 * Lines are gathered whole in a buffer and leave it in order, so that neither a full disk nor a
 * slow reader tears one: what does not fit is left out whole and counted. A file gets the buffer
 * once a second; a reader behind a pipe gets each line at once, as long as poll says that it takes
 * them, in pieces that a pipe takes or refuses as one. Standard output is shared with other
 * programs, so it is not switched to non-blocking but opened a second time. When a sound file is
 * worked off as fast as the machine can, nothing may be missing and nobody is delayed: then writing
 * waits.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "slots.h"

#include <errno.h>
#include <fcntl.h>
#include <ja/core/json.h>
#include <ja/core/log.h>
#include <ja/core/text.h>
#include <ja/sink/sinks.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024, LINE_BYTES = 32 * 1024, CLOSE_WAIT_MS = 200 };

/* Both modules' settings; events know no rate. */
struct lines_settings {
    char path[4096];
    double rate_hz;
};

struct lines {
    int fd;         /* -1: nothing to write to */
    bool is_file;   /* a regular file: written in large pieces */
    bool broken;    /* the reader has gone: no use to go on */
    size_t waiting; /* bytes in buffer */
    struct ja_slots slots;
    long long ticks[JA_STREAMS]; /* the last one that had a frame */
    struct ja_log_limit limit;
    char line[LINE_BYTES];
    char buffer[BUFFER_BYTES];
};

#define S struct lines_settings
static const struct ja_option events_options[] = {
    JA_OPTION_STRING(S, path, "path", "", JA_START,
                     "File that gets every event as one JSON line; - is standard output."),
};
static const struct ja_option frames_options[] = {
    JA_OPTION_STRING(S, path, "path", "", JA_START,
                     "File that gets the analysis frames as JSON lines; - is standard output."),
    JA_OPTION_FLOAT(S, rate_hz, "rate_hz", "0", 0, 1000, "Hz", JA_LIVE,
                    "Frames per second of sound; 0 writes every one."),
};
#undef S

static const struct ja_module events_module = {
    .name = "events",
    .help = "Every event as one JSON line.",
    .options = events_options,
    .option_count = sizeof events_options / sizeof events_options[0],
    .settings_size = sizeof(struct lines_settings),
};
static const struct ja_module frames_module = {
    .name = "frames",
    .help = "Analysis frames as JSON lines.",
    .options = frames_options,
    .option_count = sizeof frames_options / sizeof frames_options[0],
    .settings_size = sizeof(struct lines_settings),
};

static const char *path_of(const struct ja_sink *sink) {
    const struct lines_settings *settings = sink->settings;
    return strcmp(settings->path, "-") ? settings->path : "standard output";
}

/* --- From the buffer to the file --- */

static void trouble(struct ja_sink *sink, int cause) {
    struct lines *lines = sink->state;
    lines->broken = cause == EPIPE || cause == EBADF;
    ja_log_limited(&lines->limit, JA_LOG_WARNING, "%s: cannot write to %s%s: %s", sink->name,
                   path_of(sink), lines->broken ? " any more" : "", strerror(cause));
}

static bool takes(const struct lines *lines, int wait_ms) {
    struct pollfd polled = {.fd = lines->fd, .events = POLLOUT};
    return poll(&polled, 1, wait_ms) > 0;
}

/* Whole lines where possible, and no more than a pipe takes as one. */
static size_t next_piece(const struct lines *lines, size_t from) {
    size_t size = lines->waiting - from;
    if (lines->is_file || size <= PIPE_BUF)
        return size;
    size = PIPE_BUF;
    while (size > 0 && lines->buffer[from + size - 1] != '\n')
        size--;
    return size ? size : PIPE_BUF;
}

/* Writes what is waiting; gives up when the reader does not take it within `wait_ms` (-1: ever). */
static void drain(struct ja_sink *sink, int wait_ms) {
    struct lines *lines = sink->state;
    size_t done = 0;
    while (done < lines->waiting && !lines->broken) {
        if (!lines->is_file && !takes(lines, wait_ms))
            break;
        ssize_t written = write(lines->fd, lines->buffer + done, next_piece(lines, done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno != EAGAIN)
            trouble(sink, errno);
        if (written < 0)
            break;
        done += (size_t)written;
    }
    lines->waiting -= done;
    memmove(lines->buffer, lines->buffer + done, lines->waiting);
}

/* --- Lines --- */

static void leave_out(struct ja_sink *sink) {
    struct lines *lines = sink->state;
    sink->failed++;
    ja_log_limited(&lines->limit, JA_LOG_WARNING,
                   "%s: %s does not take lines as fast as they come, %llu left out", sink->name,
                   path_of(sink), (unsigned long long)sink->failed);
}

/* Puts line[length] into the buffer. */
static void add_line(struct ja_sink *sink, size_t length, bool live) {
    struct lines *lines = sink->state;
    if (lines->broken) {
        sink->failed++;
        return;
    }
    if (length > sizeof lines->buffer - lines->waiting)
        drain(sink, live ? 0 : -1);
    if (length > sizeof lines->buffer - lines->waiting) {
        leave_out(sink);
        return;
    }
    memcpy(lines->buffer + lines->waiting, lines->line, length);
    lines->waiting += length;
    sink->sent++;
    if (!lines->is_file)
        drain(sink, live ? 0 : -1);
}

static void end_line(struct ja_sink *sink, const struct ja_tap *tap, struct ja_text *text) {
    ja_text_put(text, "\n");
    if (text->full)
        leave_out(sink);
    else
        add_line(sink, text->length, !isnan(tap->timebase.at));
}

static void begin_line(struct ja_sink *sink, struct ja_text *text, struct ja_json *json) {
    struct lines *lines = sink->state;
    ja_text_init(text, lines->line, sizeof lines->line);
    ja_json_init(json, text);
}

static void events_event(struct ja_sink *sink, const struct ja_tap *tap,
                         const struct ja_event *event) {
    const struct lines *lines = sink->state;
    struct ja_text text;
    struct ja_json json;
    if (lines->fd < 0 || sink->mute)
        return;
    begin_line(sink, &text, &json);
    ja_event_write_json(event, tap->name, &json);
    end_line(sink, tap, &text);
}

/* By the sound's own time, so that the same sound gives the same lines. */
static bool is_turn(struct ja_sink *sink, const struct ja_tap *tap, double time) {
    struct lines *lines = sink->state;
    const struct lines_settings *settings = sink->settings;
    if (settings->rate_hz <= 0)
        return true;
    bool fresh;
    int slot = ja_slot(&lines->slots, sink->host, tap->name, &fresh);
    if (slot < 0)
        return false;
    long long tick = (long long)floor(time * settings->rate_hz + 1e-6);
    if (!fresh && tick == lines->ticks[slot])
        return false;
    lines->ticks[slot] = tick;
    return true;
}

static void frames_frame(struct ja_sink *sink, const struct ja_tap *tap,
                         const struct ja_frame *frame) {
    const struct lines *lines = sink->state;
    struct ja_text text;
    struct ja_json json;
    if (lines->fd < 0 || !is_turn(sink, tap, frame->time))
        return;
    begin_line(sink, &text, &json);
    ja_frame_write_json(frame, sink->host->catalogue, tap->name, &json);
    end_line(sink, tap, &text);
}

/* --- Opening and closing --- */

static bool is_regular(int fd) {
    struct stat about;
    return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

/* A second, non-blocking way to the same terminal or pipe. */
static int open_stdout(void) {
    int fd = -1;
    if (!is_regular(STDOUT_FILENO))
        fd = open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd >= 0 ? fd : STDOUT_FILENO;
}

/* Whether the file, or where there is none its folder, can be written; errno says why not. */
static bool is_writable(const char *path) {
    char folder[PATH_MAX];
    struct stat about;
    if (stat(path, &about) == 0) {
        errno = EISDIR;
        return !S_ISDIR(about.st_mode) && access(path, W_OK) == 0;
    }
    ja_text_copy(folder, sizeof folder, path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    return access(slash ? folder : ".", W_OK) == 0;
}

static enum ja_status lines_check(const struct ja_sink *sink, struct ja_error *error) {
    const char *path = ((const struct lines_settings *)sink->settings)->path;
    if (!path[0] || !strcmp(path, "-") || is_writable(path))
        return JA_OK;
    return ja_fail(error, JA_USAGE, "%s.path: cannot open \"%s\" for writing: %s", sink->name, path,
                   strerror(errno));
}

static enum ja_status open_path(struct ja_sink *sink, struct ja_error *error) {
    struct lines *lines = sink->state;
    const struct lines_settings *settings = sink->settings;
    if (!strcmp(settings->path, "-")) {
        lines->fd = open_stdout();
        return JA_OK;
    }
    /* Non-blocking: a named pipe that nobody reads must not stop the start. */
    lines->fd = open(settings->path,
                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (lines->fd >= 0)
        return JA_OK;
    return ja_fail(error, JA_FAILED, "%s.path: cannot open \"%s\" for writing: %s", sink->name,
                   settings->path,
                   errno == ENXIO ? "it is a pipe that nobody reads" : strerror(errno));
}

static enum ja_status lines_open(struct ja_sink *sink, struct ja_error *error) {
    struct lines *lines = sink->state;
    const struct lines_settings *settings = sink->settings;
    lines->fd = -1;
    if (!settings->path[0])
        return JA_OK;
    enum ja_status status = open_path(sink, error);
    lines->is_file = status == JA_OK && is_regular(lines->fd);
    return status;
}

static void lines_second(struct ja_sink *sink) {
    drain(sink, 0);
}

static bool lines_in_use(const struct ja_sink *sink) {
    const struct lines *lines = sink->state;
    return lines->fd >= 0 && !lines->broken;
}

static void lines_close(struct ja_sink *sink) {
    struct lines *lines = sink->state;
    if (lines->fd < 0)
        return;
    drain(sink, CLOSE_WAIT_MS);
    if (lines->waiting > 0)
        ja_log(JA_LOG_WARNING, "%s: the last %zu bytes could not be written to %s", sink->name,
               lines->waiting, path_of(sink));
    if (lines->fd != STDOUT_FILENO && close(lines->fd) < 0)
        trouble(sink, errno);
}

const struct ja_sink_class ja_events_sink = {
    .module = &events_module,
    .state_size = sizeof(struct lines),
    .check = lines_check,
    .open = lines_open,
    .event = events_event,
    .second = lines_second,
    .in_use = lines_in_use,
    .close = lines_close,
};
const struct ja_sink_class ja_frames_sink = {
    .module = &frames_module,
    .state_size = sizeof(struct lines),
    .check = lines_check,
    .open = lines_open,
    .frame = frames_frame,
    .second = lines_second,
    .in_use = lines_in_use,
    .close = lines_close,
};
