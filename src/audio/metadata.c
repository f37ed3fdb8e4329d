/* Looks whether JACK's metadata can be opened, and removes them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "metadata.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[] = {"metadata.db", "__db.001", "__db.002", "__db.003"};
enum { FILES = sizeof files / sizeof *files, PATH_SIZE = 256 };

bool ja_metadata_is_broken(const char *folder) {
    char path[PATH_SIZE];
    struct stat found;
    for (size_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        if (stat(path, &found) == 0 && found.st_size == 0)
            return true;
    }
    return false;
}

void ja_metadata_remove(const char *folder) {
    char path[PATH_SIZE];
    for (size_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
}
