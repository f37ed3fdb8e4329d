/* The running program: it owns every part, and starts and stops them in order.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_APP_APP_H
#define JA_APP_APP_H

#include "arguments.h"

#include <ja/adapt/learner.h>
#include <ja/audio/jack.h>
#include <ja/config/config.h>
#include <ja/control/command.h>
#include <ja/control/midi_in.h>
#include <ja/control/osc.h>
#include <ja/control/subscribers.h>
#include <ja/core/chores.h>
#include <ja/core/json.h>
#include <ja/core/loop.h>
#include <ja/net/resolver.h>
#include <ja/pipeline/catalogue.h>
#include <ja/sink/sink.h>
#include <ja/stream/stream.h>
#include <ja/web/metrics.h>

enum { JA_SINKS = 128 }; /* most sinks at a time */

/* Options "jack.…". */
struct ja_jack_settings {
    char name[64];
    char server[64];
    int timebase;  /* enum ja_timebase_mode */
    int transport; /* index: leave, start */
};
extern const struct ja_module ja_jack_module;

/* Options "stream.NAME.…". */
struct ja_stream_settings {
    int inputs;
    char connect[1024];
};
extern const struct ja_module ja_stream_module;

/* What can be ordered for a while. */
enum ja_order_kind {
    JA_ORDER_HOLD,
    JA_ORDER_PIN, /* half, double, lock: the last of them holds */
    JA_ORDER_RANGE,
    JA_ORDERS
};

struct ja_order {
    struct ja_app *app;
    bool given;              /* it holds, as far as was ordered */
    enum ja_beat_action pin; /* what was ordered last, of those that pin the tempo */
    uint64_t timer;          /* of the loop, to undo it; 0: nothing to undo */
    double min_bpm, max_bpm; /* the range before */
};

/* Beats without music. */
struct ja_test_beats {
    uint64_t timer; /* of the loop; 0: none run */
    uint64_t end_us;
    double bpm;
    double next_us; /* of the beat to be told next, by ja_clock_us */
    int seq;        /* its */
    struct ja_tap tap;
    struct ja_frame *frame;
};

/* What the service manager has been told. */
struct ja_service {
    bool ready, watched;            /* the first also to be told again, if it was not taken */
    uint64_t processed[JA_STREAMS]; /* frames of sound, when the watchdog was thought of last */
    double bpm;                     /* 0: no beats */
    char status[256];
};

struct ja_dnssd;
struct ja_oscquery;
struct ja_web;

struct ja_app {
    struct ja_config *config;
    const struct ja_arguments *arguments;
    struct ja_config *defaults; /* nothing is set there */
    struct ja_loop *loop;
    struct ja_chores *chores; /* reads and writes files */
    struct ja_resolver *resolver;
    struct ja_catalogue catalogue;
    struct ja_analysis_settings analysis;

    struct ja_stream *streams[JA_STREAMS];
    struct ja_tap taps[JA_STREAMS];
    struct ja_event states[JA_STREAMS]; /* the last each stream told of itself */
    size_t stream_count;

    struct ja_sink_host host;
    struct ja_sink *sinks[JA_SINKS];
    size_t sink_count;
    bool closed; /* all sinks, for good */
    bool live;   /* else a file is worked off, and sinks that speak to the outside stay closed */

    struct ja_learner learner;
    struct ja_ear ears[JA_STREAMS];
    uint64_t save_timer; /* of the loop, to save the learner; 0: none */

    struct ja_operator operator;
    struct ja_control *control;
    struct ja_subscribers subscribers;
    const struct ja_config *subscribed; /* the preset a subscriber gets; NULL: none is needed */
    struct ja_web *web;                 /* NULL: nothing is served */
    struct ja_api *api;
    double web_rms[JA_STREAMS]; /* of the last frame */
    struct ja_cpu web_cpu;
    struct ja_oscquery *oscquery;
    const char *stream_names[JA_STREAMS];
    char name[64];          /* on the network */
    struct ja_dnssd *dnssd; /* NULL while there is nothing to show or to find */
    bool shown;             /* what listens is known now */
    bool discovery_failed;
    struct ja_order orders[JA_ORDERS];
    bool paused; /* all streams, by the operator */
    struct ja_test_beats test;
    struct ja_service service;
    struct ja_midi_in midi_in;
    uint64_t acted_us;    /* ja_clock_us when the operator did what is being done; 0: now */
    struct ja_jack *jack; /* NULL with --file */
    struct ja_jack_status jack_status;
    bool may_roll;              /* the transport, when the beat is found */
    bool locked;                /* the stream main, as last published */
    char deaf[JA_STREAMS][160]; /* why each stream hears nothing, "" when it does; as told to it */
    int results_fd;             /* eventfd: a worker has results */
    int signal_fd;
    bool wants_keys; /* of the terminal */
};

