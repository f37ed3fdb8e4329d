/* Rules and remembered connections, against pictures of a server's graph.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../../src/audio/connections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static struct ja_connections *connections;
static uint64_t now_us;

static void open_with(const char *rules, unsigned inputs) {
    struct ja_wiring wiring = {"main", rules, 0, inputs};
    struct ja_error error;
    now_us = 100 * SECOND;
    assert_int_equal(ja_connections_new(&connections, &wiring, 1, &error), JA_OK);
}

/* Shows ports and links written as "port port* | own<port own<port"; a star marks a physical port,
 * a minus a MIDI input. */
static void show_changed(const char *picture, bool ports_changed) {
    char copy[512];
    struct ja_graph graph = {0};
    bool links = false;
    snprintf(copy, sizeof copy, "%s", picture);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        size_t length = strlen(word);
        char mark = word[length - 1];
        if (strcmp(word, "|") == 0) {
            links = true;
        } else if (links) {
            assert_true(ja_graph_add_link(&graph, (unsigned)(word[0] - '0'), word + 2));
        } else {
            if (mark == '*' || mark == '-')
                word[length - 1] = '\0';
            assert_true(ja_graph_add_port(&graph, word, mark != '-', mark == '*'));
        }
    }
    now_us += SECOND;
    ja_connections_update(connections, &graph, ports_changed, now_us);
    assert_null(graph.ports);
}

static void show(const char *picture) {
    show_changed(picture, false);
}

/* Connects all that is due and says what it was: "own<port own<port". */
static const char *due(bool agreed) {
    static char text[1024];
    struct ja_pair *pair;
    text[0] = '\0';
    while ((pair = ja_connections_due(connections, now_us))) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s%u<%s", length ? " " : "", pair->own,
                 pair->other);
        ja_connections_tried(pair, agreed, now_us);
    }
    return text;
}

static int tear_down(void **state) {
    (void)state;
    ja_connections_free(connections);
    connections = NULL;
    return 0;
}

static void nothing_is_connected_without_rules(void **state) {
    (void)state;
    open_with("", 2);
    show("system:capture_1* deck:out_l");
    assert_string_equal(due(true), "");
}

static void capture_is_what_is_physical(void **state) {
    (void)state;
    open_with("capture\0", 2);
    show("deck:out_l system:capture_1* system:capture_2* synth:in- ");
    assert_string_equal(due(true), "0<system:capture_1 1<system:capture_2");
}

static void monitor_is_what_a_sink_plays(void **state) {
    (void)state;
    open_with("monitor\0", 2);
    show("mic:monitor_FL* sink:playback_FL sink:monitor_FL sink:monitor_FR my:remonitor_1");
    assert_string_equal(due(true), "0<sink:monitor_FL 1<sink:monitor_FR");
}

static void patterns_are_anchored(void **state) {
    (void)state;
    open_with("deck:out|a:b\0", 1);
    show("deck:out deck:out_1 mydeck:out a:b");
    assert_string_equal(due(true), "0<deck:out 0<a:b");
}

static void matches_go_round_the_inputs_rule_by_rule(void **state) {
    (void)state;
    open_with("z:.*\0a:.*\0.*:1\0", 2);
    show("a:1 a:2 z:1 z:2 z:3 m:1");
    assert_string_equal(due(true), "0<z:1 1<z:2 0<z:3 1<a:1 0<a:2 1<m:1");
}

static void a_wrong_pattern_is_an_error_that_names_it(void **state) {
    (void)state;
    struct ja_wiring wiring = {"booth", "fine\0deck:(\0", 0, 1};
    struct ja_error error;
    assert_int_equal(ja_connections_new(&connections, &wiring, 1, &error), JA_USAGE);
    assert_non_null(strstr(error.text, "\"deck:(\""));
    assert_non_null(strstr(error.text, "booth"));
    assert_null(connections);
}

static void a_rule_meets_a_port_that_comes_later(void **state) {
    (void)state;
    open_with("deck:.*\0", 2);
    show("x:y");
    assert_string_equal(due(true), "");
    show_changed("x:y deck:l deck:r", true);
    assert_string_equal(due(true), "0<deck:l 1<deck:r");
}

static void a_hand_is_respected_until_the_port_goes(void **state) {
    (void)state;
    open_with("deck:l\0", 1);
    show("deck:l");
    assert_string_equal(due(true), "0<deck:l");
    show("deck:l | 0<deck:l");
    show("deck:l");
    for (int i = 0; i < 10; i++) {
        show_changed("deck:l other:port", i % 2);
        assert_string_equal(due(true), "");
    }
    show_changed("other:port", true);
    show_changed("deck:l other:port", true);
    assert_string_equal(due(true), "0<deck:l");
}

