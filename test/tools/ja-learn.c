/* Plays a sound into the analysis as fast as it can, with an operator who gives feedback at certain
 * times; what is learnt is kept as the program would keep it.
 *
 *   ja-learn SOUND [SECONDS WORD]...
 *
 * Prints each beat: its time, when it was told, its tempo. All options are at their defaults; the
 * model is the profile's, default, below $XDG_STATE_HOME.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "modules.h"

#include <ja/adapt/learner.h>
#include <ja/audio/source.h>
#include <ja/config/config.h>
#include <ja/stream/stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 512 };

struct desk {
    struct ja_config *config;
    struct ja_source *source;
    struct ja_analysis_settings analysis;
    struct ja_stream *stream;
    struct ja_learner learner;
    struct ja_ear ear;
    char **feedback; /* SECONDS WORD …, NULL */
};

static void *settings_of(const struct desk *desk, const struct ja_module *module) {
    void *settings = calloc(1, module->settings_size + 1);
    if (settings)
        ja_config_fill(desk->config, module, NULL, settings);
    return settings;
}

static enum ja_status open_stream(struct desk *desk, struct ja_error *error) {
    const void *settings[JA_MODULES];
    ja_config_fill(desk->config, &ja_analysis_module, NULL, &desk->analysis);
    for (size_t i = 0; i < ja_stage_count; i++)
        settings[i] = settings_of(desk, ja_stages[i]->module);
    struct ja_stream_setup setup = {
        .name = "main",
        .channels = ja_source_info(desk->source)->channels,
        .analysis = &desk->analysis,
        .stages = ja_stages,
        .stage_count = ja_stage_count,
        .settings = settings,
    };
    desk->stream = ja_stream_new(&setup, error);
    for (size_t i = 0; i < ja_stage_count; i++)
        free((void *)settings[i]);
    return desk->stream ? JA_OK : JA_FAILED;
}

static enum ja_status open_learner(struct desk *desk, struct ja_error *error) {
    struct ja_learn_settings settings;
    memset(&settings, 0, sizeof settings);
    ja_config_fill(desk->config, &ja_learn_module, NULL, &settings);
    return ja_learner_open(&desk->learner, &settings, true, error);
}

/* Says what is to be said before `now`. */
static enum ja_status speak(struct desk *desk, double now, struct ja_error *error) {
    char said[256];
    struct ja_text reply;
    struct ja_stage_command command = {.time = now};
    double due;
    while (desk->feedback[0] && desk->feedback[1]) {
        ja_text_init(&reply, said, sizeof said);
        enum ja_verdict verdict = ja_verdict_find(desk->feedback[1], &reply);
        if (verdict == JA_VERDICTS || !ja_text_double(desk->feedback[0], &due))
            return ja_fail(error, JA_USAGE, "%s %s: %s", desk->feedback[0], desk->feedback[1],
                           verdict == JA_VERDICTS ? said : "no time in seconds");
        if (due > now)
            break;
        if (ja_learner_judge(&desk->learner, &desk->ear, verdict, now, &reply) &&
            ja_verdict_action(verdict, &command.action))
            ja_stream_command(desk->stream, &command);
        fprintf(stderr, "%.2f %s: %s\n", now, desk->feedback[1], said);
        desk->feedback += 2;
    }
    return JA_OK;
}

static void listen(struct desk *desk) {
    struct ja_message message;
    struct ja_priors priors;
    while (ja_stream_receive(desk->stream, &message)) {
        if (message.type != JA_MESSAGE_EVENT)
            continue;
        ja_learner_hear(&desk->learner, &desk->ear, message.event);
        if (message.event->type == JA_EVENT_BEAT)
            printf("%.4f %.4f %.2f\n", message.event->time, message.event->emitted,
                   message.event->beat.bpm);
    }
    if (ja_learner_take(&desk->learner, &priors))
        ja_stream_set_priors(desk->stream, &priors);
}

static enum ja_status play(struct desk *desk, struct ja_error *error) {
    static float samples[JA_CHANNELS][FRAMES];
    float *channels[JA_CHANNELS];
    const struct ja_source_info *info = ja_source_info(desk->source);
    struct ja_block block = {.rate = info->rate, .channels = info->channels, .epoch = 1};
    enum ja_status status = JA_OK;
    int count = 1;
    for (unsigned c = 0; c < JA_CHANNELS; c++)
        channels[c] = samples[c];
    while (status == JA_OK && count > 0) {
        listen(desk);
        status = speak(desk, (double)block.frame / info->rate, error);
        count = ja_source_read(desk->source, channels, FRAMES, error);
        if (count < 0)
            return JA_FAILED;
        block.frames = (uint32_t)count;
        if (count > 0)
            ja_inlet_write(ja_stream_inlet(desk->stream), &block, (const float *const *)channels);
        ja_stream_run(desk->stream);
        block.frame += block.frames;
    }
    ja_stream_finish(desk->stream);
    listen(desk);
    ja_learner_save(&desk->learner);
    return status;
}

int main(int argc, char **argv) {
    const struct ja_module *modules[JA_MODULES];
    struct ja_error error = {"usage: ja-learn SOUND [SECONDS WORD]..."};
    static struct desk desk;
    enum ja_status status = argc > 1 && argc % 2 == 0 ? JA_OK : JA_USAGE;
    desk.feedback = argv + 2;
    desk.config = ja_config_new(modules, ja_modules_collect(modules));
    if (status == JA_OK)
        status = ja_source_open(&desk.source, argv[1], &error);
    if (status == JA_OK)
        status = open_learner(&desk, &error);
    if (status == JA_OK)
        status = open_stream(&desk, &error);
    if (status == JA_OK)
        status = play(&desk, &error);
    if (status != JA_OK)
        fprintf(stderr, "ja-learn: %s\n", error.text);
    ja_stream_free(desk.stream);
    ja_source_close(desk.source);
    ja_config_free(desk.config);
    return (int)status;
}
