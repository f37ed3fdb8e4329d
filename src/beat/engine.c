/* Front end, activation, bar pointer, and the decision when a beat is told.
 *
 * The pointer's belief is read as "how likely is a beat k frames from now". A beat is told when
 * that curve, smoothed, has its maximum exactly `lead` frames ahead; a parabola through the maximum
 * gives its time to a fraction of a frame. How sure to be of it is a logistic function of what is
 * known then, fitted so that of the beats said to be 0.8 sure, 80 % are right
 * (src/train/calibrate.py).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/beat/engine.h>

#include "accent.h"
#include "bar.h"
#include "flux.h"
#include "network.h"
#include "pointer.h"
#include <ja/core/math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK = 7,       /* frames to each side that a maximum is looked for, and smoothed over */
    REMEMBERED = 8, /* beats that the confidence looks back on */
    HISTORY = 1024, /* frames of activation kept */
    AFTER = 12,     /* frames after a beat in which its activation peaks */
    NEAR = 3,       /* frames to each side of the peak that are the beat's own */
    SETTLED = 24,   /* sure beats in a row at one tempo that make it the habit */
};

static const double frames_per_second = JA_MEL_FRAMES_PER_SECOND;
static const double threshold = 0.35;         /* least smoothed belief for a beat */
static const double least_interval = 0.4;     /* of the beat length */
static const double cluster_width = 0.06;     /* tempi this near to each other are one */
static const double cluster_hysteresis = 1.2; /* how much better another cluster must be */
static const double pin_width = 1.33;         /* range around a tempo that somebody chose */
static const double same_tempo = 0.02;        /* relative distance of the mean interval */
static const double lock_width = 1.04;        /* the same, for a lock */
static const double sure = 0.7;               /* confidence of a beat that counts for the habit */
static const double same_habit = 0.15;        /* natural logarithm: tempi that are one habit */
static const double habit_moved = 0.02;       /* likewise: worth telling the pointer */
static const double near_habit = 0.28;        /* likewise: a tempo is as likely up to here, … */
static const double far_habit = 0.43;         /* … and from here on loses … */
static const double habit_strength = 0.6;     /* … so much a second */
static const double least_weight = 1;  /* activation of beats from which on their lag counts */
static const double never = -1e9;      /* frame of what has not been */
static const double least_place = 0.5; /* probability from which the beat of the bar is told */

/* What depends on where the activation comes from. */
struct source {
    struct ja_pointer_model model;
    double offset_s; /* of the told time, measured on clicks and drums */
    /* logistic weights: 1, logit tempo share, on beat, off beat, uneven, on grid */
    double confidence[6];
};

static const struct source flux_source = {
    .model = {.rigidity = 88,
              .jump = 1e-4,
              .reset = 2e-4,
              .prior_frames = 45,
              .prior_width = 0.43,
              .delay_frames = 1,
              .spread_frames = 1.1,
              .least = 0.036,
              .rest = 0.3,
              .temper = 0.5},
    .offset_s = -0.015,
    .confidence = {-0.574, 0.063, 0.715, 0.741, 3.001, 0},
};

static const struct source network_source = {
    .model = {.rigidity = 100,
              .jump = 1e-4,
              .reset = 2e-4,
              .prior_frames = 52,
              .prior_width = 0.43,
              .delay_frames = JA_NETWORK_DELAY,
              .spread_frames = 1.1,
              .least = 0.06,
              .rest = 0.34,
              .temper = 0.5},
    .offset_s = 0.001,
    .confidence = {-2.225, 0.148, 2.507, 0.706, 0, 1.974},
};

/* The tempo that the beats have had for a while. Another's music may be a little slower or faster,
 * but what seems twice or half as fast is more likely the same tempo, heard at another level. */
struct habit {
    double length;  /* natural logarithm of frames */
    unsigned beats; /* sure ones at about that length, in a row */
    double told;    /* length that the pointer knows of, NAN: of none */
};

