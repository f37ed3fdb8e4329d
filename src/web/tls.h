/* Certificate and key: are these two files good enough to serve with?
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TLS_H
#define JA_TLS_H

#include <ja/core/status.h>

/* Both are PEM. JA_USAGE and a sentence that names `module`, file and reason when one cannot be
 * read or is none, when others may read or change the key, or when it is the key of another
 * certificate. Warns of one that has run out. */
enum ja_status ja_tls_check(const char *module, const char *cert, const char *key,
                            struct ja_error *error);

#endif
