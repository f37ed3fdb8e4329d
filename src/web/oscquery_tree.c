/* The tree that OSCQuery shows.
 *
 * A sorted list of addresses; what lies between two slashes makes the branches when it is written.
 * '/' sorts before everything else, so an address is followed by all below it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "oscquery_tree.h"

#include "sink/osc_map.h"

#include <ja/config/value.h>
#include <ja/control/command.h>
#include <ja/core/json.h>
#include <ja/net/osc_reader.h>
#include <ja/net/osc_writer.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { READ = 1, WRITE = 2, TYPES = JA_OSC_VALUES + 1, VALUE_BYTES = 1024 };

struct range {
    double min, max; /* NAN: not bounded */
};

struct node {
    char path[JA_OSC_PATH];
    char types[TYPES];
    int access; /* READ, WRITE or both */
    const char *help;
    struct range ranges[JA_OSC_VALUES];
    const struct ja_option *option;      /* NULL: an output or a command */
    size_t size;                         /* of the value; 0: there is none yet */
    _Alignas(4) char value[VALUE_BYTES]; /* an output's last packet; an option's text */
};

struct ja_osc_tree {
    struct ja_osc_tree_setup setup;
    struct node *nodes; /* sorted by path */
    size_t count, room;
};

static const struct range unbounded = {NAN, NAN};

/* --- Making --- */

/* '/' comes before every other character, the end before that. */
static int compare_paths(const char *a, const char *b) {
    while (*a && *a == *b)
        a++, b++;
    int left = *a == '/' ? 1 : *a ? (unsigned char)*a + 1 : 0;
    int right = *b == '/' ? 1 : *b ? (unsigned char)*b + 1 : 0;
    return left - right;
}

static int compare_nodes(const void *a, const void *b) {
    return compare_paths(((const struct node *)a)->path, ((const struct node *)b)->path);
}

static struct node *add(struct ja_osc_tree *tree) {
    if (tree->count == tree->room) {
        size_t room = tree->room ? 2 * tree->room : 256;
        struct node *nodes = realloc(tree->nodes, room * sizeof *nodes);
        if (!nodes)
            return NULL;
        tree->nodes = nodes;
        tree->room = room;
    }
    struct node *node = &tree->nodes[tree->count++];
    memset(node, 0, sizeof *node);
    for (size_t i = 0; i < JA_OSC_VALUES; i++)
        node->ranges[i] = unbounded;
    return node;
}

/* What to expect of a value; `width` of a list's. */
static struct range range_of(const struct ja_osc_tree *tree, const struct ja_osc_source *source) {
    if (source->change == JA_OSC_UNIT || source->change == JA_OSC_HELD ||
        source->origin == JA_OSC_ONE)
        return (struct range){0, 1};
    if (source->origin != JA_OSC_FROM_FRAME || source->change != JA_OSC_AS_IS)
        return unbounded;
    const struct ja_output *output =
        ja_catalogue_find(tree->setup.catalogue, source->output)->output;
    return (struct range){output->min, output->max};
}

static bool add_output(struct ja_osc_tree *tree, const char *stream, const struct ja_osc_row *row) {
    size_t positions[JA_OSC_SOURCES] = {0};
    struct ja_text path;
    if (!ja_osc_row_locate(row, tree->setup.catalogue, positions))
        return true; /* no stage makes it */
    struct node *node = add(tree);
    if (!node)
        return false;
    ja_text_init(&path, node->path, sizeof node->path);
    ja_text_put(&path, "/ja");
    if (strcmp(stream, "main") != 0)
        ja_text_format(&path, "/%s", stream);
    ja_text_put(&path, row->address);
    bool is_list = !strcmp(row->types, JA_OSC_LIST);
    size_t count = is_list ? positions[1] : strlen(row->types);
    for (size_t i = 0; i < count && i < JA_OSC_VALUES; i++) {
        node->types[i] = is_list ? 'f' : row->types[i];
        if (node->types[i] != 's')
            node->ranges[i] = range_of(tree, &row->sources[is_list ? 0 : i]);
    }
    node->access = READ;
    node->help = row->help;
    return true;
}

