/* A stream: the same bytes whatever the blocks and with or without a worker; every frame accounted
 * for.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../support/failing.h"
#include "../support/probe.h"
#include "../support/random.h"
#include "../support/wait.h"
#include <cmocka.h>
#include <ja/core/math.h>
#include <ja/stream/stream.h>

enum { SECONDS = 3, MOST = 192000 * SECONDS };

static float left[MOST], right[MOST];

/* Messages as bytes, in order. */
struct record {
    unsigned char *bytes;
    size_t size, room;
    unsigned frames, events, timebases;
    double last_frame;
    struct ja_event gap;
    struct ja_event first_onset;
    struct ja_timebase timebase;
};

static void fill_with_clicks(unsigned rate, double every_s) {
    struct random random = {7};
    for (size_t i = 0; i < MOST; i++) {
        double phase = fmod((double)i / rate, every_s);
        left[i] = phase < 0.005 ? 1.0f : (float)(0.2 * random_unit(&random) - 0.1);
        right[i] = left[i];
    }
}

static struct ja_stream *make_one(bool background) {
    struct ja_error error;
    struct ja_stream_setup setup = {
        .name = "main",
        .channels = 2,
        .analysis = &probe_analysis,
        .stages = probe_stages,
        .stage_count = 2,
        .settings = probe_settings_list,
        .background = background,
    };
    struct ja_stream *stream = ja_stream_new(&setup, &error);
    memset(&probe_log, 0, sizeof probe_log);
    assert_non_null(stream);
    return stream;
}

static struct ja_stream *make(void) {
    return make_one(false);
}

static void append(struct record *record, const void *bytes, size_t size) {
    if (record->size + size > record->room) {
        record->room = 2 * (record->size + size);
        record->bytes = realloc(record->bytes, record->room);
        assert_non_null(record->bytes);
    }
    memcpy(record->bytes + record->size, bytes, size);
    record->size += size;
}

static void take_event(struct record *record, const struct ja_event *event) {
    double times[2] = {event->time, event->emitted};
    append(record, times, sizeof times);
    if (event->type == JA_EVENT_GAP)
        record->gap = *event;
    if (event->type == JA_EVENT_ONSET && record->first_onset.type != JA_EVENT_ONSET)
        record->first_onset = *event;
    record->events++;
}

static void drain(struct ja_stream *stream, struct record *record) {
    struct ja_message message;
    while (ja_stream_receive(stream, &message)) {
        assert_true(message.told_us >= message.taken_us);
        if (message.type == JA_MESSAGE_EVENT) {
            take_event(record, message.event);
        } else if (message.type == JA_MESSAGE_FRAME) {
            append(record, message.frame, message.size);
            record->last_frame = message.frame->time;
            record->frames++;
        } else {
            record->timebase = *message.timebase;
            record->timebases++;
        }
    }
}

static bool write_block(struct ja_stream *stream, const struct ja_block *block, size_t from) {
    const float *channels[] = {left + from, right + from};
    return ja_inlet_write(ja_stream_inlet(stream), block, channels);
}

static struct ja_block block_at(uint64_t frame, uint32_t frames, unsigned rate) {
    return (struct ja_block){
        .frame = frame, .frames = frames, .rate = rate, .channels = 2, .epoch = 1};
}

/* Plays `count` frames in blocks of `size` (0: random sizes), offline. */
static struct record run_offline(unsigned rate, size_t count, unsigned size) {
    struct record record = {0};
    struct random random = {size + 1};
    struct ja_stream *stream = make();
    for (size_t at = 0; at < count;) {
        size_t now = size ? size : 1 + random_below(&random, 3000);
        now = now < count - at ? now : count - at;
        struct ja_block block = block_at(at, (uint32_t)now, rate);
        assert_true(write_block(stream, &block, at));
        ja_stream_run(stream);
        drain(stream, &record);
        at += now;
    }
    ja_stream_finish(stream);
    drain(stream, &record);
    ja_stream_free(stream);
    return record;
}

static void wake(void *data) {
    (void)data;
}

