/* Lets OS2L and MQTT tell of anything, under any names: a DMX program gets one flat JSON object per
 * line, a broker topics it must take, and what introduces the device is JSON.
 *
 * Lines, of which the first letter says what happens:
 *   mtopic=bar    an option of MQTT changes
 *   ooffset_ms=9  one of OS2L
 *   hDESK 9996    a DMX program is found
 *   b7 128.5 0.9  a beat: number, tempo, how sure
 *   f128.5 0.7    a frame: tempo, energy
 *   kA:min        a key; l a section, s a state
 *   t             a second passes, and settings have been left alone
 *   c             the broker has been found anew
 *   x             it takes nothing any more, or again
 *   q             both are muted, or no longer
 * Connections and their schedule are played by this file.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/mqtt_client.h"
#include "sink/schedule.h"

#include <ja/config/config.h>
#include <ja/core/log.h>
#include <ja/core/loop.h>
#include <ja/net/outlet.h>
#include <ja/sink/sinks.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512 };

static void require(bool condition) {
    if (!condition)
        abort();
}

static json_t *require_object(const char *text, size_t size) {
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    require(json_is_object(json));
    return json;
}

/* --- The broker --- */

static unsigned connections, introduced;
static bool takes_nothing, introduces;

/* The loop has one timer: when MQTT connects. */
static struct {
    ja_loop_timer_function *function;
    void *data;
    uint64_t id;
} timer;

uint64_t ja_loop_at(struct ja_loop *loop, uint64_t due_us, ja_loop_timer_function *function,
                    void *data) {
    (void)loop, (void)due_us;
    timer.function = function;
    timer.data = data;
    return ++timer.id;
}

void ja_loop_cancel(struct ja_loop *loop, uint64_t id) {
    (void)loop;
    if (id == timer.id)
        timer.function = NULL;
}

static void let_time_pass(void) {
    ja_loop_timer_function *function = timer.function;
    timer.function = NULL;
    if (function)
        function(timer.data, 0);
}

const bool ja_mqtt_built_in = true;

struct ja_mqtt {
    bool left;
};

static void require_topic(const char *topic) {
    json_t *text = json_string(topic); /* NULL when it is not UTF-8 */
    require(text && topic[0] && !strpbrk(topic, "+#"));
    json_decref(text);
}

static bool ends_in(const char *topic, const char *end) {
    size_t length = strlen(topic), rest = strlen(end);
    return length > rest && !strcmp(topic + length - rest, end);
}

enum ja_status ja_mqtt_new(struct ja_mqtt **client, const struct ja_mqtt_setup *setup,
                           struct ja_error *error) {
    (void)error;
    require_topic(setup->status_topic);
    require(setup->port > 0 && setup->port < 65536 && !setup->user[0] && !setup->password[0]);
    *client = calloc(1, sizeof **client);
    return *client ? JA_OK : JA_FAILED;
}

void ja_mqtt_leave(struct ja_mqtt *client) {
    require(!client->left);
    client->left = true;
}

void ja_mqtt_free(struct ja_mqtt *client) {
    free(client);
}

unsigned ja_mqtt_connections(struct ja_mqtt *client) {
    (void)client;
    return connections;
}

bool ja_mqtt_publish(struct ja_mqtt *client, const char *topic, const char *payload) {
    require(client && !client->left && connections > 0 && payload[0]);
    require_topic(topic);
    if (ends_in(topic, "/config")) {
        json_decref(require_object(payload, strlen(payload)));
        introduced++;
    }
    if (ends_in(topic, "/status")) {
        require(!strcmp(payload, "online") && introduced == (introduces ? 6 : 0));
        introduced = 0;
    }
    return !takes_nothing;
}

/* --- The DMX program --- */

static struct ja_outlet { int unused; } outlet;
static struct ja_schedule {
    ja_schedule_function *send;
    void *data;
} schedule;
static char found[LINE_BYTES];
static int found_port;

struct ja_outlet *ja_outlet_new(const struct ja_outlet_setup *setup, struct ja_error *error) {
    (void)error;
    require(setup->host[0] && setup->port > 0 && setup->port < 65536);
    return &outlet;
}

