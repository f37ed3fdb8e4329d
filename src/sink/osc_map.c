/* The table of OSC addresses, and how a row is filled.
 *
 * A new address is a row. A row's sources are fields of an event, outputs of the frame or figures
 * of the second; a row whose outputs no stage makes is simply never sent.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "osc_map.h"

#include <assert.h>
#include <ja/core/math.h>
#include <ja/core/text.h>
#include <ja/sink/sinks.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#define EVENT(field, type, change)                                                                 \
    { JA_OSC_FROM_EVENT, type, offsetof(struct ja_event, field), NULL, change }
#define INT(field) EVENT(field, JA_FIELD_INT, JA_OSC_AS_IS)
#define NUMBER(field) EVENT(field, JA_FIELD_NUMBER, JA_OSC_AS_IS)
#define UNIT(field) EVENT(field, JA_FIELD_NUMBER, JA_OSC_UNIT)
#define WORD(field) EVENT(field, JA_FIELD_WORD, JA_OSC_AS_IS)
#define SCORE                                                                                      \
    { UNIT(score.hit_rate), NUMBER(score.median_error_ms), INT(score.n) }
#define SECOND(field, type)                                                                        \
    { JA_OSC_FROM_SECOND, type, offsetof(struct ja_osc_second, field), NULL, JA_OSC_AS_IS }
#define FRAME(output, change)                                                                      \
    { JA_OSC_FROM_FRAME, JA_FIELD_NUMBER, 0, output, change }
#define ONE                                                                                        \
    { .origin = JA_OSC_ONE, .type = JA_FIELD_NUMBER }
#define UNTIL                                                                                      \
    { .origin = JA_OSC_UNTIL, .type = JA_FIELD_NUMBER }

#define BARS                                                                                       \
    { .origin = JA_OSC_BARS, .type = JA_FIELD_INT }

#define ANY 0, NULL
#define WHERE(field, word) offsetof(struct ja_event, field), word
#define NO_EVENT -1, ANY

/* Address, types, when; event and what its word must be; epsilon; sources; help. */
// clang-format off
const struct ja_osc_row ja_osc_rows[] = {
    {"/beat", "iiff", JA_OSC_BEAT, JA_EVENT_BEAT, ANY, 0,
     {INT(beat.seq), INT(beat.beat_in_bar), NUMBER(beat.bpm), UNIT(beat.confidence)},
     "number of the beat, beat in the bar (0: unknown), BPM, confidence"},
    {"/beat/pulse", "f", JA_OSC_PULSE, JA_EVENT_BEAT, ANY, 0, {ONE},
     "1.0 on the beat, 0.0 after pulse_ms"},
    {"/beat/next", "fiff", JA_OSC_EVENT, JA_EVENT_PREDICTION, WHERE(prediction.kind, "beat"), 0,
     {UNTIL, EVENT(prediction.label, JA_FIELD_WORD, JA_OSC_WORD), NUMBER(prediction.value),
      UNIT(prediction.confidence)},
     "seconds until the next beat, beat in the bar (0: unknown), BPM, confidence"},
    {"/phase", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("beat_phase", JA_OSC_UNIT)},
     "0…1 from one beat to the next"},
    {"/bar", "i", JA_OSC_BEAT, JA_EVENT_BEAT, ANY, 0, {BARS},
     "number of the bar, on its first beat, while the bar is known"},
    {"/bar/phase", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("bar_phase", JA_OSC_UNIT)},
     "0…1 from one downbeat to the next, while the bar is known"},
    {"/bpm/fast", "f", JA_OSC_STATE, NO_EVENT, 0.005, {FRAME("tempo_fast", JA_OSC_AS_IS)},
     "quick, provisional tempo in beats per minute"},
    {"/bpm", "f", JA_OSC_STATE, NO_EVENT, 0.005, {FRAME("tempo", JA_OSC_AS_IS)},
     "confirmed tempo in beats per minute"},
    {"/bpm/confidence", "f", JA_OSC_STATE, NO_EVENT, 0.005,
     {FRAME("tempo_confidence", JA_OSC_UNIT)}, "0…1, how sure the tempo is"},
    {"/tempo/next", "sff", JA_OSC_EVENT, JA_EVENT_PREDICTION, WHERE(prediction.kind, "tempo"), 0,
     {WORD(prediction.label), NUMBER(prediction.value), UNIT(prediction.confidence)},
     "rise, fall or step, the tempo it goes to in BPM, confidence"},
    {"/onset", "f", JA_OSC_EVENT, JA_EVENT_ONSET, WHERE(onset.band, "full"), 0,
     {UNIT(onset.strength)}, "a sound begins: its strength 0…1"},
    {"/onset/low", "f", JA_OSC_EVENT, JA_EVENT_ONSET, WHERE(onset.band, "low"), 0,
     {UNIT(onset.strength)}, "the same in the bass"},
    {"/onset/mid", "f", JA_OSC_EVENT, JA_EVENT_ONSET, WHERE(onset.band, "mid"), 0,
     {UNIT(onset.strength)}, "the same in the middle"},
    {"/onset/high", "f", JA_OSC_EVENT, JA_EVENT_ONSET, WHERE(onset.band, "high"), 0,
     {UNIT(onset.strength)}, "the same in the treble"},
    {"/hit/kick", "f", JA_OSC_EVENT, JA_EVENT_HIT, WHERE(hit.drum, "kick"), 0,
     {UNIT(hit.strength)}, "a bass drum: its strength 0…1"},
    {"/hit/snare", "f", JA_OSC_EVENT, JA_EVENT_HIT, WHERE(hit.drum, "snare"), 0,
     {UNIT(hit.strength)}, "a snare drum or a clap"},
    {"/hit/hat", "f", JA_OSC_EVENT, JA_EVENT_HIT, WHERE(hit.drum, "hat"), 0,
     {UNIT(hit.strength)}, "a hi-hat or a cymbal"},
    {"/pitch", "fff", JA_OSC_CONTINUOUS, NO_EVENT, 0.005,
     {FRAME("pitch", JA_OSC_AS_IS), FRAME("pitch", JA_OSC_MIDI),
      FRAME("pitch_confidence", JA_OSC_UNIT)},
     "pitch in Hz, as a MIDI note with its fraction, confidence; only while there is one"},
    {"/note", "if", JA_OSC_EVENT, JA_EVENT_NOTE, ANY, 0,
     {NUMBER(note.midi), EVENT(note.velocity, JA_FIELD_NUMBER, JA_OSC_HELD)},
     "MIDI note, velocity 0…1; velocity 0 ends it"},
    {"/level/rms", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("rms", JA_OSC_UNIT)},
     "level 0…1 as RMS"},
    {"/level/peak", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("peak", JA_OSC_UNIT)},
     "level 0…1 of the highest sample"},
    {"/level/lufs", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.05,
     {FRAME("loudness_momentary", JA_OSC_AS_IS)}, "loudness of the last 0.4 s in LUFS"},
    {"/energy", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("energy", JA_OSC_UNIT)},
     "energy 0…1 against the recent past"},
    {"/bands", JA_OSC_LIST, JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("bands", JA_OSC_UNIT)},
     "energy 0…1 in each of bands.count frequency bands, the lowest first"},
    {"/energy/next", "sff", JA_OSC_EVENT, JA_EVENT_PREDICTION, WHERE(prediction.kind, "energy"), 0,
     {WORD(prediction.label), UNTIL, UNIT(prediction.confidence)},
     "kind of the coming transition, seconds until, confidence"},
    {"/transition", "sff", JA_OSC_EVENT, JA_EVENT_TRANSITION, ANY, 0,
     {WORD(transition.kind), NUMBER(transition.delta_db), UNIT(transition.confidence)},
     "rise, fall, buildup, drop, breakdown, silence or return, change in dB, confidence"},
    {"/section", "sf", JA_OSC_STATE, JA_EVENT_SECTION, ANY, 0,
     {WORD(section.label), UNIT(section.confidence)}, "part of the piece that begins, confidence"},
    {"/key", "ssf", JA_OSC_STATE, JA_EVENT_KEY, ANY, 0,
     {WORD(key.key), WORD(key.camelot), UNIT(key.confidence)},
     "key, the same on the Camelot wheel, confidence"},
    {"/chord", "sf", JA_OSC_EVENT, JA_EVENT_CHORD, ANY, 0,
     {WORD(chord.chord), UNIT(chord.confidence)}, "chord that begins (N: none), confidence"},
    {"/chord/next", "sff", JA_OSC_EVENT, JA_EVENT_PREDICTION, WHERE(prediction.kind, "harmony"), 0,
     {WORD(prediction.label), UNTIL, UNIT(prediction.confidence)},
     "next chord, seconds until, confidence"},
    {"/chroma", JA_OSC_LIST, JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("chroma", JA_OSC_UNIT)},
     "energy 0…1 in each of the twelve pitch classes, C first"},
    {"/mfcc", JA_OSC_LIST, JA_OSC_CONTINUOUS, NO_EVENT, 0.01, {FRAME("mfcc", JA_OSC_AS_IS)},
     "13 mel frequency cepstral coefficients"},
    {"/centroid", "f", JA_OSC_CONTINUOUS, NO_EVENT, 1, {FRAME("spectral_centroid", JA_OSC_AS_IS)},
     "centre of the spectrum in Hz"},
    {"/rolloff", "f", JA_OSC_CONTINUOUS, NO_EVENT, 1, {FRAME("spectral_rolloff", JA_OSC_AS_IS)},
     "frequency in Hz below which 85 % of the energy lies"},
    {"/flux", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("spectral_flux", JA_OSC_AS_IS)},
     "0…1, how much of the spectrum is new since the hop before"},
    {"/flatness", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.001,
     {FRAME("spectral_flatness", JA_OSC_AS_IS)}, "0 for a tone, about 0.56 for white noise"},
    {"/zcr", "f", JA_OSC_CONTINUOUS, NO_EVENT, 0.001, {FRAME("zero_crossing_rate", JA_OSC_AS_IS)},
     "zero crossings per sample"},
    {"/accuracy/beat", "ffi", JA_OSC_EVENT, JA_EVENT_SCORE, WHERE(score.kind, "beat"), 0,
     SCORE, "predictions of beats in score.window_s: share that came true, median error in ms, how many"},
    {"/accuracy/energy", "ffi", JA_OSC_EVENT, JA_EVENT_SCORE, WHERE(score.kind, "energy"), 0,
     SCORE, "the same for energy transitions"},
    {"/accuracy/tempo", "ffi", JA_OSC_EVENT, JA_EVENT_SCORE, WHERE(score.kind, "tempo"), 0,
     SCORE, "the same for changes of tempo"},
    {"/accuracy/harmony", "ffi", JA_OSC_EVENT, JA_EVENT_SCORE, WHERE(score.kind, "harmony"), 0,
     SCORE, "the same for chords"},
    {"/state", "ss", JA_OSC_STATE, JA_EVENT_STATE, ANY, 0,
     {WORD(state.state),
      EVENT(state.reason, JA_FIELD_TEXT, JA_OSC_AS_IS)},
     "what the analyser makes of its input, and why"},
    {"/stats", "iifff", JA_OSC_SECOND, NO_EVENT, 0,
     {SECOND(xruns, JA_FIELD_INT), SECOND(lost_blocks, JA_FIELD_INT),
      SECOND(load, JA_FIELD_NUMBER), SECOND(worst_hop_ms, JA_FIELD_NUMBER),
      SECOND(queue_ms, JA_FIELD_NUMBER)},
     "xruns, lost blocks, worker load 0…1, longest hop in ms, sound waiting in ms"},
    {"/heartbeat", "i", JA_OSC_HEARTBEAT, NO_EVENT, 0, {SECOND(uptime_s, JA_FIELD_INT)},
     "seconds since the program's start"},
};
// clang-format on
const size_t ja_osc_row_count = sizeof ja_osc_rows / sizeof ja_osc_rows[0];
_Static_assert(sizeof ja_osc_rows / sizeof ja_osc_rows[0] <= JA_OSC_ROWS, "raise JA_OSC_ROWS");

