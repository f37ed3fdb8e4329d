/* Streams that take their sound by WebSocket, and listening in: who may, what comes back, what is
 * given up, and that all of it is accounted for.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/probe.h"
#include "../support/web_client.h"
#include <cmocka.h>
#include <ja/web/api.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LOCAL "Host: localhost\r\n"

enum { BACKLOG = 5, FRAMES = 480 };

struct fixture {
    struct ja_loop *loop;
    struct ja_web *web;
    struct ja_api *api;
    struct ja_stream *own; /* "main" */
    struct ja_catalogue catalogue;
    int port;
};

static struct fixture fixture;
static char answer[400000];
static atomic_bool slow; /* then each hop waits for `go` */
static sem_t go;

static void gate_process(struct ja_stage *stage, const struct ja_span *hop,
                         const struct ja_spectrum *spectrum, float *out) {
    (void)stage, (void)hop, (void)spectrum;
    if (atomic_load(&slow))
        sem_wait(&go);
    out[0] = hop->mono[0];
}

static const struct ja_module gate_module = {.name = "gate", .help = "Waits."};
static const struct ja_output gate_outputs[] = {
    {"rms", NULL, JA_OUTPUT_NUMBER, 1, NAN, NAN, "The first sample."},
};
static const struct ja_stage_class gate_stage = {
    .module = &gate_module, .outputs = gate_outputs, .output_count = 1, .process = gate_process};
static const struct ja_stage_class *const stages[] = {&gate_stage};
static const void *const no_settings[] = {NULL};
static const struct ja_governor_settings governor = {.level = 1 + JA_LEVEL_MAXIMUM};

static const struct ja_stream_setup stream_setup = {.name = "main",
                                                    .channels = 2,
                                                    .analysis = &probe_analysis,
                                                    .stages = stages,
                                                    .stage_count = 1,
                                                    .settings = no_settings,
                                                    .governor = &governor};

/* What the program would say of a stream: its counters alone. */
static unsigned read_for(void *data, const char *what, struct ja_text *text,
                         struct ja_error *error) {
    struct fixture *self = data;
    const struct ja_api_guests *guests = ja_api_guests(self->api);
    for (size_t i = 0; i < guests->count; i++) {
        const struct ja_guest_facts *one = &guests->facts[i];
        if (strstr(what, one->name)) {
            const struct ja_stream_stats *stats = &one->stats;
            ja_text_format(text, "{\"received\":%llu,\"waiting\":%llu,\"dropped\":%llu,",
                           (unsigned long long)one->received, (unsigned long long)one->waiting,
                           (unsigned long long)one->dropped);
            ja_text_format(text, "\"lost\":%llu,\"delivered\":%llu,\"processed\":%llu}",
                           (unsigned long long)stats->lost, (unsigned long long)stats->delivered,
                           (unsigned long long)stats->processed);
            return 200;
        }
    }
    ja_text_put(text, "[]");
    ja_fail(error, JA_USAGE, "nothing");
    return strstr(what, "list") ? 200 : 404;
}

static enum ja_status steer(void *data, const char *stream, const char *command,
                            struct ja_text *reply) {
    (void)data;
    ja_text_format(reply, "%s: %s", stream, command);
    return JA_OK;
}

static void wake(void *data) {
    (void)data;
}

