/* Cuts sound into slices and hops and calls every stage in order.
 *
 * Samples gather in one hop-sized buffer. When a slice of it is full, every stage may listen to it;
 * when the hop is full, the spectrum is made and every stage fills its part of the frame. What a
 * stage emits goes out at once and to the stages after it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/pipeline/spectrum.h>

#include <ja/pipeline/pipeline.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHANNELS = 8, SLICES_PER_SECOND = 300, HOPS_PER_SECOND = 100, SMALLEST_WINDOW = 512 };

struct ja_pipeline {
    unsigned rate, channels;
    unsigned slice, hop; /* frames */
    unsigned window;     /* samples of the shared spectrum */
    double start;        /* s of audio at frame 0 */
    double lag;          /* s, added to what is called emitted */
    uint64_t done;       /* frames of whole slices since start */
    unsigned filled;     /* frames gathered of the current hop */
    float *mono;         /* hop frames */
    float *channel[MOST_CHANNELS];
    struct ja_spectrum_maker *fine, *coarse; /* the shared spectrum; NULL when no stage needs it */
    struct ja_spectrum_maker *spectrum;      /* the one of them that runs, NULL: none */
    enum ja_level level;                     /* stages above it are left out */
    bool wants_coarse;
    struct ja_catalogue catalogue;
    struct ja_frame *frame;
    size_t frame_size; /* bytes */
    struct ja_pipeline_out out;
    struct ja_priors priors;
    size_t stage_count;
    struct ja_stage *stages;
};

const char *const ja_level_names[] = {"low", "medium", "high", "maximum", NULL};

static const char *const window_choices[] = {"hann", "hamming", "blackman", NULL};
static const char *const window_size_choices[] = {"512", "1024", "2048", "4096", "8192", NULL};

static const struct ja_option analysis_options[] = {
    JA_OPTION_CHOICE(struct ja_analysis_settings, window, "window", "hann", window_choices,
                     JA_START, "Shape of the window of the shared spectrum."),
    JA_OPTION_CHOICE(struct ja_analysis_settings, window_size, "window_size", "2048",
                     window_size_choices, JA_START, "Length of that window in samples."),
    JA_OPTION_INT(struct ja_analysis_settings, hop, "hop", "0", 0, 4096, "frames", JA_START,
                  "Frames from one analysis frame to the next; 0 is a hundredth of a second, "
                  "other values start at 64."),
};

const struct ja_module ja_analysis_module = {
    .name = "analysis",
    .help = "How the sound is cut into frames.",
    .options = analysis_options,
    .option_count = sizeof analysis_options / sizeof analysis_options[0],
    .settings_size = sizeof(struct ja_analysis_settings),
};

/* Slices of about a 300th of a second that divide the hop. */
static unsigned choose_slice(unsigned rate, unsigned hop) {
    unsigned parts = (hop * SLICES_PER_SECOND + rate / 2) / rate;
    while (parts > 1 && hop % parts != 0)
        parts--;
    return parts > 1 ? hop / parts : hop;
}

static enum ja_status open_stage(struct ja_pipeline *pipeline, struct ja_stage *stage,
                                 struct ja_error *error) {
    if (stage->class->state_size > 0) {
        stage->state = calloc(1, stage->class->state_size);
        if (!stage->state)
            return ja_fail(error, JA_FAILED, "no memory for %s", stage->class->module->name);
    }
    struct ja_stage_setup setup = {pipeline->rate, pipeline->slice, pipeline->hop,
                                   pipeline->channels, pipeline->window};
    enum ja_status status = stage->class->open ? stage->class->open(stage, &setup, error) : JA_OK;
    if (status != JA_OK) {
        free(stage->state);
        stage->state = NULL;
    }
    stage->open = status == JA_OK;
    return status;
}

static void close_stage(struct ja_stage *stage) {
    if (stage->open && stage->class->close)
        stage->class->close(stage);
    free(stage->state);
    stage->state = NULL;
}

