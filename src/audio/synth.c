/* The built-in synthesiser: finds the signal a name asks for, checks its parameters and delivers
 * its sound.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "synth.h"

#include <ja/core/json.h>
#include <ja/stream/inlet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct ja_signal *const signals[] = {
    &ja_signal_demo,   &ja_signal_click,   &ja_signal_drums,     &ja_signal_notes,
    &ja_signal_chord,  &ja_signal_sine,    &ja_signal_sweep,     &ja_signal_noise,
    &ja_signal_speech, &ja_signal_hum,     &ja_signal_fullscale, &ja_signal_impulse,
    &ja_signal_dc,     &ja_signal_silence,
};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

static const char prefix[] = "synth:";

enum { RATE, SECONDS, CHANNELS, LEVEL, SEED, COMMON };

/* Defaults of seconds, channels and level_db are the signal's own. */
static const struct ja_parameter common[COMMON] = {
    [RATE] = {"rate", JA_PARAMETER_WHOLE, 8000, 192000, 48000, NULL, "sample rate in Hz"},
    [SECONDS] = {"seconds", JA_PARAMETER_NUMBER, 0.001, 604800, 0, NULL, "length"},
    [CHANNELS] = {"channels", JA_PARAMETER_WHOLE, 1, JA_CHANNELS, 0, NULL,
                  "how many; further ones repeat the first"},
    [LEVEL] = {"level_db", JA_PARAMETER_NUMBER, -120, 0, 0, NULL, "highest peak in dBFS"},
    [SEED] = {"seed", JA_PARAMETER_WHOLE, 0, 4294967295.0, 1, NULL, "start of all random numbers"},
};

static struct ja_parameter common_parameter(const struct ja_signal *signal, size_t i) {
    struct ja_parameter parameter = common[i];
    if (i == SECONDS)
        parameter.value = signal->seconds;
    else if (i == CHANNELS)
        parameter.value = signal->stereo ? 2 : 1;
    else if (i == LEVEL)
        parameter.value = signal->level_db;
    return parameter;
}

/* --- Names and parameters --- */

bool ja_synth_is_name(const char *what) {
    return strncmp(what, prefix, sizeof prefix - 1) == 0;
}

/* ` Did you mean "x"?` in `hint` when one of the names is near, else "". */
struct hint {
    char text[64];
    unsigned distance;
};

static void hint_try(struct hint *hint, const char *asked, const char *name) {
    enum { NEAR = 3 };
    unsigned distance = ja_text_distance(asked, name);
    if (distance > NEAR || (hint->text[0] && distance >= hint->distance))
        return;
    struct ja_text text;
    ja_text_init(&text, hint->text, sizeof hint->text);
    ja_text_format(&text, " Did you mean \"%s\"?", name);
    hint->distance = distance;
}

static const struct ja_signal *find_signal(const char *name, struct ja_error *error) {
    struct hint hint = {.text = ""};
    char names[256];
    struct ja_text list;
    ja_text_init(&list, names, sizeof names);
    for (size_t i = 0; i < SIGNALS; i++) {
        if (strcmp(signals[i]->name, name) == 0)
            return signals[i];
        hint_try(&hint, name, signals[i]->name);
        ja_text_format(&list, "%s%s", i > 0 ? ", " : "", signals[i]->name);
    }
    ja_fail(error, JA_USAGE, "synth:%.60s: there is no such signal.%s The signals are %s", name,
            hint.text, names);
    return NULL;
}

/* The place of `word` in "a|b|c", or -1. */
static int find_choice(const char *choices, const char *word) {
    const size_t length = strlen(word);
    for (int place = 0;; place++) {
        size_t end = strcspn(choices, "|");
        if (end == length && strncmp(choices, word, length) == 0)
            return place;
        if (!choices[end])
            return -1;
        choices += end + 1;
    }
}

static enum ja_status set_argument(struct ja_argument *argument, const char *signal,
                                   const struct ja_parameter *parameter, const char *value,
                                   struct ja_error *error) {
    argument->given = true;
    argument->text = value;
    if (parameter->type == JA_PARAMETER_CHOICE) {
        int place = find_choice(parameter->text, value);
        argument->number = place;
        if (place < 0)
            return ja_fail(error, JA_USAGE, "synth:%s: %s is \"%.60s\"; allowed is %s", signal,
                           parameter->name, value, parameter->text);
    } else if (parameter->type != JA_PARAMETER_TEXT) {
        const bool whole = parameter->type == JA_PARAMETER_WHOLE;
        if (!ja_text_double(value, &argument->number) || argument->number < parameter->min ||
            argument->number > parameter->max ||
            (whole && argument->number != floor(argument->number)))
            return ja_fail(error, JA_USAGE,
                           "synth:%s: %s is \"%.60s\"; allowed is a %snumber from %.10g to %.10g",
                           signal, parameter->name, value, whole ? "whole " : "", parameter->min,
                           parameter->max);
    }
    return JA_OK;
}

