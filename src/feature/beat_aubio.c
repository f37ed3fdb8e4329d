/* aubio's beat tracker behind a small interface.
 *
 * aubio looks at six seconds of its detection function once in 128 hops and then foretells the
 * beats of the next 128. Three things are put right here. The hop is at least 5.8 × rate / 512
 * frames, because six seconds become eleven otherwise. The period aubio finds is 0.62 hops too
 * short, whatever the tempo (measured on clicks from 80 to 170 bpm), so that of the beats foretold
 * from one look each is earlier than the one before. And a beat is taken from the time aubio gives,
 * not from its output, which is zero for a beat in a silent hop and for one exactly at its start.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "beat_aubio.h"

#include <math.h>
#include <string.h>

enum { WINDOW = 2048, LOOK = 128 /* hops from one look to the next */ };

static const double period_error = 0.62; /* hops by which a period is too short */
static const double delay_s = -0.005;    /* what is left, between clicks and music */

bool ja_beat_aubio_init(struct ja_beat_aubio *aubio, unsigned rate) {
    memset(aubio, 0, sizeof *aubio);
    ja_aubio_prepare();
    aubio->rate = rate;
    aubio->hop = rate > 44100 ? 544 : 512;
    aubio->input = new_fvec(aubio->hop);
    aubio->output = new_fvec(1);
    aubio->tempo = new_aubio_tempo("default", WINDOW, aubio->hop, rate);
    if (!aubio->input || !aubio->output || !aubio->tempo) {
        ja_beat_aubio_done(aubio);
        return false;
    }
    aubio_tempo_set_silence(aubio->tempo, -200);
    return true;
}

void ja_beat_aubio_done(struct ja_beat_aubio *aubio) {
    if (aubio->tempo)
        del_aubio_tempo(aubio->tempo);
    if (aubio->input)
        del_fvec(aubio->input);
    if (aubio->output)
        del_fvec(aubio->output);
    memset(aubio, 0, sizeof *aubio);
}

/* One hop of aubio's. */
static bool run(struct ja_beat_aubio *aubio, struct ja_beat_sighting *sighting) {
    double hop_s = (double)aubio->hop / aubio->rate;
    double bpm, clarity;
    uint_t last;

    aubio_tempo_do(aubio->tempo, aubio->input, aubio->output);
    if (++aubio->hops % LOOK == 0)
        aubio->beats = 0;
    last = aubio_tempo_get_last(aubio->tempo);
    if (last == aubio->last)
        return false;
    aubio->last = last;
    aubio->beats++;
    bpm = aubio_tempo_get_bpm(aubio->tempo);
    clarity = aubio_tempo_get_confidence(aubio->tempo);
    if (!isfinite(bpm) || bpm < 20 || bpm > 400 || !isfinite(clarity))
        return false;
    sighting->time = (double)last / aubio->rate + aubio->beats * period_error * hop_s + delay_s;
    sighting->period = 60 / bpm + period_error * hop_s;
    sighting->clarity = fmax(0, clarity);
    return true;
}

bool ja_beat_aubio_feed(struct ja_beat_aubio *aubio, const float *mono, unsigned count,
                        struct ja_beat_sighting *sighting) {
    bool seen = false;

    while (count > 0) {
        unsigned room = aubio->hop - aubio->gathered;
        unsigned now = count < room ? count : room;

        memcpy(aubio->input->data + aubio->gathered, mono, now * sizeof *mono);
        aubio->gathered += now;
        mono += now;
        count -= now;
        if (aubio->gathered == aubio->hop) {
            aubio->gathered = 0;
            seen |= run(aubio, sighting);
        }
    }
    return seen;
}