void ja_outlet_free(struct ja_outlet *freed) {
    (void)freed;
}

bool ja_outlet_send(struct ja_outlet *to, const void *bytes, size_t size, bool may_drop) {
    const char *line = bytes;
    require(to == &outlet && !may_drop && size > 1 && line[size - 1] == '\n');
    require(!memchr(line, '\n', size - 1));
    json_t *told = require_object(line, size);
    require(!strcmp(json_string_value(json_object_get(told, "evt")), "beat"));
    require(json_is_boolean(json_object_get(told, "change")));
    require(json_is_integer(json_object_get(told, "pos")));
    require(json_object_get(told, "bpm") && json_object_get(told, "strength"));
    require(json_object_size(told) == 5);
    json_decref(told);
    return true;
}

struct ja_schedule *ja_schedule_new(struct ja_loop *loop, ja_schedule_function *function,
                                    void *data) {
    (void)loop;
    schedule = (struct ja_schedule){function, data};
    return &schedule;
}

void ja_schedule_free(struct ja_schedule *freed) {
    (void)freed;
}

bool ja_schedule_add(struct ja_schedule *to, const struct ja_packet *packet) {
    to->send(to->data, packet);
    return true;
}

void ja_schedule_flush(struct ja_schedule *flushed) {
    (void)flushed;
}

static bool find_os2l(void *data, char *host, size_t size, int *port) {
    (void)data;
    ja_text_copy(host, size, found);
    *port = found_port;
    return found_port > 0;
}

/* --- What is told --- */

static struct ja_config *config;
static struct output {
    void *settings;
    struct ja_sink *sink;
} mqtt, os2l;

static const struct ja_tap tap = {.name = "main", .timebase = {.at = NAN}};
static struct ja_catalogue catalogue;

/* One where both are, with nothing set; all others begin as its copies. */
static struct ja_config *fresh_config(void) {
    static const struct ja_output outputs[] = {
        {"tempo", NULL, JA_OUTPUT_NUMBER, 1, NAN, NAN, "A value."},
        {"energy", NULL, JA_OUTPUT_NUMBER, 1, NAN, NAN, "A value."},
    };
    static const struct ja_stage_class stage = {.outputs = outputs, .output_count = 2};
    static const struct ja_stage_class *const stages[] = {&stage};
    static const struct ja_module *modules[2];
    struct ja_error error;
    modules[0] = ja_mqtt_sink.module;
    modules[1] = ja_os2l_sink.module;
    struct ja_config *fresh = ja_config_new(modules, 2);
    ja_log_set_level(JA_LOG_ERROR);
    require(fresh && ja_catalogue_init(&catalogue, stages, 1, &error) == JA_OK);
    require(ja_config_set_pair(fresh, JA_LAYER_FILE, "mqtt.t.enable=true", "fuzz", &error) ==
            JA_OK);
    require(ja_config_set_pair(fresh, JA_LAYER_FILE, "os2l.t.enable=true", "fuzz", &error) ==
            JA_OK);
    return fresh;
}

static void open_output(struct output *output, const struct ja_sink_class *class) {
    static const struct ja_sink_host host = {
        .catalogue = &catalogue, .taps = &tap, .tap_count = 1, .find_os2l = find_os2l};
    struct ja_error error;
    output->settings = calloc(1, class->module->settings_size);
    require(output->settings != NULL);
    ja_config_fill(config, class->module, "t", output->settings);
    output->sink = ja_sink_new(class, &host, "t", output->settings, &error);
    require(output->sink != NULL);
}

static void close_output(struct output *output) {
    ja_sink_free(output->sink);
    free(output->settings);
}

static void tell(const struct ja_event *event) {
    ja_sink_event(mqtt.sink, &tap, event);
    ja_sink_event(os2l.sink, &tap, event);
}

