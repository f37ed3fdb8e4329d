/* Tests of what MQTT is told, to the letter, with a connection that is none; and of the file with
 * the password. test/net/mqtt.py has a real broker.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../../src/sink/mqtt_client.h"
#include "../support/failing.h"
#include "../support/sink_rig.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- In place of the library's client --- */

struct ja_mqtt {
    unsigned connections;
    bool broken; /* takes nothing */
    bool left;
    char user[64], password[64], status_topic[300];
    char said[16384]; /* topic, blank, payload, end of line */
};

static struct ja_mqtt *last_client;
static int clients;
static bool has_no_thread;
const bool ja_mqtt_built_in = true;

enum ja_status ja_mqtt_new(struct ja_mqtt **client, const struct ja_mqtt_setup *setup,
                           struct ja_error *error) {
    *client = has_no_thread ? NULL : calloc(1, sizeof **client);
    if (!*client)
        return ja_fail(error, JA_FAILED, has_no_thread ? "no thread" : "no memory");
    clients++;
    last_client = *client;
    snprintf((*client)->user, sizeof(*client)->user, "%s", setup->user);
    snprintf((*client)->password, sizeof(*client)->password, "%s", setup->password);
    snprintf((*client)->status_topic, sizeof(*client)->status_topic, "%s", setup->status_topic);
    return JA_OK;
}

void ja_mqtt_leave(struct ja_mqtt *client) {
    assert_false(client->left);
    client->left = true;
}

void ja_mqtt_free(struct ja_mqtt *client) {
    clients -= client != NULL;
    free(client);
}

unsigned ja_mqtt_connections(struct ja_mqtt *client) {
    return client->connections;
}

bool ja_mqtt_publish(struct ja_mqtt *client, const char *topic, const char *payload) {
    size_t length = strlen(client->said);
    assert_false(client->left);
    if (!client->broken)
        snprintf(client->said + length, sizeof client->said - length, "%s %s\n", topic, payload);
    return !client->broken;
}

/* --- Tests --- */

static char path[64];

static int set_up(void **state) {
    snprintf(path, sizeof path, "/tmp/ja-mqtt-%ld", (long)getpid());
    return rig_set_up(state);
}

static int tear_down(void **state) {
    unlink(path);
    assert_int_equal(clients, 0);
    return rig_tear_down(state);
}

static void assert_said(const char *expected) {
    assert_string_equal(last_client->said, expected);
    last_client->said[0] = '\0';
}

static void leave_alone(struct sink_rig *rig) {
    rig_run(rig, 1000 * JA_MQTT_GOODBYE_MS);
}

static struct ja_sink *open_sink(struct sink_rig *rig, const char *option, const char *other) {
    struct ja_sink *sink = RIG_SINK(rig, &ja_mqtt_sink, option, other);
    leave_alone(rig);
    return sink;
}

static void tell(const struct sink_rig *rig, struct ja_sink *sink, struct ja_event event) {
    ja_sink_event(sink, rig->taps, &event);
}

static void tells_what_has_changed(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = open_sink(rig, "discovery=", "topic=club/ja");
    ja_sink_second(sink);
    assert_said(""); /* no connection yet */
    last_client->connections = 1;
    ja_sink_second(sink);
    assert_said("club/ja/t/status online\n"
                "club/ja/t/bpm None\nclub/ja/t/key None\nclub/ja/t/section None\n"
                "club/ja/t/state None\nclub/ja/t/playing OFF\nclub/ja/t/energy None\n");
    ja_sink_second(sink);
    assert_said("");
    rig->frame->values[RIG_TEMPO] = 127.96f;
    ja_sink_frame(sink, rig->taps + 1, rig->frame); /* another stream */
    ja_sink_second(sink);
    assert_said("");
    ja_sink_frame(sink, rig->taps, rig->frame);
    tell(rig, sink, (struct ja_event){.type = JA_EVENT_STATE, .state = {.state = "locked"}});
    tell(rig, sink, (struct ja_event){.type = JA_EVENT_KEY, .key = {.key = "A:min"}});
    tell(rig, sink, (struct ja_event){.type = JA_EVENT_SECTION, .section = {.label = "drop"}});
    ja_sink_second(sink);
    assert_said("club/ja/t/bpm 128\nclub/ja/t/key A:min\nclub/ja/t/section drop\n"
                "club/ja/t/state locked\nclub/ja/t/playing ON\n");
    rig->frame->values[RIG_TEMPO] = NAN;
    ja_sink_frame(sink, rig->taps, rig->frame);
    tell(rig, sink, (struct ja_event){.type = JA_EVENT_STATE, .state = {.state = "silent"}});
    ja_sink_second(sink);
    assert_said("club/ja/t/bpm None\nclub/ja/t/state silent\nclub/ja/t/playing OFF\n");
    ja_sink_free(sink);
}

