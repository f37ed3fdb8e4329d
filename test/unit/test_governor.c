/* Tests of the governor: tables of loads, and a machine made of numbers that it governs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/random.h"
#include <cmocka.h>
#include <ja/adapt/governor.h>
#include <ja/core/math.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LAST = JA_GOVERNOR_STEPS - 1 };

static const double look_s = 0.1;

static struct ja_governor_settings defaults(void) {
    return (struct ja_governor_settings){
        .highest = JA_LEVEL_MAXIMUM, .load = 0.7, .backlog_ms = 100, .recover_s = 10};
}

static struct ja_governor make(const struct ja_governor_settings *settings) {
    struct ja_governor governor;
    ja_governor_init(&governor, settings);
    return governor;
}

/* --- What is passed in, and what must come of it --- */

struct phase {
    double seconds;        /* 0 ends the row */
    double from, to;       /* load, in a straight line … */
    double noise;          /* … and up to so much more or less at each look */
    double backlog, after; /* ms that wait, in a straight line */
};

static const struct row {
    const char *name;
    unsigned least, most; /* steps, at the end */
    unsigned changes;     /* at most, in any 60 s after the first 10 */
    struct phase phases[4];
} rows[] = {
    {"idle", 0, 0, 0, {{100, 0.01, 0.01, 0, 0, 0}}},
    {"below the limit", 0, 0, 0, {{100, 0.65, 0.65, 0.04, 0, 0}}},
    {"noise around the limit", LAST, LAST, LAST, {{600, 0.7, 0.7, 0.6, 0, 0}}},
    {"noise around where things come back",
     0,
     LAST,
     4,
     {{10, 0.9, 0.9, 0, 0, 0}, {600, 0.35, 0.35, 0.3, 0, 0}}},
    {"a peak of half a second",
     0,
     0,
     0,
     {{20, 0.3, 0.3, 0, 0, 0}, {0.5, 1.5, 1.5, 0, 0, 0}, {20, 0.3, 0.3, 0, 0, 0}}},
    {"a step up, seen within 3 s", 1, 1, 1, {{20, 0.3, 0.3, 0, 0, 0}, {3, 0.9, 0.9, 0, 0, 0}}},
    {"a step up that stays", LAST, LAST, LAST, {{20, 0.3, 0.3, 0, 0, 0}, {60, 0.9, 0.9, 0, 0, 0}}},
    {"a ramp", LAST, LAST, LAST, {{60, 0.2, 1.0, 0.1, 0, 0}}},
    {"a step down, waited for", LAST, LAST, 1, {{20, 0.9, 0.9, 0, 0, 0}, {9, 0.1, 0.1, 0, 0, 0}}},
    {"a step down that stays", 0, 0, 6, {{20, 0.9, 0.9, 0, 0, 0}, {60, 0.1, 0.1, 0, 0, 0}}},
    {"neither too much nor room",
     LAST,
     LAST,
     1,
     {{20, 0.9, 0.9, 0, 0, 0}, {600, 0.5, 0.5, 0.1, 0, 0}}},
    {"one stall that is worked off",
     0,
     0,
     0,
     {{20, 0.3, 0.3, 0, 0, 0}, {5, 0.3, 0.3, 0, 2000, 0}, {20, 0.3, 0.3, 0, 0, 0}}},
    {"blocks that come in bursts", 0, 0, 0, {{60, 0.3, 0.3, 0, 90, 90}}},
    {"a backlog that grows",
     LAST,
     LAST,
     LAST,
     {{20, 0.3, 0.3, 0, 0, 0}, {1.2, 0.6, 0.6, 0, 0, 2000}}},
    {"a backlog that stays",
     LAST,
     LAST,
     LAST,
     {{20, 0.3, 0.3, 0, 0, 0}, {1.2, 0.6, 0.6, 0, 150, 150}}},
};

struct count {
    unsigned all, most; /* changes; in any 60 s after the first 10 */
    double at[1000];
};

static void note_change(struct count *count, double time) {
    unsigned recent = 0;
    assert_true(count->all < 1000);
    count->at[count->all++] = time;
    for (unsigned i = 0; i < count->all; i++)
        recent += count->at[i] > 10 && count->at[i] > time - 60;
    if (recent > count->most)
        count->most = recent;
}

/* A sentence with figures that fits. */
static void check_reason(const char *reason) {
    size_t length = strlen(reason);
    assert_true(length > 20 && length < JA_REASON_BYTES - 1);
    assert_int_equal(reason[length - 1], '.');
    assert_non_null(strpbrk(reason, "0123456789"));
}