/* --- app.c: start and stop --- */

/* Everything that a live run and a file have in common. On error ja_app_done is still to be called.
 */
enum ja_status ja_app_init(struct ja_app *app, struct ja_config *config,
                           const struct ja_arguments *arguments, struct ja_error *error);
/* Leaves the process with `status` when libjack hangs. */
void ja_app_done(struct ja_app *app, enum ja_status status);
/* One stream; its taps and catalogue are ready afterwards. */
enum ja_status ja_app_add_stream(struct ja_app *app, const char *name, unsigned channels,
                                 struct ja_error *error);
/* The governor's settings for this run. */
struct ja_governor_settings ja_app_governor_settings(const struct ja_app *app);
/* One sink, unless it is there; `instance` is NULL for a module that is not named. */
enum ja_status ja_app_open_sink(struct ja_app *app, const struct ja_config *config,
                                const struct ja_sink_class *class, const char *instance,
                                struct ja_error *error);
/* Makes the sinks what `config` says: opens those that are missing, closes those whose instance is
 * gone. */
enum ja_status ja_app_sync_sinks(struct ja_app *app, const struct ja_config *config,
                                 struct ja_error *error);
/* Opens the way in for the operator. */
enum ja_status ja_app_open_control(struct ja_app *app, struct ja_error *error);
/* Starts every stream's worker and what happens once a second. */
enum ja_status ja_app_start(struct ja_app *app, struct ja_error *error);
/* Hands all waiting results of all streams to all sinks. */
void ja_app_deliver(struct ja_app *app);
/* To all sinks. */
void ja_app_publish_event(struct ja_app *app, const struct ja_tap *tap,
                          const struct ja_event *event);
void ja_app_publish_frame(struct ja_app *app, const struct ja_tap *tap,
                          const struct ja_frame *frame);

/* After the loop: stops the workers, hands out the last results. */
void ja_app_finish(struct ja_app *app);

/* --- signals.c --- */

/* From now on SIGTERM and SIGINT end the loop, and soon after the process, whatever hangs in it.
 * Before any other thread starts. */
enum ja_status ja_app_take_signals(struct ja_error *error);
/* For a run that has no loop: signals end it at once, a closed pipe does not. */
void ja_app_ignore_pipes(void);
enum ja_status ja_app_watch_signals(struct ja_app *app, struct ja_error *error);

/* --- service.c: the program as a service --- */

/* From now on it is ready. */
void ja_app_open_service(struct ja_app *app);
/* Of the first stream. */
void ja_app_service_event(struct ja_app *app, const struct ja_event *event);
void ja_app_service_reloads(void);
void ja_app_service_reloaded(struct ja_app *app);

/* --- keys.c: the keys of the terminal --- */

/* Where there is a terminal, it is ours, and the status line is on. */
void ja_app_open_keys(struct ja_app *app);
/* The terminal gets its former settings, for good or until it is ours again; the second for any
 * thread. */
void ja_app_suspend_keys(struct ja_app *app);
void ja_app_restore_terminal(void);
void ja_app_resume_keys(struct ja_app *app);
void ja_app_list_keys(FILE *out);

/* --- live.c, file.c: the ways to run --- */

enum ja_status ja_app_run_live(struct ja_app *app, struct ja_error *error);
/* The parts of a live run: streams as configured; the JACK client; its end, false when libjack
 * hangs. */
enum ja_status ja_app_add_streams(struct ja_app *app, struct ja_error *error);
enum ja_status ja_app_start_jack(struct ja_app *app, struct ja_error *error);
bool ja_app_stop_jack(struct ja_app *app);
/* Tells JACK's transport of the beats. */
void ja_app_tell_transport(struct ja_app *app, const struct ja_tap *tap,
                           const struct ja_event *event);
enum ja_status ja_app_test_input(struct ja_app *app, struct ja_error *error);
enum ja_status ja_app_run_file(struct ja_app *app, struct ja_error *error);

/* --- loopback.c --- */

