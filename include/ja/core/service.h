/* How the program tells the service manager how it fares: systemd's notification protocol, see
 * sd_notify(3), without its library.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_CORE_SERVICE_H
#define JA_CORE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether somebody wants to be told: NOTIFY_SOCKET is set. */
bool ja_service_is_managed(void);
/* Sends assignments such as "READY=1\nSTATUS=waiting"; never waits. False when nobody wants it, or
 * it has not been taken. */
bool ja_service_tell(const char *assignments);
/* Within how many microseconds "WATCHDOG=1" is wanted again and again; 0: not at all. */
uint64_t ja_service_watchdog_us(void);

#endif
