/* Throws bytes at the reader of presets, as the file of one that is to be applied.
 *
 * What it accepts is told by its own name and description; what it refuses must come with a
 * sentence and leave everything as it was.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <ja/config/preset.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings {
    int count;
    double level;
    char name[32];
};

static const struct ja_option options[] = {
    JA_OPTION_INT(struct settings, count, "count", "3", 1, 32, NULL, JA_LIVE, "How many."),
    JA_OPTION_FLOAT(struct settings, level, "level", "1", 0, 10, NULL, JA_LIVE, "How much."),
    JA_OPTION_STRING(struct settings, name, "name", "", JA_LIVE, "Who."),
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static const struct ja_module onset = {.name = "onset",
                                       .options = options,
                                       .option_count = OPTIONS,
                                       .settings_size = sizeof(struct settings)};
static const struct ja_module target = {.name = "target",
                                        .options = options,
                                        .option_count = OPTIONS,
                                        .settings_size = sizeof(struct settings),
                                        .named = true};
static const struct ja_module *const modules[] = {&onset, &target};

static char folder[] = "/dev/shm/ja-fuzz-XXXXXX", path[128];
static int home = -1; /* where it was started */

static void require(bool condition) {
    if (!condition)
        abort();
}

/* libconfig 1.5 loses a string at some syntax errors; that leak is not ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libconfig\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void) {
    return "print_suppressions=0";
}

static void clean_up(void) {
    for (char *slash; (slash = strrchr(path, '/')) > path + strlen("/dev/shm");) {
        unlink(path);
        *slash = '\0';
        rmdir(path);
    }
}

static void make_folders(void) {
    home = open(".", O_RDONLY | O_DIRECTORY);
    require(home >= 0);
    require(mkdtemp(folder) && setenv("XDG_CONFIG_HOME", folder, 1) == 0);
    snprintf(path, sizeof path, "%s/jack-analyzer", folder);
    require(mkdir(path, 0700) == 0);
    strcat(path, "/presets");
    require(mkdir(path, 0700) == 0);
    strcat(path, "/genre");
    require(mkdir(path, 0700) == 0);
    strcat(path, "/fuzz.conf");
    atexit(clean_up);
}

static void write_file(const unsigned char *bytes, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

/* By a name that nobody checks before. */
static void apply_any(struct ja_config *config, const unsigned char *bytes, size_t size) {
    char name[128];
    struct ja_error error = {""};
    size_t length = 0;
    for (; length < size && length < sizeof name - 1 && bytes[length] > ' '; length++)
        name[length] = (char)bytes[length];
    name[length] = '\0';
    if (strstr(name, "genre/f"))
        return;
    require(ja_preset_apply(config, name, &error) != JA_OK && error.text[0]);
}

static bool visit(void *data, const char *name, const char *description, const char *file) {
    (void)data, (void)file;
    require(name[0] && description[0]);
    return true;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    struct ja_error error = {""};
    struct settings before, after;
    if (!path[0])
        make_folders();
    require(chdir(folder) == 0); /* away from the presets that come with the program */
    write_file(bytes, size);
    static struct ja_config *fresh;
    if (!fresh)
        fresh = ja_config_new(modules, 2);
    struct ja_config *config = ja_config_clone(fresh);
    require(config != NULL);
    ja_config_fill(config, &onset, NULL, &before);
    bool applied = ja_preset_apply(config, "genre/fuzz", &error) == JA_OK;
    apply_any(config, bytes, size);
    ja_config_fill(config, &onset, NULL, &after);
    require(applied || (error.text[0] && !memcmp(&before, &after, sizeof after)));
    require(after.count >= 1 && after.count <= 32 && after.level >= 0 && after.level <= 10);
    require(!ja_config_instance(config, &target, 0)); /* not a genre's to set */
    if (size % 256 == 0) {                            /* these look at all others, too */
        require(applied || ja_preset_check_all(config, &error) != JA_OK);
        ja_preset_each(visit, NULL);
    }
    ja_config_free(config);
    require(fchdir(home) == 0);
    return 0;
}