/* Options "loopback.…". */
extern const struct ja_module ja_loopback_module;
/* Plays clicks to itself and tells on standard output how long they take to become OSC; JA_FAILED
 * when they do not arrive. */
enum ja_status ja_app_run_loopback(struct ja_app *app, struct ja_error *error);

/* --- settings.c: what configuration means for the running parts --- */

/* Copies of the filled settings of every stage, for ja_stream_new; free with
 * ja_app_free_stage_settings. NULL without memory. */
void **ja_app_stage_settings(const struct ja_app *app);
void ja_app_free_stage_settings(void **settings);
/* Changes a clone of the configuration and applies it, or says what is wrong. */
typedef enum ja_status ja_app_change_function(struct ja_config *config, const void *wish,
                                              struct ja_error *error);
enum ja_status ja_app_change(struct ja_app *app, ja_app_change_function *change, const void *wish,
                             struct ja_text *reply);
/* Takes over `next` (a changed clone of app->config) and tells every part whose settings differ. On
 * error nothing has changed and `next` is the caller's still. */
enum ja_status ja_app_apply(struct ja_app *app, struct ja_config *next, struct ja_error *error);
/* Warns of outputs that want beats earlier than these are told. */
void ja_app_warn_of_offsets(const struct ja_app *app, const struct ja_config *config);
/* Reads the configuration files again (SIGHUP); on error the former configuration stays. */
enum ja_status ja_app_reload(struct ja_app *app, struct ja_error *error);
/* Reads files, presets and arguments into an empty configuration. */
enum ja_status ja_app_configure(struct ja_config *config, const struct ja_arguments *arguments,
                                struct ja_error *error);
/* Whether all configured outputs could be opened, as far as configuration and build tell. */
enum ja_status ja_app_check_sinks(const struct ja_config *config, struct ja_error *error);

/* --- lists.c: --list-outputs --- */

void ja_list_outputs(FILE *out);
/* "0 to 24000 Hz", "list of up to 12: 0 to 1" */
void ja_list_range(const struct ja_output *output, FILE *out);

/* --- learn.c: the learner between operator and streams --- */

enum ja_status ja_app_open_learner(struct ja_app *app, const struct ja_learn_settings *settings,
                                   struct ja_error *error);
/* The same while it runs: another profile is read beside the loop, and holds then. */
enum ja_status ja_app_change_learner(struct ja_app *app, const struct ja_learn_settings *settings,
                                     struct ja_error *error);
/* Whatever the learner has learnt goes to all streams, and soon to its file. */
void ja_app_share_priors(struct ja_app *app);
/* What was learnt is saved beside the rest of the end. */
void ja_app_begin_save(struct ja_app *app);
/* What chores are left ends, and what was learnt is saved. */
void ja_app_end_chores(struct ja_app *app);
/* The operator says so; `reply` says what is done and learnt. */
enum ja_status ja_app_feedback(struct ja_app *app, enum ja_verdict verdict, struct ja_text *reply);

/* --- preset.c: presets for commands --- */

struct ja_preset_wish {
    char name[JA_WISH_BYTES];
    bool alone; /* over nothing but defaults; else over the presets that hold */
    /* From the loop, with the configuration into which it was read. */
    enum ja_status (*use)(struct ja_app *app, const struct ja_preset_wish *wish,
                          const struct ja_config *read, struct ja_text *reply);
    /* What else is needed: of a subscriber. */
    struct ja_peer peer;
    int port;
};

/* Puts the command off until the preset has been read. */
enum ja_status ja_app_read_preset(const struct ja_operator *who, const struct ja_preset_wish *wish,
                                  struct ja_text *reply);
enum ja_status ja_app_preset(const struct ja_operator *who, const char *name,
                             struct ja_text *reply);

/* --- subscribe.c: subscribers' sinks --- */

void ja_app_init_subscribers(struct ja_app *app, int most);
enum ja_status ja_app_subscribe(const struct ja_operator *who, const char *wish, int port,
                                struct ja_text *reply);
enum ja_status ja_app_unsubscribe(void *app, const struct ja_peer *peer, const char *wish, int port,
                                  struct ja_text *reply);

/* A target with default settings that sends to host.packet; the configuration does not know it. */
enum ja_status ja_app_open_inside(struct ja_app *app, const char *name, struct ja_error *error);

/* --- discover.c: the local network --- */

/* Options "discovery.…". */
extern const struct ja_module ja_discovery_module;

