/* The bar pointer and the bar counter on activations made by hand.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "beat/accent.h"
#include "beat/bar.h"
#include "beat/pointer.h"
#include <cmocka.h>
#include <math.h>

enum { DELAY = 8 };

static const struct ja_pointer_model model = {
    .rigidity = 100,
    .jump = 1e-4,
    .reset = 2e-4,
    .prior_frames = 52,
    .prior_width = 0.43,
    .delay_frames = DELAY,
    .spread_frames = 1.1,
    .least = 0.06,
    .rest = 0.34,
    .temper = 0.5,
};

static struct ja_pointer *make(void) {
    struct ja_error error;
    struct ja_pointer *pointer = ja_pointer_new(&model, &error);
    assert_non_null(pointer);
    return pointer;
}

/* Beats at frames 0, period, 2 period …, heard DELAY frames later. */
static double activation(int frame, int period) {
    int since = ((frame - DELAY) % period + period) % period;
    double distance = since < period / 2 ? since : since - period;
    return 0.9 * exp(-0.5 * distance * distance / 1.2);
}

static void play(struct ja_pointer *pointer, int from, int to, int period) {
    for (int frame = from; frame < to; frame++)
        ja_pointer_step(pointer, activation(frame, period), 1);
}

static int best_length(const struct ja_pointer *pointer) {
    const double *tempi = ja_pointer_tempi(pointer);
    int best = 0;
    for (int i = 1; i < JA_POINTER_TEMPI; i++)
        best = tempi[i] > tempi[best] ? i : best;
    return best + JA_POINTER_SHORTEST;
}

static double sum_of_tempi(const struct ja_pointer *pointer) {
    double sum = 0;
    for (int i = 0; i < JA_POINTER_TEMPI; i++)
        sum += ja_pointer_tempi(pointer)[i];
    return sum;
}

/* Frames until the most likely beat. */
static int next_beat(const struct ja_pointer *pointer) {
    double near[JA_POINTER_PAST + JA_POINTER_AHEAD + 1];
    int best = 0;
    ja_pointer_near(pointer, near);
    for (int k = 0; k <= JA_POINTER_AHEAD; k++)
        best = near[JA_POINTER_PAST + k] > near[JA_POINTER_PAST + best] ? k : best;
    return best;
}

static void finds_tempo_and_beat(void **state) {
    static const int periods[] = {30, 36, 47, 50, 60};
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct ja_pointer *pointer = make();
        play(pointer, 0, 20 * periods[i] + 10, periods[i]);
        assert_in_range(best_length(pointer), periods[i] - 1, periods[i] + 1);
        assert_in_range(next_beat(pointer), periods[i] - 12, periods[i] - 8);
        assert_true(fabs(sum_of_tempi(pointer) - 1) < 1e-3);
        ja_pointer_free(pointer);
    }
}

static void goes_on_when_nothing_is_heard(void **state) {
    struct ja_pointer *pointer = make();
    (void)state;
    play(pointer, 0, 1000, 50);
    for (int frame = 1000; frame < 1400; frame++)
        ja_pointer_coast(pointer);
    assert_in_range(best_length(pointer), 49, 51);
    assert_in_range(next_beat(pointer), 0, 2); /* one is due at frame 1400 */
    ja_pointer_free(pointer);
}

static void range_is_kept(void **state) {
    struct ja_pointer *pointer = make();
    (void)state;
    ja_pointer_set_range(pointer, 80, 110);
    play(pointer, 0, 2000, 50);
    assert_in_range(best_length(pointer), 98, 102);
    ja_pointer_set_range(pointer, 27, 60);
    play(pointer, 2000, 4000, 50);
    assert_in_range(best_length(pointer), 49, 51);
    ja_pointer_free(pointer);
}

static void halves_and_doubles(void **state) {
    struct ja_pointer *pointer = make();
    (void)state;
    play(pointer, 0, 1000, 50);
    ja_pointer_halve(pointer);
    assert_in_range(best_length(pointer), 98, 102);
    ja_pointer_double(pointer);
    assert_in_range(best_length(pointer), 49, 51);
    assert_true(fabs(sum_of_tempi(pointer) - 1) < 1e-3);
    ja_pointer_free(pointer);
}

static void shifts_by_half_a_beat(void **state) {
    struct ja_pointer *pointer = make();
    (void)state;
    play(pointer, 0, 1000, 50);
    int before = next_beat(pointer);
    ja_pointer_shift_half(pointer);
    assert_in_range(best_length(pointer), 49, 51);
    assert_int_equal((next_beat(pointer) + 25) % 50, before % 50);
    assert_true(fabs(sum_of_tempi(pointer) - 1) < 1e-3);
    ja_pointer_free(pointer);
}