static int set_up(void **state) {
    (void)state;
    static const char *const streams[] = {"main"};
    struct ja_error error = {""};
    const struct ja_api_settings settings = {.enable = true,
                                             .address = "127.0.0.1",
                                             .port = web_free_port(),
                                             .clients = 12,
                                             .streams = 3,
                                             .level = 1 + JA_LEVEL_MAXIMUM,
                                             .backlog_chunks = BACKLOG,
                                             .audio_bytes = 400000,
                                             .resume_s = 2,
                                             .idle_s = 3};
    fixture = (struct fixture){.loop = ja_loop_new(&error), .port = settings.port};
    atomic_store(&slow, false);
    sem_init(&go, 0, 0);
    assert_int_equal(ja_catalogue_init(&fixture.catalogue, stages, 1, &error), JA_OK);
    fixture.own = ja_stream_new(&stream_setup, &error);
    assert_int_equal(ja_stream_start(fixture.own, wake, NULL, &error), JA_OK);
    fixture.web = ja_web_new(fixture.loop, &error);
    static const struct ja_operator nobody;
    const struct ja_api_host host = {.operator= & nobody,
                                     .catalogue = &fixture.catalogue,
                                     .streams = streams,
                                     .stream_count = 1,
                                     .analyses = &fixture.own,
                                     .guests = &stream_setup,
                                     .steer = steer,
                                     .read = read_for,
                                     .data = &fixture};
    bool fine = fixture.web &&
                ja_api_open(&fixture.api, fixture.web, &settings, &host, &error) == JA_OK &&
                ja_web_start(fixture.web, &error) == JA_OK;
    if (!fine)
        print_error("%s\n", error.text);
    return fine ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    atomic_store(&slow, false);
    for (unsigned i = 0; i < 100000; i++)
        sem_post(&go);
    ja_stream_stop(fixture.own);
    ja_web_free(fixture.web);
    ja_api_close(fixture.api);
    ja_stream_free(fixture.own);
    ja_catalogue_done(&fixture.catalogue);
    ja_loop_free(fixture.loop);
    sem_destroy(&go);
    return 0;
}

static int open_at(const char *path) {
    int fd = web_open(fixture.loop, fixture.port, path, LOCAL);
    assert_true(fd >= 0);
    return fd;
}

/* The next message that has `part` in it; true when it comes within some seconds. */
static bool hears(int fd, const char *part) {
    const uint64_t end_us = ja_clock_us() + 10000000;
    while (ja_clock_us() < end_us) {
        size_t size = 0;
        int opcode = web_hear(fixture.loop, fd, answer, sizeof answer - 1, &size);
        if (opcode < 0)
            return false;
        answer[size] = '\0';
        if (opcode == 1 && strstr(answer, part))
            return true;
        if (opcode == 8)
            return false;
    }
    return false;
}

/* The code with which it is closed; 0: it is not. */
static int close_code(int fd) {
    size_t size = 0;
    int opcode;
    do
        opcode = web_hear(fixture.loop, fd, answer, sizeof answer - 1, &size);
    while (opcode == 1 || opcode == 2);
    return opcode == 8 && size >= 2 ? (unsigned char)answer[0] << 8 | (unsigned char)answer[1] : 0;
}

/* Frames `from` … of a sound whose sample is its number. */
static void send_sound(int fd, unsigned from, unsigned frames, unsigned channels) {
    static float samples[16384];
    for (unsigned i = 0; i < frames * channels; i++)
        samples[i] = (float)((from * channels + i) % 10007) / 10007;
    web_say(fd, false, samples, frames * channels * sizeof(float));
}

static long long number(const char *key) {
    const char *at = strstr(answer, key);
    assert_non_null(at);
    return atoll(at + strlen(key) + 2);
}

static void ask(int fd, const char *command) {
    char text[64];
    int length = snprintf(text, sizeof text, "{\"command\":\"%s\"}", command);
    web_say(fd, true, text, (size_t)length);
    if (!hears(fd, "\"ack\""))
        fail_msg("no answer to %s, but %.200s", command, answer);
}

static void wait_for_frames(int fd, long long processed) {
    const uint64_t end_us = ja_clock_us() + 10000000;
    do
        ask(fd, "get_stats");
    while (number("\"processed") < processed && ja_clock_us() < end_us);
    assert_int_equal(number("\"processed"), processed);
}

