/* Who is plugged into whom: rules, and remembered connections.
 *
 * Every pair (our port, other port) ever seen or wished for has one state. A link that vanishes
 * while both ports stay was taken apart by hand: nobody plugs against the DJ, so the pair is left
 * alone until the other port goes. A link that vanishes with its port is wanted again when the port
 * returns. Programs disconnect before they leave, so a port that goes shortly after its link took
 * the link along.
 *
 * Rules are looked at when a port is new, and only for it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "connections.h"

#include <ja/audio/jack.h>

#include <ja/config/option.h>
#include <ja/core/log.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { REMEMBERED = 256, TRIES = 20 };

static const uint64_t RETRY_US = 500000;
static const uint64_t SHOW_US = 1000000;    /* a link the server agreed to must show within */
static const uint64_t LEAVING_US = 5000000; /* a port that goes within took its link along */

struct rule {
    enum { RULE_PATTERN, RULE_CAPTURE, RULE_MONITOR } kind;
    regex_t pattern;
};

struct wiring {
    struct rule *rules;
    size_t rule_count;
    unsigned first, inputs;
};

struct ja_connections {
    struct wiring *wirings;
    size_t wiring_count;
    struct ja_graph graph; /* the last picture; empty after a restart */
    struct ja_pair *pairs; /* oldest first */
    size_t pair_count;
    bool warned; /* that the server ignores us */
};

/* --- Pictures --- */

/* `array` with room for one more. NULL without memory. */
static void *grown(void *array, size_t count, size_t size) {
    bool full = count == 0 || (count >= 16 && (count & (count - 1)) == 0);
    if (!full)
        return array;
    return realloc(array, (count < 16 ? 16 : 2 * count) * size);
}

bool ja_graph_add_port(struct ja_graph *graph, const char *name, bool sound, bool physical) {
    struct ja_graph_port *ports = grown(graph->ports, graph->port_count, sizeof *ports);
    if (!ports)
        return false;
    graph->ports = ports;
    char *copy = strdup(name);
    if (!copy)
        return false;
    ports[graph->port_count++] = (struct ja_graph_port){copy, sound, physical};
    return true;
}

bool ja_graph_add_link(struct ja_graph *graph, unsigned own, const char *other) {
    struct ja_graph_link *links = grown(graph->links, graph->link_count, sizeof *links);
    if (!links)
        return false;
    graph->links = links;
    char *copy = strdup(other);
    if (!copy)
        return false;
    links[graph->link_count++] = (struct ja_graph_link){own, copy};
    return true;
}

void ja_graph_clear(struct ja_graph *graph) {
    for (size_t i = 0; i < graph->port_count; i++)
        free(graph->ports[i].name);
    for (size_t i = 0; i < graph->link_count; i++)
        free(graph->links[i].other);
    free(graph->ports);
    free(graph->links);
    *graph = (struct ja_graph){0};
}

static bool has_port(const struct ja_graph *graph, const char *name) {
    for (size_t i = 0; i < graph->port_count; i++)
        if (strcmp(graph->ports[i].name, name) == 0)
            return true;
    return false;
}

static bool has_link(const struct ja_graph *graph, unsigned own, const char *other) {
    for (size_t i = 0; i < graph->link_count; i++)
        if (graph->links[i].own == own && strcmp(graph->links[i].other, other) == 0)
            return true;
    return false;
}

/* --- Rules --- */

