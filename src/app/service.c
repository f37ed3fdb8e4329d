/* The program as a service: says when it is ready, how it fares, and, to the watchdog, that it is
 * alive.
 *
 * Ready means that it listens; JACK may come later. Alive means that every worker works off what
 * comes in, and that JACK, while connected, calls: so a restart can cure what is not alive. A
 * server that is not there is no fault.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include <ja/core/clock.h>
#include <ja/core/service.h>
#include <ja/core/text.h>

#include <string.h>

static const uint64_t period_us = 1000000;
static const double stuck_ms = 500; /* so much sound waits for a worker that makes no progress */

/* Whether the i-th worker has done something since the last time, or has nothing to do. */
static bool works(struct ja_app *app, size_t i) {
    struct ja_stream_stats stats;
    ja_stream_stats(app->streams[i], &stats);
    bool advances = stats.processed != app->service.processed[i];
    app->service.processed[i] = stats.processed;
    return advances || stats.queue_ms < stuck_ms;
}

static bool is_alive(struct ja_app *app) {
    bool alive = app->jack_status.state != JA_JACK_STALLED;
    for (size_t i = 0; i < app->stream_count; i++)
        alive = works(app, i) && alive;
    return alive;
}

/* "locked, 126.0 BPM; JACK: running as …" */
static void put_status(const struct ja_app *app, struct ja_text *text) {
    const struct ja_event_state *state = &app->states[0].state;
    ja_text_put(text, "STATUS=");
    if (state->state)
        ja_text_put(text, state->state);
    if (state->state && app->service.bpm > 0)
        ja_text_format(text, ", %.1f BPM", app->service.bpm);
    if (app->jack_status.reason[0])
        ja_text_format(text, "%sJACK: %s", state->state ? "; " : "", app->jack_status.reason);
}

static void tell_status(struct ja_app *app) {
    char status[sizeof app->service.status];
    struct ja_text text;
    ja_text_init(&text, status, sizeof status);
    put_status(app, &text);
    if (strcmp(status, app->service.status) != 0 && ja_service_tell(status))
        memcpy(app->service.status, status, sizeof status);
}

static void every_period(void *data, uint64_t due_us) {
    struct ja_app *app = data;
    (void)due_us;
    if (!app->service.ready)
        app->service.ready = ja_service_tell("READY=1");
    tell_status(app);
    if (app->service.watched && is_alive(app))
        ja_service_tell("WATCHDOG=1");
}

void ja_app_open_service(struct ja_app *app) {
    uint64_t watchdog_us = ja_service_watchdog_us();
    if (!ja_service_is_managed())
        return;
    app->service.watched = watchdog_us > 0;
    bool often = watchdog_us > 0 && watchdog_us / 4 < period_us;
    ja_loop_every(app->loop, often ? watchdog_us / 4 : period_us, every_period, app);
    every_period(app, 0);
}

void ja_app_service_event(struct ja_app *app, const struct ja_event *event) {
    if (event->type == JA_EVENT_BEAT)
        app->service.bpm = event->beat.bpm;
    else if (event->type == JA_EVENT_STATE && strcmp(event->state.state, "locked") != 0 &&
             strcmp(event->state.state, "flywheel") != 0)
        app->service.bpm = 0;
}

void ja_app_service_reloads(void) {
    char text[80];
    struct ja_text out;
    ja_text_init(&out, text, sizeof text);
    ja_text_format(&out, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)ja_clock_us());
    ja_service_tell(text);
}

void ja_app_service_reloaded(struct ja_app *app) {
    app->service.ready = ja_service_tell("READY=1");
}
