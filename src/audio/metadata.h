/* JACK's metadata, names for patchbays and the like, which its library keeps in a Berkeley DB.
 *
 * Two programs that make and tidy it up at the same time, or one that is killed meanwhile, may
 * leave an empty file of it. Whoever opens that dies of SIGBUS, which is every JACK program and
 * jackd itself, until somebody removes it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_AUDIO_METADATA_H
#define JA_AUDIO_METADATA_H

#include <stdbool.h>

/* Whether a file there is empty; for a moment that is so while it is made. */
bool ja_metadata_is_broken(const char *folder);
/* Removes what the library keeps there, as jackd does when it ends. */
void ja_metadata_remove(const char *folder);

#endif
