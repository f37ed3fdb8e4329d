/* The web service's end in the main thread: opens it, writes what it hands out, runs what it asks.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <ja/core/json.h>
#include <ja/core/log.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    HELLO_BYTES = 60 * 1024,
    REPLY_BYTES = 4096,                   /* of a command */
    ANSWER_BYTES = 6 * REPLY_BYTES + 512, /* the same in JSON, at worst */
    READ_BYTES = 32 * 1024,
    MOST_READ_BYTES = 4 << 20,
};

static const char json_type[] = "application/json";

#define S struct ja_api_settings
static const struct ja_option web_options[] = {
    JA_OPTION_BOOL(S, enable, "enable", "true", JA_START, "Serve the page, HTTP and WebSocket."),
    JA_OPTION_STRING(S, address, "address", "127.0.0.1", JA_START,
                     "Numeric address to listen on; with any other than this machine's own, 127.… "
                     "or ::1, a token is needed to ask or steer."),
    JA_OPTION_INT(S, port, "port", "8090", 1, 65535, NULL, JA_START, "TCP port to listen on."),
    JA_OPTION_LIST(S, hosts, "hosts", "", JA_START,
                   "Names by which browsers may call this machine, besides its own name, localhost "
                   "and any numeric address."),
    JA_OPTION_STRING(
        S, cert, "cert", "", JA_START,
        "File of a certificate, with those above it, in PEM format: then https and wss "
        "are spoken and nothing else (--make-cert makes one)."),
    JA_OPTION_STRING(S, key, "key", "", JA_START,
                     "File of its private key, in PEM format, without a passphrase."),
    JA_OPTION_INT(S, hsts_days, "hsts_days", "0", 0, 730, "days", JA_START,
                  "With TLS: for so long browsers are told to use it alone with this host, on "
                  "every port; for certificates that need no exception."),
    JA_OPTION_STRING(S, root, "root", "", JA_START,
                     "Folder of the page's files; empty: the one that was installed."),
    JA_OPTION_INT(S, clients, "clients", "128", 1, 400, NULL, JA_START,
                  "Most WebSockets at a time."),
    JA_OPTION_INT(S, streams, "streams", "50", 0, JA_WEB_STREAMS, NULL, JA_START,
                  "Most streams at a time that take their sound by WebSocket; 0: none."),
    JA_OPTION_LIST(S, outputs, "outputs", "", JA_START,
                   "Streams that take their sound by WebSocket whose results go to the outputs, "
                   "too, by OSC below /ja/NAME."),
    JA_OPTION_CHOICE(S, level, "level", "auto", ja_governor_levels, JA_START,
                     "How much is analysed of streams that take their sound by WebSocket; auto: as "
                     "much as the machine has time for."),
    JA_OPTION_INT(S, backlog_chunks, "backlog_chunks", "100", 1, 10000, NULL, JA_START,
                  "Most messages of sound of one stream that wait to be analysed; then the oldest "
                  "is given up."),
    JA_OPTION_INT(S, audio_bytes, "audio_bytes", "1048576", 32000, 16777216, "bytes", JA_START,
                  "Most sound of one stream in a second; who sends more is left."),
    JA_OPTION_INT(S, resume_s, "resume_s", "10", 0, 3600, "s", JA_START,
                  "How long a stream waits for its sender to come back."),
    JA_OPTION_INT(S, idle_s, "idle_s", "1800", 1, 86400, "s", JA_START,
                  "After how long without sound a stream that takes it by WebSocket ends."),
};
#undef S

const struct ja_module ja_web_module = {
    .name = "web",
    .help = "The page in the browser, HTTP and WebSocket.",
    .options = web_options,
    .option_count = sizeof web_options / sizeof web_options[0],
    .settings_size = sizeof(struct ja_api_settings),
};

/* --- Answers --- */

static void tell_answer(struct ja_api *api, uint64_t client, unsigned status, const char *type,
                        char *body, size_t size) {
    const struct ja_told told = {.kind = JA_TOLD_ANSWER,
                                 .client = client,
                                 .status = status,
                                 .type = type,
                                 .body = body,
                                 .size = size};
    if (body && ja_web_tell(api->web, api->service, &told, sizeof told))
        return;
    api->lost++;
    free(body);
}

