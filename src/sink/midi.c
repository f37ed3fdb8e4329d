/* MIDI out through JACK: clock at 24 ticks per beat, start and stop, and a note per beat and drum.
 *
 * The clock is a second-order phase-locked loop on the told beats: each beat's error moves the
 * ticks to come a little and the interval very little (R. E. Best, "Phase-Locked Loops", ch. 2), so
 * that ticks never jump and never drift away. Every message is queued a little before its time,
 * with its time, and the process callback puts it on its sample. Messages leave in the order in
 * which they are queued; so all pass one schedule.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

#include <ja/core/clock.h>
#include <ja/core/math.h>
#include <ja/sink/sinks.h>
#include <math.h>
#include <string.h>

enum {
    TICKS = 24,       /* per beat */
    AHEAD_US = 60000, /* before its time a message is queued; beats are told 80 ms ahead */
    NOTE_US = 50000,  /* length of a note */
    STEADY_BEATS = 2, /* that a new tempo must last before it is taken over */
    CLOCK = 0xf8,
    START = 0xfa,
    CONTINUE = 0xfb,
    STOP = 0xfc,
    NOTE_ON = 0x90,
    NOTE_OFF = 0x80,
};
enum { RESUME_START, RESUME_CONTINUE };

static const double phase_gain = 0.3;     /* share of an error made good within a beat */
static const double interval_gain = 0.02; /* share that goes into the interval */
static const double most_slew = 0.1;      /* of an interval */
static const double new_tempo = 0.03;     /* relative difference that the loop is not left to */
static const double close_enough = 0.1;   /* of a beat: how near the ticks must be to start */
static const double least_confidence = 0.3;

struct midi_settings {
    bool enable, clock, transport;
    int resume; /* index: start, continue */
    char stream[64];
    int channel;                                              /* 1…16 */
    int beat_note, bar_note, kick_note, snare_note, hat_note; /* -1: none */
    double offset_ms;
    int silence; /* index: follow, stop */
};

struct midi {
    struct ja_schedule *schedule;
    bool ticking, started, ever_started, may_start;
    bool quiet;      /* there is no music */
    double start_us; /* a downbeat to come, for starting on; 0: none known */
    unsigned tick;   /* of the beat: the next one to leave */
    double next_us;  /* when it leaves */
    double interval_us;
    double error_us;    /* still to be made good */
    double step_us;     /* of it, per tick */
    unsigned odd_beats; /* beats in a row at another tempo */
    uint64_t last_us;   /* time of the last message */
};

