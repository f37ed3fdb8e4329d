/* Ableton Link, which is written in C++, for the rest of the program, which is C.
 *
 * Link has threads of its own; these functions are the main thread's. Times are in microseconds
 * from now on, so that Link's clock is nobody else's business.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_LINK_SHIM_H
#define JA_LINK_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ja_link;

/* The session as this program sees it. */
struct ja_link_view {
    unsigned peers; /* others in it */
    double bpm;
    double beat; /* at the time asked for; bars begin at multiples of the quantum */
};

/* Looks for a session in all local networks by multicast (224.76.78.75:20808) and joins it, or
 * begins one at `bpm`. NULL without memory, threads or sockets, or where Link is not built in. */
struct ja_link *ja_link_join(double bpm);
void ja_link_leave(struct ja_link *link); /* NULL is fine */

void ja_link_look(const struct ja_link *link, int64_t ahead_us, double quantum,
                  struct ja_link_view *view);
void ja_link_set_tempo(struct ja_link *link, int64_t ahead_us, double bpm);
/* Moves the session so that `beat` is `ahead_us` from now. With peers only when forced. */
void ja_link_set_beat(struct ja_link *link, int64_t ahead_us, double quantum, double beat,
                      bool force);

#ifdef __cplusplus
}
#endif

#endif