static void tell_error(struct ja_api *api, uint64_t client, unsigned status, const char *sentence) {
    char *text = malloc(ANSWER_BYTES);
    size_t size = text ? ja_error_write(status, sentence, text, ANSWER_BYTES) : 0;
    tell_answer(api, client, status, json_type, text, size);
}

/* The answer to "what", with as much room as it needs. */
static void read_for(struct ja_api *api, uint64_t client, const char *what) {
    struct ja_error error = {"the answer is too long"};
    struct ja_text text = {.full = true};
    unsigned status = 503;
    for (size_t room = READ_BYTES; text.full && room <= MOST_READ_BYTES; room *= 2) {
        free(text.data);
        char *buffer = malloc(room);
        text = (struct ja_text){.data = buffer};
        if (!buffer)
            break;
        ja_text_init(&text, buffer, room);
        status = api->host.read(api->host.data, what, &text, &error);
    }
    if (!text.data || text.full || status != 200) {
        free(text.data);
        tell_error(api, client, status == 200 ? 503 : status, error.text);
        return;
    }
    bool is_plain = !strcmp(what, "metrics");
    tell_answer(api, client, status,
                is_plain ? "text/plain; version=0.0.4; charset=utf-8" : json_type, text.data,
                text.length);
}

/* `wait` may be NULL: then nothing is put off for an answer. */
static enum ja_status run(struct ja_api *api, const struct ja_web_call *call,
                          struct ja_waiter *(*wait)(void *asking), void *asking,
                          struct ja_text *reply) {
    struct ja_argument arguments[JA_WEB_ARGUMENTS];
    struct ja_operator who = *api->host.operator;
    who.wait = wait;
    who.asking = asking;
    ja_web_call_arguments(call, arguments);
    return ja_command_run(&who, call->name, arguments, call->count, reply);
}

static void begin_ack(struct ja_json *json, const struct ja_web_message *message) {
    ja_json_begin_object(json);
    ja_json_put_string(json, "type", "ack");
    if (message->has_id)
        ja_json_put_integer(json, "id", message->id);
    ja_json_put_string(json, "command", message->call.name);
}

static void end_ack(struct ja_json *json, bool fine, const char *sentence) {
    ja_json_put_bool(json, "ok", fine);
    ja_json_put_string(json, "text", sentence);
    ja_json_end_object(json);
}

static void answer_command(struct ja_api *api, const struct ja_asked *asked, enum ja_status status,
                           const char *reply) {
    struct ja_text text;
    struct ja_json json;
    if (asked->kind == JA_ASKED_POST && status != JA_OK) {
        tell_error(api, asked->client, status == JA_USAGE ? 400 : 503, reply);
        return;
    }
    char *buffer = malloc(ANSWER_BYTES);
    if (!buffer)
        return;
    ja_text_init(&text, buffer, ANSWER_BYTES);
    ja_json_init(&json, &text);
    begin_ack(&json, &asked->message);
    end_ack(&json, status == JA_OK, reply);
    tell_answer(api, asked->client, 200, json_type, text.data, text.length);
}

struct waiter {
    struct ja_waiter waiter;
    struct ja_api *api;
    struct ja_asked asked;
};

/* One command while it is run. */
struct asking {
    struct ja_api *api;
    const struct ja_asked *asked;
    bool put_off;
};

static void answer_waiter(struct ja_waiter *answered, enum ja_status status, const char *text) {
    struct waiter *waiter = (struct waiter *)answered;
    answer_command(waiter->api, &waiter->asked, status, text);
    free(waiter);
}

static struct ja_waiter *wait_for_answer(void *data) {
    struct asking *asking = data;
    struct waiter *waiter = malloc(sizeof *waiter);
    if (!waiter)
        return NULL;
    waiter->waiter.answer = answer_waiter;
    waiter->api = asking->api;
    waiter->asked = *asking->asked;
    asking->put_off = true;
    return &waiter->waiter;
}

static void run_command(struct ja_api *api, const struct ja_asked *asked) {
    char answer[REPLY_BYTES];
    struct ja_text reply;
    struct asking asking = {api, asked, false};
    ja_text_init(&reply, answer, sizeof answer);
    enum ja_status status = run(api, &asked->message.call, wait_for_answer, &asking, &reply);
    if (!asking.put_off)
        answer_command(api, asked, status, answer);
}