static void wait_until_idle(struct ja_stream *stream, struct record *record) {
    struct ja_stream_stats stats;
    do {
        wait_a_little();
        drain(stream, record);
        ja_stream_stats(stream, &stats);
    } while (stats.processed + stats.lost != stats.delivered);
}

static struct record run_with_worker(unsigned rate, size_t count, unsigned size, bool background) {
    struct record record = {0};
    struct ja_error error;
    struct ja_stream *stream = make_one(background);
    assert_int_equal(ja_stream_start(stream, wake, NULL, &error), JA_OK);
    for (size_t at = 0; at < count; at += size) {
        uint32_t now = (uint32_t)(size < count - at ? size : count - at);
        struct ja_block block = block_at(at, now, rate);
        while (!ja_inlet_has_room(ja_stream_inlet(stream), 2, now)) {
            wait_a_little();
            drain(stream, &record);
        }
        write_block(stream, &block, at);
        drain(stream, &record);
    }
    wait_until_idle(stream, &record);
    ja_stream_stop(stream);
    ja_stream_finish(stream);
    drain(stream, &record);
    ja_stream_free(stream);
    return record;
}

static void assert_same(const struct record *a, const struct record *b) {
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->events, b->events);
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->bytes, b->bytes, a->size);
}

static void test_block_size_changes_nothing(void **state) {
    static const unsigned rates[] = {44100, 48000, 96000, 22050};
    static const unsigned sizes[] = {1, 32, 100, 1000, 8192, 0};
    (void)state;
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        fill_with_clicks(rates[r], 0.5);
        struct record reference = run_offline(rates[r], rates[r], 441);
        assert_true(reference.frames >= 100);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            struct record other = run_offline(rates[r], rates[r], sizes[s]);
            assert_same(&reference, &other);
            free(other.bytes);
        }
        free(reference.bytes);
    }
}

static void test_worker_equals_offline(void **state) {
    (void)state;
    fill_with_clicks(48000, 0.5);
    struct record offline = run_offline(48000, 48000 * SECONDS, 1024);
    for (int background = 0; background < 2; background++) {
        struct record live = run_with_worker(48000, 48000 * SECONDS, 256, background);
        assert_same(&offline, &live);
        free(live.bytes);
    }
    free(offline.bytes);
}

static void test_every_rate_keeps_time(void **state) {
    static const unsigned rates[] = {8000,  11025, 16000, 22050,  32000, 44100,
                                     48000, 88200, 96000, 176400, 192000};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        fill_with_clicks(rates[i], 0.5);
        memset(left, 0, rates[i] * sizeof left[0] / 4); /* first click at 0.5 s */
        memset(right, 0, rates[i] * sizeof left[0] / 4);
        struct record record = run_offline(rates[i], rates[i], 500);
        assert_true(fabs(record.first_onset.time - 0.5) <= 0.0045);
        assert_true(record.first_onset.emitted >= record.first_onset.time);
        assert_true(fabs(record.last_frame - 1.0) <= 0.0101);
        free(record.bytes);
    }
}

static void test_short_gap_is_filled(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    struct ja_stream_stats stats;
    (void)state;
    struct ja_block first = block_at(1000, 4800, 48000),
                    second = block_at(1000 + 9600, 4800, 48000);
    write_block(stream, &first, 0);
    write_block(stream, &second, 0);
    ja_stream_run(stream);
    drain(stream, &record);
    assert_int_equal(record.gap.gap.frames, 4800);
    assert_string_equal(record.gap.gap.cause, "server");
    assert_true(fabs(record.gap.time - 0.1) < 1e-9);
    assert_int_equal(record.frames, 30);
    assert_true(fabs(record.last_frame - 0.3) < 1e-9);
    assert_int_equal(probe_log.reset, 0);
    ja_stream_stats(stream, &stats);
    assert_int_equal(stats.processed, 9600);
    ja_stream_free(stream);
    free(record.bytes);
}

