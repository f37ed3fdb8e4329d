/* A run on a sound file: as fast as the machine can, or paced as if it were played.
 *
 * Fast, everything happens in this thread and only JSON lines are written. Paced, the loop's timer
 * hands out blocks at the time they would sound, the stream has its worker, and every output runs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/audio/source.h>
#include <ja/core/clock.h>
#include <ja/core/log.h>

#include <stdlib.h>

enum {
    FAST_FRAMES = 4096,
    PACED_FRAMES = 256,
    SETTLE_US = 20000,  /* how often the end is looked for */
    LINGER_US = 200000, /* after the last sound, for what is still to be sent */
};

struct player {
    struct ja_app *app;
    struct ja_source *source;
    const struct ja_source_info *info;
    float *samples;
    float *channels[JA_CHANNELS];
    uint64_t frame;
    uint64_t start_us; /* paced: when frame 0 sounds; 0: fast */
    enum ja_status status;
    struct ja_error *error;
};

/* False at the end. */
static bool play_block(struct player *player, unsigned frames) {
    int count = ja_source_read(player->source, player->channels, frames, player->error);
    if (count < 0)
        player->status = JA_FAILED;
    if (count <= 0)
        return false;
    struct ja_block block = {
        .frame = player->frame,
        .frames = (uint32_t)count,
        .rate = player->info->rate,
        .channels = player->info->channels,
        .epoch = 1,
    };
    if (player->start_us)
        block.time_us = player->start_us + player->frame * 1000000 / player->info->rate;
    ja_inlet_write(ja_stream_inlet(player->app->streams[0]), &block,
                   (const float *const *)player->channels);
    player->frame += block.frames;
    return true;
}

static void run_fast(struct player *player) {
    struct ja_app *app = player->app;
    while (play_block(player, FAST_FRAMES)) {
        ja_stream_run(app->streams[0]);
        ja_app_deliver(app);
    }
}

static void look_for_end(void *data, uint64_t due_us) {
    struct player *player = data;
    struct ja_stream_stats stats;
    ja_stream_stats(player->app->streams[0], &stats);
    if (stats.processed + stats.lost == stats.delivered)
        ja_loop_stop(player->app->loop);
    else
        ja_loop_at(player->app->loop, due_us + SETTLE_US, look_for_end, player);
}

/* Hands out the next block when its last frame has sounded. */
static void play_due(void *data, uint64_t due_us) {
    struct player *player = data;
    struct ja_loop *loop = player->app->loop;
    if (!play_block(player, PACED_FRAMES)) {
        ja_loop_at(loop, due_us + LINGER_US, look_for_end, player);
        return;
    }
    uint64_t next = player->frame + PACED_FRAMES;
    ja_loop_at(loop, player->start_us + next * 1000000 / player->info->rate, play_due, player);
}

static enum ja_status run_paced(struct player *player, struct ja_error *error) {
    struct ja_app *app = player->app;
    enum ja_status status = ja_app_open_control(app, error);
    if (status == JA_OK)
        status = ja_app_open_web(app, error);
    if (status == JA_OK)
        status = ja_app_watch_signals(app, error);
    if (status == JA_OK)
        status = ja_app_start(app, error);
    if (status != JA_OK)
        return status;
    player->start_us = ja_clock_us();
    ja_loop_at(app->loop, player->start_us, play_due, player);
    ja_loop_run(app->loop);
    ja_stream_stop(app->streams[0]);
    return JA_OK;
}

static enum ja_status play(struct player *player, struct ja_error *error) {
    struct ja_app *app = player->app;
    app->live = app->arguments->paced;
    enum ja_status status = ja_app_add_stream(app, "main", player->info->channels, error);
    if (status == JA_OK)
        status = ja_app_sync_sinks(app, app->config, error);
    if (status != JA_OK)
        return status;
    if (app->arguments->paced)
        status = run_paced(player, error);
    else
        run_fast(player);
    if (status != JA_OK)
        return status;
    ja_stream_finish(app->streams[0]);
    ja_app_finish(app);
    return player->status;
}

enum ja_status ja_app_run_file(struct ja_app *app, struct ja_error *error) {
    struct player player = {.app = app, .error = error};
    enum ja_status status = ja_source_open(&player.source, app->arguments->file, error);
    if (status != JA_OK)
        return status;
    player.info = ja_source_info(player.source);
    player.samples = calloc((size_t)player.info->channels * FAST_FRAMES, sizeof(float));
    if (player.samples) {
        for (unsigned c = 0; c < player.info->channels; c++)
            player.channels[c] = player.samples + (size_t)c * FAST_FRAMES;
        status = play(&player, error);
    } else {
        status = ja_fail(error, JA_FAILED, "no memory to read %s", app->arguments->file);
    }
    free(player.samples);
    ja_source_close(player.source);
    return status;
}
