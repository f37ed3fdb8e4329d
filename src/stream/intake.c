/* Continuity of sound: every block says which frame it starts with, so lost sound is seen and
 * named.
 *
 * A short gap is filled with silence, so that every stage's own count of samples stays right. After
 * a long one, or when the server was restarted, time is moved on and the stages start anew. When
 * the rate has changed, the whole pipeline is built again; stream time goes on over all of that.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "intake.h"

#include <ja/core/log.h>
#include <ja/core/math.h>
#include <ja/core/text.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double longest_fill_s = 1.0;    /* gaps up to this long are filled with silence */
static const double timebase_every_s = 0.1;  /* of audio */
static const double timebase_slack_us = 500; /* tell at once when the clock has moved this much */
static const float limit = 16.0f;            /* what is beyond is no sound but a fault */

enum ja_status ja_intake_init(struct ja_intake *intake, struct ja_error *error) {
    intake->samples = calloc((size_t)JA_CHANNELS * JA_BLOCK_FRAMES, sizeof *intake->samples);
    if (!intake->samples)
        return ja_fail(error, JA_FAILED, "no memory for the blocks of sound");
    intake->step = &ja_governor_steps[0];
    return JA_OK;
}

void ja_intake_done(struct ja_intake *intake) {
    ja_pipeline_free(intake->pipeline);
    ja_resampler_free(intake->resampler);
    free(intake->samples);
    intake->pipeline = NULL;
    intake->resampler = NULL;
    intake->samples = NULL;
}

/* Silence takes the place of what is no number or far too much: any other value would be felt for
 * as long as the stages remember. */
static void sanitise(struct ja_intake *intake, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float sample = intake->samples[i];
        if (sample >= -limit && sample <= limit)
            continue;
        intake->samples[i] = 0;
        intake->repaired++;
    }
}

static void to_pipeline(void *data, const float *const *channels, size_t count) {
    ja_pipeline_feed(data, channels, count);
}

static void feed(struct ja_intake *intake, const float *const *channels, size_t count) {
    intake->frames += count;
    if (intake->resampler)
        ja_resampler_feed(intake->resampler, channels, count, to_pipeline, intake->pipeline);
    else
        ja_pipeline_feed(intake->pipeline, channels, count);
}

static void feed_silence(struct ja_intake *intake, uint64_t count) {
    static const float silence[1024];
    const float *channels[JA_CHANNELS];
    for (unsigned c = 0; c < intake->channels; c++)
        channels[c] = silence;
    while (count > 0) {
        size_t now = count < 1024 ? (size_t)count : 1024;
        feed(intake, channels, now);
        count -= now;
    }
}

/* s of audio at the next input frame. */
static double input_time(const struct ja_intake *intake) {
    return intake->start + (intake->last.rate ? (double)intake->frames / intake->last.rate : 0);
}

static void follow_step(struct ja_intake *intake) {
    ja_pipeline_set_level(intake->pipeline, intake->step->level);
    ja_pipeline_set_coarse(intake->pipeline, intake->step->coarse);
}

static bool build(struct ja_intake *intake, unsigned rate, double start) {
    struct ja_error error;
    ja_pipeline_free(intake->pipeline);
    ja_resampler_free(intake->resampler);
    intake->pipeline = NULL;
    intake->resampler = NULL;
    intake->start = start;
    intake->frames = 0;
    intake->setup.rate = ja_resample_target(rate);
    intake->setup.start = start;
    intake->setup.lag = 0;
    if (intake->setup.rate != rate) {
        intake->resampler = ja_resampler_new(rate, intake->setup.rate, intake->channels, &error);
        if (!intake->resampler)
            goto failed;
        intake->setup.lag = ja_resampler_lag(intake->resampler);
    }
    intake->pipeline = ja_pipeline_new(&intake->setup, &error);
    if (intake->pipeline) {
        follow_step(intake);
        if (intake->lost[0])
            ja_pipeline_notice(intake->pipeline, JA_NOTICE_INPUT_LOST, intake->lost);
        return true;
    }

failed:
    ja_log(JA_LOG_ERROR, "analysis at %u Hz cannot start: %s", rate, error.text);
    return false;
}

/* `after` frames of an earlier gap that is told, too. */
static void tell_gap(struct ja_intake *intake, uint64_t after, uint64_t frames, unsigned rate,
                     const char *cause) {
    if (!intake->pipeline || frames == 0)
        return;
    struct ja_event event = {
        .type = JA_EVENT_GAP,
        .time = input_time(intake) + (double)after / rate,
        .gap = {(long long)frames, cause},
    };
    ja_pipeline_emit(intake->pipeline, &event);
}

/* Of what is missing before a block, what found no room in the inlet comes first. */
static void tell_missing(struct ja_intake *intake, const struct ja_block *block, uint64_t missing,
                         const char *cause) {
    uint64_t lost = block->lost - intake->last.lost;
    lost = lost < missing ? lost : missing;
    tell_gap(intake, 0, lost, intake->last.rate, "overflow");
    tell_gap(intake, lost, missing - lost, intake->last.rate, cause);
}