static enum ja_status open_stages(struct ja_pipeline *pipeline,
                                  const struct ja_pipeline_setup *setup, struct ja_error *error) {
    size_t first = 0;
    for (size_t i = 0; i < setup->stage_count; i++) {
        struct ja_stage *stage = &pipeline->stages[i];
        size_t size = setup->stages[i]->module->settings_size;
        *stage = (struct ja_stage){.class = setup->stages[i],
                                   .pipeline = pipeline,
                                   .settings = malloc(size ? size : 1),
                                   .out = pipeline->frame->values + first,
                                   .position = i};
        if (!stage->settings)
            return ja_fail(error, JA_FAILED, "no memory for %s", stage->class->module->name);
        if (size)
            memcpy(stage->settings, setup->settings[i], size);
        enum ja_status status = open_stage(pipeline, stage, error);
        if (status != JA_OK) {
            free(stage->settings);
            return status;
        }
        pipeline->stage_count = i + 1;
        for (size_t o = 0; o < stage->class->output_count; o++)
            first += stage->class->outputs[o].width;
    }
    return JA_OK;
}

static bool allocate(struct ja_pipeline *pipeline, size_t stages) {
    pipeline->frame_size = sizeof *pipeline->frame + pipeline->catalogue.values * sizeof(float);
    pipeline->frame = calloc(1, pipeline->frame_size);
    pipeline->stages = calloc(stages ? stages : 1, sizeof *pipeline->stages);
    pipeline->mono = calloc(pipeline->hop, sizeof(float));
    bool ok = pipeline->frame && pipeline->stages && pipeline->mono;
    for (unsigned c = 0; c < pipeline->channels; c++) {
        pipeline->channel[c] = calloc(pipeline->hop, sizeof(float));
        ok = ok && pipeline->channel[c];
    }
    return ok;
}

/* Whether the stage is called. */
static bool runs(const struct ja_stage *stage) {
    return stage->open && stage->class->level <= stage->pipeline->level;
}

static bool any_needs_spectrum(const struct ja_pipeline_setup *setup) {
    for (size_t i = 0; i < setup->stage_count; i++) {
        if (setup->stages[i]->needs_spectrum)
            return true;
    }
    return false;
}

static unsigned coarse_window(unsigned window) {
    return window / 4 > SMALLEST_WINDOW ? window / 4 : SMALLEST_WINDOW;
}

static enum ja_status set_up(struct ja_pipeline *pipeline, const struct ja_pipeline_setup *setup,
                             struct ja_error *error) {
    const struct ja_analysis_settings *analysis = setup->analysis;
    if (analysis->hop != 0 && analysis->hop < 64)
        return ja_fail(error, JA_USAGE, "analysis.hop = %d: must be 0 or 64 to 4096 frames",
                       analysis->hop);
    pipeline->hop = analysis->hop ? (unsigned)analysis->hop : setup->rate / HOPS_PER_SECOND;
    pipeline->slice = choose_slice(setup->rate, pipeline->hop);
    pipeline->window = 512u << analysis->window_size;
    enum ja_status status =
        ja_catalogue_init(&pipeline->catalogue, setup->stages, setup->stage_count, error);
    if (status != JA_OK)
        return status;
    if (!allocate(pipeline, setup->stage_count))
        return ja_fail(error, JA_FAILED, "no memory for the analysis");
    if (any_needs_spectrum(setup)) {
        enum ja_window shape = (enum ja_window)analysis->window;
        pipeline->fine = ja_spectrum_new(shape, pipeline->window, setup->rate, error);
        pipeline->coarse =
            ja_spectrum_new(shape, coarse_window(pipeline->window), setup->rate, error);
        if (!pipeline->fine || !pipeline->coarse)
            return JA_FAILED;
    }
    pipeline->level = JA_LEVEL_MAXIMUM;
    pipeline->spectrum = pipeline->fine;
    return open_stages(pipeline, setup, error);
}

