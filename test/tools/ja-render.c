/* Writes a synthesised signal to a sound file, and what is to be found in it to another.
 *
 *   ja-render synth:NAME?parameter=value SOUND.wav [TRUTH.jsonl]
 *
 * Without arguments it lists the signals.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ja/audio/source.h>
#include <ja/stream/inlet.h>
#include <sndfile.h>
#include <stdio.h>

static int fail(const char *text) {
    fprintf(stderr, "ja-render: %s\n", text);
    return JA_USAGE;
}

static int render(struct ja_source *source, SNDFILE *file) {
    enum { FRAMES = 1024 };
    static float planes[JA_CHANNELS][FRAMES], interleaved[FRAMES * JA_CHANNELS];
    float *channels[JA_CHANNELS];
    const unsigned count = ja_source_info(source)->channels;
    for (unsigned c = 0; c < count; c++)
        channels[c] = planes[c];
    struct ja_error error;
    int frames;
    while ((frames = ja_source_read(source, channels, FRAMES, &error)) > 0) {
        for (unsigned c = 0; c < count; c++)
            for (int i = 0; i < frames; i++)
                interleaved[(unsigned)i * count + c] = planes[c][i];
        if (sf_writef_float(file, interleaved, frames) != frames)
            return fail(sf_strerror(file));
    }
    return frames < 0 ? fail(error.text) : 0;
}

static int write_sound(const char *what, const char *path) {
    struct ja_error error;
    struct ja_source *source;
    if (ja_source_open(&source, what, &error) != JA_OK)
        return fail(error.text);
    SF_INFO info = {.samplerate = (int)ja_source_info(source)->rate,
                    .channels = (int)ja_source_info(source)->channels,
                    .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    int result = file ? render(source, file) : fail(sf_strerror(NULL));
    if (file)
        sf_close(file);
    ja_source_close(source);
    return result;
}

static int write_truth(const char *what, const char *path) {
    struct ja_error error;
    FILE *out = fopen(path, "w");
    if (!out)
        return fail("the truth's file cannot be written");
    enum ja_status status = ja_synth_truth(what, out, &error);
    fclose(out);
    return status == JA_OK ? 0 : fail(error.text);
}

int main(int count, char **arguments) {
    if (count < 3) {
        ja_synth_list(stdout);
        return 0;
    }
    int result = write_sound(arguments[1], arguments[2]);
    if (result == 0 && count > 3)
        result = write_truth(arguments[1], arguments[3]);
    return result;
}
