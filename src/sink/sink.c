/* What all sinks have in common: making them, their settings, and the mute switch.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/clock.h>
#include <ja/core/text.h>
#include <ja/sink/sink.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t ja_tap_us(const struct ja_tap *tap, double time) {
    const struct ja_timebase *base = &tap->timebase;
    if (isnan(base->at) || isnan(time))
        return 0;
    double us = base->us + (time - base->at) * 1e6;
    return us > 0 ? (uint64_t)us : 0;
}

uint64_t ja_tap_due_us(const struct ja_tap *tap, double time, double offset_ms) {
    uint64_t now_us = ja_clock_us(), at_us = ja_tap_us(tap, time);
    double due_us = (double)at_us + offset_ms * 1000;
    return at_us > 0 && due_us > (double)now_us ? (uint64_t)due_us : now_us;
}

double ja_tap_time(const struct ja_tap *tap, uint64_t us) {
    const struct ja_timebase *base = &tap->timebase;
    return base->at + ((double)us - base->us) * 1e-6;
}

bool ja_is_quiet(const struct ja_event *state) {
    const char *word = state->state.state;
    return word &&
           (!strcmp(word, "silent") || !strcmp(word, "no_input") || !strcmp(word, "flywheel"));
}

static void *copy_of(const void *bytes, size_t size) {
    void *copy = malloc(size ? size : 1);
    if (copy && size)
        memcpy(copy, bytes, size);
    return copy;
}

static void release(struct ja_sink *sink) {
    free(sink->state);
    free(sink->settings);
    free(sink);
}

static enum ja_status check(const struct ja_sink *sink, struct ja_error *error) {
    return sink->class->check ? sink->class->check(sink, error) : JA_OK;
}

enum ja_status ja_sink_check(const struct ja_sink_class *class, const char *name, void *settings,
                             struct ja_error *error) {
    struct ja_sink sink = {.class = class, .settings = settings};
    ja_text_copy(sink.name, sizeof sink.name, name);
    return check(&sink, error);
}

struct ja_sink *ja_sink_new(const struct ja_sink_class *class, const struct ja_sink_host *host,
                            const char *name, const void *settings, struct ja_error *error) {
    struct ja_sink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        ja_fail(error, JA_FAILED, "no memory for output \"%s\"", name ? name : class->module->name);
        return NULL;
    }
    sink->class = class;
    sink->host = host;
    ja_text_copy(sink->name, sizeof sink->name, name ? name : class->module->name);
    sink->settings = copy_of(settings, class->module->settings_size);
    sink->state = calloc(1, class->state_size ? class->state_size : 1);
    if (!sink->settings || !sink->state) {
        ja_fail(error, JA_FAILED, "no memory for output \"%s\"", sink->name);
        release(sink);
        return NULL;
    }
    if (check(sink, error) != JA_OK || (class->open && class->open(sink, error) != JA_OK)) {
        release(sink);
        return NULL;
    }
    return sink;
}

void ja_sink_free(struct ja_sink *sink) {
    if (!sink)
        return;
    if (sink->class->close)
        sink->class->close(sink);
    release(sink);
}

void ja_sink_frame(struct ja_sink *sink, const struct ja_tap *tap, const struct ja_frame *frame) {
    if (!sink->mute && sink->class->frame)
        sink->class->frame(sink, tap, frame);
}

void ja_sink_event(struct ja_sink *sink, const struct ja_tap *tap, const struct ja_event *event) {
    bool passes = !sink->mute || event->type == JA_EVENT_STATE;
    if (passes && sink->class->event)
        sink->class->event(sink, tap, event);
}

void ja_sink_second(struct ja_sink *sink) {
    if (sink->class->second)
        sink->class->second(sink);
}

void ja_sink_mute(struct ja_sink *sink, bool mute) {
    if (sink->mute == mute)
        return;
    sink->mute = mute;
    if (sink->class->muted)
        sink->class->muted(sink);
}

bool ja_sink_in_use(const struct ja_sink *sink) {
    const struct ja_module *module = sink->class->module;
    if (sink->class->in_use)
        return sink->class->in_use(sink);
    for (size_t i = 0; i < module->option_count; i++) {
        const struct ja_option *option = &module->options[i];
        if (option->type == JA_BOOL && !strcmp(option->name, "enable"))
            return *(const bool *)((const char *)sink->settings + option->offset);
    }
    return true;
}

enum ja_status ja_sink_configure(struct ja_sink *sink, const void *settings,
                                 struct ja_error *error) {
    void *before = sink->settings;
    void *after = copy_of(settings, sink->class->module->settings_size);
    if (!after)
        return ja_fail(error, JA_FAILED, "no memory for output \"%s\"", sink->name);
    sink->settings = after;
    enum ja_status status = check(sink, error);
    if (status == JA_OK && sink->class->configure)
        status = sink->class->configure(sink, before, error);
    if (status == JA_OK) {
        free(before);
    } else {
        sink->settings = before;
        free(after);
    }
    return status;
}