struct ja_pipeline *ja_pipeline_new(const struct ja_pipeline_setup *setup, struct ja_error *error) {
    struct ja_pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline) {
        ja_fail(error, JA_FAILED, "no memory for the analysis");
        return NULL;
    }
    pipeline->rate = setup->rate;
    pipeline->channels = setup->channels;
    pipeline->start = setup->start;
    pipeline->lag = setup->lag;
    pipeline->out = setup->out;
    pipeline->priors = setup->priors ? *setup->priors : ja_neutral_priors;
    if (set_up(pipeline, setup, error) != JA_OK) {
        ja_pipeline_free(pipeline);
        return NULL;
    }
    return pipeline;
}

void ja_pipeline_free(struct ja_pipeline *pipeline) {
    if (!pipeline)
        return;
    for (size_t i = pipeline->stage_count; i-- > 0;) {
        close_stage(&pipeline->stages[i]);
        free(pipeline->stages[i].settings);
    }
    for (unsigned c = 0; c < pipeline->channels; c++)
        free(pipeline->channel[c]);
    ja_spectrum_free(pipeline->fine);
    ja_spectrum_free(pipeline->coarse);
    free(pipeline->mono);
    free(pipeline->stages);
    free(pipeline->frame);
    ja_catalogue_done(&pipeline->catalogue);
    free(pipeline);
}

double ja_pipeline_now(const struct ja_pipeline *pipeline) {
    return pipeline->start + (double)pipeline->done / pipeline->rate;
}

/* The last `frames` of what has been gathered; `channels` is the caller's array. */
static struct ja_span last_span(const struct ja_pipeline *pipeline, unsigned frames,
                                const float **channels) {
    unsigned offset = pipeline->filled - frames;
    for (unsigned c = 0; c < pipeline->channels; c++)
        channels[c] = pipeline->channel[c] + offset;
    double end = ja_pipeline_now(pipeline);
    return (struct ja_span){
        .time = pipeline->start + ((double)pipeline->done - frames) / pipeline->rate,
        .end = end,
        .rate = pipeline->rate,
        .size = frames,
        .channel_count = pipeline->channels,
        .mono = pipeline->mono + offset,
        .channels = channels,
    };
}

static void finish_slice(struct ja_pipeline *pipeline) {
    const float *channels[MOST_CHANNELS];
    pipeline->done += pipeline->slice;
    struct ja_span slice = last_span(pipeline, pipeline->slice, channels);
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        struct ja_stage *stage = &pipeline->stages[i];
        if (runs(stage) && stage->class->listen)
            stage->class->listen(stage, &slice);
    }
}

static void finish_hop(struct ja_pipeline *pipeline) {
    const float *channels[MOST_CHANNELS];
    struct ja_span hop = last_span(pipeline, pipeline->hop, channels);
    const struct ja_spectrum *spectrum = NULL;
    if (pipeline->spectrum)
        spectrum = ja_spectrum_make(pipeline->spectrum, hop.mono, hop.size);
    for (size_t i = 0; i < pipeline->catalogue.values; i++)
        pipeline->frame->values[i] = NAN;
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        struct ja_stage *stage = &pipeline->stages[i];
        if (runs(stage) && stage->class->process)
            stage->class->process(stage, &hop, spectrum, stage->out);
    }
    pipeline->frame->time = hop.end;
    pipeline->filled = 0;
    if (pipeline->out.frame)
        pipeline->out.frame(pipeline->out.data, pipeline->frame, pipeline->frame_size);
}

static void gather(struct ja_pipeline *pipeline, const float *const *channels, size_t offset,
                   unsigned count) {
    float *mono = pipeline->mono + pipeline->filled;
    memset(mono, 0, count * sizeof *mono);
    for (unsigned c = 0; c < pipeline->channels; c++) {
        const float *from = channels[c] + offset;
        memcpy(pipeline->channel[c] + pipeline->filled, from, count * sizeof *from);
        for (unsigned i = 0; i < count; i++)
            mono[i] += from[i];
    }
    if (pipeline->channels > 1) {
        float scale = 1.0f / (float)pipeline->channels;
        for (unsigned i = 0; i < count; i++)
            mono[i] *= scale;
    }
    pipeline->filled += count;
}

