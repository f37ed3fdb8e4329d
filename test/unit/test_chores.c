/* Tests of the chores: nobody waits for them, they are done in order, and each has an end.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../support/failing.h"
#include <cmocka.h>
#include <ja/core/chores.h>
#include <ja/core/clock.h>
#include <semaphore.h>

struct fixture {
    struct ja_loop *loop;
    struct ja_chores *chores;
    sem_t go; /* each piece of work waits for it */
    unsigned begun, worked, done, dropped;
};

struct piece {
    struct ja_chore chore;
    struct fixture *fixture;
    unsigned number, again;
};

static void begin(struct ja_chore *chore) {
    struct piece *piece = (struct piece *)chore;
    struct fixture *fixture = piece->fixture;
    assert_int_equal(fixture->begun++, fixture->done); /* when all before it are done */
}

static void work(struct ja_chore *chore) {
    struct piece *piece = (struct piece *)chore;
    sem_wait(&piece->fixture->go);
    piece->number = ++piece->fixture->worked;
}

static void done(struct ja_chore *chore, bool worked) {
    struct piece *piece = (struct piece *)chore;
    struct fixture *fixture = piece->fixture;
    *(worked ? &fixture->done : &fixture->dropped) += 1;
    assert_int_equal(piece->number, worked ? fixture->done : 0);
    if (piece->again > 0 && ja_chores_add(fixture->chores, chore))
        piece->again--;
}

static int set_up(void **state) {
    static struct fixture fixture;
    struct ja_error error;
    fixture = (struct fixture){.loop = ja_loop_new(&error)};
    sem_init(&fixture.go, 0, 0);
    fixture.chores = ja_chores_new(fixture.loop, &error);
    *state = &fixture;
    return fixture.chores ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    ja_chores_free(fixture->chores);
    ja_loop_free(fixture->loop);
    sem_destroy(&fixture->go);
    return 0;
}

static struct piece piece_of(struct fixture *fixture) {
    return (struct piece){.chore = {.begin = begin, .work = work, .done = done},
                          .fixture = fixture};
}

static void run_until(struct fixture *fixture, unsigned count) {
    uint64_t end_us = ja_clock_us() + 30000000;
    while (fixture->done < count && ja_clock_us() < end_us)
        ja_loop_once(fixture->loop, 100000);
    assert_int_equal(fixture->done, count);
}

static void the_loop_goes_on_meanwhile(void **state) {
    struct fixture *fixture = *state;
    struct piece first = piece_of(fixture), second = piece_of(fixture);
    assert_true(ja_chores_add(fixture->chores, &first.chore));
    assert_true(ja_chores_add(fixture->chores, &second.chore));
    for (int i = 0; i < 10; i++)
        ja_loop_once(fixture->loop, 1000);
    assert_int_equal(fixture->begun, 1);
    assert_int_equal(fixture->done, 0);
    sem_post(&fixture->go);
    run_until(fixture, 1);
    assert_int_equal(fixture->begun, 2);
    sem_post(&fixture->go);
    run_until(fixture, 2);
    assert_int_equal(first.number, 1);
    assert_int_equal(second.number, 2);
}

static void one_can_be_done_again(void **state) {
    struct fixture *fixture = *state;
    struct piece piece = piece_of(fixture);
    piece.again = 2;
    for (int i = 0; i < 3; i++)
        sem_post(&fixture->go);
    assert_true(ja_chores_add(fixture->chores, &piece.chore));
    run_until(fixture, 3);
}

static void so_many_can_wait(void **state) {
    struct fixture *fixture = *state;
    struct piece pieces[JA_CHORES], more = piece_of(fixture);
    for (int i = 0; i < JA_CHORES; i++) {
        pieces[i] = piece_of(fixture);
        assert_true(ja_chores_add(fixture->chores, &pieces[i].chore));
    }
    assert_false(ja_chores_add(fixture->chores, &more.chore));
    for (int i = 0; i < JA_CHORES; i++)
        sem_post(&fixture->go);
    run_until(fixture, JA_CHORES);
}

/* What the thread has is finished; the rest is told that it will not be, and cannot come again. */
static void all_of_them_end(void **state) {
    struct fixture *fixture = *state;
    struct piece pieces[3];
    for (int i = 0; i < 3; i++) {
        pieces[i] = piece_of(fixture);
        pieces[i].again = 1;
        assert_true(ja_chores_add(fixture->chores, &pieces[i].chore));
    }
    sem_post(&fixture->go);
    ja_chores_free(fixture->chores);
    fixture->chores = NULL;
    assert_int_equal(fixture->done, 1);
    assert_int_equal(fixture->dropped, 2);
    assert_int_equal(pieces[0].again, 1);
}

static void fails_cleanly_without_memory(void **state) {
    struct fixture *fixture = *state;
    struct ja_error error = {""};
    fail_at = 1;
    assert_null(ja_chores_new(fixture->loop, &error));
    assert_string_equal(error.text, "no memory for what is done beside the main loop");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(the_loop_goes_on_meanwhile),
        WITH(one_can_be_done_again),
        WITH(so_many_can_wait),
        WITH(all_of_them_end),
        WITH(fails_cleanly_without_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("chores", tests, NULL, NULL);
}
