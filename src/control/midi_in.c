/* Reads bindings, runs what is bound to a message, and learns new ones.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/control/midi_in.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_ON = 0x90, CONTROLLER = 0xb0, PRESSED = 64, MOST = 127 };

static const struct ja_option options[] = {
    JA_OPTION_LIST(struct ja_midi_in_settings, bind, "bind", "", JA_LIVE,
                   "Commands by the port midi_in, one line each: note NUMBER or cc NUMBER, perhaps "
                   "ch CHANNEL, a colon and the command, as in \"note 60 ch 1: tap\" or "
                   "\"cc 20: nudge -20..20\"."),
};

const struct ja_module ja_midi_in_module = {
    .name = "midi_in",
    .help = "Steering by MIDI.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .settings_size = sizeof(struct ja_midi_in_settings),
};

/* --- Reading --- */

/* The next word of `rest`, which is cut there; NULL at the end. */
static char *next_word(char **rest) {
    char *word = *rest + strspn(*rest, " ");
    if (!*word)
        return NULL;
    *rest = word + strcspn(word, " ");
    if (**rest)
        *(*rest)++ = '\0';
    return word;
}

static enum ja_status read_number(const char *what, const char *word, int least, int most,
                                  int *number, struct ja_error *error) {
    long long value;
    if (!word || !ja_text_integer(word, &value) || value < least || value > most)
        return ja_fail(error, JA_USAGE, "the %s must be %d to %d, not \"%s\"", what, least, most,
                       word ? word : "");
    *number = (int)value;
    return JA_OK;
}

/* "note 60 ch 1" */
static enum ja_status read_source(char *text, struct ja_midi_source *source,
                                  struct ja_error *error) {
    const char *kind = next_word(&text);
    *source = (struct ja_midi_source){.note = kind && !strcmp(kind, "note")};
    if (!source->note && (!kind || strcmp(kind, "cc") != 0))
        return ja_fail(error, JA_USAGE, "it must begin with note or cc, not \"%s\"",
                       kind ? kind : "");
    enum ja_status status = read_number(kind, next_word(&text), 0, MOST, &source->number, error);
    const char *word = next_word(&text);
    if (status != JA_OK || !word)
        return status;
    if (strcmp(word, "ch") != 0)
        return ja_fail(error, JA_USAGE, "after the %s comes \"ch CHANNEL\" or a colon, not \"%s\"",
                       kind, word);
    status = read_number("channel", next_word(&text), 1, 16, &source->channel, error);
    if (status == JA_OK && (word = next_word(&text)))
        return ja_fail(error, JA_USAGE, "after the channel comes a colon, not \"%s\"", word);
    return status;
}

/* "-20..20" */
static bool read_range(const char *word, double *low, double *high) {
    char first[32];
    const char *dots = strstr(word, "..");
    if (!dots || (size_t)(dots - word) >= sizeof first)
        return false;
    memcpy(first, word, (size_t)(dots - word));
    first[dots - word] = '\0';
    return ja_text_double(first, low) && ja_text_double(dots + 2, high);
}

static struct ja_argument read_argument(const char *word) {
    long long integer;
    double number;
    if (ja_text_integer(word, &integer) && integer == (int)integer)
        return (struct ja_argument){.type = 'i', .integer = (int)integer};
    if (ja_text_double(word, &number))
        return (struct ja_argument){.type = 'f', .number = number};
    return (struct ja_argument){.type = 's', .string = word};
}

static enum ja_status read_arguments(struct ja_binding *binding, char *rest,
                                     struct ja_error *error) {
    const char *word;
    binding->mapped = -1;
    for (binding->count = 0; (word = next_word(&rest)); binding->count++) {
        if (binding->count == JA_BINDING_ARGUMENTS)
            return ja_fail(error, JA_USAGE, "no command takes more than %d arguments",
                           JA_BINDING_ARGUMENTS);
        binding->arguments[binding->count] = read_argument(word);
        if (!read_range(word, &binding->low, &binding->high))
            continue;
        if (binding->source.note || binding->mapped >= 0)
            return ja_fail(error, JA_USAGE, "%s, so \"%s\" cannot be a range",
                           binding->source.note ? "a note has no values"
                                                : "one argument is a range already",
                           word);
        binding->mapped = (int)binding->count;
    }
    return JA_OK;
}

