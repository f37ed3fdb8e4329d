/* Sound for WLED lamps: its "UDP sound sync", version 2, 44 bytes up to fifty times a second.
 *
 * Layout and the sixteen bands are those of WLED's usermod audioreactive (source and documentation
 * of 2024). A lamp expects levels that fill its range: the loudest band of the last seconds is full
 * scale. Rises show at once, falls slowly; in silence everything is zero.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

#include <ja/core/clock.h>
#include <ja/core/math.h>
#include <ja/net/outlet.h>
#include <ja/sink/sinks.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BANDS = 16, PACKET_BYTES = 44 };
enum { PEAK_BEAT, PEAK_ONSET };

static const double rise = 0.75, fall = 0.17; /* share of the way taken per packet */
static const double agc_s = 10;               /* in which the full scale sinks by 1/e */
static const double agc_least = 1e-3;         /* quietest full scale, an amplitude */
static const double band_full = 254, level_full = 255;

/* Centres of the sixteen bands in Hz. */
static const double centres[BANDS] = {65,   108,  173,  259,  366,  495,  689,  969,
                                      1271, 1658, 2154, 2714, 3360, 4092, 5793, 8183};

struct wled_settings {
    bool enable;
    char host[256];
    int port;
    char interface[64];
    int ttl;
    char stream[64];
    double rate_hz;
    int peak; /* index: beat, onset */
    double offset_ms;
};

struct wled {
    struct ja_outlet *outlet;
    char owner[80];                                         /* "wled NAME", for messages */
    const struct ja_catalogue_entry *bands, *rms, *silence; /* NULL: no stage makes it */
    struct ja_schedule *peaks;
    bool peak;        /* one is to be shown */
    uint64_t next_us; /* when the next packet may leave */
    double full;      /* amplitude that is shown as full scale */
    double smooth, shown[BANDS];
};

#define S struct wled_settings
static const char *const peaks[] = {"beat", "onset", NULL};
static const struct ja_option options[] = {
    JA_OPTION_BOOL(S, enable, "enable", "true", JA_LIVE, "Send to these lamps."),
    JA_OPTION_STRING(S, host, "host", "239.0.0.1", JA_LIVE,
                     "Address of one lamp, or the multicast group they all listen to."),
    JA_OPTION_INT(S, port, "port", "11988", 1, 65535, NULL, JA_LIVE, "UDP port of WLED's sync."),
    JA_OPTION_STRING(S, interface, "interface", "", JA_LIVE,
                     "Network interface by which multicast leaves, such as wlan0; empty leaves the "
                     "choice to the system."),
    JA_OPTION_INT(S, ttl, "ttl", "1", 0, 255, NULL, JA_LIVE,
                  "How many networks multicast crosses."),
    JA_OPTION_STRING(S, stream, "stream", "main", JA_LIVE, "Stream that is shown."),
    JA_OPTION_FLOAT(S, rate_hz, "rate_hz", "50", 1, 50, "Hz", JA_LIVE, "Packets per second."),
    JA_OPTION_CHOICE(S, peak, "peak", "beat", peaks, JA_LIVE,
                     "What the lamps take for a peak: every beat, or every onset."),
    JA_OPTION_FLOAT(S, offset_ms, "offset_ms", "0", -500, 500, "ms", JA_LIVE,
                    "Beats are shown this much after the beat, or before it when negative."),
};
#undef S

static const struct ja_module module = {
    .name = "wled",
    .help = "WLED lamps that get level, bands and beats as UDP sound sync.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct wled_settings),
    .named = true,
};

static void show_peak(void *data, const struct ja_packet *packet) {
    struct wled *wled = data;
    (void)packet;
    wled->peak = true;
}

static bool is_shown(const struct ja_sink *sink, const struct ja_tap *tap) {
    const struct wled_settings *settings = sink->settings;
    return settings->enable && strcmp(tap->name, settings->stream) == 0;
}

/* The frame's bands, however many, spread over sixteen. */
static void spread(const struct ja_catalogue_entry *entry, const struct ja_frame *frame,
                   double bands[BANDS]) {
    const float *values = frame->values + entry->first;
    unsigned count = 0;
    while (count < entry->output->width && isfinite(values[count]))
        count++;
    for (int k = 0; k < BANDS; k++) {
        double place = count ? (k + 0.5) * count / BANDS - 0.5 : 0;
        unsigned low = (unsigned)fmax(0, floor(place));
        unsigned high = low + 1 < count ? low + 1 : low;
        double share = ja_clamp(place - low, 0, 1);
        bands[k] = count ? (1 - share) * values[low] + share * values[high] : 0;
    }
}

static double follow(double shown, double now) {
    return shown + (now > shown ? rise : fall) * (now - shown);
}

/* What lamps are to show: `bands` and `level` become 0…1. */
static void scale(struct wled *wled, double period_s, double bands[BANDS], double *level) {
    double loudest = *level;
    for (int k = 0; k < BANDS; k++)
        loudest = fmax(loudest, bands[k]);
    wled->full = fmax(fmax(loudest, agc_least), wled->full * exp(-period_s / agc_s));
    *level = sqrt(ja_clamp(*level / wled->full, 0, 1));
    wled->smooth = follow(wled->smooth, *level);
    for (int k = 0; k < BANDS; k++)
        wled->shown[k] = follow(wled->shown[k], sqrt(ja_clamp(bands[k] / wled->full, 0, 1)));
}

static void put_float(unsigned char *at, double value) {
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(bits >> 8 * i);
}

