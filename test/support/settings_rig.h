/* Option tables with every type, range and kind of module, for the tests of the configuration.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef JA_TEST_SETTINGS_RIG_H
#define JA_TEST_SETTINGS_RIG_H

#include <ja/config/config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct onset_settings {
    bool enable;
    int bands;
    double threshold;
    int method;
    char label[16];
    char inputs[32];
};

struct target_settings {
    char host[64];
    int port;
    double offset_ms;
    bool enable;
};

struct wire_settings {
    char name[8];
    double gain;
};

static const char *const onset_methods[] = {"hfc", "energy", "specflux", "1024", NULL};

static const struct ja_option onset_options[] = {
    JA_OPTION_BOOL(struct onset_settings, enable, "enable", "true", JA_LIVE, "Whether to listen."),
    JA_OPTION_INT(struct onset_settings, bands, "bands", "3", -4, 40, NULL, JA_REOPEN,
                  "How many bands."),
    JA_OPTION_FLOAT(struct onset_settings, threshold, "threshold", "0.3", 0, 5, NULL, JA_LIVE,
                    "How much louder an onset must be than what was before it, which is a sentence "
                    "long enough to be broken."),
    JA_OPTION_CHOICE(struct onset_settings, method, "method", "hfc", onset_methods, JA_START,
                     "Which function finds onsets."),
    JA_OPTION_STRING(struct onset_settings, label, "label", "quote \" \\", JA_LIVE, "Its name."),
    JA_OPTION_LIST(struct onset_settings, inputs, "inputs", "left,right", JA_REOPEN,
                   "What to listen to."),
};

static const struct ja_option target_options[] = {
    JA_OPTION_STRING(struct target_settings, host, "host", "127.0.0.1", JA_REOPEN, "Where to."),
    JA_OPTION_INT(struct target_settings, port, "port", "7771", 1, 65535, NULL, JA_LIVE,
                  "UDP port."),
    JA_OPTION_FLOAT(struct target_settings, offset_ms, "offset_ms", "0", -500, 500, "ms", JA_LIVE,
                    "Earlier or later."),
    JA_OPTION_BOOL(struct target_settings, enable, "enable", "on", JA_LIVE, "Whether to send."),
};

static const struct ja_option wire_options[] = {
    JA_OPTION_STRING(struct wire_settings, name, "name", "", JA_LIVE, "Its name."),
    JA_OPTION_FLOAT(struct wire_settings, gain, "gain", "1e-3", -1e300, 1e300, "dB", JA_LIVE,
                    "Louder or softer."),
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct ja_module onset_module = {
    "onset",
    "Where sounds begin.",
    onset_options,
    COUNT(onset_options),
    sizeof(struct onset_settings),
    false,
    NULL,
};
/* An instance from the start, and more by configuration. */
static const struct ja_module target_module = {
    "target",
    "Where messages go.",
    target_options,
    COUNT(target_options),
    sizeof(struct target_settings),
    true,
    "main",
};
/* Instances by configuration alone. */
static const struct ja_module wire_module = {
    "wire", "A wire.", wire_options, COUNT(wire_options), sizeof(struct wire_settings), true, NULL,
};
static const struct ja_module bare_module = {"bare", "Nothing to set.", NULL, 0, 0, false, NULL};

static const struct ja_module *const modules[] = {
    &onset_module,
    &target_module,
    &wire_module,
    &bare_module,
};

static inline struct ja_config *rig_new(void) {
    struct ja_config *config = ja_config_new(modules, COUNT(modules));
    if (config == NULL)
        abort();
    return config;
}

static inline void rig_write_bytes(const char *path, const void *bytes, size_t count) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0)
        abort();
}

static inline void rig_write(const char *path, const char *text) {
    rig_write_bytes(path, text, strlen(text));
}

/* What a function prints, to be freed. (Inlined, gcc 12 takes the result for a local variable.) */
__attribute__((noinline, unused)) static char *
rig_printed(const struct ja_config *config, void print(const struct ja_config *config, FILE *out)) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    print(config, out);
    fclose(out);
    return text;
}

#endif
