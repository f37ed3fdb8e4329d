/* The terminal: one calm line that tells a person how things stand.
 *
 * The line is drawn over itself on standard error, ten times a second at most and only when it
 * differs from what stands there, and the cursor goes back to its start, so that a message written
 * by the log begins at the left. Nothing is drawn while the terminal is stopped (Ctrl-S) or
 * belongs to another job. In plain mode one ordinary line is written per second, for a log.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "terminal.h"

#include <ja/core/clock.h>
#include <ja/core/math.h>
#include <ja/sink/sinks.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    REDRAW_US = 100000,
    LAMP_US = 120000, /* how long a lamp stays lit */
    METER_CELLS = 20,
    ALL_COLUMNS = 110, /* narrower, meter and pitch make room for the sentence */
    LINE_BYTES = 512,
};
static const double meter_floor_db = -60;

enum mode { AUTO, ON, OFF, PLAIN };
static const char *const modes[] = {"auto", "on", "off", "plain", NULL};

static const struct ja_option terminal_options[] = {
    JA_OPTION_CHOICE(struct ja_terminal_settings, mode, "mode", "auto", modes, JA_START,
                     "A status line on the terminal: auto (when there is one), on, off, or plain "
                     "(an ordinary line per second)."),
    JA_OPTION_BOOL(struct ja_terminal_settings, keys, "keys", "true", JA_START,
                   "Take commands by single keys while the status line is on; ? shows which."),
};
static const struct ja_module terminal_module = {
    .name = "terminal",
    .help = "A status line for the person at the terminal.",
    .options = terminal_options,
    .option_count = sizeof terminal_options / sizeof terminal_options[0],
    .settings_size = sizeof(struct ja_terminal_settings),
};

struct terminal {
    bool drawing, plain, colour;
    uint64_t timer;
    uint64_t beat_us, onset_us; /* when the lamps were lit */
    struct ja_event_state heard;
    struct ja_terminal_view view;
    struct {
        const struct ja_catalogue_entry *rms, *tempo, *confidence, *pitch;
    } outputs;
    char shown[LINE_BYTES]; /* what stands on the terminal */
};

/* --- Layout --- */

static void put_level(struct ja_text *text, double rms, bool with_meter) {
    double db = rms > 0 ? 20 * log10(rms) : -INFINITY;
    int lit = (int)lrint(METER_CELLS * ja_clamp(1 - db / meter_floor_db, 0, 1));
    if (db < meter_floor_db)
        ja_text_put(text, "  -inf dBFS");
    else
        ja_text_format(text, " %5.1f dBFS", db);
    if (!with_meter)
        return;
    ja_text_put(text, " [");
    for (int i = 0; i < METER_CELLS; i++)
        ja_text_put(text, i < lit ? "#" : "-");
    ja_text_put(text, "]");
}

static void put_pitch(struct ja_text *text, double hz) {
    static const char *const notes[] = {"C",  "C#", "D",  "D#", "E",  "F",
                                        "F#", "G",  "G#", "A",  "A#", "B"};
    if (!(hz > 0)) {
        ja_text_format(text, "  %-13s", "");
        return;
    }
    int midi = (int)lrint(69 + 12 * log2(hz / 440));
    midi = midi < 0 ? 0 : midi > 127 ? 127 : midi;
    char name[8];
    struct ja_text note;
    ja_text_init(&note, name, sizeof name);
    ja_text_format(&note, "%s%d", notes[midi % 12], midi / 12 - 1);
    ja_text_format(text, "  %-3s %6.1f Hz", name, hz);
}

static void put_tempo(struct ja_text *text, const struct ja_terminal_view *view) {
    if (isnan(view->bpm))
        ja_text_put(text, " ---.- BPM     ");
    else
        ja_text_format(text, " %5.1f BPM %3.0f%%", view->bpm,
                       isnan(view->confidence) ? 0 : 100 * fabs(ja_clamp(view->confidence, 0, 1)));
}

