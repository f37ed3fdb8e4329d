// Plays blocks of sound that come by the network as evenly as the sound card wants them.
//
// They wait in a ring, some time long. Two clocks are never the same: where the ring becomes fuller
// or emptier than it should be, it is read a little faster or slower. When it runs empty there is
// silence until it is filled again, which counts as a gap, and it is kept fuller from then on.
//
// SPDX-License-Identifier: GPL-3.0-or-later

const SIZE = 1 << 17, MASK = SIZE - 1; // frames; more than a second at any rate
// Seconds in the ring: what is aimed at, at first and at most, and what beyond that is skipped.
const FIRST_S = 0.15, MOST_S = 0.3, STEP_S = 0.05, BEYOND_S = 0.15;
const SMOOTH_S = 2, PULL = 0.05, MOST_PULL = 0.005; // how its fill is read, and what follows
const FADE_S = 0.005;

export class Player {
    // outRate: samples a second that are wanted.
    constructor(outRate) {
        this.outRate = outRate;
        this.left = new Float32Array(SIZE);
        this.right = new Float32Array(SIZE);
        this.gaps = this.skips = this.missed = 0;
        this.rate = outRate;
        this.targetS = FIRST_S;
        this.begin();
    }

    // From here on it is other sound.
    begin() {
        this.written = this.at = 0; // frames since then
        this.isPlaying = false;
        this.seq = null;
    }

    // samples: `channels` interleaved; the first, third … go to the left, the others to the right.
    push(samples, {rate, channels, seq}) {
        if (rate !== this.rate)
            this.begin();
        this.rate = rate;
        if (this.seq !== null && seq > this.seq + 1)
            this.missed += seq - this.seq - 1;
        this.seq = seq;
        for (let i = 0; i + channels <= samples.length; i += channels) {
            let left = 0, right = 0;
            for (let c = 0; c < channels; c += 2)
                left += samples[i + c];
            for (let c = 1; c < channels; c += 2)
                right += samples[i + c];
            left /= Math.ceil(channels / 2);
            this.left[this.written & MASK] = left;
            this.right[this.written & MASK] = channels > 1 ? right / Math.floor(channels / 2) : left;
            this.written++;
        }
        if (this.isPlaying && this.written - this.at > (this.targetS + BEYOND_S) * rate) {
            this.at = this.written - this.targetS * rate;
            this.skips++;
        }
    }

    // With the newest sound, however much has come meanwhile.
    start() {
        this.isPlaying = true;
        this.fill = this.targetS * this.rate;
        this.at = this.written - this.fill;
        this.volume = 0;
    }

    // How much faster than they came the samples are to be read, as a part of one.
    get correction() {
        const off = this.fill / this.rate - this.targetS;
        return Math.max(-MOST_PULL, Math.min(MOST_PULL, off * PULL));
    }

    // Fills both with what is to be heard next.
    pull(left, right) {
        const count = left.length;
        if (!this.isPlaying && this.written - this.at < this.targetS * this.rate) {
            left.fill(0);
            right.fill(0);
            return;
        }
        if (!this.isPlaying)
            this.start();
        this.fill += (this.written - this.at - this.fill) * Math.min(1, count / this.outRate / SMOOTH_S);
        const step = this.rate / this.outRate * (1 + this.correction);
        const rise = 1 / (FADE_S * this.outRate);
        let i = 0;
        for (; i < count && this.written - this.at > 3; i++, this.at += step) {
            this.volume = Math.min(1, this.volume + rise);
            left[i] = this.volume * between(this.left, this.at);
            right[i] = this.volume * between(this.right, this.at);
        }
        if (i < count) {
            left.fill(0, i);
            right.fill(0, i);
            this.isPlaying = false;
            this.gaps++;
            this.targetS = Math.min(MOST_S, this.targetS + STEP_S);
        }
    }

    report() {
        return {isPlaying: this.isPlaying, waitingS: Math.max(0, this.written - this.at) / this.rate,
            correction: this.isPlaying ? this.correction : 0, gaps: this.gaps, skips: this.skips,
            missed: this.missed, rate: this.rate};
    }
}

// The value between four samples, by a cubic through them (Catmull and Rom).
function between(ring, at) {
    const whole = Math.floor(at), t = at - whole;
    const a = ring[(whole - 1) & MASK], b = ring[whole & MASK], c = ring[(whole + 1) & MASK],
        d = ring[(whole + 2) & MASK];
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}
