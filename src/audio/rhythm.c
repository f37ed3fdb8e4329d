/* Signals with a beat: a metronome, and drum patterns with all that makes them hard to follow.
 *
 * Both walk through steps (a share of a beat each); a step's hits are a function of its number, so
 * sound and truth come from the same place.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "drum.h"
#include "grid.h"
#include "synth.h"
#include "waveform.h"

#include <string.h>

/* The beats a step holds, when it sounds, and where the drop-out is: common to both signals. */
struct rhythm {
    struct ja_grid grid;
    unsigned steps_per_beat;
    double mute_from_s, mute_until_s;
    int64_t step;       /* the next */
    int64_t step_frame; /* its first frame */
    struct ja_drum_kit kit;
    struct ja_drum_player player;
};

struct hit {
    enum ja_drum drum;
    float gain;
};

enum { HITS = 6 }; /* most at one step */

/* Both signals begin with these parameters. */
enum { BPM, SWING, DRIFT, DROPOUT, DROPOUT_LENGTH, STEP, STEP_AT, OWN };

#define RHYTHM_PARAMETERS                                                                          \
    [BPM] = {"bpm", JA_PARAMETER_NUMBER, 20, 400, 120, NULL, "tempo"},                             \
    [SWING] = {"swing",                                                                            \
               JA_PARAMETER_NUMBER,                                                                \
               50,                                                                                 \
               80,                                                                                 \
               50,                                                                                 \
               NULL,                                                                               \
               "where in the beat its second half begins, in percent; 66.7 is triplets"},          \
    [DRIFT] = {"drift_percent",                                                                    \
               JA_PARAMETER_NUMBER,                                                                \
               -30,                                                                                \
               30,                                                                                 \
               0,                                                                                  \
               NULL,                                                                               \
               "how much the tempo grows, evenly, until the end"},                                 \
    [DROPOUT] = {"dropout_s",                                                                      \
                 JA_PARAMETER_NUMBER,                                                              \
                 0,                                                                                \
                 604800,                                                                           \
                 0,                                                                                \
                 NULL,                                                                             \
                 "when the sound drops out; 0: never"},                                            \
    [DROPOUT_LENGTH] = {"dropout_length_s",    JA_PARAMETER_NUMBER, 0, 600, 2.5, NULL,             \
                        "for how long it does"},                                                   \
    [STEP] = {"step_percent", JA_PARAMETER_NUMBER,          -60, 150, 0,                           \
              NULL,           "by how much the tempo jumps"},                                      \
    [STEP_AT] = {"step_s",                                                                         \
                 JA_PARAMETER_NUMBER,                                                              \
                 0,                                                                                \
                 604800,                                                                           \
                 15,                                                                               \
                 NULL,                                                                             \
                 "when: at the first beat from there on"}

static double step_time(const struct rhythm *rhythm, int64_t step) {
    return ja_grid_time(&rhythm->grid, (double)step / rhythm->steps_per_beat);
}

static bool muted(const struct rhythm *rhythm, double time) {
    return time >= rhythm->mute_from_s && time < rhythm->mute_until_s;
}

static enum ja_status open_rhythm(struct ja_synth *synth, struct rhythm *rhythm, unsigned drums,
                                  struct ja_error *error) {
    const struct ja_argument *arguments = synth->arguments;
    rhythm->grid.bpm = arguments[BPM].number;
    rhythm->grid.swing = arguments[SWING].number / 100.0;
    rhythm->grid.drift = arguments[DRIFT].number / 100.0 / synth->seconds;
    rhythm->grid.step_ratio = 1.0 + arguments[STEP].number / 100.0;
    rhythm->grid.step_beat = arguments[STEP].number != 0
                                 ? ja_grid_beat_after(&rhythm->grid, arguments[STEP_AT].number)
                                 : INFINITY;
    if (arguments[DROPOUT].number > 0) {
        rhythm->mute_from_s = arguments[DROPOUT].number;
        rhythm->mute_until_s = rhythm->mute_from_s + arguments[DROPOUT_LENGTH].number;
    }
    rhythm->player.kit = &rhythm->kit;
    if (!ja_drum_kit_init(&rhythm->kit, drums, synth->rate, synth->seed))
        return ja_fail(error, JA_FAILED, "synth:%s: out of memory", synth->signal->name);
    return JA_OK;
}

/* Which hits a step has. */
typedef unsigned hits_function(const struct ja_synth *synth, int64_t step, struct hit hits[HITS]);

