/* The model as text, row by row from one list, and the model's file.
 *
 * A file is written beside the old one under a name of this process, brought to the disk, and then
 * takes the old one's name: at any time one of the two is there whole.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/adapt/model.h>

#include <ja/core/regular.h>
#include <ja/core/state.h>
#include <ja/core/text.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = JA_PRIOR_TEMPI + JA_PRIOR_KINDS + 1, LONGEST_PROFILE = 32 };

static const char head[] = "jack-analyzer model ", version[] = "1\n";

/* --- Text --- */

struct row {
    char name[32];
    int *values, count;
    int least, most; /* allowed, inclusive */
};

static struct row row_of(struct ja_model *model, int i) {
    struct row row = {.count = 1};
    if (i < JA_PRIOR_TEMPI) {
        double bpm = 40 * exp2((double)i / JA_PRIOR_OCTAVE);
        snprintf(row.name, sizeof row.name, "tempo %.0f", bpm);
        row.values = model->tempo[i];
        row.count = JA_TEMPO_CASES;
        row.most = JA_MODEL_CASES;
        return row;
    }
    i -= JA_PRIOR_TEMPI;
    if (i < JA_PRIOR_KINDS) {
        snprintf(row.name, sizeof row.name, "energy %s", ja_prior_kinds[i]);
        row.values = &model->energy[i];
        row.most = JA_MODEL_ENERGY;
    } else {
        snprintf(row.name, sizeof row.name, "latency");
        row.values = &model->latency_us;
        row.most = JA_MODEL_LATENCY_US;
    }
    row.least = -row.most;
    return row;
}

/* FNV-1a, 32 bits (G. Fowler, L. C. Noll, K.-P. Vo). */
static uint32_t checksum(const char *bytes, size_t count) {
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < count; i++)
        sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
    return sum;
}

size_t ja_model_write(const struct ja_model *model, char text[JA_MODEL_BYTES]) {
    struct ja_model copy = *model;
    struct ja_text out;
    ja_text_init(&out, text, JA_MODEL_BYTES);
    ja_text_format(&out, "%s%s", head, version);
    for (int i = 0; i < ROWS; i++) {
        struct row row = row_of(&copy, i);
        ja_text_put(&out, row.name);
        for (int v = 0; v < row.count; v++)
            ja_text_format(&out, " %d", row.values[v]);
        ja_text_put(&out, "\n");
    }
    ja_text_format(&out, "sum %08x\n", (unsigned)checksum(text, out.length));
    return out.length;
}

/* What is left to read. */
struct rest {
    const char *at;
    size_t size;
};

static bool take(struct rest *rest, const char *word) {
    size_t length = strlen(word);
    if (rest->size < length || memcmp(rest->at, word, length) != 0)
        return false;
    rest->at += length;
    rest->size -= length;
    return true;
}

/* A blank and a number. */
static bool take_number(struct rest *rest, long long *value) {
    char digits[16];
    size_t length = 0;
    if (!take(rest, " "))
        return false;
    while (length < rest->size && length < sizeof digits - 1 &&
           (isdigit((unsigned char)rest->at[length]) || rest->at[length] == '-')) {
        digits[length] = rest->at[length];
        length++;
    }
    digits[length] = '\0';
    rest->at += length;
    rest->size -= length;
    return ja_text_integer(digits, value);
}

static enum ja_status read_row(const struct row *row, int line, struct rest *rest,
                               struct ja_error *error) {
    if (!take(rest, row->name))
        return ja_fail(error, JA_USAGE, "line %d is not \"%s\" and numbers", line, row->name);
    for (int v = 0; v < row->count; v++) {
        long long value;
        if (!take_number(rest, &value))
            return ja_fail(error, JA_USAGE, "line %d: %s has no %d whole numbers", line, row->name,
                           row->count);
        if (value < row->least || value > row->most)
            return ja_fail(error, JA_USAGE, "line %d: %s: %lld is not %d to %d", line, row->name,
                           value, row->least, row->most);
        row->values[v] = (int)value;
    }
    if (!take(rest, "\n"))
        return ja_fail(error, JA_USAGE, "line %d: %s has more than %d numbers", line, row->name,
                       row->count);
    return JA_OK;
}