static void test_sound_comes_back_as_analysis(void **state) {
    (void)state;
    int fd = open_at("/api/v1/stream/audio/mic?rate=48000&update_hz=20");
    assert_true(hears(fd, "\"stream_start\""));
    assert_non_null(strstr(answer,
                           "\"sample_rate\":48000,\"channels\":1,\"update_hz\":20,\"resumed\":"
                           "false,\"frame\":0"));
    send_sound(fd, 0, 100 * FRAMES / 4, 1);
    for (unsigned i = 1; i < 20; i++) {
        char time[32];
        assert_true(hears(fd, "\"analysis\""));
        snprintf(time, sizeof time, "\"time\":%.6g,", i * 0.05);
        assert_non_null(strstr(answer, "\"stream\":\"mic\""));
        if (!strstr(answer, time))
            fail_msg("no %s in %s", time, answer);
        if (i % 5 == 4)
            send_sound(fd, (i + 1) / 5 * 25 * FRAMES, 25 * FRAMES, 1);
    }
    wait_for_frames(fd, 125 * FRAMES);
    close(fd);
}

static void test_faults(void **state) {
    static const struct {
        const char *path, *code;
        int close_code;
    } faults[] = {
        {"/api/v1/stream/audio/a%20b", "bad_name", 1008},
        {"/api/v1/stream/audio/", "bad_name", 1008},
        {"/api/v1/stream/audio/a/b", "bad_name", 1008},
        {"/api/v1/stream/audio/a?rate=7999", "bad_rate", 1008},
        {"/api/v1/stream/audio/a?rate=192001", "bad_rate", 1008},
        {"/api/v1/stream/audio/a?rate=4.5e4", "bad_rate", 1008},
        {"/api/v1/stream/audio/a?rate=", "bad_rate", 1008},
        {"/api/v1/stream/audio/a?rate=48000&channels=3", "bad_rate", 1008}, /* too much a second */
        {"/api/v1/stream/audio/a?channels=0", "bad_channels", 1008},
        {"/api/v1/stream/audio/a?channels=9", "bad_channels", 1008},
        {"/api/v1/stream/audio/a?update_hz=9", "bad_update_hz", 1008},
        {"/api/v1/stream/audio/a?update_hz=101", "bad_update_hz", 1008},
        {"/api/v1/stream/audio/main", "taken", 1008},
        {"/api/v1/stream/control/nobody", "not_found", 1008},
        {"/api/v1/stream/control/a.b", "bad_name", 1008},
        {"/api/v1/monitor/nobody", "not_found", 1008},
        {"/api/v1/monitor/a%2Fb", "bad_name", 1008},
    };
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char code[64];
        int fd = open_at(faults[i].path);
        snprintf(code, sizeof code, "\"code\":\"%s\"", faults[i].code);
        if (!hears(fd, code))
            fail_msg("%s: no %s", faults[i].path, code);
        assert_non_null(strstr(answer, strstr(faults[i].path, "monitor")
                                           ? "\"type\":\"audio_stream_error\""
                                           : "\"type\":\"error\""));
        assert_int_equal(close_code(fd), faults[i].close_code);
        close(fd);
    }
}

static void test_bad_sound(void **state) {
    (void)state;
    static const char seven[7];
    int fd = open_at("/api/v1/stream/audio/a?channels=2");
    web_say(fd, false, seven, 0);
    web_say(fd, false, seven, sizeof seven);
    assert_true(hears(fd, "\"bad_size\""));
    assert_int_equal(close_code(fd), 1007);
    close(fd);
    fd = open_at("/api/v1/stream/audio/b");
    for (unsigned i = 0; i < 30; i++)
        send_sound(fd, 0, 10000, 1);
    assert_true(hears(fd, "\"too_fast\""));
    assert_int_equal(close_code(fd), 1008);
    close(fd);
}

static void test_a_stream_has_one_sender(void **state) {
    (void)state;
    int first = open_at("/api/v1/stream/audio/a");
    assert_true(hears(first, "\"stream_start\""));
    int second = open_at("/api/v1/stream/audio/a");
    assert_true(hears(second, "\"code\":\"taken\""));
    assert_int_equal(close_code(second), 1013);
    close(second);
    int others[] = {open_at("/api/v1/stream/audio/b"), open_at("/api/v1/stream/audio/c"),
                    open_at("/api/v1/stream/audio/d")};
    assert_true(hears(others[2], "\"too_many_streams\""));
    assert_int_equal(close_code(others[2]), 1013);
    for (size_t i = 0; i < 3; i++)
        close(others[i]);
    close(first);
}