static enum ja_status compile(struct rule *rule, const char *text, const char *stream,
                              struct ja_error *error) {
    if (strcmp(text, "capture") == 0) {
        rule->kind = RULE_CAPTURE;
        return JA_OK;
    }
    if (strcmp(text, "monitor") == 0) {
        rule->kind = RULE_MONITOR;
        return JA_OK;
    }
    size_t size = strlen(text) + sizeof "^()$";
    char *anchored = malloc(size);
    if (!anchored)
        return ja_fail(error, JA_FAILED, "no memory for the connection rules");
    strcat(strcat(strcpy(anchored, "^("), text), ")$");
    rule->kind = RULE_PATTERN;
    int failure = regcomp(&rule->pattern, anchored, REG_EXTENDED | REG_NOSUB);
    free(anchored);
    if (failure == 0)
        return JA_OK;
    char reason[120];
    regerror(failure, &rule->pattern, reason, sizeof reason);
    return ja_fail(
        error, JA_USAGE,
        "stream.%s.connect \"%s\": must be \"capture\", \"monitor\" or an extended regular "
        "expression: %s",
        stream, text, reason);
}

static enum ja_status compile_all(struct wiring *wiring, const struct ja_wiring *source,
                                  struct ja_error *error) {
    wiring->first = source->first;
    wiring->inputs = source->inputs;
    size_t count = 0;
    for (const char *text = NULL; (text = ja_list_next(source->rules, text));)
        count++;
    wiring->rules = calloc(count + 1, sizeof *wiring->rules);
    if (!wiring->rules)
        return ja_fail(error, JA_FAILED, "no memory for the connection rules");
    for (const char *text = NULL; (text = ja_list_next(source->rules, text));) {
        enum ja_status status =
            compile(&wiring->rules[wiring->rule_count], text, source->stream, error);
        if (status != JA_OK)
            return status;
        wiring->rule_count++;
    }
    return JA_OK;
}

enum ja_status ja_connections_new(struct ja_connections **connections,
                                  const struct ja_wiring *wirings, size_t count,
                                  struct ja_error *error) {
    struct ja_connections *made = calloc(1, sizeof *made);
    if (made)
        made->wirings = calloc(count + 1, sizeof *made->wirings);
    enum ja_status status = JA_OK;
    if (!made || !made->wirings)
        status = ja_fail(error, JA_FAILED, "no memory for the connections");
    for (size_t i = 0; i < count && status == JA_OK; i++) {
        made->wiring_count++;
        status = compile_all(&made->wirings[i], &wirings[i], error);
    }
    if (status != JA_OK) {
        ja_connections_free(made);
        return status;
    }
    *connections = made;
    return JA_OK;
}

enum ja_status ja_jack_check_rules(const char *stream, const char *rules, struct ja_error *error) {
    struct ja_connections *made;
    struct ja_wiring wiring = {.stream = stream, .rules = rules};
    enum ja_status status = ja_connections_new(&made, &wiring, 1, error);
    if (status == JA_OK)
        ja_connections_free(made);
    return status;
}

void ja_connections_free(struct ja_connections *connections) {
    if (!connections)
        return;
    for (size_t w = 0; w < connections->wiring_count; w++) {
        struct wiring *wiring = &connections->wirings[w];
        for (size_t r = 0; r < wiring->rule_count; r++)
            if (wiring->rules[r].kind == RULE_PATTERN)
                regfree(&wiring->rules[r].pattern);
        free(wiring->rules);
    }
    for (size_t p = 0; p < connections->pair_count; p++)
        free(connections->pairs[p].other);
    free(connections->pairs);
    free(connections->wirings);
    ja_graph_clear(&connections->graph);
    free(connections);
}

static bool rule_matches(const struct rule *rule, const struct ja_graph_port *port) {
    const char *colon = strchr(port->name, ':');
    if (!port->sound)
        return false;
    switch (rule->kind) {
    case RULE_CAPTURE:
        return port->physical;
    case RULE_MONITOR: /* PipeWire: what a sink plays */
        return !port->physical && colon && strncmp(colon + 1, "monitor_", 8) == 0;
    case RULE_PATTERN:
        return regexec(&rule->pattern, port->name, 0, NULL, 0) == 0;
    }
    return false;
}