static bool is_list(const struct ja_osc_row *row) {
    return !strcmp(row->types, JA_OSC_LIST);
}

bool ja_osc_row_locate(const struct ja_osc_row *row, const struct ja_catalogue *catalogue,
                       size_t positions[JA_OSC_SOURCES]) {
    size_t sources = is_list(row) ? 1 : strlen(row->types);
    for (size_t i = 0; i < sources; i++) {
        positions[i] = 0;
        if (row->sources[i].origin != JA_OSC_FROM_FRAME)
            continue;
        const struct ja_catalogue_entry *entry =
            ja_catalogue_find(catalogue, row->sources[i].output);
        if (!entry)
            return false;
        positions[i] = entry->first;
        if (is_list(row))
            positions[1] = entry->output->width;
    }
    return true;
}

/* Beats are foretold several ahead; /beat/next is the first of them. */
static bool is_far_ahead(const struct ja_event *event) {
    return event->type == JA_EVENT_PREDICTION && !strcmp(event->prediction.kind, "beat") &&
           event->time - event->emitted > 1.5 * 60 / event->prediction.value;
}

bool ja_osc_row_wants(const struct ja_osc_row *row, const struct ja_event *event) {
    if (row->event != (int)event->type || is_far_ahead(event))
        return false;
    if (row->sources[0].origin == JA_OSC_BARS && event->beat.beat_in_bar != 1)
        return false;
    if (!row->match)
        return true;
    const char *word = *(const char *const *)((const char *)event + row->word);
    return word && !strcmp(word, row->match);
}