static void test_coming_back(void **state) {
    (void)state;
    const char *path = "/api/v1/stream/audio/a?rate=48000";
    int fd = open_at(path);
    send_sound(fd, 0, 10 * FRAMES, 1);
    wait_for_frames(fd, 10 * FRAMES);
    close(fd);
    fd = open_at(path);
    assert_true(hears(fd, "\"stream_start\""));
    /* the end of the former may come later than the beginning of the next */
    while (strstr(answer, "\"taken\"")) {
        close(fd);
        fd = open_at(path);
        assert_true(hears(fd, "\"stream"));
    }
    assert_non_null(strstr(answer, "\"resumed\":true,\"frame\":4800"));
    send_sound(fd, 10 * FRAMES, FRAMES, 1);
    wait_for_frames(fd, 11 * FRAMES);
    close(fd);
    fd = open_at("/api/v1/stream/audio/a?rate=44100"); /* another rate is another stream */
    while (!hears(fd, "\"stream_start\"")) {
        close(fd);
        fd = open_at("/api/v1/stream/audio/a?rate=44100");
    }
    assert_non_null(strstr(answer, "\"resumed\":false,\"frame\":0"));
    close(fd);
}

static size_t streams_known(void) {
    ja_loop_once(fixture.loop, 10000);
    return ja_api_guests(fixture.api)->count;
}

static void wait_for_streams(size_t count) {
    const uint64_t end_us = ja_clock_us() + 20000000;
    while (streams_known() != count && ja_clock_us() < end_us)
        ;
    assert_int_equal(streams_known(), count);
}

static int post(const char *path) {
    char what[128];
    snprintf(what, sizeof what, "POST %s", path);
    return web_ask(fixture.loop, fixture.port, what, LOCAL, "", answer, sizeof answer);
}

static void test_beginning_and_end(void **state) {
    (void)state;
    assert_int_equal(post("/api/v1/stream/start/a?rate=48000"), 200);
    assert_non_null(strstr(answer, "{\"id\":\"a\",\"state\":\"waiting\"}"));
    assert_int_equal(post("/api/v1/stream/start/a?rate=48000"), 200);
    assert_int_equal(post("/api/v1/stream/start/a?rate=44100"), 409);
    assert_int_equal(post("/api/v1/stream/start/a?rate=1"), 400);
    assert_int_equal(post("/api/v1/stream/start/a.b"), 400);
    assert_int_equal(post("/api/v1/stream/start/main"), 409);
    assert_int_equal(post("/api/v1/stream/stop/main"), 409);
    assert_int_equal(post("/api/v1/stream/stop/b"), 404);
    int fd = open_at("/api/v1/stream/audio/a?rate=48000");
    assert_true(hears(fd, "\"stream_start\""));
    wait_for_streams(1);
    assert_int_equal(post("/api/v1/stream/stop/a"), 200);
    assert_int_equal(close_code(fd), 1000);
    close(fd);
    wait_for_streams(0);
    fd = open_at("/api/v1/stream/audio/gone");
    assert_true(hears(fd, "\"stream_start\""));
    wait_for_streams(1);
    close(fd);
    wait_for_streams(0); /* nobody came back */
    fd = open_at("/api/v1/stream/audio/idle");
    assert_true(hears(fd, "\"stream_start\""));
    assert_int_equal(close_code(fd), 1000);
    close(fd);
    wait_for_streams(0);
}

