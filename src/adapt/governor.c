/* When to do less, and when to do more again.
 *
 * Two things call for less: the mean load of the last two seconds is above the limit, or more sound
 * waits than allowed and at two looks in a row it has not become less (after a single stall it
 * does). One row goes at a time; its effect on the load is awaited, while a backlog that still
 * grows takes the next row at once.
 *
 * Coming back needs half that load for recover_s. A row that had to go again soon after it had come
 * back doubles the wait, so a machine on the edge settles on the lower row.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/adapt/governor.h>

#include <math.h>
#include <stdio.h>

enum { GROWING_LOOKS = 2 };

static const double memory_s = 2;      /* over which the load is averaged */
static const double room = 0.5;        /* of the limits, below which there is room for more */
static const double soon = 4;          /* waits within which a return has not lasted */
static const double longest_wait = 32; /* times recover_s */

const char *const ja_governor_levels[] = {"auto", "low", "medium", "high", "maximum", NULL};

#define S struct ja_governor_settings
static const struct ja_option options[] = {
    JA_OPTION_CHOICE(S, level, "level", "auto", ja_governor_levels, JA_LIVE,
                     "How much is analysed: auto follows the load of the machine, and with a file "
                     "is the maximum; the others hold."),
    JA_OPTION_CHOICE(S, highest, "highest", "maximum", ja_level_names, JA_LIVE,
                     "The level that auto does not go above."),
    JA_OPTION_FLOAT(S, load, "load", "0.7", 0.05, 0.95, NULL, JA_LIVE,
                    "Share of real time that the analysis may take before auto leaves something "
                    "out; below half of it, it comes back."),
    JA_OPTION_FLOAT(S, backlog_ms, "backlog_ms", "100", 20, 1000, "ms", JA_LIVE,
                    "Sound that may wait before auto leaves something out."),
    JA_OPTION_FLOAT(S, recover_s, "recover_s", "10", 1, 600, "s", JA_LIVE,
                    "How long there must be room before auto brings something back."),
};
#undef S

const struct ja_module ja_governor_module = {
    .name = "governor",
    .help = "How much is analysed on a machine that does not keep up.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct ja_governor_settings),
};

#define ADVANCED "skip_advanced_features"
#define FEATURES ADVANCED ", feature_reduction"
#define WINDOW FEATURES ", window_size_reduction"
const struct ja_governor_step ja_governor_steps[JA_GOVERNOR_STEPS] = {
    {JA_LEVEL_MAXIMUM, false, 1, "", NULL},
    {JA_LEVEL_HIGH, false, 1, ADVANCED, "chroma, key and chords"},
    {JA_LEVEL_MEDIUM, false, 1, FEATURES, "MFCC, pitch and notes"},
    {JA_LEVEL_LOW, false, 1, FEATURES, "the spectral features and drum hits"},
    {JA_LEVEL_LOW, true, 1, WINDOW, "three quarters of the spectrum's window"},
    {JA_LEVEL_LOW, true, 4, WINDOW ", reduce_prediction_frequency",
     "three of four analysis frames"},
};

static unsigned first_step(enum ja_level level) {
    unsigned step = 0;
    while (ja_governor_steps[step].level != level)
        step++;
    return step;
}

static bool is_fixed(const struct ja_governor *governor) {
    return governor->settings.level != JA_GOVERNOR_AUTO;
}

/* The step that the settings ask for; `step` where they leave it free. */
static unsigned asked_for(const struct ja_governor_settings *settings, unsigned step) {
    if (settings->level != JA_GOVERNOR_AUTO)
        return first_step((enum ja_level)(settings->level - 1));
    unsigned highest = first_step((enum ja_level)settings->highest);
    return step > highest ? step : highest;
}

/* The mean load starts anew: what was before says nothing of the new step. */
static void change(struct ja_governor *governor, unsigned step) {
    governor->step = step;
    governor->changed_at = governor->busy_at = governor->last.time;
    governor->load = 0;
}