/* The present run of input frames ends; the next one starts `seconds` later. */
static void move_on(struct ja_intake *intake, double seconds) {
    intake->start = input_time(intake) + seconds;
    intake->frames = 0;
    if (intake->resampler)
        ja_resampler_reset(intake->resampler);
    if (intake->pipeline)
        ja_pipeline_skip(intake->pipeline, intake->start - ja_pipeline_now(intake->pipeline));
}

/* Seconds between the end of the last block and the start of this one by the clock. */
static double clock_gap(const struct ja_block *last, const struct ja_block *block) {
    double end_us = (double)last->time_us + last->frames * 1e6 / last->rate;
    return fmax(0, ((double)block->time_us - end_us) * 1e-6);
}

static void follow_epoch(struct ja_intake *intake, const struct ja_block *block) {
    double seconds = clock_gap(&intake->last, block);
    bool other_rate = block->rate != intake->last.rate;
    uint64_t missing = (uint64_t)llround(seconds * intake->last.rate);
    tell_missing(intake, block, missing, other_rate ? "rate" : "restart");
    if (other_rate || !intake->pipeline)
        build(intake, block->rate, input_time(intake) + seconds);
    else
        move_on(intake, seconds);
}

static void follow_frames(struct ja_intake *intake, const struct ja_block *block) {
    uint64_t expected = intake->last.frame + intake->last.frames;
    if (block->frame == expected)
        return;
    uint64_t missing = block->frame > expected ? block->frame - expected : 0;
    double seconds = (double)missing / block->rate;
    tell_missing(intake, block, missing, "server");
    if (seconds > longest_fill_s || missing == 0 || !intake->pipeline)
        move_on(intake, seconds);
    else
        feed_silence(intake, missing);
}

static void tell_timebase(struct ja_intake *intake, const struct ja_block *block) {
    if (block->time_us == 0)
        return;
    double at = input_time(intake);
    bool due = !(at - intake->told_at < timebase_every_s);
    double expected_us = (double)intake->last.time_us + intake->last.frames * 1e6 / block->rate;
    if (!due && fabs((double)block->time_us - expected_us) < timebase_slack_us)
        return;
    struct ja_timebase timebase = {at, (double)block->time_us, block->rate};
    intake->timebase(intake->data, &timebase);
    intake->told_at = at;
}

static void analyse(struct ja_intake *intake, const struct ja_block *block) {
    const float *channels[JA_CHANNELS];
    for (unsigned c = 0; c < intake->channels; c++)
        channels[c] = intake->samples + (size_t)c * block->frames;
    if (intake->last.rate == 0)
        build(intake, block->rate, 0);
    else if (block->epoch != intake->last.epoch || block->rate != intake->last.rate)
        follow_epoch(intake, block);
    else
        follow_frames(intake, block);
    tell_timebase(intake, block);
    intake->last = *block;
    if (!intake->pipeline)
        return;
    if (intake->paused)
        move_on(intake, (double)block->frames / block->rate);
    else
        feed(intake, channels, block->frames);
}

bool ja_intake_block(struct ja_intake *intake) {
    struct ja_block block;
    struct ja_ring *ring = intake->inlet->ring;
    if (!ja_ring_read(ring, &block, sizeof block))
        return false;
    size_t count = (size_t)block.frames * block.channels;
    ja_ring_read(ring, intake->samples, count * sizeof *intake->samples);
    if (block.channels < intake->channels) {
        size_t missing = (size_t)block.frames * (intake->channels - block.channels);
        memset(intake->samples + count, 0, missing * sizeof *intake->samples);
    }
    sanitise(intake, count);
    ja_monitor_offer(intake->monitor, &block, intake->samples);
    analyse(intake, &block);
    intake->processed += block.frames;
    return true;
}

void ja_intake_rest(const struct ja_intake *intake) {
    unsigned frames = 0;
    if (intake->resampler)
        frames = ja_resampler_missing(intake->resampler);
    else if (intake->pipeline)
        frames = ja_pipeline_missing(intake->pipeline);
    ja_inlet_want(intake->inlet, intake->processed, frames);
}

/* Also before any sound has told its rate: then there is no pipeline yet. */
void ja_intake_notice(struct ja_intake *intake, enum ja_notice notice, const char *reason) {
    bool lost = notice == JA_NOTICE_INPUT_LOST;
    ja_text_copy(intake->lost, sizeof intake->lost, lost ? reason : "");
    if (intake->pipeline)
        ja_pipeline_notice(intake->pipeline, notice, reason);
    else
        build(intake, 48000, input_time(intake)); /* tells what is lost */
}

void ja_intake_set_step(struct ja_intake *intake, const struct ja_governor_step *step) {
    intake->step = step;
    if (intake->pipeline)
        follow_step(intake);
}

void ja_intake_finish(struct ja_intake *intake) {
    if (!intake->pipeline)
        return;
    if (intake->resampler)
        ja_resampler_finish(intake->resampler, to_pipeline, intake->pipeline);
    ja_pipeline_finish(intake->pipeline);
}
