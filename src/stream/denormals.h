/* Lets the calling thread's processor take the smallest numbers as 0, which it handles much faster.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_STREAM_DENORMALS_H
#define JA_STREAM_DENORMALS_H

#ifdef __SSE__
#include <xmmintrin.h>
#endif

static inline void ja_denormals_flush(void) {
#if defined __SSE__
    _mm_setcsr(_mm_getcsr() | 0x8040u); /* flush to zero, denormals are zero */
#elif defined __aarch64__
    unsigned long control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | 1ul << 24));
#elif defined __ARM_FP
    unsigned control;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(control));
    __asm__ volatile("vmsr fpscr, %0" : : "r"(control | 1u << 24));
#endif
}

#endif
