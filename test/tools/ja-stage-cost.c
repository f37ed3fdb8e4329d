/* Measures what each stage costs: runs everything over a sound and prints processor seconds per
 * second of sound, by stage, and the longest hop.
 *
 *   ja-stage-cost [SOUND]
 *
 * Without SOUND it is a minute of the demo track.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "modules.h"
#include "stream/denormals.h"

#include <ja/audio/source.h>
#include <ja/config/config.h>
#include <ja/pipeline/pipeline.h>
#include <ja/stream/inlet.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_STAGES = 64 };

/* A stage as the pipeline sees it, and the one it stands for. */
struct timed {
    struct ja_stage_class class; /* first: a stage leads back to here */
    const struct ja_stage_class *real;
    double seconds;
};

static struct timed timed[MOST_STAGES];

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void timed_listen(struct ja_stage *stage, const struct ja_span *slice) {
    struct timed *self = (struct timed *)stage->class;
    double before = cpu_seconds();
    self->real->listen(stage, slice);
    self->seconds += cpu_seconds() - before;
}

static void timed_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    struct timed *self = (struct timed *)stage->class;
    double before = cpu_seconds();
    self->real->process(stage, hop, spectrum, out);
    self->seconds += cpu_seconds() - before;
}

static enum ja_status make(struct ja_pipeline **pipeline, const struct ja_source_info *info,
                           struct ja_error *error) {
    static struct ja_analysis_settings analysis;
    const struct ja_module *modules[JA_MODULES];
    const struct ja_stage_class *stages[MOST_STAGES];
    void *settings[MOST_STAGES];
    struct ja_config *config = ja_config_new(modules, ja_modules_collect(modules));
    if (!config)
        return ja_fail(error, JA_FAILED, "no memory");
    ja_config_fill(config, &ja_analysis_module, NULL, &analysis);
    for (size_t i = 0; i < ja_stage_count; i++) {
        timed[i] = (struct timed){.class = *ja_stages[i], .real = ja_stages[i]};
        if (timed[i].class.listen)
            timed[i].class.listen = timed_listen;
        if (timed[i].class.process)
            timed[i].class.process = timed_process;
        stages[i] = &timed[i].class;
        settings[i] = calloc(1, ja_stages[i]->module->settings_size + 1);
        ja_config_fill(config, ja_stages[i]->module, NULL, settings[i]);
    }
    struct ja_pipeline_setup setup = {.rate = info->rate,
                                      .channels = info->channels,
                                      .analysis = &analysis,
                                      .stages = stages,
                                      .stage_count = ja_stage_count,
                                      .settings = (const void *const *)settings};
    *pipeline = ja_pipeline_new(&setup, error);
    for (size_t i = 0; i < ja_stage_count; i++)
        free(settings[i]);
    ja_config_free(config);
    return *pipeline ? JA_OK : JA_FAILED;
}

static int later_costs_less(const void *a, const void *b) {
    const struct timed *const *first = a, *const *second = b;
    double difference = (*second)->seconds - (*first)->seconds;
    return (difference > 0) - (difference < 0);
}

static void print(double sound, double total, double longest) {
    const struct timed *sorted[MOST_STAGES];
    double stages = 0;
    for (size_t i = 0; i < ja_stage_count; i++) {
        stages += timed[i].seconds;
        sorted[i] = &timed[i];
    }
    qsort(sorted, ja_stage_count, sizeof sorted[0], later_costs_less);
    printf("CPU s per s of sound, %.0f s:\n", sound);
    for (size_t i = 0; i < ja_stage_count; i++)
        printf("  %-18s %.6f\n", sorted[i]->real->module->name, sorted[i]->seconds / sound);
    printf("  %-18s %.6f\n", "cutting, spectrum", (total - stages) / sound);
    printf("  %-18s %.6f\n", "all", total / sound);
    printf("longest hop: %.3f ms of CPU\n", longest * 1e3);
}

static enum ja_status run(struct ja_source *source, struct ja_pipeline *pipeline,
                          struct ja_error *error) {
    static float planes[JA_CHANNELS][JA_BLOCK_FRAMES];
    float *channels[JA_CHANNELS];
    const struct ja_source_info *info = ja_source_info(source);
    unsigned hop = info->rate / 100;
    double total = 0, longest = 0, sound = 0;
    int count;
    for (unsigned c = 0; c < JA_CHANNELS; c++)
        channels[c] = planes[c];
    while ((count = ja_source_read(source, channels, hop, error)) > 0) {
        double before = cpu_seconds(), spent;
        ja_pipeline_feed(pipeline, (const float *const *)channels, (size_t)count);
        spent = cpu_seconds() - before;
        total += spent;
        longest = spent > longest ? spent : longest;
        sound += (double)count / info->rate;
    }
    print(sound, total, longest);
    return count < 0 ? JA_FAILED : JA_OK;
}

int main(int argc, char **argv) {
    struct ja_source *source = NULL;
    struct ja_pipeline *pipeline = NULL;
    struct ja_error error = {""};
    enum ja_status status =
        ja_source_open(&source, argc > 1 ? argv[1] : "synth:demo?seconds=60&rate=48000", &error);
    ja_denormals_flush();
    if (status == JA_OK)
        status = make(&pipeline, ja_source_info(source), &error);
    if (status == JA_OK)
        status = run(source, pipeline, &error);
    if (status != JA_OK)
        fprintf(stderr, "ja-stage-cost: %s\n", error.text);
    ja_pipeline_free(pipeline);
    ja_source_close(source);
    return status == JA_OK ? 0 : 1;
}
