/* From the inlet's blocks to one unbroken stretch of clean sound in the pipeline.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_STREAM_INTAKE_H
#define JA_STREAM_INTAKE_H

#include "resample.h"

#include <ja/adapt/governor.h>
#include <ja/pipeline/pipeline.h>
#include <ja/stream/inlet.h>
#include <ja/stream/monitor.h>
#include <ja/stream/stream.h>

struct ja_intake {
    /* Set once by the owner. */
    struct ja_inlet *inlet;
    struct ja_monitor *monitor;
    unsigned channels;
    struct ja_pipeline_setup setup; /* rate, start and lag are filled in for each new pipeline */
    void (*timebase)(void *data, const struct ja_timebase *timebase);
    void *data; /* for timebase */

    const struct ja_governor_step *step; /* how much this pipeline and the next do */
    struct ja_pipeline *pipeline;        /* NULL until the first block has told its rate */
    struct ja_resampler *resampler;      /* NULL at 44.1 and 48 kHz */
    float *samples;                      /* one block, channel after channel */
    struct ja_block last;                /* the block before */
    double start;    /* s of audio where the present run of input frames began */
    uint64_t frames; /* input frames since */
    double told_at;  /* s of audio of the last timebase handed on */
    bool paused;
    char lost[160];     /* why nothing comes in, "" while something does: for the next pipeline */
    uint64_t repaired;  /* samples */
    uint64_t processed; /* frames */
};

enum ja_status ja_intake_init(struct ja_intake *intake, struct ja_error *error);
void ja_intake_done(struct ja_intake *intake);
/* Works off one block; false when the inlet is empty. */
bool ja_intake_block(struct ja_intake *intake);
/* Has the inlet wake its reader no sooner than there is something to work on. */
void ja_intake_rest(const struct ja_intake *intake);
/* Tells the stages, these and those of later pipelines. */
void ja_intake_notice(struct ja_intake *intake, enum ja_notice notice, const char *reason);
void ja_intake_set_step(struct ja_intake *intake, const struct ja_governor_step *step);
/* The end of a file: works off what is held back. */
void ja_intake_finish(struct ja_intake *intake);

#endif
