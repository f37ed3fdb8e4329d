/* What was learnt from the operators of one venue, in whole numbers, and the small file in which it
 * outlives the program.
 *
 * The file is text: a line that names program and version, one line a number or row of numbers in a
 * fixed order, and a checksum. What is not exactly so is refused. Nothing here allocates.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_ADAPT_MODEL_H
#define JA_ADAPT_MODEL_H

#include <ja/core/status.h>
#include <ja/pipeline/priors.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    JA_MODEL_BYTES = 2048,  /* more is no model */
    JA_MODEL_PATH = 4096,   /* bytes of a path */
    JA_MODEL_CASES = 10000, /* most of a sum of cases */
    JA_MODEL_ENERGY = 500,  /* most and, negative, least logarithm of a threshold's factor */
    JA_MODEL_LATENCY_US = 50000,
};

/* What came of the tempi told within a sixth of an octave. */
enum ja_tempo_case { JA_TEMPO_RIGHT, JA_TEMPO_TOO_FAST, JA_TEMPO_TOO_SLOW, JA_TEMPO_CASES };

struct ja_model {
    int tempo[JA_PRIOR_TEMPI][JA_TEMPO_CASES]; /* thousandths of cases, the older the less,
                                                  0…JA_MODEL_CASES; too fast: half was right */
    int energy[JA_PRIOR_KINDS]; /* natural logarithm, in thousandths, ±JA_MODEL_ENERGY */
    int latency_us;             /* ±JA_MODEL_LATENCY_US */
};

/* As text, with a NUL; returns its length without. */
size_t ja_model_write(const struct ja_model *model, char text[JA_MODEL_BYTES]);
/* From exactly `size` bytes of text. On error *model is untouched. */
enum ja_status ja_model_read(struct ja_model *model, const char *text, size_t size,
                             struct ja_error *error);

/* Where the model of a profile belongs (see ja/core/state.h). JA_USAGE when the profile's name
 * cannot be a file's, JA_FAILED when no place is known. */
enum ja_status ja_model_path(const char *profile, char path[JA_MODEL_PATH], struct ja_error *error);
/* A file that is not there is an empty model. One that is no model, or that others may write, is
 * renamed to PATH.bad and refused with JA_USAGE; JA_FAILED: it could not even be renamed, do not
 * write there. After an error *model is empty. */
enum ja_status ja_model_load(struct ja_model *model, const char *path, struct ja_error *error);
/* Whole or not at all; makes the folders that are missing. Waits for the disk. */
enum ja_status ja_model_save(const struct ja_model *model, const char *path,
                             struct ja_error *error);

#endif
