/* Ableton Link behind functions of C; no exception leaves them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "link_shim.h"

#include <ableton/Link.hpp>
#include <chrono>
#include <exception>

struct ja_link {
    explicit ja_link(double bpm) : session(bpm) {
    }
    ableton::Link session;
    std::chrono::microseconds at(int64_t ahead_us) const {
        return session.clock().micros() + std::chrono::microseconds(ahead_us);
    }
};

extern "C" const bool ja_link_built_in = true;

struct ja_link *ja_link_join(double bpm) {
    try {
        ja_link *link = new ja_link(bpm);
        link->session.enable(true);
        return link;
    } catch (const std::exception &) {
        return nullptr;
    }
}

void ja_link_leave(struct ja_link *link) {
    delete link;
}

void ja_link_look(const struct ja_link *link, int64_t ahead_us, double quantum,
                  struct ja_link_view *view) {
    const auto state = link->session.captureAppSessionState();
    view->peers = static_cast<unsigned>(link->session.numPeers());
    view->bpm = state.tempo();
    view->beat = state.beatAtTime(link->at(ahead_us), quantum);
}

void ja_link_set_tempo(struct ja_link *link, int64_t ahead_us, double bpm) {
    auto state = link->session.captureAppSessionState();
    state.setTempo(bpm, link->at(ahead_us));
    link->session.commitAppSessionState(state);
}

void ja_link_set_beat(struct ja_link *link, int64_t ahead_us, double quantum, double beat,
                      bool force) {
    auto state = link->session.captureAppSessionState();
    if (force)
        state.forceBeatAtTime(beat, link->at(ahead_us), quantum);
    else
        state.requestBeatAtTime(beat, link->at(ahead_us), quantum);
    link->session.commitAppSessionState(state);
}