/* The first rule that matches; rule_count when none does. */
static size_t matching_rule(const struct wiring *wiring, const struct ja_graph_port *port) {
    size_t rule = 0;
    while (rule < wiring->rule_count && !rule_matches(&wiring->rules[rule], port))
        rule++;
    return rule;
}

/* --- Pairs --- */

static struct ja_pair *find_pair(struct ja_connections *connections, unsigned own,
                                 const char *other) {
    for (size_t i = 0; i < connections->pair_count; i++) {
        struct ja_pair *pair = &connections->pairs[i];
        if (pair->own == own && strcmp(pair->other, other) == 0)
            return pair;
    }
    return NULL;
}

static void enter(struct ja_pair *pair, enum ja_pair_state state, uint64_t now_us) {
    pair->state = state;
    pair->since_us = now_us;
    pair->tries = 0;
}

static void remove_pair(struct ja_connections *connections, size_t index) {
    struct ja_pair *pairs = connections->pairs;
    free(pairs[index].other);
    connections->pair_count--;
    memmove(pairs + index, pairs + index + 1, (connections->pair_count - index) * sizeof *pairs);
}

/* Forgets the oldest pair whose port is away, so that port names that never come back do not pile
 * up. */
static void make_room(struct ja_connections *connections) {
    for (size_t i = 0; i < connections->pair_count; i++)
        if (!has_port(&connections->graph, connections->pairs[i].other)) {
            remove_pair(connections, i);
            return;
        }
}

static void add_pair(struct ja_connections *connections, unsigned own, const char *other,
                     enum ja_pair_state state, uint64_t now_us) {
    if (connections->pair_count >= REMEMBERED)
        make_room(connections);
    struct ja_pair *pairs = grown(connections->pairs, connections->pair_count, sizeof *pairs);
    if (!pairs)
        return;
    connections->pairs = pairs;
    char *copy = strdup(other);
    if (copy)
        pairs[connections->pair_count++] = (struct ja_pair){own, copy, state, now_us, 0};
}

static void give_up_ignored(struct ja_connections *connections, struct ja_pair *pair,
                            uint64_t now_us) {
    if (!connections->warned)
        ja_log(JA_LOG_WARNING,
               "the server accepted the connection with %s but did not make it; jackd -a and "
               "PipeWire's jack.self-connect-mode forbid programs to connect themselves",
               pair->other);
    connections->warned = true;
    enter(pair, JA_PAIR_FAILED, now_us);
}

/* What a pair becomes that is not linked in the picture, while its port is there … */
static void judge_present(struct ja_connections *connections, struct ja_pair *pair,
                          bool ports_changed, uint64_t now_us) {
    if (pair->state == JA_PAIR_CONNECTED)
        enter(pair, ports_changed ? JA_PAIR_WANTED : JA_PAIR_REFUSED, now_us);
    else if (pair->state == JA_PAIR_ASKED && now_us - pair->since_us >= SHOW_US)
        give_up_ignored(connections, pair, now_us);
    else if (pair->state == JA_PAIR_WANTED && ports_changed)
        pair->tries = 0; /* its program may have got ready */
}

/* … and when it has just gone. False: forget it. */
static bool judge_gone(struct ja_pair *pair, uint64_t now_us) {
    if (pair->state == JA_PAIR_REFUSED && now_us - pair->since_us >= LEAVING_US)
        return false;
    enter(pair, JA_PAIR_WANTED, now_us);
    return true;
}

static void judge_pairs(struct ja_connections *connections, const struct ja_graph *graph,
                        bool ports_changed, uint64_t now_us) {
    for (size_t i = 0; i < connections->pair_count;) {
        struct ja_pair *pair = &connections->pairs[i];
        bool keep = true;
        if (has_link(graph, pair->own, pair->other)) {
            if (pair->state != JA_PAIR_CONNECTED)
                enter(pair, JA_PAIR_CONNECTED, now_us);
        } else if (has_port(graph, pair->other)) {
            judge_present(connections, pair, ports_changed, now_us);
        } else if (has_port(&connections->graph, pair->other)) {
            keep = judge_gone(pair, now_us);
        }
        if (keep)
            i++;
        else
            remove_pair(connections, i);
    }
}

