/* The demo track: a minute and a half of house music in A minor with everything the analyser looks
 * for, made on the spot.
 *
 * The arrangement is a table of sections; the music of a sixteenth is a function of its number. It
 * begins anew when more is asked for than there is.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "drum.h"
#include "grid.h"
#include "instrument.h"
#include "synth.h"
#include "waveform.h"

#include <string.h>

enum { STEPS_PER_BEAT = 4, BEATS_PER_BAR = 4, STEPS_PER_BAR = 16, CHORDS = 4, CHORD_NOTES = 4 };

/* --- The music --- */

enum part {
    KICK = 1 << 0,
    CLAP = 1 << 1,
    HAT = 1 << 2,      /* sixteenths */
    OPEN_HAT = 1 << 3, /* off the beat */
    BASS = 1 << 4,
    STAB = 1 << 5,
    PAD = 1 << 6,
    LEAD = 1 << 7,
    ARPEGGIO = 1 << 8,
    ROLL = 1 << 9,       /* snare: quarters, then eighths */
    RISER = 1 << 10,     /* noise that rises */
    CRASH = 1 << 11,     /* at the start */
    FILL = 1 << 12,      /* snare at the end */
    FAST_ROLL = 1 << 13, /* eighths, then sixteenths, the last beat left free */
};

