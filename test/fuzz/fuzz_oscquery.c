/* Throws paths, queries, packets and messages at the tree of OSCQuery: whatever it answers must be
 * JSON.
 *
 * The first byte says which; in a path, the first '?' begins the query.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/oscquery_tree.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    double number;
    int choice;
    char text[32];
    bool flag;
};

static const char *const choices[] = {"one", "two", NULL};
static const struct ja_option options[] = {
    JA_OPTION_FLOAT(struct settings, number, "number", "0.5", 0, 1, NULL, JA_LIVE, "A number."),
    JA_OPTION_CHOICE(struct settings, choice, "choice", "two", choices, JA_LIVE, "A choice."),
    JA_OPTION_STRING(struct settings, text, "text", "a \"b\"", JA_START, "A text."),
    JA_OPTION_BOOL(struct settings, flag, "flag", "true", JA_LIVE, "A switch."),
};
static const struct ja_module module = {"some", "Some.", options, 4, sizeof(struct settings),
                                        true,   "one"};

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void ignore(void *data, const void *packet, size_t size) {
    (void)data;
    (void)packet;
    (void)size;
}

static struct ja_osc_tree *make_tree(void) {
    static const struct ja_module *const modules[] = {&module};
    static const char *const streams[] = {"main", "desk"};
    static struct ja_catalogue catalogue; /* no stages: no values of the frame */
    struct ja_osc_tree *tree = ja_osc_tree_new(&(struct ja_osc_tree_setup){.name = "box",
                                                                           .osc_port = 7770,
                                                                           .catalogue = &catalogue,
                                                                           .streams = streams,
                                                                           .stream_count = 2});
    struct ja_config *config = ja_config_new(modules, 1);
    bool other;
    require(tree && config && ja_osc_tree_options(tree, config, ignore, NULL, &other));
    ja_config_free(config);
    return tree;
}

static void ask(const struct ja_osc_tree *tree, char *path) {
    static char answer[1 << 17];
    char *query = strchr(path, '?');
    struct ja_text text;
    if (query)
        *query++ = '\0';
    ja_text_init(&text, answer, sizeof answer);
    unsigned status = ja_osc_tree_answer(tree, path, query ? query : "", &text);
    require(status == 200 || status == 204 || status == 400 || status == 404);
    if (status != 200)
        return;
    json_t *json = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
    require(json != NULL && !text.full);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    static struct ja_osc_tree *tree;
    char path[JA_OSC_PATH];
    bool listen;
    if (!tree)
        tree = make_tree();
    if (size == 0)
        return 0;
    char *copy = malloc(size); /* aligned, and its end is watched to the byte */
    require(copy != NULL);
    memcpy(copy, bytes + 1, size - 1);
    copy[size - 1] = '\0';
    if (bytes[0] == 'M')
        require(!ja_oscquery_read(copy, size - 1, &listen, path) || strlen(path) < sizeof path);
    else if (bytes[0] == 'P')
        ja_osc_tree_value(tree, copy, size - 1);
    else
        ask(tree, copy);
    free(copy);
    return 0;
}