/* Where a source's field stands. */
static const char *place(const struct ja_osc_source *source, const struct ja_osc_moment *moment) {
    const char *record = source->origin == JA_OSC_FROM_SECOND ? (const char *)moment->second
                                                              : (const char *)moment->event;
    return record + source->offset;
}

static const char *text_of(const struct ja_osc_source *source, const struct ja_osc_moment *moment) {
    const char *at = place(source, moment);
    return source->type == JA_FIELD_TEXT ? at : *(const char *const *)at;
}

static double field_of(const struct ja_osc_source *source, const struct ja_osc_moment *moment) {
    const char *at = place(source, moment);
    switch (source->type) {
    case JA_FIELD_INT:
        return *(const int *)at;
    case JA_FIELD_LONG:
        return (double)*(const long long *)at;
    case JA_FIELD_BOOL:
        return *(const bool *)at;
    case JA_FIELD_NUMBER:
        return *(const double *)at;
    default:
        assert(source->change == JA_OSC_WORD);
        return NAN;
    }
}

static double raw(const struct ja_osc_source *source, size_t position,
                  const struct ja_osc_moment *moment) {
    switch (source->origin) {
    case JA_OSC_FROM_FRAME:
        return moment->frame->values[position];
    case JA_OSC_ONE:
        return 1;
    case JA_OSC_UNTIL:
        return moment->until_s;
    case JA_OSC_BARS:
        return moment->bars;
    default:
        return field_of(source, moment);
    }
}

