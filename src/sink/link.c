/* Ableton Link: tempo, beats and bars for the programs and machines in a Link session.
 *
 * Nothing is sent at certain times: each beat, which is known ahead, is compared with where the
 * session has one, and the session is changed according to session.h's manners. Peers go on by
 * themselves in between, and when the music stops.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "link_shim.h"
#include "session.h"

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/sink/sinks.h>
#include <math.h>

static const double first_bpm = 120; /* of a session that begins with us */

struct link_settings {
    struct ja_session_settings session;
    int quantum;
};

struct link {
    struct ja_link *link; /* NULL when not enabled */
    struct ja_session session;
    unsigned peers; /* as last told in the log */
};

#define S struct link_settings
static const struct ja_option options[] = {
    JA_SESSION_OPTIONS(S),
    JA_OPTION_INT(S, quantum, "quantum", "4", 2, 16, "beats", JA_LIVE,
                  "Beats per bar of the session, as set in the other programs."),
};
#undef S

static const struct ja_module module = {
    .name = "link",
    .help = "Ableton Link, by multicast in all local networks.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct link_settings),
};

static void link_event(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_event *event) {
    struct link *link = sink->state;
    const struct link_settings *settings = sink->settings;
    uint64_t us = ja_session_beat_us(&settings->session, tap, event);
    if (us == 0 || !link->link)
        return;
    struct ja_link_view seen;
    int64_t ahead_us = (int64_t)us - (int64_t)ja_clock_us();
    ja_link_look(link->link, ahead_us, settings->quantum, &seen);
    struct ja_session_view view = {seen.peers, seen.bpm, seen.beat};
    struct ja_session_wish wish =
        ja_session_hear(&link->session, &settings->session, settings->quantum, &event->beat, &view);
    if (!isnan(wish.bpm))
        ja_link_set_tempo(link->link, ahead_us, wish.bpm);
    if (!isnan(wish.beat))
        ja_link_set_beat(link->link, ahead_us, settings->quantum, wish.beat,
                         settings->session.force);
    sink->sent += !isnan(wish.bpm) || !isnan(wish.beat);
}

static void link_frame(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_frame *frame) {
    struct link *link = sink->state;
    const struct link_settings *settings = sink->settings;
    ja_session_frame(&link->session, &settings->session, tap, frame);
}

static void link_second(struct ja_sink *sink) {
    struct link *link = sink->state;
    struct ja_link_view view;
    if (!link->link)
        return;
    ja_link_look(link->link, 0, 1, &view);
    if (view.peers != link->peers)
        ja_log(JA_LOG_NOTICE, "link: %u peer%s, %.1f bpm", view.peers, view.peers == 1 ? "" : "s",
               view.bpm);
    link->peers = view.peers;
}

static void link_muted(struct ja_sink *sink) {
    struct link *link = sink->state;
    ja_session_reset(&link->session);
}

static enum ja_status link_check(const struct ja_sink *sink, struct ja_error *error) {
    const struct link_settings *settings = sink->settings;
    if (!settings->session.enable || ja_link_built_in)
        return JA_OK;
    return ja_fail(error, JA_USAGE,
                   "link.enable: this jack-analyzer is built without Ableton Link; build it with "
                   "the package ableton-link-dev, or use carabiner.enable");
}

/* Joins or leaves as enabled. */
static enum ja_status link_adjust(struct ja_sink *sink, struct ja_error *error) {
    struct link *link = sink->state;
    const struct link_settings *settings = sink->settings;
    bool enable = settings->session.enable;
    if (enable && !link->link && !(link->link = ja_link_join(first_bpm)))
        return ja_fail(error, JA_FAILED, "link: no memory, thread or socket for Ableton Link");
    if (!enable) {
        ja_link_leave(link->link);
        link->link = NULL;
    }
    return JA_OK;
}

static enum ja_status link_open(struct ja_sink *sink, struct ja_error *error) {
    struct link *link = sink->state;
    ja_session_init(&link->session, sink->host->catalogue);
    return link_adjust(sink, error);
}

static enum ja_status link_configure(struct ja_sink *sink, const void *former,
                                     struct ja_error *error) {
    struct link *link = sink->state;
    (void)former;
    ja_session_reset(&link->session);
    return link_adjust(sink, error);
}

static void link_close(struct ja_sink *sink) {
    struct link *link = sink->state;
    ja_link_leave(link->link);
}

const struct ja_sink_class ja_link_sink = {
    .module = &module,
    .state_size = sizeof(struct link),
    .live_only = true,
    .check = link_check,
    .open = link_open,
    .frame = link_frame,
    .event = link_event,
    .second = link_second,
    .muted = link_muted,
    .configure = link_configure,
    .close = link_close,
};
