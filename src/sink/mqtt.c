/* What the music is like now, for home automation: a few values that an MQTT broker keeps, told
 * when they change and at most once a second.
 *
 * TOPIC/NAME/bpm, key, section, state, playing, energy, and TOPIC/NAME/status: online, or offline
 * as the last will. After each connection everything is told anew, before it what Home Assistant
 * needs to show it ("MQTT discovery" in its documentation; there "None" is an unknown value). When
 * settings change the connection ends, and the next one is made when they have been left alone.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "mqtt_client.h"

#include <ja/core/clock.h>
#include <ja/core/json.h>
#include <ja/core/log.h>
#include <ja/core/regular.h>
#include <ja/sink/sinks.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    TOPIC = 256,
    PAYLOAD = 2048,
    VALUE = 64,
    SECRETS = 1024,
    CALM_US = 1000 * JA_MQTT_GOODBYE_MS, /* from the last change of a setting to the connection */
    AGAIN_US = 10000000,                 /* and when there was no memory for it, or no thread */
};

struct mqtt_settings {
    bool enable;
    char host[256];
    int port;
    char topic[128];
    char stream[64];
    char ca_file[1024];
    char credentials_file[1024];
    char discovery[128];
};

enum { BPM, KEY, SECTION, STATE, PLAYING, ENERGY, FIELDS };

/* How Home Assistant shows it; NULL: nothing to say. */
static const struct field {
    const char *topic, *component, *label, *icon, *unit, *kind;
} fields[FIELDS] = {
    [BPM] = {"bpm", "sensor", "Tempo", "mdi:metronome", "BPM", "measurement"},
    [KEY] = {"key", "sensor", "Key", "mdi:music-clef-treble", NULL, NULL},
    [SECTION] = {"section", "sensor", "Section", "mdi:playlist-music", NULL, NULL},
    [STATE] = {"state", "sensor", "State", "mdi:ear-hearing", NULL, NULL},
    [PLAYING] = {"playing", "binary_sensor", "Playing", "mdi:music", NULL, NULL},
    [ENERGY] = {"energy", "sensor", "Energy", "mdi:lightning-bolt", NULL, "measurement"},
};

struct mqtt {
    struct ja_mqtt *client;                          /* NULL when not enabled */
    uint64_t timer;                                  /* of the next one; 0: this one is to stay */
    char owner[80];                                  /* "mqtt NAME", for messages */
    char id[TOPIC];                                  /* of the device in Home Assistant */
    const struct ja_catalogue_entry *tempo, *energy; /* NULL: no stage makes it */
    unsigned connections;                            /* when everything was last told */
    char now[FIELDS][VALUE], told[FIELDS][VALUE];
};

#define S struct mqtt_settings
static const struct ja_option options[] = {
    JA_OPTION_BOOL(S, enable, "enable", "true", JA_LIVE, "Send to this broker."),
    JA_OPTION_STRING(S, host, "host", "127.0.0.1", JA_LIVE, "Host name or address of the broker."),
    JA_OPTION_INT(S, port, "port", "1883", 1, 65535, NULL, JA_LIVE,
                  "TCP port it listens on; 8883 is usual for TLS."),
    JA_OPTION_STRING(S, topic, "topic", "jack-analyzer", JA_LIVE,
                     "Topics begin with this and the name of the group."),
    JA_OPTION_STRING(S, stream, "stream", "main", JA_LIVE, "Stream that is told about."),
    JA_OPTION_STRING(S, ca_file, "ca_file", "", JA_LIVE,
                     "File of the certificates to trust (PEM), which switches TLS on; "
                     "/etc/ssl/certs/ca-certificates.crt has the usual ones."),
    JA_OPTION_STRING(S, credentials_file, "credentials_file", "", JA_LIVE,
                     "File with the user's name in its first line and the password in the second, "
                     "which nobody else may read (chmod 600); empty: none are needed."),
    JA_OPTION_STRING(S, discovery, "discovery", "homeassistant", JA_LIVE,
                     "Topic under which Home Assistant looks for new devices; empty: it is not "
                     "told."),
};
#undef S

static const struct ja_module module = {
    .name = "mqtt",
    .help = "An MQTT broker that keeps tempo, key, section, state and energy, for home automation.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct mqtt_settings),
    .named = true,
};

/* --- What is known --- */

static void know(struct mqtt *mqtt, int field, const char *word) {
    ja_text_copy(mqtt->now[field], VALUE, word ? word : "None");
}

