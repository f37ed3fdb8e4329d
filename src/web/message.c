/* Reads JSON from outside, with jansson, into plain structs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/web/message.h>

#include <ja/core/text.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* jansson's own limit of depth is far beyond what anybody means. */
static bool is_shallow(const char *text, size_t size) {
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!quoted && (text[i] == '}' || text[i] == ']'))
            depth -= depth > 0;
        if (depth > JA_WEB_DEPTH)
            return false;
    }
    return true;
}

/* The object in `text`, to be released with json_decref; NULL and a sentence when it is none. */
static json_t *load(const char *text, size_t size, struct ja_error *error) {
    json_error_t cause;
    if (!is_shallow(text, size)) {
        ja_fail(error, JA_USAGE, "JSON may be %d deep, not more", JA_WEB_DEPTH);
        return NULL;
    }
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &cause);
    if (root && json_is_object(root))
        return root;
    if (root)
        ja_fail(error, JA_USAGE, "a message must be a JSON object, {…}");
    else
        ja_fail(error, JA_USAGE, "not JSON: %.150s, byte %d", cause.text, cause.position);
    json_decref(root);
    return NULL;
}

static enum ja_status check_keys(json_t *root, const char *const *keys, struct ja_error *error) {
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (!keys[i])
            return ja_fail(error, JA_USAGE, "\"%.64s\" is not known here", key);
    }
    return JA_OK;
}

/* --- Commands --- */

static bool add_string(struct ja_web_call *call, const char *string, size_t length) {
    if (length >= JA_WEB_STRING_BYTES - call->string_bytes)
        return false;
    memcpy(call->strings + call->string_bytes, string, length);
    call->strings[call->string_bytes + length] = '\0';
    call->arguments[call->count].type = 's';
    call->arguments[call->count++].string = call->string_bytes;
    call->string_bytes += length + 1;
    return true;
}

static void add_integer(struct ja_web_call *call, int value) {
    call->arguments[call->count].type = 'i';
    call->arguments[call->count++].integer = value;
}

static void add_number(struct ja_web_call *call, double value) {
    call->arguments[call->count].type = 'f';
    call->arguments[call->count++].number = value;
}

/* A list's strings joined by commas, as in a configuration file. */
static bool add_list(struct ja_web_call *call, const json_t *list) {
    char joined[JA_WEB_STRING_BYTES];
    struct ja_text text;
    ja_text_init(&text, joined, sizeof joined);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item))
            return false;
        ja_text_put(&text, i > 0 ? "," : "");
        ja_text_put(&text, json_string_value(item));
    }
    return !text.full && add_string(call, joined, text.length);
}

static enum ja_status add_argument(struct ja_web_call *call, const json_t *value,
                                   struct ja_error *error) {
    json_int_t integer = json_integer_value(value);
    bool fine = true;
    if (call->count == JA_WEB_ARGUMENTS)
        return ja_fail(error, JA_USAGE, "\"args\" holds %d values at most", JA_WEB_ARGUMENTS);
    if (json_is_string(value))
        fine = add_string(call, json_string_value(value), json_string_length(value));
    else if (json_is_array(value))
        fine = add_list(call, value);
    else if (json_is_boolean(value))
        add_integer(call, json_is_true(value));
    else if (json_is_integer(value) && integer >= INT_MIN && integer <= INT_MAX)
        add_integer(call, (int)integer);
    else if (json_is_number(value))
        add_number(call, json_number_value(value));
    else
        return ja_fail(error, JA_USAGE, "value %zu must be a string, a number, true or false",
                       call->count + 1);
    return fine ? JA_OK
                : ja_fail(error, JA_USAGE,
                          "value %zu must be a string, or a list of strings, and all strings "
                          "together shorter than %d bytes",
                          call->count + 1, JA_WEB_STRING_BYTES);
}

static enum ja_status read_command(struct ja_web_message *message, json_t *root,
                                   struct ja_error *error) {
    static const char *const keys[] = {"command", "args", "id", NULL};
    const json_t *arguments = json_object_get(root, "args");
    enum ja_status status = check_keys(root, keys, error);
    message->kind = JA_WEB_COMMAND;
    if (status == JA_OK && arguments && !json_is_array(arguments))
        return ja_fail(error, JA_USAGE, "\"args\" must be a list, [5]");
    for (size_t i = 0; status == JA_OK && i < json_array_size(arguments); i++)
        status = add_argument(&message->call, json_array_get(arguments, i), error);
    return status;
}

/* --- Subscriptions --- */

const char *ja_web_output_name(unsigned i) {
    static const char *const others[] = {"analysis", "metrics", "operator", NULL};
    if (i < JA_EVENT_TYPES)
        return ja_event_info((enum ja_event_type)i)->name;
    return others[i - JA_EVENT_TYPES];
}

static enum ja_status read_output(unsigned *outputs, const json_t *value, struct ja_error *error) {
    const char *name = json_string_value(value), *other;
    if (!name)
        return ja_fail(error, JA_USAGE, "\"outputs\" must hold strings alone");
    for (unsigned i = 0; (other = ja_web_output_name(i)); i++) {
        if (strcmp(other, name) != 0)
            continue;
        *outputs |= 1u << i;
        return JA_OK;
    }
    return ja_fail(error, JA_USAGE,
                   "\"outputs\": there is no \"%.64s\"; there are the types of events, analysis, "
                   "metrics and operator",
                   name);
}

