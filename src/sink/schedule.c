/* Packets that must leave at a certain moment.
 *
 * A binary heap of slot numbers, ordered by due time and, for equal times, by order of adding; one
 * timer of the loop stands at the first due time. All memory is taken at the start.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

#include <assert.h>
#include <ja/core/clock.h>
#include <stdlib.h>
#include <string.h>

enum { LATE_US = 1000 };

struct slot {
    struct ja_packet packet;
    uint64_t order;
    bool in_time; /* was added before it was due */
};

struct ja_schedule {
    struct ja_loop *loop;
    ja_schedule_function *function;
    void *data;
    unsigned short heap[JA_SCHEDULE_ENTRIES]; /* slot numbers: `count` waiting, then the free */
    size_t count;
    uint64_t next_order;
    uint64_t timer, timer_us; /* timer 0: none */
    bool sending;             /* inside send_due: function may add */
    struct ja_schedule_stats stats;
    struct slot slots[JA_SCHEDULE_ENTRIES]; /* hold nothing before they are used */
};

static bool before(const struct ja_schedule *schedule, size_t a, size_t b) {
    const struct slot *first = &schedule->slots[schedule->heap[a]];
    const struct slot *second = &schedule->slots[schedule->heap[b]];
    if (first->packet.due_us != second->packet.due_us)
        return first->packet.due_us < second->packet.due_us;
    return first->order < second->order;
}

static void swap(struct ja_schedule *schedule, size_t a, size_t b) {
    unsigned short kept = schedule->heap[a];
    schedule->heap[a] = schedule->heap[b];
    schedule->heap[b] = kept;
}

static void move_up(struct ja_schedule *schedule, size_t at) {
    while (at > 0 && before(schedule, at, (at - 1) / 2)) {
        swap(schedule, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void move_down(struct ja_schedule *schedule, size_t at) {
    for (;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < schedule->count && before(schedule, child, first))
                first = child;
        if (first == at)
            return;
        swap(schedule, at, first);
        at = first;
    }
}

/* Takes the entry at heap position `at` out; its slot stays valid until the next push. */
static struct slot *take(struct ja_schedule *schedule, size_t at) {
    struct slot *slot = &schedule->slots[schedule->heap[at]];
    swap(schedule, at, --schedule->count);
    if (at < schedule->count) {
        move_up(schedule, at);
        move_down(schedule, at);
    }
    return slot;
}

static void send(struct ja_schedule *schedule, size_t at) {
    struct ja_packet packet = take(schedule, at)->packet;
    schedule->function(schedule->data, &packet);
}

static void account(struct ja_schedule *schedule, const struct slot *slot, uint64_t now_us) {
    uint64_t late_us = now_us - slot->packet.due_us;
    if (!slot->in_time || late_us <= LATE_US)
        return;
    schedule->stats.late++;
    if (late_us > schedule->stats.worst_us)
        schedule->stats.worst_us = late_us;
}

static void send_due(struct ja_schedule *schedule);

static void timer_came(void *data, uint64_t due_us) {
    (void)due_us;
    struct ja_schedule *schedule = data;
    schedule->timer = 0;
    send_due(schedule);
}

static void set_timer(struct ja_schedule *schedule) {
    uint64_t due_us = schedule->count ? schedule->slots[schedule->heap[0]].packet.due_us : 0;
    if (schedule->timer && schedule->count && schedule->timer_us == due_us)
        return;
    ja_loop_cancel(schedule->loop, schedule->timer);
    schedule->timer = 0;
    schedule->timer_us = due_us;
    if (schedule->count)
        schedule->timer = ja_loop_at(schedule->loop, due_us, timer_came, schedule);
}

static void send_due(struct ja_schedule *schedule) {
    if (schedule->sending)
        return;
    schedule->sending = true;
    while (schedule->count) {
        const struct slot *first = &schedule->slots[schedule->heap[0]];
        uint64_t now_us = ja_clock_us();
        if (first->packet.due_us > now_us)
            break;
        account(schedule, first, now_us);
        send(schedule, 0);
    }
    schedule->sending = false;
    set_timer(schedule);
}

struct ja_schedule *ja_schedule_new(struct ja_loop *loop, ja_schedule_function *function,
                                    void *data) {
    struct ja_schedule *schedule = malloc(sizeof *schedule);
    if (!schedule)
        return NULL;
    memset(schedule, 0, offsetof(struct ja_schedule, slots));
    schedule->loop = loop;
    schedule->function = function;
    schedule->data = data;
    for (unsigned short i = 0; i < JA_SCHEDULE_ENTRIES; i++)
        schedule->heap[i] = i;
    return schedule;
}

void ja_schedule_free(struct ja_schedule *schedule) {
    if (!schedule)
        return;
    ja_loop_cancel(schedule->loop, schedule->timer);
    free(schedule);
}

bool ja_schedule_add(struct ja_schedule *schedule, const struct ja_packet *packet) {
    assert(packet->size <= JA_SCHEDULE_BYTES);
    if (schedule->count == JA_SCHEDULE_ENTRIES) {
        schedule->stats.overflow++;
        return false;
    }
    struct slot *slot = &schedule->slots[schedule->heap[schedule->count]];
    *slot = (struct slot){.packet = *packet,
                          .order = schedule->next_order++,
                          .in_time = packet->due_us > ja_clock_us()};
    move_up(schedule, schedule->count++);
    send_due(schedule);
    return true;
}

/* Position of the first entry in time that is a release (of `group`, or any when `all`);
 * count when there is none. */
static size_t find_release(const struct ja_schedule *schedule, unsigned group, bool all) {
    size_t found = schedule->count;
    for (size_t at = 0; at < schedule->count; at++) {
        const struct ja_packet *packet = &schedule->slots[schedule->heap[at]].packet;
        if (packet->release && (all || packet->group == group))
            if (found == schedule->count || before(schedule, at, found))
                found = at;
    }
    return found;
}

void ja_schedule_release(struct ja_schedule *schedule, unsigned group) {
    size_t at;
    while ((at = find_release(schedule, group, false)) < schedule->count)
        send(schedule, at);
    set_timer(schedule);
}

void ja_schedule_flush(struct ja_schedule *schedule) {
    size_t at;
    while ((at = find_release(schedule, 0, true)) < schedule->count)
        send(schedule, at);
    schedule->count = 0;
    set_timer(schedule);
}

size_t ja_schedule_count(const struct ja_schedule *schedule) {
    return schedule->count;
}

const struct ja_schedule_stats *ja_schedule_stats(const struct ja_schedule *schedule) {
    return &schedule->stats;
}