/* Before it reached the inlet: told and counted as if it had found no room there. */
static void test_what_was_given_up_is_a_gap(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make_one(true);
    struct ja_stream_stats stats;
    (void)state;
    struct ja_block first = block_at(0, 4800, 48000), second = block_at(9600, 4800, 48000);
    write_block(stream, &first, 0);
    ja_stream_run(stream);
    ja_inlet_lose(ja_stream_inlet(stream), 4800);
    write_block(stream, &second, 9600);
    ja_stream_run(stream);
    drain(stream, &record);
    assert_int_equal(record.gap.gap.frames, 4800);
    assert_string_equal(record.gap.gap.cause, "overflow");
    ja_stream_stats(stream, &stats);
    assert_int_equal(stats.delivered, 3 * 4800);
    assert_int_equal(stats.processed + stats.lost, stats.delivered);
    ja_stream_free(stream);
    free(record.bytes);
}

static void test_long_gap_moves_time(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    (void)state;
    struct ja_block first = block_at(0, 4800, 48000), second = block_at(4800 + 480000, 4800, 48000);
    write_block(stream, &first, 0);
    write_block(stream, &second, 0);
    ja_stream_run(stream);
    drain(stream, &record);
    assert_int_equal(record.gap.gap.frames, 480000);
    assert_int_equal(record.frames, 20);
    assert_true(fabs(record.last_frame - 10.2) < 1e-9);
    assert_int_equal(probe_log.reset, 1);
    ja_stream_free(stream);
    free(record.bytes);
}

static void test_restart_with_another_rate(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    (void)state;
    struct ja_block first = block_at(90000, 4800, 48000);
    struct ja_block second = {.frames = 4410, .rate = 44100, .channels = 2, .epoch = 2};
    first.time_us = 1000000;
    second.time_us = 1000000 + 100000 + 2000000; /* two seconds after the end of the first */
    write_block(stream, &first, 0);
    write_block(stream, &second, 0);
    ja_stream_run(stream);
    drain(stream, &record);
    assert_string_equal(record.gap.gap.cause, "rate");
    assert_int_equal(record.gap.gap.frames, 96000);
    assert_int_equal(probe_log.rate, 44100);
    assert_int_equal(probe_log.opened, 2);
    assert_true(fabs(record.last_frame - 2.2) < 1e-9);
    assert_true(fabs(record.timebase.at - 2.1) < 1e-9);
    assert_true(record.timebase.us == 3100000);
    ja_stream_free(stream);
    free(record.bytes);
}

static void test_without_memory_it_begins_later(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    struct ja_stream_stats stats;
    (void)state;
    struct ja_block first = block_at(1000, 4800, 48000),
                    after_gap = block_at(1000 + 9600, 4800, 48000),
                    restarted = block_at(0, 4800, 48000);
    restarted.epoch = 2;
    write_block(stream, &first, 0);
    write_block(stream, &after_gap, 0);
    fail_at = 1;
    ja_stream_run(stream);
    assert_int_equal(fail_at, 0);
    drain(stream, &record);
    assert_int_equal(record.frames, 0);
    write_block(stream, &restarted, 0);
    ja_stream_run(stream);
    drain(stream, &record);
    assert_int_equal(record.frames, 10);
    ja_stream_stats(stream, &stats);
    assert_int_equal(stats.processed, 3 * 4800);
    ja_stream_free(stream);
    free(record.bytes);
}

static void test_overflow_is_accounted_for(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    struct ja_stream_stats stats;
    uint64_t frame = 0;
    unsigned refused = 0;
    (void)state;
    while (refused < 5) {
        struct ja_block block = block_at(frame, 8192, 48000);
        refused += !write_block(stream, &block, 0);
        frame += 8192;
    }
    ja_stream_run(stream);
    struct ja_block block = block_at(frame, 64, 48000);
    assert_true(write_block(stream, &block, 0));
    ja_stream_run(stream);
    drain(stream, &record);
    ja_stream_stats(stream, &stats);
    assert_int_equal(stats.delivered, frame + 64);
    assert_int_equal(stats.lost, 5 * 8192);
    assert_int_equal(stats.lost_blocks, 5);
    assert_int_equal(stats.processed + stats.lost, stats.delivered);
    assert_string_equal(record.gap.gap.cause, "overflow");
    assert_int_equal(record.gap.gap.frames, 5 * 8192);
    ja_stream_free(stream);
    free(record.bytes);
}

