/* The table of commands, and how one is checked and run.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/control/command.h>

#include <ja/core/clock.h>
#include <ja/core/log.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { ARGUMENTS = 4, NAME_BYTES = 32 };

static const double least_range = 1.1;             /* from the slowest tempo to the fastest */
static const double least_s = 0.1, most_s = 86400; /* after which an order is undone */

static enum ja_status missing(struct ja_text *reply) {
    ja_text_put(reply, "not possible here");
    return JA_FAILED;
}

/* Whose address may be forged must not say where things go: somebody else could be flooded. */
static bool is_doubted(const struct ja_operator *who, struct ja_text *reply) {
    if (!who->asker || who->asker->confirmed)
        return false;
    ja_text_put(reply, "confirm first");
    return true;
}

/* A value of any type, as the text it would have in a configuration file. */
static void put_value(struct ja_text *text, const struct ja_argument *argument) {
    if (argument->type == 's')
        ja_text_put(text, argument->string);
    else if (argument->type == 'i')
        ja_text_format(text, "%d", argument->integer);
    else
        ja_text_format(text, "%.9g", argument->number);
}

static enum ja_status run_set(const struct ja_operator *who, const struct ja_argument *arguments,
                              struct ja_text *reply) {
    char value[1024];
    struct ja_text text;
    ja_text_init(&text, value, sizeof value);
    put_value(&text, &arguments[1]);
    if (text.full) {
        ja_text_format(reply, "the value for %.64s is longer than %zu bytes", arguments[0].string,
                       sizeof value - 1);
        return JA_USAGE;
    }
    if (who->directs && who->directs(who->data, arguments[0].string) && is_doubted(who, reply))
        return JA_FAILED;
    return who->set ? who->set(who->data, arguments[0].string, value, reply) : missing(reply);
}

static enum ja_status run_get(const struct ja_operator *who, const struct ja_argument *arguments,
                              struct ja_text *reply) {
    return who->get ? who->get(who->data, arguments[0].string, reply) : missing(reply);
}

static enum ja_status run_preset(const struct ja_operator *who, const struct ja_argument *arguments,
                                 struct ja_text *reply) {
    if (!strncmp(arguments[0].string, "target/", 7) && is_doubted(who, reply))
        return JA_FAILED;
    return who->preset ? who->preset(who, arguments[0].string, reply) : missing(reply);
}

static enum ja_status run_reset(const struct ja_operator *who, const struct ja_argument *arguments,
                                struct ja_text *reply) {
    (void)arguments;
    return who->reset ? who->reset(who->data, reply) : missing(reply);
}

static enum ja_status run_pause(const struct ja_operator *who, const struct ja_argument *arguments,
                                struct ja_text *reply) {
    (void)arguments;
    return who->pause ? who->pause(who->data, true, reply) : missing(reply);
}

static enum ja_status run_resume(const struct ja_operator *who, const struct ja_argument *arguments,
                                 struct ja_text *reply) {
    (void)arguments;
    return who->pause ? who->pause(who->data, false, reply) : missing(reply);
}

static enum ja_status run_mute(const struct ja_operator *who, const struct ja_argument *arguments,
                               struct ja_text *reply) {
    int wish = arguments[1].integer;
    if (wish != 0 && wish != 1) {
        ja_text_format(reply, "mute takes 1 (silent) or 0 (not), not %d", wish);
        return JA_USAGE;
    }
    return who->mute ? who->mute(who->data, arguments[0].string, wish == 1, reply) : missing(reply);
}

static enum ja_status run_level(const struct ja_operator *who, const struct ja_argument *arguments,
                                struct ja_text *reply) {
    return who->level ? who->level(who->data, arguments[0].string, reply) : missing(reply);
}

/* For how long, when that is given. */
static bool read_seconds(const char *name, const struct ja_argument *argument, double *for_s,
                         struct ja_text *reply) {
    *for_s = argument->type ? argument->number : 0;
    if (!argument->type || (*for_s >= least_s && *for_s <= most_s))
        return true;
    ja_text_format(reply, "%s ends after %g to %g s, not %.6g", name, least_s, most_s, *for_s);
    return false;
}

static enum ja_status tell_beat(const struct ja_operator *who, enum ja_beat_action action,
                                double number, struct ja_text *reply) {
    return who->beat ? who->beat(who->data, action, number, 0, reply) : missing(reply);
}

static enum ja_status tell_beat_for(const struct ja_operator *who, const char *name,
                                    enum ja_beat_action action, double number,
                                    const struct ja_argument *seconds, struct ja_text *reply) {
    double for_s;
    if (!read_seconds(name, seconds, &for_s, reply))
        return JA_USAGE;
    return who->beat ? who->beat(who->data, action, number, for_s, reply) : missing(reply);
}

