/* Tests of JSON lines: whole lines only, whatever becomes of the disk and the reader.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/sink_rig.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 4 * 1024 * 1024 };

static char folder[] = "/tmp/ja-jsonl-XXXXXX";
static char path[64], path_option[80]; /* a file in it; "path=…" */

static int set_up_all(void **state) {
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/lines", folder);
    snprintf(path_option, sizeof path_option, "path=%s", path);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    return rmdir(folder);
}

static int tear_down(void **state) {
    unlink(path);
    return rig_tear_down(state);
}

static struct ja_event onset_at(double time) {
    return (struct ja_event){.type = JA_EVENT_ONSET,
                             .time = time,
                             .emitted = time,
                             .onset = {.strength = 0.5, .band = "full"}};
}

/* What is in the file or pipe now. To be freed. */
static char *read_all(int fd) {
    char *bytes = malloc(READ_BYTES + 1);
    ssize_t count;
    size_t size = 0;
    assert_non_null(bytes);
    while ((count = read(fd, bytes + size, READ_BYTES - size)) > 0)
        size += (size_t)count;
    bytes[size] = '\0';
    return bytes;
}

static char *read_path(void) {
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    char *bytes = read_all(fd);
    close(fd);
    return bytes;
}

/* Number of lines; each must be whole. */
static unsigned count_lines(const char *bytes) {
    unsigned count = 0;
    for (const char *end; *bytes; bytes = end + 1, count++) {
        end = strchr(bytes, '\n');
        assert_non_null(end);
        assert_memory_equal(bytes, "{\"type\":", 8);
        assert_int_equal(end[-1], '}');
        assert_null(memchr(bytes + 1, '{', (size_t)(end - bytes) - 1));
    }
    return count;
}

static void writes_events(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = RIG_SINK(rig, &ja_events_sink, path_option);
    const struct ja_event event = onset_at(1.5);
    ja_sink_event(sink, rig->taps, &event);
    ja_sink_event(sink, &rig->taps[1], &event);
    ja_sink_second(sink); /* on the disk after a second at most */
    char *bytes = read_path();
    assert_int_equal(count_lines(bytes), 2);
    assert_non_null(strstr(bytes, "\"type\":\"onset\",\"stream\":\"main\",\"time\":1.5"));
    assert_non_null(strstr(bytes, "\"stream\":\"desk\""));
    free(bytes);
    ja_sink_event(sink, rig->taps, &event);
    assert_int_equal(sink->sent, 3);
    ja_sink_free(sink);
    bytes = read_path();
    assert_int_equal(count_lines(bytes), 3);
    free(bytes);
}

static void writes_calibration_as_a_list(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = RIG_SINK(rig, &ja_events_sink, path_option);
    struct ja_event score = {.type = JA_EVENT_SCORE,
                             .score = {.kind = "beat", .n = 5, .hits = 4, .hit_rate = 0.8}};
    score.score.calibration[3] = (struct ja_reliability){0.35, 0.5, 2};
    score.score.calibration[9] = (struct ja_reliability){0.95, 1, 3};
    ja_sink_event(sink, rig->taps, &score);
    ja_sink_free(sink);
    char *bytes = read_path();
    assert_non_null(strstr(bytes, "\"calibration\":[[0.35,0.5,2],[0.95,1,3]]"));
    free(bytes);
}

static void writes_nothing_when_muted(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = RIG_SINK(rig, &ja_events_sink, path_option);
    const struct ja_event news = {.type = JA_EVENT_STATE, .state = {.state = "silent"}};
    ja_sink_mute(sink, true);
    ja_sink_event(sink, rig->taps, &news);
    ja_sink_free(sink);
    char *bytes = read_path();
    assert_string_equal(bytes, "");
    free(bytes);
}

static void writes_frames_at_their_rate(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = RIG_SINK(rig, &ja_frames_sink, path_option, "rate_hz=25");
    for (unsigned hop = 0; hop < 300; hop++) {
        rig->frame->time = 0.01 * hop;
        ja_sink_frame(sink, rig->taps, rig->frame);
        rig->frame->values[RIG_BANDS + 1] = 0.5f; /* from the second frame on */
    }
    ja_sink_free(sink);
    char *bytes = read_path();
    assert_int_equal(count_lines(bytes), 75);
    assert_non_null(strstr(bytes, "{\"type\":\"analysis\",\"stream\":\"main\",\"time\":0"));
    assert_non_null(strstr(bytes, "\"rms\":null"));
    assert_non_null(strstr(bytes, "\"bands\":[]"));
    assert_non_null(strstr(bytes, "\"bands\":[null,0.5]"));
    free(bytes);
}

static void writes_every_frame(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = RIG_SINK(rig, &ja_frames_sink, path_option);
    for (unsigned hop = 0; hop < 3000; hop++)
        ja_sink_frame(sink, rig->taps, rig->frame);
    ja_sink_free(sink);
    char *bytes = read_path();
    assert_int_equal(count_lines(bytes), 3000);
    free(bytes);
}

/* Without a path there is nothing to do. */
static void is_off_by_default(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = rig_sink(rig, &ja_events_sink, NULL, 0);
    const struct ja_event event = onset_at(0);
    ja_sink_event(sink, rig->taps, &event);
    assert_int_equal(sink->sent + sink->failed, 0);
    ja_sink_free(sink);
}

