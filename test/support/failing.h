/* Lets the n-th allocation fail, to see what the code does then.
 *
 * For programs that the Makefile links with $(FAILING). Include in one source file per program.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TEST_FAILING_H
#define JA_TEST_FAILING_H

#include <stdbool.h>
#include <stddef.h>

/* Allocations until one fails, once: 1 is the next. 0: none fails. */
static unsigned fail_at;

static bool fails(void) {
    return fail_at > 0 && --fail_at == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *string);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *string);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *string) {
    return fails() ? NULL : __real_strdup(string);
}

#endif