static enum ja_status run_tap(const struct ja_operator *who, const struct ja_argument *arguments,
                              struct ja_text *reply) {
    (void)arguments;
    return tell_beat(who, JA_BEAT_TAP, 0, reply);
}

static enum ja_status run_resync(const struct ja_operator *who, const struct ja_argument *arguments,
                                 struct ja_text *reply) {
    (void)arguments;
    return tell_beat(who, JA_BEAT_RESYNC, 0, reply);
}

static enum ja_status run_nudge(const struct ja_operator *who, const struct ja_argument *arguments,
                                struct ja_text *reply) {
    double ms = arguments[0].number;
    if (fabs(ms) > 200) {
        ja_text_format(reply, "nudge takes -200 to 200 ms, not %.6g", ms);
        return JA_USAGE;
    }
    return tell_beat(who, JA_BEAT_NUDGE, ms, reply);
}

static enum ja_status run_half(const struct ja_operator *who, const struct ja_argument *arguments,
                               struct ja_text *reply) {
    return tell_beat_for(who, "half", JA_BEAT_HALF, 0, &arguments[0], reply);
}

static enum ja_status run_double(const struct ja_operator *who, const struct ja_argument *arguments,
                                 struct ja_text *reply) {
    return tell_beat_for(who, "double", JA_BEAT_DOUBLE, 0, &arguments[0], reply);
}

static enum ja_status run_auto(const struct ja_operator *who, const struct ja_argument *arguments,
                               struct ja_text *reply) {
    (void)arguments;
    return tell_beat(who, JA_BEAT_AUTO, 0, reply);
}

static enum ja_status run_range(const struct ja_operator *who, const struct ja_argument *arguments,
                                struct ja_text *reply) {
    double low = arguments[0].number, high = arguments[1].number, for_s;
    if (low <= 0 || high < least_range * low) {
        ja_text_format(reply,
                       "range takes the slowest and the fastest tempo, at least %g times as fast, "
                       "not %.6g and %.6g",
                       least_range, low, high);
        return JA_USAGE;
    }
    if (!read_seconds("range", &arguments[2], &for_s, reply))
        return JA_USAGE;
    return who->range ? who->range(who->data, low, high, for_s, reply) : missing(reply);
}

static void say_no_switch(const char *name, int wish, struct ja_text *reply) {
    ja_text_format(reply, "%s takes 1 (on) or 0 (off), not %d", name, wish);
}

/* Commands that take 1 or 0, and for how long. */
static enum ja_status switch_beat(const struct ja_operator *who, const char *name,
                                  enum ja_beat_action action, const struct ja_argument *arguments,
                                  struct ja_text *reply) {
    int wish = arguments[0].integer;
    if (wish != 0 && wish != 1) {
        say_no_switch(name, wish, reply);
        return JA_USAGE;
    }
    return tell_beat_for(who, name, action, wish, &arguments[1], reply);
}

static enum ja_status run_hold(const struct ja_operator *who, const struct ja_argument *arguments,
                               struct ja_text *reply) {
    return switch_beat(who, "hold", JA_BEAT_HOLD, arguments, reply);
}

static enum ja_status run_lock(const struct ja_operator *who, const struct ja_argument *arguments,
                               struct ja_text *reply) {
    return switch_beat(who, "lock", JA_BEAT_LOCK, arguments, reply);
}

static enum ja_status run_feedback(const struct ja_operator *who,
                                   const struct ja_argument *arguments, struct ja_text *reply) {
    return who->feedback ? who->feedback(who->data, arguments[0].string, reply) : missing(reply);
}

static enum ja_status run_test_beats(const struct ja_operator *who,
                                     const struct ja_argument *arguments, struct ja_text *reply) {
    int wish = arguments[1].integer;
    double for_s;
    if (wish != 0 && wish != 1) {
        say_no_switch("test-beats", wish, reply);
        return JA_USAGE;
    }
    if (!read_seconds("test-beats", &arguments[2], &for_s, reply))
        return JA_USAGE;
    return who->test_beats
               ? who->test_beats(who->data, arguments[0].number, wish == 1, for_s, reply)
               : missing(reply);
}

static enum ja_status run_learn(const struct ja_operator *who, const struct ja_argument *arguments,
                                struct ja_text *reply) {
    if (is_doubted(who, reply))
        return JA_FAILED;
    return who->learn ? who->learn(who->data, arguments[0].string, reply) : missing(reply);
}

static enum ja_status run_ping(const struct ja_operator *who, const struct ja_argument *arguments,
                               struct ja_text *reply) {
    (void)who, (void)arguments;
    ja_text_put(reply, "pong");
    return JA_OK;
}