/* The server's gap waits in the queue when the first block finds no room. */
/* Until three blocks of 8192 frames have found no room; the frame after them. */
static uint64_t overflow(struct ja_stream *stream, uint64_t frame) {
    for (unsigned refused = 0; refused < 3; frame += 8192) {
        struct ja_block block = block_at(frame, 8192, 48000);
        refused += !write_block(stream, &block, 0);
    }
    return frame;
}

static void test_causes_are_told_apart(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    (void)state;
    struct ja_block first = block_at(0, 64, 48000), late = block_at(1000, 64, 48000);
    write_block(stream, &first, 0);
    write_block(stream, &late, 0);
    uint64_t frame = overflow(stream, 1064);
    ja_stream_run(stream);
    drain(stream, &record);
    assert_string_equal(record.gap.gap.cause, "server");
    assert_int_equal(record.gap.gap.frames, 1000 - 64);
    struct ja_block last = block_at(frame, 64, 48000);
    assert_true(write_block(stream, &last, 0));
    ja_stream_run(stream);
    drain(stream, &record);
    assert_string_equal(record.gap.gap.cause, "overflow");
    assert_int_equal(record.gap.gap.frames, 3 * 8192);
    ja_stream_free(stream);
    free(record.bytes);
}

/* What was lost before a server went is told apart from the time without it. */
static void test_overflow_before_a_restart(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    (void)state;
    overflow(stream, 0);
    ja_stream_run(stream);
    drain(stream, &record);
    unsigned events = record.events;
    struct ja_block restarted = block_at(0, 64, 48000);
    restarted.epoch = 2;
    restarted.time_us = 3000000; /* that of the last block before, which has room, is 0 */
    write_block(stream, &restarted, 0);
    ja_stream_run(stream);
    drain(stream, &record);
    assert_int_equal(record.events, events + 2);
    assert_string_equal(record.gap.gap.cause, "restart");
    assert_int_equal(record.gap.gap.frames, 3 * 48000 - 8192 - 3 * 8192);
    ja_stream_free(stream);
    free(record.bytes);
}

static void test_unsound_samples_are_repaired(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    struct ja_stream_stats stats;
    (void)state;
    memset(left, 0, sizeof left[0] * 4800);
    memset(right, 0, sizeof right[0] * 4800);
    left[10] = NAN;
    left[20] = INFINITY;
    right[30] = -1e30f;
    struct ja_block block = block_at(0, 4800, 48000);
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    drain(stream, &record);
    ja_stream_stats(stream, &stats);
    assert_int_equal(stats.repaired, 3);
    assert_int_equal(record.events, 0); /* silence */
    ja_stream_free(stream);
    free(record.bytes);
}

static void test_frames_give_way_to_events(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    struct ja_stream_stats stats;
    (void)state;
    memset(left, 0, sizeof left);
    memset(right, 0, sizeof right);
    for (uint64_t frame = 0; frame < 48000 * 300; frame += 8192) { /* five minutes, nobody reads */
        struct ja_block block = block_at(frame, 8192, 48000);
        write_block(stream, &block, 0);
        ja_stream_run(stream);
    }
    ja_stream_stats(stream, &stats);
    assert_true(stats.frames_withheld > 0);
    assert_int_equal(stats.events_withheld, 0);
    fill_with_clicks(48000, 0.5);
    struct ja_block block = block_at(48000 * 300 / 8192 * 8192 + 8192, 8192, 48000);
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    drain(stream, &record);
    assert_true(record.events > 0);
    ja_stream_free(stream);
    free(record.bytes);
}

