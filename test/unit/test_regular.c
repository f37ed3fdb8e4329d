/* Tests of reading small files: what is read, and all that is no such file.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ja/core/regular.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/ja-regular-XXXXXX", path[64];

static void write_file(const char *text, mode_t mode) {
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(chmod(path, mode), 0);
}

static void refuses(const char *file, unsigned rules, int code, const char *why) {
    char bytes[16];
    struct ja_error reason = {""};
    assert_int_equal(ja_regular_read(file, rules, bytes, sizeof bytes, &reason), -1);
    assert_int_equal(errno, code);
    assert_non_null(strstr(reason.text, why));
    if (code == EFBIG)
        return;
    assert_int_equal(ja_regular_open(file, rules, &reason), -1);
    assert_int_equal(errno, code);
}

static void reads_all_and_no_more_than_fits(void **state) {
    char bytes[2048];
    struct ja_error reason;
    (void)state;
    write_file("twelve bytes", 0644);
    assert_int_equal(ja_regular_read(path, 0, bytes, 12, &reason), 12);
    assert_memory_equal(bytes, "twelve bytes", 12);
    assert_int_equal(ja_regular_read(path, 0, bytes, 11, &reason), -1);
    assert_int_equal(errno, EFBIG);
    assert_string_equal(reason.text, "is larger than 11 bytes");
    assert_int_equal(ja_regular_read(path, 0, bytes, 0, &reason), -1);
    assert_string_equal(reason.text, "is larger than 0 KiB");
    write_file("", 0644);
    assert_int_equal(ja_regular_read(path, 0, bytes, 0, &reason), 0);
    memset(bytes, 'x', sizeof bytes - 1);
    bytes[1025] = '\0';
    write_file(bytes, 0644);
    assert_int_equal(ja_regular_read(path, 0, bytes, 1024, &reason), -1);
    assert_string_equal(reason.text, "is larger than 1 KiB");
}

static void refuses_what_is_no_file(void **state) {
    (void)state;
    unlink(path);
    refuses(path, 0, ENOENT, "No such file");
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody ever writes to it */
    refuses(path, 0, EINVAL, "is not a regular file");
    refuses(folder, 0, EINVAL, "is not a regular file");
    refuses("/dev/zero", 0, EINVAL, "is not a regular file");
    unlink(path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    refuses(path, 0, ENXIO, "");
    close(fd);
}

static void follows_links_unless_told(void **state) {
    char link[80], bytes[16];
    struct ja_error reason;
    (void)state;
    write_file("text", 0600);
    snprintf(link, sizeof link, "%s.link", path);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(ja_regular_read(link, 0, bytes, sizeof bytes, &reason), 4);
    refuses(link, JA_REGULAR_NO_LINK, ELOOP, "is a symbolic link");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuses(link, 0, EINVAL, "is not a regular file");
    unlink(link);
}

static void keeps_secrets_and_what_is_ours(void **state) {
    static const mode_t open_modes[] = {0604, 0640, 0644, 0602, 0620, 0601, 0610};
    char bytes[16];
    struct ja_error reason;
    (void)state;
    write_file("text", 0400);
    assert_int_equal(ja_regular_read(path, JA_REGULAR_SECRET, bytes, sizeof bytes, &reason), 4);
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        char mode[16];
        write_file("text", open_modes[i]);
        snprintf(mode, sizeof mode, "mode 0%o", (unsigned)open_modes[i]);
        refuses(path, JA_REGULAR_SECRET, EPERM, mode);
        if (open_modes[i] & 022)
            refuses(path, JA_REGULAR_OURS, EPERM, "can be written by others");
        else
            assert_int_equal(ja_regular_read(path, JA_REGULAR_OURS, bytes, 16, &reason), 4);
    }
    if (geteuid() != 0) { /* nothing can be given away */
        refuses("/etc/passwd", JA_REGULAR_OURS, EPERM, "belongs to another user");
        return;
    }
    write_file("text", 0600);
    assert_int_equal(chown(path, 1, 1), 0);
    refuses(path, JA_REGULAR_OURS, EPERM, "belongs to another user");
}

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_and_no_more_than_fits),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(follows_links_unless_told),
        cmocka_unit_test(keeps_secrets_and_what_is_ours),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
