// The sound card's side of listening: runs where the browser makes its sound.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {Player} from './player.js';

const REPORT_S = 0.25;

class Listener extends AudioWorkletProcessor {
    constructor() {
        super();
        this.player = new Player(sampleRate);
        this.reportAt = 0;
        this.wasPlaying = false; // as last reported
        this.port.onmessage = ({data}) => {
            if (data.samples)
                this.player.push(data.samples, data);
            else
                this.player.begin();
        };
    }

    process(inputs, [[left, right]]) {
        this.player.pull(left, right);
        if (currentTime >= this.reportAt || this.player.isPlaying !== this.wasPlaying) {
            this.reportAt = currentTime + REPORT_S;
            this.wasPlaying = this.player.isPlaying;
            this.port.postMessage(this.player.report());
        }
        return true;
    }
}

registerProcessor('listener', Listener);
