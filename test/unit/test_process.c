/* The real-time callback against a JACK of our own making: blocks, frame count, epochs, MIDI.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../../src/audio/process.h"

#include <ja/core/ring.h>
#include <jack/midiport.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_FRAMES = 20000, MOST_EVENTS = 16, HEARD = 4 };

/* --- A JACK of our own; these take libjack's place in this program --- */

static struct {
    jack_nframes_t frame; /* of the present cycle */
    jack_time_t us;
    float period_us;
    bool times_fail;
    bool no_buffers;
    float sound[JA_CHANNELS][MOST_FRAMES];
    int midi_buffer; /* its address is the buffer */
    bool cleared;
    unsigned events, room;
    int heard_buffer; /* its address is that of midi_in */
    struct {
        jack_nframes_t offset;
        uint8_t bytes[4];
        size_t count; /* 0: cannot be read */
    } heard[MOST_EVENTS];
    unsigned heard_count;
    struct {
        jack_nframes_t offset;
        uint8_t bytes[3];
        size_t count;
    } event[MOST_EVENTS];
} jack;

static char port[JA_CHANNELS]; /* whose addresses are the input ports */
static char midi_port, midi_in_port;

void *jack_port_get_buffer(jack_port_t *which, jack_nframes_t frames) {
    (void)frames;
    if (jack.no_buffers)
        return NULL;
    if ((char *)which == &midi_port)
        return &jack.midi_buffer;
    if ((char *)which == &midi_in_port)
        return &jack.heard_buffer;
    return jack.sound[(char *)which - port];
}

jack_nframes_t jack_last_frame_time(const jack_client_t *client) {
    (void)client;
    return jack.frame;
}

int jack_get_cycle_times(const jack_client_t *client, jack_nframes_t *frame, jack_time_t *us,
                         jack_time_t *next_us, float *period_us) {
    (void)client;
    *frame = jack.frame;
    *us = jack.us;
    *next_us = jack.us + (jack_time_t)jack.period_us;
    *period_us = jack.period_us;
    return jack.times_fail ? -1 : 0;
}

void jack_midi_clear_buffer(void *buffer) {
    assert_ptr_equal(buffer, &jack.midi_buffer);
    jack.cleared = true;
    jack.events = 0;
}

int jack_midi_event_write(void *buffer, jack_nframes_t offset, const jack_midi_data_t *data,
                          size_t count) {
    assert_ptr_equal(buffer, &jack.midi_buffer);
    assert_true(jack.cleared);
    if (jack.events >= jack.room)
        return -1;
    if (jack.events > 0)
        assert_true(offset >= jack.event[jack.events - 1].offset);
    jack.event[jack.events].offset = offset;
    jack.event[jack.events].count = count;
    memcpy(jack.event[jack.events++].bytes, data, count);
    return 0;
}

uint32_t jack_midi_get_event_count(void *buffer) {
    assert_ptr_equal(buffer, &jack.heard_buffer);
    return jack.heard_count;
}

int jack_midi_event_get(jack_midi_event_t *event, void *buffer, uint32_t i) {
    assert_ptr_equal(buffer, &jack.heard_buffer);
    assert_true(i < jack.heard_count);
    event->time = jack.heard[i].offset;
    event->size = jack.heard[i].count;
    event->buffer = jack.heard[i].bytes;
    return event->size > 0 ? 0 : -1;
}

/* --- The rig: one stream of two inputs at 48 kHz --- */

struct rig {
    struct ja_process process;
    struct ja_inlet inlet;
    struct ja_block block;                      /* the last one read */
    float sound[JA_CHANNELS * JA_BLOCK_FRAMES]; /* its samples */
};

static int set_up(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    memset(&jack, 0, sizeof jack);
    jack.us = 1000000;
    jack.frame = 5000;
    jack.room = MOST_EVENTS;
    for (unsigned c = 0; c < JA_CHANNELS; c++)
        for (unsigned i = 0; i < MOST_FRAMES; i++)
            jack.sound[c][i] = (float)(c * 100000 + i);
    assert_true(ja_inlet_init(&rig->inlet, 2, JA_INLET_BLOCKS));
    rig->process.midi = ja_ring_new(64 * sizeof(struct ja_midi_message));
    rig->process.midi_out = (jack_port_t *)&midi_port;
    rig->process.heard = ja_ring_new(HEARD * sizeof(struct ja_midi_message));
    rig->process.midi_in = (jack_port_t *)&midi_in_port;
    rig->process.grids = ja_ring_new(8 * sizeof(struct ja_grid));
    rig->process.stream_count = 1;
    rig->process.streams[0].inputs = 2;
    rig->process.streams[0].inlet = &rig->inlet;
    for (unsigned c = 0; c < JA_CHANNELS; c++)
        rig->process.streams[0].ports[c] = (jack_port_t *)&port[c];
    rig->process.rate = 48000;
    ja_process_begin(&rig->process, 999000);
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    ja_inlet_done(&rig->inlet);
    ja_ring_free(rig->process.midi);
    ja_ring_free(rig->process.heard);
    ja_ring_free(rig->process.grids);
    free(rig);
    return 0;
}