static bool add_outputs(struct ja_osc_tree *tree) {
    bool fine = true;
    for (size_t s = 0; s < tree->setup.stream_count; s++)
        for (size_t i = 0; i < ja_osc_row_count && fine; i++)
            if (ja_osc_rows[i].when != JA_OSC_HEARTBEAT || s == 0)
                fine = add_output(tree, tree->setup.streams[s], &ja_osc_rows[i]);
    return fine;
}

static bool add_command(struct ja_osc_tree *tree, const struct ja_command *command) {
    struct node *node = add(tree);
    if (!node)
        return false;
    struct ja_text path;
    ja_text_init(&path, node->path, sizeof node->path);
    ja_text_format(&path, "/ja/ctl/%s", command->name);
    size_t count = strcspn(command->arguments, "["); /* what may be left out is */
    for (size_t i = 0; i < count; i++)
        node->types[i] = command->arguments[i] == 'v' ? 's' : command->arguments[i];
    node->access = WRITE;
    node->help = command->help;
    return true;
}

struct ja_osc_tree *ja_osc_tree_new(const struct ja_osc_tree_setup *setup) {
    struct ja_osc_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return NULL;
    tree->setup = *setup;
    bool fine = add_outputs(tree);
    for (size_t i = 0; i < ja_command_count && setup->osc_port && fine; i++)
        fine = add_command(tree, &ja_commands[i]);
    if (!fine) {
        ja_osc_tree_free(tree);
        return NULL;
    }
    qsort(tree->nodes, tree->count, sizeof *tree->nodes, compare_nodes);
    return tree;
}

void ja_osc_tree_free(struct ja_osc_tree *tree) {
    if (!tree)
        return;
    free(tree->nodes);
    free(tree);
}

