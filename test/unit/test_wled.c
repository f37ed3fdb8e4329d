/* Tests of WLED's sound sync: the bytes of a packet as its layout says, silence, and the beat.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/sink_memory.h"
#include <ja/core/log.h>
#include <ja/net/socket.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum { BANDS = 4, RMS = BANDS, SILENCE, VALUES };

static const struct ja_output outputs[] = {
    {"bands", NULL, JA_OUTPUT_NUMBER, BANDS, 0, 1, "Bands."},
    {"rms", NULL, JA_OUTPUT_NUMBER, 1, 0, 1, "Level."},
    {"silence", NULL, JA_OUTPUT_BOOL, 1, 0, 1, "Silence."},
};
static const struct ja_stage_class stage = {.outputs = outputs, .output_count = 3};

struct lamp {
    struct sink_rig *rig;
    struct ja_catalogue catalogue;
    struct ja_frame *frame;
    struct ja_sink *sink;
    int fd;
    char port_option[32];
    unsigned char packet[64];
};

static int set_up(void **state) {
    static struct lamp lamp;
    struct ja_error error;
    struct sockaddr_in bound;
    socklen_t length = sizeof bound;
    const struct ja_stage_class *const stages[] = {&stage};
    if (rig_set_up(state) != 0)
        return -1;
    lamp = (struct lamp){.rig = *state, .fd = ja_udp_listen("127.0.0.1", 0, &error)};
    lamp.frame = calloc(1, sizeof *lamp.frame + VALUES * sizeof(float));
    if (!lamp.frame || ja_catalogue_init(&lamp.catalogue, stages, 1, &error) != JA_OK ||
        getsockname(lamp.fd, (struct sockaddr *)&bound, &length) != 0)
        return -1;
    lamp.rig->host.catalogue = &lamp.catalogue;
    snprintf(lamp.port_option, sizeof lamp.port_option, "port=%d", ntohs(bound.sin_port));
    ja_log_set_level(JA_LOG_ERROR);
    *state = &lamp;
    return 0;
}

static int tear_down(void **state) {
    struct lamp *lamp = *state;
    void *rig = lamp->rig;
    close(lamp->fd);
    free(lamp->frame);
    ja_catalogue_done(&lamp->catalogue);
    return rig_tear_down(&rig);
}

static void light(struct lamp *lamp, const char *option) {
    lamp->sink = RIG_SINK(lamp->rig, &ja_wled_sink, "host=127.0.0.1", lamp->port_option, option);
    rig_run(lamp->rig, 20000);
}

/* Shows a frame and takes the packet; false when none came. */
static bool show(struct lamp *lamp, const float values[VALUES]) {
    memcpy(lamp->frame->values, values, VALUES * sizeof *values);
    rig_run(lamp->rig, 25000); /* packets have a pause between them */
    ja_sink_frame(lamp->sink, lamp->rig->taps, lamp->frame);
    return recv(lamp->fd, lamp->packet, sizeof lamp->packet, MSG_DONTWAIT) == 44;
}

static float number(const struct lamp *lamp, size_t at) {
    const unsigned char *bytes = lamp->packet + at;
    uint32_t bits =
        bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static const float loud[VALUES] = {0.5f, 0.125f, 0, 0, 0.5f, 0};
static const float quiet[VALUES] = {0.005f, 0.00125f, 0, 0, 0.005f, 0};
static const float silence[VALUES] = {0.001f, 0.001f, 0.001f, 0.001f, 0.001f, 1};

/* Every byte of the first packet: three quarters of the way to full scale in the lowest band. */
static void sends_these_bytes(void **state) {
    struct lamp *lamp = *state;
    static const unsigned char expected[18] = {
        '0', '0',  '0',  '0',  '2', 0, 0, 0, /* header, reserved */
        0,   0,    0x7f, 0x43,               /* 255: the level */
        0,   0x40, 0x3f, 0x43,               /* 191.25: the level, smoothed */
        0,   0,                              /* no peak, reserved */
    };
    light(lamp, "peak=beat");
    assert_true(show(lamp, loud));
    assert_memory_equal(lamp->packet, expected, 18);
    const unsigned char *bands = lamp->packet + 18;
    assert_int_equal(bands[0], 190); /* .75 of 254, to the even */
    assert_int_equal(bands[1], 190);
    for (int k = 1; k < 16; k++)
        assert_true(bands[k] <= bands[k - 1]);
    assert_int_equal(bands[6], 89); /* .75 of 254 times the root of 7/8 of a quarter */
    assert_int_equal(bands[15], 0);
    assert_int_equal(lamp->packet[34] | lamp->packet[35], 0);
    assert_true(fabsf(number(lamp, 36) - 190.5f) < 1e-3f);
    assert_true(number(lamp, 40) == 65);
    ja_sink_free(lamp->sink);
}

static void fills_the_lamps_range(void **state) {
    struct lamp *lamp = *state;
    light(lamp, "peak=beat");
    for (int i = 0; i < 20; i++)
        assert_true(show(lamp, quiet));
    assert_in_range(lamp->packet[18], 252, 254);
    assert_true(number(lamp, 8) > 253);
    assert_true(show(lamp, loud));
    assert_true(show(lamp, quiet)); /* against the loud one it is next to nothing */
    assert_true(number(lamp, 8) < 30);
    ja_sink_free(lamp->sink);
}

static void is_dark_in_silence(void **state) {
    struct lamp *lamp = *state;
    light(lamp, "peak=beat");
    assert_true(show(lamp, loud));
    for (int i = 0; i < 40; i++)
        assert_true(show(lamp, silence));
    for (size_t i = 8; i < 40; i++)
        assert_true(i >= 12 && i < 16 ? number(lamp, 12) < 1 : i >= 36 || lamp->packet[i] == 0);
    ja_sink_free(lamp->sink);
}

static void shows_the_beat_once(void **state) {
    struct lamp *lamp = *state;
    struct ja_event beat = {.type = JA_EVENT_BEAT, .beat = {.bpm = 120}};
    light(lamp, "peak=beat");
    beat.time = ja_tap_time(lamp->rig->taps, ja_clock_us()) + 0.2;
    uint64_t due_us = ja_tap_us(lamp->rig->taps, beat.time), seen_us = 0;
    ja_sink_event(lamp->sink, lamp->rig->taps, &beat);
    unsigned peaks = 0;
    for (int i = 0; i < 20; i++) {
        assert_true(show(lamp, loud));
        if (!lamp->packet[16])
            continue;
        peaks++;
        seen_us = ja_clock_us();
    }
    assert_int_equal(peaks, 1);
    assert_true(seen_us >= due_us);
    ja_sink_free(lamp->sink);
}

static void leaves_lamps_dark(void **state) {
    struct lamp *lamp = *state;
    static const unsigned char dark[28];
    light(lamp, "peak=onset");
    assert_true(show(lamp, loud));
    ja_sink_mute(lamp->sink, true);
    assert_int_equal(recv(lamp->fd, lamp->packet, sizeof lamp->packet, MSG_DONTWAIT), 44);
    assert_memory_equal(lamp->packet + 8, dark, sizeof dark);
    assert_false(show(lamp, loud));
    ja_sink_free(lamp->sink);
}

static void survives_without_memory(void **state) {
    struct lamp *lamp = *state;
    rig_sink_without_memory(lamp->rig, &ja_wled_sink, "host=127.0.0.1");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(sends_these_bytes),   WITH(fills_the_lamps_range), WITH(is_dark_in_silence),
        WITH(shows_the_beat_once), WITH(leaves_lamps_dark),     WITH(survives_without_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("wled", tests, NULL, NULL);
}