/* One cycle at the present time, after which JACK's time moves on by it. */
static void run(struct rig *rig, jack_nframes_t frames) {
    jack.period_us = (float)frames * 1e6f / 48000;
    assert_int_equal(ja_process_run(frames, &rig->process), 0);
    jack.frame += frames;
    jack.us += (jack_time_t)frames * 1000000 / 48000;
}

static void queue(struct rig *rig, uint64_t time_us, uint8_t status, uint8_t count) {
    struct ja_midi_message message = {time_us, count, {status, 60, 100}};
    assert_true(ja_ring_write(rig->process.midi, &message, sizeof message));
}

static bool read_block(struct rig *rig) {
    if (!ja_ring_read(rig->inlet.ring, &rig->block, sizeof rig->block))
        return false;
    size_t size = rig->block.frames * rig->block.channels * sizeof *rig->sound;
    assert_true(ja_ring_read(rig->inlet.ring, rig->sound, size));
    assert_int_equal(sem_trywait(&rig->inlet.ready), 0);
    return true;
}

static void a_block_is_copied_whole(void **state) {
    struct rig *rig = *state;
    run(rig, 256);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.frame, 5000);
    assert_int_equal(rig->block.time_us, 1000000);
    assert_int_equal(rig->block.frames, 256);
    assert_int_equal(rig->block.rate, 48000);
    assert_int_equal(rig->block.channels, 2);
    assert_int_equal(rig->block.epoch, 1);
    for (unsigned c = 0; c < 2; c++)
        assert_memory_equal(rig->sound + c * 256, jack.sound[c], 256 * sizeof(float));
    assert_false(read_block(rig));
    assert_int_equal(rig->process.cycles, 1);
}

static void capture_latency_is_taken_off(void **state) {
    struct rig *rig = *state;
    rig->process.streams[0].latency_frames = 480;
    run(rig, 256);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.time_us, 990000);
}

/* jackd's clock is not ours; that the two drift apart is no gap in the sound. */
static void times_are_told_by_our_clock(void **state) {
    struct rig *rig = *state;
    rig->process.ahead_us = 200000;
    queue(rig, 1200000 + 1000, 0xf8, 1);
    run(rig, 480);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.time_us, 1200000);
    assert_int_equal(jack.events, 1);
    assert_int_equal(jack.event[0].offset, 48);
    rig->process.ahead_us = -300000;
    run(rig, 480);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.time_us, 710000);
    assert_int_equal(rig->block.frame, 5480);
    assert_int_equal(rig->block.epoch, 1);
}

static void missing_buffers_are_silence(void **state) {
    struct rig *rig = *state;
    jack.no_buffers = true;
    run(rig, 1000);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.frames, 1000);
    for (unsigned i = 0; i < 2000; i++)
        assert_true(rig->sound[i] == 0);
}

static void a_long_period_is_split(void **state) {
    struct rig *rig = *state;
    run(rig, JA_BLOCK_FRAMES + 1000);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.frames, JA_BLOCK_FRAMES);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.frames, 1000);
    assert_int_equal(rig->block.frame, 5000 + JA_BLOCK_FRAMES);
    assert_int_equal(rig->block.time_us, 1000000 + (uint64_t)JA_BLOCK_FRAMES * 1000000 / 48000);
    assert_true(rig->sound[0] == (float)JA_BLOCK_FRAMES);
    assert_true(rig->sound[1000] == (float)(100000 + JA_BLOCK_FRAMES));
}

static void an_empty_cycle_is_no_block(void **state) {
    struct rig *rig = *state;
    run(rig, 0);
    assert_false(read_block(rig));
    assert_int_equal(rig->process.cycles, 1);
}