static void takes_advice(void **state) {
    struct ja_pointer *pointer = make();
    (void)state;
    for (int frame = 0; frame < 300; frame++)
        ja_pointer_step(pointer, 0.05, 1);
    ja_pointer_advise(pointer, 60, 20);
    assert_in_range(best_length(pointer), 57, 63);
    assert_in_range(next_beat(pointer), 36, 44);
    ja_pointer_free(pointer);
}

/* Beats of `period`, and half-way between them others of `between` times the activation. */
static void play_both(struct ja_pointer *pointer, int frames, int period, double between) {
    for (int frame = 0; frame < frames; frame++) {
        double beat = activation(frame, period), off = activation(frame + period / 2, period);
        ja_pointer_step(pointer, fmax(beat, between * off), 1);
    }
}

/* Evidence for lengths about `frames`, and as much against their halves. */
static void prefer(struct ja_pointer *pointer, double frames, double much) {
    double evidence[JA_POINTER_TEMPI];
    for (int i = 0; i < JA_POINTER_TEMPI; i++) {
        double octaves = log2((i + JA_POINTER_SHORTEST) / frames);
        evidence[i] = much * (fmax(0, 1 - 6 * fabs(octaves)) - fmax(0, 1 - 6 * fabs(octaves + 1)));
    }
    ja_pointer_prefer(pointer, evidence);
}

static int length_heard(double between, double much) {
    struct ja_pointer *pointer = make();
    prefer(pointer, 84, much);
    play_both(pointer, 3000, 84, between);
    int best = best_length(pointer);
    assert_true(fabs(sum_of_tempi(pointer) - 1) < 1e-3);
    ja_pointer_free(pointer);
    return best;
}

/* What could be heard as either tempo is heard as the preferred one; what is clear stays clear. */
static void preference_decides_the_unclear(void **state) {
    (void)state;
    assert_in_range(length_heard(0.52, 0), 41, 43);
    assert_in_range(length_heard(0.52, 0.4), 83, 85);
    assert_in_range(length_heard(0.8, 0.4), 41, 43);
    assert_in_range(length_heard(0.33, 0), 83, 85);
    assert_in_range(length_heard(0.33, -0.4), 41, 43);
    assert_in_range(length_heard(0.1, -0.4), 83, 85);
}

/* Nothing is different, to the bit, when nothing is preferred. */
static void neutral_preference_changes_nothing(void **state) {
    struct ja_pointer *plain = make(), *told = make();
    (void)state;
    prefer(told, 84, 0);
    play(plain, 0, 1000, 50);
    play(told, 0, 1000, 50);
    assert_memory_equal(ja_pointer_tempi(plain), ja_pointer_tempi(told),
                        JA_POINTER_TEMPI * sizeof(double));
    ja_pointer_free(plain);
    ja_pointer_free(told);
}

static void survives_an_impossible_wish(void **state) {
    struct ja_pointer *pointer = make();
    (void)state;
    ja_pointer_set_range(pointer, 100, 110);
    for (int i = 0; i < 10; i++)
        ja_pointer_halve(pointer);
    for (int i = 0; i < 10; i++)
        ja_pointer_double(pointer);
    play(pointer, 0, 100, 50);
    assert_true(fabs(sum_of_tempi(pointer) - 1) < 1e-3);
    ja_pointer_free(pointer);
}

/* So much more likely a one than not. */
static void hear(struct ja_bar *bar, double one) {
    double evidence[JA_BAR_ROLES] = {[JA_BAR_ONE] = log(one / (1 - one))};
    ja_bar_weigh(bar, evidence);
}

static void counts_bars(void **state) {
    static const int meters[] = {3, 4, 5, 7};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct ja_bar bar;
        struct ja_bar_place place = {0};
        ja_bar_reset(&bar);
        for (int beat = 0; beat < 20 * meters[i]; beat++) {
            place = ja_bar_step(&bar);
            hear(&bar, beat % meters[i] == 0 ? 0.8 : 0.05);
        }
        assert_int_equal(place.meter, meters[i]);
        assert_int_equal(place.beat, meters[i]);
        assert_true(place.probability > 0.5);
    }
}

/* The third of four is no one, and the second and fourth sound weak. */
static void middle_tells_the_half_bar(void **state) {
    static const double middle[JA_BAR_ROLES] = {1, 1.2, -1}, weak[JA_BAR_ROLES] = {-1, -1, 1};
    static const double one[JA_BAR_ROLES] = {1.2, 1, -1};
    struct ja_bar bar;
    struct ja_bar_place place = {0};
    (void)state;
    ja_bar_reset(&bar);
    for (int beat = 0; beat < 64; beat++) {
        place = ja_bar_step(&bar);
        ja_bar_weigh(&bar, beat % 2 ? weak : beat % 4 ? middle : one);
    }
    assert_int_equal(place.meter, 4);
    assert_int_equal(place.beat, 4);
}

