/* Prints what the beat engine knew when it told each beat, for fitting its confidence.
 *
 *   ja-beat-clues [--flux] SOUND
 *
 * A line per beat: time in s, logit of the belief in the tempo, mean activation on the last beats,
 * and between them, how much every second beat differs, share of all activation that lies at the
 * beats; then the confidence told.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/audio/source.h>
#include <ja/beat/engine.h>
#include <ja/core/math.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FRAMES = 1024, CHANNELS = 8, LEAD_FRAMES = 8 };

static double logit(double p) {
    p = ja_clamp(p, 0.01, 0.99);
    return log(p / (1 - p));
}

static void print_beats(struct ja_engine *engine, const float *mono, unsigned count, long *hop) {
    for (unsigned done = 0; done < count;) {
        struct ja_engine_frame frame;
        bool complete;
        done += ja_engine_feed(engine, mono + done, count - done, &frame, &complete);
        if (!complete)
            continue;
        ++*hop;
        if (frame.beat)
            printf("%.4f %.4f %.4f %.4f %.4f %.4f %.4f\n", *hop / 100.0 + frame.beat_in_s,
                   logit(frame.tempo_share), frame.on_beat, frame.off_beat, frame.uneven,
                   frame.on_grid, frame.confidence);
    }
}

static enum ja_status run(struct ja_source *source, struct ja_engine *engine,
                          struct ja_error *error) {
    static float planes[CHANNELS][FRAMES];
    float *channels[CHANNELS];
    unsigned count = ja_source_info(source)->channels;
    long hop = 0;
    int frames;
    for (unsigned c = 0; c < CHANNELS; c++)
        channels[c] = planes[c];
    while ((frames = ja_source_read(source, channels, FRAMES, error)) > 0) {
        for (int i = 0; i < frames; i++) {
            for (unsigned c = 1; c < count; c++)
                planes[0][i] += planes[c][i];
            planes[0][i] /= (float)count;
        }
        print_beats(engine, planes[0], (unsigned)frames, &hop);
    }
    return frames < 0 ? JA_FAILED : JA_OK;
}

int main(int argc, char **argv) {
    struct ja_error error = {"usage: ja-beat-clues [--flux] SOUND at 44100 or 48000 Hz"};
    struct ja_source *source = NULL;
    struct ja_engine *engine = NULL;
    bool flux = argc > 1 && !strcmp(argv[1], "--flux");
    enum ja_status status = JA_USAGE;
    if (argc == 2 + flux)
        status = ja_source_open(&source, argv[argc - 1], &error);
    if (status == JA_OK) {
        struct ja_engine_setup setup = {ja_source_info(source)->rate, LEAD_FRAMES, !flux, 1, 1000};
        engine = ja_engine_new(&setup, &error);
        status = engine ? run(source, engine, &error) : JA_FAILED;
    }
    if (status != JA_OK)
        fprintf(stderr, "ja-beat-clues: %s\n", error.text);
    ja_engine_free(engine);
    ja_source_close(source);
    return (int)status;
}