static void the_count_outlives_32_bits(void **state) {
    struct rig *rig = *state;
    jack.frame = UINT32_MAX - 99;
    for (int i = 0; i < 3; i++)
        run(rig, 100);
    uint64_t first = (uint64_t)UINT32_MAX - 99;
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(read_block(rig));
        assert_int_equal(rig->block.frame, first + i * 100);
        assert_int_equal(rig->block.epoch, 1);
    }
}

static void a_gap_in_frames_is_a_gap_in_the_count(void **state) {
    struct rig *rig = *state;
    run(rig, 256);
    jack.frame += 512;
    jack.us += 512 * 1000000 / 48000;
    run(rig, 256);
    assert_true(read_block(rig));
    assert_true(read_block(rig));
    assert_int_equal(rig->block.frame, 5000 + 256 + 512);
    assert_int_equal(rig->block.epoch, 1);
}

static void a_stall_is_a_gap_though_frames_go_on(void **state) {
    struct rig *rig = *state;
    run(rig, 256);
    jack.us += 1000000;
    run(rig, 256);
    assert_true(read_block(rig));
    assert_true(read_block(rig));
    assert_int_equal(rig->block.epoch, 1);
    assert_in_range(rig->block.frame, 5000 + 256 + 47990, 5000 + 256 + 48010);
}

static void a_freewheeling_clock_is_not_believed(void **state) {
    struct rig *rig = *state;
    rig->process.freewheel = true;
    run(rig, 256);
    jack.us += 1000000;
    run(rig, 256);
    assert_true(read_block(rig));
    assert_true(read_block(rig));
    assert_int_equal(rig->block.frame, 5000 + 256);
}

static void jitter_is_no_gap(void **state) {
    struct rig *rig = *state;
    for (int i = 0; i < 20; i++) {
        run(rig, 256);
        jack.us += i % 2 ? 3000 : -3000;
        assert_true(read_block(rig));
        assert_int_equal(rig->block.frame, 5000 + i * 256);
    }
}

/* jackd advances its frame time by the new period where the old one has passed. */
static void another_period_goes_on_by_the_clock(void **state) {
    struct rig *rig = *state;
    run(rig, 1024);
    jack.frame += 64 - 1024;
    jack.us += 1000;
    run(rig, 64);
    jack.frame += 1024 - 64;
    jack.us += 1000;
    run(rig, 1024);
    assert_true(read_block(rig));
    assert_true(read_block(rig));
    assert_int_equal(rig->block.epoch, 1);
    assert_in_range(rig->block.frame, 5000 + 1024 + 47, 5000 + 1024 + 49);
    uint64_t end = rig->block.frame + 64;
    assert_true(read_block(rig));
    assert_int_equal(rig->block.epoch, 1);
    assert_in_range(rig->block.frame, end + 47, end + 49);
}

static void another_rate_is_another_epoch(void **state) {
    struct rig *rig = *state;
    run(rig, 256);
    rig->process.rate = 44100;
    run(rig, 256);
    run(rig, 256);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.rate, 48000);
    assert_int_equal(rig->block.epoch, 1);
    for (int i = 0; i < 2; i++) {
        assert_true(read_block(rig));
        assert_int_equal(rig->block.rate, 44100);
        assert_int_equal(rig->block.epoch, 2);
    }
}

/* PipeWire's frame time leaps when another driver takes over. */
static void another_frame_time_goes_on_by_the_clock(void **state) {
    struct rig *rig = *state;
    run(rig, 256);
    jack.frame = 100;
    run(rig, 256);
    jack.frame += 48000 * 60;
    run(rig, 256);
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(read_block(rig));
        assert_int_equal(rig->block.epoch, 1);
        assert_in_range(rig->block.frame, 5000 + i * 256, 5000 + i * 256 + 1);
    }
}

/* A late callback sees the next cycle's time, and the next one sees it again. */
static void a_cycle_seen_twice_is_no_other_epoch(void **state) {
    struct rig *rig = *state;
    for (int late = 0; late < 2; late++) {
        rig->process.freewheel = late == 1;
        run(rig, 256);
        jack.frame += 256;
        run(rig, 256);
        jack.frame -= 256;
        run(rig, 256);
        jack.frame -= 256;
    }
    uint64_t end = 0;
    while (read_block(rig)) {
        assert_int_equal(rig->block.epoch, 1);
        assert_true(rig->block.frame >= end);
        end = rig->block.frame + 256;
    }
    assert_int_equal(end, 5000 + 256 * 8);
}

static void time_goes_on_without_cycle_times(void **state) {
    struct rig *rig = *state;
    jack.times_fail = true;
    run(rig, 480);
    run(rig, 480);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.time_us, 999000);
    assert_true(read_block(rig));
    assert_int_equal(rig->block.time_us, 999000 + 10000);
    assert_int_equal(rig->block.frame, 5480);
}

