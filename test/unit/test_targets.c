/* Golden test of the target presets: what each receiver is sent for the same music, message by
 * message, with the bytes of each packet counted. Sorted, since the end of a pulse comes when its
 * time has come.
 *
 * WRITE_GOLDEN=1 writes test/golden/targets.txt anew. Run from the top folder.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "../support/sink_rig.h"
#include <glob.h>
#include <ja/config/preset.h>
#include <ja/core/log.h>
#include <ja/net/osc_reader.h>
#include <ja/net/socket.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static const char golden_file[] = "test/golden/targets.txt";

/* What every stage would say in one moment. */
#define NUMBER(name)                                                                               \
    { name, NULL, JA_OUTPUT_NUMBER, 1, NAN, NAN, "A value." }
static const struct ja_output outputs[] = {
    NUMBER("beat_phase"),
    NUMBER("bar_phase"),
    NUMBER("tempo"),
    NUMBER("tempo_confidence"),
    NUMBER("rms"),
    NUMBER("energy"),
    NUMBER("spectral_centroid"),
    {"bands", NULL, JA_OUTPUT_NUMBER, 8, 0, 1, "Values."},
    {"chroma", NULL, JA_OUTPUT_NUMBER, 12, 0, 1, "Values."},
};
static const float values[] = {
    0.25f, 0.0625f, 128,   0.9f,  0.25f, 0.5f,  1500,                    /* one each */
    1,     0.81f,   0.64f, 0.49f, 0.36f, 0.25f, 0.16f, 0.09f,            /* bands */
    1,     0,       0,     0,     0.5f,  0,     0,     0.75f, 0, 0, 0, 0 /* chroma */
};
static const struct ja_stage_class stage = {.outputs = outputs,
                                            .output_count = sizeof outputs / sizeof outputs[0]};

static const struct ja_event events[] = {
    {.type = JA_EVENT_STATE, .state = {.state = "locked", .reason = "Steady."}},
    {.type = JA_EVENT_BEAT, .beat = {.seq = 16, .beat_in_bar = 1, .bpm = 128, .confidence = 0.875}},
    {.type = JA_EVENT_BEAT, .beat = {.seq = 17, .beat_in_bar = 2, .bpm = 128, .confidence = 0.75}},
    {.type = JA_EVENT_HIT, .hit = {.drum = "kick", .strength = 0.75}},
    {.type = JA_EVENT_HIT, .hit = {.drum = "snare", .strength = 0.5}},
    {.type = JA_EVENT_HIT, .hit = {.drum = "hat", .strength = 0.25}},
    {.type = JA_EVENT_ONSET, .onset = {.strength = 0.5, .band = "full"}},
    {.type = JA_EVENT_ONSET, .onset = {.strength = 0.5, .band = "low"}},
    {.type = JA_EVENT_KEY, .key = {.key = "A:min", .camelot = "8A", .confidence = 0.75}},
    {.type = JA_EVENT_CHORD, .chord = {.chord = "C:maj", .confidence = 0.5}},
    {.type = JA_EVENT_TRANSITION,
     .transition = {.kind = "drop", .delta_db = 6, .confidence = 0.875}},
};

enum { LINES = 128, LINE = 256 };

struct stand {
    struct sink_rig *rig;
    struct ja_catalogue catalogue;
    struct ja_frame *frame;
    int fd;
    char port[16];
    char lines[LINES][LINE];
    size_t line_count;
    FILE *out;
};

static int set_up(void **state) {
    static struct stand stand;
    struct ja_error error;
    struct sockaddr_in bound;
    socklen_t length = sizeof bound;
    const struct ja_stage_class *const stages[] = {&stage};
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    ja_log_set_level(JA_LOG_ERROR);
    if (rig_set_up(state) != 0)
        return -1;
    stand = (struct stand){.rig = *state, .fd = ja_udp_listen("127.0.0.1", 0, &error)};
    stand.frame = malloc(sizeof *stand.frame + sizeof values);
    if (!stand.frame || ja_catalogue_init(&stand.catalogue, stages, 1, &error) != JA_OK ||
        getsockname(stand.fd, (struct sockaddr *)&bound, &length) != 0)
        return -1;
    memcpy(stand.frame->values, values, sizeof values);
    snprintf(stand.port, sizeof stand.port, "%d", ntohs(bound.sin_port));
    stand.rig->host.catalogue = &stand.catalogue;
    *state = &stand;
    return 0;
}

static int tear_down(void **state) {
    struct stand *stand = *state;
    void *rig = stand->rig;
    close(stand->fd);
    free(stand->frame);
    ja_catalogue_done(&stand->catalogue);
    return rig_tear_down(&rig);
}

