/* Tests of the features of the spectrum's shape (centroid, rolloff, flux, flatness) and of the zero
 * crossing rate: known signals have known values, under every window and at both rates.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage_rig.h"

#include <ja/feature/stages.h>
#include <ja/pipeline/spectrum.h>

static const struct ja_stage_class *const stages[] = {
    &ja_centroid_stage, &ja_rolloff_stage,       &ja_flux_stage,
    &ja_flatness_stage, &ja_zero_crossing_stage, NULL,
};

static double hz, amplitude = 0.5;

static double tone(double t, unsigned c) {
    (void)c;
    return amplitude * rig_sine(t, hz);
}

static double tone_with_offset(double t, unsigned c) {
    return tone(t, c) + 0.2;
}

static double two_tones(double t, unsigned c) {
    (void)c;
    return 0.3 * rig_sine(t, 1000) + 0.1 * rig_sine(t, 5000);
}

static double noise(double t, unsigned c) {
    return amplitude * rig_noise(t, c);
}

static double square(double t, unsigned c) {
    (void)c;
    return rig_sine(t, 1000) >= 0 ? 1 : -1;
}

static double direct_current(double t, unsigned c) {
    (void)t, (void)c;
    return 0.8;
}

/* Of every window and rate. */
static void for_all(void check(struct rig *rig, double bin_hz)) {
    for (int window = 0; window < 3; window++) {
        for (int size = 0; size < 5; size++) {
            struct rig *rig = rig_new(size % 2 ? 44100 : 48000, 1, stages);

            amplitude = 0.5;
            rig->analysis.window = window;
            rig->analysis.window_size = size;
            rig_start(rig);
            check(rig, rig->rate / (512.0 * (1 << size)));
            rig_free(rig);
        }
    }
}

static double play(struct rig *rig, double seconds, rig_sound *sound, const char *name) {
    rig_play(rig, seconds, sound);
    return rig_value(rig, name);
}

/* Mean over many hops. */
static double mean(struct rig *rig, rig_sound *sound, const char *name) {
    double sum = 0;

    rig_play(rig, 0.5, sound);
    for (int i = 0; i < 100; i++)
        sum += play(rig, 0.01, sound, name);
    return sum / 100;
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%g is not within %g of %g", value, tolerance, expected);
}

static void check_tone(struct rig *rig, double bin_hz) {
    /* The side lobes of Hamming's window do not fall: far from the tone they add up. */
    double tolerance =
        rig->analysis.window == JA_WINDOW_HAMMING ? 0.1 * rig->rate : 20 + bin_hz / 4;

    for (hz = 500; hz < 15000; hz *= 2.3) {
        assert_near(play(rig, 0.5, tone, "spectral_centroid"), hz, tolerance);
        assert_near(rig_value(rig, "spectral_rolloff"), hz, 1.5 * bin_hz);
        assert_near(rig_value(rig, "zero_crossing_rate"), 2 * hz / rig->rate, 1.1 / 441);
        assert_true(rig_value(rig, "spectral_flatness") < 0.01);
        assert_true(rig_value(rig, "spectral_flux") < 0.1);
        assert_near(play(rig, 0.5, tone_with_offset, "spectral_centroid"), hz, tolerance);
    }
}

static void a_tone_has_its_frequency(void **state) {
    (void)state;
    for_all(check_tone);
}

static void check_noise(struct rig *rig, double bin_hz) {
    double half = rig->rate / 2.0;

    (void)bin_hz;
    assert_near(mean(rig, noise, "spectral_flatness"), 0.56, 0.05);
    assert_near(mean(rig, noise, "spectral_centroid"), 0.5 * half, 0.03 * half);
    assert_near(mean(rig, noise, "spectral_rolloff"), 0.85 * half, 0.03 * half);
    assert_near(mean(rig, noise, "zero_crossing_rate"), 0.5, 0.02);
    assert_near(mean(rig, noise, "spectral_flux"), 0.25, 0.2);
}