struct ja_engine {
    struct ja_engine_setup setup;
    const struct source *source;
    struct ja_mel *mel;
    struct ja_network *network; /* NULL: flux */
    struct ja_flux flux;
    struct ja_pointer *pointer;
    struct ja_bar bar;
    struct ja_accent accent;
    bool hold;
    double held_period; /* frames */
    bool told_bar;      /* somebody said where the bar begins … */
    double one;         /* … at this frame; NAN once a beat has taken its place from it */
    long frame;         /* number of the current frame */
    double last_beat;   /* frame of the last told beat, before its lag */
    double lag;         /* frames by which the last ones' activation came later than due */
    double period;      /* frames */
    float activation[HISTORY], downbeat[HISTORY];
    double beats[REMEMBERED]; /* frames of the last told beats, a ring */
    unsigned beat_count;
    struct habit habit;
    double learned[JA_POINTER_TEMPI]; /* evidence that somebody has for each length, at each beat */
};

/* --- Habit --- */

static void tell_evidence(struct ja_engine *engine) {
    double evidence[JA_POINTER_TEMPI];
    for (int i = 0; i < JA_POINTER_TEMPI; i++) {
        double length = i + JA_POINTER_SHORTEST;
        double distance = fabs(log(length) - engine->habit.told);
        double share = (distance - near_habit) / (far_habit - near_habit);
        double lost = isnan(share) ? 0 : habit_strength * ja_clamp(share, 0, 1);
        evidence[i] = engine->learned[i] - lost * length / frames_per_second;
    }
    ja_pointer_prefer(engine->pointer, evidence);
}

static void forget_habit(struct ja_engine *engine) {
    bool known = !isnan(engine->habit.told);
    engine->habit = (struct habit){.told = NAN};
    if (known)
        tell_evidence(engine);
}

static void follow_habit(struct ja_engine *engine, double confidence) {
    struct habit *habit = &engine->habit;
    double length = log(engine->period);
    if (confidence < sure)
        return;
    if (fabs(length - habit->length) > same_habit)
        habit->beats = 0;
    if (habit->beats < SETTLED)
        habit->beats++;
    habit->length += (length - habit->length) / habit->beats;
    if (habit->beats == SETTLED && !(fabs(habit->length - habit->told) < habit_moved)) {
        habit->told = habit->length;
        tell_evidence(engine);
    }
}

/* --- Life --- */

struct ja_engine *ja_engine_new(const struct ja_engine_setup *setup, struct ja_error *error) {
    struct ja_engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        ja_fail(error, JA_FAILED, "no memory for the beat engine");
        return NULL;
    }
    engine->setup = *setup;
    engine->source = setup->network ? &network_source : &flux_source;
    engine->mel = ja_mel_new(setup->rate, error);
    engine->network = engine->mel && setup->network ? ja_network_new(error) : NULL;
    engine->pointer = engine->mel ? ja_pointer_new(&engine->source->model, error) : NULL;
    if (!engine->pointer || (setup->network && !engine->network)) {
        ja_engine_free(engine);
        return NULL;
    }
    engine->habit.told = NAN;
    ja_engine_reset(engine);
    ja_engine_auto(engine);
    return engine;
}

void ja_engine_free(struct ja_engine *engine) {
    if (!engine)
        return;
    ja_pointer_free(engine->pointer);
    ja_network_free(engine->network);
    ja_mel_free(engine->mel);
    free(engine);
}

void ja_engine_reset(struct ja_engine *engine) {
    ja_mel_reset(engine->mel);
    ja_flux_reset(&engine->flux);
    if (engine->network)
        ja_network_reset(engine->network);
    ja_pointer_reset(engine->pointer);
    ja_bar_reset(&engine->bar);
    ja_accent_reset(&engine->accent);
    engine->hold = engine->told_bar = false;
    engine->one = NAN;
    engine->frame = 0;
    engine->last_beat = never;
    engine->lag = 0;
    engine->period = engine->source->model.prior_frames;
    engine->beat_count = 0;
    forget_habit(engine);
    memset(engine->activation, 0, sizeof engine->activation);
    memset(engine->downbeat, 0, sizeof engine->downbeat);
}

/* --- Tempo --- */