static enum ja_status read_streams(struct ja_web_message *message, const json_t *list,
                                   struct ja_error *error) {
    const size_t count = json_array_size(list);
    message->has_streams = list != NULL;
    if (list && (!json_is_array(list) || count > JA_WEB_NAMED))
        return ja_fail(error, JA_USAGE, "\"streams\" must be a list of at most %d names",
                       JA_WEB_NAMED);
    for (; message->stream_count < count; message->stream_count++) {
        const char *name = json_string_value(json_array_get(list, message->stream_count));
        if (!name || !ja_text_copy(message->streams[message->stream_count],
                                   sizeof message->streams[0], name))
            return ja_fail(error, JA_USAGE, "\"streams\" must hold names of streams alone");
    }
    return JA_OK;
}

static enum ja_status read_subscription(struct ja_web_message *message, json_t *root,
                                        struct ja_error *error) {
    static const char *const keys[] = {"command", "outputs", "rate_hz", "streams", "id", NULL};
    const json_t *outputs = json_object_get(root, "outputs");
    const json_t *rate = json_object_get(root, "rate_hz");
    enum ja_status status = check_keys(root, keys, error);
    message->kind = JA_WEB_SUBSCRIBE;
    message->rate_hz = rate ? json_number_value(rate) : NAN;
    if (status != JA_OK)
        return status;
    if (outputs && json_array_size(outputs) == 0)
        return ja_fail(error, JA_USAGE, "\"outputs\" must be a list, [\"beat\", \"analysis\"]");
    if (rate &&
        (!json_is_number(rate) || message->rate_hz < 0 || message->rate_hz > JA_WEB_MOST_HZ))
        return ja_fail(error, JA_USAGE, "\"rate_hz\" must be between 0 and %d", JA_WEB_MOST_HZ);
    for (size_t i = 0; status == JA_OK && i < json_array_size(outputs); i++)
        status = read_output(&message->outputs, json_array_get(outputs, i), error);
    return status == JA_OK ? read_streams(message, json_object_get(root, "streams"), error)
                           : status;
}

/* --- All --- */

static enum ja_status read_ping(struct ja_web_message *message, json_t *root,
                                struct ja_error *error) {
    static const char *const keys[] = {"type", "id", NULL};
    const char *type = json_string_value(json_object_get(root, "type"));
    message->kind = JA_WEB_PING;
    if (!type)
        return ja_fail(error, JA_USAGE, "a message needs a \"command\"");
    if (strcmp(type, "ping") != 0)
        return ja_fail(error, JA_USAGE, "the only \"type\" is \"ping\", not \"%.64s\"", type);
    return check_keys(root, keys, error);
}

static enum ja_status read_object(struct ja_web_message *message, json_t *root,
                                  struct ja_error *error) {
    const json_t *id = json_object_get(root, "id"), *name = json_object_get(root, "command");
    const size_t size = sizeof message->call.name;
    message->has_id = id != NULL;
    message->id = json_integer_value(id);
    if (id && !json_is_integer(id))
        return ja_fail(error, JA_USAGE, "\"id\" must be an integer");
    if (!name)
        return read_ping(message, root, error);
    if (!json_is_string(name) || !ja_text_copy(message->call.name, size, json_string_value(name)))
        return ja_fail(error, JA_USAGE, "\"command\" must be a string of less than %zu bytes",
                       size);
    if (!strcmp(message->call.name, "subscribe"))
        return read_subscription(message, root, error);
    return read_command(message, root, error);
}

enum ja_status ja_web_message_read(struct ja_web_message *message, const char *text, size_t size,
                                   struct ja_error *error) {
    *message = (struct ja_web_message){.rate_hz = NAN};
    json_t *root = load(text, size, error);
    if (!root)
        return JA_USAGE;
    enum ja_status status = read_object(message, root, error);
    json_decref(root);
    return status;
}

enum ja_status ja_web_value_read(struct ja_web_call *call, const char *option, const char *text,
                                 size_t size, struct ja_error *error) {
    static const char *const keys[] = {"value", NULL};
    json_t *root = load(text, size, error);
    *call = (struct ja_web_call){.name = "set"};
    if (!root)
        return JA_USAGE;
    enum ja_status status = check_keys(root, keys, error);
    const json_t *value = json_object_get(root, "value");
    if (status == JA_OK && !value)
        status = ja_fail(error, JA_USAGE, "the new value must be given as {\"value\": …}");
    if (status == JA_OK && !add_string(call, option, strlen(option)))
        status = ja_fail(error, JA_USAGE, "the option's name is too long");
    if (status == JA_OK)
        status = add_argument(call, value, error);
    json_decref(root);
    return status;
}

void ja_web_call_arguments(const struct ja_web_call *call,
                           struct ja_argument arguments[JA_WEB_ARGUMENTS]) {
    for (size_t i = 0; i < call->count; i++)
        arguments[i] = (struct ja_argument){.type = call->arguments[i].type,
                                            .string = call->strings + call->arguments[i].string,
                                            .integer = call->arguments[i].integer,
                                            .number = call->arguments[i].number};
}