/* One "name=value". */
static enum ja_status set_by_name(struct ja_synth *synth, struct ja_argument shared[COMMON],
                                  char *pair, struct ja_error *error) {
    const struct ja_signal *signal = synth->signal;
    char *value = strchr(pair, '=');
    if (!value)
        return ja_fail(error, JA_USAGE, "synth:%s: \"%.60s\" is not of the form name=value",
                       signal->name, pair);
    *value++ = '\0';
    struct hint hint = {.text = ""};
    for (size_t i = 0; i < COMMON; i++) {
        if (strcmp(common[i].name, pair) == 0)
            return set_argument(&shared[i], signal->name, &common[i], value, error);
        hint_try(&hint, pair, common[i].name);
    }
    for (size_t i = 0; i < signal->parameter_count; i++) {
        if (strcmp(signal->parameters[i].name, pair) == 0)
            return set_argument(&synth->arguments[i], signal->name, &signal->parameters[i], value,
                                error);
        hint_try(&hint, pair, signal->parameters[i].name);
    }
    return ja_fail(error, JA_USAGE, "synth:%s: there is no parameter \"%.60s\".%s", signal->name,
                   pair, hint.text);
}

static void set_default(struct ja_argument *argument, const struct ja_parameter *parameter) {
    argument->number = parameter->value;
    argument->text = parameter->text;
}

/* Splits synth->name in place. */
static enum ja_status read_name(struct ja_synth *synth, struct ja_argument shared[COMMON],
                                struct ja_error *error) {
    char *rest = strchr(synth->name, '?');
    if (rest)
        *rest++ = '\0';
    synth->signal = find_signal(synth->name + sizeof prefix - 1, error);
    if (!synth->signal)
        return JA_USAGE;
    for (size_t i = 0; i < COMMON; i++) {
        struct ja_parameter parameter = common_parameter(synth->signal, i);
        set_default(&shared[i], &parameter);
    }
    for (size_t i = 0; i < synth->signal->parameter_count; i++)
        set_default(&synth->arguments[i], &synth->signal->parameters[i]);
    while (rest && *rest) {
        char *pair = rest;
        rest = strchr(pair, '&');
        if (rest)
            *rest++ = '\0';
        enum ja_status status = set_by_name(synth, shared, pair, error);
        if (status != JA_OK)
            return status;
    }
    return JA_OK;
}

static void apply_common(struct ja_synth *synth, const struct ja_argument shared[COMMON]) {
    synth->rate = shared[RATE].number;
    synth->seconds = shared[SECONDS].number;
    synth->seed = (uint64_t)shared[SEED].number;
    synth->channels = (unsigned)shared[CHANNELS].number;
    synth->gain = (float)pow(10.0, shared[LEVEL].number / 20.0);
    synth->frames = llround(synth->seconds * synth->rate);
    if (synth->frames < 1)
        synth->frames = 1;
}

static enum ja_status prepare(struct ja_synth *synth, struct ja_error *error) {
    struct ja_argument shared[COMMON] = {0};
    enum ja_status status = read_name(synth, shared, error);
    if (status != JA_OK)
        return status;
    apply_common(synth, shared);
    synth->state = calloc(1, synth->signal->state_size + 1);
    if (!synth->state)
        return ja_fail(error, JA_FAILED, "synth:%s: out of memory", synth->signal->name);
    return synth->signal->open ? synth->signal->open(synth, error) : JA_OK;
}

enum ja_status ja_synth_open(struct ja_synth **opened, const char *what,
                             struct ja_source_info *info, struct ja_error *error) {
    *opened = NULL;
    struct ja_synth *synth = calloc(1, sizeof *synth);
    if (!synth || !(synth->name = strdup(what))) {
        free(synth);
        return ja_fail(error, JA_FAILED, "%s: out of memory", what);
    }
    enum ja_status status = prepare(synth, error);
    if (status != JA_OK) {
        ja_synth_close(synth);
        return status;
    }
    info->rate = (unsigned)synth->rate;
    info->channels = synth->channels;
    info->frames = synth->frames;
    *opened = synth;
    return JA_OK;
}

void ja_synth_close(struct ja_synth *synth) {
    if (!synth)
        return;
    if (synth->state && synth->signal->close)
        synth->signal->close(synth);
    free(synth->state);
    free(synth->name);
    free(synth);
}

/* --- Sound --- */

static void render_chunk(struct ja_synth *synth) {
    synth->frame = synth->position;
    synth->signal->render(synth, synth->chunk[0], synth->chunk[1]);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++)
        synth->chunk[0][i] *= synth->gain;
    for (unsigned i = 0; synth->signal->stereo && i < JA_SYNTH_CHUNK; i++)
        synth->chunk[1][i] *= synth->gain;
}

static void copy_out(const struct ja_synth *synth, unsigned from, float *const *channels,
                     unsigned at, unsigned count) {
    if (synth->signal->stereo && synth->channels == 1) {
        for (unsigned i = 0; i < count; i++)
            channels[0][at + i] = 0.5f * (synth->chunk[0][from + i] + synth->chunk[1][from + i]);
        return;
    }
    for (unsigned c = 0; c < synth->channels; c++)
        memcpy(channels[c] + at, synth->chunk[synth->signal->stereo ? c % 2 : 0] + from,
               count * sizeof(float));
}

