/* Lets Carabiner say anything, in pieces, and tells beats meanwhile: whatever it says, it must be
 * told finite numbers only.
 *
 * The first byte says how long the pieces are.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/config/config.h>
#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <ja/net/outlet.h>
#include <ja/sink/sinks.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- The connection, played here --- */

static struct ja_outlet { struct ja_outlet_setup setup; } outlet;

static void require(bool condition) {
    if (!condition)
        abort();
}

struct ja_outlet *ja_outlet_new(const struct ja_outlet_setup *setup, struct ja_error *error) {
    (void)error;
    outlet.setup = *setup;
    return &outlet;
}

void ja_outlet_free(struct ja_outlet *freed) {
    (void)freed;
}

bool ja_outlet_is_ready(const struct ja_outlet *asked) {
    (void)asked;
    return true;
}

bool ja_outlet_send(struct ja_outlet *to, const void *bytes, size_t size, bool may_drop) {
    static const char *const orders[] = {"status\n", "bpm ", "force-beat-at-time "};
    const char *line = bytes;
    bool known = false;
    (void)to, (void)may_drop;
    for (size_t i = 0; i < 3; i++)
        known |= size >= strlen(orders[i]) && !memcmp(line, orders[i], strlen(orders[i]));
    require(known && size > 1 && line[size - 1] == '\n' && !memchr(line, '\n', size - 1));
    require(line[0] != 'b' || (line[4] >= '0' && line[4] <= '9'));
    return true;
}

/* --- The sink --- */

static struct ja_catalogue catalogue;
static struct ja_tap tap = {.name = "main"};

static struct ja_sink *open_sink(void) {
    static struct ja_sink_host host = {.catalogue = &catalogue, .taps = &tap, .tap_count = 1};
    const struct ja_module *module = ja_carabiner_sink.module;
    struct ja_error error;
    struct ja_config *config = ja_config_new(&module, 1);
    void *settings = calloc(1, module->settings_size);
    ja_log_set_level(JA_LOG_ERROR);
    require(config && settings);
    require(ja_config_set_pair(config, JA_LAYER_ARGUMENT, "carabiner.enable=true", "fuzz",
                               &error) == JA_OK);
    ja_config_fill(config, module, NULL, settings);
    struct ja_sink *sink = ja_sink_new(&ja_carabiner_sink, &host, NULL, settings, &error);
    require(sink != NULL);
    ja_sink_mute(sink, true);
    ja_sink_mute(sink, false);
    require(ja_config_set_pair(config, JA_LAYER_ARGUMENT, "carabiner.port=17001", "fuzz", &error) ==
            JA_OK);
    ja_config_fill(config, module, NULL, settings);
    require(ja_sink_configure(sink, settings, &error) == JA_OK);
    ja_config_free(config);
    free(settings);
    tap.timebase = (struct ja_timebase){.at = 0, .us = (double)ja_clock_us(), .rate = 48000};
    return sink;
}

static void tell_beats(struct ja_sink *sink) {
    for (int i = 0; i < 12; i++) {
        const struct ja_event beat = {
            .type = JA_EVENT_BEAT,
            .time = i * 0.5,
            .beat = {.seq = i, .beat_in_bar = 1 + i % 4, .bpm = 120, .confidence = 0.9}};
        ja_sink_event(sink, &tap, &beat);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    static struct ja_sink *sink;
    if (!sink)
        sink = open_sink();
    if (size == 0)
        return 0;
    size_t piece = 1u + bytes[0] % 64;
    outlet.setup.ready(outlet.setup.data);
    for (size_t at = 1; at < size; at += piece)
        outlet.setup.heard(outlet.setup.data, bytes + at, size - at < piece ? size - at : piece);
    tell_beats(sink);
    ja_sink_second(sink);
    return 0;
}
