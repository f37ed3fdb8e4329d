/* Tests of learning from the operator: what is learnt, that it is bounded and forgotten, and that
 * it is kept for each profile.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/failing.h"
#include <cmocka.h>
#include <ja/adapt/learner.h>
#include <ja/core/log.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/ja-learner-XXXXXX";
static struct ja_error error;
static char sentence[512];

static int make_folder(void **state) {
    (void)state;
    ja_log_set_level(JA_LOG_ERROR);
    unsetenv("STATE_DIRECTORY");
    return mkdtemp(folder) && setenv("XDG_STATE_HOME", folder, 1) == 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    char name[64];
    (void)state;
    snprintf(name, sizeof name, "%s/jack-analyzer", folder);
    rmdir(name);
    return rmdir(folder);
}

static struct ja_learn_settings settings_of(const char *profile) {
    struct ja_learn_settings settings = {.enabled = true, .max_effect = 1};
    strcpy(settings.profile, profile);
    return settings;
}

static struct ja_learner opened(const char *profile, bool files) {
    struct ja_learner learner = {0};
    struct ja_learn_settings settings = settings_of(profile);
    assert_int_equal(ja_learner_open(&learner, &settings, files, &error), JA_OK);
    return learner;
}

static struct ja_priors priors_of(struct ja_learner *learner) {
    struct ja_priors priors;
    learner->changed = true; /* tell them even if they are known */
    assert_true(ja_learner_take(learner, &priors));
    return priors;
}

static void hear_beat(struct ja_learner *learner, struct ja_ear *ear, double bpm, double when) {
    struct ja_event event = {
        .type = JA_EVENT_BEAT, .time = when, .emitted = when, .beat = {.bpm = bpm}};
    ja_learner_hear(learner, ear, &event);
}

static void hear_transition(struct ja_learner *learner, struct ja_ear *ear, const char *kind,
                            double when) {
    struct ja_event event = {
        .type = JA_EVENT_TRANSITION, .time = when, .emitted = when, .transition = {.kind = kind}};
    ja_learner_hear(learner, ear, &event);
}

static bool judge(struct ja_learner *learner, struct ja_ear *ear, const char *word, double now) {
    struct ja_text reply;
    ja_text_init(&reply, sentence, sizeof sentence);
    enum ja_verdict verdict = ja_verdict_find(word, &reply);
    assert_int_not_equal(verdict, JA_VERDICTS);
    bool done = ja_learner_judge(learner, ear, verdict, now, &reply);
    assert_false(reply.full);
    return done;
}

/* Told `bpm`, the operator says wrong-octave, and then `right_bpm` is told. */
static void correct(struct ja_learner *learner, double bpm, double right_bpm) {
    struct ja_ear ear = {0};
    hear_beat(learner, &ear, bpm, 20);
    assert_true(judge(learner, &ear, "wrong-octave", 20.1));
    hear_beat(learner, &ear, bpm, 20.2); /* told before the analysis had got the command */
    hear_beat(learner, &ear, right_bpm, 20.7);
}

static void words_are_known(void **state) {
    static const struct {
        const char *word;
        int verdict;
        int action;
    } words[] = {
        {"good", JA_VERDICT_GOOD, -1},
        {"wrong-octave", JA_VERDICT_WRONG_OCTAVE, JA_BEAT_WRONG_OCTAVE},
        {"off-beat", JA_VERDICT_OFF_BEAT, JA_BEAT_OFF_BEAT},
        {"wrong-one", JA_VERDICT_WRONG_ONE, JA_BEAT_WRONG_ONE},
        {"energy-good", JA_VERDICT_ENERGY_GOOD, -1},
        {"energy-false", JA_VERDICT_ENERGY_FALSE, -1},
        {"false-alarm", JA_VERDICT_ENERGY_FALSE, -1},
        {"energy-missed", JA_VERDICT_ENERGY_MISSED, -1},
        {"missed", JA_VERDICT_ENERGY_MISSED, -1},
    };
    struct ja_text reply;
    enum ja_beat_action action;
    (void)state;
    ja_text_init(&reply, sentence, sizeof sentence);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        enum ja_verdict verdict = ja_verdict_find(words[i].word, &reply);
        assert_int_equal(verdict, words[i].verdict);
        assert_int_equal(ja_verdict_action(verdict, &action), words[i].action >= 0);
        if (words[i].action >= 0)
            assert_int_equal(action, words[i].action);
    }
    assert_string_equal(sentence, "");
    assert_int_equal(ja_verdict_find("bad", &reply), JA_VERDICTS);
    assert_string_equal(sentence,
                        "feedback takes good, wrong-octave, off-beat, wrong-one, energy-good, "
                        "energy-false, energy-missed, not \"bad\"");
}