/* The worker stands still: what waits is limited, the oldest is given up, and all is counted. */
static void test_backlog(void **state) {
    (void)state;
    long long told = 0;
    int fd = open_at("/api/v1/stream/audio/a?rate=48000");
    atomic_store(&slow, true);
    for (unsigned i = 0; i < 60; i++)
        send_sound(fd, i * FRAMES, FRAMES, 1);
    do
        ask(fd, "get_stats");
    while (number("\"received") < 60 * FRAMES);
    assert_int_equal(number("\"waiting"), BACKLOG * FRAMES);
    assert_int_equal(number("\"dropped"), number("\"lost"));
    assert_int_equal(number("\"dropped") % FRAMES, 0);
    assert_true(number("\"dropped") > 0);
    assert_int_equal(number("\"received"), number("\"delivered") + number("\"waiting"));
    const long long dropped = number("\"dropped");
    assert_true(hears(fd, "\"type\":\"dropped\""));
    told = number("\"frames");
    assert_int_equal(told, dropped);
    assert_int_equal(number("\"chunks") * FRAMES, dropped);
    atomic_store(&slow, false);
    for (unsigned i = 0; i < 1000; i++)
        sem_post(&go);
    wait_for_frames(fd, 60 * FRAMES - dropped);
    assert_int_equal(number("\"waiting"), 0);
    assert_int_equal(number("\"delivered"), 60 * FRAMES);
    close(fd);
}

static void test_a_stream_on_the_bus(void **state) {
    (void)state;
    static const char wish[] = "{\"command\":\"subscribe\",\"streams\":[\"a\"],\"rate_hz\":20}";
    static const char many[] = "{\"command\":\"subscribe\",\"streams\":\"a\"}";
    int bus = open_at("/api/v1/events"), other = open_at("/api/v1/events");
    assert_true(hears(other, "\"hello\""));
    web_say(bus, true, many, sizeof many - 1);
    assert_true(hears(bus, "\"ok\":false"));
    web_say(bus, true, wish, sizeof wish - 1);
    assert_true(hears(bus, "\"ok\":true"));
    int fd = open_at("/api/v1/stream/audio/a?rate=48000");
    send_sound(fd, 0, 10 * FRAMES, 1);
    assert_true(hears(bus, "\"analysis\",\"stream\":\"a\""));
    web_say(other, true, "{\"type\":\"ping\"}", 15);
    assert_true(hears(other, "\"type\""));
    assert_non_null(strstr(answer, "pong")); /* it has not asked for that stream */
    close(bus);
    close(other);
    close(fd);
}

static void test_control(void **state) {
    (void)state;
    int fd = open_at("/api/v1/stream/control/main");
    ask(fd, "pause");
    assert_non_null(strstr(answer, "\"text\":\"main: pause\""));
    ask(fd, "list_streams");
    assert_non_null(strstr(answer, "\"data\":[],\"ok\":true"));
    ask(fd, "get_stats");
    assert_non_null(strstr(answer, "\"data\":null,\"ok\":false,\"text\":\"nothing\""));
    ask(fd, "tap");
    assert_non_null(strstr(answer, "\"ok\":false"));
    close(fd);
    int audio = open_at("/api/v1/stream/audio/a?rate=48000");
    assert_true(hears(audio, "\"stream_start\""));
    fd = open_at("/api/v1/stream/control/a");
    ask(fd, "pause");
    assert_non_null(strstr(answer, "\"text\":\"paused\""));
    send_sound(audio, 0, 10 * FRAMES, 1);
    wait_for_frames(fd, 10 * FRAMES);
    ask(fd, "reset_analysis");
    assert_non_null(strstr(answer, "\"ok\":true"));
    ask(fd, "resume");
    send_sound(audio, 0, 20 * FRAMES, 1);
    assert_true(hears(audio, "\"analysis\""));
    assert_true(hears(fd, "\"metrics\""));
    close(fd);
    close(audio);
}