/* The belief in lengths within cluster_width of `frames`, and their mean. */
static double cluster(const double *tempi, double frames, double *mean) {
    int low = (int)ceil(frames * (1 - cluster_width)) - JA_POINTER_SHORTEST;
    int high = (int)floor(frames * (1 + cluster_width)) - JA_POINTER_SHORTEST;
    double sum = 0, moment = 0;
    for (int i = low > 0 ? low : 0; i <= high && i < JA_POINTER_TEMPI; i++) {
        sum += tempi[i];
        moment += tempi[i] * (i + JA_POINTER_SHORTEST);
    }
    *mean = sum > 0 ? moment / sum : frames;
    return sum;
}

/* Moves engine->period to the best cluster; returns the belief in it. */
static double follow_tempo(struct ja_engine *engine) {
    const double *tempi = ja_pointer_tempi(engine->pointer);
    double mean, best_mean;
    double share = cluster(tempi, engine->period, &best_mean);
    double best = share * cluster_hysteresis;
    for (int n = JA_POINTER_SHORTEST; n <= JA_POINTER_LONGEST; n++) {
        double sum = cluster(tempi, n, &mean);
        if (sum > best) {
            best = share = sum;
            best_mean = mean;
        }
    }
    engine->period = best_mean;
    return fmin(share, 1);
}

/* --- Looking back --- */

/* Largest of `history` in the frames from `frame` on, as far as they are known. */
static double most_after(const struct ja_engine *engine, const float *history, double frame) {
    long from = lround(frame);
    double most = 0;
    for (long f = from; f <= from + AFTER && f <= engine->frame; f++) {
        if (f >= 0 && f > engine->frame - HISTORY)
            most = fmax(most, (double)history[f % HISTORY]);
    }
    return most;
}

/* All activation of the frames `from` … `until`, as far as they are known. */
static double sum_of(const struct ja_engine *engine, long from, long until) {
    double sum = 0;
    for (long f = from; f <= until && f <= engine->frame; f++) {
        if (f >= 0 && f > engine->frame - HISTORY)
            sum += (double)engine->activation[f % HISTORY];
    }
    return sum;
}

static void look_back(const struct ja_engine *engine, struct ja_engine_frame *out) {
    unsigned known = engine->beat_count < REMEMBERED ? engine->beat_count : REMEMBERED;
    double on = 0, off = 0, uneven = 0, near = 0;
    long first = 0;
    for (unsigned i = 0; i < known; i++) {
        double beat = engine->beats[(engine->beat_count - 1 - i) % REMEMBERED];
        long peak = lround(beat + engine->source->model.delay_frames);
        double here = most_after(engine, engine->activation, beat);
        on += here;
        uneven += i % 2 ? here : -here;
        off += most_after(engine, engine->activation, beat - engine->period / 2);
        near += sum_of(engine, peak - NEAR, peak + NEAR);
        first = peak - NEAR;
    }
    double all = sum_of(engine, first, engine->frame);
    out->on_beat = known > 0 ? on / known : 0;
    out->off_beat = known > 0 ? off / known : 0;
    out->uneven = known > 0 ? fabs(uneven) / known : 0;
    out->on_grid = known > 0 && all > 0 ? near / all : 0;
}

/* Adds up the activation around where that of a beat is due, and by how many frames it is late. */
static void add_lag(const struct ja_engine *engine, double due, double *late, double *weight) {
    for (long f = lround(due) - NEAR; f <= lround(due) + NEAR && f <= engine->frame; f++) {
        double here = (double)engine->activation[f % HISTORY];
        *late += here * ((double)f - due);
        *weight += here;
    }
}

/* The pointer's lengths are whole frames, so behind a tempo between two of them it lags. */
static void follow_lag(struct ja_engine *engine) {
    unsigned known = engine->beat_count < REMEMBERED ? engine->beat_count : REMEMBERED;
    double late = 0, weight = least_weight, delay = engine->source->model.delay_frames;
    for (unsigned i = 0; i < known; i++) {
        double due = engine->beats[(engine->beat_count - 1 - i) % REMEMBERED] + delay;
        if (due >= NEAR + 1 && due > (double)(engine->frame - HISTORY + NEAR + 1))
            add_lag(engine, due, &late, &weight);
    }
    engine->lag = late / weight;
}

