/* Throws bytes at the readers of secrets: the file of the web's token, and the one with name and
 * password for an MQTT broker.
 *
 * What is refused must come with a sentence that tells nothing of what the file holds.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/mqtt_client.h"
#include "web/parts.h"

#include <fcntl.h>
#include <ja/config/config.h>
#include <ja/core/log.h>
#include <ja/core/loop.h>
#include <ja/sink/sinks.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char token_path[64], mqtt_path[64];

static void require(bool condition) {
    if (!condition)
        abort();
}

/* --- The broker's client, played here --- */

static char user[1024], password[1024];

const bool ja_mqtt_built_in = true;

enum ja_status ja_mqtt_new(struct ja_mqtt **client, const struct ja_mqtt_setup *setup,
                           struct ja_error *error) {
    (void)error;
    ja_text_copy(user, sizeof user, setup->user);
    ja_text_copy(password, sizeof password, setup->password);
    *client = (struct ja_mqtt *)user;
    return JA_OK;
}

void ja_mqtt_leave(struct ja_mqtt *client) {
    (void)client;
}

void ja_mqtt_free(struct ja_mqtt *client) {
    (void)client;
}

unsigned ja_mqtt_connections(struct ja_mqtt *client) {
    (void)client;
    return 0;
}

bool ja_mqtt_publish(struct ja_mqtt *client, const char *topic, const char *payload) {
    (void)client, (void)topic, (void)payload;
    return false;
}

/* The loop's timer is due at once: when MQTT connects. */
static ja_loop_timer_function *connect_anew;
static void *connect_data;

uint64_t ja_loop_at(struct ja_loop *loop, uint64_t due_us, ja_loop_timer_function *function,
                    void *data) {
    (void)loop, (void)due_us;
    connect_anew = function;
    connect_data = data;
    return 1;
}

void ja_loop_cancel(struct ja_loop *loop, uint64_t timer) {
    (void)loop, (void)timer;
}

/* --- Reading --- */

static void clean_up(void) {
    unlink(token_path);
    unlink(mqtt_path);
    rmdir(getenv("STATE_DIRECTORY"));
}

static void make_folder(void) {
    char folder[] = "/dev/shm/ja-fuzz-XXXXXX";
    ja_log_set_level(JA_LOG_ERROR);
    require(mkdtemp(folder) && setenv("STATE_DIRECTORY", folder, 1) == 0);
    snprintf(token_path, sizeof token_path, "%s/web-token", folder);
    snprintf(mqtt_path, sizeof mqtt_path, "%s/mqtt", folder);
    atexit(clean_up);
}

static void write_file(const char *path, const unsigned char *bytes, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

/* Made where there is none, and then kept. */
static void check_new_token(void) {
    char made[JA_API_TOKEN_BYTES], kept[JA_API_TOKEN_BYTES];
    struct ja_error error;
    static bool done;
    if (done)
        return;
    done = true;
    require(ja_token_get(made, &error) == JA_OK && ja_token_get(kept, &error) == JA_OK);
    require(!strcmp(made, kept));
    require(chmod(token_path, 0640) == 0 && ja_token_get(kept, &error) == JA_USAGE);
    require(chmod(token_path, 0600) == 0);
    char *folder = strdup(getenv("STATE_DIRECTORY"));
    require(folder && unsetenv("STATE_DIRECTORY") == 0 && unsetenv("XDG_STATE_HOME") == 0);
    require(unsetenv("HOME") == 0 && ja_token_get(kept, &error) == JA_FAILED);
    require(setenv("STATE_DIRECTORY", folder, 1) == 0);
    free(folder);
}

static void read_token(const unsigned char *bytes, size_t size) {
    char token[JA_API_TOKEN_BYTES];
    struct ja_error error = {""};
    if (ja_token_get(token, &error) == JA_OK)
        require(size >= sizeof token - 1 && !memcmp(token, bytes, sizeof token - 1) &&
                strspn(token, "0123456789abcdef") == sizeof token - 1);
    else
        require(strstr(error.text, token_path) != NULL);
}

/* Two lines, and perhaps an end of the second. */
static void check_credentials(const unsigned char *bytes, size_t size) {
    size_t first = strlen(user), second = strlen(password);
    require(first > 0 && second > 0 && size >= first + 1 + second);
    require(!memcmp(bytes, user, first) && bytes[first] == '\n');
    require(!memcmp(bytes + first + 1, password, second));
}

static void read_credentials(const unsigned char *bytes, size_t size) {
    static const struct ja_catalogue catalogue;
    static const struct ja_sink_host host = {.catalogue = &catalogue};
    const struct ja_module *module = ja_mqtt_sink.module;
    static struct ja_config *config;
    static void *settings;
    struct ja_error error = {""};
    char pair[128];
    if (!config) {
        config = ja_config_new(&module, 1);
        settings = calloc(1, module->settings_size);
        snprintf(pair, sizeof pair, "mqtt.t.credentials_file=%s", mqtt_path);
        require(config && settings &&
                ja_config_set_pair(config, JA_LAYER_FILE, pair, "fuzz", &error) == JA_OK);
        ja_config_fill(config, module, "t", settings);
    }
    struct ja_sink *sink = ja_sink_new(&ja_mqtt_sink, &host, "t", settings, &error);
    require(sink || strstr(error.text, mqtt_path));
    if (sink) {
        connect_anew(connect_data, 0);
        check_credentials(bytes, size);
    }
    ja_sink_free(sink);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    if (!token_path[0])
        make_folder();
    check_new_token();
    write_file(token_path, bytes, size);
    read_token(bytes, size);
    write_file(mqtt_path, bytes, size);
    read_credentials(bytes, size);
    return 0;
}
