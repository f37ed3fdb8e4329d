/* What WebSockets are told each second: how long the analysis takes, and what it costs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_WEB_METRICS_H
#define JA_WEB_METRICS_H

#include <ja/core/json.h>
#include <ja/stream/stream.h>

/* The process's use of the processors since it was last asked for. */
struct ja_cpu {
    double used_s, at_s;
};

struct ja_guest_facts;

struct ja_metrics {
    const char *stream;
    const struct ja_stream_stats *stats;
    const struct ja_guest_facts *guest; /* NULL: one of the program's own streams */
    double wait_ms;                     /* before sound reaches the stream */
    double rms;
    double cpu; /* percent of the machine; NAN: not known yet */
    unsigned long long xruns, lost, unheard;
    unsigned clients;
};

/* Processor seconds of the process; NAN when nobody knows. */
double ja_cpu_seconds(void);
/* 0…100 % of the whole machine since the last call; NAN at the first. */
double ja_cpu_percent(struct ja_cpu *cpu);
/* {"type":"metrics","stream":…,"metrics":{…}} */
void ja_metrics_write(const struct ja_metrics *metrics, struct ja_json *json);

#endif