static double logit(double p) {
    p = ja_clamp(p, 0.01, 0.99);
    return log(p / (1 - p));
}

static double confidence(const struct ja_engine *engine, const struct ja_engine_frame *out) {
    const double *w = engine->source->confidence;
    double sum = w[0] + w[1] * logit(out->tempo_share) + w[2] * out->on_beat +
                 w[3] * out->off_beat + w[4] * out->uneven + w[5] * out->on_grid;
    return 1 / (1 + exp(-sum));
}

/* --- Beats --- */

/* The belief in a beat k frames from now, smoothed by a triangle. */
static double smoothed(const double *near, int k) {
    double sum = 0;
    for (int u = -LOOK; u <= LOOK; u++)
        sum += near[JA_POINTER_PAST + k + u] * (1 - abs(u) / (2.0 * LOOK));
    return sum;
}

/* Where between k - 1 and k + 1 the maximum lies, by a parabola. */
static double peak_offset(double before, double at, double after) {
    double curve = before - 2 * at + after;
    return curve < 0 ? ja_clamp(0.5 * (before - after) / curve, -0.5, 0.5) : 0;
}

static bool is_beat(const struct ja_engine *engine, const double *near, double *mass,
                    double *offset) {
    int lead = (int)engine->setup.lead_frames;
    double at = smoothed(near, lead);
    if (at <= threshold ||
        engine->frame + lead - engine->last_beat < least_interval * engine->period)
        return false;
    for (int k = 1; k <= LOOK; k++) {
        if (smoothed(near, lead + k) > at)
            return false;
    }
    *mass = at;
    *offset = peak_offset(smoothed(near, lead - 1), at, smoothed(near, lead + 1));
    return true;
}

/* While held: the first beat by the clock that can still be told in time. */
static bool is_held_beat(const struct ja_engine *engine, const double *near, double *mass,
                         double *offset) {
    int lead = (int)engine->setup.lead_frames;
    double period = engine->held_period, soonest = (double)engine->frame + lead - 0.5;
    double next = engine->last_beat + period;
    if (engine->last_beat == never)
        return false;
    if (next < soonest)
        next += period * ceil((soonest - next) / period);
    *mass = smoothed(near, lead);
    *offset = next - (double)engine->frame - lead;
    return *offset < 0.5;
}

/* The place of the beat at frame `beat`, which is the next to be stepped to, follows from where
 * somebody said that the bar begins. Beats between the two went by untold. */
static void count_from_one(struct ja_engine *engine, double beat) {
    ja_bar_resync(&engine->bar);
    for (long untold = lround((beat - engine->one) / engine->period); untold > 0; untold--)
        ja_bar_step(&engine->bar);
    engine->one = NAN;
}

static void weigh_last_beat(struct ja_engine *engine) {
    double evidence[JA_BAR_ROLES];
    double downbeat = most_after(engine, engine->downbeat, engine->last_beat);
    ja_accent_weigh(&engine->accent, engine->last_beat, downbeat, evidence);
    ja_bar_weigh(&engine->bar, evidence);
}

/* The last beat has been heard by now; this one, at frame `beat`, has its place before it is. */
static int place_in_bar(struct ja_engine *engine, double beat) {
    if (!engine->network && !engine->told_bar)
        return 0;
    if (engine->network && engine->beat_count > 0)
        weigh_last_beat(engine);
    if (!isnan(engine->one))
        count_from_one(engine, beat);
    struct ja_bar_place place = ja_bar_step(&engine->bar);
    return engine->told_bar || place.probability >= least_place ? place.beat : 0;
}

