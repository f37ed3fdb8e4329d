/* Tests of the onset stage: every click is found, at its time and quickly; steady sound has none.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_onset_stage, NULL};

/* Clicks of 5 ms at 0.1, 0.337, 0.574 … s: at every position within a slice. */
static const double click_first = 0.1, click_period = 0.237;

static double clicks(double t, unsigned c) {
    double since = fmod(t - click_first + click_period, click_period);

    return since < 0.005 ? 0.5 * exp(-since * 500) * rig_noise(t, c) : 0;
}

static double clicks_in_noise(double t, unsigned c) {
    return clicks(t, c) + 0.001 * rig_noise(t + 1000, c);
}

static double tone(double t, unsigned c) {
    (void)c;
    return 0.3 * rig_sine(t, 440);
}

static double noise(double t, unsigned c) {
    return 0.1 * rig_noise(t, c);
}

/* A thump of 60 Hz and a hiss above 8 kHz, half a second apart. */
static double thump_and_hiss(double t, unsigned c) {
    double since = fmod(t, 1.0);

    (void)c;
    if (since < 0.5)
        return 0.7 * fmin(1, since * 100) * exp(-since * 20) * rig_sine(since, 60);
    since -= 0.5;
    return 0.2 * exp(-since * 60) * (rig_sine(t, 9000) + rig_sine(t, 11111));
}

static double soft_then_loud(double t, unsigned c) {
    return (fmod(t, 1.0) < 0.5 ? 0.1 : 1) * clicks(fmod(t, 0.5), c) * (fmod(t, 0.5) < 0.3);
}

static double nearest_click(double t) {
    return click_first + click_period * round((t - click_first) / click_period);
}

static int ascending(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;

    return (difference > 0) - (difference < 0);
}

static void check_clicks(unsigned rate, int step, rig_sound *sound) {
    struct rig *rig = rig_new(rate, 1, stages);
    double errors[64];

    rig_set(rig, "onset", "step", step);
    rig_start(rig);
    rig_play(rig, click_first + 50 * click_period - 0.05, sound);
    assert_in_range(rig->event_count, 50, 51); /* noise that sets in is an onset as well */
    for (size_t i = rig->event_count - 50; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];
        double late = event->emitted - event->time;

        errors[i + 50 - rig->event_count] = event->time - nearest_click(event->time);
        assert_true(late > 0 && late < (step == 1 ? 0.012 : 0.025));
        assert_true(fabs(event->time - nearest_click(event->time)) < 0.008);
        assert_true(event->onset.strength > 0 && event->onset.strength <= 1);
    }
    qsort(errors, 50, sizeof *errors, ascending);
    assert_true(fabs(errors[25]) < 0.003);
    rig_free(rig);
}

static void clicks_are_found_in_time(void **state) {
    (void)state;
    for (int step = 1; step <= 3; step++) {
        check_clicks(44100, step, clicks);
        check_clicks(48000, step, clicks);
        check_clicks(48000, step, clicks_in_noise);
    }
}

static void steady_sound_has_one_beginning(void **state) {
    rig_sound *const steady[] = {tone, noise};

    (void)state;
    for (int method = 0; method < 3; method++) { /* default, energy, hfc */
        for (size_t i = 0; i < sizeof steady / sizeof *steady; i++) {
            struct rig *rig = rig_new(48000, 1, stages);

            rig_set(rig, "onset", "method", method);
            rig_start(rig);
            rig_play(rig, 5, steady[i]);
            assert_in_range(rig->event_count, 1, 2);
            rig_free(rig);
        }
    }
}

static void silence_and_off_have_none(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    rig_play(rig, 2, rig_nothing);
    assert_int_equal(rig->event_count, 0);
    rig_free(rig);
    rig = rig_new(48000, 1, stages);
    rig_set(rig, "onset", "enable", false);
    rig_start(rig);
    rig_play(rig, 2, clicks);
    assert_int_equal(rig->event_count, 0);
    rig_free(rig);
}

static void every_method_finds_clicks(void **state) {
    (void)state;
    for (int method = 0; method < 10; method++) {
        struct rig *rig = rig_new(48000, 1, stages);

        rig_set(rig, "onset", "method", method);
        rig_start(rig);
        rig_play(rig, click_first + 20 * click_period - 0.05, clicks);
        assert_int_equal(rig->event_count, 20);
        rig_free(rig);
    }
}

static size_t count_band(const struct rig *rig, const char *band, double from, double to) {
    size_t count = 0;

    for (size_t i = 0; i < rig->event_count; i++) {
        double at = fmod(rig->events[i].time + 0.02, 1.0);

        count += strcmp(rig->events[i].onset.band, band) == 0 && at >= from && at < to;
    }
    return count;
}

static void bands_tell_thump_from_hiss(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_set(rig, "onset", "bands", true);
    rig_start(rig);
    rig_play(rig, 9.95, thump_and_hiss);
    assert_in_range(count_band(rig, "low", 0, 0.5), 9, 10);
    assert_int_equal(count_band(rig, "low", 0.5, 1), 0);
    assert_in_range(count_band(rig, "high", 0.5, 0.6), 9, 10);
    rig_free(rig);
}

static void loud_onsets_are_stronger(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    rig_play(rig, 4, soft_then_loud);
    assert_int_equal(rig->event_count, 8);
    for (size_t i = 2; i < 8; i += 2) {
        assert_true(rig->events[i].onset.strength < 0.5);
        assert_true(rig->events[i + 1].onset.strength > 0.5);
    }
    rig_free(rig);
}

static void interval_is_kept(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_set(rig, "onset", "min_interval_ms", 300);
    rig_start(rig);
    rig_play(rig, 10, clicks);
    for (size_t i = 1; i < rig->event_count; i++)
        assert_true(rig->events[i].time - rig->events[i - 1].time > 0.299);
    assert_in_range(rig->event_count, 15, 30);
    rig_free(rig);
}

static void frames_show_what_events_say(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);
    size_t detected = 0;

    (void)state;
    rig_keep(rig, 2000);
    rig_start(rig);
    rig_play(rig, 5, clicks);
    for (size_t i = 0; i < rig->kept_count; i += 2) {
        detected += rig->kept[i] == 1;
        assert_true((rig->kept[i] == 1) == (rig->kept[i + 1] > 0));
    }
    assert_int_equal(detected, rig->event_count);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clicks_are_found_in_time),
        cmocka_unit_test(every_method_finds_clicks),
        cmocka_unit_test(steady_sound_has_one_beginning),
        cmocka_unit_test(silence_and_off_have_none),
        cmocka_unit_test(bands_tell_thump_from_hiss),
        cmocka_unit_test(loud_onsets_are_stronger),
        cmocka_unit_test(interval_is_kept),
        cmocka_unit_test(frames_show_what_events_say),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
