/* Ports: our own, others', their links and their names for people.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ports.h"

#include <errno.h>
#include <jack/metadata.h>
#include <jack/uuid.h>
#include <stdlib.h>
#include <string.h>

/* --- Our own ports --- */

void ja_ports_name(char *name, size_t size, const char *stream, unsigned input) {
    if (strcmp(stream, "main") == 0)
        snprintf(name, size, "in_%u", input + 1);
    else
        snprintf(name, size, "%s_in_%u", stream, input + 1);
}

static jack_port_t *register_port(struct ja_jack *jack, const char *name, const char *type,
                                  unsigned long flags) {
    jack_port_t *port = jack_port_register(jack->client, name, type, flags, 0);
    jack->ports[jack->port_count++] = port;
    return port;
}

bool ja_ports_register(struct ja_jack *jack) {
    struct ja_process *process = &jack->process;
    jack->port_count = 0;
    for (unsigned s = 0; s < process->stream_count; s++)
        for (unsigned c = 0; c < process->streams[s].inputs; c++) {
            char name[128];
            ja_ports_name(name, sizeof name, jack->streams[s], c);
            process->streams[s].ports[c] = register_port(jack, name, JACK_DEFAULT_AUDIO_TYPE,
                                                         JackPortIsInput | JackPortIsTerminal);
            if (!process->streams[s].ports[c])
                return false;
        }
    process->midi_in = register_port(jack, "midi_in", JACK_DEFAULT_MIDI_TYPE,
                                     JackPortIsInput | JackPortIsTerminal);
    process->midi_out = register_port(jack, "midi_out", JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput);
    return process->midi_in && process->midi_out;
}

static void pretty_name(char *name, size_t size, const char *stream, unsigned input,
                        unsigned inputs) {
    const char *before = strcmp(stream, "main") == 0 ? "" : stream;
    const char *space = *before ? " " : "";
    if (inputs == 2)
        snprintf(name, size, "%s%sInput %c", before, space, "LR"[input]);
    else
        snprintf(name, size, "%s%sInput %u", before, space, input + 1);
}

static void decorate_port(const struct ja_jack *jack, unsigned own, const char *pretty) {
    jack_uuid_t uuid = jack_port_uuid(jack->ports[own]);
    char order[16];
    snprintf(order, sizeof order, "%u", own + 1);
    jack_set_property(jack->client, uuid, JACK_METADATA_PRETTY_NAME, pretty, "text/plain");
    jack_set_property(jack->client, uuid, JACK_METADATA_ORDER, order,
                      "http://www.w3.org/2001/XMLSchema#int");
}

void ja_ports_decorate(const struct ja_jack *jack) {
    unsigned own = 0;
    for (unsigned s = 0; s < jack->process.stream_count; s++)
        for (unsigned c = 0; c < jack->process.streams[s].inputs; c++) {
            char pretty[128];
            pretty_name(pretty, sizeof pretty, jack->streams[s], c,
                        jack->process.streams[s].inputs);
            decorate_port(jack, own++, pretty);
        }
    decorate_port(jack, own++, "MIDI in");
    decorate_port(jack, own, "MIDI out");

    char *uuid_text =
        jack_get_uuid_for_client_name(jack->client, jack_get_client_name(jack->client));
    jack_uuid_t uuid;
    if (uuid_text && jack_uuid_parse(uuid_text, &uuid) == 0)
        jack_set_property(jack->client, uuid, JACK_METADATA_ICON_NAME, "jack-analyzer",
                          "text/plain");
    jack_free(uuid_text);
}

static uint32_t capture_latency(jack_port_t *port) {
    jack_latency_range_t range = {0};
    jack_port_get_latency_range(port, JackCaptureLatency, &range);
    return range.max;
}

void ja_ports_read_latency(struct ja_jack *jack) {
    for (unsigned s = 0; s < jack->process.stream_count; s++) {
        struct ja_process_stream *stream = &jack->process.streams[s];
        uint32_t latency_frames = 0;
        for (unsigned c = 0; c < stream->inputs; c++) {
            uint32_t frames = capture_latency(stream->ports[c]);
            if (frames > latency_frames)
                latency_frames = frames;
        }
        atomic_store_explicit(&stream->latency_frames, latency_frames, memory_order_relaxed);
    }
    atomic_store_explicit(&jack->process.midi_latency_frames,
                          capture_latency(jack->process.midi_in), memory_order_relaxed);
}

/* --- Others' ports --- */

static void picture_ports(const struct ja_jack *jack, struct ja_graph *graph, const char *type,
                          unsigned long direction) {
    bool sound = !strcmp(type, JACK_DEFAULT_AUDIO_TYPE);
    const char **names = jack_get_ports(jack->client, NULL, type, direction);
    for (size_t i = 0; names && names[i]; i++) {
        jack_port_t *port = jack_port_by_name(jack->client, names[i]);
        if (!port)
            continue;
        ja_graph_add_port(graph, names[i], sound,
                          (jack_port_flags(port) & JackPortIsPhysical) != 0);
    }
    jack_free(names);
}