/* `steps`: to how small a part of one it is told. */
static void know_number(struct mqtt *mqtt, int field, double value, double steps) {
    struct ja_text text;
    struct ja_json number;
    if (!isfinite(value)) {
        know(mqtt, field, NULL);
        return;
    }
    ja_text_init(&text, mqtt->now[field], VALUE);
    ja_json_init(&number, &text); /* for its decimal point */
    ja_json_number(&number, round(value * steps) / steps);
}

static void know_nothing(struct mqtt *mqtt) {
    for (int i = 0; i < FIELDS; i++)
        know(mqtt, i, i == PLAYING ? "OFF" : NULL);
}

static void know_state(struct mqtt *mqtt, const char *state) {
    static const char *const music[] = {"learning", "locked", "flywheel", "lost"};
    const char *playing = "OFF";
    for (size_t i = 0; i < sizeof music / sizeof music[0]; i++)
        if (strcmp(state, music[i]) == 0)
            playing = "ON";
    know(mqtt, STATE, state);
    know(mqtt, PLAYING, playing);
}

static bool is_told(const struct ja_sink *sink, const struct ja_tap *tap) {
    const struct mqtt_settings *settings = sink->settings;
    return strcmp(tap->name, settings->stream) == 0;
}

static void mqtt_frame(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_frame *frame) {
    struct mqtt *mqtt = sink->state;
    if (!is_told(sink, tap))
        return;
    if (mqtt->tempo)
        know_number(mqtt, BPM, frame->values[mqtt->tempo->first], 10);
    if (mqtt->energy)
        know_number(mqtt, ENERGY, frame->values[mqtt->energy->first], 100);
}

static void mqtt_event(struct ja_sink *sink, const struct ja_tap *tap,
                       const struct ja_event *event) {
    struct mqtt *mqtt = sink->state;
    if (!is_told(sink, tap))
        return;
    if (event->type == JA_EVENT_KEY)
        know(mqtt, KEY, event->key.key);
    if (event->type == JA_EVENT_SECTION)
        know(mqtt, SECTION, event->section.label);
    if (event->type == JA_EVENT_STATE)
        know_state(mqtt, event->state.state);
}

/* --- Telling --- */

static void write_topic(const struct ja_sink *sink, const char *last, char topic[TOPIC]) {
    const struct mqtt_settings *settings = sink->settings;
    struct ja_text text;
    ja_text_init(&text, topic, TOPIC);
    ja_text_format(&text, "%s/%s/%s", settings->topic, sink->name, last);
}

static bool publish(struct ja_sink *sink, const char *topic, const char *payload) {
    struct mqtt *mqtt = sink->state;
    bool sent = ja_mqtt_publish(mqtt->client, topic, payload);
    if (sent)
        sink->sent++;
    else
        sink->failed++;
    return sent;
}

static void put(struct ja_json *json, const char *key, const char *value) {
    if (!value)
        return;
    ja_json_put_string(json, key, value);
}

static void describe(const struct ja_sink *sink, const struct field *field, struct ja_json *json) {
    const struct mqtt *mqtt = sink->state;
    char topic[TOPIC], id[TOPIC + 16], device[96];
    snprintf(id, sizeof id, "%s_%s", mqtt->id, field->topic);
    snprintf(device, sizeof device, "jack-analyzer %s", sink->name);
    ja_json_begin_object(json);
    put(json, "name", field->label);
    put(json, "unique_id", id);
    write_topic(sink, field->topic, topic);
    put(json, "state_topic", topic);
    write_topic(sink, "status", topic);
    put(json, "availability_topic", topic);
    put(json, "icon", field->icon);
    put(json, "unit_of_measurement", field->unit);
    put(json, "state_class", field->kind);
    ja_json_key(json, "device");
    ja_json_begin_object(json);
    ja_json_key(json, "identifiers");
    ja_json_begin_array(json);
    ja_json_string(json, mqtt->id);
    ja_json_end_array(json);
    put(json, "name", device);
    put(json, "sw_version", JA_VERSION);
    ja_json_end_object(json);
    ja_json_end_object(json);
}

static void introduce(struct ja_sink *sink) {
    const struct mqtt *mqtt = sink->state;
    const struct mqtt_settings *settings = sink->settings;
    for (int i = 0; i < FIELDS && settings->discovery[0]; i++) {
        char topic[2 * TOPIC], payload[PAYLOAD];
        struct ja_text text;
        struct ja_json json;
        snprintf(topic, sizeof topic, "%s/%s/%s/%s/config", settings->discovery,
                 fields[i].component, mqtt->id, fields[i].topic);
        ja_text_init(&text, payload, sizeof payload);
        ja_json_init(&json, &text);
        describe(sink, &fields[i], &json);
        if (!text.full)
            publish(sink, topic, payload);
    }
}

