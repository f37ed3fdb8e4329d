/* What the real-time check leaves behind: in the folder RTCHECK_DIR a file for each function that a
 * process has given to JACK. It is mapped, and so whole at any moment, even if the process is
 * killed.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TEST_RT_RTCHECK_H
#define JA_TEST_RT_RTCHECK_H

#include <stdint.h>

enum { RTCHECK_KINDS = 32, RTCHECK_PARTS = 16, RTCHECK_STEPS = 60 * RTCHECK_PARTS };

struct rtcheck_finding {
    char what[32];
    int64_t number; /* of the system call, else -1 */
    uint64_t count;
};

struct rtcheck_report {
    char program[16], function[16];
    uint32_t real_time;      /* it ran in the process thread; else it notifies */
    uint32_t kernel_watches; /* system calls are trapped */
    uint32_t faults_known;   /* page faults are listed */
    uint64_t calls, violations;
    uint64_t posts;         /* of semaphores: they may wake somebody */
    uint64_t server_faults; /* page faults in memory that the server shares */
    uint64_t sum_ns, longest_ns;
    uint64_t steps[RTCHECK_STEPS]; /* calls by duration, 16 steps to an octave */
    uint32_t finding_count;
    struct rtcheck_finding findings[RTCHECK_KINDS];
};

static inline unsigned rtcheck_step(uint64_t ns) {
    unsigned octave = 0;
    while (ns >> octave >= 2 * RTCHECK_PARTS)
        octave++;
    return octave * RTCHECK_PARTS + (unsigned)(ns >> octave);
}

/* The least duration that is longer than all of a step. */
static inline uint64_t rtcheck_step_end_ns(unsigned step) {
    unsigned octave = step < 2 * RTCHECK_PARTS ? 0 : step / RTCHECK_PARTS - 1;
    return (uint64_t)(step - octave * RTCHECK_PARTS + 1) << octave;
}

#endif
