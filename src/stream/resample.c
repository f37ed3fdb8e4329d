/* libsamplerate, always fed in chunks of one size, so that the result never depends on block sizes.
 *
 * Its sinc converters are zero-phase: output frame k belongs to input time k / ratio exactly.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "resample.h"

#include <samplerate.h>
#include <stdlib.h>

enum {
    CHUNK = 128,     /* input frames */
    HALF_FILTER = 20 /* input frames to each side that the fastest sinc looks at, rounded up */
};

struct ja_resampler {
    SRC_STATE *state;
    double ratio;
    unsigned from, channels;
    size_t filled;       /* frames waiting in `in` */
    size_t room;         /* frames of `out` */
    float *in;           /* CHUNK frames, interleaved */
    float *out;          /* room frames, interleaved */
    float *planes;       /* room frames of each channel */
    const float **plane; /* pointers to these */
};

unsigned ja_resample_target(unsigned rate) {
    return rate == 44100 || (rate != 48000 && rate % 11025 == 0) ? 44100 : 48000;
}

struct ja_resampler *ja_resampler_new(unsigned from, unsigned to, unsigned channels,
                                      struct ja_error *error) {
    struct ja_resampler *resampler = calloc(1, sizeof *resampler);
    if (!resampler)
        goto no_memory;
    int fault = 0;
    resampler->ratio = (double)to / from;
    resampler->from = from;
    resampler->channels = channels;
    resampler->room = (size_t)((CHUNK + 2 * HALF_FILTER) * resampler->ratio) + 64;
    resampler->state = src_new(SRC_SINC_FASTEST, (int)channels, &fault);
    resampler->in = calloc(CHUNK * channels, sizeof *resampler->in);
    resampler->out = calloc(resampler->room * channels, sizeof *resampler->out);
    resampler->planes = calloc(resampler->room * channels, sizeof *resampler->planes);
    resampler->plane = calloc(channels, sizeof *resampler->plane);
    if (!resampler->state || !resampler->in || !resampler->out || !resampler->planes ||
        !resampler->plane)
        goto no_memory;
    for (unsigned c = 0; c < channels; c++)
        resampler->plane[c] = resampler->planes + c * resampler->room;
    return resampler;

no_memory:
    ja_resampler_free(resampler);
    ja_fail(error, JA_FAILED, "no memory to resample from %u to %u Hz", from, to);
    return NULL;
}

void ja_resampler_free(struct ja_resampler *resampler) {
    if (!resampler)
        return;
    src_delete(resampler->state);
    free(resampler->plane);
    free(resampler->planes);
    free(resampler->out);
    free(resampler->in);
    free(resampler);
}

static void hand_on(struct ja_resampler *resampler, size_t count, ja_resampler_function *function,
                    void *data) {
    for (unsigned c = 0; c < resampler->channels; c++) {
        float *plane = resampler->planes + c * resampler->room;
        for (size_t i = 0; i < count; i++)
            plane[i] = resampler->out[i * resampler->channels + c];
    }
    if (count > 0)
        function(data, resampler->plane, count);
}

static void convert(struct ja_resampler *resampler, bool end, ja_resampler_function *function,
                    void *data) {
    const float *in = resampler->in;
    long left = (long)resampler->filled;
    for (;;) {
        SRC_DATA chunk = {
            .data_in = in,
            .data_out = resampler->out,
            .input_frames = left,
            .output_frames = (long)resampler->room,
            .end_of_input = end,
            .src_ratio = resampler->ratio,
        };
        src_process(resampler->state, &chunk);
        hand_on(resampler, (size_t)chunk.output_frames_gen, function, data);
        in += chunk.input_frames_used * (long)resampler->channels;
        left -= chunk.input_frames_used;
        if (chunk.output_frames_gen == 0 && (left == 0 || chunk.input_frames_used == 0))
            break;
    }
    resampler->filled = 0;
}

void ja_resampler_feed(struct ja_resampler *resampler, const float *const *channels, size_t count,
                       ja_resampler_function *function, void *data) {
    for (size_t i = 0; i < count; i++) {
        float *in = resampler->in + resampler->filled * resampler->channels;
        for (unsigned c = 0; c < resampler->channels; c++)
            in[c] = channels[c][i];
        if (++resampler->filled == CHUNK)
            convert(resampler, false, function, data);
    }
}

void ja_resampler_finish(struct ja_resampler *resampler, ja_resampler_function *function,
                         void *data) {
    convert(resampler, true, function, data);
}

void ja_resampler_reset(struct ja_resampler *resampler) {
    src_reset(resampler->state);
    resampler->filled = 0;
}

double ja_resampler_lag(const struct ja_resampler *resampler) {
    double half = HALF_FILTER / (resampler->ratio < 1 ? resampler->ratio : 1);
    return (CHUNK + half) / resampler->from;
}

unsigned ja_resampler_missing(const struct ja_resampler *resampler) {
    return CHUNK - (unsigned)resampler->filled;
}
