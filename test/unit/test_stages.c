/* Tests of what holds for every feature and predictor: finite results whatever comes in, the same
 * results from the same sound, no memory taken while listening, and complete descriptions.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* dladdr */
#include "stage_rig.h"

#include <ctype.h>
#include <dlfcn.h>
#include <modules.h>

/* All that there are, ended by NULL. */
static const struct ja_stage_class *stages[RIG_STAGES + 1];

/* Every allocation of this program, aubio's included, is counted; a sanitizer has its own. Not
 * counted is what FFTW takes for single transforms on some processors, arm64 for one. */
static long allocations;
static bool listening;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool counting = false;
#else
static const bool counting = true;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static void add(const void *caller) {
    Dl_info library;
    if (!listening || !dladdr(caller, &library) || !strstr(library.dli_fname, "fftw"))
        __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size) {
    add(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    add(__builtin_return_address(0));
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    add(__builtin_return_address(0));
    return __libc_realloc(old, size);
}
#endif

static double noise(double t, unsigned c) {
    return 0.5 * rig_noise(t, c);
}

static double direct_current(double t, unsigned c) {
    (void)t, (void)c;
    return 0.8;
}

static double square(double t, unsigned c) {
    return rig_sine(t, 100 + c) > 0 ? 1 : -1;
}

static double denormal(double t, unsigned c) {
    return 1e-41 * rig_noise(t, c);
}

static double huge(double t, unsigned c) {
    return rig_noise(t, c) > 0 ? 16 : -16;
}

/* Kick, hiss and a melody: something for every stage. */
static double music(double t, unsigned c) {
    double since = fmod(t, 0.5), off = fmod(t + 0.25, 0.5);
    double kick = 0.4 * exp(-since * 25) * rig_sine(since, 60) +
                  0.2 * exp(-since * 400) * rig_noise(since, c);
    double hz = 220 + 110 * ((int)(t / 0.5) % 3);

    return kick + 0.05 * exp(-off * 80) * rig_noise(t, c) + 0.2 * rig_sine(t, hz);
}

static double music_with_rests(double t, unsigned c) {
    return fmod(t, 10) < 6 ? music(t, c) : 0;
}

static struct rig *start(unsigned rate, unsigned channels, int method) {
    struct rig *rig = rig_new(rate, channels, stages);

    rig_set(rig, "onset", "method", method);
    rig_set(rig, "onset", "bands", true);
    rig_set(rig, "note", "enable", true);
    rig_set(rig, "pitch", "method", method % 7);
    rig_start(rig);
    return rig;
}

static bool is_silence(const struct rig *rig) {
    return rig_value(rig, "silence") == 1;
}

static void any_input_is_survived(void **state) {
    rig_sound *const inputs[] = {rig_nothing, noise, direct_current, square, denormal, huge, music};

    (void)state;
    for (int method = 0; method < 10; method++) {
        struct rig *rig = start(method % 2 ? 44100 : 48000, 2, method);

        for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
            rig_play(rig, 1.5, inputs[i]);
            assert_false(rig->bad);
        }
        rig_play(rig, 3, rig_nothing);
        assert_true(is_silence(rig));
        rig_free(rig);
    }
}

/* Two seconds after something very loud, onsets are found as if nothing had been. */
static void nothing_is_deafened(void **state) {
    (void)state;
    for (int method = 0; method < 10; method++) {
        struct rig *rig = start(48000, 1, method);
        struct rig *control = start(48000, 1, method);
        size_t before, found, expected;

        rig_play(rig, 1, huge);
        rig_play(rig, 2, music);
        rig_play(control, 3, music);
        before = rig_count(rig, JA_EVENT_ONSET);
        expected = rig_count(control, JA_EVENT_ONSET);
        rig_play(rig, 5, music);
        rig_play(control, 5, music);
        found = rig_count(rig, JA_EVENT_ONSET) - before;
        expected = rig_count(control, JA_EVENT_ONSET) - expected;
        assert_true(found * 10 >= expected * 8 && found * 10 <= expected * 12);
        rig_free(rig);
        rig_free(control);
    }
}

static void memory_is_taken_at_open_only(void **state) {
    (void)state;
    for (int method = 0; method < 10; method += 4) {
        struct rig *rig = start(48000, 2, method);
        long before = allocations;

        assert_true(before > 0 || !counting);
        listening = true;
        rig_play(rig, 10, music_with_rests);
        listening = false;
        assert_int_equal(allocations, before);
        assert_true(rig->event_count > 10);
        rig_free(rig);
    }
}