/* Shows what is open by now. */
void ja_app_show(struct ja_app *app);
bool ja_app_find_os2l(void *app, char *host, size_t size, int *port);

/* --- operate.c: what commands do --- */

void ja_app_init_operator(struct ja_app *app);
/* A JSON object with all numbers of a stream, or the essential ones; a member "jack" with those of
 * the client. */
void ja_app_write_stream(const struct ja_tap *tap, bool all, struct ja_json *json);
/* The members of that object alone. */
void ja_app_put_stream(const struct ja_tap *tap, bool all, struct ja_json *json);
void ja_app_write_jack(const struct ja_jack_status *status, struct ja_json *json);
/* s of the i-th stream's audio that was at the source when the operator acted; false before the
 * first. */
bool ja_app_present_time(const struct ja_app *app, size_t i, double *time);

/* --- web.c: the page, HTTP and WebSocket; without WITH_WEB nothing --- */

#if JA_WITH_WEB
/* After all streams are there. When the port is taken the program goes on without. */
enum ja_status ja_app_open_web(struct ja_app *app, struct ja_error *error);
void ja_app_close_web(struct ja_app *app);
/* A stage's or the governor's settings have changed. */
void ja_app_web_configure(struct ja_app *app, const struct ja_module *module, const void *settings);
void ja_app_web_event(struct ja_app *app, const struct ja_tap *tap, const struct ja_event *event);
void ja_app_web_frame(struct ja_app *app, const struct ja_tap *tap, const struct ja_frame *frame);
void ja_app_web_second(struct ja_app *app);
/* What the operator ordered may have changed. */
void ja_app_web_operator(struct ja_app *app);

/* --- oscquery.c: OSCQuery, the same --- */

enum ja_status ja_app_open_oscquery(struct ja_app *app, struct ja_error *error);
/* The configuration has changed. */
void ja_app_tell_oscquery(struct ja_app *app);
#else
static inline enum ja_status ja_app_open_web(struct ja_app *app, struct ja_error *error) {
    (void)app, (void)error;
    return JA_OK;
}
static inline void ja_app_close_web(struct ja_app *app) {
    (void)app;
}
static inline void ja_app_web_configure(struct ja_app *app, const struct ja_module *module,
                                        const void *settings) {
    (void)app, (void)module, (void)settings;
}
static inline void ja_app_web_event(struct ja_app *app, const struct ja_tap *tap,
                                    const struct ja_event *event) {
    (void)app, (void)tap, (void)event;
}
static inline void ja_app_web_frame(struct ja_app *app, const struct ja_tap *tap,
                                    const struct ja_frame *frame) {
    (void)app, (void)tap, (void)frame;
}
static inline void ja_app_web_operator(struct ja_app *app) {
    (void)app;
}
static inline void ja_app_web_second(struct ja_app *app) {
    (void)app;
}
static inline void ja_app_tell_oscquery(struct ja_app *app) {
    (void)app;
}
#endif

/* --- test_beats.c: beats without music --- */

/* Starts them, or goes on at another tempo, for so long; 0: as long as may be, 10 min. */
enum ja_status ja_app_start_test_beats(struct ja_app *app, double bpm, double for_s,
                                       struct ja_text *reply);
void ja_app_end_test_beats(struct ja_app *app);

/* --- midi_in.c: commands by MIDI --- */

/* Whether what `config` binds can be bound. */
enum ja_status ja_app_check_midi_in(const struct ja_config *config, struct ja_error *error);
enum ja_status ja_app_open_midi_in(struct ja_app *app, struct ja_error *error);
enum ja_status ja_app_learn_midi(struct ja_app *app, const char *command, struct ja_text *reply);
/* Runs what is bound to all that has come in. */
void ja_app_hear_midi(struct ja_app *app);

/* --- orders.c: what the operator ordered for a while --- */

/* The action was done (`number` 0: hold or lock no longer) and is undone after `for_s` (0: stays),
 * a former one of its kind no longer. False without memory: then it stays. */
bool ja_app_order(struct ja_app *app, enum ja_beat_action action, double number, double for_s);
/* The same for a new range, in whose place the one from `min_bpm` to `max_bpm` comes back. */
bool ja_app_order_range(struct ja_app *app, double min_bpm, double max_bpm, double for_s);
/* All of it, as members of an object: hold, pin, test_beats, paused. */
void ja_app_put_orders(const struct ja_app *app, struct ja_json *json);

#endif