/* After a connection: the broker may be another one. */
static void tell_all(struct ja_sink *sink) {
    struct mqtt *mqtt = sink->state;
    char topic[TOPIC];
    introduce(sink);
    memset(mqtt->told, 0, sizeof mqtt->told);
    write_topic(sink, "status", topic);
    publish(sink, topic, "online");
}

static void mqtt_second(struct ja_sink *sink) {
    struct mqtt *mqtt = sink->state;
    if (!mqtt->client || mqtt->timer || sink->mute)
        return;
    unsigned connections = ja_mqtt_connections(mqtt->client);
    if (connections != mqtt->connections)
        tell_all(sink);
    mqtt->connections = connections;
    for (int i = 0; i < FIELDS && connections > 0; i++) {
        char topic[TOPIC];
        if (strcmp(mqtt->now[i], mqtt->told[i]) == 0)
            continue;
        write_topic(sink, fields[i].topic, topic);
        if (!publish(sink, topic, mqtt->now[i]))
            break; /* without a connection; all is told with the next one */
        ja_text_copy(mqtt->told[i], VALUE, mqtt->now[i]);
    }
}

/* --- On and off --- */

struct credentials {
    char user[SECRETS], password[SECRETS];
};

/* Cuts the first line off; false when it does not fit or there is none. */
static bool take_line(char **rest, char line[SECRETS]) {
    size_t length = strcspn(*rest, "\n");
    if (length == 0 || length >= SECRETS)
        return false;
    memcpy(line, *rest, length);
    line[length] = '\0';
    *rest += length + ((*rest)[length] == '\n');
    return true;
}

static enum ja_status read_credentials(const struct ja_sink *sink, struct credentials *credentials,
                                       struct ja_error *error) {
    const struct mqtt_settings *settings = sink->settings;
    const char *path = settings->credentials_file;
    char bytes[2 * SECRETS], *rest = bytes;
    *credentials = (struct credentials){"", ""};
    if (!path[0])
        return JA_OK;
    struct ja_error reason;
    ssize_t size = ja_regular_read(path, JA_REGULAR_SECRET, bytes, sizeof bytes - 1, &reason);
    if (size < 0)
        return ja_fail(error, JA_USAGE, "mqtt.%s.credentials_file: %s: %s", sink->name, path,
                       reason.text);
    bytes[size] = '\0';
    if (!take_line(&rest, credentials->user) || !take_line(&rest, credentials->password) || *rest)
        return ja_fail(error, JA_USAGE,
                       "mqtt.%s.credentials_file: %s must hold two lines of at most %d bytes, "
                       "the user's name and the password",
                       sink->name, path, SECRETS - 1);
    return JA_OK;
}

/* The library would open anything, and wait for it. */
static enum ja_status check_certificates(const struct ja_sink *sink, struct ja_error *error) {
    const struct mqtt_settings *settings = sink->settings;
    struct ja_error reason;
    int fd = settings->ca_file[0] ? ja_regular_open(settings->ca_file, 0, &reason) : -1;
    if (settings->ca_file[0] && fd < 0)
        return ja_fail(error, JA_USAGE, "mqtt.%s.ca_file: %s: %s", sink->name, settings->ca_file,
                       reason.text);
    if (fd >= 0)
        close(fd);
    return JA_OK;
}

/* Or a broker ends the connection. */
static bool is_topic(const char *text) {
    for (size_t length; *text; text += length) {
        length = ja_text_character(text);
        if (length == 0 || strchr("+#", *text))
            return false;
    }
    return true;
}

static enum ja_status mqtt_check(const struct ja_sink *sink, struct ja_error *error) {
    const struct mqtt_settings *settings = sink->settings;
    if (!settings->enable)
        return JA_OK;
    if (!ja_mqtt_built_in)
        return ja_fail(error, JA_USAGE,
                       "mqtt.%s.enable: this jack-analyzer is built without MQTT; build it with "
                       "the package libmosquitto-dev",
                       sink->name);
    if (!settings->topic[0] || !is_topic(settings->topic))
        return ja_fail(error, JA_USAGE,
                       "mqtt.%s.topic = \"%s\": must be UTF-8 without + and #, and not empty",
                       sink->name, settings->topic);
    if (!is_topic(settings->discovery))
        return ja_fail(error, JA_USAGE, "mqtt.%s.discovery = \"%s\": must be UTF-8 without + and #",
                       sink->name, settings->discovery);
    return check_certificates(sink, error);
}