static void reset_is_like_a_fresh_start(void **state) {
    (void)state;
    for (int method = 0; method < 10; method += 4) {
        struct rig *a = start(44100, 1, method), *b = start(44100, 1, method);
        size_t room = 64 * 1500, first;

        rig_play(a, 6.5, music);
        rig_play(a, 1.5, rig_nothing); /* ends every note */
        ja_pipeline_reset(a->pipeline);
        first = a->event_count;
        a->fed = 0; /* the sound begins anew, the time does not */
        rig_keep(a, room);
        rig_keep(b, room);
        rig_play(a, 10, music);
        rig_play(b, 10, music);
        assert_int_equal(a->kept_count, b->kept_count);
        for (size_t i = 0; i < a->kept_count; i++)
            assert_true(a->kept[i] == b->kept[i] || fabs(a->kept[i] - b->kept[i]) < 1e-4 ||
                        (isnan(a->kept[i]) && isnan(b->kept[i])));
        assert_int_equal(a->event_count - first, b->event_count);
        for (size_t i = 0; i < b->event_count; i++) {
            assert_int_equal(a->events[first + i].type, b->events[i].type);
            assert_true(fabs(a->events[first + i].time - 8 - b->events[i].time) < 1e-4);
        }
        rig_free(a);
        rig_free(b);
    }
}

/* Every level after every other: what is above it has no value, what is back has. */
static void levels_come_and_go(void **state) {
    static const int levels[] = {JA_LEVEL_LOW,     JA_LEVEL_MAXIMUM, JA_LEVEL_MEDIUM,
                                 JA_LEVEL_HIGH,    JA_LEVEL_LOW,     JA_LEVEL_MEDIUM,
                                 JA_LEVEL_MAXIMUM, JA_LEVEL_HIGH,    JA_LEVEL_MAXIMUM};
    struct rig *rig = start(48000, 2, 0);

    (void)state;
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        ja_pipeline_set_coarse(rig->pipeline, l % 2);
        ja_pipeline_set_level(rig->pipeline, (enum ja_level)levels[l]);
        rig_play(rig, 1.5, music);
        assert_false(rig->bad);
        for (size_t i = 0; i < rig->catalogue.count; i++) {
            const struct ja_catalogue_entry *entry = &rig->catalogue.entries[i];

            for (unsigned v = 0; v < entry->output->width; v++)
                assert_true((int)entry->stage->level <= levels[l] ||
                            isnan(rig->last[entry->first + v]));
        }
        assert_int_equal(isnan(rig_value(rig, "pitch_confidence")), levels[l] < JA_LEVEL_HIGH);
        assert_int_equal(isnan(rig_value(rig, "spectral_flux")), levels[l] < JA_LEVEL_MEDIUM);
        assert_false(isnan(rig_value(rig, "rms")));
    }
    rig_free(rig);
}

/* Whatever the machine: level, silence, onsets and beats, with what lives on them. */
static void the_beat_is_never_left_out(void **state) {
    static const char *const kept[] = {"level", "silence", "onset", "beat", "tempo", "state"};
    size_t found = 0;

    (void)state;
    for (size_t s = 0; stages[s]; s++) {
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
            if (strcmp(stages[s]->module->name, kept[i]) != 0)
                continue;
            assert_int_equal(stages[s]->level, JA_LEVEL_LOW);
            found++;
        }
    }
    assert_int_equal(found, sizeof kept / sizeof *kept);
}

static void assert_sentence(const char *text) {
    size_t length = text ? strlen(text) : 0;

    assert_true(length > 10);
    assert_true(isupper((unsigned char)text[0]) || strncmp(text, "aubio", 5) == 0);
    assert_int_equal(text[length - 1], '.');
}

static void everything_is_described(void **state) {
    (void)state;
    for (size_t s = 0; stages[s]; s++) {
        const struct ja_module *module = stages[s]->module;

        assert_sentence(module->help);
        for (size_t i = 0; i < module->option_count; i++)
            assert_sentence(module->options[i].help);
        for (size_t i = 0; i < stages[s]->output_count; i++)
            assert_sentence(stages[s]->outputs[i].help);
    }
}

static void a_window_shorter_than_a_step_is_refused(void **state) {
    static const struct ja_analysis_settings analysis = {.window_size = 2, .hop = 4093};
    struct rig *rig = rig_new(48000, 1, stages);
    struct ja_error error = {""};
    struct ja_pipeline_setup setup = {
        .rate = 48000,
        .channels = 1,
        .analysis = &analysis,
        .stages = rig->classes,
        .stage_count = rig->count,
        .settings = (const void *const *)rig->settings,
    };

    (void)state;
    assert_null(ja_pipeline_new(&setup, &error));
    assert_non_null(strstr(error.text, "onset.window"));
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_input_is_survived),
        cmocka_unit_test(nothing_is_deafened),
        cmocka_unit_test(memory_is_taken_at_open_only),
        cmocka_unit_test(reset_is_like_a_fresh_start),
        cmocka_unit_test(levels_come_and_go),
        cmocka_unit_test(the_beat_is_never_left_out),
        cmocka_unit_test(everything_is_described),
        cmocka_unit_test(a_window_shorter_than_a_step_is_refused),
    };

    if (ja_stage_count > RIG_STAGES)
        return 1;
    memcpy(stages, ja_stages, ja_stage_count * sizeof *stages);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