static void noise_is_flat(void **state) {
    (void)state;
    for_all(check_noise);
}

static void check_level(struct rig *rig, double bin_hz) {
    double centroid, flatness, flux;

    (void)bin_hz;
    centroid = play(rig, 1, noise, "spectral_centroid");
    flatness = rig_value(rig, "spectral_flatness");
    flux = rig_value(rig, "spectral_flux");
    ja_pipeline_reset(rig->pipeline);
    rig->fed = 0;
    amplitude = 0.001;
    assert_near(play(rig, 1, noise, "spectral_centroid"), centroid, 1);
    assert_near(rig_value(rig, "spectral_flatness"), flatness, 1e-4);
    assert_near(rig_value(rig, "spectral_flux"), flux, 1e-4);
}

static void the_level_does_not_matter(void **state) {
    (void)state;
    for_all(check_level);
}

static void check_silence(struct rig *rig, double bin_hz) {
    rig_sound *const nothing[] = {rig_nothing, direct_current};

    (void)bin_hz;
    for (size_t i = 0; i < 2; i++) {
        assert_true(isnan(play(rig, 0.5, nothing[i], "spectral_centroid")));
        assert_true(isnan(rig_value(rig, "spectral_rolloff")));
        assert_true(isnan(rig_value(rig, "spectral_flatness")));
        assert_true(rig_value(rig, "spectral_flux") == 0);
        assert_true(rig_value(rig, "zero_crossing_rate") == 0);
    }
    assert_false(rig->bad);
}

static void silence_has_no_shape(void **state) {
    (void)state;
    for_all(check_silence);
}

static void check_flux(struct rig *rig, double bin_hz) {
    size_t width = 5;
    float most = 0;

    (void)bin_hz;
    hz = 1000;
    rig_keep(rig, width * 1000);
    rig_play(rig, 0.5, rig_nothing);
    rig_play(rig, 0.5, tone);
    rig_play(rig, 0.5, rig_nothing);
    assert_int_equal(rig->kept_count, width * 150);
    assert_true(rig->kept[50 * width + 2] > 0.9); /* out of nothing */
    for (size_t i = 70; i < 100; i++)
        assert_true(rig->kept[i * width + 2] < 0.02);
    for (size_t i = 120; i < 150; i++)
        most = fmaxf(most, rig->kept[i * width + 2]);
    assert_true(most == 0);
}

static void flux_shows_what_is_new(void **state) {
    (void)state;
    for_all(check_flux);
}

static void two_tones_have_their_centre(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    assert_near(play(rig, 0.5, two_tones, "spectral_centroid"), 2000, 60); /* magnitudes 3 : 1 */
    assert_near(rig_value(rig, "spectral_rolloff"), 1000, 40);             /* powers 9 : 1 */
    rig_set(rig, "rolloff", "share", 0.95);
    assert_int_equal(
        ja_pipeline_configure(rig->pipeline, ja_rolloff_stage.module, rig->settings[1], NULL),
        JA_OK);
    assert_near(play(rig, 0.5, two_tones, "spectral_rolloff"), 5000, 40);
    rig_free(rig);
}

static void a_square_wave_crosses_like_its_sine(void **state) {
    struct rig *rig = rig_new(48000, 1, stages);

    (void)state;
    rig_start(rig);
    assert_near(mean(rig, square, "zero_crossing_rate"), 2000 / 48000.0, 1e-4);
    assert_false(rig->bad);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_has_its_frequency),
        cmocka_unit_test(noise_is_flat),
        cmocka_unit_test(the_level_does_not_matter),
        cmocka_unit_test(silence_has_no_shape),
        cmocka_unit_test(flux_shows_what_is_new),
        cmocka_unit_test(two_tones_have_their_centre),
        cmocka_unit_test(a_square_wave_crosses_like_its_sine),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