static const struct section {
    const char *label;
    unsigned bars, parts;
    double bright_from, bright_to; /* of the filters */
    double loud_from, loud_to;     /* of everything */
} sections[] = {
    {"intro", 4, KICK | HAT | PAD, 0.15, 0.4, 0.62, 0.62},
    {"intro", 4, KICK | HAT | OPEN_HAT | PAD | STAB | FILL, 0.3, 0.7, 0.66, 0.7},
    {"buildup", 2, KICK | ROLL | RISER | PAD | STAB, 0.25, 0.6, 0.5, 0.6},
    {"buildup", 2, FAST_ROLL | RISER | PAD | STAB, 0.6, 1.5, 0.6, 0.8},
    {"drop", 4, KICK | CLAP | HAT | OPEN_HAT | BASS | STAB | LEAD | CRASH, 1.0, 1.2, 1, 1},
    {"drop", 4, KICK | CLAP | HAT | OPEN_HAT | BASS | STAB | LEAD | CRASH | FILL, 1.2, 1.4, 1, 1},
    {"groove", 8, KICK | CLAP | HAT | OPEN_HAT | BASS | STAB | FILL, 0.6, 0.9, 0.85, 0.85},
    {"breakdown", 4, PAD | ARPEGGIO | CRASH, 0.4, 0.9, 0.55, 0.55},
    {"buildup", 2, PAD | ARPEGGIO | ROLL | RISER | KICK, 0.4, 0.9, 0.5, 0.6},
    {"buildup", 2, PAD | ARPEGGIO | STAB | FAST_ROLL | RISER, 0.9, 1.8, 0.6, 0.8},
    {"drop", 8, KICK | CLAP | HAT | OPEN_HAT | BASS | STAB | LEAD | PAD | CRASH | FILL, 1.1, 1.5, 1,
     1},
    {"outro", 4, KICK | HAT | PAD | CRASH, 0.8, 0.1, 0.7, 0.25},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

/* One a bar. */
static const struct chord {
    const char *name;
    int bass;
    int notes[CHORD_NOTES];
} chords[CHORDS] = {
    {"A:min", 33, {57, 60, 64, 69}},
    {"F:maj", 29, {57, 60, 65, 69}},
    {"C:maj", 36, {55, 60, 64, 67}},
    {"G:maj", 31, {55, 59, 62, 67}},
};

/* MIDI notes of the tune, 0 is none; one row a chord. */
static const int tune[CHORDS][STEPS_PER_BAR] = {
    {76, 0, 0, 72, 0, 0, 69, 0, 72, 0, 0, 76, 0, 0, 74, 0},
    {72, 0, 0, 69, 0, 0, 72, 0, 77, 0, 0, 76, 0, 0, 72, 0},
    {79, 0, 0, 76, 0, 0, 72, 0, 76, 0, 0, 79, 0, 0, 76, 0},
    {74, 0, 0, 71, 0, 0, 74, 0, 79, 0, 0, 76, 0, 74, 71, 0},
};

static const char bass_steps[] = "..xX..xx..xX..xx"; /* X is an octave higher */
static const char stab_steps[] = "x..x..x...x..x..";
static const char hat_steps[] = "x.xxx.xxx.xxx.xx";

static const struct ja_instrument bass = {
    .detune_cents = 6,
    .octave_below = 0.0,
    .attack_s = 0.002,
    .decay_s = 0.15,
    .release_s = 0.02,
    .sustain = 0.6,
    .cutoff_hz = 260,
    .open_hz = 1400,
    .opening_s = 0.06,
    .q = 1.2,
    .gain = 0.42f,
};
static const struct ja_instrument stab = {
    .detune_cents = 14,
    .attack_s = 0.002,
    .decay_s = 0.12,
    .release_s = 0.06,
    .sustain = 0.25,
    .cutoff_hz = 700,
    .open_hz = 3800,
    .opening_s = 0.09,
    .q = 1.4,
    .gain = 0.13f,
    .echo = 0.25f,
    .hall = 0.12f,
};
static const struct ja_instrument pad = {
    .detune_cents = 22,
    .attack_s = 0.12,
    .decay_s = 0.5,
    .release_s = 0.35,
    .sustain = 0.85,
    .cutoff_hz = 1700,
    .opening_s = 1.0,
    .q = 0.8,
    .gain = 0.125f,
    .hall = 0.3f,
};
static const struct ja_instrument lead = {
    .detune_cents = 18,
    .octave_below = 0.35,
    .attack_s = 0.003,
    .decay_s = 0.25,
    .release_s = 0.06,
    .sustain = 0.45,
    .cutoff_hz = 1500,
    .open_hz = 3500,
    .opening_s = 0.12,
    .q = 1.1,
    .gain = 0.17f,
    .echo = 0.35f,
    .hall = 0.2f,
};
static const struct ja_instrument arpeggio = {
    .detune_cents = 10,
    .attack_s = 0.002,
    .decay_s = 0.18,
    .release_s = 0.12,
    .sustain = 0.1,
    .cutoff_hz = 900,
    .open_hz = 2600,
    .opening_s = 0.1,
    .q = 1.2,
    .gain = 0.2f,
    .echo = 0.5f,
    .hall = 0.35f,
};

/* --- The score --- */

/* Something that begins at a step: a drum, or a note when there is an instrument. */
struct hit {
    const struct ja_instrument *instrument;
    enum ja_drum drum;
    int midi;
    unsigned steps;      /* a note's length */
    float gain, balance; /* balance: -1 left … 1 right, of drums */
};

struct hits {
    struct hit list[24];
    unsigned count;
};

/* Where a step of the track lies. */
struct place {
    const struct section *section;
    unsigned bar;  /* within the section */
    unsigned step; /* within the bar */
    unsigned chord;
    double share; /* of the section that is over, 0…1 */
};

static unsigned track_bars(void) {
    unsigned bars = 0;
    for (unsigned i = 0; i < SECTIONS; i++)
        bars += sections[i].bars;
    return bars;
}

static struct place find_place(double steps) {
    const double track = (double)track_bars() * STEPS_PER_BAR;
    steps -= floor(steps / track) * track;
    unsigned bar = (unsigned)(steps / STEPS_PER_BAR), first = 0;
    const struct section *section = sections;
    while (bar - first >= section->bars)
        first += section++->bars;
    return (struct place){
        .section = section,
        .bar = bar - first,
        .step = (unsigned)steps % STEPS_PER_BAR,
        .chord = bar % CHORDS,
        .share = (steps / STEPS_PER_BAR - first) / section->bars,
    };
}

static bool plays(const struct place *place, unsigned part) {
    return place->section->parts & part;
}

static void add_drum(struct hits *hits, enum ja_drum drum, float gain, float balance) {
    hits->list[hits->count++] = (struct hit){.drum = drum, .gain = gain, .balance = balance};
}

static void add_note(struct hits *hits, const struct ja_instrument *instrument, int midi,
                     unsigned steps, float gain) {
    hits->list[hits->count++] =
        (struct hit){.instrument = instrument, .midi = midi, .steps = steps, .gain = gain};
}

static void add_drums(struct hits *hits, const struct place *place) {
    const unsigned step = place->step;
    if (plays(place, CRASH) && place->bar == 0 && step == 0)
        add_drum(hits, JA_DRUM_CRASH, 0.4f, 0.1f);
    if (plays(place, KICK) && step % STEPS_PER_BEAT == 0)
        add_drum(hits, JA_DRUM_KICK, 0.9f, 0.0f);
    if (plays(place, CLAP) && (step == 4 || step == 12)) {
        add_drum(hits, JA_DRUM_CLAP, 0.55f, 0.0f);
        add_drum(hits, JA_DRUM_SNARE, 0.27f, 0.0f);
    }
    if (plays(place, HAT) && hat_steps[step] == 'x')
        add_drum(hits, JA_DRUM_HAT, step % 4 == 0 ? 0.3f : 0.19f, 0.3f);
    if (plays(place, OPEN_HAT) && step % STEPS_PER_BEAT == 2)
        add_drum(hits, JA_DRUM_OPEN_HAT, 0.32f, -0.2f);
    const bool last_bar = place->bar + 1 == place->section->bars;
    if (plays(place, FILL) && last_bar && (step == 10 || step == 13 || step == 14))
        add_drum(hits, JA_DRUM_SNARE, 0.35f, 0.1f);
}

/* Two sections' roll: ever louder and denser. */
static void add_roll(struct hits *hits, const struct place *place) {
    const bool fast = plays(place, FAST_ROLL);
    const double share = (place->share + fast) / 2.0;
    const unsigned every = share < 0.25 ? 4 : share < 0.75 ? 2 : 1;
    const unsigned last_beat = STEPS_PER_BAR - STEPS_PER_BEAT;
    if (fast && place->bar + 1 == place->section->bars && place->step >= last_beat)
        return;
    if (place->step % every == 0)
        add_drum(hits, JA_DRUM_SNARE, (float)(0.12 + 0.4 * share), 0.0f);
}

static void add_chord(struct hits *hits, const struct ja_instrument *instrument,
                      const struct chord *chord, unsigned steps, float gain) {
    for (unsigned i = 0; i < CHORD_NOTES; i++)
        add_note(hits, instrument, chord->notes[i], steps, gain);
}

static void add_notes(struct hits *hits, const struct place *place) {
    const unsigned step = place->step;
    const struct chord *chord = &chords[place->chord];
    if (plays(place, BASS) && bass_steps[step] != '.')
        add_note(hits, &bass, chord->bass + (bass_steps[step] == 'X' ? 12 : 0), 1, 1.0f);
    if (plays(place, STAB) && stab_steps[step] == 'x')
        add_chord(hits, &stab, chord, 1, step == 0 ? 1.0f : 0.8f);
    if (plays(place, PAD) && step == 0)
        add_chord(hits, &pad, chord, STEPS_PER_BAR, 1.0f);
    if (plays(place, LEAD) && tune[place->chord][step])
        add_note(hits, &lead, tune[place->chord][step], 2, 1.0f);
    if (plays(place, ARPEGGIO) && step % 2 == 0)
        add_note(hits, &arpeggio, chord->notes[step / 2 * 3 % CHORD_NOTES] + 12, 2, 0.9f);
}

static void hits_at(int64_t step, struct hits *hits) {
    const struct place place = find_place((double)step);
    hits->count = 0;
    add_drums(hits, &place);
    if (plays(&place, ROLL | FAST_ROLL))
        add_roll(hits, &place);
    add_notes(hits, &place);
}

/* --- The sound --- */

struct demo {
    struct ja_grid grid;
    int64_t step, step_frame; /* the next */
    int64_t kick_frame;       /* the latest: it pushes all else aside */
    struct ja_drum_kit kit;
    struct ja_drum_player player;
    struct ja_band band;
    uint64_t random;
    struct ja_filter riser[2];
};

static double step_time(const struct demo *demo, int64_t step) {
    return ja_grid_time(&demo->grid, (double)step / STEPS_PER_BEAT);
}

static enum ja_status open_demo(struct ja_synth *synth, struct ja_error *error) {
    const unsigned drums = 1u << JA_DRUM_KICK | 1u << JA_DRUM_SNARE | 1u << JA_DRUM_CLAP |
                           1u << JA_DRUM_HAT | 1u << JA_DRUM_OPEN_HAT | 1u << JA_DRUM_CRASH;
    struct demo *demo = synth->state;
    const double bpm = synth->arguments[0].number;
    demo->grid =
        (struct ja_grid){.bpm = bpm, .swing = 0.5, .step_beat = INFINITY, .step_ratio = 1.0};
    demo->kick_frame = -(int64_t)synth->rate;
    demo->random = synth->seed;
    demo->player.kit = &demo->kit;
    const double dotted_eighth_s = 0.75 * 60.0 / bpm;
    if (!ja_drum_kit_init(&demo->kit, drums, synth->rate, synth->seed) ||
        !ja_band_init(&demo->band, synth->rate, dotted_eighth_s))
        return ja_fail(error, JA_FAILED, "synth:demo: out of memory");
    return JA_OK;
}

static void close_demo(struct ja_synth *synth) {
    struct demo *demo = synth->state;
    ja_drum_kit_done(&demo->kit);
    ja_band_done(&demo->band);
}

/* The hits of the next step, `delay` frames into the chunk. */
static void play_step(struct demo *demo, unsigned delay) {
    struct hits hits;
    hits_at(demo->step, &hits);
    const double step_s = 60.0 / demo->grid.bpm / STEPS_PER_BEAT;
    for (unsigned i = 0; i < hits.count; i++) {
        const struct hit *hit = &hits.list[i];
        if (hit->instrument)
            ja_band_play(&demo->band, hit->instrument, hit->midi, hit->steps * step_s, hit->gain,
                         delay);
        else
            ja_drum_play(&demo->player, hit->drum, delay, hit->gain * (1.0f - hit->balance),
                         hit->gain * (1.0f + hit->balance));
        if (!hit->instrument && hit->drum == JA_DRUM_KICK)
            demo->kick_frame = demo->step_frame;
    }
}

/* What the kick leaves of the rest, as a compressor keyed by it would. */
static float ducked(const struct demo *demo, int64_t frame, double rate) {
    const double depth = 0.75, beats = 0.7;
    double since = (double)(frame - demo->kick_frame) / (rate * beats * 60.0 / demo->grid.bpm);
    if (since < 0.0 || since >= 1.0)
        return 1.0f;
    return (float)(1.0 - depth * (1.0 - since) * (1.0 - since));
}

static void add_riser(struct demo *demo, const struct place *place, double rate, float *left,
                      float *right) {
    const double hz = 3500.0 * place->section->bright_from *
                      pow(place->section->bright_to / place->section->bright_from, place->share);
    const float gain = (float)(0.05 + 0.2 * hz / 6000.0);
    const struct ja_filter_shape shape = ja_filter_shape(hz, 2.0, rate);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++) {
        left[i] += gain * ja_filter(&demo->riser[0], &shape, ja_random_sample(&demo->random)).band;
        right[i] += gain * ja_filter(&demo->riser[1], &shape, ja_random_sample(&demo->random)).band;
    }
}