void ja_governor_init(struct ja_governor *governor, const struct ja_governor_settings *settings) {
    *governor = (struct ja_governor){
        .settings = *settings,
        .back_at = -INFINITY,
        .wait_s = settings->recover_s,
    };
    change(governor, asked_for(settings, 0));
}

bool ja_governor_configure(struct ja_governor *governor,
                           const struct ja_governor_settings *settings,
                           char reason[JA_REASON_BYTES]) {
    unsigned before = governor->step;
    governor->settings = *settings;
    governor->wait_s = settings->recover_s;
    change(governor, asked_for(settings, before));
    if (is_fixed(governor))
        snprintf(reason, JA_REASON_BYTES, "The option governor.level is %s.",
                 ja_governor_levels[settings->level]);
    else
        snprintf(reason, JA_REASON_BYTES, "The option governor.highest is %s.",
                 ja_level_names[settings->highest]);
    return governor->step != before;
}

/* --- Looking --- */

/* A plain mean until there is enough to forget. */
static void follow_load(struct ja_governor *governor, const struct ja_workload *workload) {
    double passed = workload->time - governor->last.time;
    double known = fmin(workload->time - governor->changed_at, memory_s);
    if (passed > 0)
        governor->load += fmin(1, passed / known) * (workload->load - governor->load);
}

static void follow_backlog(struct ja_governor *governor, double backlog_ms) {
    bool waits = backlog_ms > governor->settings.backlog_ms;
    bool grows = backlog_ms >= governor->last.backlog_ms;
    governor->growing = waits && grows ? governor->growing + 1 : 0;
}

static void follow_room(struct ja_governor *governor, const struct ja_workload *workload) {
    const struct ja_governor_settings *settings = &governor->settings;
    if (governor->load > room * settings->load ||
        workload->backlog_ms > room * settings->backlog_ms)
        governor->busy_at = workload->time;
}

static bool is_too_much(const struct ja_governor *governor) {
    bool known = governor->last.time - governor->changed_at >= memory_s;
    return governor->growing >= GROWING_LOOKS ||
           (known && governor->load > governor->settings.load);
}

static void shed(struct ja_governor *governor, char *reason) {
    const struct ja_governor_settings *settings = &governor->settings;
    const char *what = ja_governor_steps[governor->step + 1].sheds;
    if (governor->growing >= GROWING_LOOKS)
        snprintf(reason, JA_REASON_BYTES,
                 "%.0f ms of sound wait, more than %.0f ms: %s are left out.",
                 governor->last.backlog_ms, settings->backlog_ms, what);
    else
        snprintf(reason, JA_REASON_BYTES,
                 "The analysis takes %.0f %% of real time, more than %.0f %%: %s are left out.",
                 100 * governor->load, 100 * settings->load, what);
    bool lasted = governor->last.time - governor->back_at >= soon * governor->wait_s;
    governor->wait_s = lasted ? settings->recover_s
                              : fmin(2 * governor->wait_s, longest_wait * settings->recover_s);
    change(governor, governor->step + 1);
}

static void bring_back(struct ja_governor *governor, char *reason) {
    snprintf(reason, JA_REASON_BYTES,
             "The analysis takes %.0f %% of real time, for %.0f s less than %.0f %%: %s are back.",
             100 * governor->load, governor->wait_s, 100 * room * governor->settings.load,
             ja_governor_steps[governor->step].sheds);
    governor->back_at = governor->last.time;
    change(governor, governor->step - 1);
}

bool ja_governor_look(struct ja_governor *governor, const struct ja_workload *workload,
                      char reason[JA_REASON_BYTES]) {
    unsigned before = governor->step;
    follow_load(governor, workload);
    follow_backlog(governor, workload->backlog_ms);
    follow_room(governor, workload);
    governor->last = *workload;
    if (is_fixed(governor))
        return false;
    if (is_too_much(governor) && before + 1 < JA_GOVERNOR_STEPS)
        shed(governor, reason);
    else if (before > first_step((enum ja_level)governor->settings.highest) &&
             workload->time - governor->busy_at >= governor->wait_s)
        bring_back(governor, reason);
    return governor->step != before;
}
