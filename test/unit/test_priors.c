/* Tests of looking up what was learnt by tempo and by kind of transition.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ja/pipeline/priors.h>
#include <math.h>

static void places_are_sixths_of_octaves(void **state) {
    (void)state;
    assert_true(ja_prior_place(40) == 0);
    assert_true(ja_prior_place(80) == 6);
    assert_true(fabs(ja_prior_place(120) - 6 * log2(3)) < 1e-12);
    assert_true(ja_prior_place(10) == 0);
    assert_true(ja_prior_place(-1) == 0);
    assert_true(ja_prior_place(NAN) == 0);
    assert_true(ja_prior_place(1000) == JA_PRIOR_TEMPI - 1);
    assert_true(ja_prior_place(INFINITY) == JA_PRIOR_TEMPI - 1);
}

static void evidence_is_linear_between_tempi(void **state) {
    struct ja_priors priors = ja_neutral_priors;
    (void)state;
    priors.tempo[6] = 0.2;
    priors.tempo[JA_PRIOR_TEMPI - 1] = -0.1;
    assert_true(ja_priors_tempo(&priors, 80) == 0.2);
    assert_true(fabs(ja_priors_tempo(&priors, 80 * exp2(0.5 / 6)) - 0.1) < 1e-12);
    assert_true(fabs(ja_priors_tempo(&priors, 80 * exp2(-0.75 / 6)) - 0.05) < 1e-12);
    assert_true(ja_priors_tempo(&priors, 120) == 0);
    assert_true(ja_priors_tempo(&priors, 0) == 0);
    assert_true(ja_priors_tempo(&priors, 1e9) == -0.1);
}

static void kinds_have_factors(void **state) {
    struct ja_priors priors = ja_neutral_priors;
    (void)state;
    for (int i = 0; i < JA_PRIOR_KINDS; i++) {
        assert_int_equal(ja_prior_kind(ja_prior_kinds[i]), i);
        assert_true(ja_priors_energy(&priors, ja_prior_kinds[i]) == 1);
    }
    priors.energy[ja_prior_kind("drop")] = 1.5;
    assert_true(ja_priors_energy(&priors, "drop") == 1.5);
    assert_true(ja_priors_energy(&priors, "buildup") == 1);
    assert_true(ja_priors_energy(&priors, "") == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_sixths_of_octaves),
        cmocka_unit_test(evidence_is_linear_between_tempi),
        cmocka_unit_test(kinds_have_factors),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