/* Puts a place in the range, 0…1, where it belongs. */
static void set_mapped(struct ja_binding *binding, double share) {
    double value = binding->low + share * (binding->high - binding->low);
    binding->arguments[binding->mapped] =
        (struct ja_argument){.type = 'f', .number = binding->whole ? nearbyint(value) : value};
}

/* Nobody is asked to do it: what is wrong with the arguments shows all the same. */
static enum ja_status try_command(const struct ja_binding *binding, struct ja_error *error) {
    static const struct ja_operator nobody;
    struct ja_text reply;
    ja_text_init(&reply, error->text, sizeof error->text);
    return ja_command_run(&nobody, binding->command, binding->arguments, binding->count, &reply) ==
                   JA_USAGE
               ? JA_USAGE
               : JA_OK;
}

/* Both ends of the range must be possible. */
static enum ja_status check_command(struct ja_binding *binding, struct ja_error *error) {
    if (binding->mapped < 0)
        return try_command(binding, error);
    binding->whole = ja_command_argument(binding->command, (size_t)binding->mapped) == 'i';
    set_mapped(binding, 0);
    enum ja_status status = try_command(binding, error);
    set_mapped(binding, 1);
    return status == JA_OK ? try_command(binding, error) : status;
}

static enum ja_status read_binding(struct ja_binding *binding, const char *line,
                                   struct ja_error *error) {
    *binding = (struct ja_binding){.mapped = -1};
    if (!ja_text_copy(binding->words, sizeof binding->words, line))
        return ja_fail(error, JA_USAGE, "it is longer than %d bytes", JA_BINDING_BYTES - 1);
    if (strchr(line, ',')) /* between commas stand the items of a list */
        return ja_fail(error, JA_USAGE, "it can have no comma");
    char *colon = strchr(binding->words, ':');
    if (!colon)
        return ja_fail(error, JA_USAGE, "there is no colon before the command");
    *colon = '\0';
    enum ja_status status = read_source(binding->words, &binding->source, error);
    char *rest = colon + 1;
    binding->command = next_word(&rest);
    if (status == JA_OK && !binding->command)
        return ja_fail(error, JA_USAGE, "there is no command after the colon");
    if (status == JA_OK)
        status = read_arguments(binding, rest, error);
    return status == JA_OK ? check_command(binding, error) : status;
}

enum ja_status ja_midi_in_read(struct ja_midi_in *in, const char *list, struct ja_error *error) {
    struct ja_binding binding;
    struct ja_error cause;
    size_t count = 0;
    for (const char *line = NULL; (line = ja_list_next(list, line)); count++) {
        if (count == JA_BINDINGS)
            return ja_fail(error, JA_USAGE, "midi_in.bind: at most %d lines can be bound",
                           JA_BINDINGS);
        if (read_binding(&binding, line, &cause) != JA_OK)
            return ja_fail(error, JA_USAGE, "midi_in.bind \"%s\": %.300s", line, cause.text);
    }
    in->count = 0;
    for (const char *line = NULL; (line = ja_list_next(list, line));)
        read_binding(&in->bindings[in->count++], line, &cause);
    return JA_OK;
}

/* --- Running --- */

/* A note that begins or a controller; false for any other message. */
static bool understand(const uint8_t *bytes, size_t count, struct ja_midi_source *source,
                       int *value) {
    if (count != 3 || bytes[1] > MOST || bytes[2] > MOST)
        return false;
    int kind = bytes[0] & 0xf0;
    *source = (struct ja_midi_source){
        .note = kind == NOTE_ON, .number = bytes[1], .channel = 1 + (bytes[0] & 0x0f)};
    *value = bytes[2];
    return (kind == NOTE_ON && *value > 0) || kind == CONTROLLER;
}

