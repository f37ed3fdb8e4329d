/* A certificate of this machine's own, for browsers that ask for TLS.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_MAKE_CERT_H
#define JA_WEB_MAKE_CERT_H

#include <ja/core/status.h>
#include <stdio.h>

/* Makes web-cert.pem and web-key.pem where the program keeps things (ja/core/state.h), for all
 * names and addresses of this machine and the `hosts` (a list), and tells about them. What is there
 * already is not overwritten. */
enum ja_status ja_make_cert(const char *hosts, FILE *out, struct ja_error *error);

#endif