static void render_demo(struct ja_synth *synth, float *left, float *right) {
    struct demo *demo = synth->state;
    const double steps_per_s = demo->grid.bpm / 60.0 * STEPS_PER_BEAT;
    const struct place place = find_place((double)synth->frame / synth->rate * steps_per_s);
    const struct section *section = place.section;
    while (demo->step_frame < synth->frame + JA_SYNTH_CHUNK) {
        play_step(demo, (unsigned)(demo->step_frame - synth->frame));
        demo->step_frame = llround(step_time(demo, ++demo->step) * synth->rate);
    }
    demo->band.brightness =
        section->bright_from * pow(section->bright_to / section->bright_from, place.share);
    ja_band_render(&demo->band, left, right, JA_SYNTH_CHUNK);
    if (plays(&place, RISER))
        add_riser(demo, &place, synth->rate, left, right);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++) {
        const float gain = ducked(demo, synth->frame + i, synth->rate);
        left[i] *= gain;
        right[i] *= gain;
    }
    ja_drum_mix(&demo->player, left, right, JA_SYNTH_CHUNK);
    const float loud =
        (float)(section->loud_from + (section->loud_to - section->loud_from) * place.share);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++) {
        left[i] = ja_soft_limit(loud * left[i]);
        right[i] = ja_soft_limit(loud * right[i]);
    }
}