static double word_number(const char *word) {
    long long number;
    return word && ja_text_integer(word, &number) && number >= 0 && number < 1000 ? (double)number
                                                                                  : 0;
}

static double number_of(const struct ja_osc_source *source, size_t position,
                        const struct ja_osc_moment *moment) {
    switch (source->change) {
    case JA_OSC_UNIT: {
        double value = raw(source, position, moment);
        return isnan(value) ? NAN : ja_clamp(value, 0, 1);
    }
    case JA_OSC_MIDI:
        return 69 + 12 * log2(raw(source, position, moment) / 440);
    case JA_OSC_HELD:
        return moment->event->note.on ? ja_clamp(raw(source, position, moment), 0, 1) : 0;
    case JA_OSC_WORD:
        return word_number(text_of(source, moment));
    default:
        return raw(source, position, moment);
    }
}

static int32_t whole(double value) {
    return (int32_t)lrint(ja_clamp(value, INT32_MIN, INT32_MAX));
}

/* A number of one row as an argument of type i or f. */
static bool fill_number(const struct ja_osc_source *source, size_t position,
                        const struct ja_osc_moment *moment, struct ja_osc_argument *argument) {
    double value = number_of(source, position, moment);
    if (!isfinite(value)) {
        if (source->origin != JA_OSC_FROM_EVENT)
            return false;
        value = 0;
    }
    if (argument->type == 'i')
        argument->i = whole(value);
    else
        argument->f = (float)value;
    return true;
}

static bool fill_list(const struct ja_osc_source *source, size_t first, size_t width,
                      const struct ja_osc_moment *moment, struct ja_osc_argument *arguments) {
    assert(width <= JA_OSC_VALUES);
    unsigned length = ja_frame_list(moment->frame->values + first, (unsigned)width);
    for (unsigned i = 0; i < length; i++) {
        arguments[i].type = 'f';
        if (!fill_number(source, first + i, moment, &arguments[i]))
            return false;
    }
    arguments[length].type = '\0';
    return length > 0;
}

bool ja_osc_row_fill(const struct ja_osc_row *row, const size_t positions[JA_OSC_SOURCES],
                     const struct ja_osc_moment *moment,
                     struct ja_osc_argument arguments[JA_OSC_VALUES + 1]) {
    if (is_list(row))
        return fill_list(&row->sources[0], positions[0], positions[1], moment, arguments);
    size_t i;
    for (i = 0; row->types[i]; i++) {
        const struct ja_osc_source *source = &row->sources[i];
        arguments[i].type = row->types[i];
        if (row->types[i] == 's')
            arguments[i].s = text_of(source, moment);
        if (row->types[i] == 's' ? !arguments[i].s
                                 : !fill_number(source, positions[i], moment, &arguments[i]))
            return false;
    }
    arguments[i].type = '\0';
    return true;
}

const char *ja_osc_moment_words(enum ja_osc_when when) {
    static const char *const words[] = {
        [JA_OSC_EVENT] = "when it happens", [JA_OSC_BEAT] = "on the beat",
        [JA_OSC_PULSE] = "on the beat",     [JA_OSC_CONTINUOUS] = "at rate_hz",
        [JA_OSC_STATE] = "on change",       [JA_OSC_SECOND] = "every second",
        [JA_OSC_HEARTBEAT] = "every second"};
    return words[when];
}

void ja_osc_list(FILE *out) {
    for (size_t i = 0; i < ja_osc_row_count; i++) {
        const struct ja_osc_row *row = &ja_osc_rows[i];
        int width = is_list(row) ? 6 + (int)strlen("…") - 1 : 6; /* of bytes */
        fprintf(out, "/ja%-18s %-*s %-16s %s\n", row->address, width, row->types,
                ja_osc_moment_words(row->when), row->help);
    }
}
