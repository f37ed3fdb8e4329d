/* Prints what speaks for a change of energy at each sixteenth of a sound, for training.
 *
 *   ja-energy-clues SOUND AGO...
 *
 * For each tick and each AGO (ticks since the supposed change, 1 to 8) a line: the change's time in
 * s, how much has been heard in s, the beat's length in s, AGO, then the clues.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "feature/evidence.h"

#include <ja/audio/source.h>
#include <ja/config/config.h>
#include <ja/feature/stages.h>
#include <ja/pipeline/pipeline.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES = 1024, CHANNELS = 8, MOST = 8 };

static long agos[MOST];
static int ago_count;

static void print_line(const struct ja_evidence *evidence, long ago, double now) {
    float clues[JA_CLUES];

    ja_evidence_clues(evidence, ago, clues);
    printf("%.3f %.3f %.4f %ld", ja_evidence_tick(evidence, ago - 1)->start, now, evidence->period,
           ago);
    for (int i = 0; i < JA_CLUES; i++)
        printf(" %.3g", clues[i]);
    putchar('\n');
}

static enum ja_status clues_open(struct ja_stage *stage, const struct ja_stage_setup *setup,
                                 struct ja_error *error) {
    (void)setup, (void)error;
    ja_evidence_reset(stage->state);
    return JA_OK;
}

static void clues_heard(struct ja_stage *stage, const struct ja_event *event) {
    if (event->type == JA_EVENT_BEAT)
        ja_evidence_beat(stage->state, event);
}

static void clues_process(struct ja_stage *stage, const struct ja_span *hop,
                          const struct ja_spectrum *spectrum, float *out) {
    struct ja_evidence *evidence = stage->state;

    (void)out;
    if (!ja_evidence_hear(evidence, hop, spectrum))
        return;
    for (int i = 0; i < ago_count; i++)
        if (evidence->count > agos[i])
            print_line(evidence, agos[i], hop->end);
}

static const struct ja_module clues_module = {.name = "clues", .help = "Prints."};
static const struct ja_stage_class clues_stage = {
    .module = &clues_module,
    .state_size = sizeof(struct ja_evidence),
    .needs_spectrum = true,
    .open = clues_open,
    .process = clues_process,
    .heard = clues_heard,
};

static const struct ja_stage_class *const stages[] = {
    &ja_silence_stage, &ja_onset_stage, &ja_beat_stage, &ja_tempo_stage, &clues_stage};
enum { STAGE_COUNT = sizeof stages / sizeof *stages };

static struct ja_pipeline *open_pipeline(const struct ja_source_info *info, void **settings,
                                         struct ja_error *error) {
    const struct ja_module *modules[STAGE_COUNT + 1] = {&ja_analysis_module};
    struct ja_analysis_settings analysis;

    for (size_t i = 0; i < STAGE_COUNT; i++)
        modules[i + 1] = stages[i]->module;
    struct ja_config *config = ja_config_new(modules, STAGE_COUNT + 1);
    if (!config) {
        ja_fail(error, JA_FAILED, "no memory");
        return NULL;
    }
    ja_config_fill(config, &ja_analysis_module, NULL, &analysis);
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        settings[i] = calloc(1, stages[i]->module->settings_size + 1);
        if (settings[i])
            ja_config_fill(config, stages[i]->module, NULL, settings[i]);
    }
    ja_config_free(config);
    return ja_pipeline_new(&(struct ja_pipeline_setup){.rate = info->rate,
                                                       .channels = info->channels,
                                                       .analysis = &analysis,
                                                       .stages = stages,
                                                       .stage_count = STAGE_COUNT,
                                                       .settings = (const void *const *)settings},
                           error);
}

static enum ja_status run(struct ja_source *source, struct ja_error *error) {
    static float planes[CHANNELS][FRAMES];
    float *channels[CHANNELS];
    void *settings[STAGE_COUNT] = {NULL};
    int frames = 0;

    for (unsigned c = 0; c < CHANNELS; c++)
        channels[c] = planes[c];
    struct ja_pipeline *pipeline = open_pipeline(ja_source_info(source), settings, error);
    while (pipeline && (frames = ja_source_read(source, channels, FRAMES, error)) > 0)
        ja_pipeline_feed(pipeline, (const float *const *)channels, (size_t)frames);
    ja_pipeline_free(pipeline);
    for (size_t i = 0; i < STAGE_COUNT; i++)
        free(settings[i]);
    return pipeline && frames >= 0 ? JA_OK : JA_FAILED;
}

int main(int argc, char **argv) {
    struct ja_error error = {"usage: ja-energy-clues SOUND AGO... at 44100 or 48000 Hz"};
    struct ja_source *source = NULL;
    enum ja_status status = JA_USAGE;

    for (int i = 2; i < argc && ago_count < MOST; i++)
        agos[ago_count++] = (long)fmax(1, fmin(8, atof(argv[i])));
    if (argc > 2)
        status = ja_source_open(&source, argv[1], &error);
    if (status == JA_OK)
        status = run(source, &error);
    if (status != JA_OK)
        fprintf(stderr, "ja-energy-clues: %s\n", error.text);
    ja_source_close(source);
    return (int)status;
}