/* --- The truth --- */

static void truth_sections(const struct ja_synth *synth, const struct demo *demo, FILE *out) {
    int64_t bar = 0;
    for (unsigned i = 0;; i = (i + 1) % SECTIONS) {
        double time = step_time(demo, bar * STEPS_PER_BAR);
        if (time >= synth->seconds)
            return;
        unsigned bars = sections[i].bars;
        while (i + 1 < SECTIONS && strcmp(sections[i].label, sections[i + 1].label) == 0)
            bars += sections[++i].bars;
        ja_truth_section(out, time, sections[i].label, bars);
        bar += bars;
    }
}

static void truth_demo(const struct ja_synth *synth, FILE *out) {
    const struct demo *demo = synth->state;
    ja_truth_key(out, 0.0, "A:min");
    truth_sections(synth, demo, out);
    double time;
    for (int64_t step = 0; (time = step_time(demo, step)) < synth->seconds; step++) {
        const struct place place = find_place((double)step);
        if (place.step == 0)
            ja_truth_chord(out, time, fmin(step_time(demo, step + STEPS_PER_BAR), synth->seconds),
                           chords[place.chord].name);
        if (place.step % STEPS_PER_BEAT == 0)
            ja_truth_beat(out, time, place.step / STEPS_PER_BEAT + 1, demo->grid.bpm, true);
        struct hits hits;
        hits_at(step, &hits);
        if (hits.count > 0)
            ja_truth_onset(out, time);
        for (unsigned i = 0; i < hits.count; i++)
            if (!hits.list[i].instrument && ja_drum_name(hits.list[i].drum))
                ja_truth_hit(out, time, ja_drum_name(hits.list[i].drum));
    }
}

static const struct ja_parameter demo_parameters[] = {
    {"bpm", JA_PARAMETER_NUMBER, 100, 160, 128, NULL, "tempo"},
};

const struct ja_signal ja_signal_demo = {
    .name = "demo",
    .help = "a track with intro, build-up, drop, groove, breakdown and outro",
    .parameters = demo_parameters,
    .parameter_count = 1,
    .seconds = 90,
    .level_db = -1,
    .stereo = true,
    .state_size = sizeof(struct demo),
    .open = open_demo,
    .render = render_demo,
    .close = close_demo,
    .truth = truth_demo,
};
