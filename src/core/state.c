/* Finds and makes the folder of what outlives the program, as the XDG base directory specification
 * and systemd want it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/core/state.h>

#include <ja/core/text.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Paths that are not absolute are ignored, as the specification wants it. */
static const char *absolute(const char *variable) {
    const char *value = getenv(variable);
    return value && value[0] == '/' ? value : NULL;
}

static bool put_folder(struct ja_text *path) {
    const char *service = absolute("STATE_DIRECTORY"), *user = absolute("XDG_STATE_HOME");
    const char *home = absolute("HOME");
    if (service) /* may be several, with colons between */
        ja_text_put_bytes(path, service, strcspn(service, ":"));
    else if (user)
        ja_text_format(path, "%s/jack-analyzer", user);
    else if (home)
        ja_text_format(path, "%s/.local/state/jack-analyzer", home);
    return path->length > 0;
}

enum ja_status ja_state_path(const char *name, char *path, size_t size, struct ja_error *error) {
    struct ja_text text;
    ja_text_init(&text, path, size);
    if (!put_folder(&text) && !text.full)
        return ja_fail(error, JA_FAILED,
                       "no place for %s: none of STATE_DIRECTORY, XDG_STATE_HOME and HOME names a "
                       "folder",
                       name);
    ja_text_format(&text, "/%s", name);
    return text.full
               ? ja_fail(error, JA_FAILED, "no place for %s: its folder's name is too long", name)
               : JA_OK;
}

bool ja_state_make_folders(const char *path) {
    char folder[PATH_MAX];
    if (!ja_text_copy(folder, sizeof folder, path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}
