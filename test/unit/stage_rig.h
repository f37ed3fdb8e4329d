/* A bench for stages: runs some of them in a pipeline over sound made by a function, and keeps what
 * they say.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_STAGE_RIG_H
#define TEST_STAGE_RIG_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <ja/core/math.h>
#include <ja/pipeline/pipeline.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RIG_STAGES = 40, RIG_EVENTS = 4096, RIG_BLOCK = 256, RIG_CHANNELS = 2 };

struct rig {
    const struct ja_stage_class *classes[RIG_STAGES];
    void *settings[RIG_STAGES];
    size_t count;
    unsigned rate, channels;
    struct ja_analysis_settings analysis;
    struct ja_pipeline *pipeline;
    struct ja_catalogue catalogue;
    uint64_t fed; /* frames */
    struct ja_event events[RIG_EVENTS];
    size_t event_count;
    float last[256]; /* values of the last frame */
    float *kept;     /* every value of every frame, when asked for */
    size_t kept_count, kept_room;
    bool bad; /* a value was infinite, or an event's number not finite */
};

/* One sample of channel c at t seconds. */
typedef double rig_sound(double t, unsigned c);

static inline void rig_default(const struct ja_module *module, char *settings) {
    for (size_t i = 0; i < module->option_count; i++) {
        const struct ja_option *option = &module->options[i];
        void *field = settings + option->offset;
        int choice = 0;

        switch (option->type) {
        case JA_BOOL:
            *(bool *)field = strcmp(option->fallback, "true") == 0;
            break;
        case JA_INT:
            *(int *)field = atoi(option->fallback);
            break;
        case JA_FLOAT:
            *(double *)field = atof(option->fallback);
            break;
        case JA_CHOICE:
            while (strcmp(option->choices[choice], option->fallback) != 0)
                choice++;
            *(int *)field = choice;
            break;
        default:
            abort();
        }
    }
}

static inline void rig_event(void *data, const struct ja_event *event) {
    struct rig *rig = data;
    const struct ja_event_info *info = ja_event_info(event->type);

    if (rig->event_count < RIG_EVENTS)
        rig->events[rig->event_count++] = *event;
    rig->bad |= !isfinite(event->time) || !isfinite(event->emitted);
    for (size_t i = 0; i < info->field_count; i++) {
        if (info->fields[i].type == JA_FIELD_NUMBER)
            rig->bad |= isinf(*(const double *)((const char *)event + info->fields[i].offset));
    }
}

static inline void rig_frame(void *data, const struct ja_frame *frame, size_t size) {
    struct rig *rig = data;
    size_t values = (size - sizeof *frame) / sizeof(float);

    memcpy(rig->last, frame->values, values * sizeof(float));
    for (size_t i = 0; i < values; i++) {
        rig->bad |= isinf(frame->values[i]);
        if (rig->kept_count < rig->kept_room)
            rig->kept[rig->kept_count++] = frame->values[i];
    }
}

/* Every stage of `classes` (NULL ends) with its defaults; change them before rig_start. */
static inline struct rig *rig_new(unsigned rate, unsigned channels,
                                  const struct ja_stage_class *const *classes) {
    struct rig *rig = calloc(1, sizeof *rig);

    rig->rate = rate;
    rig->channels = channels;
    rig->analysis.window_size = 2; /* 2048 */
    for (; classes[rig->count]; rig->count++) {
        size_t size = classes[rig->count]->module->settings_size;

        rig->classes[rig->count] = classes[rig->count];
        rig->settings[rig->count] = calloc(1, size ? size : 1);
        rig_default(classes[rig->count]->module, rig->settings[rig->count]);
    }
    return rig;
}

static inline const struct ja_option *rig_option(struct rig *rig, const char *module,
                                                 const char *name, void **field) {
    for (size_t s = 0; s < rig->count; s++) {
        const struct ja_module *m = rig->classes[s]->module;

        for (size_t i = 0; i < m->option_count && strcmp(m->name, module) == 0; i++) {
            if (strcmp(m->options[i].name, name) == 0) {
                *field = (char *)rig->settings[s] + m->options[i].offset;
                return &m->options[i];
            }
        }
    }
    abort();
}

