/* Front end and network of the beat engine against what the training framework computed:
 * src/train/README.md tells how the inputs are made.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beat/network.h"
#include <cmocka.h>
#include <ja/core/math.h>
#include <math.h>

static const unsigned shown_bands[] = {0, 5, 10, 15, 20, 25, 30, 35, 39};
enum { SHOWN = sizeof shown_bands / sizeof shown_bands[0] };

/* A sweep up from 60 Hz with a click at half a second. */
static float golden_sample(unsigned i, unsigned rate) {
    double t = (double)i / rate;
    double sample = 0.3 * sin(2 * JA_PI * (60 * t + 3000 * t * t));
    return (float)sample + (i == rate / 2 ? 0.9f : 0);
}

/* All frames of one second: 100 × JA_MEL_BANDS. */
static void golden_frames(unsigned rate, float *frames) {
    struct ja_error error;
    struct ja_mel *mel = ja_mel_new(rate, &error);
    assert_non_null(mel);
    unsigned count = 0;
    for (unsigned i = 0; i < rate; i++) {
        float sample = golden_sample(i, rate);
        const float *bands;
        assert_int_equal(ja_mel_feed(mel, &sample, 1, &bands), 1);
        if (bands)
            memcpy(frames + JA_MEL_BANDS * count++, bands, JA_MEL_BANDS * sizeof *bands);
    }
    assert_int_equal(count, 100);
    ja_mel_free(mel);
}

static void check_mel_line(const char *line, unsigned rate, const float *frames) {
    unsigned line_rate, frame;
    int at;
    if (sscanf(line, "mel %u %u%n", &line_rate, &frame, &at) != 2 || line_rate != rate)
        return;
    const float *got = frames + (size_t)JA_MEL_BANDS * frame;
    double largest = 0;
    for (unsigned b = 0; b < JA_MEL_BANDS; b++)
        if (largest < (double)got[b]) /* not fmax, at which gcc 12 for ARM breaks down */
            largest = (double)got[b];
    char *rest = (char *)line + at;
    for (unsigned i = 0; i < SHOWN; i++) {
        double expected = strtod(rest, &rest);
        assert_true(fabs((double)got[shown_bands[i]] - expected) <= 1e-4 * largest);
    }
}

static FILE *open_golden(void) {
    FILE *file = fopen("test/golden/beat_network.txt", "r");
    assert_non_null(file);
    return file;
}

static void mel_bands_are_those_of_training(void **state) {
    static const unsigned rates[] = {44100, 48000};
    static float frames[100 * JA_MEL_BANDS];
    char line[512];
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        FILE *file = open_golden();
        golden_frames(rates[r], frames);
        while (fgets(line, sizeof line, file))
            check_mel_line(line, rates[r], frames);
        fclose(file);
    }
}

/* A small imaginary groove. */
static void golden_bands(unsigned t, float *bands) {
    for (unsigned b = 0; b < JA_MEL_BANDS; b++) {
        double kick = exp(-(double)(t % 50) / 6 - b / 5.0);
        double hat = exp(-(double)((t + 25) % 50) / 3 - (39.0 - b) / 8);
        double pad = 0.01 * (1.5 + sin(0.05 * t + 0.7 * b));
        bands[b] = (float)(0.02 * (kick + 0.3 * hat + pad));
    }
}

static double logit(double p) {
    return log(p / (1 - p));
}

static void network_is_that_of_training(void **state) {
    struct ja_error error;
    struct ja_network *network = ja_network_new(&error);
    struct ja_network_out out = {0, 0};
    char line[512];
    unsigned done = 0, frame, checked = 0;
    FILE *file = open_golden();
    (void)state;
    assert_non_null(network);
    while (fgets(line, sizeof line, file)) {
        double beat, downbeat;
        if (sscanf(line, "net %u %*f %*f %*f %*f %*f %*f %*f %*f %*f %lf %lf", &frame, &beat,
                   &downbeat) != 3)
            continue;
        for (; done <= frame; done++) {
            float bands[JA_MEL_BANDS];
            golden_bands(done, bands);
            out = ja_network_step(network, bands);
        }
        assert_true(fabs(logit(out.beat) - beat) < 1e-4);
        assert_true(fabs(logit(out.downbeat) - downbeat) < 1e-4);
        checked++;
    }
    assert_true(checked >= 100);
    fclose(file);
    ja_network_free(network);
}

static void level_changes_nothing(void **state) {
    struct ja_error error;
    struct ja_network *loud = ja_network_new(&error), *soft = ja_network_new(&error);
    (void)state;
    assert_non_null(loud);
    assert_non_null(soft);
    for (unsigned t = 0; t < 600; t++) {
        float bands[JA_MEL_BANDS], quiet[JA_MEL_BANDS];
        golden_bands(t, bands);
        for (unsigned b = 0; b < JA_MEL_BANDS; b++)
            quiet[b] = bands[b] * 1e-5f; /* 50 dB */
        struct ja_network_out a = ja_network_step(loud, bands), b = ja_network_step(soft, quiet);
        assert_true(fabs(a.beat - b.beat) < 0.02);
    }
    ja_network_free(loud);
    ja_network_free(soft);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mel_bands_are_those_of_training),
        cmocka_unit_test(network_is_that_of_training),
        cmocka_unit_test(level_changes_nothing),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
