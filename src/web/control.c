/* Commands about one stream, by a socket of their own or the one that sends its sound.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest.h"

#include <string.h>

/* The program's own streams are the main thread's. */
static bool exists(struct ja_api *api, const char *name) {
    return ja_bus_find(api, name) || ja_guest_find(api, name);
}

void ja_control_socket_open(struct ja_api *api, struct ja_api_client *mine) {
    if (!exists(api, mine->id))
        ja_clients_refuse(mine, "error", "not_found", 1008, "there is no such stream");
}

static void reset(struct ja_guest *guest, struct ja_api_client *from,
                  const struct ja_web_message *message) {
    bool fine = ja_stream_reset(guest->analysis);
    ja_clients_answer(from, message, "ack", fine,
                      fine ? "analysis reset" : "the analysis takes no commands now");
}

static void pause(struct ja_guest *guest, struct ja_api_client *from,
                  const struct ja_web_message *message, bool paused) {
    bool fine = ja_stream_pause(guest->analysis, paused);
    ja_clients_answer(from, message, "ack", fine,
                      !fine    ? "the analysis takes no commands now"
                      : paused ? "paused"
                               : "running");
}

/* What the main thread knows, and the program's own streams. Who asks after having sent is told of
 * that. */
static void pass_on(struct ja_api *api, struct ja_api_client *from, const struct ja_guest *guest,
                    const struct ja_web_message *message) {
    struct ja_asked asked = {.kind = JA_ASKED_CONTROL, .message = *message};
    ja_text_copy(asked.what, sizeof asked.what, from->id);
    if (guest && guest->heard_us >= api->guests_told_us)
        api->guests_told = false;
    ja_audio_tell(api);
    ja_clients_ask(api, from, &asked);
}

void ja_control_socket_heard(struct ja_api *api, struct ja_api_client *from,
                             const struct ja_web_message *message) {
    static const char *const known[] = {"get_stats", "list_streams", "reset_analysis", "pause",
                                        "resume"};
    const char *name = message->call.name;
    struct ja_guest *guest = ja_guest_find(api, from->id);
    size_t i = 0;
    while (i < sizeof known / sizeof known[0] && strcmp(known[i], name) != 0)
        i++;
    if (i == sizeof known / sizeof known[0])
        ja_clients_answer(from, message, "ack", false,
                          "the commands here are get_stats, reset_analysis, list_streams, pause "
                          "and resume");
    else if (message->call.count > 0)
        ja_clients_answer(from, message, "ack", false, "this command has no arguments");
    else if (!exists(api, from->id))
        ja_clients_answer(from, message, "ack", false, "the stream has ended");
    else if (guest && !strcmp(name, "reset_analysis"))
        reset(guest, from, message);
    else if (guest && !strcmp(name, "pause"))
        pause(guest, from, message, true);
    else if (guest && !strcmp(name, "resume"))
        pause(guest, from, message, false);
    else
        pass_on(api, from, guest, message);
}