static enum ja_status run_get_stats(const struct ja_operator *who,
                                    const struct ja_argument *arguments, struct ja_text *reply) {
    (void)arguments;
    return who->stats ? who->stats(who->data, reply) : missing(reply);
}

static enum ja_status run_list_streams(const struct ja_operator *who,
                                       const struct ja_argument *arguments, struct ja_text *reply) {
    (void)arguments;
    return who->streams ? who->streams(who->data, reply) : missing(reply);
}

static enum ja_status run_subscribe(const struct ja_operator *who,
                                    const struct ja_argument *arguments, struct ja_text *reply) {
    if (!who->asker || !who->subscribe)
        return missing(reply);
    return who->subscribe(who, arguments[0].string, arguments[1].integer, reply);
}

static enum ja_status run_unsubscribe(const struct ja_operator *who,
                                      const struct ja_argument *arguments, struct ja_text *reply) {
    if (!who->asker || !who->unsubscribe)
        return missing(reply);
    return who->unsubscribe(who->data, &who->asker->peer, arguments[0].string, arguments[1].integer,
                            reply);
}

static enum ja_status run_confirm(const struct ja_operator *who,
                                  const struct ja_argument *arguments, struct ja_text *reply) {
    if (!who->asker)
        return missing(reply);
    bool right = ja_handshake_confirm(who->asker->handshake, &who->asker->peer,
                                      arguments[0].integer, ja_clock_us());
    ja_text_put(reply, right ? "confirmed" : "this is not the number, or it is too old");
    return right ? JA_OK : JA_FAILED;
}

const struct ja_command ja_commands[] = {
    {"tap", "", "A beat is now; from the second tap on, the tempo follows too.", run_tap},
    {"resync", "", "The first beat of the bar is now.", run_resync},
    {"nudge", "f", "Tells all beats so many ms later, -200 to 200; adds up.", run_nudge},
    {"half", "[f]", "Halves the tempo and stays near it; for so many seconds, if given.", run_half},
    {"double", "[f]", "Doubles the tempo and stays near it; for so many seconds, if given.",
     run_double},
    {"hold", "i[f]",
     "Goes on at the present tempo whatever is heard (1), or listens again (0); for so many "
     "seconds, if given.",
     run_hold},
    {"lock", "i[f]",
     "Keeps the tempo within 4 % while beats are followed (1), or no longer (0); for so many "
     "seconds, if given.",
     run_lock},
    {"auto", "", "Follows the music alone: undoes tap, nudge, half, double, hold and lock.",
     run_auto},
    {"range", "ff[f]",
     "Looks for tempi between two, in bpm; sets tempo.min_bpm and tempo.max_bpm, for so many "
     "seconds, if given.",
     run_range},
    {"feedback", "s",
     "Says what is good or wrong, which is put right and learnt: good, wrong-octave, off-beat, "
     "wrong-one, energy-good, energy-false, energy-missed.",
     run_feedback},
    {"test-beats", "fi[f]",
     "Sends beats at a tempo to every output in place of what is heard, for patching: on (1), for "
     "so many seconds, if given, at most 600; or off (0).",
     run_test_beats},
    {"learn", "s",
     "Binds the next note or controller at the port midi_in to a command, as in \"tap\" or "
     "\"nudge -20..20\"; \"\" binds nothing. Set midi_in.bind to keep it.",
     run_learn},
    {"set", "sv", "Sets an option to a value.", run_set},
    {"get", "s", "Tells the value of an option.", run_get},
    {"preset", "s", "Applies a preset, KIND/NAME.", run_preset},
    {"reset", "", "Forgets the music heard so far.", run_reset},
    {"pause", "", "Stops analysing; sound is still taken in.", run_pause},
    {"resume", "", "Goes on analysing.", run_resume},
    {"mute", "si", "Silences an output (1) or lets it speak again (0).", run_mute},
    {"level", "s",
     "Analyses so much: low, medium, high, maximum, or auto (what the machine can do).", run_level},
    {"subscribe", "si",
     "Asks for results: outputs (beat, level/rms, all) or a preset (target/NAME), and the port to "
     "send them to (0: the one asked from); for 60 s, repeat it to go on.",
     run_subscribe},
    {"unsubscribe", "si", "Ends that; all ends everything that goes to the port.", run_unsubscribe},
    {"confirm", "i", "Says back the number of a /ja/confirm, to show that the asker is there.",
     run_confirm},
    {"ping", "", "Is answered with pong.", run_ping},
    {"get_stats", "", "Tells counters and load as JSON.", run_get_stats},
    {"reset_analysis", "", "The same as reset.", run_reset},
    {"list_streams", "", "Tells the streams' names, channels and states as JSON.",
     run_list_streams},
};
const size_t ja_command_count = sizeof ja_commands / sizeof ja_commands[0];

