/* Tests of the energy stage: loud is high, quiet is low, and both are so against the recent past.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const stages[] = {&ja_silence_stage, &ja_loudness_stage,
                                                      &ja_energy_stage, NULL};

static double level_db;

static double noise(double t, unsigned c) {
    return pow(10, level_db / 20) * rig_noise(t, c);
}

static double play(struct rig *rig, double seconds, double db) {
    level_db = db;
    rig_play(rig, seconds, noise);
    return rig_value(rig, "energy");
}

static struct rig *start(double window_s) {
    struct rig *rig = rig_new(48000, 1, stages);

    rig_set(rig, "energy", "window_s", window_s);
    rig_start(rig);
    return rig;
}

static void loud_is_high_and_quiet_is_low(void **state) {
    struct rig *rig = start(30);

    (void)state;
    assert_true(play(rig, 10, -10) > 0.9);
    assert_true(play(rig, 2, -16) < 0.6);
    assert_true(play(rig, 2, -22) < 0.1);
    assert_true(play(rig, 2, -10) > 0.9);
    assert_true(play(rig, 0.8, -18) < 0.5); /* quickly */
    assert_true(play(rig, 0.8, -10) > 0.8);
    rig_free(rig);
}

static void the_past_fades(void **state) {
    struct rig *rig = start(5);

    (void)state;
    play(rig, 10, -10);
    assert_true(play(rig, 1.5, -25) < 0.1);
    assert_true(play(rig, 15, -25) > 0.7); /* that is what loud is now */
    assert_true(play(rig, 1, -10) == 1);
    rig_free(rig);
}

static void a_quiet_input_is_learnt_quickly(void **state) {
    struct rig *rig = start(30);

    (void)state;
    assert_true(play(rig, 1, -45) < 0.1); /* it may yet be an intro */
    assert_true(play(rig, 12, -45) > 0.7);
    rig_free(rig);
}

static void silence_has_none(void **state) {
    struct rig *rig = start(30);

    (void)state;
    rig_play(rig, 2, rig_nothing);
    assert_true(rig_value(rig, "energy") == 0);
    play(rig, 10, -10);
    rig_play(rig, 60, rig_nothing);
    assert_true(rig_value(rig, "energy") == 0);
    assert_true(play(rig, 1, -20) < 0.3); /* the range has waited */
    rig_free(rig);
}

static void it_stays_within_its_range(void **state) {
    struct rig *rig = start(2);
    size_t room = 5000;

    (void)state;
    rig_keep(rig, 4 * room);
    for (int i = 0; i < 20; i++)
        play(rig, 0.7, -60 + i * 37 % 80);
    assert_true(rig->kept_count == 4 * 1400);
    for (size_t i = 3; i < rig->kept_count; i += 4)
        assert_true(rig->kept[i] >= 0 && rig->kept[i] <= 1);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loud_is_high_and_quiet_is_low),   cmocka_unit_test(the_past_fades),
        cmocka_unit_test(a_quiet_input_is_learnt_quickly), cmocka_unit_test(silence_has_none),
        cmocka_unit_test(it_stays_within_its_range),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
