/* Sound files as a source: every kind reads back what was written, and bad ones are explained.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <ja/audio/source.h>
#include <ja/stream/inlet.h>
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/ja-test-file-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/* Frame i of channel c; exact in 16 bits. */
static float sample(int64_t i, unsigned c) {
    return (float)((i * (c + 1)) % 2000 - 1000) / 4096.0f;
}

static void write_file(const char *path, int format, unsigned rate, unsigned channels,
                       int64_t frames) {
    SF_INFO info = {.samplerate = (int)rate, .channels = (int)channels, .format = format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    float *data = malloc((size_t)(frames * channels + 1) * sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < frames; i++)
        for (unsigned c = 0; c < channels; c++)
            data[i * channels + c] = sample(i, c);
    assert_int_equal(sf_writef_float(file, data, frames), frames);
    free(data);
    sf_close(file);
}

static void write_bytes(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static struct ja_source *open_file(const char *path) {
    struct ja_source *source;
    struct ja_error error = {.text = ""};
    if (ja_source_open(&source, path, &error) != JA_OK)
        fail_msg("%s", error.text);
    return source;
}

/* Reads all in blocks of so many frames, asserts that samples are within `tolerance`; returns how
 * many frames there were and puts the last read's result and error where told. */
static int64_t read_all(struct ja_source *source, unsigned block, double tolerance, int *last,
                        struct ja_error *error) {
    const unsigned count = ja_source_info(source)->channels;
    float *planes[JA_CHANNELS];
    for (unsigned c = 0; c < count; c++)
        assert_non_null(planes[c] = malloc(block * sizeof(float)));
    int64_t done = 0;
    while ((*last = ja_source_read(source, planes, block, error)) > 0) {
        assert_true(*last <= (int)block);
        for (unsigned c = 0; c < count; c++)
            for (int i = 0; i < *last; i++)
                assert_true(fabs(planes[c][i] - sample(done + i, c)) <= tolerance);
        done += *last;
    }
    for (unsigned c = 0; c < count; c++)
        free(planes[c]);
    return done;
}

static void reads_back_what_was_written(void **state) {
    (void)state;
    static const struct {
        int format;
        unsigned rate, channels;
        double tolerance;
    } kinds[] = {
        {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 0},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, 0},
        {SF_FORMAT_WAV | SF_FORMAT_FLOAT, 192000, 8, 0},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_24, 96000, 11, 0}, /* the first 8 are read */
        {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 48000, 3, 0},
        {SF_FORMAT_W64 | SF_FORMAT_PCM_16, 48000, 1, 0},
        {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 48000, 2, 0},
        {SF_FORMAT_OGG | SF_FORMAT_VORBIS, 48000, 1, 2},
        {SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 2, 2},
    };
    enum { FRAMES = 20011 };
    static const unsigned blocks[] = {1, 997, 1024, JA_BLOCK_FRAMES};
    for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        write_file("sound", kinds[k].format, kinds[k].rate, kinds[k].channels, FRAMES);
        for (unsigned b = 0; b < 4; b++) {
            struct ja_source *source = open_file("sound");
            const struct ja_source_info *info = ja_source_info(source);
            assert_int_equal(info->rate, kinds[k].rate);
            assert_int_equal(info->channels,
                             kinds[k].channels < JA_CHANNELS ? kinds[k].channels : JA_CHANNELS);
            assert_int_equal(info->frames, FRAMES);
            struct ja_error error = {.text = ""};
            int last;
            assert_int_equal(read_all(source, blocks[b], kinds[k].tolerance, &last, &error),
                             FRAMES);
            assert_int_equal(last, 0);
            ja_source_close(source);
        }
    }
    unlink("sound");
}

static void assert_refused(const char *path, const char *reason) {
    struct ja_source *source = (struct ja_source *)&source;
    struct ja_error error = {.text = ""};
    assert_int_equal(ja_source_open(&source, path, &error), JA_USAGE);
    assert_null(source);
    if (!strstr(error.text, path) || !strstr(error.text, reason))
        fail_msg("\"%s\" names not %s and \"%s\"", error.text, path, reason);
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    assert_refused("missing.wav", "No such file");
    assert_refused("missing/sound.wav", "No such file");
    assert_refused(".", "is a directory");
    assert_refused("/dev/zero", "is a device");
    assert_int_equal(mkfifo("pipe.wav", 0600), 0);
    assert_refused("pipe.wav", "is a pipe"); /* and does not wait for a writer */
    unlink("pipe.wav");
    assert_int_equal(symlink("loop.wav", "loop.wav"), 0);
    assert_refused("loop.wav", "cannot be opened");
    unlink("loop.wav");
}