static void wrong_octave_makes_it_doubted(void **state) {
    struct ja_learner learner = opened("default", false);
    struct ja_priors priors = priors_of(&learner);
    (void)state;
    assert_memory_equal(&priors, &ja_neutral_priors, sizeof priors);
    assert_false(ja_learner_take(&learner, &priors));
    correct(&learner, 124, 62.1);
    assert_string_equal(sentence,
                        "taking the other octave of 124.0 bpm: such tempi are doubted more");
    assert_true(ja_learner_take(&learner, &priors));
    assert_true(learner.unsaved);
    assert_true(ja_priors_tempo(&priors, 124) < -0.02);
    assert_true(ja_priors_tempo(&priors, 62) > 0.02);
    assert_true(ja_priors_tempo(&priors, 90) == 0);
    assert_true(ja_priors_tempo(&priors, 180) == 0);
    correct(&learner, 92, 184);
    priors = priors_of(&learner);
    assert_true(ja_priors_tempo(&priors, 92) < -0.02);
    assert_true(ja_priors_tempo(&priors, 184) > 0.02);
}

/* The other octave did not come: nobody knows what was right. */
static void without_another_octave_nothing_is_learnt(void **state) {
    struct ja_learner learner = opened("default", false);
    struct ja_ear ear = {0};
    (void)state;
    hear_beat(&learner, &ear, 124, 20);
    assert_true(judge(&learner, &ear, "wrong-octave", 20.1));
    hear_beat(&learner, &ear, 93, 21);
    hear_beat(&learner, &ear, 124, 40); /* too late */
    hear_beat(&learner, &ear, 62, 41);
    assert_false(learner.unsaved);
}

static void good_takes_doubt_away(void **state) {
    struct ja_learner learner = opened("default", false);
    struct ja_ear ear = {0};
    (void)state;
    for (int i = 0; i < 10; i++)
        correct(&learner, 124, 62);
    struct ja_priors priors = priors_of(&learner);
    double before = ja_priors_tempo(&priors, 124);
    hear_beat(&learner, &ear, 124, 50);
    assert_true(judge(&learner, &ear, "good", 51));
    assert_string_equal(sentence, "124.0 bpm is right: such tempi are doubted less");
    priors = priors_of(&learner);
    assert_true(ja_priors_tempo(&priors, 124) > before + 0.01);
    for (int i = 0; i < 60; i++) { /* the last ones count */
        hear_beat(&learner, &ear, 124, 52 + i);
        assert_true(judge(&learner, &ear, "good", 52 + i));
    }
    priors = priors_of(&learner);
    assert_true(fabs(ja_priors_tempo(&priors, 124)) < 0.02);
}

static void nothing_goes_beyond_its_limit(void **state) {
    struct ja_learner learner = opened("default", false);
    struct ja_ear ear = {0};
    char text[JA_MODEL_BYTES];
    struct ja_model read;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        correct(&learner, 90 + i % 90, (90 + i % 90) * (i % 2 ? 0.5 : 2));
        hear_transition(&learner, &ear, "drop", i);
        assert_true(judge(&learner, &ear, "energy-false", i));
        ja_learner_nudged(&learner, 20);
    }
    struct ja_priors priors = priors_of(&learner);
    for (int i = 0; i < JA_PRIOR_TEMPI; i++)
        assert_true(fabs(priors.tempo[i]) <= 0.4);
    assert_true(fabs(priors.energy[ja_prior_kind("drop")] - exp(0.5)) < 1e-9);
    assert_true(priors.energy[ja_prior_kind("rise")] == 1);
    assert_true(priors.latency_s > 0.049 && priors.latency_s <= 0.05);
    for (int i = 0; i < 1000; i++) {
        correct(&learner, 124, 62);
        assert_true(judge(&learner, &ear, "missed", 999));
        ja_learner_nudged(&learner, -20);
    }
    priors = priors_of(&learner);
    assert_true(ja_priors_tempo(&priors, 124) >= -0.4 && ja_priors_tempo(&priors, 124) < -0.3);
    assert_true(ja_priors_tempo(&priors, 62) <= 0.4 && ja_priors_tempo(&priors, 62) > 0.3);
    for (int i = 0; i < JA_PRIOR_KINDS; i++)
        assert_true(fabs(priors.energy[i] - exp(-0.5)) < 1e-9);
    assert_true(priors.latency_s < -0.049 && priors.latency_s >= -0.05);
    size_t size = ja_model_write(&learner.model, text); /* and the file's own limits hold */
    assert_int_equal(ja_model_read(&read, text, size, &error), JA_OK);
}