static void put_message(void *data, const struct ja_osc_message *message) {
    struct ja_text *text = data;
    ja_text_format(text, " %s %s", message->address, message->types);
    for (size_t i = 0; i < message->count; i++) {
        const struct ja_osc_argument *argument = &message->arguments[i];
        if (argument->type == 'i')
            ja_text_format(text, " %d", (int)argument->i);
        else if (argument->type == 'f')
            ja_text_format(text, " %.6g", (double)argument->f);
        else
            ja_text_format(text, " \"%s\"", argument->s);
    }
}

/* Keeps everything that has come so far. */
static void take_packets(struct stand *stand) {
    _Alignas(8) unsigned char packet[2048];
    ssize_t size;
    rig_run(stand->rig, 2000);
    while ((size = recv(stand->fd, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        struct ja_text text;
        assert_true(stand->line_count < LINES);
        ja_text_init(&text, stand->lines[stand->line_count++], LINE);
        ja_text_format(&text, "%zd%s", size, memcmp(packet, "#bundle", 8) ? "" : " bundle");
        assert_true(ja_osc_read(packet, (size_t)size, put_message, &text));
        assert_false(text.full);
    }
}

static int compare_lines(const void *a, const void *b) {
    return strcmp(a, b);
}

static void write_lines(struct stand *stand) {
    qsort(stand->lines, stand->line_count, LINE, compare_lines);
    for (size_t i = 0; i < stand->line_count; i++)
        fprintf(stand->out, "%s\n", stand->lines[i]);
    stand->line_count = 0;
}

static void set(struct ja_config *config, const char *instance, const char *option,
                const char *value) {
    char name[128];
    struct ja_error error;
    snprintf(name, sizeof name, "target.%s.%s", instance, option);
    if (ja_config_set(config, JA_LAYER_ARGUMENT, name, value, "test", &error) != JA_OK)
        fail_msg("%s", error.text);
}

/* Plays the moment to the target `instance`, by UDP to us whatever it says. */
static void play(struct stand *stand, struct ja_config *config, const char *instance) {
    struct ja_error error = {""};
    set(config, instance, "host", "127.0.0.1");
    set(config, instance, "port", stand->port);
    set(config, instance, "protocol", "udp");
    void *settings = calloc(1, ja_osc_sink.module->settings_size);
    ja_config_fill(config, ja_osc_sink.module, instance, settings);
    struct ja_sink *sink = ja_sink_new(&ja_osc_sink, &stand->rig->host, instance, settings, &error);
    free(settings);
    if (!sink)
        fail_msg("%s", error.text);
    rig_run(stand->rig, 20000);
    ja_sink_frame(sink, stand->rig->taps, stand->frame);
    take_packets(stand);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct ja_event event = events[i];
        event.time = -1;
        ja_sink_event(sink, stand->rig->taps, &event);
        take_packets(stand);
    }
    ja_sink_free(sink); /* which ends every pulse */
    take_packets(stand);
    write_lines(stand);
}

static void play_preset(struct stand *stand, const char *path) {
    const struct ja_module *const modules[] = {ja_osc_sink.module, ja_os2l_sink.module,
                                               ja_wled_sink.module, ja_link_sink.module};
    struct ja_config *config = ja_config_new(modules, 4);
    struct ja_error error;
    char name[64];
    assert_non_null(config);
    assert_true(ja_text_copy(name, sizeof name, path + strlen("presets/")));
    *strrchr(name, '.') = '\0';
    if (ja_preset_apply(config, name, &error) != JA_OK)
        fail_msg("%s", error.text);
    const char *instance = ja_config_instance(config, ja_osc_sink.module, 1); /* after default */
    if (instance) {
        fprintf(stand->out, "%s%s\n", ftell(stand->out) > 0 ? "\n" : "", name);
        play(stand, config, instance);
    }
    ja_config_free(config);
}

static void receivers_get_what_they_always_got(void **state) {
    struct stand *stand = *state;
    const char *path = getenv("WRITE_GOLDEN") ? golden_file : "build/targets.txt";
    glob_t files;
    stand->out = fopen(path, "w+");
    assert_non_null(stand->out);
    assert_int_equal(glob("presets/target/*.conf", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        play_preset(stand, files.gl_pathv[i]);
    globfree(&files);
    FILE *golden = fopen(golden_file, "r");
    assert_non_null(golden);
    rewind(stand->out);
    char expected[512], line[512];
    for (unsigned number = 1; fgets(expected, sizeof expected, golden); number++) {
        if (!fgets(line, sizeof line, stand->out))
            line[0] = '\0';
        if (strcmp(line, expected) != 0)
            fail_msg("%s:%u: %sis now: %s", golden_file, number, expected, line);
    }
    assert_null(fgets(line, sizeof line, stand->out));
    fclose(golden);
    fclose(stand->out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(receivers_get_what_they_always_got, set_up, tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
