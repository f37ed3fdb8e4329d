/* Writes the metrics message, and measures the processor.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/web/metrics.h>

#include <ja/core/clock.h>
#include <ja/web/api.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

static const double hops_per_second = 100;

double ja_cpu_seconds(void) {
    struct timespec now;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0
               ? (double)now.tv_sec + (double)now.tv_nsec * 1e-9
               : NAN;
}

double ja_cpu_percent(struct ja_cpu *cpu) {
    double used_s = ja_cpu_seconds(), now_s = (double)ja_clock_us() * 1e-6;
    double percent =
        100 * (used_s - cpu->used_s) / (now_s - cpu->at_s) / (double)sysconf(_SC_NPROCESSORS_ONLN);
    bool first = cpu->at_s == 0;
    *cpu = (struct ja_cpu){used_s, now_s};
    return first ? NAN : fmin(fmax(percent, 0), 100);
}

static void put_guest(struct ja_json *json, const struct ja_guest_facts *guest) {
    ja_json_put_count(json, "received", guest->received);
    ja_json_put_count(json, "dropped", guest->dropped);
    ja_json_put_count(json, "chunks", guest->chunks);
    ja_json_put_count(json, "dropped_chunks", guest->dropped_chunks);
}

void ja_metrics_write(const struct ja_metrics *metrics, struct ja_json *json) {
    const struct ja_stream_stats *stats = metrics->stats;
    ja_json_begin_object(json);
    ja_json_put_string(json, "type", "metrics");
    ja_json_put_string(json, "stream", metrics->stream);
    ja_json_key(json, "metrics");
    ja_json_begin_object(json);
    ja_json_put_number(json, "total_latency",
                       metrics->wait_ms + stats->queue_ms + stats->worst_hop_ms);
    ja_json_put_number(json, "average_latency", stats->load * 1000 / hops_per_second);
    ja_json_put_count(json, "chunks_processed", (uint64_t)(stats->now * hops_per_second));
    ja_json_key(json, "quality_metrics");
    ja_json_begin_object(json);
    ja_json_put_number(json, "snr", NAN); /* what is noise in a mix, nobody knows */
    ja_json_put_number(json, "rms", metrics->rms);
    ja_json_end_object(json);
    ja_json_put_number(json, "cpu_usage", metrics->cpu);
    ja_json_put_number(json, "load", 100 * stats->load);
    ja_json_put_string(json, "level", ja_level_names[stats->level]);
    ja_json_put_number(json, "worst_hop_ms", stats->worst_hop_ms);
    ja_json_put_number(json, "queue_ms", stats->queue_ms);
    ja_json_put_count(json, "lost_blocks", stats->lost_blocks);
    if (metrics->guest)
        put_guest(json, metrics->guest);
    else
        ja_json_put_count(json, "xruns", metrics->xruns);
    ja_json_put_count(json, "clients", metrics->clients);
    ja_json_put_count(json, "web_lost", metrics->lost);
    ja_json_put_count(json, "monitor_dropped", metrics->unheard);
    ja_json_end_object(json);
    ja_json_end_object(json);
}
