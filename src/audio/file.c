/* Reads sound files of every kind libsndfile knows, and says plainly why one cannot be read.
 *
 * The file is opened by us, without blocking, and examined before libsndfile sees it: a pipe or a
 * directory never gets that far, and libsndfile never guesses a headerless format from a name.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <ja/stream/inlet.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RATE_MIN = 8000, RATE_MAX = 192000, PIECE_FRAMES = 1024 };

struct ja_file {
    char *path;
    int fd;
    SNDFILE *sound;
    SF_INFO info;
    int64_t frames_read;
    bool cut; /* the container is longer than the file: it was cut off */
    float *interleaved;
};

/* Why `status` is not that of a file one can read sound from, or NULL. */
static const char *not_a_file(const struct stat *status) {
    if (S_ISDIR(status->st_mode))
        return "is a directory, not a sound file";
    if (S_ISFIFO(status->st_mode))
        return "is a pipe; sound can only be read from a file";
    if (!S_ISREG(status->st_mode))
        return "is a device or socket, not a sound file";
    return status->st_size == 0 ? "is empty" : NULL;
}

/* libsndfile silently shortens a RIFF or AIFF file to what is there, so we compare the length that
 * the container states with the file's own. Programs that write to a pipe state nearly 2 or 4 GiB
 * because they cannot know. */
static bool container_is_cut(int fd, off_t size) {
    enum { UNKNOWN_LENGTH = 0x7fff0000 };
    uint8_t head[8];
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
        return false;
    uint32_t length;
    if (memcmp(head, "RIFF", 4) == 0)
        length =
            (uint32_t)head[7] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[5] << 8 | head[4];
    else if (memcmp(head, "FORM", 4) == 0)
        length =
            (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
    else
        return false;
    return length < UNKNOWN_LENGTH && (int64_t)length + 8 > (int64_t)size;
}

static enum ja_status open_descriptor(struct ja_file *file, struct ja_error *error) {
    file->fd = open(file->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (file->fd < 0)
        return ja_fail(error, JA_USAGE, "%s: cannot be opened: %s", file->path, strerror(errno));
    struct stat status;
    if (fstat(file->fd, &status) != 0)
        return ja_fail(error, JA_USAGE, "%s: cannot be examined: %s", file->path, strerror(errno));
    const char *reason = not_a_file(&status);
    if (reason)
        return ja_fail(error, JA_USAGE, "%s: %s", file->path, reason);
    file->cut = container_is_cut(file->fd, status.st_size);
    return JA_OK;
}

static enum ja_status open_sound(struct ja_file *file, struct ja_error *error) {
    file->sound = sf_open_fd(file->fd, SFM_READ, &file->info, SF_FALSE);
    if (!file->sound)
        return ja_fail(error, JA_USAGE, "%s: is not a sound file that can be read: %s", file->path,
                       sf_strerror(NULL));
    const SF_INFO *info = &file->info;
    if ((info->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_RAW)
        return ja_fail(error, JA_USAGE, "%s: has no header that tells rate and format", file->path);
    if (info->samplerate < RATE_MIN || info->samplerate > RATE_MAX)
        return ja_fail(error, JA_USAGE, "%s: sample rate is %d Hz; allowed is %d to %d Hz",
                       file->path, info->samplerate, RATE_MIN, RATE_MAX);
    if (info->channels < 1 || info->frames < 1)
        return ja_fail(error, JA_USAGE, "%s: holds no sound (%d channels, %lld frames)", file->path,
                       info->channels, (long long)info->frames);
    file->interleaved = malloc(PIECE_FRAMES * (size_t)info->channels * sizeof(float));
    if (!file->interleaved)
        return ja_fail(error, JA_FAILED, "%s: out of memory", file->path);
    return JA_OK;
}

enum ja_status ja_file_open(struct ja_file **opened, const char *path, struct ja_source_info *info,
                            struct ja_error *error) {
    *opened = NULL;
    struct ja_file *file = calloc(1, sizeof *file);
    if (!file)
        return ja_fail(error, JA_FAILED, "%s: out of memory", path);
    file->fd = -1;
    file->path = strdup(path);
    enum ja_status status =
        file->path ? JA_OK : ja_fail(error, JA_FAILED, "%s: out of memory", path);
    if (status == JA_OK)
        status = open_descriptor(file, error);
    if (status == JA_OK)
        status = open_sound(file, error);
    if (status != JA_OK) {
        ja_file_close(file);
        return status;
    }
    info->rate = (unsigned)file->info.samplerate;
    info->channels =
        file->info.channels < JA_CHANNELS ? (unsigned)file->info.channels : (unsigned)JA_CHANNELS;
    info->frames = file->info.frames == SF_COUNT_MAX ? -1 : file->info.frames;
    *opened = file;
    return JA_OK;
}

/* At the end of what libsndfile delivers: 0 when that was the end of the sound, else -1. */
static int end_of_file(const struct ja_file *file, struct ja_error *error) {
    const double rate = file->info.samplerate;
    const double read_s = (double)file->frames_read / rate;
    /* An MPEG file's length is an estimate. */
    bool exact = file->info.frames != SF_COUNT_MAX &&
                 (file->info.format & SF_FORMAT_TYPEMASK) != SF_FORMAT_MPEG;
    if (sf_error(file->sound) != SF_ERR_NO_ERROR)
        ja_fail(error, JA_USAGE, "%s: breaks off after %.3f s: %s", file->path, read_s,
                sf_strerror(file->sound));
    else if (exact && file->frames_read < file->info.frames)
        ja_fail(error, JA_USAGE, "%s: breaks off after %.3f s of %.3f s", file->path, read_s,
                (double)file->info.frames / rate);
    else if (file->cut)
        ja_fail(error, JA_USAGE, "%s: breaks off after %.3f s: the file was cut short", file->path,
                read_s);
    else
        return 0;
    return -1;
}

static void spread(const struct ja_file *file, float *const *channels, unsigned at,
                   unsigned frames) {
    const unsigned stride = (unsigned)file->info.channels;
    for (unsigned c = 0; c < stride && c < JA_CHANNELS; c++)
        for (unsigned i = 0; i < frames; i++)
            channels[c][at + i] = file->interleaved[i * stride + c];
}

int ja_file_read(struct ja_file *file, float *const *channels, unsigned frames,
                 struct ja_error *error) {
    unsigned done = 0;
    while (done < frames) {
        unsigned want = frames - done < PIECE_FRAMES ? frames - done : PIECE_FRAMES;
        sf_count_t got = sf_readf_float(file->sound, file->interleaved, want);
        if (got <= 0)
            break;
        spread(file, channels, done, (unsigned)got);
        done += (unsigned)got;
        file->frames_read += got;
    }
    return done > 0 || frames == 0 ? (int)done : end_of_file(file, error);
}

void ja_file_close(struct ja_file *file) {
    if (!file)
        return;
    if (file->sound)
        sf_close(file->sound);
    if (file->fd >= 0)
        close(file->fd);
    free(file->interleaved);
    free(file->path);
    free(file);
}
