/* THE real-time code: what runs in JACK's process thread.
 *
 * It copies sound into the streams' inlets, due MIDI messages into midi_out and those of midi_in
 * into a ring, tells the transport bar and beat, and nothing else: no allocation, no lock, no log,
 * no system call but the futex wake of sem_post. Everything it touches is in struct ja_process.
 *
 * Frames are counted in 64 bits along JACK's 32-bit frame time. A gap in JACK's time is a gap in
 * the count, for the reader to see; at another rate a new epoch begins.
 *
 * Where JACK's frame time and the clock disagree, the clock is believed: jackd steps by the new
 * period where the period changes, though the old one has passed; it does not count what a server
 * that stood still has missed; and PipeWire's frame time leaps with another driver.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "process.h"

#include <jack/midiport.h>

/* So far, and two periods, the clock may differ from the frames: filters and scheduling move it. */
static const double CLOCK_SLACK_US = 20000;

enum {
    SYSTEM = 0xf0, /* first status of MIDI messages that are no channel's */
    TICKS = 1920,  /* of the transport, per beat */
};

/* One process cycle. */
struct cycle {
    uint32_t frames;
    uint32_t rate;
    uint64_t frame;
    double us;        /* when its first frame is due at the server, by JACK's clock */
    double ahead_us;  /* ja_clock_us less that clock */
    double period_us; /* its length in the server's measured time */
};

void ja_process_begin(struct ja_process *process, uint64_t now_us) {
    process->epoch++;
    process->begun = false;
    int64_t ahead_us = atomic_load_explicit(&process->ahead_us, memory_order_relaxed);
    process->next_us = (double)((int64_t)now_us - ahead_us);
}