static void tell_beat(const char *words) {
    struct ja_event event = {.type = JA_EVENT_BEAT};
    char *rest;
    event.beat.seq = (int)strtol(words, &rest, 10);
    event.beat.bpm = strtod(rest, &rest);
    event.beat.confidence = strtod(rest, NULL);
    event.time = event.beat.seq * 0.5;
    tell(&event);
}

static void tell_frame(const char *words) {
    static union {
        struct ja_frame frame;
        unsigned char room[sizeof(struct ja_frame) + 2 * sizeof(float)];
    } one;
    char *rest;
    one.frame.values[0] = strtof(words, &rest);
    one.frame.values[1] = strtof(rest, NULL);
    ja_sink_frame(mqtt.sink, &tap, &one.frame);
}

static void tell_word(char kind, const char *word) {
    struct ja_event event = {.type = JA_EVENT_KEY, .key.key = word};
    if (kind == 'l')
        event = (struct ja_event){.type = JA_EVENT_SECTION, .section.label = word};
    if (kind == 's')
        event = (struct ja_event){.type = JA_EVENT_STATE, .state.state = word};
    tell(&event);
}

static void find(const char *words) {
    size_t length = strcspn(words, " ");
    memcpy(found, words, length);
    found[length] = '\0';
    found_port = length > 0 && words[length] ? (int)(strtol(words + length, NULL, 10) & 0xFFFF) : 0;
}

/* --- Settings --- */

/* No file of this machine is opened. */
static void set(const struct output *output, const char *line) {
    const struct ja_module *module = output->sink->class->module;
    struct ja_config *changed = ja_config_clone(config);
    struct ja_error error = {""};
    char pair[LINE_BYTES + 16];
    require(changed != NULL);
    snprintf(pair, sizeof pair, "%s.t.%s", module->name, line);
    bool right = !strstr(line, "_file") &&
                 ja_config_set_pair(changed, JA_LAYER_LIVE, pair, "fuzz", &error) == JA_OK;
    if (right) {
        ja_config_fill(changed, module, "t", output->settings);
        right = ja_sink_configure(output->sink, output->settings, &error) == JA_OK;
        require(right || error.text[0]);
    }
    if (right && !strncmp(pair, "mqtt.t.discovery=", 17))
        introduces = pair[17] != '\0';
    ja_config_free(right ? config : changed);
    config = right ? changed : config;
}

static void mute(void) {
    ja_sink_mute(mqtt.sink, !mqtt.sink->mute);
    ja_sink_mute(os2l.sink, !os2l.sink->mute);
}

static void do_line(const char *line) {
    const char *words = line + 1;
    switch (line[0]) {
    case 'm':
        set(&mqtt, words);
        break;
    case 'o':
        set(&os2l, words);
        break;
    case 'h':
        find(words);
        break;
    case 'b':
        tell_beat(words);
        break;
    case 'f':
        tell_frame(words);
        break;
    case 'k':
    case 'l':
    case 's':
        if (words[0])
            tell_word(line[0], words);
        break;
    case 't':
        let_time_pass();
        ja_sink_second(mqtt.sink);
        ja_sink_second(os2l.sink);
        break;
    case 'c':
        connections++;
        break;
    case 'x':
        takes_nothing = !takes_nothing;
        break;
    case 'q':
        mute();
        break;
    default:
        break;
    }
}

static void do_lines(const char *at, const char *end) {
    char line[LINE_BYTES];
    while (at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((next ? next : end) - at);
        if (length > 0 && length < sizeof line) {
            memcpy(line, at, length);
            line[length] = '\0';
            do_line(line);
        }
        at = next ? next + 1 : end;
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    static struct ja_config *fresh;
    if (!fresh)
        fresh = fresh_config();
    connections = 0;
    takes_nothing = false;
    introduces = true;
    introduced = 0;
    found_port = 0;
    config = ja_config_clone(fresh);
    require(config != NULL);
    open_output(&mqtt, &ja_mqtt_sink);
    open_output(&os2l, &ja_os2l_sink);
    let_time_pass();
    do_lines((const char *)bytes, (const char *)bytes + size);
    close_output(&mqtt);
    close_output(&os2l);
    ja_config_free(config);
    return 0;
}