static void test_commands(void **state) {
    struct record record = {0};
    struct ja_stream *stream = make();
    struct probe_settings louder = {2, 1};
    struct ja_stream_stats stats;
    (void)state;
    assert_true(ja_stream_notice(stream, JA_NOTICE_INPUT_LOST, "no server"));
    ja_stream_run(stream);
    drain(stream, &record);
    assert_int_equal(record.events, 1); /* told although no sound has come yet */
    assert_string_equal(probe_log.reason, "no server");
    assert_true(ja_stream_configure(stream, &probe_module, &louder));
    assert_true(ja_stream_reset(stream));
    struct ja_block block = block_at(0, 4800, 44100);
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    assert_int_equal(probe_log.configured, 1);
    assert_int_equal(probe_log.reset, 1);
    assert_int_equal(probe_log.rate, 44100);
    assert_true(ja_stream_pause(stream, true));
    block.frame += 4800;
    unsigned processed = probe_log.processed;
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    assert_int_equal(probe_log.processed, processed);
    ja_stream_stats(stream, &stats);
    assert_int_equal(stats.processed, 9600);
    assert_true(ja_stream_pause(stream, false));
    block.frame += 4800;
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    assert_true(probe_log.processed > processed);
    assert_true(fabs(probe_log.last_end - 3 * 4800 / 44100.0) < 0.0101);
    ja_stream_free(stream);
    free(record.bytes);
}

/* In order, and before the sound that comes after them, at most a hop later. */
static void test_stages_are_told_in_order(void **state) {
    struct ja_stream *stream = make();
    struct ja_stage_command command = {.action = JA_BEAT_TAP, .numbers = {0, 5}, .time = 0.25};
    struct ja_block block = block_at(0, 4800, 48000);
    (void)state;
    assert_true(ja_stream_command(stream, &command));
    ja_stream_run(stream);
    assert_int_equal(probe_log.commanded, 0); /* there is nobody yet */
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    for (unsigned i = 0; i < 5; i++) {
        command.numbers[0] = i;
        assert_true(ja_stream_command(stream, &command));
    }
    block.frame = 4800;
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    assert_int_equal(probe_log.commanded, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(probe_log.commands[i].numbers[0] == i);
        assert_true(probe_log.commands[i].numbers[1] == 5);
        assert_true(probe_log.commands[i].time == 0.25);
        assert_true(fabs(probe_log.commands[i].shift_s - 0.1) < 1e-9); /* when it was told */
    }
    ja_stream_free(stream);
}

/* What was learnt is known from the first sound on, and at another rate too. */
static void test_priors_stay(void **state) {
    struct ja_stream *stream = make();
    struct ja_block block = block_at(0, 4800, 48000);
    struct ja_priors priors = ja_neutral_priors;
    (void)state;
    priors.latency_s = -0.01;
    assert_true(ja_stream_set_priors(stream, &priors));
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    assert_true(probe_log.latency_s == -0.01);
    block = block_at(0, 4410, 44100);
    block.epoch = 2;
    probe_log.latency_s = 0;
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    assert_int_equal(probe_log.rate, 44100);
    assert_true(probe_log.latency_s == -0.01);
    priors.latency_s = 0.02;
    assert_true(ja_stream_set_priors(stream, &priors));
    block.frame = 4410;
    write_block(stream, &block, 0);
    ja_stream_run(stream);
    assert_true(probe_log.latency_s == 0.02);
    ja_stream_free(stream);
}

/* With a worker a command is done though no sound comes after it. */
static void test_worker_tells_at_once(void **state) {
    struct record record = {0};
    struct ja_error error;
    struct ja_stream *stream = make();
    struct ja_block block = block_at(0, 4800, 48000);
    (void)state;
    assert_int_equal(ja_stream_start(stream, wake, NULL, &error), JA_OK);
    write_block(stream, &block, 0);
    wait_until_idle(stream, &record);
    unsigned events = record.events;
    assert_true(ja_stream_command(stream, &(struct ja_stage_command){.action = JA_BEAT_AUTO}));
    for (int i = 0; i < 10000 && record.events == events; i++) {
        wait_a_little();
        drain(stream, &record);
    }
    assert_int_equal(record.events, events + 1);
    ja_stream_free(stream);
    free(record.bytes);
}

struct first_wake {
    struct ja_stream *stream;
    _Atomic uint64_t processed; /* 0: not yet */
};

static void note_first_wake(void *data) {
    struct first_wake *first = data;
    struct ja_stream_stats stats;
    ja_stream_stats(first->stream, &stats);
    if (first->processed == 0)
        first->processed = stats.processed;
}