int ja_synth_read(struct ja_synth *synth, float *const *channels, unsigned frames) {
    unsigned done = 0;
    while (done < frames && synth->position < synth->frames) {
        unsigned from = (unsigned)(synth->position % JA_SYNTH_CHUNK);
        if (from == 0)
            render_chunk(synth);
        unsigned count = JA_SYNTH_CHUNK - from;
        if (count > frames - done)
            count = frames - done;
        if (count > synth->frames - synth->position)
            count = (unsigned)(synth->frames - synth->position);
        copy_out(synth, from, channels, done, count);
        done += count;
        synth->position += count;
    }
    return (int)done;
}

/* --- What there is --- */

static void list_parameter(FILE *out, const struct ja_parameter *parameter) {
    char value[192];
    struct ja_text text;
    ja_text_init(&text, value, sizeof value);
    if (parameter->type == JA_PARAMETER_NUMBER || parameter->type == JA_PARAMETER_WHOLE)
        ja_text_format(&text, "%s=%.10g (%.10g to %.10g)", parameter->name, parameter->value,
                       parameter->min, parameter->max);
    else
        ja_text_format(&text, "%s=%s", parameter->name, parameter->text);
    fprintf(out, "  %-38s %s\n", value, parameter->help);
}

static void list_signal(FILE *out, const struct ja_signal *signal) {
    fprintf(out, "\nsynth:%s: %s\n", signal->name, signal->help);
    for (size_t i = 0; i < COMMON; i++) {
        struct ja_parameter parameter = common_parameter(signal, i);
        list_parameter(out, &parameter);
    }
    for (size_t i = 0; i < signal->parameter_count; i++)
        list_parameter(out, &signal->parameters[i]);
}

void ja_synth_list(FILE *out) {
    fputs("synth:NAME?parameter=value&parameter=value\n", out);
    for (size_t i = 0; i < SIGNALS; i++)
        list_signal(out, signals[i]);
}

/* --- What is in it --- */

/* A line of truth: its members are written between begin and end. */
struct line {
    char data[256];
    struct ja_text text;
    struct ja_json json;
};

static struct ja_json *begin_line(struct line *line, const char *type, double time) {
    ja_json_open(&line->json, &line->text, line->data, sizeof line->data);
    ja_json_key(&line->json, "type");
    ja_json_string(&line->json, type);
    ja_json_key(&line->json, "time");
    ja_json_time(&line->json, time);
    return &line->json;
}

static void end_line(struct line *line, FILE *out) {
    ja_json_end_object(&line->json);
    fprintf(out, "%s\n", line->data);
}

void ja_truth_beat(FILE *out, double time, unsigned beat_in_bar, double bpm, bool sounding) {
    struct line line;
    struct ja_json *json = begin_line(&line, "beat", time);
    ja_json_put_integer(json, "beat_in_bar", beat_in_bar);
    ja_json_put_number(json, "bpm", bpm);
    ja_json_put_bool(json, "sounding", sounding);
    end_line(&line, out);
}

void ja_truth_hit(FILE *out, double time, const char *drum) {
    struct line line;
    struct ja_json *json = begin_line(&line, "hit", time);
    ja_json_put_string(json, "drum", drum);
    end_line(&line, out);
}

void ja_truth_onset(FILE *out, double time) {
    struct line line;
    begin_line(&line, "onset", time);
    end_line(&line, out);
}

void ja_truth_pitch(FILE *out, double time, double until, double hz) {
    struct line line;
    struct ja_json *json = begin_line(&line, "pitch", time);
    ja_json_put_time(json, "until", until);
    ja_json_put_number(json, "hz", hz);
    end_line(&line, out);
}

void ja_truth_chord(FILE *out, double time, double until, const char *chord) {
    struct line line;
    struct ja_json *json = begin_line(&line, "chord", time);
    ja_json_put_time(json, "until", until);
    ja_json_put_string(json, "chord", chord);
    end_line(&line, out);
}

void ja_truth_key(FILE *out, double time, const char *key) {
    struct line line;
    struct ja_json *json = begin_line(&line, "key", time);
    ja_json_put_string(json, "key", key);
    end_line(&line, out);
}

void ja_truth_section(FILE *out, double time, const char *label, unsigned bars) {
    struct line line;
    struct ja_json *json = begin_line(&line, "section", time);
    ja_json_put_string(json, "label", label);
    ja_json_put_integer(json, "bars", bars);
    end_line(&line, out);
}

enum ja_status ja_synth_truth(const char *what, FILE *out, struct ja_error *error) {
    if (!ja_synth_is_name(what))
        return ja_fail(error, JA_USAGE, "%s: only a synth: name has a known truth", what);
    struct ja_synth *synth;
    struct ja_source_info info;
    enum ja_status status = ja_synth_open(&synth, what, &info, error);
    if (status != JA_OK)
        return status;
    if (synth->signal->truth)
        synth->signal->truth(synth, out);
    ja_synth_close(synth);
    return fflush(out) == 0 && !ferror(out)
               ? JA_OK
               : ja_fail(error, JA_FAILED, "%s: the truth cannot be written", what);
}