static void transitions_are_judged(void **state) {
    struct ja_learner learner = opened("default", false);
    struct ja_ear ear = {0};
    (void)state;
    assert_false(judge(&learner, &ear, "energy-false", 5));
    assert_string_equal(sentence, "no transition was told in the last 30 s");
    hear_transition(&learner, &ear, "buildup", 10);
    assert_true(judge(&learner, &ear, "false-alarm", 12));
    assert_string_equal(sentence, "the buildup was a false alarm: its threshold is now 1.11 times "
                                  "the usual");
    assert_true(judge(&learner, &ear, "energy-good", 14));
    assert_string_equal(sentence, "the buildup was right: its threshold is now 1.09 times the "
                                  "usual");
    assert_false(judge(&learner, &ear, "energy-good", 41));
    assert_true(judge(&learner, &ear, "energy-missed", 50));
    assert_string_equal(sentence, "a transition was missed: all thresholds are lower, that of a "
                                  "drop is now 0.90 times the usual");
    struct ja_priors priors = priors_of(&learner);
    assert_true(fabs(ja_priors_energy(&priors, "buildup") - exp(0.9 * 0.09 - 0.1)) < 1e-3);
    hear_transition(&learner, &ear, "something new", 60);
    assert_true(judge(&learner, &ear, "energy-false", 61));
}

static void beats_are_judged_while_they_come(void **state) {
    static const char *const words[] = {"good", "wrong-octave", "off-beat", "wrong-one"};
    struct ja_learner learner = opened("default", false);
    struct ja_ear ear = {0};
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_false(judge(&learner, &ear, words[i], 1));
        assert_string_equal(sentence, "no beat was told in the last 10 s");
    }
    hear_beat(&learner, &ear, 128, 2);
    assert_true(judge(&learner, &ear, "off-beat", 3));
    assert_string_equal(sentence, "beats moved by half a beat; nothing is learnt from that");
    assert_true(judge(&learner, &ear, "wrong-one", 3));
    assert_string_equal(sentence, "the bar begins on another beat; nothing is learnt from that");
    assert_false(judge(&learner, &ear, "good", 12.5));
    assert_false(learner.unsaved);
}

static void nudges_become_a_habit(void **state) {
    struct ja_learner learner = opened("default", false);
    (void)state;
    ja_learner_nudged(&learner, -10);
    struct ja_priors priors = priors_of(&learner);
    assert_true(fabs(priors.latency_s + 0.003) < 1e-6);
    ja_learner_unnudged(&learner);
    priors = priors_of(&learner);
    assert_true(fabs(priors.latency_s + 0.003) < 1e-6);
    for (int run = 0; run < 20; run++) { /* to -20 ms, every time from the habit */
        learner.nudge_ms = 1e3 * priors_of(&learner).latency_s;
        ja_learner_nudged(&learner, -20 - learner.nudge_ms);
    }
    priors = priors_of(&learner);
    assert_true(fabs(priors.latency_s + 0.02) < 1e-4);
}