static void encode(const struct wled *wled, double level, bool peak,
                   unsigned char packet[PACKET_BYTES]) {
    int strongest = 0;
    memset(packet, 0, PACKET_BYTES);
    memcpy(packet, "00002", 6);
    put_float(packet + 8, level_full * level);
    put_float(packet + 12, level_full * wled->smooth);
    packet[16] = peak;
    for (int k = 0; k < BANDS; k++) {
        packet[18 + k] = (unsigned char)lrint(band_full * wled->shown[k]);
        if (wled->shown[k] > wled->shown[strongest])
            strongest = k;
    }
    put_float(packet + 36, band_full * wled->shown[strongest]);
    put_float(packet + 40, centres[strongest]);
}

static void wled_frame(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_frame *frame) {
    struct wled *wled = sink->state;
    const struct wled_settings *settings = sink->settings;
    uint64_t now_us = ja_clock_us();
    if (!is_shown(sink, tap) || now_us < wled->next_us)
        return;
    wled->next_us = now_us + (uint64_t)(1e6 / settings->rate_hz);
    double bands[BANDS] = {0}, level = 0;
    bool silent = wled->silence && frame->values[wled->silence->first] > 0.5f;
    if (!silent && wled->bands)
        spread(wled->bands, frame, bands);
    if (!silent && wled->rms && isfinite(frame->values[wled->rms->first]))
        level = frame->values[wled->rms->first];
    scale(wled, 1 / settings->rate_hz, bands, &level);
    unsigned char packet[PACKET_BYTES];
    encode(wled, level, wled->peak, packet);
    wled->peak = false;
    if (ja_outlet_send(wled->outlet, packet, sizeof packet, true))
        sink->sent++;
    else
        sink->failed++;
}

static void wled_event(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_event *event) {
    struct wled *wled = sink->state;
    const struct wled_settings *settings = sink->settings;
    if (!is_shown(sink, tap))
        return;
    if (settings->peak == PEAK_BEAT && event->type == JA_EVENT_BEAT)
        ja_schedule_add(
            wled->peaks,
            &(struct ja_packet){.due_us = ja_tap_due_us(tap, event->time, settings->offset_ms)});
    if (settings->peak == PEAK_ONSET && event->type == JA_EVENT_ONSET &&
        strcmp(event->onset.band, "full") == 0)
        wled->peak = true;
}

/* Lamps keep the last packet for a while: the end is dark. */
static void go_dark(struct ja_sink *sink) {
    struct wled *wled = sink->state;
    unsigned char packet[PACKET_BYTES];
    wled->smooth = 0;
    wled->peak = false;
    ja_schedule_flush(wled->peaks);
    memset(wled->shown, 0, sizeof wled->shown);
    encode(wled, 0, false, packet);
    if (ja_outlet_is_ready(wled->outlet))
        ja_outlet_send(wled->outlet, packet, sizeof packet, false);
}

static void wled_muted(struct ja_sink *sink) {
    if (sink->mute)
        go_dark(sink);
}

static enum ja_status open_outlet(struct ja_sink *sink, struct ja_error *error) {
    struct wled *wled = sink->state;
    const struct wled_settings *settings = sink->settings;
    struct ja_outlet_setup setup = {
        .loop = sink->host->loop,
        .resolver = sink->host->resolver,
        .owner = wled->owner,
        .host = settings->host,
        .port = settings->port,
        .interface = settings->interface,
        .ttl = settings->ttl,
    };
    struct ja_outlet *outlet = ja_outlet_new(&setup, error);
    if (!outlet)
        return JA_FAILED;
    ja_outlet_free(wled->outlet);
    wled->outlet = outlet;
    return JA_OK;
}

static enum ja_status wled_open(struct ja_sink *sink, struct ja_error *error) {
    struct wled *wled = sink->state;
    snprintf(wled->owner, sizeof wled->owner, "wled %s", sink->name);
    wled->bands = ja_catalogue_find(sink->host->catalogue, "bands");
    wled->rms = ja_catalogue_find(sink->host->catalogue, "rms");
    wled->silence = ja_catalogue_find(sink->host->catalogue, "silence");
    if (open_outlet(sink, error) != JA_OK)
        return JA_FAILED;
    wled->peaks = ja_schedule_new(sink->host->loop, show_peak, wled);
    if (wled->peaks)
        return JA_OK;
    ja_outlet_free(wled->outlet);
    return ja_fail(error, JA_FAILED, "no memory for %s", wled->owner);
}

static enum ja_status wled_configure(struct ja_sink *sink, const void *former,
                                     struct ja_error *error) {
    const struct wled_settings *before = former, *now = sink->settings;
    if (before->enable != now->enable || strcmp(before->stream, now->stream) != 0)
        go_dark(sink);
    if (strcmp(before->host, now->host) == 0 && before->port == now->port &&
        strcmp(before->interface, now->interface) == 0 && before->ttl == now->ttl)
        return JA_OK;
    go_dark(sink);
    return open_outlet(sink, error);
}

static void wled_close(struct ja_sink *sink) {
    struct wled *wled = sink->state;
    go_dark(sink);
    ja_schedule_free(wled->peaks);
    ja_outlet_free(wled->outlet);
}

const struct ja_sink_class ja_wled_sink = {
    .module = &module,
    .state_size = sizeof(struct wled),
    .live_only = true,
    .open = wled_open,
    .frame = wled_frame,
    .event = wled_event,
    .muted = wled_muted,
    .configure = wled_configure,
    .close = wled_close,
};