enum ja_status ja_model_read(struct ja_model *model, const char *text, size_t size,
                             struct ja_error *error) {
    struct ja_model read;
    struct rest rest = {text, size};
    char again[JA_MODEL_BYTES];
    if (!take(&rest, head))
        return ja_fail(error, JA_USAGE, "does not begin with \"%s\"", head);
    if (!take(&rest, version))
        return ja_fail(error, JA_USAGE, "is of another version than 1");
    for (int i = 0; i < ROWS; i++) {
        struct row row = row_of(&read, i);
        enum ja_status status = read_row(&row, i + 2, &rest, error);
        if (status != JA_OK)
            return status;
    }
    if (ja_model_write(&read, again) != size || memcmp(again, text, size) != 0)
        return ja_fail(error, JA_USAGE, "is not as it was written: the checksum differs");
    *model = read;
    return JA_OK;
}

/* --- Where --- */

static bool is_name(const char *profile) {
    size_t length = strlen(profile);
    for (size_t i = 0; i < length; i++) {
        char c = profile[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return length > 0 && length <= LONGEST_PROFILE;
}

enum ja_status ja_model_path(const char *profile, char path[JA_MODEL_PATH],
                             struct ja_error *error) {
    char name[LONGEST_PROFILE + sizeof ".model"];
    if (!is_name(profile))
        return ja_fail(error, JA_USAGE,
                       "learn.profile = \"%.64s\": must be 1 to %d letters, digits, - and _",
                       profile, LONGEST_PROFILE);
    snprintf(name, sizeof name, "%s.model", profile);
    /* Room is left for the name of what is written beside it. */
    return ja_state_path(name, path, JA_MODEL_PATH - 64, error);
}

/* --- Loading --- */

static enum ja_status set_aside(const char *path, const struct ja_error *why,
                                struct ja_error *error) {
    char bad[JA_MODEL_PATH];
    snprintf(bad, sizeof bad, "%s.bad", path);
    if (rename(path, bad) == 0)
        return ja_fail(error, JA_USAGE, "%.200s: %.200s; now it is called .bad", path, why->text);
    return ja_fail(error, JA_FAILED, "%.200s: %.200s; it cannot be renamed: %s", path, why->text,
                   strerror(errno));
}

enum ja_status ja_model_load(struct ja_model *model, const char *path, struct ja_error *error) {
    char text[JA_MODEL_BYTES];
    struct ja_error why;
    memset(model, 0, sizeof *model);
    ssize_t size =
        ja_regular_read(path, JA_REGULAR_NO_LINK | JA_REGULAR_OURS, text, sizeof text - 1, &why);
    if (size < 0 && (errno == ENOENT || errno == ENOTDIR))
        return JA_OK;
    if (size >= 0 && ja_model_read(model, text, (size_t)size, &why) == JA_OK)
        return JA_OK;
    return set_aside(path, &why, error);
}

/* --- Saving --- */

static bool write_new(const char *path, const char *text, size_t size) {
    unlink(path); /* left over by a crash of another process of this number */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    errno = ENOSPC; /* what a short write means */
    bool ok = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    int problem = errno;
    ok = close(fd) == 0 && ok;
    if (!ok)
        errno = problem;
    return ok;
}

/* The new name, too, reaches the disk; where a folder cannot be synchronised, it will do so later.
 */
static void sync_folder(const char *path) {
    char folder[JA_MODEL_PATH];
    ja_text_copy(folder, sizeof folder, path);
    *strrchr(folder, '/') = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

enum ja_status ja_model_save(const struct ja_model *model, const char *path,
                             struct ja_error *error) {
    char text[JA_MODEL_BYTES], new[JA_MODEL_PATH];
    size_t size = ja_model_write(model, text);
    snprintf(new, sizeof new, "%s.%ld.new", path, (long)getpid());
    if (ja_state_make_folders(path) && write_new(new, text, size) && rename(new, path) == 0) {
        sync_folder(path);
        return JA_OK;
    }
    enum ja_status status = ja_fail(error, JA_FAILED, "%.300s: %s", path, strerror(errno));
    unlink(new);
    return status;
}
