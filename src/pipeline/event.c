/* The table of event types and fields, and their one JSON form.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/json.h>
#include <ja/pipeline/event.h>

#include <assert.h>

#define FIELD(group, name, type, help)                                                             \
    { #name, type, offsetof(struct ja_event, group.name), help }
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct ja_event_field beat_fields[] = {
    FIELD(beat, seq, JA_FIELD_INT, "counts the beats since start"),
    FIELD(beat, beat_in_bar, JA_FIELD_INT, "1 is the downbeat, 0 unknown"),
    FIELD(beat, bpm, JA_FIELD_NUMBER, "beats per minute"),
    FIELD(beat, confidence, JA_FIELD_NUMBER, "0 to 1"),
};
static const struct ja_event_field tempo_fields[] = {
    FIELD(tempo, bpm, JA_FIELD_NUMBER, "beats per minute from now on"),
    FIELD(tempo, confidence, JA_FIELD_NUMBER, "0 to 1"),
    FIELD(tempo, change, JA_FIELD_WORD, "start, drift or step"),
    FIELD(tempo, from_bpm, JA_FIELD_NUMBER, "beats per minute before"),
};
static const struct ja_event_field onset_fields[] = {
    FIELD(onset, strength, JA_FIELD_NUMBER, "0 to 1"),
    FIELD(onset, band, JA_FIELD_WORD, "full, low, mid or high"),
};
static const struct ja_event_field hit_fields[] = {
    FIELD(hit, drum, JA_FIELD_WORD, "kick, snare or hat"),
    FIELD(hit, strength, JA_FIELD_NUMBER, "0 to 1"),
};
static const struct ja_event_field note_fields[] = {
    FIELD(note, on, JA_FIELD_BOOL, "begins (true) or ends"),
    FIELD(note, midi, JA_FIELD_NUMBER, "MIDI note number with its fraction"),
    FIELD(note, hz, JA_FIELD_NUMBER, "fundamental frequency"),
    FIELD(note, velocity, JA_FIELD_NUMBER, "0 to 1"),
};
static const struct ja_event_field transition_fields[] = {
    FIELD(transition, kind, JA_FIELD_WORD,
          "rise, fall, buildup, drop, breakdown, silence or return"),
    FIELD(transition, delta_db, JA_FIELD_NUMBER, "change of loudness in dB"),
    FIELD(transition, confidence, JA_FIELD_NUMBER, "0 to 1"),
};
static const struct ja_event_field prediction_fields[] = {
    FIELD(prediction, kind, JA_FIELD_WORD, "beat, energy, tempo or harmony"),
    FIELD(prediction, label, JA_FIELD_WORD, "what is expected"),
    FIELD(prediction, value, JA_FIELD_NUMBER, "its size: for a beat the tempo in beats per minute"),
    FIELD(prediction, confidence, JA_FIELD_NUMBER, "0 to 1"),
};
static const struct ja_event_field score_fields[] = {
    FIELD(score, kind, JA_FIELD_WORD, "beat, energy, tempo or harmony"),
    FIELD(score, n, JA_FIELD_INT, "predictions that have met what happened"),
    FIELD(score, hits, JA_FIELD_INT, "how many of them came true"),
    FIELD(score, hit_rate, JA_FIELD_NUMBER, "0 to 1"),
    FIELD(score, median_error_ms, JA_FIELD_NUMBER, "median of how late the hits came"),
    FIELD(score, calibration, JA_FIELD_BINS,
          "for each tenth of confidence: mean stated, share that came true, how many"),
    FIELD(score, window_s, JA_FIELD_NUMBER, "over how many of the last seconds all of these are"),
    FIELD(score, total_n, JA_FIELD_INT, "n since start"),
    FIELD(score, total_hits, JA_FIELD_INT, "hits since start"),
    FIELD(score, unjudged, JA_FIELD_INT,
          "predictions since start that a gap, an operator or too many others left unjudged"),
};
static const struct ja_event_field section_fields[] = {
    FIELD(section, label, JA_FIELD_WORD,
          "intro, groove, buildup, drop, breakdown, outro or unknown"),
    FIELD(section, confidence, JA_FIELD_NUMBER, "0 to 1"),
    FIELD(section, bars, JA_FIELD_INT, "length of the section before it, 0 unknown"),
};
static const struct ja_event_field key_fields[] = {
    FIELD(key, key, JA_FIELD_WORD, "tonic and mode, as in A:min"),
    FIELD(key, camelot, JA_FIELD_WORD, "the same as on the Camelot wheel, as in 8A"),
    FIELD(key, confidence, JA_FIELD_NUMBER, "0 to 1"),
};
static const struct ja_event_field chord_fields[] = {
    FIELD(chord, chord, JA_FIELD_WORD, "root and kind, as in A:min; N is none"),
    FIELD(chord, confidence, JA_FIELD_NUMBER, "0 to 1"),
};
static const struct ja_event_field state_fields[] = {
    FIELD(state, state, JA_FIELD_WORD,
          "no_input, silent, noise, learning, locked, flywheel or lost"),
    FIELD(state, reason, JA_FIELD_TEXT, "why, in a sentence"),
};
static const struct ja_event_field level_fields[] = {
    FIELD(level, from, JA_FIELD_WORD, "low, medium, high or maximum"),
    FIELD(level, to, JA_FIELD_WORD, "the same"),
    FIELD(level, reason, JA_FIELD_TEXT, "why, in a sentence"),
};
static const struct ja_event_field gap_fields[] = {
    FIELD(gap, frames, JA_FIELD_LONG, "frames of sound that were lost"),
    FIELD(gap, cause, JA_FIELD_WORD, "overflow, server, restart or rate"),
};

#define INFO(name, help)                                                                           \
    { #name, help, name##_fields, COUNT(name##_fields) }

static const struct ja_event_info infos[JA_EVENT_TYPES] = {
    [JA_EVENT_BEAT] = INFO(beat, "one beat of the music; exactly one event per beat"),
    [JA_EVENT_TEMPO] = INFO(tempo, "the tempo was found or has changed"),
    [JA_EVENT_ONSET] = INFO(onset, "a sound begins"),
    [JA_EVENT_HIT] = INFO(hit, "a drum is hit"),
    [JA_EVENT_NOTE] = INFO(note, "a note of a melody begins or ends"),
    [JA_EVENT_TRANSITION] = INFO(transition, "the energy of the music changes"),
    [JA_EVENT_PREDICTION] = INFO(prediction, "what will happen at `time`"),
    [JA_EVENT_SCORE] = INFO(score, "how well predictions of one kind came true"),
    [JA_EVENT_SECTION] = INFO(section, "a part of the piece begins"),
    [JA_EVENT_KEY] = INFO(key, "the key was found or has changed"),
    [JA_EVENT_CHORD] = INFO(chord, "a chord begins"),
    [JA_EVENT_STATE] = INFO(state, "what the analyser makes of its input has changed"),
    [JA_EVENT_LEVEL] = INFO(level, "the amount of analysis has changed"),
    [JA_EVENT_GAP] = INFO(gap, "sound is missing from `time` on"),
};

const struct ja_event_info *ja_event_info(enum ja_event_type type) {
    assert(type < JA_EVENT_TYPES);
    return &infos[type];
}

static void write_bins(const struct ja_reliability *bins, struct ja_json *json) {
    ja_json_begin_array(json);
    for (size_t i = 0; i < JA_RELIABILITY_BINS; i++) {
        if (bins[i].count == 0)
            continue;
        ja_json_begin_array(json);
        ja_json_number(json, bins[i].stated);
        ja_json_number(json, bins[i].observed);
        ja_json_integer(json, bins[i].count);
        ja_json_end_array(json);
    }
    ja_json_end_array(json);
}

static void write_field(const struct ja_event_field *field, const struct ja_event *event,
                        struct ja_json *json) {
    const char *at = (const char *)event + field->offset;
    ja_json_key(json, field->name);
    switch (field->type) {
    case JA_FIELD_INT:
        ja_json_integer(json, *(const int *)at);
        break;
    case JA_FIELD_LONG:
        ja_json_integer(json, *(const long long *)at);
        break;
    case JA_FIELD_BOOL:
        ja_json_bool(json, *(const bool *)at);
        break;
    case JA_FIELD_NUMBER:
        ja_json_number(json, *(const double *)at);
        break;
    case JA_FIELD_WORD:
        ja_json_string(json, *(const char *const *)at);
        break;
    case JA_FIELD_TEXT:
        ja_json_string(json, at);
        break;
    case JA_FIELD_BINS:
        write_bins((const struct ja_reliability *)at, json);
        break;
    }
}

void ja_event_write_json(const struct ja_event *event, const char *stream, struct ja_json *json) {
    const struct ja_event_info *info = ja_event_info(event->type);
    ja_json_begin_object(json);
    ja_json_put_string(json, "type", info->name);
    ja_json_put_string(json, "stream", stream);
    ja_json_put_time(json, "time", event->time);
    ja_json_put_time(json, "emitted", event->emitted);
    for (size_t i = 0; i < info->field_count; i++)
        write_field(&info->fields[i], event, json);
    ja_json_end_object(json);
}