static void effect_can_be_less_or_none(void **state) {
    struct ja_learner learner = opened("default", false);
    struct ja_ear ear = {0};
    (void)state;
    for (int i = 0; i < 10; i++) {
        correct(&learner, 124, 62);
        hear_transition(&learner, &ear, "drop", i);
        judge(&learner, &ear, "energy-false", i);
        ja_learner_nudged(&learner, 5);
    }
    struct ja_priors whole = priors_of(&learner), half;
    struct ja_learn_settings settings = settings_of("default");
    settings.max_effect = 0.5;
    assert_int_equal(ja_learner_open(&learner, &settings, false, &error), JA_OK);
    assert_true(ja_learner_take(&learner, &half));
    for (int i = 0; i < JA_PRIOR_TEMPI; i++)
        assert_true(fabs(half.tempo[i] - 0.5 * whole.tempo[i]) < 1e-9);
    assert_true(fabs(half.energy[3] - sqrt(whole.energy[3])) < 1e-9);
    assert_true(fabs(half.latency_s - 0.5 * whole.latency_s) < 1e-9);
    settings.enabled = false;
    assert_int_equal(ja_learner_open(&learner, &settings, false, &error), JA_OK);
    assert_true(ja_learner_take(&learner, &half));
    for (int i = 0; i < JA_PRIOR_TEMPI; i++)
        assert_true(half.tempo[i] == 0);
    learner.unsaved = false;
    hear_beat(&learner, &ear, 124, 20);
    assert_true(judge(&learner, &ear, "wrong-octave", 20));
    assert_string_equal(sentence, "taking the other octave of 124.0 bpm; nothing is learnt while "
                                  "learn.enabled is false");
    hear_beat(&learner, &ear, 62, 21);
    assert_true(judge(&learner, &ear, "good", 21));
    assert_true(judge(&learner, &ear, "missed", 21));
    ja_learner_nudged(&learner, 5);
    assert_false(learner.unsaved);
}

static void every_profile_has_its_own(void **state) {
    struct ja_learner learner = opened("club", true);
    struct ja_learn_settings settings = settings_of("church");
    bool was;
    (void)state;
    correct(&learner, 124, 62);
    ja_learner_nudged(&learner, 10);
    struct ja_priors club = priors_of(&learner);
    fail_at = 1; /* nothing is allocated */
    ja_learner_save(&learner);
    assert_false(learner.unsaved);
    assert_int_equal(ja_learner_open(&learner, &settings, true, &error), JA_OK);
    struct ja_priors priors = priors_of(&learner);
    assert_memory_equal(&priors, &ja_neutral_priors, sizeof priors);
    assert_true(learner.nudge_ms == 10); /* this run's, still in force */
    settings = settings_of("club");
    assert_int_equal(ja_learner_open(&learner, &settings, true, &error), JA_OK);
    assert_int_equal(fail_at, 1);
    fail_at = 0;
    priors = priors_of(&learner);
    assert_memory_equal(&priors, &club, sizeof priors);
    struct ja_learner later = opened("club", true);
    priors = priors_of(&later);
    assert_memory_equal(&priors, &club, sizeof priors);
    assert_true(fabs(later.nudge_ms - 3) < 1e-9);
    struct ja_learner offline = opened("club", false);
    priors = priors_of(&offline);
    assert_memory_equal(&priors, &ja_neutral_priors, sizeof priors);
    assert_int_equal(ja_learner_forget(&settings, &was, &error), JA_OK);
    assert_true(was);
    assert_int_equal(ja_learner_forget(&settings, &was, &error), JA_OK);
    assert_false(was);
    later = opened("club", true);
    priors = priors_of(&later);
    assert_memory_equal(&priors, &ja_neutral_priors, sizeof priors);
}

/* As when another thread does what waits for the disk. */
static void goes_over_to_a_profile_in_steps(void **state) {
    struct ja_learner learner = opened("club", true);
    struct ja_learn_settings settings = settings_of("church");
    struct ja_profile saved, loaded;
    (void)state;
    correct(&learner, 124, 62);
    struct ja_priors club = priors_of(&learner);
    assert_int_equal(ja_learner_configure(&learner, &settings, true, &loaded, &error), JA_OK);
    struct ja_priors priors = priors_of(&learner); /* none but the club's is known */
    assert_memory_equal(&priors, &club, sizeof priors);
    assert_true(ja_learner_begin_save(&learner, &saved));
    assert_false(ja_learner_begin_save(&learner, &saved));
    ja_profile_save(&saved);
    ja_profile_load(&loaded);
    ja_learner_end_save(&learner, &saved);
    assert_false(learner.unsaved || learner.save_failed);
    ja_learner_take_profile(&learner, &loaded);
    assert_string_equal(learner.profile, "church");
    priors = priors_of(&learner);
    assert_memory_equal(&priors, &ja_neutral_priors, sizeof priors);
    learner = opened("club", true);
    priors = priors_of(&learner);
    assert_memory_equal(&priors, &club, sizeof priors);
    unlink(learner.path);
}