static bool is_from(const struct ja_midi_source *bound, const struct ja_midi_source *source) {
    return bound->note == source->note && bound->number == source->number &&
           (bound->channel == 0 || bound->channel == source->channel);
}

/* Whether it is time to run the command. */
static bool is_moved(struct ja_binding *binding, int value) {
    bool was_down = binding->down;
    if (binding->source.note)
        return true;
    if (binding->mapped >= 0) {
        set_mapped(binding, value / (double)MOST);
        return true;
    }
    binding->down = value >= PRESSED;
    return binding->down && !was_down;
}

static void run(struct ja_midi_in *in, const struct ja_binding *binding,
                const struct ja_operator *who) {
    char buffer[512];
    struct ja_text reply;
    ja_text_init(&reply, buffer, sizeof buffer);
    enum ja_status status =
        ja_command_run(who, binding->command, binding->arguments, binding->count, &reply);
    if (status == JA_OK)
        ja_log(JA_LOG_DEBUG, "MIDI: %s: %s", binding->command, buffer);
    else
        ja_log_limited(&in->limit, JA_LOG_WARNING, "MIDI: %s: %s", binding->command, buffer);
}

bool ja_midi_in_run(struct ja_midi_in *in, const uint8_t *bytes, size_t count,
                    const struct ja_operator *who) {
    struct ja_midi_source source;
    int value;
    bool ran = false;
    if (!understand(bytes, count, &source, &value))
        return false;
    for (size_t i = 0; i < in->count; i++) {
        struct ja_binding *binding = &in->bindings[i];
        if (!is_from(&binding->source, &source) || !is_moved(binding, value))
            continue;
        run(in, binding, who);
        ran = true;
    }
    return ran;
}

/* --- Learning --- */

static void put_source(const struct ja_midi_source *source, struct ja_text *text) {
    ja_text_format(text, "%s %d ch %d", source->note ? "note" : "cc", source->number,
                   source->channel);
}

enum ja_status ja_midi_in_learn(struct ja_midi_in *in, const char *command,
                                struct ja_error *error) {
    char line[JA_BINDING_BYTES];
    struct ja_binding binding;
    struct ja_text text;
    in->learning[0] = '\0';
    if (!command[strspn(command, " ")])
        return JA_OK;
    ja_text_init(&text, line, sizeof line);
    ja_text_format(&text, "cc %d ch %d: %s", MOST, 16, command);
    if (text.full || text.length + strlen("note") - strlen("cc") >= sizeof line)
        return ja_fail(error, JA_USAGE, "\"%.80s…\" is too long to be bound", command);
    enum ja_status status = read_binding(&binding, line, error);
    if (status != JA_OK)
        return status;
    in->learns_range = binding.mapped >= 0;
    ja_text_copy(in->learning, sizeof in->learning, command);
    return JA_OK;
}

bool ja_midi_in_learnt(struct ja_midi_in *in, const uint8_t *bytes, size_t count, const char *bind,
                       struct ja_text *list) {
    struct ja_midi_source source;
    struct ja_binding binding;
    struct ja_error unused;
    int value;
    if (!in->learning[0] || !understand(bytes, count, &source, &value) ||
        (source.note ? in->learns_range : !in->learns_range && value < PRESSED))
        return false;
    for (const char *line = NULL; (line = ja_list_next(bind, line));) {
        if (read_binding(&binding, line, &unused) == JA_OK && is_from(&binding.source, &source))
            continue;
        ja_text_format(list, "%s,", line);
    }
    put_source(&source, list);
    ja_text_format(list, ": %s", in->learning);
    in->learning[0] = '\0';
    return true;
}