/* A worker that is behind tells what it has before it has caught up. */
static void test_late_worker_tells_all_the_same(void **state) {
    enum { FRAMES = 480, BLOCKS = 100 };
    struct record record = {0};
    struct ja_error error;
    struct ja_stream *stream = make();
    struct first_wake first = {.stream = stream};
    (void)state;
    for (size_t i = 0; i < BLOCKS; i++) {
        struct ja_block block = block_at(i * FRAMES, FRAMES, 48000);
        write_block(stream, &block, i * FRAMES);
    }
    assert_int_equal(ja_stream_start(stream, note_first_wake, &first, &error), JA_OK);
    wait_until_idle(stream, &record);
    ja_stream_stop(stream);
    assert_in_range(first.processed, 1, FRAMES * BLOCKS / 2);
    ja_stream_free(stream);
    free(record.bytes);
}

static void wait_until_wanted(struct ja_inlet *inlet, uint64_t wanted) {
    for (int i = 0; i < 50000 && inlet->wanted != wanted; i++)
        wait_a_little();
    assert_int_equal(inlet->wanted, wanted);
}

/* Tiny periods do not wake the worker until there is something to work on: at 48 kHz a slice of 160
 * frames, at 96 kHz a chunk of 128 to resample. A command has it take what there is. */
static void test_worker_rests_until_there_is_work(void **state) {
    static const unsigned rates[] = {48000, 96000}, wanted[] = {160, 128};
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct record record = {0};
        struct ja_error error;
        struct ja_stream *stream = make();
        struct ja_inlet *inlet = ja_stream_inlet(stream);
        int posts;
        assert_int_equal(ja_stream_start(stream, wake, NULL, &error), JA_OK);
        struct ja_block first = block_at(0, 1, rates[r]), rest = block_at(1, 1, rates[r]);
        write_block(stream, &first, 0);
        wait_until_wanted(inlet, wanted[r]);
        for (; rest.frame < wanted[r] - 1; rest.frame++)
            write_block(stream, &rest, 0);
        sem_getvalue(&inlet->ready, &posts);
        assert_int_equal(posts, 0);
        write_block(stream, &rest, 0);
        wait_until_wanted(inlet, 2 * wanted[r]);
        rest.frame++;
        write_block(stream, &rest, 0);
        assert_true(ja_stream_command(stream, &(struct ja_stage_command){.action = JA_BEAT_AUTO}));
        wait_until_idle(stream, &record);
        ja_stream_free(stream);
        free(record.bytes);
    }
}

static void test_full_command_queue_says_so(void **state) {
    struct ja_stream *stream = make();
    unsigned taken = 0;
    (void)state;
    while (ja_stream_reset(stream))
        assert_true(++taken < 100000);
    assert_true(taken > 100);
    ja_stream_run(stream);
    assert_true(ja_stream_reset(stream));
    ja_stream_free(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_size_changes_nothing),
        cmocka_unit_test(test_worker_equals_offline),
        cmocka_unit_test(test_every_rate_keeps_time),
        cmocka_unit_test(test_short_gap_is_filled),
        cmocka_unit_test(test_what_was_given_up_is_a_gap),
        cmocka_unit_test(test_long_gap_moves_time),
        cmocka_unit_test(test_restart_with_another_rate),
        cmocka_unit_test(test_without_memory_it_begins_later),
        cmocka_unit_test(test_overflow_is_accounted_for),
        cmocka_unit_test(test_causes_are_told_apart),
        cmocka_unit_test(test_overflow_before_a_restart),
        cmocka_unit_test(test_unsound_samples_are_repaired),
        cmocka_unit_test(test_frames_give_way_to_events),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_stages_are_told_in_order),
        cmocka_unit_test(test_priors_stay),
        cmocka_unit_test(test_worker_tells_at_once),
        cmocka_unit_test(test_late_worker_tells_all_the_same),
        cmocka_unit_test(test_worker_rests_until_there_is_work),
        cmocka_unit_test(test_full_command_queue_says_so),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