/* A reader that stands still: what it gets and what was lost make up what was delivered. */
static void lost_and_read_make_up_delivered(void **state) {
    struct rig *rig = *state;
    uint64_t read_frames = 0, frame = 5000;
    for (int i = 0; i < 3000; i++) {
        run(rig, 100 + i % 900);
        if (i % 1000 < 300)
            while (read_block(rig)) {
                read_frames += rig->block.frames;
                assert_true(rig->block.frame >= frame);
                frame = rig->block.frame + rig->block.frames;
            }
    }
    while (ja_ring_read(rig->inlet.ring, &rig->block, sizeof rig->block)) {
        ja_ring_skip(rig->inlet.ring, rig->block.frames * 2 * sizeof(float));
        read_frames += rig->block.frames;
    }
    assert_true(rig->inlet.lost > 0);
    assert_true(rig->inlet.lost_blocks > 0);
    assert_int_equal(read_frames + rig->inlet.lost, rig->inlet.delivered);
}

/* --- MIDI --- */

static void midi_leaves_at_its_sample(void **state) {
    struct rig *rig = *state;
    queue(rig, 1000000, 0x90, 3);
    queue(rig, 1000000 + 1000, 0xf8, 1);
    queue(rig, 1000000 + 5312, 0x80, 3); /* sample 255 */
    queue(rig, 1000000 + 5334, 0xfc, 1); /* sample 0 of the next period */
    run(rig, 256);
    assert_int_equal(jack.events, 3);
    assert_int_equal(jack.event[0].offset, 0);
    assert_int_equal(jack.event[0].count, 3);
    assert_int_equal(jack.event[1].offset, 48);
    assert_int_equal(jack.event[1].count, 1);
    assert_int_equal(jack.event[1].bytes[0], 0xf8);
    assert_int_equal(jack.event[2].offset, 255);
    run(rig, 256);
    assert_int_equal(jack.events, 1);
    assert_int_equal(jack.event[0].bytes[0], 0xfc);
    assert_int_equal(jack.event[0].offset, 0);
    assert_int_equal(rig->process.midi_late, 0);
    run(rig, 256);
    assert_int_equal(jack.events, 0);
}

static void late_midi_leaves_at_once(void **state) {
    struct rig *rig = *state;
    queue(rig, 900000, 0x90, 3);
    queue(rig, 1001000, 0x91, 3);
    queue(rig, 1000500, 0x92, 3); /* out of order: not before the one before it */
    run(rig, 256);
    assert_int_equal(jack.events, 3);
    assert_int_equal(jack.event[0].offset, 0);
    assert_int_equal(jack.event[1].offset, 48);
    assert_int_equal(jack.event[2].offset, 48);
    assert_int_equal(rig->process.midi_late, 1);
}

static void midi_that_finds_no_room_is_counted(void **state) {
    struct rig *rig = *state;
    jack.room = 2;
    for (int i = 0; i < 5; i++)
        queue(rig, 1000000, 0xf8, 1);
    run(rig, 256);
    assert_int_equal(jack.events, 2);
    assert_int_equal(rig->process.midi_lost, 3);
}

static void midi_does_not_pile_up_unconnected(void **state) {
    struct rig *rig = *state;
    jack.no_buffers = true;
    queue(rig, 1000000, 0xf8, 1);
    run(rig, 256);
    jack.no_buffers = false;
    run(rig, 256);
    assert_int_equal(jack.events, 0);
    assert_int_equal(ja_ring_read_space(rig->process.midi), 0);
}

static void play(jack_nframes_t offset, uint8_t status, size_t count) {
    jack.heard[jack.heard_count].offset = offset;
    jack.heard[jack.heard_count].count = count;
    memcpy(jack.heard[jack.heard_count++].bytes, (uint8_t[]){status, 60, 100, 0}, 4);
}

static void midi_is_heard_with_the_time_of_its_sample(void **state) {
    struct rig *rig = *state;
    struct ja_midi_message message;
    rig->process.ahead_us = 200000;
    rig->process.midi_latency_frames = 480;
    play(0, 0x90, 3);
    play(48, 0xb3, 3);
    play(60, 0xc0, 2);
    run(rig, 480);
    static const struct ja_midi_message expected[] = {
        {1190000, 3, {0x90, 60, 100}}, {1191000, 3, {0xb3, 60, 100}}, {1191250, 2, {0xc0, 60}}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(ja_ring_read(rig->process.heard, &message, sizeof message));
        assert_int_equal(message.time_us, expected[i].time_us);
        assert_int_equal(message.count, expected[i].count);
        assert_memory_equal(message.bytes, expected[i].bytes, message.count);
    }
    assert_int_equal(ja_ring_read_space(rig->process.heard), 0);
}

