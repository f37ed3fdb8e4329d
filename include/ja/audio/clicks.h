/* A second JACK client that plays clicks and tells when each of them left: for --loopback.
 *
 * For the main thread; calls libjack, so it may hang where the server does.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_CLICKS_H
#define JA_AUDIO_CLICKS_H

#include <ja/core/status.h>
#include <stdbool.h>
#include <stdint.h>

struct ja_clicks;

/* Opens the client "NAME-clicks" with one port, "out", silent until ja_clicks_begin; `server` is
 * NULL for the default one. */
enum ja_status ja_clicks_open(struct ja_clicks **clicks, const char *name, const char *server,
                              struct ja_error *error);
void ja_clicks_close(struct ja_clicks *clicks); /* NULL is fine */

const char *ja_clicks_port(const struct ja_clicks *clicks); /* full name */
enum ja_status ja_clicks_connect(struct ja_clicks *clicks, const char *port,
                                 struct ja_error *error);
/* Does the output lead to this port, or, with NULL, to any? */
bool ja_clicks_connected(const struct ja_clicks *clicks, const char *port);
/* JACK's playback latency of the output, in frames: from leaving it to being heard. */
unsigned ja_clicks_latency(const struct ja_clicks *clicks);

/* Clicks every `interval_s`, after a second of silence. */
void ja_clicks_begin(struct ja_clicks *clicks, double interval_s);
/* ja_clock_us at which the next click's first sample was due at the output, each click once, in
 * order; false when there is none yet. */
bool ja_clicks_played(struct ja_clicks *clicks, uint64_t *time_us);

#endif