static void look(struct ja_governor *governor, const struct ja_workload *workload,
                 struct count *count) {
    char reason[JA_REASON_BYTES] = "";
    unsigned before = governor->step;
    bool changed = ja_governor_look(governor, workload, reason);
    assert_int_equal(changed, governor->step != before);
    assert_true(governor->step == before || governor->step == before + 1 ||
                governor->step + 1 == before);
    if (!changed)
        return;
    check_reason(reason);
    note_change(count, workload->time);
}

static void run_row(const struct row *row) {
    struct ja_governor_settings settings = defaults();
    struct ja_governor governor = make(&settings);
    struct random random = {1};
    struct count count = {0};
    double begin = 0;
    long looks = 0;
    for (const struct phase *phase = row->phases; phase->seconds > 0; phase++) {
        for (; (double)looks * look_s < begin + phase->seconds; looks++) {
            double share = ((double)looks * look_s - begin) / phase->seconds;
            double noise = phase->noise * (2 * random_unit(&random) - 1);
            struct ja_workload workload = {
                .time = (double)(looks + 1) * look_s,
                .load = fmax(0, phase->from + share * (phase->to - phase->from) + noise),
                .backlog_ms = phase->backlog + share * (phase->after - phase->backlog),
            };
            look(&governor, &workload, &count);
        }
        begin += phase->seconds;
    }
    if (governor.step < row->least || governor.step > row->most || count.most > row->changes)
        fail_msg("%s: step %u, %u changes, %u in a minute", row->name, governor.step, count.all,
                 count.most);
}

