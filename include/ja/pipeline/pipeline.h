/* The pipeline: cuts sound into slices and hops, makes the shared spectrum, and runs all stages in
 * order.
 *
 * Knows no thread and no clock: whoever feeds it, in blocks of whatever size, gets the same
 * results.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_PIPELINE_PIPELINE_H
#define JA_PIPELINE_PIPELINE_H

#include <ja/pipeline/catalogue.h>
#include <ja/pipeline/priors.h>
#include <ja/pipeline/stage.h>

/* Options "analysis.…". */
struct ja_analysis_settings {
    int window;      /* index: hann, hamming, blackman */
    int window_size; /* index: 512, 1024, … 8192 samples of the shared spectrum */
    int hop;         /* frames; 0: a hundredth of a second */
};
extern const struct ja_module ja_analysis_module;

/* Where results go. */
struct ja_pipeline_out {
    void (*frame)(void *data, const struct ja_frame *frame, size_t size); /* size: bytes */
    void (*event)(void *data, const struct ja_event *event);
    void *data;
};

struct ja_pipeline_setup {
    unsigned rate;     /* Hz of the samples it will be fed, 44100 or 48000 */
    unsigned channels; /* 1…8 */
    double start;      /* s of audio: time of the first sample it will be fed */
    double lag;        /* s by which what has been consumed is ahead of what is fed (resampling) */
    const struct ja_analysis_settings *analysis;
    const struct ja_stage_class *const *stages;
    size_t stage_count;
    const void *const *settings;    /* one filled settings struct per stage, copied */
    const struct ja_priors *priors; /* copied; NULL: nothing was learnt */
    struct ja_pipeline_out out;
};

struct ja_pipeline *ja_pipeline_new(const struct ja_pipeline_setup *setup, struct ja_error *error);
void ja_pipeline_free(struct ja_pipeline *pipeline); /* NULL is fine */

/* `count` frames of each channel. Samples must be finite. */
void ja_pipeline_feed(struct ja_pipeline *pipeline, const float *const *channels, size_t count);
/* Moves time on by `seconds` during which nothing was heard, and resets every stage. */
void ja_pipeline_skip(struct ja_pipeline *pipeline, double seconds);
/* All stages forget the past; time goes on. */
void ja_pipeline_reset(struct ja_pipeline *pipeline);
/* New settings for the stages of `module`; reopens them where an option of effect JA_REOPEN
 * differs. On error the old ones stay. */
enum ja_status ja_pipeline_configure(struct ja_pipeline *pipeline, const struct ja_module *module,
                                     const void *settings, struct ja_error *error);
void ja_pipeline_notice(struct ja_pipeline *pipeline, enum ja_notice notice, const char *reason);
/* Tells every stage in order, before the next sound. */
void ja_pipeline_command(struct ja_pipeline *pipeline, const struct ja_stage_command *command);
/* Leaves out every stage of a higher level: its values are NAN, it hears and tells nothing. One
 * that comes back is reset first. Without a stage that needs it there is no shared spectrum. A new
 * pipeline runs at JA_LEVEL_MAXIMUM. */
void ja_pipeline_set_level(struct ja_pipeline *pipeline, enum ja_level level);
/* What was learnt, for all stages from the next sound on. */
void ja_pipeline_set_priors(struct ja_pipeline *pipeline, const struct ja_priors *priors);
/* At JA_LEVEL_LOW: makes the shared spectrum of a quarter of the window, of 512 samples at least.
 */
void ja_pipeline_set_coarse(struct ja_pipeline *pipeline, bool coarse);
/* Publishes an event that comes from outside the stages (a gap). */
void ja_pipeline_emit(struct ja_pipeline *pipeline, const struct ja_event *event);
/* Fills the current hop up with silence, so that its frame comes out: the end of a file. */
void ja_pipeline_finish(struct ja_pipeline *pipeline);
/* s of audio fed so far, in whole slices. */
double ja_pipeline_now(const struct ja_pipeline *pipeline);
/* Frames that are missing from the next slice: fewer make no difference to any stage. */
unsigned ja_pipeline_missing(const struct ja_pipeline *pipeline);

#endif
