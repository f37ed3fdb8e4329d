/* Throws bytes at the configuration reader.
 *
 * What it accepts must be in range, and what it then prints as a configuration must read back as
 * the same. What it refuses must come with a sentence and leave everything as it was.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* memfd_create */
#include <ja/config/config.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One option of each type. */
struct settings {
    bool on;
    int count, method;
    double threshold;
    char name[32], list[64];
};

static const char *const methods[] = {"hfc", "complex", "specflux", NULL};

static const struct ja_option options[] = {
    JA_OPTION_BOOL(struct settings, on, "on", "true", JA_LIVE, "Whether."),
    JA_OPTION_INT(struct settings, count, "count", "3", 1, 32, NULL, JA_LIVE, "How many."),
    JA_OPTION_CHOICE(struct settings, method, "method", "hfc", methods, JA_LIVE, "How."),
    JA_OPTION_FLOAT(struct settings, threshold, "threshold", "0.3", 0, 10, NULL, JA_LIVE, "Bar."),
    JA_OPTION_STRING(struct settings, name, "name", "main", JA_LIVE, "Who."),
    JA_OPTION_LIST(struct settings, list, "list", "a,b", JA_LIVE, "Which."),
};

enum { OPTIONS = sizeof options / sizeof options[0] };

static const struct ja_module onset = {
    "onset", "One.", options, OPTIONS, sizeof(struct settings), .named = false};
static const struct ja_module target = {"target",
                                        "Many.",
                                        options,
                                        OPTIONS,
                                        sizeof(struct settings),
                                        .named = true,
                                        .fallback_name = "main"};
static const struct ja_module *const modules[] = {&onset, &target};

/* libconfig 1.5 loses a string at some syntax errors; that leak is not ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libconfig\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void) {
    return "print_suppressions=0";
}

static void require(bool condition) {
    if (!condition)
        abort();
}

/* One where nothing is set; all others begin as its copies. */
static const struct ja_config *fresh(void) {
    static struct ja_config *config;
    if (!config)
        config = ja_config_new(modules, 2);
    require(config != NULL);
    return config;
}

static struct ja_config *new_config(void) {
    struct ja_config *config = ja_config_clone(fresh());
    require(config != NULL);
    return config;
}

static char *printed(const struct ja_config *config) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    require(out != NULL);
    ja_config_print(config, out);
    require(fclose(out) == 0 && text != NULL);
    return text;
}

/* Reads `size` bytes as if they were a file of their own. */
static enum ja_status read_bytes(struct ja_config *config, const void *bytes, size_t size,
                                 struct ja_error *error) {
    static char path[32];
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("fuzz.conf", 0);
    require(fd >= 0 && pwrite(fd, bytes, size, 0) == (ssize_t)size);
    require(ftruncate(fd, (off_t)size) == 0);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    error->text[0] = '\0';
    return ja_config_read(config, JA_LAYER_FILE, path, error);
}

static void fill(const struct ja_config *config, const struct ja_module *module,
                 const char *instance, struct settings *settings) {
    memset(settings, 0, sizeof *settings);
    ja_config_fill(config, module, instance, settings);
    require(settings->count >= 1 && settings->count <= 32);
    require(settings->method >= 0 && settings->method <= 2);
    require(settings->threshold >= 0 && settings->threshold <= 10);
    require(memchr(settings->name, 0, sizeof settings->name) != NULL);
    for (const char *item = NULL; (item = ja_list_next(settings->list, item));)
        require(item >= settings->list && item < settings->list + sizeof settings->list);
}

static bool same_list(const char *a, const char *b) {
    const char *x = NULL, *y = NULL;
    do {
        x = ja_list_next(a, x);
        y = ja_list_next(b, y);
        if (!x || !y)
            return !x && !y;
    } while (strcmp(x, y) == 0);
    return false;
}

static void require_same(const struct ja_config *a, const struct ja_config *b,
                         const struct ja_module *module, const char *instance) {
    struct settings x, y;
    fill(a, module, instance, &x);
    fill(b, module, instance, &y);
    require(x.on == y.on && x.count == y.count && x.method == y.method);
    require(fabs(x.threshold - y.threshold) <= 1e-6);
    require(strcmp(x.name, y.name) == 0 && same_list(x.list, y.list));
}

/* What is printed says the same when it is read. */
static void check_accepted(const struct ja_config *config) {
    char *text = printed(config);
    struct ja_config *again = new_config();
    struct ja_error error;
    if (strlen(text) <= 65536) { /* the size of a file it would read */
        if (read_bytes(again, text, strlen(text), &error) != JA_OK) {
            fprintf(stderr, "%s\n%s\n", error.text, text);
            abort();
        }
        require_same(config, again, &onset, NULL);
        const char *instance;
        for (size_t i = 0; (instance = ja_config_instance(config, &target, i)); i++) {
            const char *its = ja_config_instance(again, &target, i);
            require(its != NULL && strcmp(its, instance) == 0);
            require_same(config, again, &target, instance);
        }
    }
    ja_config_free(again);
    free(text);
}

static void check_refused(const struct ja_config *config, const struct ja_error *error) {
    const char *instance;
    size_t new = 0, gone = 0;
    require(error->text[0] != '\0');
    require(!ja_config_change(fresh(), config, &new, &instance));
    require(!ja_config_change(config, fresh(), &gone, &instance));
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    struct ja_config *config = new_config();
    struct ja_error error;
    if (read_bytes(config, bytes, size, &error) == JA_OK)
        check_accepted(config);
    else
        check_refused(config, &error);
    ja_config_free(config);
    return 0;
}
