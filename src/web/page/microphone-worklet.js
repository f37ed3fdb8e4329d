// The sound card's side of the microphone: gathers samples into chunks.
//
// SPDX-License-Identifier: GPL-3.0-or-later

const CHUNK_FRAMES = 1024;

class Gatherer extends AudioWorkletProcessor {
    constructor() {
        super();
        this.begin();
    }

    begin() {
        this.chunk = new Float32Array(CHUNK_FRAMES);
        this.filled = 0;
    }

    process([[samples]]) {
        for (let from = 0; samples && from < samples.length;) {
            const count = Math.min(samples.length - from, CHUNK_FRAMES - this.filled);
            this.chunk.set(samples.subarray(from, from + count), this.filled);
            this.filled += count;
            from += count;
            if (this.filled === CHUNK_FRAMES) {
                this.port.postMessage(this.chunk, [this.chunk.buffer]);
                this.begin();
            }
        }
        return true;
    }
}

registerProcessor('gatherer', Gatherer);
