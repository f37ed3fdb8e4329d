// Listening to what the analyser hears: blocks by WebSocket, through a ring, to the loudspeaker.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {Line} from './line.js';
import {Player} from './player.js';
import {kept} from './store.js';

const $ = (id) => document.getElementById(id);
const HEADER_BYTES = 32, MAGIC = 0x4a415043 /* JAPC */, VERSION = 1, FLOAT32 = 1;
const VOLUME = 'volume', FFT_SIZE = 4096, PROCESSOR_FRAMES = 2048, REPORT_MS = 250;
const QUIET_MS = 1000; // a shorter gap is not shown as another spectrum

// Samples and what is said of them; null for anything else.
export function readBlock(data) {
    const view = new DataView(data);
    if (data.byteLength < HEADER_BYTES || view.getUint32(0) !== MAGIC ||
        view.getUint16(4, true) !== VERSION || view.getUint16(6, true) !== FLOAT32)
        return null;
    const rate = view.getUint32(20, true), channels = view.getUint16(24, true);
    return rate > 0 && channels > 0 ? {samples: new Float32Array(data, HEADER_BYTES),
        seq: view.getUint32(8, true), rate, channels} : null;
}

// What plays, in a thread of the browser's sound; gives {node, push(block), begin()}.
async function makeWorklet(context, report) {
    await context.audioWorklet.addModule('listen-worklet.js');
    const node = new AudioWorkletNode(context, 'listener', {numberOfInputs: 0, outputChannelCount: [2]});
    node.port.onmessage = ({data}) => report(data);
    return {node, begin: () => node.port.postMessage({}),
        push: (block) => node.port.postMessage(block, [block.samples.buffer])};
}

// The same in the page's own thread, for pages that came without TLS: these have no worklets.
function makeProcessor(context, report) {
    const player = new Player(context.sampleRate), node = context.createScriptProcessor(
        PROCESSOR_FRAMES, 0, 2);
    let reportAt = 0;
    node.onaudioprocess = ({outputBuffer}) => {
        player.pull(outputBuffer.getChannelData(0), outputBuffer.getChannelData(1));
        if (performance.now() < reportAt)
            return;
        reportAt = performance.now() + REPORT_MS;
        report(player.report());
    };
    return {node, begin: () => player.begin(), push: (block) => player.push(block.samples, block)};
}

export class Listen {
    // address(stream) and rate() tell where the sound is, and how many samples a second it has.
    constructor(address, rate) {
        this.address = address;
        this.rate = rate;
        this.stream = null;
        this.isWished = false;
        this.playedAt = -Infinity; // performance.now() when it last did
        this.early = []; // blocks that came before there was anything to play them
        this.said = '';
        $('listen').addEventListener('click', () => this.toggle());
        $('volume').value = kept.get(VOLUME) ?? '80';
        $('volume').addEventListener('input', () => this.setVolume());
    }

    toggle() {
        if (this.isWished)
            return this.pause();
        return this.start().catch((error) => {
            this.pause();
            this.making = null;
            this.say(`The browser does not play: ${error.message}`, false);
        });
    }

    // Another stream is looked at.
    choose(stream) {
        if (stream === this.stream)
            return;
        this.stream = stream;
        if (this.isWished)
            this.connect();
    }

    async start() {
        this.isWished = true;
        this.clickedAt = performance.now();
        $('listen').classList.add('on');
        $('listen').textContent = 'Pause';
        this.say('Connecting …', true);
        this.context = this.context || this.makeContext();
        this.connect();
        const running = this.context.resume();
        this.making = this.making || this.makeOutput();
        this.output = await this.making;
        this.early.splice(0).forEach((block) => this.output.push(block));
        await running;
    }

    makeContext() {
        const sampleRate = this.rate();
        try {
            return new AudioContext({sampleRate, latencyHint: 'interactive'});
        } catch {
            return new AudioContext({latencyHint: 'interactive'}); // not at this rate
        }
    }

    // Player, then what is shown of it, then the volume.
    async makeOutput() {
        const {context} = this, report = (what) => this.took(what);
        const output = context.audioWorklet ? await makeWorklet(context, report)
            : makeProcessor(context, report);
        this.analyser = new AnalyserNode(context, {fftSize: FFT_SIZE, smoothingTimeConstant: 0.6});
        this.gain = new GainNode(context);
        output.node.connect(this.analyser).connect(this.gain).connect(context.destination);
        this.setVolume();
        return output;
    }

    connect() {
        this.line?.close();
        this.output?.begin();
        this.early = [];
        this.line = new Line(() => this.address(this.stream), {
            heard: (data) => this.heard(data),
            lost: () => this.say(`${this.trouble || 'The connection is lost'}; it is tried again.`, false),
        });
    }

    heard(data) {
        const block = typeof data === 'string' ? null : readBlock(data);
        if (block && this.output)
            this.output.push(block);
        else if (block)
            this.early.push(block);
        else if (typeof data === 'string')
            this.told(JSON.parse(data));
    }

    told({type, error, data}) {
        this.trouble = type === 'audio_stream_error' ? error : '';
        if (type === 'audio_stream_start')
            this.output?.begin();
        else if (type === 'audio_stream_end')
            this.say(`The sound has ended${data?.reason ? `: ${data.reason}` : ''}.`, true);
    }

    took(report) {
        if (!this.isWished)
            return;
        const now = performance.now();
        if (report.isPlaying && this.playedAt === -Infinity)
            $('listen').dataset.startedMs = Math.round(now - this.clickedAt);
        if (report.isPlaying) {
            this.playedAt = now;
            this.say(`Playing ${report.rate} Hz.`, true);
        } else if (now - this.playedAt > QUIET_MS && this.said.startsWith('Playing')) {
            this.say('Waiting for sound …', true);
        }
        $('listen-figures').textContent = describe(report, this.context);
    }

    pause() {
        this.isWished = false;
        this.playedAt = -Infinity;
        this.line?.close();
        this.context?.suspend();
        $('listen').classList.remove('on');
        $('listen').textContent = 'Listen';
        this.say('Paused.', true);
        $('listen-figures').textContent = '';
    }

    setVolume() {
        const part = Number($('volume').value) / 100;
        kept.set(VOLUME, $('volume').value);
        if (this.gain)
            this.gain.gain.setTargetAtTime(part * part, this.context.currentTime, 0.02);
    }

    say(text, isFine) {
        if (this.said === text)
            return;
        this.said = text;
        $('listen-state').textContent = text;
        $('listen-state').classList.toggle('bad', !isFine);
    }

    // The spectrum of what is heard, in dB, or null while nothing is: {decibels, hz}, hz per value.
    spectrum() {
        if (!this.isWished || !this.analyser || performance.now() - this.playedAt > QUIET_MS)
            return null;
        this.decibels = this.decibels || new Float32Array(this.analyser.frequencyBinCount);
        this.analyser.getFloatFrequencyData(this.decibels);
        return {decibels: this.decibels, hz: this.context.sampleRate / FFT_SIZE};
    }
}

function describe({waitingS, correction, gaps, skips, missed}, context) {
    const ms = Math.round(1000 * (waitingS + (context.outputLatency || context.baseLatency || 0)));
    const ppm = Math.round(correction * 1e6);
    return `${ms} ms late; gaps ${gaps}, skips ${skips}, lost blocks ${missed}; ` +
        `clock ${ppm < 0 ? '−' : '+'}${Math.abs(ppm)} ppm`;
}
