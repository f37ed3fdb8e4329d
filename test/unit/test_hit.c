/* Tests of the hit stage: drums are told apart and in time; what is no drum has no hits.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/audio/source.h>
#include <ja/feature/stages.h>
#include <ja/stream/inlet.h>

static const struct ja_stage_class *const stages[] = {&ja_hit_stage, NULL};
static const char *const drums[] = {"kick", "snare", "hat"};

/* Plays one of the built-in signals. */
static void play(struct rig *rig, const char *signal) {
    static float samples[JA_BLOCK_FRAMES];
    float *channels[] = {samples};
    struct ja_source *source;
    struct ja_error error = {""};
    int count;

    if (ja_source_open(&source, signal, &error) != JA_OK)
        fail_msg("%s", error.text);
    assert_int_equal(ja_source_info(source)->rate, rig->rate);
    assert_int_equal(ja_source_info(source)->channels, 1);
    while ((count = ja_source_read(source, channels, 1000, &error)) > 0)
        ja_pipeline_feed(rig->pipeline, (const float *const *)channels, (size_t)count);
    ja_source_close(source);
    assert_false(rig->bad);
}

static struct rig *start(unsigned rate) {
    struct rig *rig = rig_new(rate, 1, stages);

    rig_start(rig);
    return rig;
}

/* Hits of a drum after the first fifth of a second, in which the sound sets in. */
static size_t count(const struct rig *rig, const char *drum) {
    size_t hits = 0;

    for (size_t i = 0; i < rig->event_count; i++)
        hits += strcmp(rig->events[i].hit.drum, drum) == 0 && rig->events[i].time > 0.2;
    return hits;
}

/* Of a drum's hits, how many are within 25 ms of a grid of beats: first + n * period. */
static size_t on_grid(const struct rig *rig, const char *drum, double first, double period) {
    size_t hits = 0;

    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];
        double off = remainder(event->time - first, period);

        if (strcmp(event->hit.drum, drum) != 0 || fabs(off) > 0.025)
            continue;
        assert_true(event->emitted - event->time < 0.03);
        assert_true(event->hit.strength > 0 && event->hit.strength <= 1);
        hits++;
    }
    return hits;
}

/* 120 bpm: kicks on 1 (and 3, 3 1/2), snares on 2 and 4, hats on every eighth. */
static void drums_are_told_apart(void **state) {
    static const char *const signals[] = {
        "synth:drums?pattern=backbeat&bpm=120&seconds=20",
        "synth:drums?pattern=backbeat&bpm=120&seconds=20&rate=44100&level_db=-20",
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig *rig = start(i == 0 ? 48000 : 44100);

        play(rig, signals[i]);
        assert_in_range(on_grid(rig, "snare", 0.5, 1), 19, 20);
        assert_true(count(rig, "snare") <= 22);
        assert_in_range(on_grid(rig, "kick", 0, 0.25), 27, 30);
        assert_true(count(rig, "kick") <= 32);
        assert_in_range(on_grid(rig, "hat", 0, 0.25), 60, 80);
        assert_true(count(rig, "hat") <= 84);
        rig_free(rig);
    }
}

static void bass_notes_are_no_kicks(void **state) {
    struct rig *rig = start(48000);

    (void)state;
    play(rig, "synth:drums?pattern=eighthbass&bpm=120&seconds=20"); /* kicks on the beat */
    assert_in_range(on_grid(rig, "kick", 0, 0.5), 38, 40);
    assert_true(on_grid(rig, "kick", 0.25, 0.5) <= 4); /* a bass note alone */
    rig_free(rig);
}

static void what_is_no_drum_has_no_hits(void **state) {
    static const char *const signals[] = {
        "synth:silence?seconds=5",
        "synth:noise?seconds=20",
        "synth:noise?seconds=20&colour=pink",
        "synth:sine?seconds=10",
        "synth:sine?seconds=10&hz=55",
        "synth:hum?seconds=10",
        "synth:sweep?seconds=10",
        "synth:dc?seconds=5&channels=1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct rig *rig = start(48000);

        play(rig, signals[i]);
        for (int d = 0; d < 3; d++)
            if (count(rig, drums[d]) != 0)
                fail_msg("%s: %s", signals[i], drums[d]);
        rig_free(rig);
    }
}

static void speech_has_few(void **state) {
    struct rig *rig = start(48000);

    (void)state;
    play(rig, "synth:speech?seconds=60");
    for (int d = 0; d < 3; d++)
        assert_true(count(rig, drums[d]) <= 6);
    rig_free(rig);
}

static size_t hits_with(double sensitivity) {
    struct rig *rig = rig_new(48000, 1, stages);
    size_t hits;

    for (int d = 0; d < 3; d++)
        rig_set(rig, "hit", drums[d], sensitivity);
    rig_start(rig);
    play(rig, "synth:demo?seconds=20&channels=1");
    hits = rig->event_count;
    rig_free(rig);
    return hits;
}

static void sensitivity_finds_more(void **state) {
    size_t few = hits_with(0.05), usual = hits_with(0.5), many = hits_with(0.95);

    (void)state;
    if (!(few < usual && usual < many && usual > 50))
        fail_msg("%zu, %zu, %zu", few, usual, many);
}

static void off_has_none(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_set(rig, "hit", "enable", false);
    rig_start(rig);
    play(rig, "synth:drums?seconds=5");
    assert_int_equal(rig->event_count, 0);
    rig_free(rig);
}

static void other_hops_change_nothing(void **state) {
    static const int hops[] = {0, 64, 1000};
    size_t hits[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct rig *rig = rig_new(48000, 1, stages);

        rig->analysis.hop = hops[i];
        rig_start(rig);
        play(rig, "synth:demo?seconds=10&channels=1");
        hits[i] = rig->event_count;
        rig_free(rig);
    }
    assert_true(hits[0] == hits[1] && hits[0] == hits[2]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drums_are_told_apart),        cmocka_unit_test(bass_notes_are_no_kicks),
        cmocka_unit_test(what_is_no_drum_has_no_hits), cmocka_unit_test(speech_has_few),
        cmocka_unit_test(sensitivity_finds_more),      cmocka_unit_test(off_has_none),
        cmocka_unit_test(other_hops_change_nothing),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