/* Reads blocks until `frames` have come; each must go on where the last one ended. */
static void check_blocks(int fd, unsigned channels, unsigned rate, unsigned frames) {
    unsigned seq = 0, next = 0;
    size_t size = 0;
    assert_true(hears(fd, "\"audio_stream_start\""));
    assert_int_equal(number("\"sample_rate"), rate);
    assert_int_equal(number("\"channels"), channels);
    while (next < frames) {
        int opcode = web_hear(fixture.loop, fd, answer, sizeof answer, &size);
        uint16_t version, format, width;
        uint32_t got_seq, got_rate;
        uint64_t frame;
        if (opcode == 1) /* metrics */
            continue;
        assert_int_equal(opcode, 2);
        memcpy(&version, answer + 4, 2);
        memcpy(&format, answer + 6, 2);
        memcpy(&got_seq, answer + 8, 4);
        memcpy(&frame, answer + 12, 8);
        memcpy(&got_rate, answer + 20, 4);
        memcpy(&width, answer + 24, 2);
        assert_memory_equal(answer, "JAPC", 4);
        assert_true(version == 1 && format == 1 && got_rate == rate && width == channels);
        assert_int_equal(got_seq, seq++);
        assert_int_equal(frame, next);
        assert_int_equal(size, 32 + (size_t)rate / 50 * channels * sizeof(float));
        for (unsigned i = 0; i < rate / 50 * channels; i++) {
            float sample, expected = (float)((next * channels + i) % 10007) / 10007;
            memcpy(&sample, answer + 32 + i * sizeof sample, sizeof sample);
            assert_true(sample == expected);
        }
        next += rate / 50;
    }
}

static void play_own(unsigned from, unsigned frames) {
    static float left[FRAMES], right[FRAMES];
    const float *const channels[] = {left, right};
    for (; frames > 0; frames -= FRAMES, from += FRAMES) {
        const struct ja_block block = {
            .frame = from, .frames = FRAMES, .rate = 44100, .channels = 2, .epoch = 1};
        for (unsigned i = 0; i < FRAMES; i++) {
            left[i] = (float)((from + i) * 2 % 10007) / 10007;
            right[i] = (float)(((from + i) * 2 + 1) % 10007) / 10007;
        }
        ja_inlet_write(ja_stream_inlet(fixture.own), &block, channels);
    }
}

static void test_listening_in(void **state) {
    (void)state;
    static const char base64[] = "\"samples\":\"AAAAA";
    int fd = open_at("/api/v1/stream/audio/a?rate=8000&channels=2");
    assert_true(hears(fd, "\"stream_start\""));
    int first = open_at("/api/v1/monitor/a"), second = open_at("/api/v1/monitor/a");
    int json = open_at("/api/v1/monitor/a?encoding=json"), own = open_at("/api/v1/monitor/main");
    web_say(json, true, "{\"type\":\"ping\"}", 15); /* until then all of them are open */
    assert_true(hears(json, "pong"));
    for (unsigned i = 0; i < 10; i++)
        send_sound(fd, i * FRAMES, FRAMES, 2);
    play_own(0, 10 * FRAMES);
    check_blocks(first, 2, 8000, 10 * FRAMES);
    check_blocks(second, 2, 8000, 10 * FRAMES);
    check_blocks(own, 2, 44100, 5 * 882);
    assert_true(hears(json, "\"audio_stream_start\""));
    assert_non_null(strstr(answer, "\"encoding\":\"json\""));
    assert_true(hears(json, "\"audio_chunk\",\"stream\":\"a\",\"data\":{\"seq\":0,\"frame\":0,"));
    assert_non_null(strstr(answer, base64));
    assert_int_equal(strlen(strstr(answer, "\"samples\":\"") + 11), (160 * 8 + 2) / 3 * 4 + 3);
    assert_int_equal(post("/api/v1/stream/stop/a"), 200);
    int listeners[] = {first, second, json};
    for (size_t i = 0; i < 3; i++) {
        assert_true(hears(listeners[i], "\"audio_stream_end\""));
        assert_int_equal(close_code(listeners[i]), 1000);
        close(listeners[i]);
    }
    close(own);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound_comes_back_as_analysis, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_sound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_stream_has_one_sender, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_coming_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_beginning_and_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_backlog, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_stream_on_the_bus, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_control, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_listening_in, set_up, tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
