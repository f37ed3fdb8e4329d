/* Sources when memory runs out while they are opened: they say so and leave nothing behind.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/failing.h"
#include <cmocka.h>
#include <ja/audio/source.h>
#include <sndfile.h>

/* Lets each allocation of an open fail in turn; returns how many there are. */
static unsigned open_with_failures(const char *what) {
    for (unsigned n = 1;; n++) {
        struct ja_source *source;
        struct ja_error error = {.text = ""};
        fail_at = n;
        enum ja_status status = ja_source_open(&source, what, &error);
        bool failed = fail_at == 0;
        fail_at = 0;
        if (!failed) {
            assert_int_equal(status, JA_OK);
            ja_source_close(source);
            return n - 1;
        }
        assert_int_equal(status, JA_FAILED);
        assert_null(source);
        assert_non_null(strstr(error.text, "out of memory"));
    }
}

static void signals_report_lack_of_memory(void **state) {
    (void)state;
    assert_true(open_with_failures("synth:sine") >= 4);
    assert_true(open_with_failures("synth:click") >= 6);
    assert_true(open_with_failures("synth:demo") >= 16);
}

static void file_reports_lack_of_memory(void **state) {
    (void)state;
    char path[] = "/tmp/ja-test-memory-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    SF_INFO info = {.samplerate = 48000, .channels = 2, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open_fd(fd, SFM_WRITE, &info, SF_TRUE);
    assert_non_null(file);
    assert_int_equal(sf_writef_float(file, (float[200]){0}, 100), 100);
    sf_close(file);
    assert_true(open_with_failures(path) >= 4);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_report_lack_of_memory),
        cmocka_unit_test(file_reports_lack_of_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