static void learn_links(struct ja_connections *connections, const struct ja_graph *graph,
                        uint64_t now_us) {
    for (size_t i = 0; i < graph->link_count; i++) {
        const struct ja_graph_link *link = &graph->links[i];
        if (!find_pair(connections, link->own, link->other))
            add_pair(connections, link->own, link->other, JA_PAIR_CONNECTED, now_us);
    }
}

/* The i-th match leads to input i, cyclically; matches are counted rule by rule. */
static void apply_rules(struct ja_connections *connections, const struct wiring *wiring,
                        const struct ja_graph *graph, uint64_t now_us) {
    unsigned matches = 0;
    for (size_t r = 0; r < wiring->rule_count; r++)
        for (size_t p = 0; p < graph->port_count; p++) {
            const struct ja_graph_port *port = &graph->ports[p];
            if (matching_rule(wiring, port) != r)
                continue;
            unsigned own = wiring->first + matches++ % wiring->inputs;
            if (!has_port(&connections->graph, port->name) &&
                !find_pair(connections, own, port->name))
                add_pair(connections, own, port->name, JA_PAIR_WANTED, now_us);
        }
}

void ja_connections_restart(struct ja_connections *connections) {
    ja_graph_clear(&connections->graph);
    for (size_t i = 0; i < connections->pair_count; i++)
        if (connections->pairs[i].state != JA_PAIR_REFUSED)
            enter(&connections->pairs[i], JA_PAIR_WANTED, 0);
}

void ja_connections_update(struct ja_connections *connections, struct ja_graph *graph,
                           bool ports_changed, uint64_t now_us) {
    judge_pairs(connections, graph, ports_changed, now_us);
    learn_links(connections, graph, now_us);
    for (size_t w = 0; w < connections->wiring_count; w++)
        apply_rules(connections, &connections->wirings[w], graph, now_us);
    ja_graph_clear(&connections->graph);
    connections->graph = *graph;
    *graph = (struct ja_graph){0};
}

struct ja_pair *ja_connections_due(struct ja_connections *connections, uint64_t now_us) {
    for (size_t i = 0; i < connections->pair_count; i++) {
        struct ja_pair *pair = &connections->pairs[i];
        if (pair->state == JA_PAIR_WANTED && pair->since_us <= now_us &&
            has_port(&connections->graph, pair->other))
            return pair;
    }
    return NULL;
}

void ja_connections_tried(struct ja_pair *pair, bool agreed, uint64_t now_us) {
    if (agreed) {
        enter(pair, JA_PAIR_ASKED, now_us);
        return;
    }
    pair->since_us = now_us + RETRY_US;
    if (++pair->tries < TRIES)
        return;
    ja_log(JA_LOG_WARNING, "cannot connect %s: the server refuses", pair->other);
    enter(pair, JA_PAIR_FAILED, now_us);
}

uint64_t ja_connections_next_us(const struct ja_connections *connections) {
    uint64_t next_us = UINT64_MAX;
    for (size_t i = 0; i < connections->pair_count; i++) {
        const struct ja_pair *pair = &connections->pairs[i];
        bool waits = pair->state == JA_PAIR_ASKED || pair->state == JA_PAIR_WANTED;
        if (!waits || !has_port(&connections->graph, pair->other))
            continue;
        uint64_t at_us = pair->since_us + (pair->state == JA_PAIR_ASKED ? SHOW_US : 0);
        if (at_us < next_us)
            next_us = at_us;
    }
    return next_us;
}

unsigned ja_connections_count(const struct ja_connections *connections, unsigned own) {
    unsigned count = 0;
    for (size_t i = 0; i < connections->graph.link_count; i++)
        count += connections->graph.links[i].own == own;
    return count;
}