/* What is behind a path, as "data"; null and a sentence when there is nothing. */
static bool put_data(struct ja_api *api, const char *what, struct ja_json *json,
                     struct ja_error *error) {
    ja_json_key(json, "data");
    const struct ja_text before = *json->text;
    if (api->host.read(api->host.data, what, json->text, error) == 200) {
        json->comma = true;
        return true;
    }
    *json->text = before; /* without what may have been begun */
    ja_json_string(json, NULL);
    return false;
}

/* A command about one stream. */
static void run_control(struct ja_api *api, const struct ja_asked *asked) {
    char answer[REPLY_BYTES] = "", what[sizeof asked->what + 16], *buffer = malloc(READ_BYTES);
    const char *name = asked->message.call.name;
    struct ja_error error = {""};
    struct ja_text reply, text, path;
    struct ja_json json;
    bool fine;
    if (!buffer)
        return;
    ja_text_init(&reply, answer, sizeof answer);
    ja_text_init(&path, what, sizeof what);
    ja_text_init(&text, buffer, READ_BYTES);
    ja_json_init(&json, &text);
    begin_ack(&json, &asked->message);
    if (!strcmp(name, "get_stats")) {
        ja_text_format(&path, "stream/stats/%s", asked->what);
        fine = put_data(api, what, &json, &error);
    } else if (!strcmp(name, "list_streams")) {
        fine = put_data(api, "stream/list", &json, &error);
    } else {
        fine = api->host.steer(api->host.data, asked->what, name, &reply) == JA_OK;
    }
    end_ack(&json, fine, error.text[0] ? error.text : answer);
    tell_answer(api, asked->client, 200, json_type, text.data, text.length);
}

/* First whether there is such an option: that is another error than a wrong value. */
static void set_option(struct ja_api *api, const struct ja_asked *asked) {
    struct ja_web_call get = asked->message.call;
    char answer[REPLY_BYTES], what[sizeof asked->what];
    struct ja_text reply, path;
    ja_text_copy(get.name, sizeof get.name, "get");
    get.count = 1;
    ja_text_init(&reply, answer, sizeof answer);
    if (run(api, &get, NULL, NULL, &reply) != JA_OK) {
        tell_error(api, asked->client, 404, answer);
        return;
    }
    ja_text_init(&reply, answer, sizeof answer);
    enum ja_status status = run(api, &asked->message.call, NULL, NULL, &reply);
    ja_text_init(&path, what, sizeof what);
    ja_text_format(&path, "options/%s", get.strings);
    if (status != JA_OK)
        tell_error(api, asked->client, status == JA_USAGE ? 400 : 503, answer);
    else
        read_for(api, asked->client, what);
}

static void take_guests(struct ja_api *api, const void *bytes, size_t size) {
    static struct ja_asked_guests asked; /* one main thread */
    memcpy(&asked, bytes, size);
    api->known = asked.guests;
}

static void take_result(struct ja_api *api, const void *bytes, size_t size) {
    static union {
        struct ja_asked_result head;
        unsigned char bytes[JA_WEB_MESSAGE_BYTES];
    } asked; /* one main thread */
    memcpy(&asked, bytes, size);
    if (asked.head.kind == JA_ASKED_EVENT)
        api->host.guest_event(api->host.data, asked.head.stream, (const void *)asked.head.result);
    else
        api->host.guest_frame(api->host.data, asked.head.stream, (const void *)asked.head.result);
}

static void asked(void *data, const void *bytes, size_t size) {
    static struct ja_asked asked; /* one main thread */
    struct ja_api *api = data;
    enum ja_asked_kind kind;
    memcpy(&kind, bytes, sizeof kind);
    if (kind == JA_ASKED_GUESTS) {
        take_guests(api, bytes, size);
        return;
    }
    if (kind == JA_ASKED_EVENT || kind == JA_ASKED_FRAME) {
        take_result(api, bytes, size);
        return;
    }
    memcpy(&asked, bytes, sizeof asked);
    switch (asked.kind) {
    case JA_ASKED_READ:
        read_for(api, asked.client, asked.what);
        break;
    case JA_ASKED_OPTION:
        set_option(api, &asked);
        break;
    case JA_ASKED_COMMAND:
    case JA_ASKED_POST:
        run_command(api, &asked);
        break;
    case JA_ASKED_CONTROL:
        run_control(api, &asked);
        break;
    default:
        break;
    }
}

/* --- What is handed out --- */

static unsigned place_of(const struct ja_api *api, const char *stream) {
    for (unsigned i = 0; i < api->stream_count; i++)
        if (!strcmp(api->streams[i].name, stream))
            return i;
    return 0;
}

