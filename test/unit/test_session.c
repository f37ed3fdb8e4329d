/* Tests of the manners in a shared tempo: patience, tolerance, and that nobody is thrown off the
 * beat.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../../src/sink/session.h"
#include "../support/sink_rig.h"

enum { QUANTUM = 4 };

static struct ja_session_settings usual(void) {
    return (struct ja_session_settings){.enable = true,
                                        .mode = JA_SESSION_PHASE,
                                        .stream = "main",
                                        .tolerance_percent = 0.5,
                                        .tolerance_beats = 0.05,
                                        .steady_bars = 2};
}

static struct ja_session_wish hear(struct ja_session *session,
                                   const struct ja_session_settings *settings, double bpm,
                                   int place, double session_bpm, double session_beat,
                                   unsigned peers) {
    struct ja_event_beat beat = {.beat_in_bar = place, .bpm = bpm, .confidence = 0.9};
    struct ja_session_view view = {.peers = peers, .bpm = session_bpm, .beat = session_beat};
    return ja_session_hear(session, settings, QUANTUM, &beat, &view);
}

static void assert_nothing(struct ja_session_wish wish) {
    assert_true(isnan(wish.bpm) && isnan(wish.beat));
}

/* Beats that lie in one way until something is wished; how many that took, 0 within 100. */
static int beats_until(const struct ja_session_settings *settings, double bpm, int place,
                       double session_bpm, double session_beat, unsigned peers,
                       struct ja_session_wish *wish) {
    struct ja_session session = {0};
    for (int n = 1; n <= 100; n++) {
        int at = place ? 1 + (place - 1 + n) % QUANTUM : 0;
        *wish = hear(&session, settings, bpm, at, session_bpm, session_beat + n, peers);
        if (!isnan(wish->bpm) || !isnan(wish->beat))
            return n;
    }
    return 0;
}

static void changes_a_tempo_that_stays_wrong(void **state) {
    (void)state;
    struct ja_session_settings settings = usual();
    struct ja_session_wish wish;
    assert_int_equal(beats_until(&settings, 125, 1, 120, 0, 3, &wish), 8);
    assert_true(wish.bpm == 125 && isnan(wish.beat));
    assert_int_equal(beats_until(&settings, 119, 1, 120, 0, 0, &wish), 8);
    assert_true(wish.bpm == 119);
    settings.steady_bars = 5;
    assert_int_equal(beats_until(&settings, 125, 1, 120, 0, 3, &wish), 20);
}

static void leaves_small_differences_alone(void **state) {
    (void)state;
    struct ja_session_settings settings = usual();
    struct ja_session_wish wish;
    assert_int_equal(beats_until(&settings, 120.5, 1, 120, 0.04, 0, &wish), 0);
    assert_int_equal(beats_until(&settings, 119.5, 1, 120, -0.04, 0, &wish), 0);
    settings.tolerance_percent = 0.1;
    assert_int_equal(beats_until(&settings, 120.5, 1, 120, 0, 0, &wish), 8);
}

static void begins_anew_after_a_beat_that_agrees(void **state) {
    (void)state;
    struct ja_session_settings settings = usual();
    struct ja_session session = {0};
    for (int n = 1; n <= 30; n++)
        assert_nothing(hear(&session, &settings, n % 8 ? 125 : 120, 1 + n % 4, 120, n, 0));
    for (int n = 1; n <= 30; n++) /* and neither faster nor slower */
        assert_nothing(hear(&session, &settings, n % 2 ? 125 : 115, 1 + n % 4, 120, n, 0));
}

static void takes_the_confirmed_tempo(void **state) {
    (void)state;
    struct ja_session_settings settings = usual();
    struct ja_session session = {.exact_bpm = 124.5};
    struct ja_session_wish wish = {NAN, NAN};
    for (int n = 1; isnan(wish.bpm) && n < 100; n++)
        wish = hear(&session, &settings, 125, 0, 120, n, 0);
    assert_true(wish.bpm == 124.5);
    for (int n = 1; n < 100; n++) { /* unless it is of the past */
        wish = hear(&session, &settings, 140, 0, 120, n, 0);
        if (!isnan(wish.bpm))
            break;
    }
    assert_true(wish.bpm == 140);
    assert_true(session.exact_bpm == 124.5);
}

