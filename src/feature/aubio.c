/* aubio writes messages to standard output and error on its own; here they are led to our log.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "aubio.h"

#include <ja/core/log.h>
#include <pthread.h>
#include <string.h>

static void forward(sint_t level, const char_t *message, void *data) {
    (void)data;
    ja_log(level == AUBIO_LOG_ERR ? JA_LOG_WARNING : JA_LOG_DEBUG, "%.*s",
           (int)strcspn(message, "\n"), message);
}

static void route(void) {
    aubio_log_set_function(forward, NULL);
}

void ja_aubio_prepare(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, route);
}
