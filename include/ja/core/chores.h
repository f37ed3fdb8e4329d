/* Work for which nobody should wait, such as reading files: a thread of its own does it, one piece
 * after the other, and the main loop hears when it is done.
 *
 * Everything here belongs to the loop's own thread, except what `work` does.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_CHORES_H
#define JA_CORE_CHORES_H

#include <ja/core/loop.h>

enum { JA_CHORES = 32 }; /* most that wait at a time */

/* The first member of whatever it is to work on. */
struct ja_chore {
    /* From the loop, when all before it are done; may be NULL. */
    void (*begin)(struct ja_chore *chore);
    /* In the thread. */
    void (*work)(struct ja_chore *chore);
    /* From the loop, once; may free it. Not `worked`: the end came before its turn. */
    void (*done)(struct ja_chore *chore, bool worked);
    struct ja_chore *next; /* chores.c's own */
};

struct ja_chores;

struct ja_chores *ja_chores_new(struct ja_loop *loop, struct ja_error *error);
/* Waits for what the thread is about. NULL is fine. */
void ja_chores_free(struct ja_chores *chores);
/* False, and it stays the caller's: too many are waiting, or the end has come. */
bool ja_chores_add(struct ja_chores *chores, struct ja_chore *chore);

#endif
