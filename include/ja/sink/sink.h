/* A sink: where results go. One instance per target, all in the main thread.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_SINK_SINK_H
#define JA_SINK_SINK_H

#include <ja/config/option.h>
#include <ja/core/loop.h>
#include <ja/core/status.h>
#include <ja/stream/stream.h>
#include <stdint.h>

struct ja_sink;

/* What a sink sees of a stream. */
struct ja_tap {
    const char *name;             /* "main" */
    struct ja_timebase timebase;  /* at is NAN when offline */
    struct ja_stream_stats stats; /* refreshed once a second */
    uint64_t taken_us, told_us;   /* of the message at hand, see struct ja_message */
};

/* ja_clock_us at which stream time `time` is (or was) at the source; 0 when there is no timebase.
 */
uint64_t ja_tap_us(const struct ja_tap *tap, double time);
/* The reverse: stream time of what is at the source at `us`; NAN when there is no timebase. */
double ja_tap_time(const struct ja_tap *tap, uint64_t us);
/* ja_clock_us at which what happens at stream time `time` has to leave, `offset_ms` after it; now
 * when that is past or there is no timebase. */
uint64_t ja_tap_due_us(const struct ja_tap *tap, double time, double offset_ms);

/* Whether a state event says that no music is there: silent, no_input, or beats that only go on by
 * themselves. For outputs with an own mind about silence. */
bool ja_is_quiet(const struct ja_event *state);

/* What all sinks share, owned by the app. */
struct ja_sink_host {
    struct ja_loop *loop;
    const struct ja_catalogue *catalogue;
    struct ja_resolver *resolver; /* see ja/net/resolver.h */
    uint64_t start_us;            /* when the program started */
    const struct ja_tap *taps;    /* every stream */
    size_t tap_count;
    void (*server)(void *data, uint64_t *xruns); /* JACK's xruns; leaves 0 offline */
    /* Queues a MIDI message of 1…3 bytes for ja_clock_us `time_us`; false when it is lost. NULL
     * where there is no MIDI. */
    bool (*midi)(void *data, uint64_t time_us, const uint8_t *bytes, unsigned count);
    /* Numeric address and port of a DMX program in the local network; false while none is known.
     * NULL where nothing can be found. */
    bool (*find_os2l)(void *data, char *host, size_t size, int *port);
    /* Takes what ja_osc_inside_sink sends; false when it is lost. */
    bool (*packet)(void *data, const void *bytes, size_t size);
    void *data;
};

struct ja_sink_class {
    const struct ja_module *module; /* named when there can be several */
    size_t state_size;
    bool live_only; /* not opened when a file is worked off as fast as possible */
    /* What can be said of name and settings without opening anything; before open and configure.
     * Optional; the sink has neither host nor state here. */
    enum ja_status (*check)(const struct ja_sink *sink, struct ja_error *error);
    enum ja_status (*open)(struct ja_sink *sink, struct ja_error *error);
    /* Each optional. A muted sink gets no frames, and of the events those of state alone, so that
     * it knows where things stand; it must not send them. */
    void (*frame)(struct ja_sink *sink, const struct ja_tap *tap, const struct ja_frame *frame);
    void (*event)(struct ja_sink *sink, const struct ja_tap *tap, const struct ja_event *event);
    void (*second)(struct ja_sink *sink); /* once a second, muted or not */
    void (*muted)(struct ja_sink *sink);  /* sink->mute has changed: release what is held */
    /* settings have changed; `before` are the former. */
    enum ja_status (*configure)(struct ja_sink *sink, const void *before, struct ja_error *error);
    /* Does it send anything? NULL: where its option "enable" is not false. */
    bool (*in_use)(const struct ja_sink *sink);
    void (*close)(struct ja_sink *sink); /* sends what must be sent (releases), frees */
};

struct ja_sink {
    const struct ja_sink_class *class;
    const struct ja_sink_host *host;
    char name[64];  /* of the instance; the class's when not named */
    void *settings; /* the module's settings struct */
    void *state;
    bool mute;
    bool leased;           /* for a subscriber, not from the configuration */
    uint64_t sent, failed; /* packets or lines */
};

/* Whether a sink of that name could be opened with these settings, as far as they tell. */
enum ja_status ja_sink_check(const struct ja_sink_class *class, const char *name, void *settings,
                             struct ja_error *error);
/* Makes, fills (settings are copied), checks and opens; NULL and a sentence on error. */
struct ja_sink *ja_sink_new(const struct ja_sink_class *class, const struct ja_sink_host *host,
                            const char *name, const void *settings, struct ja_error *error);
void ja_sink_free(struct ja_sink *sink);
/* Called by the app; they look at mute and at which functions exist. */
void ja_sink_frame(struct ja_sink *sink, const struct ja_tap *tap, const struct ja_frame *frame);
void ja_sink_event(struct ja_sink *sink, const struct ja_tap *tap, const struct ja_event *event);
void ja_sink_second(struct ja_sink *sink);
void ja_sink_mute(struct ja_sink *sink, bool mute);
/* Does it send anything, when it is not muted? */
bool ja_sink_in_use(const struct ja_sink *sink);
enum ja_status ja_sink_configure(struct ja_sink *sink, const void *settings,
                                 struct ja_error *error);

#endif