#define S struct midi_settings
#define NOTE(field, fallback, help)                                                                \
    JA_OPTION_INT(S, field, #field, fallback, -1, 127, NULL, JA_LIVE, help)
static const char *const resumes[] = {"start", "continue", NULL};
enum { SILENCE_FOLLOW, SILENCE_STOP };
static const char *const silences[] = {"follow", "stop", NULL};
static const struct ja_option options[] = {
    JA_OPTION_BOOL(S, enable, "enable", "true", JA_LIVE, "Send MIDI to the port midi_out."),
    JA_OPTION_BOOL(S, clock, "clock", "true", JA_LIVE, "Send MIDI clock, 24 ticks per beat."),
    JA_OPTION_BOOL(S, transport, "transport", "true", JA_LIVE,
                   "Send start on a downbeat once the beat is locked, and stop when there is no "
                   "music any more."),
    JA_OPTION_CHOICE(S, resume, "resume", "start", resumes, JA_LIVE,
                     "What is sent when music is back after a stop: start, from the beginning, or "
                     "continue."),
    JA_OPTION_STRING(S, stream, "stream", "main", JA_LIVE, "Stream that is followed."),
    JA_OPTION_INT(S, channel, "channel", "10", 1, 16, NULL, JA_LIVE, "Channel of the notes."),
    NOTE(beat_note, "-1", "Note played on every beat; -1 for none."),
    NOTE(bar_note, "-1", "Note played on downbeats in place of beat_note; -1 for none."),
    NOTE(kick_note, "-1", "Note played with every bass drum; -1 for none."),
    NOTE(snare_note, "-1", "Note played with every snare drum; -1 for none."),
    NOTE(hat_note, "-1", "Note played with every hi-hat; -1 for none."),
    JA_OPTION_FLOAT(S, offset_ms, "offset_ms", "0", -500, 500, "ms", JA_LIVE,
                    "Clock and notes leave this much after the beat, or before it when negative."),
    JA_OPTION_CHOICE(
        S, silence, "silence", "follow", silences, JA_LIVE,
        "In silence, clock and notes follow beat.silence, or stop whatever that says."),
};
#undef S

static const struct ja_module module = {
    .name = "midi",
    .help = "MIDI clock and notes by the JACK port midi_out.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct midi_settings),
};

/* What waits in the schedule. */
struct message {
    uint64_t time_us;
    uint8_t bytes[3];
    uint8_t count;
};

/* --- Messages --- */

static void hand_over(struct ja_sink *sink, const struct message *message) {
    const struct ja_sink_host *host = sink->host;
    struct midi *midi = sink->state;
    midi->last_us = message->time_us;
    if (host->midi && host->midi(host->data, message->time_us, message->bytes, message->count))
        sink->sent++;
    else
        sink->failed++;
}

static void put(struct ja_sink *sink, double time_us, uint8_t status, int note, int velocity) {
    struct midi *midi = sink->state;
    struct message message = {.time_us = (uint64_t)fmax(0, time_us), .bytes = {status}, .count = 1};
    struct ja_packet packet = {.due_us =
                                   message.time_us > AHEAD_US ? message.time_us - AHEAD_US : 0,
                               .size = sizeof message};
    if (status < CLOCK) {
        message.bytes[1] = (uint8_t)note;
        message.bytes[2] = (uint8_t)velocity;
        message.count = 3;
        packet.release = velocity == 0;
    }
    memcpy(packet.data, &message, sizeof message);
    if (!ja_schedule_add(midi->schedule, &packet))
        sink->failed++;
}

static void play(struct ja_sink *sink, double time_us, int note, double strength) {
    const struct midi_settings *settings = sink->settings;
    uint8_t channel = (uint8_t)(settings->channel - 1);
    if (note < 0)
        return;
    put(sink, time_us, (uint8_t)(NOTE_ON | channel), note,
        1 + (int)lrint(126 * ja_clamp(strength, 0, 1)));
    put(sink, time_us + NOTE_US, (uint8_t)(NOTE_OFF | channel), note, 0);
}

/* --- The clock --- */

/* Begins to play on the tick that leaves now, or tells to go on from there. */
static void begin(struct ja_sink *sink) {
    struct midi *midi = sink->state;
    const struct midi_settings *settings = sink->settings;
    bool go_on = settings->resume == RESUME_CONTINUE && midi->ever_started;
    put(sink, midi->next_us, go_on ? CONTINUE : START, 0, 0);
    midi->started = midi->ever_started = true;
}

static void stop(struct ja_sink *sink) {
    struct midi *midi = sink->state;
    if (!midi->started)
        return;
    midi->started = false;
    uint64_t now_us = ja_clock_us();
    struct message message = {
        .time_us = now_us > midi->last_us ? now_us : midi->last_us, .bytes = {STOP}, .count = 1};
    hand_over(sink, &message);
}

/* Is the next tick where receivers are to begin? */
static bool is_start(const struct midi *midi) {
    return midi->may_start && !midi->started && midi->tick == 0 && midi->start_us > 0 &&
           fabs(midi->next_us - midi->start_us) < close_enough * TICKS * midi->interval_us;
}

/* After a standstill of ours ticks are left out, whole beats of them, not sent in a burst. */
static void catch_up(struct midi *midi) {
    double beat_us = TICKS * midi->interval_us, late_us = (double)ja_clock_us() - midi->next_us;
    if (late_us > beat_us)
        midi->next_us += beat_us * ceil(late_us / beat_us);
}

static void put_tick(struct ja_sink *sink) {
    struct midi *midi = sink->state;
    const struct midi_settings *settings = sink->settings;
    catch_up(midi);
    if (settings->transport && is_start(midi))
        begin(sink);
    put(sink, midi->next_us, CLOCK, 0, 0);
    double most = most_slew * midi->interval_us;
    double step = ja_clamp(midi->step_us, -most, most);
    if (fabs(step) > fabs(midi->error_us))
        step = midi->error_us;
    midi->error_us -= step;
    midi->next_us += midi->interval_us + step;
    midi->tick = (midi->tick + 1) % TICKS;
}

/* One message leaves; each tick brings the next. */
static void leave(void *data, const struct ja_packet *packet) {
    struct ja_sink *sink = data;
    struct midi *midi = sink->state;
    struct message message;
    memcpy(&message, packet->data, sizeof message);
    hand_over(sink, &message);
    if (message.bytes[0] == CLOCK && midi->ticking)
        put_tick(sink);
}

static void start_ticking(struct ja_sink *sink, double beat_us, double interval_us) {
    struct midi *midi = sink->state;
    midi->ticking = true;
    midi->tick = 0;
    midi->next_us = beat_us;
    midi->interval_us = interval_us;
    midi->error_us = midi->step_us = 0;
    put_tick(sink);
}

/* How far the told beat lies after the nearest tick 0, in us. */
static double error_of(const struct midi *midi, double beat_us) {
    double beat_length = TICKS * midi->interval_us;
    double since = beat_us - (midi->next_us - midi->tick * midi->interval_us);
    return since - beat_length * round(since / beat_length);
}

static void follow(struct ja_sink *sink, double beat_us, double interval_us) {
    struct midi *midi = sink->state;
    double error_us = error_of(midi, beat_us);
    bool other = fabs(interval_us / midi->interval_us - 1) > new_tempo;
    midi->odd_beats = other ? midi->odd_beats + 1 : 0;
    if (midi->odd_beats >= STEADY_BEATS) {
        midi->interval_us = interval_us;
        midi->odd_beats = 0;
        error_us = error_of(midi, beat_us);
    }
    bool far = fabs(error_us) > close_enough * TICKS * midi->interval_us;
    if (!far && !other)
        midi->interval_us += interval_gain * error_us / TICKS;
    midi->error_us = far ? error_us : phase_gain * error_us;
    midi->step_us = far ? error_us : midi->error_us / TICKS;
}

/* Has the tick at that time not left yet? */
static bool still_to_come(const struct midi *midi, double time_us) {
    return time_us > midi->next_us - midi->interval_us / 2;
}

/* --- Events --- */

static void hear_beat(struct ja_sink *sink, const struct ja_tap *tap,
                      const struct ja_event *event) {
    struct midi *midi = sink->state;
    const struct midi_settings *settings = sink->settings;
    double beat_us = (double)ja_tap_us(tap, event->time) + settings->offset_ms * 1000;
    int place = event->beat.beat_in_bar;
    play(sink, beat_us,
         place == 1 && settings->bar_note >= 0 ? settings->bar_note : settings->beat_note,
         event->beat.confidence);
    if (!settings->clock || event->beat.confidence < least_confidence)
        return;
    double interval_us = 60e6 / event->beat.bpm / TICKS;
    if (!midi->ticking)
        start_ticking(sink, beat_us, interval_us);
    else
        follow(sink, beat_us, interval_us);
    midi->start_us = place <= 1 && still_to_come(midi, beat_us) ? beat_us : 0;
}

/* The first downbeat whose tick has not left yet; any beat where the bar is not known. */
static void hear_prediction(struct ja_sink *sink, const struct ja_tap *tap,
                            const struct ja_event *event) {
    struct midi *midi = sink->state;
    const struct midi_settings *settings = sink->settings;
    const char *place = event->prediction.label;
    if (strcmp(event->prediction.kind, "beat") != 0 || !midi->ticking || midi->start_us > 0)
        return;
    double due_us = (double)ja_tap_us(tap, event->time) + settings->offset_ms * 1000;
    bool downbeat = !place || !strcmp(place, "1") || !strcmp(place, "0");
    if (downbeat && still_to_come(midi, due_us))
        midi->start_us = due_us;
}

static void hear_state(struct ja_sink *sink, const char *state) {
    struct midi *midi = sink->state;
    bool music = !strcmp(state, "locked") || !strcmp(state, "flywheel");
    bool gone = !strcmp(state, "silent") || !strcmp(state, "no_input") || !strcmp(state, "noise");
    midi->may_start = music;
    if (gone)
        stop(sink);
}

static void hear_hit(struct ja_sink *sink, const struct ja_tap *tap, const struct ja_event *event) {
    const struct midi_settings *settings = sink->settings;
    const char *drum = event->hit.drum;
    int note = !strcmp(drum, "kick")    ? settings->kick_note
               : !strcmp(drum, "snare") ? settings->snare_note
                                        : settings->hat_note;
    play(sink, (double)ja_tap_due_us(tap, event->time, settings->offset_ms), note,
         event->hit.strength);
}

static void fall_silent(struct ja_sink *sink) {
    struct midi *midi = sink->state;
    ja_schedule_flush(midi->schedule); /* notes end, ticks are gone */
    midi->ticking = false;
    stop(sink);
}

static void midi_event(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_event *event) {
    struct midi *midi = sink->state;
    const struct midi_settings *settings = sink->settings;
    if (!settings->enable || strcmp(tap->name, settings->stream) != 0)
        return;
    if (event->type == JA_EVENT_STATE) {
        hear_state(sink, event->state.state);
        midi->quiet = ja_is_quiet(event);
    }
    if (midi->quiet && settings->silence == SILENCE_STOP) {
        if (midi->ticking)
            fall_silent(sink);
        return;
    }
    if (sink->mute || isnan(tap->timebase.at))
        return;
    if (event->type == JA_EVENT_BEAT)
        hear_beat(sink, tap, event);
    if (event->type == JA_EVENT_PREDICTION)
        hear_prediction(sink, tap, event);
    if (event->type == JA_EVENT_HIT)
        hear_hit(sink, tap, event);
}

/* --- On and off --- */

static void midi_muted(struct ja_sink *sink) {
    if (sink->mute)
        fall_silent(sink);
}

static enum ja_status midi_open(struct ja_sink *sink, struct ja_error *error) {
    struct midi *midi = sink->state;
    midi->schedule = ja_schedule_new(sink->host->loop, leave, sink);
    return midi->schedule ? JA_OK : ja_fail(error, JA_FAILED, "no memory for the MIDI output");
}

static enum ja_status midi_configure(struct ja_sink *sink, const void *former,
                                     struct ja_error *error) {
    const struct midi_settings *before = former, *now = sink->settings;
    (void)error;
    if (before->enable != now->enable || before->clock != now->clock ||
        before->transport != now->transport || strcmp(before->stream, now->stream) != 0)
        fall_silent(sink);
    return JA_OK;
}

static void midi_close(struct ja_sink *sink) {
    struct midi *midi = sink->state;
    fall_silent(sink);
    ja_schedule_free(midi->schedule);
}

const struct ja_sink_class ja_midi_sink = {
    .module = &module,
    .state_size = sizeof(struct midi),
    .live_only = true,
    .open = midi_open,
    .event = midi_event,
    .muted = midi_muted,
    .configure = midi_configure,
    .close = midi_close,
};