static void tell_beat(struct ja_engine *engine, double offset, struct ja_engine_frame *out) {
    double ahead = engine->setup.lead_frames + offset;
    look_back(engine, out);
    out->beat = true;
    if (engine->network && !engine->hold)
        follow_lag(engine);
    out->beat_in_s = (ahead + engine->lag) / frames_per_second + engine->source->offset_s;
    out->confidence = confidence(engine, out);
    follow_habit(engine, out->confidence);
    out->beat_in_bar = place_in_bar(engine, (double)engine->frame + ahead);
    engine->last_beat = engine->frame + ahead;
    engine->beats[engine->beat_count++ % REMEMBERED] = engine->last_beat;
}

static void listen(struct ja_engine *engine, const float *bands) {
    struct ja_network_out heard = {0, 0};
    if (engine->network) {
        heard = ja_network_step(engine->network, bands);
        ja_accent_hear(&engine->accent, ja_network_logs(engine->network));
    } else {
        heard.beat = ja_flux_step(&engine->flux, bands);
    }
    engine->activation[engine->frame % HISTORY] = (float)heard.beat;
    engine->downbeat[engine->frame % HISTORY] = (float)heard.downbeat;
    if (engine->hold)
        ja_pointer_coast(engine->pointer);
    else
        ja_pointer_step(engine->pointer, heard.beat, 1);
}

static void step(struct ja_engine *engine, const float *bands, struct ja_engine_frame *out) {
    double near[JA_POINTER_PAST + JA_POINTER_AHEAD + 1], offset;
    listen(engine, bands);
    *out = (struct ja_engine_frame){0};
    out->activation = (double)engine->activation[engine->frame % HISTORY];
    out->tempo_share = follow_tempo(engine);
    if (engine->hold)
        engine->period = engine->held_period;
    out->period_s = engine->period / frames_per_second;
    ja_pointer_near(engine->pointer, near);
    if (engine->hold ? is_held_beat(engine, near, &out->mass, &offset)
                     : is_beat(engine, near, &out->mass, &offset))
        tell_beat(engine, offset, out);
    engine->frame++;
}

unsigned ja_engine_feed(struct ja_engine *engine, const float *samples, unsigned count,
                        struct ja_engine_frame *frame, bool *complete) {
    const float *bands;
    unsigned taken = ja_mel_feed(engine->mel, samples, count, &bands);
    *complete = bands;
    if (bands)
        step(engine, bands, frame);
    return taken;
}

/* --- What somebody knows --- */

static void set_range(struct ja_engine *engine, double shortest, double longest) {
    forget_habit(engine);
    ja_pointer_set_range(engine->pointer, shortest, longest);
    engine->period = ja_clamp(engine->period, shortest, longest);
}

/* More exact than engine->period, which is of the belief in whole frames: the mean of the last
 * intervals, when they are of this tempo. */
static double exact_period(const struct ja_engine *engine) {
    unsigned known = engine->beat_count < REMEMBERED ? engine->beat_count : REMEMBERED;
    if (engine->hold)
        return engine->held_period;
    if (known < 2)
        return engine->period;
    double last = engine->beats[(engine->beat_count - 1) % REMEMBERED];
    double first = engine->beats[(engine->beat_count - known) % REMEMBERED];
    double mean = (last - first) / (known - 1);
    return fabs(mean / engine->period - 1) < same_tempo ? mean : engine->period;
}

static void pin(struct ja_engine *engine, double frames, double width) {
    engine->period = ja_clamp(frames, JA_POINTER_SHORTEST, JA_POINTER_LONGEST);
    engine->held_period = engine->period;
    set_range(engine, engine->period / width, engine->period * width);
}

static void unpin(struct ja_engine *engine) {
    ja_engine_set_range(engine, engine->setup.min_bpm, engine->setup.max_bpm);
}

void ja_engine_set_range(struct ja_engine *engine, double min_bpm, double max_bpm) {
    engine->setup.min_bpm = min_bpm;
    engine->setup.max_bpm = max_bpm;
    set_range(engine, 60 * frames_per_second / max_bpm, 60 * frames_per_second / min_bpm);
}

void ja_engine_prefer(struct ja_engine *engine, ja_engine_preference *preference,
                      const void *data) {
    for (int i = 0; i < JA_POINTER_TEMPI; i++)
        engine->learned[i] = preference(data, 60 * frames_per_second / (i + JA_POINTER_SHORTEST));
    tell_evidence(engine);
}