static void tells_all_after_each_connection(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = open_sink(rig, "discovery=", "port=1");
    last_client->connections = 1;
    ja_sink_second(sink);
    assert_non_null(strstr(last_client->said, "jack-analyzer/t/status online\n"));
    last_client->said[0] = '\0';
    last_client->broken = true;
    tell(rig, sink, (struct ja_event){.type = JA_EVENT_KEY, .key = {.key = "C:maj"}});
    ja_sink_second(sink);
    assert_int_equal(sink->failed, 1);
    last_client->broken = false;
    last_client->connections = 2;
    ja_sink_second(sink);
    assert_non_null(strstr(last_client->said, "jack-analyzer/t/status online\n"));
    assert_non_null(strstr(last_client->said, "jack-analyzer/t/bpm None\n"));
    assert_non_null(strstr(last_client->said, "jack-analyzer/t/key C:maj\n"));
    ja_sink_free(sink);
}

static void introduces_itself_to_home_assistant(void **state) {
    struct sink_rig *rig = *state;
    struct ja_sink *sink = open_sink(rig, "topic=bar 1/ja", "port=1");
    last_client->connections = 1;
    ja_sink_second(sink);
    assert_non_null(
        strstr(last_client->said,
               "homeassistant/sensor/bar_1_ja_t/bpm/config {\"name\":\"Tempo\","
               "\"unique_id\":\"bar_1_ja_t_bpm\",\"state_topic\":\"bar 1/ja/t/bpm\","
               "\"availability_topic\":\"bar 1/ja/t/status\",\"icon\":\"mdi:metronome\","
               "\"unit_of_measurement\":\"BPM\",\"state_class\":\"measurement\","
               "\"device\":{\"identifiers\":[\"bar_1_ja_t\"],\"name\":\"jack-analyzer t\","
               "\"sw_version\":\"" JA_VERSION "\"}}\n"));
    assert_non_null(strstr(last_client->said,
                           "homeassistant/binary_sensor/bar_1_ja_t/playing/config {\"name\":"));
    last_client->said[0] = '\0';
    ja_sink_second(sink); /* once per connection */
    assert_said("");
    ja_sink_free(sink);
}

static void is_silent_when_muted_or_off(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error;
    struct ja_sink *sink = open_sink(rig, "discovery=", "port=1");
    last_client->connections = 1;
    ja_sink_mute(sink, true);
    ja_sink_second(sink);
    assert_said("");
    ja_sink_mute(sink, false);
    ja_sink_second(sink);
    assert_true(strlen(last_client->said) > 0);
    void *off = rig_settings(ja_mqtt_sink.module, (const char *const[]){"enable=false"}, 1);
    assert_int_equal(ja_sink_configure(sink, off, &error), JA_OK);
    free(off);
    ja_sink_second(sink);
    leave_alone(rig);
    assert_int_equal(clients, 0);
    ja_sink_second(sink);
    ja_sink_free(sink);
}

/* --- Credentials and other settings --- */

static void introduces_all_under_the_longest_topic(void **state) {
    struct sink_rig *rig = *state;
    char topic[sizeof "topic=" + 127] = "topic=";
    memset(topic + strlen(topic), '"', 127); /* twice as long in JSON */
    struct ja_sink *sink = open_sink(rig, topic, "port=1");
    int count = 0;
    last_client->connections = 1;
    ja_sink_second(sink);
    for (const char *at = last_client->said; (at = strstr(at, "/config {")); at++)
        count++;
    assert_int_equal(count, 6);
    ja_sink_free(sink);
}

static void write_file(const char *text, mode_t mode) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

/* Opens with an option; NULL and a sentence when it is refused. */
static struct ja_sink *try(struct sink_rig *rig, const char *option, const char *value,
                           struct ja_error *error) {
    char pair[400];
    snprintf(pair, sizeof pair, "%s=%s", option, value);
    void *settings = rig_settings(ja_mqtt_sink.module, (const char *const[]){pair}, 1);
    struct ja_sink *sink = ja_sink_new(&ja_mqtt_sink, &rig->host, "t", settings, error);
    free(settings);
    return sink;
}

static void takes_credentials_from_a_file(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error = {""};
    static const char *const texts[] = {"jane doe\npass word#\n", "jane doe\npass word#"};
    for (size_t i = 0; i < 2; i++) {
        write_file(texts[i], i == 0 ? 0600 : 0400);
        struct ja_sink *sink = try(rig, "credentials_file", path, &error);
        assert_non_null(sink);
        leave_alone(rig);
        assert_string_equal(last_client->user, "jane doe");
        assert_string_equal(last_client->password, "pass word#");
        ja_sink_free(sink);
    }
}