void ja_terminal_line(const struct ja_terminal_view *view, unsigned width, struct ja_text *text) {
    size_t start = text->length;
    bool all = width >= ALL_COLUMNS;
    ja_text_format(text, "%-8s", view->state);
    put_tempo(text, view);
    ja_text_format(text, " %c", view->beat ? '*' : '.');
    if (view->beat_in_bar > 0)
        ja_text_format(text, "%d", view->beat_in_bar);
    else
        ja_text_put(text, " ");
    put_level(text, isnan(view->rms) ? 0 : view->rms, all);
    ja_text_put(text, view->onset ? " o" : "  ");
    if (all)
        put_pitch(text, view->pitch_hz);
    ja_text_put(text, "  ");
    if (view->level)
        ja_text_format(text, "[%s] ", view->level);
    ja_text_put(text, view->reason);
    /* Cut at a column, and never within a character. */
    size_t end = start + width;
    if (text->length > end) {
        while (end > start && ((unsigned char)text->data[end] & 0xC0) == 0x80)
            end--;
        text->length = end;
    }
    while (text->length > start && text->data[text->length - 1] == ' ')
        text->length--;
    text->data[text->length] = '\0';
}

/* --- Drawing --- */

static unsigned columns(void) {
    struct winsize size;
    long long columns;
    const char *wish = getenv("COLUMNS");
    if (wish && ja_text_integer(wish, &columns) && columns > 0 && columns < LINE_BYTES)
        return (unsigned)columns;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

/* A stopped terminal, or one that belongs to another job, is left alone. */
static bool may_write(void) {
    struct pollfd polled = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&polled, 1, 0) <= 0 || !(polled.revents & POLLOUT))
        return false;
    return !isatty(STDERR_FILENO) || tcgetpgrp(STDERR_FILENO) == getpgrp();
}

static void put_out(const struct ja_text *text) {
    if (!may_write())
        return;
    ssize_t written = write(STDERR_FILENO, text->data, text->length);
    (void)written; /* a status line that is lost is drawn again */
}

static void put_coloured(struct ja_text *text, const char *line, bool good) {
    size_t state = strcspn(line, " ");
    ja_text_put(text, good ? "\033[32m" : "\033[33m");
    ja_text_put_bytes(text, line, state);
    ja_text_put(text, "\033[0m");
    ja_text_put(text, line + state);
}

static void draw(void *data, uint64_t due_us) {
    (void)due_us;
    struct terminal *terminal = data;
    char line[LINE_BYTES], output[LINE_BYTES + 64];
    struct ja_text text;
    uint64_t now_us = ja_clock_us();
    terminal->view.beat = now_us >= terminal->beat_us && now_us - terminal->beat_us < LAMP_US;
    terminal->view.onset = now_us - terminal->onset_us < LAMP_US;
    ja_text_init(&text, line, sizeof line);
    ja_terminal_line(&terminal->view, columns() - 1, &text);
    if (!strcmp(line, terminal->shown) || !may_write())
        return;
    strcpy(terminal->shown, line);
    ja_text_init(&text, output, sizeof output);
    ja_text_put(&text, "\r");
    if (terminal->colour)
        put_coloured(&text, line, !strcmp(terminal->view.state, "locked"));
    else
        ja_text_put(&text, line);
    ja_text_put(&text, "\033[K\r");
    put_out(&text);
}

/* --- The sink --- */

static double value_of(const struct ja_catalogue_entry *entry, const struct ja_frame *frame) {
    return entry ? frame->values[entry->first] : NAN;
}

/* The line has room for one stream: the first. */
static bool is_shown(const struct ja_sink *sink, const struct ja_tap *tap) {
    return sink->host->tap_count == 0 || !strcmp(tap->name, sink->host->taps[0].name);
}

static void terminal_frame(struct ja_sink *sink, const struct ja_tap *tap,
                           const struct ja_frame *frame) {
    struct terminal *terminal = sink->state;
    if (!is_shown(sink, tap))
        return;
    terminal->view.rms = value_of(terminal->outputs.rms, frame);
    terminal->view.bpm = value_of(terminal->outputs.tempo, frame);
    terminal->view.confidence = value_of(terminal->outputs.confidence, frame);
    terminal->view.pitch_hz = value_of(terminal->outputs.pitch, frame);
}

