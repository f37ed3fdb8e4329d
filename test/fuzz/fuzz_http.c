/* Throws requests and messages of WebSockets at the program's own service on the web, with a token
 * and without: every request gets one answer, every answer is JSON or a file of the page, and
 * without the token none tells anything.
 *
 * Lines: method, path, query, authorization, host, origin; the rest is the body. The method WS
 * opens a WebSocket and says the body's lines.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "web_stub.h"

#include "web/parts.h"

#include <fcntl.h>
#include <ja/core/json.h>
#include <ja/core/log.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FREE, GUARDED, LINES = 6, LINE_BYTES = 1024 };

static const char token[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* --- The program behind it --- */

static unsigned read_for(void *data, const char *what, struct ja_text *text,
                         struct ja_error *error) {
    struct ja_json json;
    (void)data;
    ja_json_init(&json, text);
    if (strstr(what, "none")) {
        ja_fail(error, JA_USAGE, "there is no %.100s", what);
        return 404;
    }
    ja_json_begin_array(&json);
    for (int i = 0; i < (strcmp(what, "ports") ? 1 : 4500); i++)
        ja_json_string(&json, what);
    ja_json_end_array(&json);
    return 200;
}

static enum ja_status get(void *data, const char *option, struct ja_text *reply) {
    (void)data;
    ja_text_put(reply, option);
    return strstr(option, "none") ? JA_USAGE : JA_OK;
}

static enum ja_status set(void *data, const char *option, const char *value,
                          struct ja_text *reply) {
    (void)data, (void)option;
    ja_text_put(reply, value);
    return value[0] == 'x' ? JA_USAGE : JA_OK;
}

static enum ja_status mute(void *data, const char *output, bool wish, struct ja_text *reply) {
    (void)data, (void)output, (void)wish;
    ja_text_put(reply, "cannot");
    return JA_FAILED;
}

static enum ja_status steer(void *data, const char *stream, const char *command,
                            struct ja_text *reply) {
    (void)data, (void)stream;
    ja_text_put(reply, command);
    return JA_OK;
}

/* --- Its files: the token, a small page, a preset --- */

static char folder[] = "/dev/shm/ja-fuzz-XXXXXX";
static int home = -1; /* where it was started */

static const struct {
    const char *name, *text; /* a folder has no text */
} files[] = {
    {"web-token", token},
    {"page", NULL},
    {"page/index.html", "<!doctype html>"},
    {"page/page.css", "* {}"},
    {"page/page.js", "'use strict';"},
    {"page/icon.svg", "<svg/>"},
    {"page/empty.txt", ""},
    {"presets", NULL},
    {"presets/genre", NULL},
    {"presets/genre/one.conf",
     "preset: { name = \"one\"; kind = \"genre\"; description = \"One.\"; };\n"},
    {"presets/genre/two.conf", "is none"},
};
enum { FILES = sizeof files / sizeof files[0] };

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    require(file && fputs(text, file) >= 0 && fchmod(fileno(file), 0600) == 0 && !fclose(file));
}

static void remove_files(void) {
    require(chdir(folder) == 0);
    for (int i = FILES - 1; i >= 0; i--)
        remove(files[i].name);
    rmdir(folder);
}

static void write_files(void) {
    home = open(".", O_RDONLY | O_DIRECTORY);
    require(home >= 0 && mkdtemp(folder) && chdir(folder) == 0);
    require(setenv("STATE_DIRECTORY", folder, 1) == 0 && setenv("XDG_CONFIG_HOME", folder, 1) == 0);
    for (int i = 0; i < FILES; i++) {
        if (files[i].text)
            write_file(files[i].name, files[i].text);
        else
            require(mkdir(files[i].name, 0700) == 0);
    }
    atexit(remove_files);
}

static struct ja_api *open_api(const char *address) {
    static const char *const streams[] = {"main", "desk"};
    static const struct ja_operator hand = {.get = get, .set = set, .mute = mute};
    static const struct ja_catalogue catalogue; /* of nothing: no outputs */
    static const struct ja_api_host host = {.operator= & hand,
                                            .catalogue = &catalogue,
                                            .streams = streams,
                                            .stream_count = 2,
                                            .steer = steer,
                                            .read = read_for};
    struct ja_api_settings settings = {.enable = true, .port = 8090, .clients = 2};
    struct ja_api *api;
    struct ja_error error;
    snprintf(settings.address, sizeof settings.address, "%s", address);
    snprintf(settings.root, sizeof settings.root, "%s/page", folder);
    require(ja_api_open(&api, &stub_web, &settings, &host, &error) == JA_OK);
    return api;
}

