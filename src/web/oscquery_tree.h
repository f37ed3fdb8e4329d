/* The tree of OSC addresses that OSCQuery shows: outputs, commands and options, with what is known
 * of each; and its answers as JSON.
 *
 * No network here: bytes in, text out. A tree belongs to one thread at a time. Source: "OSC Query
 * Proposal", Vidvox, revision of 2020.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_OSCQUERY_TREE_H
#define JA_OSCQUERY_TREE_H

#include <ja/config/config.h>
#include <ja/core/text.h>
#include <ja/pipeline/catalogue.h>

enum { JA_OSC_PATH = 192, JA_OSC_PACKET = 512 };

struct ja_osc_tree;

struct ja_osc_tree_setup {
    const char *name; /* the program's on the network */
    int osc_port;     /* UDP; 0: there is no way in, so nothing can be written */
    const struct ja_catalogue *catalogue;
    const char *const *streams;
    size_t stream_count;
};

/* NULL without memory. `setup` is copied; what it points to must last. */
struct ja_osc_tree *ja_osc_tree_new(const struct ja_osc_tree_setup *setup);
void ja_osc_tree_free(struct ja_osc_tree *tree); /* NULL is fine */

/* Takes options and their values from `config` in place of the former; false without memory: then
 * nothing has changed. Calls `changed` for every option whose value is another than before, with
 * that as an OSC packet. `other` is set when there are other options now. */
bool ja_osc_tree_options(struct ja_osc_tree *tree, const struct ja_config *config,
                         void (*changed)(void *data, const void *packet, size_t size), void *data,
                         bool *other);
/* An output has this value now. */
void ja_osc_tree_value(struct ja_osc_tree *tree, const void *packet, size_t size);
/* Is there a value at this address? */
bool ja_osc_tree_has(const struct ja_osc_tree *tree, const char *path);

/* GET path?query. Returns the HTTP status; 200 has its JSON in `text`, which may have become full:
 * then ask again with more room. */
unsigned ja_osc_tree_answer(const struct ja_osc_tree *tree, const char *path, const char *query,
                            struct ja_text *text);

/* A message of a WebSocket: {"COMMAND":"LISTEN" or "IGNORE","DATA":path}; false for any other. */
bool ja_oscquery_read(const char *text, size_t size, bool *listen, char path[JA_OSC_PATH]);

#endif