static const struct ja_command *find(const char *name) {
    for (size_t i = 0; i < ja_command_count; i++)
        if (!strcmp(ja_commands[i].name, name))
            return &ja_commands[i];
    return NULL;
}

/* Names from the network can be of any length; comparing costs its square. */
static void say_unknown(const char *name, struct ja_text *reply) {
    char start[NAME_BYTES];
    bool whole = ja_text_copy(start, sizeof start, name);
    const char *nearest = "";
    unsigned least = UINT_MAX;
    for (size_t i = 0; i < ja_command_count; i++) {
        unsigned distance = ja_text_distance(start, ja_commands[i].name);
        if (distance < least) {
            least = distance;
            nearest = ja_commands[i].name;
        }
    }
    ja_text_format(reply, "there is no command \"%s%s\"; the nearest is \"%s\"", start,
                   whole ? "" : "…", nearest);
}

static const char *type_name(char type) {
    return type == 's'   ? "a string"
           : type == 'i' ? "an integer"
           : type == 'f' ? "a number"
                         : "a value";
}

/* One argument as the type that is wanted; i and f stand for each other where exact. */
static bool convert(char wanted, const struct ja_argument *given, struct ja_argument *argument) {
    *argument = *given;
    if (wanted == 'v' || wanted == given->type)
        return given->type != 'f' || isfinite(given->number);
    argument->type = wanted;
    if (wanted == 'f' && given->type == 'i') {
        argument->number = given->integer;
        return true;
    }
    if (wanted == 'i' && given->type == 'f') {
        double number = given->number;
        if (!(number >= INT_MIN && number <= INT_MAX) || number != floor(number))
            return false;
        argument->integer = (int)number;
        return true;
    }
    return false;
}

/* How many arguments must be given; the letters of all that may be go to `letters`. */
static size_t split(const char *arguments, char letters[ARGUMENTS + 1]) {
    size_t least = strcspn(arguments, "["), count = 0;
    for (; *arguments; arguments++)
        if (*arguments != '[' && *arguments != ']')
            letters[count++] = *arguments;
    letters[count] = '\0';
    return least;
}

static void put_usage(struct ja_text *text, const struct ja_command *command) {
    char letters[ARGUMENTS + 1];
    size_t least = split(command->arguments, letters);
    ja_text_put(text, command->name);
    for (size_t i = 0; letters[i]; i++)
        ja_text_format(text, "%s%s%s", i == 0 ? " takes " : " and ", i >= least ? "perhaps " : "",
                       type_name(letters[i]));
    if (!letters[0])
        ja_text_put(text, " takes no argument");
}

enum ja_status ja_command_run(const struct ja_operator *who, const char *name,
                              const struct ja_argument *arguments, size_t count,
                              struct ja_text *reply) {
    struct ja_argument converted[ARGUMENTS] = {{0}};
    char letters[ARGUMENTS + 1];
    const struct ja_command *command = find(name);
    if (!command) {
        say_unknown(name, reply);
        return JA_USAGE;
    }
    size_t least = split(command->arguments, letters);
    if (count < least || count > strlen(letters)) {
        put_usage(reply, command);
        ja_text_format(reply, "; %zu given", count);
        return JA_USAGE;
    }
    for (size_t i = 0; i < count; i++) {
        if (convert(letters[i], &arguments[i], &converted[i]))
            continue;
        put_usage(reply, command);
        ja_text_format(reply, "; argument %zu is not that", i + 1);
        return JA_USAGE;
    }
    size_t before = reply->length;
    enum ja_status status = command->run(who, converted, reply);
    if (reply->length == before)
        ja_text_put(reply, status == JA_OK ? "ok" : "failed");
    return status;
}

bool ja_command_put_off(const struct ja_operator *who, struct ja_waiter **waiter,
                        struct ja_text *reply) {
    *waiter = who->wait ? who->wait(who->asking) : NULL;
    if (*waiter || !who->wait)
        return true;
    ja_text_put(reply, "no memory to answer later");
    return false;
}

void ja_command_answer(struct ja_waiter *waiter, enum ja_status status, const char *text) {
    if (waiter)
        waiter->answer(waiter, status, text);
    else
        ja_log(status == JA_OK ? JA_LOG_DEBUG : JA_LOG_WARNING, "%s", text);
}

char ja_command_argument(const char *name, size_t i) {
    char letters[ARGUMENTS + 1];
    const struct ja_command *command = find(name);
    if (!command)
        return '\0';
    split(command->arguments, letters);
    return i < strlen(letters) ? letters[i] : '\0';
}

void ja_command_list(FILE *out) {
    for (size_t i = 0; i < ja_command_count; i++)
        fprintf(out, "/ja/ctl/%-14s %-5s %s\n", ja_commands[i].name, ja_commands[i].arguments,
                ja_commands[i].help);
}