static void count(_Atomic uint64_t *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Frames between the end of the last cycle and the start of this one. A callback that comes late
 * may already see the next cycle's time, and the next callback sees it again: that is no step back.
 */
static uint64_t gap_frames(const struct ja_process *process, uint32_t now,
                           const struct cycle *cycle) {
    int32_t ahead = (int32_t)(now - process->next_jack);
    uint64_t by_frames = ahead > 0 ? (uint64_t)ahead : 0;
    if (atomic_load_explicit(&process->freewheel, memory_order_relaxed))
        return by_frames;
    double frame_us = 1e6 / cycle->rate;
    double gap_us = cycle->us - process->next_us;
    double differ_us = gap_us - ahead * frame_us;
    double slack_us = CLOCK_SLACK_US + 2 * cycle->period_us;
    if (cycle->frames == process->last_frames && differ_us < slack_us && differ_us > -slack_us)
        return by_frames;
    return gap_us > 0 ? (uint64_t)(gap_us / frame_us) : 0;
}

static void follow_frames(struct ja_process *process, uint32_t now, const struct cycle *cycle) {
    if (process->begun && cycle->rate == process->last_rate) {
        process->next_frame += gap_frames(process, now, cycle);
    } else {
        process->epoch += process->begun;
        process->next_frame = now;
    }
    process->begun = true;
    process->last_rate = cycle->rate;
    process->last_frames = cycle->frames;
}

static struct cycle begin_cycle(struct ja_process *process, jack_nframes_t frames) {
    uint32_t rate = atomic_load_explicit(&process->rate, memory_order_relaxed);
    struct cycle cycle = {.frames = frames, .rate = rate > 0 ? rate : 1};
    cycle.period_us = frames * 1e6 / cycle.rate;
    cycle.us = process->next_us;
    cycle.ahead_us = (double)atomic_load_explicit(&process->ahead_us, memory_order_relaxed);

    jack_nframes_t now;
    jack_time_t us, next_us;
    float period_us;
    if (jack_get_cycle_times(process->client, &now, &us, &next_us, &period_us) == 0) {
        cycle.us = (double)us;
        if (period_us > 0)
            cycle.period_us = (double)period_us;
    } else {
        now = jack_last_frame_time(process->client);
    }
    follow_frames(process, now, &cycle);
    cycle.frame = process->next_frame;

    process->next_jack = now + frames;
    process->next_frame += frames;
    process->next_us = cycle.us + cycle.period_us;
    return cycle;
}

static void copy_stream(const struct ja_process *process, const struct ja_process_stream *stream,
                        const struct cycle *cycle) {
    const float *channels[JA_CHANNELS];
    for (unsigned c = 0; c < stream->inputs; c++) /* NULL, as PipeWire may give, is silence */
        channels[c] = (const float *)jack_port_get_buffer(stream->ports[c], cycle->frames);

    double latency_us =
        atomic_load_explicit(&stream->latency_frames, memory_order_relaxed) * 1e6 / cycle->rate;
    for (uint32_t done = 0; done < cycle->frames; done += JA_BLOCK_FRAMES) {
        uint32_t left = cycle->frames - done;
        double us = cycle->us + cycle->ahead_us - latency_us + done * 1e6 / cycle->rate;
        struct ja_block block = {
            .frame = cycle->frame + done,
            .time_us = us > 0 ? (uint64_t)us : 0,
            .frames = left < JA_BLOCK_FRAMES ? left : JA_BLOCK_FRAMES,
            .rate = cycle->rate,
            .channels = stream->inputs,
            .epoch = process->epoch,
        };
        ja_inlet_write(stream->inlet, &block, channels);
        for (unsigned c = 0; c < stream->inputs; c++)
            if (channels[c])
                channels[c] += block.frames;
    }
}

/* Writes what is due within this cycle. A message for a past cycle leaves at once; JACK wants
 * offsets that never fall. Without a buffer (nobody is connected) messages pass unheard. */
static void write_midi(struct ja_process *process, const struct cycle *cycle) {
    void *buffer = jack_port_get_buffer(process->midi_out, cycle->frames);
    if (buffer)
        jack_midi_clear_buffer(buffer);
    jack_nframes_t offset = 0;
    struct ja_midi_message message;
    while (ja_ring_peek(process->midi, 0, &message, sizeof message)) {
        double due_us = (double)message.time_us - cycle->ahead_us;
        double at = (due_us - cycle->us) / cycle->period_us * cycle->frames + 0.5;
        if (at >= cycle->frames)
            break;
        ja_ring_skip(process->midi, sizeof message);
        if (at < 0)
            count(&process->midi_late);
        else if ((jack_nframes_t)at > offset)
            offset = (jack_nframes_t)at;
        if (buffer && jack_midi_event_write(buffer, offset, message.bytes, message.count) != 0)
            count(&process->midi_lost);
    }
}

/* Notes, controllers and the like, with the time at which they came; what a sequencer sends all the
 * time (clock, sensing) and long messages are not for us. */
static void read_midi(struct ja_process *process, const struct cycle *cycle) {
    void *buffer = jack_port_get_buffer(process->midi_in, cycle->frames);
    double latency_us = atomic_load_explicit(&process->midi_latency_frames, memory_order_relaxed) *
                        1e6 / cycle->rate;
    double first_us = cycle->us + cycle->ahead_us - latency_us;
    uint32_t events = buffer ? jack_midi_get_event_count(buffer) : 0;
    for (uint32_t i = 0; i < events; i++) {
        jack_midi_event_t event;
        if (jack_midi_event_get(&event, buffer, i) != 0 || event.size < 1 || event.size > 3 ||
            event.buffer[0] >= SYSTEM)
            continue;
        double us = first_us + event.time * cycle->period_us / cycle->frames;
        struct ja_midi_message message = {.time_us = us > 0 ? (uint64_t)us : 0,
                                          .count = (uint8_t)event.size};
        for (size_t b = 0; b < event.size; b++)
            message.bytes[b] = event.buffer[b];
        if (!ja_ring_write(process->heard, &message, sizeof message))
            count(&process->midi_unheard);
    }
}

int ja_process_run(jack_nframes_t frames, void *data) {
    struct ja_process *process = data;
    count(&process->cycles);
    if (frames == 0)
        return 0;
    struct cycle cycle = begin_cycle(process, frames);
    for (unsigned s = 0; s < process->stream_count; s++)
        copy_stream(process, &process->streams[s], &cycle);
    if (process->midi_out)
        write_midi(process, &cycle);
    if (process->midi_in)
        read_midi(process, &cycle);
    while (ja_ring_read(process->grids, &process->grid, sizeof process->grid))
        ;
    return 0;
}

static int64_t floor_of(double value) {
    int64_t whole = (int64_t)value;
    return whole - ((double)whole > value);
}

void ja_process_timebase(jack_transport_state_t state, jack_nframes_t frames,
                         jack_position_t *position, int is_new, void *data) {
    const struct ja_process *process = data;
    const struct ja_grid *grid = &process->grid;
    (void)state, (void)frames, (void)is_new;
    if (!(grid->bpm > 0))
        return;
    double ahead_us = (double)atomic_load_explicit(&process->ahead_us, memory_order_relaxed);
    double beats = (process->next_us + ahead_us - grid->beat_us) * grid->bpm / 60e6;
    int64_t whole = floor_of(beats), place = grid->beat - 1 + whole;
    int64_t bars = floor_of((double)place / grid->bar_beats), bar = grid->bar + bars;
    double tick = (beats - (double)whole) * TICKS;
    position->bar = bar > 1 ? (int32_t)bar : 1;
    position->beat = (int32_t)(place - bars * grid->bar_beats) + 1;
    position->tick = (int32_t)tick;
    position->bar_start_tick = (double)(position->bar - 1) * grid->bar_beats * TICKS;
    position->beats_per_bar = (float)grid->bar_beats;
    position->beat_type = 4;
    position->ticks_per_beat = TICKS;
    position->beats_per_minute = grid->bpm;
    position->valid = JackPositionBBT;
#ifdef JACK_TICK_DOUBLE
    position->tick_double = tick;
    position->valid = JackPositionBBT | JackTickDouble;
#endif
}