/* `factor` times as long, 2 or 0.5. */
static bool stretch(struct ja_engine *engine, double factor,
                    void (*change)(struct ja_pointer *pointer)) {
    double frames = factor * exact_period(engine);
    if (frames < JA_POINTER_SHORTEST || frames > JA_POINTER_LONGEST)
        return false;
    ja_pointer_set_range(engine->pointer, JA_POINTER_SHORTEST, JA_POINTER_LONGEST);
    change(engine->pointer);
    pin(engine, frames, pin_width);
    return true;
}

bool ja_engine_halve(struct ja_engine *engine) {
    return stretch(engine, 2, ja_pointer_halve);
}

bool ja_engine_double(struct ja_engine *engine) {
    return stretch(engine, 0.5, ja_pointer_double);
}

bool ja_engine_change_octave(struct ja_engine *engine) {
    const double *tempi = ja_pointer_tempi(engine->pointer);
    double period = exact_period(engine), mean;
    bool halve = cluster(tempi, 2 * period, &mean) > cluster(tempi, period / 2, &mean);
    return halve ? ja_engine_halve(engine) || ja_engine_double(engine)
                 : ja_engine_double(engine) || ja_engine_halve(engine);
}

void ja_engine_lock(struct ja_engine *engine, bool lock) {
    if (lock)
        pin(engine, exact_period(engine), lock_width);
    else
        unpin(engine);
}

void ja_engine_auto(struct ja_engine *engine) {
    engine->hold = engine->told_bar = false;
    unpin(engine);
}

/* In the engine's frames: the last one has ended just now. */
static double frame_of(const struct ja_engine *engine, double ago_s) {
    double ago = (ago_s + engine->source->offset_s) * frames_per_second + engine->lag;
    return (double)engine->frame - 1 - ago;
}

static void set_phase(struct ja_engine *engine, double frames, double beat) {
    ja_pointer_advise(engine->pointer, frames, (double)engine->frame - 1 - beat);
    if (!engine->hold)
        return;
    if (engine->last_beat == never)
        engine->last_beat = beat;
    else
        engine->last_beat += remainder(beat - engine->last_beat, engine->held_period);
}

/* The beat half-way after the last one is the next while it can still be told in time; later on it
 * counts as told. */
double ja_engine_shift_half(struct ja_engine *engine) {
    double shift = -engine->period / 2;
    double soonest = (double)engine->frame + engine->setup.lead_frames;
    ja_pointer_shift_half(engine->pointer);
    if (engine->last_beat == never)
        return 0;
    if (engine->last_beat - shift < soonest)
        shift = -shift;
    for (unsigned i = 0; i < REMEMBERED; i++)
        engine->beats[i] += shift;
    engine->last_beat += shift;
    set_phase(engine, 0, engine->last_beat);
    return shift / frames_per_second;
}

void ja_engine_tap(struct ja_engine *engine, double period_s, double ago_s) {
    double frames = period_s * frames_per_second;
    if (frames >= JA_POINTER_SHORTEST && frames <= JA_POINTER_LONGEST)
        pin(engine, frames, pin_width);
    else
        frames = 0;
    set_phase(engine, frames, frame_of(engine, ago_s));
}

void ja_engine_resync(struct ja_engine *engine, double ago_s) {
    double one = frame_of(engine, ago_s);
    set_phase(engine, 0, one);
    engine->told_bar = true;
    engine->one = one;
    if (engine->last_beat > one - engine->period / 2) { /* told already */
        count_from_one(engine, engine->last_beat);
        ja_bar_step(&engine->bar);
    }
}

void ja_engine_refute_bar(struct ja_engine *engine) {
    ja_bar_refute(&engine->bar);
    engine->told_bar = true;
    engine->one = NAN;
}

void ja_engine_hold(struct ja_engine *engine, bool hold) {
    engine->held_period = exact_period(engine);
    engine->hold = hold;
}

double ja_engine_bpm(const struct ja_engine *engine) {
    return 60 * frames_per_second / exact_period(engine);
}
