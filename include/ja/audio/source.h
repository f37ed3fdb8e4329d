/* Sound that does not come from JACK: a sound file or the built-in synthesiser.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_SOURCE_H
#define JA_AUDIO_SOURCE_H

#include <ja/core/status.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ja_source;

struct ja_source_info {
    unsigned rate;     /* Hz */
    unsigned channels; /* 1…JA_CHANNELS: of a file with more, the first 8 */
    int64_t frames;    /* -1: not known */
};

/* `what` is a path for libsndfile, or "synth:NAME?key=value&key=value" (see ja_synth_list).
 * JA_USAGE and a sentence when it cannot be read. */
enum ja_status ja_source_open(struct ja_source **source, const char *what, struct ja_error *error);
const struct ja_source_info *ja_source_info(const struct ja_source *source);
/* Up to `frames` (at most JA_BLOCK_FRAMES) frames into `channels`, one pointer per channel; returns
 * how many, 0 at the end. -1 and a sentence when the file breaks off. */
int ja_source_read(struct ja_source *source, float *const *channels, unsigned frames,
                   struct ja_error *error);
void ja_source_close(struct ja_source *source); /* NULL is fine */

/* The synthesiser's signals with their parameters, ranges and defaults. */
void ja_synth_list(FILE *out);

/* What is to be found in a synthesised signal, as JSON lines, each kind in order of time (seconds):
 *   {"type":"beat","time":,"beat_in_bar":,"bpm":,"sounding":}  false: within a drop-out
 *   {"type":"hit","time":,"drum":"kick" | "snare" | "hat"}
 *   {"type":"onset","time":}                                   one per moment at which sounds begin
 *   {"type":"pitch","time":,"until":,"hz":}
 *   {"type":"chord","time":,"until":,"chord":"A:min"}  {"type":"key","time":,"key":"A:min"}
 *   {"type":"section","time":,"label":,"bars":}
 * `what` is a synth name as for ja_source_open. */
enum ja_status ja_synth_truth(const char *what, FILE *out, struct ja_error *error);

#endif