/* Text has been written behind the place of `told` in the buffer. */
static void tell_text(struct ja_api *api, struct ja_told *told, const struct ja_text *text) {
    told->size = text->length;
    memcpy(api->buffer, told, sizeof *told);
    if (text->full ||
        !ja_web_tell(api->web, api->service, api->buffer, sizeof *told + text->length))
        api->lost++;
}

static void begin_text(struct ja_api *api, struct ja_json *json, struct ja_text *text) {
    ja_text_init(text, api->buffer + sizeof(struct ja_told), JA_API_TEXT_BYTES);
    ja_json_init(json, text);
}

void ja_api_event(struct ja_api *api, const char *stream, const struct ja_event *event) {
    struct ja_text text;
    struct ja_json json;
    struct ja_told told = {.kind = JA_TOLD_EVENT,
                           .stream = place_of(api, stream),
                           .outputs = 1u << event->type,
                           .lasting = ja_bus_lasting(event)};
    begin_text(api, &json, &text);
    ja_event_write_json(event, stream, &json);
    tell_text(api, &told, &text);
}

void ja_api_frame(struct ja_api *api, const char *stream, const struct ja_frame *frame) {
    struct ja_text text;
    struct ja_json json;
    unsigned hz = atomic_load(&api->wanted_hz), place = place_of(api, stream);
    long long tick = (long long)floor(frame->time * hz + 1e-6);
    if (hz == 0 || tick == api->ticks[place])
        return;
    api->ticks[place] = tick;
    struct ja_told told = {.kind = JA_TOLD_FRAME, .stream = place, .time = frame->time};
    begin_text(api, &json, &text);
    ja_frame_write_json(frame, api->host.catalogue, stream, &json);
    tell_text(api, &told, &text);
}

void ja_api_metrics(struct ja_api *api, const char *stream, const char *bytes, size_t size) {
    struct ja_text text;
    struct ja_json json;
    struct ja_told told = {.kind = JA_TOLD_METRICS, .stream = place_of(api, stream)};
    if (ja_api_listeners(api) == 0)
        return;
    begin_text(api, &json, &text);
    ja_text_put_bytes(&text, bytes, size);
    tell_text(api, &told, &text);
}

void ja_api_operator(struct ja_api *api, const char *bytes, size_t size) {
    struct ja_text text;
    struct ja_json json;
    struct ja_told told = {.kind = JA_TOLD_OPERATOR};
    begin_text(api, &json, &text);
    ja_text_put_bytes(&text, bytes, size);
    tell_text(api, &told, &text);
}

void ja_api_configure(struct ja_api *api, const struct ja_module *module, const void *settings) {
    struct ja_text text;
    struct ja_json json;
    struct ja_told told = {.kind = JA_TOLD_SETTINGS, .module = module};
    begin_text(api, &json, &text);
    ja_text_put_bytes(&text, settings, module->settings_size);
    tell_text(api, &told, &text);
}

const struct ja_api_guests *ja_api_guests(const struct ja_api *api) {
    return &api->known;
}

unsigned long long ja_api_unheard(const struct ja_api *api) {
    return atomic_load(&api->unheard);
}

unsigned ja_api_listeners(const struct ja_api *api) {
    return atomic_load(&api->listeners);
}

unsigned long long ja_api_lost(const struct ja_api *api) {
    return api->lost + atomic_load(&api->unpassed);
}

/* --- Hello --- */

static void write_output(const struct ja_output *output, struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_put_string(json, "name", output->name);
    ja_json_put_string(json, "type", output->type == JA_OUTPUT_BOOL ? "bool" : "number");
    ja_json_put_string(json, "unit", output->unit);
    ja_json_put_integer(json, "width", output->width);
    ja_json_put_number(json, "min", output->min);
    ja_json_put_number(json, "max", output->max);
    ja_json_put_string(json, "help", output->help);
    ja_json_end_object(json);
}

static void write_event_type(const struct ja_event_info *info, struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_put_string(json, "name", info->name);
    ja_json_put_string(json, "help", info->help);
    ja_json_key(json, "fields");
    ja_json_begin_array(json);
    for (size_t i = 0; i < info->field_count; i++) {
        ja_json_begin_object(json);
        ja_json_put_string(json, "name", info->fields[i].name);
        ja_json_put_string(json, "help", info->fields[i].help);
        ja_json_end_object(json);
    }
    ja_json_end_array(json);
    ja_json_end_object(json);
}