static void doubts_when_beats_disagree(void **state) {
    static const double one[JA_BAR_ROLES] = {1, 0, -1}, other[JA_BAR_ROLES] = {-1, 0, 0.5};
    struct ja_bar bar;
    struct ja_bar_place place = {0};
    double sure = 0;
    (void)state;
    ja_bar_reset(&bar);
    for (int beat = 0; beat < 44; beat++) {
        place = ja_bar_step(&bar);
        if (beat == 36)
            sure = place.probability;
        ja_bar_weigh(&bar, (beat % 4 == 0) == (beat < 36) ? one : other);
    }
    assert_true(sure > 0.7);
    assert_true(place.probability < sure - 0.2);
}

static void resync_makes_a_one(void **state) {
    struct ja_bar bar;
    (void)state;
    ja_bar_reset(&bar);
    for (int beat = 0; beat < 9; beat++)
        ja_bar_step(&bar);
    ja_bar_resync(&bar);
    assert_int_equal(ja_bar_step(&bar).beat, 1);
    assert_int_equal(ja_bar_step(&bar).beat, 2);
    assert_int_equal(ja_bar_step(&bar).beat, 3);
}

/* Beats of 50 frames; the sound of each bar of four is another one. */
static void change_of_sound_makes_a_one(void **state) {
    struct ja_accent accent;
    double evidence[JA_BAR_ROLES];
    (void)state;
    ja_accent_reset(&accent);
    for (int frame = 0; frame < 50 * 24; frame++) {
        float logs[JA_MEL_BANDS];
        for (int b = 0; b < JA_MEL_BANDS; b++)
            logs[b] = (frame / 200 + b) % 3 ? 0.2f : 0.6f;
        ja_accent_hear(&accent, logs);
        if (frame < 100 || frame % 50 != 45)
            continue;
        int beat = frame / 50;
        ja_accent_weigh(&accent, 50 * beat, beat % 4 ? 0.1 : 0.5, evidence);
        if (beat > 8 && beat % 4 == 0)
            assert_true(evidence[JA_BAR_ONE] > 0.5 && evidence[JA_BAR_WEAK] < 0);
        if (beat > 8 && beat % 4 == 1)
            assert_true(evidence[JA_BAR_ONE] < 0);
    }
}

/* Too early, too late, or not heard yet. */
static void accent_of_no_sound_says_nothing(void **state) {
    static const double frames[] = {0, 2, 400, 701, 900};
    struct ja_accent accent;
    (void)state;
    ja_accent_reset(&accent);
    for (int frame = 0; frame < 700; frame++) {
        float logs[JA_MEL_BANDS] = {(float)(frame % 7)};
        ja_accent_hear(&accent, logs);
    }
    for (int i = 0; i < 5; i++) {
        double evidence[JA_BAR_ROLES] = {1, 2, 3};
        ja_accent_weigh(&accent, frames[i], 0.9, evidence);
        for (int role = 0; role < JA_BAR_ROLES; role++)
            assert_true(evidence[role] == 0);
    }
}

/* Refused, the next best place is taken; refused again, the next. The meter stays. */
static void refuted_bar_begins_elsewhere(void **state) {
    struct ja_bar bar;
    struct ja_bar_place place = {0};
    int ones[3] = {0};
    (void)state;
    ja_bar_reset(&bar);
    for (int beat = 0; beat < 40; beat++) {
        static const double sounds[] = {0.8, 0.05, 0.5, 0.2};
        place = ja_bar_step(&bar);
        hear(&bar, sounds[beat % 4]);
    }
    assert_int_equal(place.beat, 4);
    for (int i = 0; i < 3; i++) {
        ja_bar_refute(&bar);
        for (int beat = 0; beat < 4; beat++) {
            place = ja_bar_step(&bar);
            assert_int_equal(place.meter, 4);
            ones[i] = place.beat == 1 ? beat : ones[i];
        }
    }
    assert_int_equal(ones[0], 2);
    assert_int_equal(ones[1] + ones[2], 1 + 3);
    assert_int_not_equal(ones[1], ones[2]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_tempo_and_beat),
        cmocka_unit_test(goes_on_when_nothing_is_heard),
        cmocka_unit_test(range_is_kept),
        cmocka_unit_test(halves_and_doubles),
        cmocka_unit_test(takes_advice),
        cmocka_unit_test(survives_an_impossible_wish),
        cmocka_unit_test(preference_decides_the_unclear),
        cmocka_unit_test(neutral_preference_changes_nothing),
        cmocka_unit_test(shifts_by_half_a_beat),
        cmocka_unit_test(change_of_sound_makes_a_one),
        cmocka_unit_test(accent_of_no_sound_says_nothing),
        cmocka_unit_test(refuted_bar_begins_elsewhere),
        cmocka_unit_test(counts_bars),
        cmocka_unit_test(middle_tells_the_half_bar),
        cmocka_unit_test(doubts_when_beats_disagree),
        cmocka_unit_test(resync_makes_a_one),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