static void render_rhythm(struct ja_synth *synth, struct rhythm *rhythm, hits_function *hits_at,
                          float *left) {
    memset(left, 0, JA_SYNTH_CHUNK * sizeof *left);
    while (rhythm->step_frame < synth->frame + JA_SYNTH_CHUNK) {
        struct hit hits[HITS];
        unsigned count = hits_at(synth, rhythm->step, hits);
        for (unsigned i = 0; i < count; i++)
            ja_drum_play(&rhythm->player, hits[i].drum,
                         (unsigned)(rhythm->step_frame - synth->frame), hits[i].gain, 0.0f);
        rhythm->step++;
        rhythm->step_frame = llround(step_time(rhythm, rhythm->step) * synth->rate);
    }
    ja_drum_mix(&rhythm->player, left, NULL, JA_SYNTH_CHUNK);
    for (unsigned i = 0; rhythm->mute_until_s > 0 && i < JA_SYNTH_CHUNK; i++)
        if (muted(rhythm, (double)(synth->frame + i) / synth->rate))
            left[i] = 0.0f;
}

static void truth_rhythm(const struct ja_synth *synth, const struct rhythm *rhythm,
                         unsigned beats_per_bar, hits_function *hits_at, FILE *out) {
    int64_t beats = 0;
    for (double time; (time = step_time(rhythm, beats * rhythm->steps_per_beat)) < synth->seconds;
         beats++)
        ja_truth_beat(out, time, (unsigned)(beats % beats_per_bar) + 1,
                      ja_grid_bpm(&rhythm->grid, (double)beats), !muted(rhythm, time));
    double time;
    for (int64_t step = 0; (time = step_time(rhythm, step)) < synth->seconds; step++) {
        struct hit hits[HITS];
        unsigned count = muted(rhythm, time) ? 0 : hits_at(synth, step, hits);
        if (count > 0)
            ja_truth_onset(out, time);
        for (unsigned i = 0; i < count; i++)
            if (ja_drum_name(hits[i].drum))
                ja_truth_hit(out, time, ja_drum_name(hits[i].drum));
    }
}

static void close_rhythm(struct ja_synth *synth) {
    struct rhythm *rhythm = synth->state; /* the first member of every state */
    ja_drum_kit_done(&rhythm->kit);
}

/* --- click --- */

enum { CLICKS = OWN, BEATS_PER_BAR };

static enum ja_status open_click(struct ja_synth *synth, struct ja_error *error) {
    struct rhythm *rhythm = synth->state;
    rhythm->steps_per_beat = (unsigned)synth->arguments[CLICKS].number;
    return open_rhythm(synth, rhythm, 1u << JA_DRUM_CLICK | 1u << JA_DRUM_ACCENT, error);
}

static unsigned beats_per_bar(const struct ja_synth *synth) {
    return (unsigned)synth->arguments[BEATS_PER_BAR].number;
}

static unsigned click_hits(const struct ja_synth *synth, int64_t step, struct hit hits[HITS]) {
    const struct rhythm *rhythm = synth->state;
    const bool on_beat = step % rhythm->steps_per_beat == 0;
    const bool first = step % (rhythm->steps_per_beat * beats_per_bar(synth)) == 0;
    hits[0].drum = first && beats_per_bar(synth) > 1 ? JA_DRUM_ACCENT : JA_DRUM_CLICK;
    hits[0].gain = on_beat ? 1.0f : 0.5f;
    return 1;
}

static void render_click(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    render_rhythm(synth, synth->state, click_hits, left);
}

static void truth_click(const struct ja_synth *synth, FILE *out) {
    truth_rhythm(synth, synth->state, beats_per_bar(synth), click_hits, out);
}

static const struct ja_parameter click_parameters[] = {
    RHYTHM_PARAMETERS,
    [CLICKS] = {"clicks", JA_PARAMETER_WHOLE, 1, 4, 1, NULL, "how many a beat"},
    [BEATS_PER_BAR] = {"beats_per_bar", JA_PARAMETER_WHOLE, 1, 12, 4, NULL,
                       "the first of so many is accented; 1: none is"},
};

const struct ja_signal ja_signal_click = {
    .name = "click",
    .help = "a metronome",
    .parameters = click_parameters,
    .parameter_count = sizeof click_parameters / sizeof click_parameters[0],
    .seconds = 30,
    .level_db = -3,
    .state_size = sizeof(struct rhythm),
    .open = open_click,
    .render = render_click,
    .close = close_rhythm,
    .truth = truth_click,
};

/* --- drums --- */

enum { PATTERN = OWN, STEPS_PER_BEAT = 4 };

