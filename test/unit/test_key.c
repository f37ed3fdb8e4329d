/* Tests of the key: named rightly with its Camelot code, kept through small things, changed by a
 * modulation.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "harmony_sound.h"

#include <ja/feature/stages.h>

static const struct ja_stage_class *const given[] = {&harmony_giver_stage, &ja_key_stage, NULL};
static const struct ja_stage_class *const heard[] = {&ja_silence_stage, &ja_chroma_stage,
                                                     &ja_key_stage, NULL};

static const char *const camelot[24] = {
    "8B", "3B",  "10B", "5B", "12B", "7B", "2B",  "9B", "4B", "11B", "6B", "1B",
    "5A", "12A", "7A",  "2A", "9A",  "4A", "11A", "6A", "1A", "8A",  "3A", "10A",
};

static struct rig *start(const struct ja_stage_class *const *stages) {
    struct rig *rig = rig_new(48000, 1, stages);

    rig_start(rig);
    return rig;
}

/* Cadences of 8 s in the key, as chroma or as sound. */
static void cadence(struct rig *rig, int key, int times,
                    void (*play)(struct rig *, int chord, double seconds)) {
    static const int major[4] = {0, 5, 7, 0}, minor[4] = {0, 8, 7, 0};

    for (int i = 0; i < 4 * times; i++) {
        int up = key < 12 ? major[i % 4] : minor[i % 4];
        bool is_minor = key >= 12 && up != 8;

        play(rig, (key % 12 + up) % 12 + (is_minor ? 12 : 0), 2);
    }
}

static void assert_key(const struct rig *rig, int key) {
    const struct ja_event *event = rig_last(rig, JA_EVENT_KEY);

    assert_string_equal(event->key.key, harmony_names[key]);
    assert_string_equal(event->key.camelot, camelot[key]);
    assert_true(event->key.confidence > 0 && event->key.confidence <= 1);
}

static void every_key_is_named(void **state) {
    (void)state;
    for (int key = 0; key < 24; key++) {
        struct rig *rig = start(given);

        cadence(rig, key, 3, harmony_give);
        assert_key(rig, key);
        rig_free(rig);
    }
}

static void keys_are_heard(void **state) {
    static const int keys[] = {3, 21};

    (void)state;
    harmony_playing.cents = 25;
    harmony_playing.drums = true;
    for (int i = 0; i < 2; i++) {
        struct rig *rig = start(heard);

        cadence(rig, keys[i], 2, harmony_play);
        assert_key(rig, keys[i]);
        rig_free(rig);
    }
}

static size_t changes(const struct rig *rig) {
    const char *last = NULL;
    size_t count = 0;

    for (size_t i = 0; i < rig->event_count; i++) {
        count += last != NULL && strcmp(last, rig->events[i].key.key) != 0;
        last = rig->events[i].key.key;
    }
    return count;
}

static void a_modulation_changes_it(void **state) {
    struct rig *rig = start(given);

    (void)state;
    cadence(rig, 0, 20, harmony_give);
    assert_key(rig, 0);
    assert_int_equal(changes(rig), 0);
    assert_true(rig_count(rig, JA_EVENT_KEY) < 12);
    cadence(rig, 4, 1, harmony_give); /* not for 8 s of something else */
    cadence(rig, 0, 4, harmony_give);
    assert_key(rig, 0);
    assert_int_equal(changes(rig), 0);
    cadence(rig, 4, 12, harmony_give);
    assert_key(rig, 4);
    assert_in_range(changes(rig), 1, 2);
    rig_free(rig);
}

static void a_pause_and_a_reset_begin_anew(void **state) {
    struct rig *rig = start(given);

    (void)state;
    cadence(rig, 0, 20, harmony_give);
    harmony_given.chroma[0] = NAN;
    rig_play(rig, 6, rig_nothing);
    cadence(rig, 18, 3, harmony_give);
    assert_key(rig, 18);
    cadence(rig, 18, 20, harmony_give);
    ja_pipeline_reset(rig->pipeline);
    cadence(rig, 8, 3, harmony_give);
    assert_key(rig, 8);
    rig_free(rig);
}

static double noise(double t, unsigned c) {
    return 0.3 * rig_noise(t, c);
}

static void noise_has_hardly_a_key(void **state) {
    struct rig *rig = start(heard);

    (void)state;
    rig_play(rig, 5, rig_nothing);
    assert_int_equal(rig->event_count, 0);
    rig_play(rig, 20, noise);
    for (size_t i = 0; i < rig->event_count; i++)
        assert_true(rig->events[i].key.confidence < 0.35);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_named),      cmocka_unit_test(keys_are_heard),
        cmocka_unit_test(a_modulation_changes_it), cmocka_unit_test(a_pause_and_a_reset_begin_anew),
        cmocka_unit_test(noise_has_hardly_a_key),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
