/* Tests of the beat engine by itself: what it makes of a beat that could be heard at two levels.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <ja/beat/engine.h>
#include <math.h>

enum { RATE = 44100, FRAME = RATE / 100, BEAT = 84 };

static struct ja_engine *make(void) {
    struct ja_engine_setup setup = {
        .rate = RATE, .lead_frames = 8, .network = true, .min_bpm = 1, .max_bpm = 1000};
    struct ja_error error;
    struct ja_engine *engine = ja_engine_new(&setup, &error);

    assert_non_null(engine);
    return engine;
}

/* A short hiss, `since` frames after it began. */
static void hiss(float *samples, int since, double level) {
    static uint32_t seed = 1;

    for (int i = 0; i < FRAME; i++) {
        double fall = exp(-(since * FRAME + i) / (0.01 * RATE));
        seed = seed * 1664525u + 1013904223u;
        samples[i] = (float)(level * fall * ((double)(seed >> 8) / (1 << 23) - 1));
    }
}

/* Beats at full level every BEAT frames, others at level `between` half-way; the mean beat length
 * in the last ten seconds, in frames. */
static double play(struct ja_engine *engine, int seconds, double between) {
    double sum = 0;

    for (int i = 0; i < seconds * 100; i++) {
        float samples[FRAME];
        struct ja_engine_frame frame;
        bool complete;
        hiss(samples, i % (BEAT / 2), i / (BEAT / 2) % 2 == 0 ? 0.5 : 0.5 * between);
        assert_int_equal(ja_engine_feed(engine, samples, FRAME, &frame, &complete), FRAME);
        assert_true(complete);
        if (i >= (seconds - 10) * 100)
            sum += 100 * frame.period_s / 1000;
    }
    return sum;
}

/* What is as well heard twice as fast is heard as slow as what came before, if that went on long
 * enough; what is clear is heard as it is. */
static void habit_keeps_the_level(void **state) {
    static const struct {
        double between;
        int fresh, used;
    } rows[] = {{0, BEAT, BEAT}, {0.45, BEAT / 2, BEAT}, {0.85, BEAT / 2, BEAT / 2}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ja_engine *fresh = make(), *used = make();
        play(used, 42, 0);
        assert_true(fabs(play(fresh, 30, rows[i].between) - rows[i].fresh) < 0.5);
        assert_true(fabs(play(used, 30, rows[i].between) - rows[i].used) < 0.5);
        ja_engine_free(fresh);
        ja_engine_free(used);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(habit_keeps_the_level),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
