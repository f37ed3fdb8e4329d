/* The governor: how much is analysed, so that a busy machine goes on telling the beat in time.
 *
 * What can be left out stands in one table, in order. The governor goes down a row when the work
 * takes too much of real time or sound has to wait, and up again when there has been room for a
 * while. It knows no clock and no thread: what was measured is passed in.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_ADAPT_GOVERNOR_H
#define JA_ADAPT_GOVERNOR_H

#include <ja/config/option.h>
#include <ja/pipeline/stage.h>

/* Options "governor.…". */
struct ja_governor_settings {
    int level;         /* JA_GOVERNOR_AUTO, or 1 + enum ja_level: always this one */
    int highest;       /* enum ja_level: never above it by itself */
    double load;       /* share of real time from which on something is left out */
    double backlog_ms; /* the same for sound that waits */
    double recover_s;  /* how long there must be room before something comes back */
};
enum { JA_GOVERNOR_AUTO };
extern const char *const ja_governor_levels[]; /* "auto", then the levels' names; NULL at the end */
extern const struct ja_module ja_governor_module;

/* A row holds everything that is left out in the rows above it as well. Level, silence, onsets and
 * beats are in no row. */
struct ja_governor_step {
    enum ja_level level;    /* stages above it are left out */
    bool coarse;            /* the shared spectrum has a quarter of its window */
    unsigned frame_every;   /* of so many analysis frames one is handed out */
    const char *strategies; /* names of all that is in force, "" on the first row */
    const char *sheds;      /* what is left out from here on; NULL on the first row */
};
enum { JA_GOVERNOR_STEPS = 6 };
extern const struct ja_governor_step ja_governor_steps[JA_GOVERNOR_STEPS];

/* What the worker has measured since the last look. Times are s of audio. */
struct ja_workload {
    double time;       /* now; never falls */
    double load;       /* share of real time that the work took, 0… */
    double backlog_ms; /* sound that waits */
};

enum { JA_REASON_BYTES = 160 };

struct ja_governor {
    struct ja_governor_settings settings;
    unsigned step; /* row of ja_governor_steps */
    struct ja_workload last;
    double load;       /* mean of the last seconds */
    unsigned growing;  /* looks in a row at which too much sound waited, and not less than before */
    double changed_at; /* when the step was last changed */
    double busy_at;    /* when there was last no room for more */
    double back_at;    /* when something last came back */
    double wait_s;     /* recover_s, longer after what had come back had to go again */
};

void ja_governor_init(struct ja_governor *governor, const struct ja_governor_settings *settings);
/* Each writes the reason, a sentence with figures, when the step changes; then it is true. */
bool ja_governor_configure(struct ja_governor *governor,
                           const struct ja_governor_settings *settings,
                           char reason[JA_REASON_BYTES]);
bool ja_governor_look(struct ja_governor *governor, const struct ja_workload *workload,
                      char reason[JA_REASON_BYTES]);

#endif
