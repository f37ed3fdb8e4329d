/* The page's files, from one folder and nowhere else.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 4 << 20 }; /* a larger one is none of ours */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";

const char *ja_page_folder(void) {
    static const char installed[] = JA_DATADIR "/page";
    return access(installed, R_OK) == 0 ? installed : "src/web/page"; /* while it is developed */
}

/* No step out of the folder, and nothing hidden. */
static bool is_harmless(const char *path) {
    return path[0] == '/' && !strstr(path, "/.") && !strstr(path, "//") &&
           strspn(path, letters) == strlen(path);
}

static const char *media_type(const char *path) {
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/vnd.microsoft.icon"},
        {".woff2", "font/woff2"},
        {".wasm", "application/wasm"},
        {".txt", "text/plain; charset=utf-8"},
    };
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending && i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(ending, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

/* The whole of a file, to be freed; NULL when there is none. */
static char *read_file(const char *path, size_t *size) {
    struct stat about;
    char *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= FILE_BYTES)
        bytes = malloc((size_t)about.st_size + 1);
    ssize_t got = bytes ? read(fd, bytes, (size_t)about.st_size) : -1;
    close(fd);
    if (got >= 0) {
        *size = (size_t)got;
        return bytes;
    }
    free(bytes);
    return NULL;
}

void ja_page_answer(const char *root, struct ja_web_client *client, const char *path) {
    char file[PATH_MAX], sentence[PATH_MAX + 64], *bytes = NULL;
    size_t size = 0;
    if (!strcmp(path, "/"))
        path = "/index.html";
    int length = snprintf(file, sizeof file, "%s%s", root, path);
    if (is_harmless(path) && length > 0 && (size_t)length < sizeof file)
        bytes = read_file(file, &size);
    if (bytes) {
        ja_web_answer(client, 200, media_type(path), bytes, size);
        free(bytes);
        return;
    }
    snprintf(sentence, sizeof sentence, "there is no %.100s%s%s", path,
             strcmp(path, "/index.html") ? "" : ": the page is not installed in ",
             strcmp(path, "/index.html") ? "" : root);
    ja_error_answer(client, 404, sentence);
}