static void every_row_ends_where_it_must(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* --- A machine --- */

/* What each step costs against the first; near to what is measured. */
static const double costs[JA_GOVERNOR_STEPS] = {1, 0.95, 0.7, 0.6, 0.55, 0.54};

struct machine {
    struct ja_governor governor;
    struct count count;
    struct random random;
    double time, backlog_ms, most_backlog_ms;
};

/* `slowness`: load at the first step. */
static void run_machine(struct machine *machine, double seconds, double slowness, double noise) {
    for (double end = machine->time + seconds; machine->time < end;) {
        double load = costs[machine->governor.step] * slowness;
        load *= 1 + noise * (2 * random_unit(&machine->random) - 1);
        machine->time += look_s;
        machine->backlog_ms = fmax(0, machine->backlog_ms + 1000 * look_s * (load - 1));
        machine->most_backlog_ms = fmax(machine->most_backlog_ms, machine->backlog_ms);
        struct ja_workload workload = {machine->time, load, machine->backlog_ms};
        look(&machine->governor, &workload, &machine->count);
    }
}

static struct machine make_machine(void) {
    struct ja_governor_settings settings = defaults();
    return (struct machine){.governor = make(&settings), .random = {3}};
}

/* However slow the machine: little waits, nothing flickers, and in the end it is at rest. */
static void a_machine_settles(void **state) {
    (void)state;
    for (double slowness = 0.1; slowness < 1.75; slowness += 0.05) {
        struct machine machine = make_machine();
        run_machine(&machine, 60, slowness, 0.3);
        assert_true(machine.most_backlog_ms < 1500); /* the inlet holds more */
        run_machine(&machine, 600, slowness, 0.3);
        assert_true(machine.count.most <= 6);
        double load = costs[machine.governor.step] * slowness;
        assert_true(load < 0.75 || machine.governor.step == LAST);
        unsigned before = machine.count.all;
        run_machine(&machine, 600, slowness, 0.3);
        assert_true(machine.count.all - before <= 8);
    }
}

/* Something else takes the machine for a minute. */
static void what_was_left_out_comes_back(void **state) {
    struct machine machine = make_machine();
    (void)state;
    run_machine(&machine, 60, 0.2, 0.3);
    assert_int_equal(machine.governor.step, 0);
    run_machine(&machine, 60, 1.5, 0.3);
    assert_true(machine.governor.step >= 3);
    assert_true(machine.most_backlog_ms < 1000);
    run_machine(&machine, 60, 0.2, 0.3);
    assert_int_equal(machine.governor.step, 0);
    assert_true(machine.count.all <= 2 * LAST);
}

/* A row that never lasts is tried less and less often. */
static void what_does_not_last_is_waited_for(void **state) {
    struct ja_governor_settings settings = defaults();
    struct ja_governor governor = make(&settings);
    struct count count = {0};
    (void)state;
    for (long i = 1; i <= 36000; i++) {
        double load = governor.step == 0 ? 0.9 : 0.2;
        look(&governor, &(struct ja_workload){(double)i * look_s, load, 0}, &count);
    }
    assert_true(count.all >= 8 && count.all <= 40);
    double gap = count.at[2] - count.at[0];
    assert_true(count.at[count.all - 1] - count.at[count.all - 3] > 8 * gap);
    assert_true(governor.wait_s <= 320);
}

/* --- Orders --- */

static const char *level_of(const struct ja_governor *governor) {
    return ja_level_names[ja_governor_steps[governor->step].level];
}

static void an_order_holds_whatever_the_load(void **state) {
    struct ja_governor_settings settings = defaults();
    struct ja_governor governor = make(&settings);
    struct count count = {0};
    (void)state;
    for (int level = JA_LEVEL_MAXIMUM; level >= JA_LEVEL_LOW; level--) {
        char reason[JA_REASON_BYTES] = "";
        bool other = strcmp(level_of(&governor), ja_level_names[level]) != 0;
        settings.level = 1 + level;
        assert_int_equal(ja_governor_configure(&governor, &settings, reason), other);
        assert_string_equal(level_of(&governor), ja_level_names[level]);
        assert_non_null(strstr(reason, ja_level_names[level]));
        for (int i = 0; i < 1000; i++) {
            struct ja_workload heavy = {governor.last.time + look_s, i % 2 ? 5 : 0, 10.0 * i};
            look(&governor, &heavy, &count);
        }
        assert_int_equal(count.all, 0);
    }
    settings.level = JA_GOVERNOR_AUTO;
    char reason[JA_REASON_BYTES];
    assert_false(ja_governor_configure(&governor, &settings, reason)); /* from where it was */
    assert_string_equal(level_of(&governor), "low");
    for (int i = 0; i < 99; i++)
        look(&governor, &(struct ja_workload){governor.last.time + look_s, 0.1, 0}, &count);
    assert_int_equal(count.all, 0);
    for (int i = 0; i < 500; i++)
        look(&governor, &(struct ja_workload){governor.last.time + look_s, 0.1, 0}, &count);
    assert_string_equal(level_of(&governor), "maximum");
}

static void the_highest_level_is_kept(void **state) {
    struct ja_governor_settings settings = defaults();
    struct count count = {0};
    char reason[JA_REASON_BYTES] = "";
    (void)state;
    settings.highest = JA_LEVEL_MEDIUM;
    struct ja_governor governor = make(&settings);
    assert_string_equal(level_of(&governor), "medium");
    for (int i = 0; i < 1000; i++)
        look(&governor, &(struct ja_workload){governor.last.time + look_s, 0.1, 0}, &count);
    assert_int_equal(count.all, 0);
    settings.highest = JA_LEVEL_LOW;
    assert_true(ja_governor_configure(&governor, &settings, reason));
    assert_string_equal(reason, "The option governor.highest is low.");
    assert_string_equal(level_of(&governor), "low");
    settings.highest = JA_LEVEL_HIGH;
    assert_false(ja_governor_configure(&governor, &settings, reason));
    for (int i = 0; i < 1000; i++)
        look(&governor, &(struct ja_workload){governor.last.time + look_s, 0.1, 0}, &count);
    assert_string_equal(level_of(&governor), "high");
}

/* --- The table --- */

static void the_table_goes_down(void **state) {
    (void)state;
    assert_int_equal(ja_governor_steps[0].level, JA_LEVEL_MAXIMUM);
    assert_string_equal(ja_governor_steps[0].strategies, "");
    assert_int_equal(ja_governor_steps[0].frame_every, 1);
    for (unsigned i = 1; i < JA_GOVERNOR_STEPS; i++) {
        const struct ja_governor_step *step = &ja_governor_steps[i], *before = step - 1;
        assert_true(step->level == before->level || step->level + 1 == before->level);
        assert_true(step->frame_every >= before->frame_every);
        assert_non_null(step->sheds);
        assert_int_equal(strncmp(step->strategies, before->strategies, strlen(before->strategies)),
                         0);
    }
    assert_int_equal(ja_governor_steps[LAST].level, JA_LEVEL_LOW);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_ends_where_it_must),
        cmocka_unit_test(a_machine_settles),
        cmocka_unit_test(what_was_left_out_comes_back),
        cmocka_unit_test(what_does_not_last_is_waited_for),
        cmocka_unit_test(an_order_holds_whatever_the_load),
        cmocka_unit_test(the_highest_level_is_kept),
        cmocka_unit_test(the_table_goes_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
