/* Throws bytes at the reader of what was learnt, as they are and with the right checksum.
 *
 * What it accepts must be in range and be written again as the same bytes. What it refuses must
 * come with a sentence.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <ja/adapt/model.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void require(bool condition) {
    if (!condition)
        abort();
}

static void check_accepted(const struct ja_model *model, const char *text, size_t size) {
    char again[JA_MODEL_BYTES];
    for (int i = 0; i < JA_PRIOR_TEMPI; i++) {
        for (int c = 0; c < JA_TEMPO_CASES; c++)
            require(model->tempo[i][c] >= 0 && model->tempo[i][c] <= JA_MODEL_CASES);
    }
    for (int i = 0; i < JA_PRIOR_KINDS; i++)
        require(abs(model->energy[i]) <= JA_MODEL_ENERGY);
    require(abs(model->latency_us) <= JA_MODEL_LATENCY_US);
    require(ja_model_write(model, again) == size && memcmp(again, text, size) == 0);
}

static void read_text(const char *text, size_t size) {
    static const struct ja_model untouched = {.latency_us = 77};
    struct ja_model model = untouched;
    struct ja_error error = {""};
    if (ja_model_read(&model, text, size, &error) == JA_OK)
        check_accepted(&model, text, size);
    else
        require(error.text[0] != '\0' && memcmp(&model, &untouched, sizeof model) == 0);
}

/* --- As a file --- */

static char path[JA_MODEL_PATH];

static void clean_up(void) {
    char folder[64], bad[JA_MODEL_PATH + 4];
    snprintf(folder, sizeof folder, "%s", getenv("STATE_DIRECTORY"));
    snprintf(bad, sizeof bad, "%s.bad", path);
    unlink(path);
    unlink(bad);
    rmdir(folder);
}

static void make_folder(void) {
    char folder[] = "/dev/shm/ja-fuzz-XXXXXX";
    struct ja_error error;
    require(mkdtemp(folder) && setenv("STATE_DIRECTORY", folder, 1) == 0);
    require(ja_model_path("../x", path, &error) == JA_USAGE);
    require(ja_model_path("fuzz", path, &error) == JA_OK);
    atexit(clean_up);
}

/* Is what was read, or is put aside. */
static void load_file(const unsigned char *bytes, size_t size) {
    struct ja_model model, read;
    struct ja_error error = {""};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
    bool right = ja_model_read(&read, (const char *)bytes, size, &error) == JA_OK;
    require((ja_model_load(&model, path, &error) == JA_OK) == right);
    require(right ? !memcmp(&model, &read, sizeof model) : access(path, F_OK) != 0);
    require(ja_model_save(&model, path, &error) == JA_OK);
    require(ja_model_load(&read, path, &error) == JA_OK && !memcmp(&model, &read, sizeof model));
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    uint32_t sum = 2166136261u;
    char *text = malloc(size + 16);
    require(text != NULL);
    if (!path[0])
        make_folder();
    if (size % 64 < 4) /* takes long */
        load_file(bytes, size);
    if (size > 0)
        memcpy(text, bytes, size);
    read_text(text, size);
    if (size >= 13) /* the place of a sum line */
        size -= 13;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * 16777619u;
    size += (size_t)sprintf(text + size, "sum %08x\n", (unsigned)sum);
    read_text(text, size);
    free(text);
    return 0;
}
