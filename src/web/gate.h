/* What the server needs to know of addresses.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_GATE_H
#define JA_WEB_GATE_H

#include <stdbool.h>

/* A numeric one, IPv4 or IPv6? */
bool ja_gate_is_address(const char *name);

#endif