static void a_connection_by_hand_is_not_made_again_against_a_hand(void **state) {
    (void)state;
    open_with("", 1);
    show("deck:l | 0<deck:l");
    show("deck:l");
    for (int i = 0; i < 10; i++)
        show("deck:l");
    show_changed("", true);
    show_changed("deck:l", true);
    assert_string_equal(due(true), "");
}

static void a_connection_by_hand_returns_with_its_port(void **state) {
    (void)state;
    open_with("", 2);
    show("deck:l | 1<deck:l");
    show_changed("", true);
    show_changed("deck:l", true);
    assert_string_equal(due(true), "1<deck:l");
}

/* A program that leaves disconnects first, and both may be seen apart. */
static void a_link_that_goes_shortly_before_its_port_returns(void **state) {
    (void)state;
    open_with("", 1);
    show("deck:l | 0<deck:l");
    show("deck:l");
    assert_string_equal(due(true), "");
    show_changed("", true);
    show_changed("deck:l", true);
    assert_string_equal(due(true), "0<deck:l");
}

static void a_port_that_went_and_came_unseen_is_connected_again(void **state) {
    (void)state;
    open_with("", 1);
    show("deck:l | 0<deck:l");
    show_changed("deck:l", true);
    assert_string_equal(due(true), "0<deck:l");
}

static void a_restart_brings_everything_back_but_what_a_hand_took(void **state) {
    (void)state;
    open_with("capture\0", 2);
    show("system:capture_1* system:capture_2* deck:l synth:in-");
    due(true);
    show("system:capture_1* system:capture_2* deck:l synth:in- | 0<system:capture_1 "
         "1<system:capture_2 0<deck:l 2<synth:in");
    show("system:capture_1* system:capture_2* deck:l synth:in- | 0<system:capture_1 0<deck:l "
         "2<synth:in");
    assert_string_equal(due(true), "");
    ja_connections_restart(connections);
    show("system:capture_1* system:capture_2*");
    assert_string_equal(due(true), "0<system:capture_1");
    show_changed("system:capture_1* system:capture_2* deck:l synth:in- | 0<system:capture_1", true);
    assert_string_equal(due(true), "0<deck:l 2<synth:in");
}

static void a_refused_connection_is_tried_again_for_a_while(void **state) {
    (void)state;
    open_with("deck:l\0", 1);
    show("deck:l");
    unsigned tries = 0;
    while (*due(false)) {
        tries++;
        assert_int_equal(ja_connections_next_us(connections) != UINT64_MAX, tries < 20);
        now_us += SECOND;
    }
    assert_int_equal(tries, 20);
    show("deck:l");
    assert_string_equal(due(true), "");
}

static void a_link_that_never_shows_is_given_up(void **state) {
    (void)state;
    open_with("deck:l\0", 1);
    show("deck:l");
    assert_string_equal(due(true), "0<deck:l");
    assert_int_equal(ja_connections_next_us(connections), now_us + SECOND);
    for (int i = 0; i < 5; i++) {
        show_changed("deck:l", i % 2);
        assert_string_equal(due(true), "");
    }
    assert_int_equal(ja_connections_next_us(connections), UINT64_MAX);
}

static void links_are_counted(void **state) {
    (void)state;
    open_with("", 2);
    show("a:1 a:2 | 0<a:1 0<a:2");
    assert_int_equal(ja_connections_count(connections, 0), 2);
    assert_int_equal(ja_connections_count(connections, 1), 0);
}

static void memory_has_a_bound(void **state) {
    (void)state;
    open_with("", 1);
    for (int i = 0; i < 2000; i++) {
        char picture[64];
        snprintf(picture, sizeof picture, "deck:%d | 0<deck:%d", i, i);
        show_changed(picture, true);
    }
    show_changed("deck:1 deck:1998", true);
    assert_string_equal(due(true), "0<deck:1998");
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_connected_without_rules),
        TEST(capture_is_what_is_physical),
        TEST(monitor_is_what_a_sink_plays),
        TEST(patterns_are_anchored),
        TEST(matches_go_round_the_inputs_rule_by_rule),
        TEST(a_wrong_pattern_is_an_error_that_names_it),
        TEST(a_rule_meets_a_port_that_comes_later),
        TEST(a_hand_is_respected_until_the_port_goes),
        TEST(a_connection_by_hand_is_not_made_again_against_a_hand),
        TEST(a_connection_by_hand_returns_with_its_port),
        TEST(a_link_that_goes_shortly_before_its_port_returns),
        TEST(a_port_that_went_and_came_unseen_is_connected_again),
        TEST(a_restart_brings_everything_back_but_what_a_hand_took),
        TEST(a_refused_connection_is_tried_again_for_a_while),
        TEST(a_link_that_never_shows_is_given_up),
        TEST(links_are_counted),
        TEST(memory_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