static void wrong_name_changes_nothing(void **state) {
    struct ja_learner learner = opened("club", false);
    struct ja_learn_settings settings = settings_of("../club");
    bool was;
    (void)state;
    correct(&learner, 124, 62);
    struct ja_learner before = learner;
    assert_int_equal(ja_learner_open(&learner, &settings, false, &error), JA_USAGE);
    assert_string_equal(error.text, "learn.profile = \"../club\": must be 1 to 32 letters, digits, "
                                    "- and _");
    assert_memory_equal(&learner, &before, sizeof learner);
    assert_int_equal(ja_learner_forget(&settings, &was, &error), JA_USAGE);
}

/* It goes on in memory until it can be written. */
static void works_without_a_place_to_write(void **state) {
    char blocked[96], path[128];
    struct stat status;
    (void)state;
    snprintf(blocked, sizeof blocked, "%s/blocked", folder);
    snprintf(path, sizeof path, "%s/jack-analyzer/club.model", blocked);
    fclose(fopen(blocked, "w")); /* a file where a folder should be */
    setenv("XDG_STATE_HOME", blocked, 1);
    struct ja_learner learner = opened("club", true);
    assert_string_equal(learner.path, path);
    correct(&learner, 124, 62);
    ja_learner_save(&learner);
    assert_true(learner.unsaved && learner.save_failed);
    struct ja_priors priors = priors_of(&learner);
    assert_true(ja_priors_tempo(&priors, 124) < -0.05);
    assert_int_equal(unlink(blocked), 0);
    ja_learner_save(&learner);
    assert_false(learner.unsaved || learner.save_failed);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    assert_true(rmdir(path) == 0 && rmdir(blocked) == 0);
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    learner = opened("club", true);
    assert_string_equal(learner.path, "");
    setenv("XDG_STATE_HOME", folder, 1);
}

/* A file that is refused and cannot be renamed is not written over either. */
static void what_is_refused_is_left_alone(void **state) {
    char path[96], bad[112], inside[128];
    struct stat status;
    (void)state;
    struct ja_learner learner = opened("club", true);
    correct(&learner, 124, 62);
    ja_learner_save(&learner);
    snprintf(path, sizeof path, "%s/jack-analyzer/club.model", folder);
    snprintf(bad, sizeof bad, "%s.bad", path);
    snprintf(inside, sizeof inside, "%s/x", bad);
    assert_int_equal(truncate(path, 100), 0);
    assert_true(mkdir(bad, 0700) == 0 && mkdir(inside, 0700) == 0);
    learner = opened("club", true);
    assert_string_equal(learner.path, "");
    correct(&learner, 124, 62);
    ja_learner_save(&learner);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 100);
    rmdir(inside);
    rmdir(bad);
    learner = opened("club", true); /* now it is set aside, and learning begins anew */
    correct(&learner, 124, 62);
    ja_learner_save(&learner);
    assert_int_equal(stat(bad, &status), 0);
    assert_int_equal(status.st_size, 100);
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size > 100);
    remove(path);
    remove(bad);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_known),
        cmocka_unit_test(wrong_octave_makes_it_doubted),
        cmocka_unit_test(without_another_octave_nothing_is_learnt),
        cmocka_unit_test(good_takes_doubt_away),
        cmocka_unit_test(nothing_goes_beyond_its_limit),
        cmocka_unit_test(transitions_are_judged),
        cmocka_unit_test(beats_are_judged_while_they_come),
        cmocka_unit_test(nudges_become_a_habit),
        cmocka_unit_test(effect_can_be_less_or_none),
        cmocka_unit_test(every_profile_has_its_own),
        cmocka_unit_test(goes_over_to_a_profile_in_steps),
        cmocka_unit_test(wrong_name_changes_nothing),
        cmocka_unit_test(works_without_a_place_to_write),
        cmocka_unit_test(what_is_refused_is_left_alone),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
