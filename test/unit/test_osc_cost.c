/* Tests what reading and refusing an OSC packet costs at most, against one plain command: over the
 * packets of the fuzz corpus and over the worst that can be made up.
 *
 * In the time of the thread, the least of many tries; so another program does not matter much.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <ja/control/osc.h>
#include <ja/core/log.h>
#include <ja/net/osc_reader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRIES = 50, TIMES = 16, LARGEST = 65507 };

/* Of a plain command, which takes 0.2 µs or so: far from it, and far from what others' readers
 * took.
 */
static const double most_read = 200, most_obeyed = 2000;

static struct ja_control *control;
static _Alignas(8) unsigned char packet[LARGEST + 8];

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void ignore(void *data, const struct ja_osc_message *message) {
    (void)data, (void)message;
}

static void read_only(size_t size) {
    ja_osc_read(packet, size, ignore, NULL);
}

/* With all of its turns: a second packet ends what is left of the first. */
static void obey(size_t size) {
    ja_control_take(control, packet, size);
    ja_control_take(control, "", 0);
}

static double least_ns(void (*act)(size_t size), size_t size) {
    double least = 1e18;
    for (int i = 0; i < TRIES; i++) {
        double start = now_ns();
        for (int k = 0; k < TIMES; k++)
            act(size);
        double took = (now_ns() - start) / TIMES;
        least = took < least ? took : least;
    }
    return least;
}

/* --- Packets --- */

static size_t put_plain(void) {
    memcpy(packet, "/ja/ctl/ping\0\0\0\0,\0\0", 20);
    return 20;
}

/* As many of an element as there is room for. */
static size_t put_bundle(const void *element, size_t size, size_t room) {
    size_t at = 16;
    memcpy(packet, "#bundle\0\0\0\0\0\0\0\0\1", 16);
    while (at + 4 + size <= room) {
        memcpy(packet + at,
               (const unsigned char[]){0, 0, (unsigned char)(size >> 8), (unsigned char)size}, 4);
        memcpy(packet + at + 4, element, size);
        at += 4 + size;
    }
    return at;
}

static size_t put_nested(size_t room) {
    size_t depth = (room - 16) / 20;
    for (size_t i = 0; i < depth; i++) {
        size_t left = 20 * (depth - i) - 4;
        memcpy(packet + 20 * i, "#bundle\0\0\0\0\0\0\0\0\1", 16);
        packet[20 * i + 16] = packet[20 * i + 17] = 0;
        packet[20 * i + 18] = (unsigned char)(left >> 8);
        packet[20 * i + 19] = (unsigned char)left;
    }
    return 20 * depth;
}

static size_t put_address(size_t room) {
    memset(packet, 'a', room);
    packet[0] = '/';
    memset(packet + room - 4, 0, 4);
    return room;
}

static size_t put_types(size_t room, size_t count) {
    memset(packet, 0, room);
    memcpy(packet, "/a\0\0,", 5);
    memset(packet + 5, 'T', count);
    return (4 + 1 + count) / 4 * 4 + 4;
}

static size_t put_unknown(size_t room) {
    unsigned char message[64] = "/ja/ctl/qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";
    message[44] = ',';
    return put_bundle(message, 48, room);
}

static size_t put_wide(size_t room) {
    unsigned char message[64] = "/a\0\0,";
    memset(message + 5, 'I', JA_OSC_ARGUMENTS);
    return put_bundle(message, 40, room);
}

/* The worst of all that can be made up within `room` bytes, in plain commands. */
static double worst_of(void (*act)(size_t size), size_t room) {
    double plain = least_ns(act, put_plain()), worst = 0;
    for (int i = 0; i < 8; i++) {
        size_t size = i == 0   ? put_bundle("/a\0", 4, room)
                      : i == 1 ? put_bundle("#bundle\0\0\0\0\0\0\0\0\1", 16, room)
                      : i == 2 ? put_nested(room)
                      : i == 3 ? put_address(room)
                      : i == 4 ? put_types(room, room - 16)
                      : i == 5 ? put_types(room, JA_OSC_ARGUMENTS)
                      : i == 6 ? put_wide(room)
                               : put_unknown(room);
        double ratio = least_ns(act, size) / plain;
        worst = ratio > worst ? ratio : worst;
    }
    return worst;
}

static void made_up_packets_cost_little(void **state) {
    (void)state;
    double full = worst_of(read_only, JA_OSC_BYTES), large = worst_of(read_only, LARGEST / 4 * 4);
    double obeyed = worst_of(obey, JA_OSC_BYTES);
    print_message("# times a plain command: reading takes %.0f at most, %.2f where there is more "
                  "than 8 KiB, obeying %.0f; a plain one is read in %.0f ns\n",
                  full, large, obeyed, least_ns(read_only, put_plain()));
    assert_true(full < most_read);
    assert_true(large < most_read);
    assert_true(obeyed < most_obeyed);
}

static void the_fuzz_corpus_costs_little(void **state) {
    static const char folder[] = "test/fuzz/corpus/control";
    double plain = least_ns(read_only, put_plain()), worst = 0;
    DIR *files = opendir(folder);
    size_t count = 0;
    (void)state;
    assert_non_null(files);
    for (const struct dirent *entry; (entry = readdir(files)) != NULL;) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file)
            continue;
        fgetc(file); /* who sends it */
        size_t size = fread(packet, 1, LARGEST, file);
        fclose(file);
        double ratio = least_ns(read_only, size) / plain;
        worst = ratio > worst ? ratio : worst;
        count++;
    }
    closedir(files);
    assert_true(count >= 20);
    assert_true(worst < most_read);
}

static int set_up(void **state) {
    static const struct ja_control_settings settings = {true, "127.0.0.1", 0, 8};
    static const struct ja_operator nobody;
    struct ja_error error;
    struct ja_loop *loop = ja_loop_new(&error);
    ja_log_set_level(JA_LOG_ERROR);
    *state = loop;
    return loop && ja_control_open(&control, &settings, loop, &nobody, &error) == JA_OK ? 0 : -1;
}

static int tear_down(void **state) {
    ja_control_close(control);
    ja_loop_free(*state);
    return 0;
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_up_packets_cost_little),
        cmocka_unit_test(the_fuzz_corpus_costs_little),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