static void write_catalogue(const struct ja_catalogue *catalogue, struct ja_json *json) {
    ja_json_begin_object(json);
    ja_json_key(json, "outputs");
    ja_json_begin_array(json);
    for (size_t i = 0; i < catalogue->count; i++)
        write_output(catalogue->entries[i].output, json);
    ja_json_end_array(json);
    ja_json_key(json, "events");
    ja_json_begin_array(json);
    for (int type = 0; type < JA_EVENT_TYPES; type++)
        write_event_type(ja_event_info((enum ja_event_type)type), json);
    ja_json_end_array(json);
    ja_json_end_object(json);
}

static bool make_hello(struct ja_api *api) {
    struct ja_text text;
    struct ja_json json;
    api->hello = malloc(HELLO_BYTES);
    if (!api->hello)
        return false;
    ja_json_open(&json, &text, api->hello, HELLO_BYTES);
    ja_json_put_string(&json, "type", "hello");
    ja_json_put_string(&json, "version", JA_VERSION);
    ja_json_key(&json, "streams");
    ja_json_begin_array(&json);
    for (size_t i = 0; i < api->stream_count; i++)
        ja_json_string(&json, api->streams[i].name);
    ja_json_end_array(&json);
    ja_json_key(&json, "catalogue");
    write_catalogue(api->host.catalogue, &json);
    ja_json_end_object(&json);
    api->hello_size = text.length;
    return !text.full;
}

/* --- The server's thread --- */

static void woken(void *api) {
    ja_audio_woken(api);
    ja_monitor_woken(api);
}

static void every_second(void *api) {
    ja_audio_second(api);
}

static void ended(void *api) {
    ja_audio_ended(api);
    ja_monitor_ended(api);
}

/* --- Opening --- */

static bool is_loopback(const char *address) {
    return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

static void copy_streams(struct ja_api *api, const struct ja_api_host *host) {
    for (size_t i = 0; i < host->stream_count; i++) {
        ja_text_copy(api->streams[i].name, sizeof api->streams[i].name, host->streams[i]);
        api->streams[i].place = (int)i;
        api->monitors[i] = host->analyses ? ja_stream_monitor(host->analyses[i]) : NULL;
    }
    api->stream_count = host->stream_count;
}

static enum ja_status listen_for(struct ja_api *api, struct ja_error *error) {
    const struct ja_web_service service = {.name = "web",
                                           .address = api->settings.address,
                                           .port = api->settings.port,
                                           .hosts = api->settings.hosts,
                                           .cert = api->settings.cert,
                                           .key = api->settings.key,
                                           .hsts_days = api->settings.hsts_days,
                                           .request = ja_http_request,
                                           .admit = ja_http_admit,
                                           .open = ja_sockets_open,
                                           .heard = ja_sockets_heard,
                                           .closed = ja_sockets_closed,
                                           .told = ja_sockets_told,
                                           .woken = woken,
                                           .second = every_second,
                                           .ended = ended,
                                           .asked = asked,
                                           .data = api};
    return ja_web_listen(api->web, &service, &api->service, error);
}

enum ja_status ja_api_open(struct ja_api **api, struct ja_web *web,
                           const struct ja_api_settings *settings, const struct ja_api_host *host,
                           struct ja_error *error) {
    struct ja_api *made = calloc(1, sizeof *made);
    enum ja_status status = JA_OK;
    *api = NULL;
    if (!made)
        return ja_fail(error, JA_FAILED, "no memory for the web service");
    made->web = web;
    made->settings = *settings;
    made->host = *host;
    made->root = made->settings.root[0] ? made->settings.root : ja_page_folder();
    copy_streams(made, host);
    if (!ja_audio_init(made, host->guests) || !make_hello(made))
        status = ja_fail(error, JA_FAILED, "no memory for the web service");
    if (status == JA_OK && !is_loopback(settings->address))
        status = ja_token_get(made->token, error);
    if (status == JA_OK)
        status = listen_for(made, error);
    if (status == JA_OK)
        *api = made;
    else
        ja_api_close(made);
    return status;
}

void ja_api_close(struct ja_api *api) {
    if (!api)
        return;
    ja_audio_done(api);
    free(api->hello);
    free(api);
}