static enum ja_status make_client(const struct ja_sink *sink, struct ja_mqtt **client,
                                  struct ja_error *error) {
    const struct mqtt *mqtt = sink->state;
    const struct mqtt_settings *settings = sink->settings;
    struct credentials credentials;
    char topic[TOPIC];
    write_topic(sink, "status", topic);
    struct ja_mqtt_setup setup = {
        .owner = mqtt->owner,
        .host = settings->host,
        .port = settings->port,
        .ca_file = settings->ca_file,
        .user = credentials.user,
        .password = credentials.password,
        .status_topic = topic,
    };
    enum ja_status status = read_credentials(sink, &credentials, error);
    if (status == JA_OK)
        status = ja_mqtt_new(client, &setup, error);
    return status;
}

/* The device's name where only letters, digits, _ and - may stand. */
static void make_id(struct mqtt *mqtt, const struct ja_sink *sink) {
    const struct mqtt_settings *settings = sink->settings;
    snprintf(mqtt->id, sizeof mqtt->id, "%s_%s", settings->topic, sink->name);
    for (char *c = mqtt->id; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-')
            *c = '_';
}

static void connect_anew(void *data, uint64_t due_us) {
    struct ja_sink *sink = data;
    struct mqtt *mqtt = sink->state;
    const struct mqtt_settings *settings = sink->settings;
    struct ja_error error;
    (void)due_us;
    mqtt->timer = 0;
    ja_mqtt_free(mqtt->client);
    mqtt->client = NULL;
    mqtt->connections = 0;
    make_id(mqtt, sink);
    if (settings->enable && make_client(sink, &mqtt->client, &error) != JA_OK) {
        ja_log(JA_LOG_WARNING, "%s; trying again", error.text);
        mqtt->timer = ja_loop_at(sink->host->loop, ja_clock_us() + AGAIN_US, connect_anew, sink);
    }
}

static enum ja_status connect_soon(struct ja_sink *sink, struct ja_error *error) {
    struct mqtt *mqtt = sink->state;
    const struct mqtt_settings *settings = sink->settings;
    struct ja_loop *loop = sink->host->loop;
    struct credentials unused;
    if (settings->enable && read_credentials(sink, &unused, error) != JA_OK)
        return JA_FAILED;
    uint64_t timer = ja_loop_at(loop, ja_clock_us() + CALM_US, connect_anew, sink);
    if (!timer)
        return ja_fail(error, JA_FAILED, "%s: no memory", mqtt->owner);
    if (mqtt->timer)
        ja_loop_cancel(loop, mqtt->timer);
    else if (mqtt->client)
        ja_mqtt_leave(mqtt->client);
    mqtt->timer = timer;
    return JA_OK;
}

static enum ja_status mqtt_open(struct ja_sink *sink, struct ja_error *error) {
    struct mqtt *mqtt = sink->state;
    snprintf(mqtt->owner, sizeof mqtt->owner, "mqtt %s", sink->name);
    mqtt->tempo = ja_catalogue_find(sink->host->catalogue, "tempo");
    mqtt->energy = ja_catalogue_find(sink->host->catalogue, "energy");
    know_nothing(mqtt);
    return connect_soon(sink, error);
}

static enum ja_status mqtt_configure(struct ja_sink *sink, const void *former,
                                     struct ja_error *error) {
    const struct mqtt_settings *before = former, *now = sink->settings;
    enum ja_status status = connect_soon(sink, error);
    if (status == JA_OK && strcmp(before->stream, now->stream) != 0)
        know_nothing(sink->state);
    return status;
}

static void mqtt_close(struct ja_sink *sink) {
    struct mqtt *mqtt = sink->state;
    ja_loop_cancel(sink->host->loop, mqtt->timer);
    ja_mqtt_free(mqtt->client);
}

const struct ja_sink_class ja_mqtt_sink = {
    .module = &module,
    .state_size = sizeof(struct mqtt),
    .live_only = true,
    .check = mqtt_check,
    .open = mqtt_open,
    .frame = mqtt_frame,
    .event = mqtt_event,
    .second = mqtt_second,
    .configure = mqtt_configure,
    .close = mqtt_close,
};
