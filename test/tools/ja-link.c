/* Takes part in an Ableton Link session and tells what it sees, ten times a second: microseconds of
 * the monotonic clock, peers, tempo, beat. An argument is the tempo of a session that begins here;
 * a line on standard input with a number sets the tempo. Ends with its input.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/link_shim.h"

#include <ja/core/clock.h>
#include <ja/sink/sinks.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAUSE_MS = 100, QUANTUM = 4 };

/* False at the end of the input. */
static bool listen_to_input(struct ja_link *link) {
    char line[64];
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, PAUSE_MS) <= 0)
        return true;
    ssize_t size = read(STDIN_FILENO, line, sizeof line - 1);
    if (size <= 0)
        return false;
    line[size] = '\0';
    ja_link_set_tempo(link, 0, atof(line));
    return true;
}

int main(int argc, char **argv) {
    if (!ja_link_built_in) {
        fputs("built without Ableton Link\n", stderr);
        return 2;
    }
    struct ja_link *link = ja_link_join(argc > 1 ? atof(argv[1]) : 120);
    if (!link)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (listen_to_input(link)) {
        struct ja_link_view view;
        uint64_t now_us = ja_clock_us();
        ja_link_look(link, 0, QUANTUM, &view);
        printf("%llu %u %.4f %.6f\n", (unsigned long long)now_us, view.peers, view.bpm, view.beat);
    }
    ja_link_leave(link);
    return 0;
}