void ja_ports_picture(const struct ja_jack *jack, struct ja_graph *graph) {
    picture_ports(jack, graph, JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput);
    picture_ports(jack, graph, JACK_DEFAULT_MIDI_TYPE, JackPortIsInput);
    picture_ports(jack, graph, JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput);
    for (unsigned own = 0; own < jack->port_count; own++) {
        const char **others = jack_port_get_all_connections(jack->client, jack->ports[own]);
        for (size_t i = 0; others && others[i]; i++)
            ja_graph_add_link(graph, own, others[i]);
        jack_free(others);
    }
}

static void look_at_port(struct ja_jack *jack, struct ja_jack_port *other, jack_port_t *port) {
    bool audio = !strcmp(jack_port_type(port), JACK_DEFAULT_AUDIO_TYPE);
    int flags = jack_port_flags(port);
    snprintf(other->name, sizeof other->name, "%s", jack_port_name(port));
    other->type = audio ? "audio" : "midi";
    other->direction = flags & JackPortIsOutput ? "output" : "input";
    other->physical = (flags & JackPortIsPhysical) != 0;
    other->connected = false;
    for (unsigned own = 0; own < jack->port_count; own++)
        if (jack_port_connected_to(jack->ports[own], other->name))
            other->connected = true;
}

size_t ja_ports_others(struct ja_jack *jack) {
    static const struct {
        const char *type;
        unsigned long flags;
    } kinds[] = {{JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput}, {JACK_DEFAULT_MIDI_TYPE, 0}};
    size_t count = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const char **names = jack_get_ports(jack->client, NULL, kinds[k].type, kinds[k].flags);
        for (size_t i = 0; names && names[i] && count < JA_SHOWN_PORTS; i++) {
            jack_port_t *port = jack_port_by_name(jack->client, names[i]);
            if (port && !jack_port_is_mine(jack->client, port))
                look_at_port(jack, &jack->others[count++], port);
        }
        jack_free(names);
    }
    return count;
}

bool ja_ports_connect(const struct ja_jack *jack, const struct ja_pair *pair) {
    const char *own = jack_port_name(jack->ports[pair->own]);
    bool is_output = pair->own + 1 == jack->port_count; /* midi_out is the last */
    int failure = is_output ? jack_connect(jack->client, own, pair->other)
                            : jack_connect(jack->client, pair->other, own);
    return failure == 0 || failure == EEXIST;
}

/* --- --list-ports --- */

static void list_port(jack_client_t *client, const char *name, FILE *out) {
    jack_port_t *port = jack_port_by_name(client, name);
    if (!port)
        return;
    unsigned long flags = (unsigned long)jack_port_flags(port);
    const char *type = jack_port_type(port);
    const char *kind = strcmp(type, JACK_DEFAULT_AUDIO_TYPE) == 0  ? "audio"
                       : strcmp(type, JACK_DEFAULT_MIDI_TYPE) == 0 ? "midi"
                                                                   : type;
    fprintf(out, "%s\n    %s %s%s\n", name, kind, flags & JackPortIsOutput ? "output" : "input",
            flags & JackPortIsPhysical ? ", physical" : "");
    const char **others = jack_port_get_all_connections(client, port);
    for (size_t i = 0; others && others[i]; i++)
        fprintf(out, "    %s %s\n", flags & JackPortIsOutput ? "->" : "<-", others[i]);
    jack_free(others);
}

static void ignore_message(const char *message) {
    (void)message;
}

enum ja_status ja_ports_list(const char *server, FILE *out, struct ja_error *error) {
    jack_set_error_function(ignore_message);
    jack_set_info_function(ignore_message);
    jack_status_t status = 0;
    jack_client_t *client =
        server ? jack_client_open("jack-analyzer-list", JackNoStartServer | JackServerName, &status,
                                  server)
               : jack_client_open("jack-analyzer-list", JackNoStartServer, &status);
    if (!server)
        server = getenv("JACK_DEFAULT_SERVER");
    if (!client)
        return ja_fail(error, JA_FAILED, "no JACK server%s%s%s is running", server ? " \"" : "",
                       server ? server : "", server ? "\"" : "");
    const char **names = jack_get_ports(client, NULL, NULL, 0);
    for (size_t i = 0; names && names[i]; i++)
        list_port(client, names[i], out);
    if (names)
        fputs("\nAny audio output can be listened to, a sound card's inputs being outputs here:\n"
              "    --set stream.main.connect=NAME    where NAME may be a pattern, deck:out_.*\n",
              out);
    jack_free(names);
    jack_client_close(client);
    return JA_OK;
}