static void open_services(void) {
    ja_log_set_level(JA_LOG_ERROR);
    write_files();
    open_api("127.0.0.1");
    struct ja_api *guarded = open_api("0.0.0.0");
    require(!strcmp(guarded->token, token));
}

/* --- One caller --- */

static void tell(struct ja_api *api) {
    struct ja_event event = {.type = JA_EVENT_STATE, .time = 1, .emitted = 1};
    event.state.state = "silent";
    snprintf(event.state.reason, sizeof event.state.reason, "\xff\"");
    ja_api_event(api, "main", &event);
    event = (struct ja_event){.type = JA_EVENT_BEAT, .time = 2, .beat = {.bpm = 120}};
    ja_api_event(api, "desk", &event);
    event = (struct ja_event){.type = JA_EVENT_SCORE, .score = {.kind = "energy"}};
    ja_api_event(api, "main", &event);
    ja_api_operator(api, "{}", 2);
    ja_api_frame(api, "main", &(struct ja_frame){.time = event.time});
    ja_api_metrics(api, "main", "{}", 2);
}

static void talk(const struct ja_web_service *service, const struct ja_web_request *request) {
    struct ja_web_client client = {.is_socket = true};
    const char *at = request->body, *end = at + request->size;
    unsigned status = service->admit(service->data, request);
    if (status) {
        require(status >= 400 && status < 600);
        return;
    }
    bool is_bus = !strcmp(request->path, "/api/v1/events");
    bool is_open = service->open(service->data, &client, request);
    require(is_open || !is_bus);
    for (const char *next = at; is_open && !client.is_closed && at < end; at = next + 1) {
        next = memchr(at, '\n', (size_t)(end - at));
        next = next ? next : end;
        unsigned before = client.answers;
        service->heard(service->data, &client, *at != 1, at, (size_t)(next - at));
        require(client.answers == before + 1 || !is_bus);
    }
    tell(service->data);
    service->closed(service->data, &client);
}

static void ask(const struct ja_web_service *service, const struct ja_web_request *request) {
    struct ja_web_client client = {.is_socket = false};
    service->request(service->data, &client, request);
    require(client.answers == 1);
    bool told = client.status == 200 &&
                (!strncmp(request->path, "/api/", 5) || !strncmp(request->path, "/metrics", 8));
    if (service == &stub_web.services[GUARDED] && told)
        require(strstr(request->query, token) || strstr(request->authorization, token));
    service->closed(service->data, &client);
}

/* The next line; what is left begins behind it. */
static void take_line(const char **at, const char *end, char line[LINE_BYTES]) {
    size_t length = 0;
    while (*at < end && **at != '\n' && **at && length < LINE_BYTES - 1)
        line[length++] = *(*at)++;
    line[length] = '\0';
    *at += *at < end;
}

static void check_caller(const char *host, const char *origin) {
    static const char names[] = "stage\0";
    size_t length = strlen(host), all = strlen(origin);
    if (ja_web_host_is_ours(host, names) && ja_web_origin_is_ours(origin, host))
        require(all > length && !strcasecmp(origin + all - length, host));
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "WS"};
    static char lines[LINES][LINE_BYTES];
    const char *at = (const char *)bytes, *end = at + size;
    if (!stub_web.count)
        open_services();
    require(chdir(folder) == 0); /* away from the presets that come with the program */
    for (int i = 0; i < LINES; i++)
        take_line(&at, end, lines[i]);
    struct ja_web_request request = {.method = methods[0],
                                     .path = lines[1],
                                     .query = lines[2],
                                     .authorization = lines[3],
                                     .size = (size_t)(end - at)};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (!strcmp(lines[0], methods[i]))
            request.method = methods[i];
    char *body = malloc(request.size + 1); /* its end is watched to the byte */
    require(body != NULL);
    memcpy(body, at, request.size);
    body[request.size] = '\0';
    request.body = body;
    check_caller(lines[4], lines[5]);
    for (int i = FREE; i <= GUARDED && request.path[0] == '/'; i++) {
        if (!strcmp(request.method, "WS"))
            talk(&stub_web.services[i], &request);
        else
            ask(&stub_web.services[i], &request);
    }
    free(body);
    require(fchdir(home) == 0);
    return 0;
}