static void refuses_such_files(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error = {""};
    static const mode_t modes[] = {0604, 0640, 0644, 0602, 0666};
    for (size_t i = 0; i < RIG_COUNT(modes); i++) {
        write_file("jane\nsecret\n", modes[i]);
        char mode[16];
        snprintf(mode, sizeof mode, "mode 0%o", (unsigned)modes[i]);
        assert_null(try(rig, "credentials_file", path, &error));
        assert_non_null(strstr(error.text, "mqtt.t.credentials_file"));
        assert_non_null(strstr(error.text, path));
        assert_non_null(strstr(error.text, mode));
        assert_null(strstr(error.text, "secret"));
    }
    static const char *const texts[] = {"", "jane", "jane\n", "\nsecret\n", "jane\nsecret\nmore\n"};
    for (size_t i = 0; i < RIG_COUNT(texts); i++) {
        write_file(texts[i], 0600);
        assert_null(try(rig, "credentials_file", path, &error));
        assert_non_null(strstr(error.text, "two lines"));
        assert_null(strstr(error.text, "secret"));
    }
    assert_null(try(rig, "credentials_file", "/nowhere/at/all", &error));
    assert_non_null(strstr(error.text, "/nowhere/at/all: No such file"));
    assert_null(try(rig, "credentials_file", "/tmp", &error));
    assert_non_null(strstr(error.text, "not a regular file"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* and does not wait for a writer */
    assert_null(try(rig, "credentials_file", path, &error));
    assert_non_null(strstr(error.text, "not a regular file"));
    assert_null(try(rig, "ca_file", path, &error));
    assert_non_null(strstr(error.text, "mqtt.t.ca_file"));
    assert_non_null(strstr(error.text, "not a regular file"));
}

static void refuses_such_settings(void **state) {
    struct sink_rig *rig = *state;
    static const char *const wrong[][2] = {
        {"topic", ""},     {"topic", "a/#"},      {"topic", "+"},       {"discovery", "#"},
        {"topic", "\xff"}, {"discovery", "\xc3"}, {"ca_file", "/no/ca"}};
    for (size_t i = 0; i < RIG_COUNT(wrong); i++) {
        struct ja_error error = {""};
        char name[32];
        snprintf(name, sizeof name, "mqtt.t.%s", wrong[i][0]);
        assert_null(try(rig, wrong[i][0], wrong[i][1], &error));
        assert_non_null(strstr(error.text, name));
    }
}

static void keeps_its_client_when_a_change_is_refused(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error = {""};
    struct ja_sink *sink = open_sink(rig, "discovery=", "port=1");
    void *wrong = rig_settings(ja_mqtt_sink.module, (const char *const[]){"topic=#"}, 1);
    assert_int_not_equal(ja_sink_configure(sink, wrong, &error), JA_OK);
    free(wrong);
    assert_int_equal(clients, 1);
    assert_false(last_client->left);
    last_client->connections = 1;
    ja_sink_second(sink);
    assert_non_null(strstr(last_client->said, "jack-analyzer/t/status online\n"));
    ja_sink_free(sink);
}

static void connects_once_after_many_changes(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error;
    struct ja_sink *sink = open_sink(rig, "topic=0", "discovery=");
    struct ja_mqtt *first = last_client;
    for (int i = 1; i <= 9; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "topic=%d", i);
        void *settings =
            rig_settings(ja_mqtt_sink.module, (const char *const[]){topic, "discovery="}, 2);
        assert_int_equal(ja_sink_configure(sink, settings, &error), JA_OK);
        free(settings);
        assert_true(first->left);
        ja_sink_second(sink);
        rig_run(rig, 1000 * JA_MQTT_GOODBYE_MS - 1);
        assert_ptr_equal(last_client, first);
    }
    rig_run(rig, 1);
    assert_int_equal(clients, 1);
    last_client->connections = 1;
    ja_sink_second(sink);
    assert_non_null(strstr(last_client->said, "9/t/status online\n"));
    ja_sink_free(sink);
}

static void tries_again_when_there_is_no_thread(void **state) {
    struct sink_rig *rig = *state;
    has_no_thread = true;
    struct ja_sink *sink = open_sink(rig, "port=1", "discovery=");
    has_no_thread = false;
    ja_sink_second(sink);
    assert_int_equal(clients, 0);
    rig_run(rig, 10000000);
    assert_int_equal(clients, 1);
    ja_sink_free(sink);
}

static void survives_without_memory(void **state) {
    struct sink_rig *rig = *state;
    struct ja_error error = {""};
    void *settings = rig_settings(ja_mqtt_sink.module, (const char *const[]){"port=1"}, 1);
    struct ja_sink *sink = NULL;
    for (unsigned n = 1; !sink; n++) {
        fail_at = n;
        sink = ja_sink_new(&ja_mqtt_sink, &rig->host, "t", settings, &error);
        assert_true(sink || strstr(error.text, "no memory"));
        assert_true(n < 20);
    }
    fail_at = 0;
    ja_sink_free(sink);
    free(settings);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(tells_what_has_changed),
        WITH(tells_all_after_each_connection),
        WITH(introduces_itself_to_home_assistant),
        WITH(is_silent_when_muted_or_off),
        WITH(takes_credentials_from_a_file),
        WITH(introduces_all_under_the_longest_topic),
        WITH(refuses_such_files),
        WITH(refuses_such_settings),
        WITH(keeps_its_client_when_a_change_is_refused),
        WITH(connects_once_after_many_changes),
        WITH(tries_again_when_there_is_no_thread),
        WITH(survives_without_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("mqtt", tests, NULL, NULL);
}