/* One bar in sixteenths, 'x' is a hit; and the value of one parameter that makes the pattern. */
static const struct pattern {
    const char *rows[5];     /* the first is always there */
    unsigned steps_per_beat; /* 0: STEPS_PER_BEAT */
    unsigned parameter;
    double value;
} patterns[] = {
    {.rows = {"x...x...x...x..."}},
    {.rows = {"x...x...x...x...", NULL, "..x...x...x...x."}},
    {.rows = {"x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x."}},
    {.rows = {"x...x...x...x...", NULL, "..x...x...x...x.", NULL, "x.x.x.x.x.x.x.x."}},
    {.rows = {"x.......x.......", "....x.......x...", "x.x.x.x.x.x.x.x."},
     .parameter = SWING,
     .value = 200.0 / 3.0},
    {.rows = {"x...x...x...x...", "....x.......x...", "..x...x...x...x."},
     .parameter = DRIFT,
     .value = 3},
    {.rows = {"x...x...x...x...", "....x.......x...", "..x...x...x...x."},
     .parameter = DROPOUT,
     .value = 12},
    {.rows = {"x...x...x...x...", "....x.......x...", "..x...x...x...x."},
     .parameter = STEP,
     .value = 30},
    {.rows = {"x..x....x.x.....", "....x.......x..x", "x.xxx.x.x.x.xxx.", "..............x."}},
    {.rows = {"x...........", "....x...x...", "x.x.x.x.x.x."}},
    {.rows = {"x...........x.......", "....x...x.......x...", "x.x.x.x.x.x.x.x.x.x."}},
    {.rows = {"x.........x.", "......x.....", "x.x.x.x.x.x."}, .steps_per_beat = 6},
    {.rows = {"x.......x.....", "....x.......x.", "x.x.x.x.x.x.x."}, .steps_per_beat = 2},
};

/* A bar of "six" is two dotted quarters, one of "seven" seven eighths. */
static const char pattern_names[] =
    "four|offhat|backbeat|eighthbass|swunghat|drift|dropout|step|break|waltz|five|six|seven";

static const struct hit pattern_hits[] = {
    {JA_DRUM_KICK, 1.4f},      {JA_DRUM_SNARE, 0.9f}, {JA_DRUM_HAT, 0.45f},
    {JA_DRUM_OPEN_HAT, 0.45f}, {JA_DRUM_BASS, 0.5f},
};

static const struct pattern *drums_pattern(const struct ja_synth *synth) {
    return &patterns[(size_t)synth->arguments[PATTERN].number];
}

static enum ja_status open_drums(struct ja_synth *synth, struct ja_error *error) {
    struct rhythm *rhythm = synth->state;
    const struct pattern *pattern = drums_pattern(synth);
    rhythm->steps_per_beat = pattern->steps_per_beat ? pattern->steps_per_beat : STEPS_PER_BEAT;
    if (pattern->value != 0 && !synth->arguments[pattern->parameter].given)
        synth->arguments[pattern->parameter].number = pattern->value;
    unsigned drums = 0;
    for (size_t i = 0; i < sizeof pattern_hits / sizeof pattern_hits[0]; i++)
        drums |= 1u << pattern_hits[i].drum;
    return open_rhythm(synth, rhythm, drums, error);
}

static unsigned drums_hits(const struct ja_synth *synth, int64_t step, struct hit hits[HITS]) {
    const struct pattern *pattern = drums_pattern(synth);
    const size_t steps = strlen(pattern->rows[0]);
    unsigned count = 0;
    for (size_t i = 0; i < sizeof pattern_hits / sizeof pattern_hits[0]; i++)
        if (pattern->rows[i] && pattern->rows[i][(size_t)step % steps] == 'x')
            hits[count++] = pattern_hits[i];
    return count;
}

static void render_drums(struct ja_synth *synth, float *left, float *right) {
    (void)right;
    render_rhythm(synth, synth->state, drums_hits, left);
    for (unsigned i = 0; i < JA_SYNTH_CHUNK; i++)
        left[i] = ja_soft_limit(left[i]);
}

static void truth_drums(const struct ja_synth *synth, FILE *out) {
    const struct rhythm *rhythm = synth->state;
    const size_t steps = strlen(drums_pattern(synth)->rows[0]);
    truth_rhythm(synth, rhythm, (unsigned)steps / rhythm->steps_per_beat, drums_hits, out);
}

static const struct ja_parameter drums_parameters[] = {
    RHYTHM_PARAMETERS,
    [PATTERN] = {"pattern", JA_PARAMETER_CHOICE, 0, 0, 0, pattern_names, "what is played"},
};

const struct ja_signal ja_signal_drums = {
    .name = "drums",
    .help = "a drum machine",
    .parameters = drums_parameters,
    .parameter_count = sizeof drums_parameters / sizeof drums_parameters[0],
    .seconds = 30,
    .level_db = -3,
    .state_size = sizeof(struct rhythm),
    .open = open_drums,
    .render = render_drums,
    .close = close_rhythm,
    .truth = truth_drums,
};