static void says_what_cannot_be_opened(void **state) {
    struct sink_rig *rig = *state;
    static const char *const wrong[] = {"path=/nonexistent/file", "path=/tmp"};
    for (size_t i = 0; i < 2; i++) {
        struct ja_error error = {""};
        void *settings = rig_settings(ja_events_sink.module, &wrong[i], 1);
        assert_null(ja_sink_new(&ja_events_sink, &rig->host, NULL, settings, &error));
        assert_non_null(strstr(error.text, wrong[i] + 5));
        free(settings);
    }
    struct ja_error error = {""};
    const char *pair = path_option;
    void *settings = rig_settings(ja_events_sink.module, &pair, 1);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(ja_sink_new(&ja_events_sink, &rig->host, NULL, settings, &error));
    assert_non_null(strstr(error.text, "a pipe that nobody reads"));
    free(settings);
}

/* A reader that stands still costs lines, but neither time nor half a line. */
static void slow_reader_costs_whole_lines(void **state) {
    struct sink_rig *rig = *state;
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    struct ja_sink *sink = RIG_SINK(rig, &ja_events_sink, path_option);
    uint64_t start_us = __real_ja_clock_us();
    for (unsigned i = 0; i < 10000; i++) {
        const struct ja_event event = onset_at(i);
        ja_sink_event(sink, rig->taps, &event);
    }
    assert_true(__real_ja_clock_us() - start_us < 10000000);
    assert_true(sink->failed > 0);
    assert_int_equal(sink->sent + sink->failed, 10000);
    char *bytes = malloc(1);
    bytes[0] = '\0';
    for (unsigned round = 0; round < 20; round++) { /* it wakes up */
        char *more = read_all(fd);
        bytes = realloc(bytes, strlen(bytes) + strlen(more) + 1);
        strcat(bytes, more);
        free(more);
        ja_sink_second(sink);
    }
    assert_int_equal(count_lines(bytes), sink->sent);
    free(bytes);
    ja_sink_free(sink);
    close(fd);
}

static void gone_reader_is_no_harm(void **state) {
    struct sink_rig *rig = *state;
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    struct ja_sink *sink = RIG_SINK(rig, &ja_events_sink, path_option);
    const struct ja_event event = onset_at(0);
    ja_sink_event(sink, rig->taps, &event);
    close(fd);
    for (unsigned i = 0; i < 10; i++)
        ja_sink_event(sink, rig->taps, &event);
    assert_true(sink->failed >= 9);
    ja_sink_free(sink);
}

static void full_disk_is_no_harm(void **state) {
    struct sink_rig *rig = *state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    struct ja_sink *sink = RIG_SINK(rig, &ja_events_sink, "path=/dev/full");
    for (unsigned i = 0; i < 10000; i++) {
        const struct ja_event event = onset_at(i);
        ja_sink_event(sink, rig->taps, &event);
    }
    assert_true(sink->failed > 0);
    assert_int_equal(sink->sent + sink->failed, 10000);
    ja_sink_free(sink);
}

/* Worked off as fast as possible, nothing is missing however slow the reader is. */
static void offline_waits_for_the_reader(void **state) {
    struct sink_rig *rig = *state;
    rig->taps[0].timebase.at = NAN;
    assert_int_equal(mkfifo(path, 0600), 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) { /* reads slowly, and tells how many lines it saw */
        int in = open(path, O_RDONLY);
        char bytes[4096];
        unsigned lines = 0;
        for (ssize_t count; (count = read(in, bytes, sizeof bytes)) > 0;) {
            for (ssize_t i = 0; i < count; i++)
                lines += bytes[i] == '\n';
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        }
        _exit(lines == 10000 ? 0 : 1);
    }
    struct ja_sink *sink = NULL;
    int hold = open(path, O_WRONLY); /* waits until the child reads */
    sink = RIG_SINK(rig, &ja_events_sink, path_option);
    close(hold);
    for (unsigned i = 0; i < 10000; i++) {
        const struct ja_event event = onset_at(i);
        ja_sink_event(sink, rig->taps, &event);
    }
    assert_int_equal(sink->failed, 0);
    ja_sink_free(sink);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* "-" is standard output, which stays as it is for whoever shares it. */
static void writes_to_standard_output(void **state) {
    struct sink_rig *rig = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    struct ja_sink *sink = RIG_SINK(rig, &ja_events_sink, "path=-");
    const struct ja_event event = onset_at(2);
    ja_sink_event(sink, rig->taps, &event);
    int flags = fcntl(ends[1], F_GETFL);
    ja_sink_free(sink);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(ends[1]);
    char *bytes = read_all(ends[0]);
    assert_int_equal(count_lines(bytes), 1);
    assert_int_equal(flags & O_NONBLOCK, 0);
    free(bytes);
    close(ends[0]);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define WITH(test) cmocka_unit_test_setup_teardown(test, rig_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(writes_events),
        WITH(writes_calibration_as_a_list),
        WITH(writes_nothing_when_muted),
        WITH(writes_frames_at_their_rate),
        WITH(writes_every_frame),
        WITH(is_off_by_default),
        WITH(says_what_cannot_be_opened),
        WITH(slow_reader_costs_whole_lines),
        WITH(gone_reader_is_no_harm),
        WITH(full_disk_is_no_harm),
        WITH(offline_waits_for_the_reader),
        WITH(writes_to_standard_output),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