static void only_channels_are_heard(void **state) {
    struct rig *rig = *state;
    play(0, 0xf8, 1);
    play(0, 0xf0, 4);
    play(0, 0x90, 4);
    play(0, 0x90, 0); /* cannot be read */
    run(rig, 256);
    jack.no_buffers = true;
    run(rig, 256);
    assert_int_equal(ja_ring_read_space(rig->process.heard), 0);
    assert_int_equal(rig->process.midi_unheard, 0);
}

static void midi_that_nobody_reads_is_counted(void **state) {
    struct rig *rig = *state;
    for (int i = 0; i < HEARD + 3; i++)
        play(0, 0x90, 3);
    run(rig, 256);
    assert_int_equal(rig->process.midi_unheard, 3);
}

/* Bar, beat and tick after one more cycle of 480 frames. */
static jack_position_t position_after(struct rig *rig, const struct ja_grid *grid) {
    jack_position_t position = {.valid = 0};
    if (grid)
        assert_true(ja_ring_write(rig->process.grids, grid, sizeof *grid));
    run(rig, 480);
    ja_process_timebase(JackTransportRolling, 480, &position, 0, &rig->process);
    return position;
}

static void the_transport_is_told_bar_and_beat(void **state) {
    static const struct {
        double beat_us, bpm;
        int bar, beat, bar_beats;
        int32_t told_bar, told_beat, told_tick;
    } rows[] = {
        {1000000, 120, 7, 1, 4, 7, 1, 38},           /* 10 ms later */
        {1020000 - 3500000, 120, 7, 2, 4, 9, 1, 0},  /* seven beats later */
        {1030000 + 250000, 120, 7, 1, 4, 6, 4, 960}, /* half a beat before it */
        {1040000 - 2750000, 120, 1, 3, 3, 3, 2, 960},
        {1050000 + 900000, 60, 1, 1, 4, 1, 4, 192}, /* before the first bar */
    };
    struct rig *rig = *state;
    assert_int_equal(position_after(rig, NULL).valid, 0);
    jack.us = 1000000;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ja_grid grid = {rows[i].beat_us, rows[i].bpm, rows[i].bar, rows[i].beat,
                               rows[i].bar_beats};
        jack_position_t told = position_after(rig, &grid);
        assert_true(told.valid & JackPositionBBT);
        assert_int_equal(told.bar, rows[i].told_bar);
        assert_int_equal(told.beat, rows[i].told_beat);
        assert_true(abs(told.tick - rows[i].told_tick) <= 1);
        assert_true(told.beats_per_minute == rows[i].bpm);
        assert_true(told.beats_per_bar == (float)rows[i].bar_beats);
        assert_true(told.bar_start_tick ==
                    (double)(told.bar - 1) * rows[i].bar_beats * told.ticks_per_beat);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        TEST(a_block_is_copied_whole),
        TEST(capture_latency_is_taken_off),
        TEST(times_are_told_by_our_clock),
        TEST(missing_buffers_are_silence),
        TEST(a_long_period_is_split),
        TEST(an_empty_cycle_is_no_block),
        TEST(the_count_outlives_32_bits),
        TEST(a_gap_in_frames_is_a_gap_in_the_count),
        TEST(a_stall_is_a_gap_though_frames_go_on),
        TEST(a_freewheeling_clock_is_not_believed),
        TEST(jitter_is_no_gap),
        TEST(another_period_goes_on_by_the_clock),
        TEST(another_rate_is_another_epoch),
        TEST(another_frame_time_goes_on_by_the_clock),
        TEST(a_cycle_seen_twice_is_no_other_epoch),
        TEST(time_goes_on_without_cycle_times),
        TEST(lost_and_read_make_up_delivered),
        TEST(midi_leaves_at_its_sample),
        TEST(late_midi_leaves_at_once),
        TEST(midi_that_finds_no_room_is_counted),
        TEST(midi_does_not_pile_up_unconnected),
        TEST(midi_is_heard_with_the_time_of_its_sample),
        TEST(only_channels_are_heard),
        TEST(midi_that_nobody_reads_is_counted),
        TEST(the_transport_is_told_bar_and_beat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