static void moves_beats_when_alone(void **state) {
    (void)state;
    struct ja_session_settings settings = usual();
    struct ja_session_wish wish;
    assert_int_equal(beats_until(&settings, 120.1, 0, 120, 0.3, 0, &wish), 8);
    assert_true(wish.bpm == 120.1 && wish.beat == 8);
    assert_int_equal(beats_until(&settings, 120, 0, 120, -0.3, 0, &wish), 8);
    assert_true(wish.beat == 8);
    assert_int_equal(beats_until(&settings, 125, 0, 120, 0.3, 0, &wish), 8); /* in one */
    assert_true(wish.bpm == 125 && wish.beat == 8);
    settings.mode = JA_SESSION_TEMPO;
    assert_int_equal(beats_until(&settings, 120, 0, 120, 0.3, 0, &wish), 0);
}

static void spares_peers(void **state) {
    (void)state;
    struct ja_session_settings settings = usual();
    struct ja_session_wish wish;
    assert_int_equal(beats_until(&settings, 120, 2, 120, 0.3, 1, &wish), 0);
    assert_int_equal(beats_until(&settings, 125, 2, 120, 0.3, 1, &wish), 8);
    assert_true(wish.bpm == 125 && isnan(wish.beat));
    settings.force = true;
    assert_int_equal(beats_until(&settings, 120, 0, 120, 0.3, 1, &wish), 8);
    assert_true(wish.beat == 8);
}

static void moves_bars(void **state) {
    (void)state;
    struct ja_session_settings settings = usual();
    struct ja_session_wish wish;
    assert_int_equal(beats_until(&settings, 120, 1, 120, 0, 0, &wish), 0);
    for (int early = 1; early < QUANTUM; early++) {
        /* ours is 1 where the session has 0 - early */
        for (int bar = -100; bar <= 100; bar += 50) { /* a session may begin after now */
            assert_int_equal(beats_until(&settings, 120, 1, 120, 2 * bar - early, 0, &wish), 8);
            assert_true(isnan(wish.bpm));
            assert_true(fmod(wish.beat, QUANTUM) == 0); /* the eighth beat is a downbeat again */
            assert_true(fabs(wish.beat - (2 * bar + 8 - early)) <= QUANTUM / 2);
        }
    }
    assert_int_equal(beats_until(&settings, 120, 0, 120, 99, 0, &wish), 0);
    assert_int_equal(beats_until(&settings, 120, 1, 120, -6, 0, &wish), 8); /* across zero */
}

static void knows_its_beats(void **state) {
    struct sink_rig *rig = *state;
    struct ja_session_settings settings = usual();
    struct ja_event beat = {.type = JA_EVENT_BEAT, .time = 1, .beat = {.confidence = 0.9}};
    uint64_t at_us = ja_tap_us(rig->taps, 1);
    assert_true(ja_session_beat_us(&settings, rig->taps, &beat) == at_us);
    settings.offset_ms = -20;
    assert_true(ja_session_beat_us(&settings, rig->taps, &beat) == at_us - 20000);
    assert_true(ja_session_beat_us(&settings, rig->taps + 1, &beat) == 0);
    beat.beat.confidence = 0.3;
    assert_true(ja_session_beat_us(&settings, rig->taps, &beat) == 0);
    beat.beat.confidence = 0.9;
    settings.enable = false;
    assert_true(ja_session_beat_us(&settings, rig->taps, &beat) == 0);
}

static void remembers_the_tempo_of_its_stream(void **state) {
    struct sink_rig *rig = *state;
    struct ja_session_settings settings = usual();
    struct ja_session session;
    ja_session_init(&session, &rig->catalogue);
    rig->frame->values[RIG_TEMPO] = 99;
    ja_session_frame(&session, &settings, rig->taps + 1, rig->frame);
    assert_true(session.exact_bpm == 0);
    ja_session_frame(&session, &settings, rig->taps, rig->frame);
    assert_true(session.exact_bpm == 99);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_a_tempo_that_stays_wrong),
        cmocka_unit_test(leaves_small_differences_alone),
        cmocka_unit_test(begins_anew_after_a_beat_that_agrees),
        cmocka_unit_test(takes_the_confirmed_tempo),
        cmocka_unit_test(moves_beats_when_alone),
        cmocka_unit_test(spares_peers),
        cmocka_unit_test(moves_bars),
        WITH_RIG(knows_its_beats),
        WITH_RIG(remembers_the_tempo_of_its_stream),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