static void terminal_event(struct ja_sink *sink, const struct ja_tap *tap,
                           const struct ja_event *event) {
    struct terminal *terminal = sink->state;
    if (!is_shown(sink, tap))
        return;
    if (event->type == JA_EVENT_STATE) {
        terminal->heard = event->state;
        terminal->view.state = event->state.state ? event->state.state : "";
        terminal->view.reason = terminal->heard.reason;
    } else if (event->type == JA_EVENT_BEAT) {
        uint64_t now_us = ja_clock_us(), at_us = ja_tap_us(tap, event->time);
        terminal->beat_us = at_us > now_us ? at_us : now_us;
        terminal->view.beat_in_bar = event->beat.beat_in_bar;
    } else if (event->type == JA_EVENT_ONSET) {
        terminal->onset_us = ja_clock_us();
    }
}

static void show_level(struct ja_sink *sink) {
    struct terminal *terminal = sink->state;
    if (sink->host->tap_count == 0)
        return;
    const struct ja_stream_stats *stats = &sink->host->taps[0].stats;
    bool less = stats->strategies && stats->strategies[0];
    terminal->view.level = less ? ja_level_names[stats->level] : NULL;
}

static void terminal_second(struct ja_sink *sink) {
    struct terminal *terminal = sink->state;
    char line[LINE_BYTES];
    struct ja_text text;
    show_level(sink);
    terminal->shown[0] = '\0'; /* something else may have written over it */
    if (!terminal->plain || sink->mute)
        return;
    terminal->view.beat = terminal->view.onset = false;
    ja_text_init(&text, line, sizeof line);
    ja_terminal_line(&terminal->view, LINE_BYTES - 2, &text);
    ja_text_put(&text, "\n");
    put_out(&text);
}

static bool wants_colour(void) {
    const char *refused = getenv("NO_COLOR"), *kind = getenv("TERM");
    return isatty(STDERR_FILENO) && !(refused && refused[0]) && kind && strcmp(kind, "dumb") != 0;
}

bool ja_terminal_draws(const struct ja_terminal_settings *settings) {
    return settings->mode == ON ||
           (settings->mode == AUTO && isatty(STDERR_FILENO) && isatty(STDOUT_FILENO));
}

static enum ja_status terminal_open(struct ja_sink *sink, struct ja_error *error) {
    struct terminal *terminal = sink->state;
    const struct ja_terminal_settings *settings = sink->settings;
    const struct ja_catalogue *catalogue = sink->host->catalogue;
    terminal->view = (struct ja_terminal_view){.state = "starting",
                                               .reason = "",
                                               .bpm = NAN,
                                               .confidence = NAN,
                                               .rms = NAN,
                                               .pitch_hz = NAN};
    terminal->outputs.rms = ja_catalogue_find(catalogue, "rms");
    terminal->outputs.tempo = ja_catalogue_find(catalogue, "tempo");
    terminal->outputs.confidence = ja_catalogue_find(catalogue, "tempo_confidence");
    terminal->outputs.pitch = ja_catalogue_find(catalogue, "pitch");
    terminal->plain = settings->mode == PLAIN;
    terminal->colour = wants_colour();
    terminal->drawing = ja_terminal_draws(settings);
    if (!terminal->drawing)
        return JA_OK;
    terminal->timer = ja_loop_every(sink->host->loop, REDRAW_US, draw, terminal);
    if (!terminal->timer)
        return ja_fail(error, JA_FAILED, "no memory for the status line");
    return JA_OK;
}

static bool terminal_in_use(const struct ja_sink *sink) {
    const struct terminal *terminal = sink->state;
    return terminal->drawing;
}

static void terminal_close(struct ja_sink *sink) {
    struct terminal *terminal = sink->state;
    if (!terminal->drawing)
        return;
    ja_loop_cancel(sink->host->loop, terminal->timer);
    char clear[] = "\r\033[K";
    put_out(&(struct ja_text){.data = clear, .size = sizeof clear, .length = sizeof clear - 1});
}

const struct ja_sink_class ja_terminal_sink = {
    .module = &terminal_module,
    .state_size = sizeof(struct terminal),
    .live_only = true,
    .open = terminal_open,
    .frame = terminal_frame,
    .event = terminal_event,
    .second = terminal_second,
    .in_use = terminal_in_use,
    .close = terminal_close,
};
