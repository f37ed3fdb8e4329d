/* Packets that must leave at a certain moment: held until then, sent in order of time.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_SCHEDULE_H
#define JA_SCHEDULE_H

#include <ja/core/loop.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JA_SCHEDULE_ENTRIES = 1024, JA_SCHEDULE_BYTES = 384 };

struct ja_packet {
    uint64_t due_us; /* ja_clock_us */
    unsigned group;  /* the sender's own mark */
    bool release;    /* ends something that is held: sent even when the rest is dropped */
    size_t size;     /* bytes of data */
    /* The sender's own: what will end it, behind those bytes, and after which time. */
    size_t release_size;
    uint64_t release_us;
    _Alignas(4) unsigned char data[JA_SCHEDULE_BYTES];
};

struct ja_schedule_stats {
    uint64_t overflow; /* packets that found no room */
    uint64_t late;     /* packets that were added in time and left more than 1 ms late */
    uint64_t worst_us; /* the latest of these */
};

struct ja_schedule;

/* Sends a packet; may add to the schedule. */
typedef void ja_schedule_function(void *data, const struct ja_packet *packet);

/* NULL without memory. */
struct ja_schedule *ja_schedule_new(struct ja_loop *loop, ja_schedule_function *function,
                                    void *data);
void ja_schedule_free(struct ja_schedule *schedule); /* what still waits is lost; NULL is fine */

/* What is due already leaves before this returns. False when there is no room. */
bool ja_schedule_add(struct ja_schedule *schedule, const struct ja_packet *packet);
/* Sends the releases of a group now. */
void ja_schedule_release(struct ja_schedule *schedule, unsigned group);
/* Sends all releases now and drops everything else. */
void ja_schedule_flush(struct ja_schedule *schedule);
size_t ja_schedule_count(const struct ja_schedule *schedule); /* packets waiting */
const struct ja_schedule_stats *ja_schedule_stats(const struct ja_schedule *schedule);

#endif