/* The first node whose path is not before `path`. */
static size_t lower_bound(const struct ja_osc_tree *tree, const char *path) {
    size_t low = 0, high = tree->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_paths(tree->nodes[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct node *find(const struct ja_osc_tree *tree, const char *path) {
    size_t place = lower_bound(tree, path);
    bool found = place < tree->count && !strcmp(tree->nodes[place].path, path);
    return found ? &tree->nodes[place] : NULL;
}

bool ja_osc_tree_has(const struct ja_osc_tree *tree, const char *path) {
    return find(tree, path) != NULL;
}

/* --- Options --- */

static char option_type(const struct ja_option *option) {
    switch (option->type) {
    case JA_BOOL:
        return 'T';
    case JA_INT:
        return 'i';
    case JA_FLOAT:
        return 'f';
    default:
        return 's';
    }
}

static bool add_option(struct ja_osc_tree *tree, const struct ja_config *config,
                       const struct ja_module *module, const char *instance,
                       const struct ja_option *option) {
    char name[JA_OSC_PATH];
    struct ja_text text;
    struct ja_error error;
    enum ja_layer layer;
    const char *origin;
    struct node *node = add(tree);
    if (!node)
        return false;
    ja_text_init(&text, name, sizeof name);
    ja_text_format(&text, "%s.%s%s%s", module->name, instance ? instance : "", instance ? "." : "",
                   option->name);
    struct ja_text value;
    ja_text_init(&value, node->value, sizeof node->value);
    if (ja_config_get(config, name, &value, &layer, &origin, &error) == JA_OK && !value.full)
        node->size = value.length + 1;
    for (char *c = name; *c; c++)
        if (*c == '.')
            *c = '/';
    ja_text_init(&text, node->path, sizeof node->path);
    ja_text_format(&text, "/ja/option/%s", name);
    node->types[0] = option_type(option);
    if (option->type == JA_INT || option->type == JA_FLOAT)
        node->ranges[0] = (struct range){option->min, option->max};
    bool live = option->effect != JA_START && tree->setup.osc_port;
    node->access = live ? READ | WRITE : READ;
    node->help = option->help;
    node->option = option;
    return true;
}

static bool add_options(struct ja_osc_tree *tree, const struct ja_config *config,
                        const struct ja_module *module, const char *instance) {
    bool fine = true;
    for (size_t i = 0; i < module->option_count && fine; i++)
        fine = add_option(tree, config, module, instance, &module->options[i]);
    return fine;
}

/* All options of all modules and instances there are. */
static bool add_all_options(struct ja_osc_tree *tree, const struct ja_config *config) {
    const struct ja_module *module;
    bool fine = true;
    for (size_t m = 0; (module = ja_config_module(config, m)) && fine; m++) {
        const char *instance;
        if (!module->named)
            fine = add_options(tree, config, module, NULL);
        for (size_t i = 0;
             module->named && fine && (instance = ja_config_instance(config, module, i)); i++)
            fine = add_options(tree, config, module, instance);
    }
    return fine;
}

/* The option's value as one OSC message. */
static size_t option_packet(const struct node *node, void *packet, size_t size) {
    struct ja_osc_argument argument = {.type = 's', .s = node->value};
    char types[2] = {node->types[0], '\0'};
    long long integer = 0;
    double number = 0;
    if (types[0] == 'T') {
        types[0] = 'i'; /* what every receiver understands */
        argument.i = !strcmp(node->value, "true");
    } else if (types[0] == 'i' && ja_text_integer(node->value, &integer))
        argument.i = (int32_t)integer;
    else if (types[0] == 'f' && ja_text_double(node->value, &number))
        argument.f = (float)number;
    return ja_osc_write(packet, size, node->path, types, &argument);
}

static void tell_changes(const struct ja_osc_tree *before, const struct ja_osc_tree *after,
                         void (*changed)(void *data, const void *packet, size_t size), void *data,
                         bool *other) {
    _Alignas(4) char packet[VALUE_BYTES + JA_OSC_PATH + 16];
    *other = before->count != after->count;
    for (size_t i = 0; i < after->count; i++) {
        const struct node *node = &after->nodes[i];
        const struct node *former = node->option ? find(before, node->path) : NULL;
        *other = *other || (node->option && !former);
        if (!former ||
            (node->size == former->size && !memcmp(node->value, former->value, node->size)))
            continue;
        size_t size = node->size ? option_packet(node, packet, sizeof packet) : 0;
        if (size)
            changed(data, packet, size);
    }
}

bool ja_osc_tree_options(struct ja_osc_tree *tree, const struct ja_config *config,
                         void (*changed)(void *data, const void *packet, size_t size), void *data,
                         bool *other) {
    struct ja_osc_tree next = {.setup = tree->setup};
    bool fine = true;
    for (size_t i = 0; i < tree->count && fine; i++) {
        if (tree->nodes[i].option)
            continue;
        struct node *node = add(&next);
        fine = node != NULL;
        if (node)
            *node = tree->nodes[i];
    }
    if (!fine || !add_all_options(&next, config)) {
        free(next.nodes);
        return false;
    }
    qsort(next.nodes, next.count, sizeof *next.nodes, compare_nodes);
    tell_changes(tree, &next, changed, data, other);
    free(tree->nodes);
    *tree = next;
    return true;
}

/* --- Values --- */

struct heading {
    const char *address, *types;
};

static void take_heading(void *data, const struct ja_osc_message *message) {
    struct heading *heading = data;
    heading->address = message->address;
    heading->types = message->types;
}

void ja_osc_tree_value(struct ja_osc_tree *tree, const void *packet, size_t size) {
    struct heading heading = {NULL, NULL};
    if (size > VALUE_BYTES || !ja_osc_read(packet, size, take_heading, &heading))
        return;
    struct node *node = heading.address ? find(tree, heading.address) : NULL;
    if (!node || node->access != READ || node->option || strlen(heading.types) > JA_OSC_VALUES)
        return;
    ja_text_copy(node->types, sizeof node->types, heading.types); /* lists vary in length */
    memcpy(node->value, packet, size);
    node->size = size;
}

static void write_arguments(void *data, const struct ja_osc_message *message) {
    struct ja_json *json = data;
    for (size_t i = 0; i < message->count; i++) {
        const struct ja_osc_argument *argument = &message->arguments[i];
        if (argument->type == 's')
            ja_json_string(json, argument->s);
        else if (argument->type == 'i')
            ja_json_integer(json, argument->i);
        else
            ja_json_number(json, argument->f);
    }
}

static void write_option(const struct node *node, struct ja_json *json) {
    double number;
    if (node->types[0] == 'T')
        ja_json_bool(json, !strcmp(node->value, "true"));
    else if (node->types[0] != 's' && ja_text_double(node->value, &number))
        ja_json_number(json, number);
    else
        ja_json_string(json, node->value);
}

/* --- Attributes: each writes its value; false when the node has none --- */

static bool write_type(const struct node *node, struct ja_json *json) {
    ja_json_string(json, node->types);
    return true;
}

static bool write_access(const struct node *node, struct ja_json *json) {
    ja_json_integer(json, node->access);
    return true;
}

static bool write_help(const struct node *node, struct ja_json *json) {
    ja_json_string(json, node->help);
    return true;
}

static bool write_value(const struct node *node, struct ja_json *json) {
    if (!node->size)
        return false;
    ja_json_begin_array(json);
    if (node->option)
        write_option(node, json);
    else
        ja_osc_read(node->value, node->size, write_arguments, json);
    ja_json_end_array(json);
    return true;
}

static void write_bound(struct ja_json *json, const char *key, double bound) {
    if (isnan(bound))
        return;
    ja_json_put_number(json, key, bound);
}

static void write_choices(struct ja_json *json, const char *const *choices) {
    ja_json_key(json, "VALS");
    ja_json_begin_array(json);
    for (; *choices; choices++)
        ja_json_string(json, *choices);
    ja_json_end_array(json);
}

static bool has_range(const struct node *node) {
    for (size_t i = 0; node->types[i]; i++)
        if (!isnan(node->ranges[i].min) || !isnan(node->ranges[i].max))
            return true;
    return node->option && node->option->type == JA_CHOICE;
}

static bool write_range(const struct node *node, struct ja_json *json) {
    if (!has_range(node))
        return false;
    ja_json_begin_array(json);
    for (size_t i = 0; node->types[i]; i++) {
        ja_json_begin_object(json);
        write_bound(json, "MIN", node->ranges[i].min);
        write_bound(json, "MAX", node->ranges[i].max);
        if (node->option && node->option->type == JA_CHOICE)
            write_choices(json, node->option->choices);
        ja_json_end_object(json);
    }
    ja_json_end_array(json);
    return true;
}

static const struct attribute {
    const char *name;
    bool (*write)(const struct node *node, struct ja_json *json);
} attributes[] = {
    {"TYPE", write_type},   {"ACCESS", write_access},    {"VALUE", write_value},
    {"RANGE", write_range}, {"DESCRIPTION", write_help},
};

/* --- Answers --- */

/* The attribute as a member of the object being written; leaves nothing when there is none. */
static bool write_attribute(const struct attribute *attribute, const struct node *node,
                            struct ja_json *json) {
    const struct ja_json before = *json;
    const struct ja_text text = *json->text;
    ja_json_key(json, attribute->name);
    if (attribute->write(node, json))
        return true;
    *json->text = text;
    *json = before;
    return false;
}

/* Where the branch that begins at `first` ends: the first node that is not below `path`. */
static size_t branch_end(const struct ja_osc_tree *tree, size_t first, const char *path,
                         size_t length) {
    while (first < tree->count && !strncmp(tree->nodes[first].path, path, length) &&
           (tree->nodes[first].path[length] == '/' || !tree->nodes[first].path[length]))
        first++;
    return first;
}

/* Everything from `first` to `end`, which is at or below the first `length` bytes of its paths.
 * Depth is that of our own addresses. */
static void write_branch(const struct ja_osc_tree *tree, size_t first, size_t end, size_t length,
                         struct ja_json *json) {
    char path[JA_OSC_PATH];
    memcpy(path, tree->nodes[first].path, length);
    path[length] = '\0';
    ja_json_begin_object(json);
    ja_json_put_string(json, "FULL_PATH", length ? path : "/");
    const struct node *own = tree->nodes[first].path[length] ? NULL : &tree->nodes[first++];
    for (size_t i = 0; own && i < sizeof attributes / sizeof attributes[0]; i++)
        write_attribute(&attributes[i], own, json);
    if (!own)
        ja_json_put_integer(json, "ACCESS", 0);
    if (first < end) {
        ja_json_key(json, "CONTENTS");
        ja_json_begin_object(json);
    }
    bool has_contents = first < end;
    while (first < end && !json->text->full) {
        const char *name = tree->nodes[first].path + length + 1;
        size_t below = length + 1 + strcspn(name, "/");
        size_t next = branch_end(tree, first, tree->nodes[first].path, below);
        ja_text_copy(path, below - length, name);
        ja_json_key(json, path);
        write_branch(tree, first, next, below, json);
        first = next;
    }
    if (has_contents)
        ja_json_end_object(json);
    ja_json_end_object(json);
}

static void write_host_info(const struct ja_osc_tree *tree, struct ja_json *json) {
    static const char *const extensions[] = {"ACCESS", "VALUE",  "RANGE",       "DESCRIPTION",
                                             "LISTEN", "IGNORE", "PATH_CHANGED"};
    ja_json_begin_object(json);
    ja_json_put_string(json, "NAME", tree->setup.name);
    if (tree->setup.osc_port) {
        ja_json_put_integer(json, "OSC_PORT", tree->setup.osc_port);
        ja_json_put_string(json, "OSC_TRANSPORT", "UDP");
    }
    ja_json_key(json, "EXTENSIONS");
    ja_json_begin_object(json);
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        ja_json_put_bool(json, extensions[i], true);
    }
    ja_json_end_object(json);
    ja_json_end_object(json);
}

/* One attribute of one address. */
static unsigned answer_attribute(const struct node *node, const char *query, struct ja_json *json) {
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        if (strcmp(query, attributes[i].name) != 0)
            continue;
        if (!node)
            return 204;
        ja_json_begin_object(json);
        bool has_it = write_attribute(&attributes[i], node, json);
        ja_json_end_object(json);
        return has_it ? 200 : 204;
    }
    return 400;
}

unsigned ja_osc_tree_answer(const struct ja_osc_tree *tree, const char *path, const char *query,
                            struct ja_text *text) {
    struct ja_json json;
    size_t length = strlen(path);
    ja_json_init(&json, text);
    if (!strcmp(query, "HOST_INFO")) {
        write_host_info(tree, &json);
        return 200;
    }
    if (length > 0 && path[length - 1] == '/')
        length--; /* "/" is the whole, "/ja/" is "/ja" */
    if (length >= JA_OSC_PATH)
        return 404;
    char name[JA_OSC_PATH];
    memcpy(name, path, length);
    name[length] = '\0';
    size_t first = length ? lower_bound(tree, name) : 0;
    size_t end = branch_end(tree, first, name, length);
    if (first == end)
        return 404;
    if (query[0])
        return answer_attribute(find(tree, name), query, &json);
    write_branch(tree, first, end, length, &json);
    return 200;
}

/* --- Messages of WebSockets --- */

bool ja_oscquery_read(const char *text, size_t size, bool *listen, char path[JA_OSC_PATH]) {
    const char *command, *data;
    json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    bool fine = json_unpack(message, "{s:s, s:s!}", "COMMAND", &command, "DATA", &data) == 0;
    if (fine) {
        *listen = !strcmp(command, "LISTEN");
        fine = (*listen || !strcmp(command, "IGNORE")) && ja_text_copy(path, JA_OSC_PATH, data);
    }
    json_decref(message);
    return fine;
}