static void unreadable_file_is_refused(void **state) {
    (void)state;
    write_file("secret.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, 100);
    assert_int_equal(chmod("secret.wav", 0), 0);
    const uid_t user = geteuid(), nobody = 65534;
    if (user == 0) /* who may read everything */
        assert_int_equal(seteuid(nobody), 0);
    assert_refused("secret.wav", "Permission denied");
    assert_int_equal(seteuid(user), 0);
    unlink("secret.wav");
}

static void what_is_no_sound_is_refused(void **state) {
    (void)state;
    write_bytes("bad", "", 0);
    assert_refused("bad", "is empty");
    write_bytes("bad", "x", 1);
    assert_refused("bad", "is not a sound file");
    write_bytes("bad", "[tempo]\nbpm = 120\n", 18);
    assert_refused("bad", "is not a sound file");
    uint8_t noise[5000];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    write_bytes("bad", noise, sizeof noise);
    assert_refused("bad", "is not a sound file");
    /* libsndfile would take these by their name for headerless sound. */
    write_bytes("bad.gsm", noise, sizeof noise);
    assert_refused("bad.gsm", "is not a sound file");
    write_bytes("bad.vox", noise, sizeof noise);
    assert_refused("bad.vox", "is not a sound file");
    unlink("bad");
    unlink("bad.gsm");
    unlink("bad.vox");
}

static void file_without_frames_is_refused(void **state) {
    (void)state;
    write_file("none.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, 0);
    assert_refused("none.wav", "holds no sound");
    unlink("none.wav");
}

static void absurd_rates_are_refused(void **state) {
    (void)state;
    static const unsigned rates[] = {1, 7999, 192001, 2000000000};
    for (unsigned i = 0; i < 4; i++) {
        char reason[80];
        snprintf(reason, sizeof reason, "%u Hz; allowed is 8000 to 192000 Hz", rates[i]);
        write_file("rate.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, rates[i], 1, 100);
        assert_refused("rate.wav", reason);
    }
    unlink("rate.wav");
}

/* Cuts a file to a share of its length; what is left must be delivered, then the error. */
static void check_cut(const char *path, int format, double share) {
    enum { FRAMES = 96000 };
    write_file(path, format, 48000, 1, FRAMES);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, (off_t)(share * (double)status.st_size)), 0);
    struct ja_source *source = open_file(path);
    struct ja_error error = {.text = ""};
    int last;
    int64_t frames = read_all(source, 1000, 0, &last, &error);
    assert_true(frames > 0.4 * share * FRAMES && frames < FRAMES);
    assert_int_equal(last, -1);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "breaks off after"));
    ja_source_close(source);
    unlink(path);
}

static void cut_file_is_read_as_far_as_it_goes(void **state) {
    (void)state;
    check_cut("cut.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 0.5);
    check_cut("cut.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 0.7);
    check_cut("cut.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 0.8);
}

/* A program that writes to a pipe cannot know the length; such a file is whole. */
static void wav_of_unstated_length_is_whole(void **state) {
    (void)state;
    write_file("pipe.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, 1000);
    int fd = open("pipe.wav", O_WRONLY);
    assert_true(fd >= 0);
    const uint8_t unknown[4] = {0xff, 0xff, 0xff, 0xff};
    assert_int_equal(pwrite(fd, unknown, 4, 4), 4);  /* of the container */
    assert_int_equal(pwrite(fd, unknown, 4, 40), 4); /* of the samples */
    close(fd);
    struct ja_source *source = open_file("pipe.wav");
    struct ja_error error = {.text = ""};
    int last;
    assert_int_equal(read_all(source, 64, 0, &last, &error), 1000);
    assert_int_equal(last, 0);
    ja_source_close(source);
    unlink("pipe.wav");
}

/* Every single byte of a header changed in turn: refused or read to an end, never worse. */
static void damaged_headers_do_no_harm(void **state) {
    (void)state;
    static const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16,
                                  SF_FORMAT_AIFF | SF_FORMAT_PCM_16,
                                  SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    for (unsigned f = 0; f < 3; f++) {
        write_file("whole", formats[f], 48000, 2, 500);
        uint8_t bytes[8192];
        FILE *file = fopen("whole", "rb");
        assert_non_null(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        for (size_t at = 0; at < 80 && at < size; at++)
            for (unsigned n = 0; n < 3; n++) {
                uint8_t before = bytes[at];
                bytes[at] = n == 0 ? 0xff : n == 1 ? 0x00 : (uint8_t)(before ^ 0x10);
                write_bytes("damaged", bytes, size);
                bytes[at] = before;
                struct ja_source *source;
                struct ja_error error = {.text = ""};
                enum ja_status status = ja_source_open(&source, "damaged", &error);
                int last = 0;
                if (status == JA_OK)
                    assert_true(read_all(source, 500, INFINITY, &last, &error) < 100000);
                if (status != JA_OK || last < 0)
                    assert_non_null(strstr(error.text, "damaged: "));
                if (status == JA_OK)
                    ja_source_close(source);
            }
    }
    unlink("whole");
    unlink("damaged");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(unreadable_file_is_refused),
        cmocka_unit_test(what_is_no_sound_is_refused),
        cmocka_unit_test(file_without_frames_is_refused),
        cmocka_unit_test(absurd_rates_are_refused),
        cmocka_unit_test(cut_file_is_read_as_far_as_it_goes),
        cmocka_unit_test(wav_of_unstated_length_is_whole),
        cmocka_unit_test(damaged_headers_do_no_harm),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
