/* A preset is a configuration file with a group that says what it is. Its kind decides which
 * modules it may set, so that kinds can be combined without surprises.
 *
 * The names of the applied presets are part of the configuration; applying another one reads all of
 * them anew, in order, into an empty preset layer of a copy.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/config/preset.h>

#include "reader.h"
#include "source.h"
#include "store.h"

#include <assert.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kind {
    const char *name;
    const char *const *modules; /* what it may set, NULL-terminated */
    bool adds_up;               /* several hold at a time; of the others the last one */
};

static const char *const genre_modules[] = {
    "onset", "pitch", "note", "tempo", "beat", "silence", "level", "state", "analysis", NULL,
};
static const char *const target_modules[] = {
    "target", "midi", "os2l", "wled", "link", "carabiner", "mqtt", NULL,
};
static const char *const box_modules[] = {
    "analysis", "frames", "stream", "control", "web",  "level",    "jack",
    "terminal", "onset",  "pitch",  "tempo",   "beat", "governor", NULL,
};

static const struct kind kinds[] = {
    {"genre", genre_modules, false},
    {"target", target_modules, true},
    {"box", box_modules, false},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* The group `preset` of a file. */
struct head {
    char name[JA_PRESET_NAME];
    char kind[16];
    char description[200];
    int version;
};

static const struct ja_option head_options[] = {
    JA_OPTION_STRING(struct head, name, "name", "", JA_START, "The file's name without .conf."),
    JA_OPTION_STRING(struct head, kind, "kind", "", JA_START, "The folder's name."),
    JA_OPTION_STRING(struct head, description, "description", "", JA_START,
                     "One sentence for --list-presets."),
    JA_OPTION_INT(struct head, version, "version", "1", 1, 1000000, NULL, JA_START,
                  "Counts the changes of the preset."),
};

static const struct ja_module head_module = {
    .name = "preset",
    .help = "What a preset is.",
    .options = head_options,
    .option_count = sizeof head_options / sizeof *head_options,
    .settings_size = sizeof(struct head),
};

static const struct ja_module *const head_modules[] = {&head_module};

/* --- Where presets lie --- */

enum { DIRECTORIES = 4 };

/* The i-th directory of the search path; false when there is none in this place. */
static bool directory(int i, char *path, size_t size) {
    const char *config_home = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    struct ja_text text;
    ja_text_init(&text, path, size);
    switch (i) {
    case 0:
        if (config_home != NULL && config_home[0] == '/')
            ja_text_format(&text, "%s/jack-analyzer/presets", config_home);
        else if (home != NULL && home[0] == '/')
            ja_text_format(&text, "%s/.config/jack-analyzer/presets", home);
        break;
    case 1:
        ja_text_put(&text, "/etc/jack-analyzer/presets");
        break;
    case 2:
        ja_text_put(&text, JA_DATADIR "/presets");
        break;
    default:
        ja_text_put(&text, "./presets");
        break;
    }
    return text.length > 0 && !text.full;
}

static bool find_file(const char *name, char *path, size_t size) {
    char folder[PATH_MAX];
    for (int i = 0; i < DIRECTORIES; i++) {
        struct ja_text text;
        ja_text_init(&text, path, size);
        if (!directory(i, folder, sizeof folder))
            continue;
        ja_text_format(&text, "%s/%s.conf", folder, name);
        if (!text.full && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

/* A word that cannot leave its folder. */
static bool is_word(const char *text, size_t length) {
    return length > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") >= length;
}

static const struct kind *kind_of(const char *name) {
    size_t length = strcspn(name, "/");
    for (int i = 0; i < KINDS; i++) {
        if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, name, length) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* Told of each preset that can be found; false ends the walk. */
typedef bool visit_function(void *data, const char *name, const char *path);

static int is_preset_file(const struct dirent *entry) {
    size_t length = strlen(entry->d_name), suffix = strlen(".conf");
    return length > suffix && strcmp(entry->d_name + length - suffix, ".conf") == 0 &&
           is_word(entry->d_name, length - suffix);
}

static bool walk_folder(const char *folder, const struct kind *kind, visit_function *visit,
                        void *data) {
    char path[PATH_MAX], name[JA_PRESET_NAME], first[PATH_MAX];
    struct ja_text text;
    struct dirent **entries;
    bool go_on = true;
    ja_text_init(&text, path, sizeof path);
    ja_text_format(&text, "%s/%s", folder, kind->name);
    int count = scandir(path, &entries, is_preset_file, alphasort);
    for (int i = 0; i < count; i++) {
        const char *file = entries[i]->d_name;
        ja_text_init(&text, name, sizeof name);
        ja_text_format(&text, "%s/%.*s", kind->name, (int)(strlen(file) - strlen(".conf")), file);
        bool fits = !text.full;
        ja_text_init(&text, path, sizeof path);
        ja_text_format(&text, "%s/%s.conf", folder, name);
        /* A preset of the same name in an earlier directory hides this one. */
        if (go_on && fits && find_file(name, first, sizeof first) && strcmp(first, path) == 0)
            go_on = visit(data, name, path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return go_on;
}

static void walk(visit_function *visit, void *data) {
    char folder[PATH_MAX];
    bool go_on = true;
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; go_on && i < DIRECTORIES; i++) {
            if (directory(i, folder, sizeof folder))
                go_on = walk_folder(folder, &kinds[k], visit, data);
        }
    }
}

/* --- Reading one --- */

static enum ja_status read_head(const char *path, const config_setting_t *group, struct head *head,
                                struct ja_error *error) {
    struct ja_config *config = ja_config_new(head_modules, 1);
    if (config == NULL)
        return ja_fail(error, JA_FAILED, "out of memory");
    enum ja_status status = ja_reader_take(config, JA_LAYER_FILE, path, group, error);
    if (status == JA_OK)
        ja_config_fill(config, &head_module, NULL, head);
    ja_config_free(config);
    return status;
}

static enum ja_status check_head(const char *name, const char *path, const config_t *tree,
                                 struct head *head, struct ja_error *error) {
    const config_setting_t *group = config_lookup(tree, head_module.name);
    if (group == NULL)
        return ja_fail(error, JA_USAGE, "%s: lacks the group preset: { ... }", path);
    enum ja_status status = read_head(path, group, head, error);
    if (status != JA_OK)
        return status;
    char own_name[JA_PRESET_NAME + sizeof head->kind];
    struct ja_text text;
    ja_text_init(&text, own_name, sizeof own_name);
    ja_text_format(&text, "%s/%s", head->kind, head->name);
    if (strcmp(own_name, name) != 0)
        return ja_reader_fail(error, JA_USAGE, path, group,
                              "preset: kind and name must be those of the file, %s, not %s", name,
                              own_name);
    if (head->description[0] == '\0')
        return ja_reader_fail(error, JA_USAGE, path, group, "preset: lacks a description");
    return JA_OK;
}

static enum ja_status check_module(const struct kind *kind, const char *path,
                                   const config_setting_t *setting, struct ja_error *error) {
    char allowed[256] = "";
    struct ja_text text;
    ja_text_init(&text, allowed, sizeof allowed);
    for (const char *const *module = kind->modules; *module != NULL; module++) {
        if (strcmp(*module, config_setting_name(setting)) == 0)
            return JA_OK;
        ja_text_format(&text, "%s%s", module == kind->modules ? "" : ", ", *module);
    }
    return ja_reader_fail(error, JA_USAGE, path, setting, "%.100s: a %s preset may only set %s",
                          config_setting_name(setting), kind->name, allowed);
}

/* Reads the file into the preset layer; on error the layer is half-filled. */
static enum ja_status read_preset(struct ja_config *config, const char *name, const char *path,
                                  struct ja_error *error) {
    config_t tree;
    struct head head;
    enum ja_status status = ja_config_source_read(&tree, path, error);
    if (status != JA_OK)
        return status;
    const config_setting_t *root = config_root_setting(&tree);
    status = check_head(name, path, &tree, &head, error);
    for (int i = 0; status == JA_OK && i < config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        if (strcmp(config_setting_name(setting), head_module.name) == 0)
            continue;
        status = check_module(kind_of(name), path, setting, error);
        if (status == JA_OK)
            status = ja_reader_take(config, JA_LAYER_PRESET, path, setting, error);
    }
    config_destroy(&tree);
    return status;
}

/* --- Applying --- */

struct nearest {
    const char *wanted;
    char name[JA_PRESET_NAME];
    unsigned distance;
};

static bool visit_nearest(void *data, const char *name, const char *path) {
    struct nearest *nearest = data;
    (void)path;
    unsigned distance = ja_text_distance(nearest->wanted, name);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        ja_text_copy(nearest->name, sizeof nearest->name, name);
    }
    return true;
}

static enum ja_status unknown(const char *name, struct ja_error *error) {
    struct nearest nearest = {.wanted = name, .distance = UINT_MAX};
    walk(visit_nearest, &nearest);
    if (nearest.distance == UINT_MAX)
        return ja_fail(error, JA_USAGE, "preset %s: there is none", name);
    return ja_fail(error, JA_USAGE, "preset %s: there is none; did you mean %s?", name,
                   nearest.name);
}

static enum ja_status check_name(const char *name, struct ja_error *error) {
    size_t length = strlen(name), kind_length = strcspn(name, "/");
    if (length >= JA_PRESET_NAME || name[kind_length] == '\0' || !is_word(name, kind_length) ||
        !is_word(name + kind_length + 1, length - kind_length - 1))
        return ja_fail(error, JA_USAGE,
                       "preset %.64s: must be KIND/NAME, of small letters, digits and '-'", name);
    if (kind_of(name) == NULL)
        return ja_fail(error, JA_USAGE, "preset %s: its kind must be genre, target or box", name);
    return JA_OK;
}

static bool replaces(const char *name, const char *former) {
    const struct kind *kind = kind_of(name);
    return kind->adds_up ? strcmp(former, name) == 0 : kind_of(former) == kind;
}

/* Puts `name` last and takes out what it replaces. */
static enum ja_status note_applied(struct ja_config *config, const char *name,
                                   struct ja_error *error) {
    size_t kept = 0;
    for (size_t i = 0; i < config->preset_count; i++) {
        if (!replaces(name, config->presets[i]))
            memmove(config->presets[kept++], config->presets[i], JA_PRESET_NAME);
    }
    config->preset_count = kept;
    if (kept == JA_PRESETS)
        return ja_fail(error, JA_USAGE, "preset %s: %d presets hold already, more is not possible",
                       name, JA_PRESETS);
    ja_text_copy(config->presets[config->preset_count++], JA_PRESET_NAME, name);
    return JA_OK;
}

/* Fills the preset layer from the files of the presets that are noted. */
static enum ja_status rebuild(struct ja_config *config, struct ja_error *error) {
    char path[PATH_MAX];
    enum ja_status status = JA_OK;
    size_t count = config->preset_count;
    if (!ja_config_clear(config, JA_LAYER_PRESET))
        return ja_fail(error, JA_FAILED, "out of memory");
    config->preset_count = count;
    for (size_t i = 0; status == JA_OK && i < count; i++) {
        if (!find_file(config->presets[i], path, sizeof path))
            status = unknown(config->presets[i], error);
        else
            status = read_preset(config, config->presets[i], path, error);
    }
    return status;
}

enum ja_status ja_preset_apply(struct ja_config *config, const char *name, struct ja_error *error) {
    enum ja_status status = check_name(name, error);
    if (status != JA_OK)
        return status;
    struct ja_config *copy = ja_config_clone(config);
    if (copy == NULL)
        return ja_fail(error, JA_FAILED, "out of memory");
    status = note_applied(copy, name, error);
    if (status == JA_OK)
        status = rebuild(copy, error);
    if (status == JA_OK)
        ja_config_swap(config, copy);
    ja_config_free(copy);
    return status;
}

/* --- All of them --- */

struct visitor {
    bool (*visit)(void *data, const char *name, const char *description, const char *path);
    void *data;
};

static bool visit_described(void *data, const char *name, const char *path) {
    const struct visitor *visitor = data;
    struct head head;
    struct ja_error error;
    config_t tree;
    enum ja_status status = ja_config_source_read(&tree, path, &error);
    if (status == JA_OK) {
        status = check_head(name, path, &tree, &head, &error);
        config_destroy(&tree);
    }
    return visitor->visit(visitor->data, name, status == JA_OK ? head.description : error.text,
                          path);
}

void ja_preset_each(bool (*visit)(void *data, const char *name, const char *description,
                                  const char *path),
                    void *data) {
    struct visitor visitor = {visit, data};
    walk(visit_described, &visitor);
}

static bool visit_list(void *data, const char *name, const char *description, const char *path) {
    fprintf(data, "%-20s  %s  (%s)\n", name, description, path);
    return true;
}

void ja_preset_list(FILE *out) {
    ja_preset_each(visit_list, out);
}

struct check {
    const struct ja_config *config;
    struct ja_error *error;
    enum ja_status status;
};

static bool visit_check(void *data, const char *name, const char *path) {
    struct check *check = data;
    struct ja_config *copy = ja_config_clone(check->config);
    check->status = copy == NULL ? ja_fail(check->error, JA_FAILED, "out of memory")
                                 : read_preset(copy, name, path, check->error);
    ja_config_free(copy);
    return check->status == JA_OK;
}

enum ja_status ja_preset_check_all(const struct ja_config *config, struct ja_error *error) {
    struct check check = {.config = config, .error = error, .status = JA_OK};
    walk(visit_check, &check);
    return check.status;
}