/* Sets one option, any type; takes effect at start or by rig_configure. */
static inline void rig_set(struct rig *rig, const char *module, const char *name, double value) {
    void *field;
    const struct ja_option *option = rig_option(rig, module, name, &field);

    if (option->type == JA_FLOAT)
        *(double *)field = value;
    else if (option->type == JA_BOOL)
        *(bool *)field = value != 0;
    else
        *(int *)field = (int)value;
}

static inline void rig_start(struct rig *rig) {
    struct ja_error error = {""};
    struct ja_pipeline_setup setup = {
        .rate = rig->rate,
        .channels = rig->channels,
        .analysis = &rig->analysis,
        .stages = rig->classes,
        .stage_count = rig->count,
        .settings = (const void *const *)rig->settings,
        .out = {rig_frame, rig_event, rig},
    };

    rig->pipeline = ja_pipeline_new(&setup, &error);
    if (!rig->pipeline)
        fail_msg("%s", error.text);
    assert_int_equal(ja_catalogue_init(&rig->catalogue, rig->classes, rig->count, &error), JA_OK);
}

static inline void rig_free(struct rig *rig) {
    ja_pipeline_free(rig->pipeline);
    ja_catalogue_done(&rig->catalogue);
    for (size_t s = 0; s < rig->count; s++)
        free(rig->settings[s]);
    free(rig->kept);
    free(rig);
}

/* Feeds `seconds` of `sound`; its t goes on from the last call. */
static inline void rig_play(struct rig *rig, double seconds, rig_sound *sound) {
    float samples[RIG_CHANNELS][RIG_BLOCK];
    const float *channels[RIG_CHANNELS] = {samples[0], samples[1]};
    uint64_t end = rig->fed + (uint64_t)llround(seconds * rig->rate);

    while (rig->fed < end) {
        size_t count = end - rig->fed < RIG_BLOCK ? (size_t)(end - rig->fed) : RIG_BLOCK;

        for (unsigned c = 0; c < rig->channels; c++)
            for (size_t i = 0; i < count; i++)
                samples[c][i] = (float)sound((double)(rig->fed + i) / rig->rate, c);
        ja_pipeline_feed(rig->pipeline, channels, count);
        rig->fed += count;
    }
}

/* The value of an output in the last frame. */
static inline float rig_value(const struct rig *rig, const char *name) {
    const struct ja_catalogue_entry *entry = ja_catalogue_find(&rig->catalogue, name);

    assert_non_null(entry);
    return rig->last[entry->first];
}

/* From now on keeps every value of every frame, up to `room`. */
static inline void rig_keep(struct rig *rig, size_t room) {
    rig->kept = malloc(room * sizeof(float));
    rig->kept_room = room;
}

static inline size_t rig_count(const struct rig *rig, enum ja_event_type type) {
    size_t count = 0;

    for (size_t i = 0; i < rig->event_count; i++)
        count += rig->events[i].type == type;
    return count;
}

/* The last event of this type. */
static inline const struct ja_event *rig_last(const struct rig *rig, enum ja_event_type type) {
    for (size_t i = rig->event_count; i-- > 0;) {
        if (rig->events[i].type == type)
            return &rig->events[i];
    }
    fail_msg("no such event");
    return NULL;
}

/* White noise in -1…1, the same each time for the same t. */
static inline double rig_noise(double t, unsigned c) {
    uint64_t x = (uint64_t)llround(t * 192000) * 2 + c + 1;

    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return (double)(x >> 11) / 4503599627370496.0 - 1;
}

/* A short noise on every beat. */
static inline double rig_clicks(double t, double bpm) {
    double since = fmod(t, 60 / bpm);

    return since < 0.01 ? 0.5 * exp(-since * 300) * rig_noise(since, 0) : 0;
}

static inline double rig_nothing(double t, unsigned c) {
    (void)t, (void)c;
    return 0;
}

static inline double rig_sine(double t, double hz) {
    return sin(2 * JA_PI * hz * t);
}

#endif
