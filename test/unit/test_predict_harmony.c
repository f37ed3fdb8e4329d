/* Tests of foretelling chords: a loop is learned, chance is not.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>
#include <ja/predict/stages.h>

/* A stage that tells a beat every half second and the chord of `sequence` every two. */
static const char *(*sequence)(int n);

struct teller {
    int beat;
};

static void teller_process(struct ja_stage *stage, const struct ja_span *hop,
                           const struct ja_spectrum *spectrum, float *out) {
    struct teller *teller = stage->state;

    (void)spectrum, (void)out;
    /* Beats are told 80 ms before, chords half a second after. */
    if (hop->end + 0.08 > teller->beat * 0.5) {
        struct ja_event beat = {.type = JA_EVENT_BEAT,
                                .time = teller->beat * 0.5,
                                .beat = {teller->beat, teller->beat % 4 + 1, 120, 0.9}};

        ja_stage_emit(stage, &beat);
        if (teller->beat % 4 == 1) {
            struct ja_event chord = {.type = JA_EVENT_CHORD,
                                     .time = beat.time - 0.5,
                                     .chord = {sequence(teller->beat / 4), 0.9}};

            ja_stage_emit(stage, &chord);
        }
        teller->beat++;
    }
}

static const struct ja_module teller_module = {.name = "teller", .help = "Tells chords."};
static const struct ja_stage_class teller_stage = {
    .module = &teller_module,
    .state_size = sizeof(struct teller),
    .events = 1u << JA_EVENT_BEAT | 1u << JA_EVENT_CHORD,
    .process = teller_process,
};
static const struct ja_stage_class *const stages[] = {&teller_stage, &ja_predict_harmony_stage,
                                                      NULL};

static const char *loop(int n) {
    static const char *const chords[] = {"C:maj", "G:maj", "A:min", "F:maj"};

    return chords[n % 4];
}

/* A longer one: what follows C depends on what was before it. */
static const char *long_loop(int n) {
    static const char *const chords[] = {"C:maj", "F:maj", "C:maj", "G:maj",
                                         "A:min", "F:maj", "C:maj", "G:maj"};

    return chords[n % 8];
}

/* Never the same chord twice in a row. */
static const char *chance(int n) {
    static const char *const chords[] = {"C:maj", "G:maj",  "A:min",  "F:maj", "E:min", "D:maj",
                                         "B:min", "Bb:maj", "Eb:maj", "C:min", "G:min", "Ab:maj"};
    int sum = 0;

    for (int i = 0; i <= n; i++)
        sum += 1 + (int)(5.4999 * (rig_noise(i, 3) + 1));
    return chords[sum % 12];
}

static struct rig *start(const char *(*chords)(int n)) {
    struct rig *rig = rig_new(48000, 1, stages);

    sequence = chords;
    rig_start(rig);
    return rig;
}

struct outcome {
    int said, right, in_time;
    double confidence; /* sum */
};

/* The predictions from `from` on, met with the chord that came when they were due. */
static struct outcome judge(const struct rig *rig, double from) {
    struct outcome outcome = {0};

    for (size_t i = 0; i < rig->event_count; i++) {
        const struct ja_event *event = &rig->events[i];
        double chord = round(event->time / 2);

        if (event->type != JA_EVENT_PREDICTION || event->emitted < from)
            continue;
        assert_string_equal(event->prediction.kind, "harmony");
        assert_true(event->time > event->emitted);
        assert_true(event->prediction.value > 0);
        assert_true(event->prediction.confidence >= 0 && event->prediction.confidence <= 1);
        outcome.said++;
        outcome.right += strcmp(event->prediction.label, sequence((int)chord)) == 0;
        outcome.in_time += fabs(event->time - 2 * chord) < 0.05;
        outcome.confidence += event->prediction.confidence;
    }
    return outcome;
}

static void check_loop(const char *(*chords)(int n), double learned) {
    struct rig *rig = start(chords);
    struct outcome outcome;

    rig_play(rig, 80, rig_nothing);
    outcome = judge(rig, learned);
    assert_true(outcome.said >= (80 - learned) / 2 - 1);
    assert_true(outcome.said <= (80 - learned) * 2); /* no more than beats */
    assert_true(outcome.right > 0.9 * outcome.said);
    assert_true(outcome.in_time > 0.9 * outcome.said);
    assert_true(outcome.confidence / outcome.said > 0.8);
    rig_free(rig);
}

static void loops_are_learned(void **state) {
    (void)state;
    check_loop(loop, 20);
    check_loop(long_loop, 40);
}

static void chance_is_not_believed(void **state) {
    struct rig *rig = start(chance);
    struct outcome outcome;

    (void)state;
    rig_play(rig, 160, rig_nothing);
    outcome = judge(rig, 20);
    assert_true(outcome.said > 60);
    assert_true(outcome.confidence / outcome.said < 0.45);
    rig_free(rig);
}

static void tell_silence(struct rig *rig) {
    struct ja_event event = {.type = JA_EVENT_STATE, .state = {.state = "silent"}};

    ja_pipeline_emit(rig->pipeline, &event);
}

static void silence_and_reset_forget(void **state) {
    struct rig *rig = start(loop);
    size_t before;

    (void)state;
    for (int i = 0; i < 2; i++) {
        rig_play(rig, 40, rig_nothing);
        assert_true(rig_count(rig, JA_EVENT_PREDICTION) > 10);
        if (i == 0)
            tell_silence(rig);
        else
            ja_pipeline_reset(rig->pipeline);
        before = rig_count(rig, JA_EVENT_PREDICTION);
        rig_play(rig, 4, rig_nothing); /* two chords: too few */
        assert_int_equal(rig_count(rig, JA_EVENT_PREDICTION), before);
    }
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_are_learned),
        cmocka_unit_test(chance_is_not_believed),
        cmocka_unit_test(silence_and_reset_forget),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