unsigned ja_pipeline_missing(const struct ja_pipeline *pipeline) {
    return pipeline->slice - pipeline->filled % pipeline->slice;
}

void ja_pipeline_feed(struct ja_pipeline *pipeline, const float *const *channels, size_t count) {
    for (size_t taken = 0; taken < count;) {
        unsigned missing = ja_pipeline_missing(pipeline);
        unsigned now = count - taken < missing ? (unsigned)(count - taken) : missing;
        gather(pipeline, channels, taken, now);
        taken += now;
        if (now == missing) {
            finish_slice(pipeline);
            if (pipeline->filled == pipeline->hop)
                finish_hop(pipeline);
        }
    }
}

void ja_pipeline_finish(struct ja_pipeline *pipeline) {
    static const float silence[64];
    const float *channels[MOST_CHANNELS];
    for (unsigned c = 0; c < pipeline->channels; c++)
        channels[c] = silence;
    while (pipeline->filled > 0) {
        unsigned missing = pipeline->hop - pipeline->filled;
        ja_pipeline_feed(pipeline, channels, missing < 64 ? missing : 64);
    }
}

static void reset_stage(struct ja_stage *stage) {
    if (stage->open && stage->class->reset)
        stage->class->reset(stage);
}

void ja_pipeline_reset(struct ja_pipeline *pipeline) {
    for (size_t i = 0; i < pipeline->stage_count; i++)
        reset_stage(&pipeline->stages[i]);
    if (pipeline->spectrum)
        ja_spectrum_reset(pipeline->spectrum);
}

void ja_pipeline_skip(struct ja_pipeline *pipeline, double seconds) {
    unsigned partial = pipeline->filled % pipeline->slice;
    pipeline->start = ja_pipeline_now(pipeline) + (double)partial / pipeline->rate + seconds;
    pipeline->done = 0;
    pipeline->filled = 0;
    ja_pipeline_reset(pipeline);
}

/* --- Levels --- */

static void shed_stages(struct ja_pipeline *pipeline, enum ja_level level) {
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        struct ja_stage *stage = &pipeline->stages[i];
        if (runs(stage) && stage->class->level > level && stage->class->shed)
            stage->class->shed(stage, ja_pipeline_now(pipeline));
    }
}

static void bring_back_stages(struct ja_pipeline *pipeline, enum ja_level level) {
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        struct ja_stage *stage = &pipeline->stages[i];
        if (stage->class->level > pipeline->level && stage->class->level <= level)
            reset_stage(stage);
    }
}

/* What a maker had heard before it was left out is not what comes before the next hop. */
static void choose_spectrum(struct ja_pipeline *pipeline) {
    bool needed = false, coarse = pipeline->wants_coarse && pipeline->level == JA_LEVEL_LOW;
    for (size_t i = 0; i < pipeline->stage_count; i++)
        needed |= pipeline->stages[i].class->needs_spectrum && runs(&pipeline->stages[i]);
    struct ja_spectrum_maker *chosen = coarse ? pipeline->coarse : pipeline->fine;
    if (!needed)
        chosen = NULL;
    if (chosen && chosen != pipeline->spectrum)
        ja_spectrum_reset(chosen);
    pipeline->spectrum = chosen;
}

void ja_pipeline_set_level(struct ja_pipeline *pipeline, enum ja_level level) {
    shed_stages(pipeline, level);
    bring_back_stages(pipeline, level);
    pipeline->level = level;
    choose_spectrum(pipeline);
}

void ja_pipeline_set_coarse(struct ja_pipeline *pipeline, bool coarse) {
    pipeline->wants_coarse = coarse;
    choose_spectrum(pipeline);
}

/* --- Settings --- */

static bool must_reopen(const struct ja_module *module, const char *before, const char *after) {
    for (size_t i = 0; i < module->option_count; i++) {
        const struct ja_option *option = &module->options[i];
        if (option->effect == JA_REOPEN &&
            memcmp(before + option->offset, after + option->offset, option->size) != 0)
            return true;
    }
    return false;
}

static enum ja_status configure_stage(struct ja_stage *stage, const void *settings,
                                      struct ja_error *error) {
    size_t size = stage->class->module->settings_size;
    if (stage->open && !must_reopen(stage->class->module, stage->settings, settings)) {
        memcpy(stage->settings, settings, size);
        if (stage->class->configure)
            stage->class->configure(stage);
        return JA_OK;
    }
    void *before = malloc(size);
    if (!before)
        return ja_fail(error, JA_FAILED, "no memory for %s", stage->class->module->name);
    memcpy(before, stage->settings, size);
    close_stage(stage);
    memcpy(stage->settings, settings, size);
    enum ja_status status = open_stage(stage->pipeline, stage, error);
    if (status != JA_OK) {
        memcpy(stage->settings, before, size);
        if (open_stage(stage->pipeline, stage, NULL) != JA_OK)
            status = JA_FAILED;
    }
    free(before);
    return status;
}

enum ja_status ja_pipeline_configure(struct ja_pipeline *pipeline, const struct ja_module *module,
                                     const void *settings, struct ja_error *error) {
    enum ja_status status = JA_OK;
    for (size_t i = 0; i < pipeline->stage_count && status == JA_OK; i++) {
        if (pipeline->stages[i].class->module == module)
            status = configure_stage(&pipeline->stages[i], settings, error);
    }
    return status;
}

void ja_pipeline_notice(struct ja_pipeline *pipeline, enum ja_notice notice, const char *reason) {
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        struct ja_stage *stage = &pipeline->stages[i];
        if (runs(stage) && stage->class->notice)
            stage->class->notice(stage, notice, reason, ja_pipeline_now(pipeline));
    }
}

void ja_pipeline_command(struct ja_pipeline *pipeline, const struct ja_stage_command *command) {
    struct ja_stage_command passed_on = *command;
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        struct ja_stage *stage = &pipeline->stages[i];
        if (runs(stage) && stage->class->command)
            stage->class->command(stage, &passed_on, ja_pipeline_now(pipeline));
    }
}

void ja_pipeline_set_priors(struct ja_pipeline *pipeline, const struct ja_priors *priors) {
    pipeline->priors = *priors;
}

static void publish(struct ja_pipeline *pipeline, size_t from, const struct ja_event *event) {
    struct ja_event final = *event;
    final.emitted = ja_pipeline_now(pipeline) + pipeline->lag;
    if (pipeline->out.event)
        pipeline->out.event(pipeline->out.data, &final);
    for (size_t i = from; i < pipeline->stage_count; i++) {
        struct ja_stage *stage = &pipeline->stages[i];
        if (runs(stage) && stage->class->heard)
            stage->class->heard(stage, &final);
    }
}

void ja_pipeline_emit(struct ja_pipeline *pipeline, const struct ja_event *event) {
    publish(pipeline, 0, event);
}

void ja_stage_emit(struct ja_stage *stage, const struct ja_event *event) {
    publish(stage->pipeline, stage->position + 1, event);
}

const float *ja_stage_input(const struct ja_stage *stage, const char *name) {
    const struct ja_pipeline *pipeline = stage->pipeline;
    const struct ja_catalogue_entry *entry = ja_catalogue_find(&pipeline->catalogue, name);
    if (!entry || pipeline->frame->values + entry->first >= stage->out)
        return NULL;
    return pipeline->frame->values + entry->first;
}

const struct ja_priors *ja_stage_priors(const struct ja_stage *stage) {
    return &stage->pipeline->priors;
}

const void *ja_stage_settings(const struct ja_stage *stage, const char *module) {
    const struct ja_pipeline *pipeline = stage->pipeline;
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        if (strcmp(pipeline->stages[i].class->module->name, module) == 0)
            return pipeline->stages[i].settings;
    }
    return NULL;
}
