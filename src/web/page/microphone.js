// A microphone of this computer as a stream of its own: what the analyser makes of it.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {Line} from './line.js';
import {decibels, Model} from './model.js';

const $ = (id) => document.getElementById(id);
const UPDATE_HZ = 30, MOST_WAITING_S = 1;
const NOTES = ['C', 'D♭', 'D', 'E♭', 'E', 'F', 'G♭', 'G', 'A♭', 'A', 'B♭', 'B'];

// As it is: what makes speech better makes music worse.
const WISH = {echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1};

const REASONS = {
    NotAllowedError: 'The browser may not use it: allow the microphone beside the address, then try again.',
    NotFoundError: 'The browser finds no microphone.',
    NotReadableError: 'Another program keeps the microphone.',
};

const isPossible = () => Boolean(navigator.mediaDevices?.getUserMedia);

// Note, octave and cents of a frequency, as people say it.
export function note(hz) {
    const midi = 69 + 12 * Math.log2(hz / 440), whole = Math.round(midi);
    const cents = Math.round(100 * (midi - whole));
    return `${NOTES[(whole % 12 + 12) % 12]}${Math.floor(whole / 12) - 1} ` +
        `${cents < 0 ? '−' : '+'}${Math.abs(cents)} ct`;
}

export class Microphone {
    // address(id, query) is where the stream's sound goes.
    constructor(address) {
        this.address = address;
        this.model = new Model();
        this.isOn = false;
        $('mic').addEventListener('click', () => (this.isOn ? this.stop() : this.start()));
        $('mic-device').addEventListener('change', () => this.isOn && this.restart());
        $('mic').disabled = !isPossible();
        $('mic-help').hidden = isPossible();
        for (const place of document.querySelectorAll('[data-port]'))
            place.textContent = location.port || (location.protocol === 'https:' ? '443' : '80');
        if (!isPossible())
            this.say('The browser gives a microphone to safe pages only, and this one came without TLS.', false);
    }

    async start() {
        this.isOn = true;
        this.id = `mic-${Math.random().toString(36).slice(2, 8)}`; // another stream each time
        $('mic').classList.add('on');
        $('mic').textContent = 'Stop the microphone';
        this.say('Asking the browser for the microphone …', true);
        try {
            await this.open();
        } catch (error) {
            this.stop();
            this.say(REASONS[error.name] || `No microphone: ${error.message}`, false);
        }
    }

    async open() {
        const deviceId = $('mic-device').value;
        const context = this.context = new AudioContext({latencyHint: 'interactive'});
        const sound = await navigator.mediaDevices.getUserMedia(
            {audio: {...WISH, ...deviceId && {deviceId: {exact: deviceId}}}});
        if (context !== this.context)
            return sound.getTracks().forEach((track) => track.stop()); // stopped meanwhile
        this.sound = sound;
        sound.getTracks()[0].onended = () => {
            this.stop();
            this.say('The microphone was taken away.', false);
        };
        await context.audioWorklet.addModule('microphone-worklet.js');
        if (context !== this.context)
            return;
        this.connect(context);
        this.listDevices();
    }

    connect(context) {
        const gatherer = new AudioWorkletNode(context, 'gatherer', {numberOfInputs: 1,
            channelCount: 1, channelCountMode: 'explicit', outputChannelCount: [1]});
        this.lost = 0;
        this.line = new Line(() => this.address(this.id,
            {rate: context.sampleRate, channels: 1, update_hz: UPDATE_HZ}), {
            heard: (data) => this.heard(data),
            lost: () => this.say(`${this.trouble || 'The connection is lost'}; it is tried again.`, false),
        });
        gatherer.port.onmessage = ({data}) => this.send(data, context.sampleRate);
        // It says nothing, but what leads nowhere may not run.
        new MediaStreamAudioSourceNode(context, {mediaStream: this.sound}).connect(gatherer)
            .connect(context.destination);
        context.resume();
        this.showFigures(true);
    }

    // Rather than ever later, nothing.
    send(chunk, rate) {
        if (!this.line)
            return; // stopped meanwhile
        if (this.line.waiting > MOST_WAITING_S * rate * chunk.BYTES_PER_ELEMENT)
            this.lost++;
        else
            this.line.send(chunk);
    }

    heard(data) {
        let message;
        try {
            message = JSON.parse(data);
        } catch {
            return; // not for us
        }
        if (message.type === 'error')
            this.trouble = message.error;
        else if (message.type === 'stream_start')
            this.begin(message);
        else if (message.type === 'analysis')
            this.say(`Hearing ${this.context.sampleRate} Hz` +
                (this.lost ? `; ${this.lost} chunks did not get through in time` : '') + '.', true);
        this.model.take(message, performance.now());
    }

    // After a short loss of the connection a stream goes on where it was.
    begin({data}) {
        this.trouble = '';
        if (!data.resumed)
            this.model.reset();
    }

    async listDevices() {
        const found = (await navigator.mediaDevices.enumerateDevices())
            .filter((one) => one.kind === 'audioinput');
        const chosen = this.sound?.getTracks()[0].getSettings().deviceId;
        $('mic-device').replaceChildren(...found.map((one) => new Option(one.label || 'microphone',
            one.deviceId, false, one.deviceId === chosen)));
        $('mic-choice').hidden = found.length < 2;
    }

    async restart() {
        this.end();
        await this.start();
    }

    end() {
        this.line?.close();
        this.sound?.getTracks().forEach((track) => {
            track.onended = null;
            track.stop();
        });
        this.context?.close();
        this.line = this.sound = this.context = null;
    }

    stop() {
        this.end();
        this.isOn = false;
        $('mic').classList.remove('on');
        $('mic').textContent = 'Use a microphone';
        this.showFigures(false);
        this.say('Off.', true);
    }

    showFigures(isShown) {
        $('mic-figures').hidden = $('mic-heard').hidden = !isShown;
    }

    say(text, isFine) {
        if (this.said === text)
            return;
        this.said = text;
        $('mic-state').textContent = text;
        $('mic-state').classList.toggle('bad', !isFine);
    }

    // Texts by the id of the place they belong to.
    texts(atMs) {
        const {model} = this, {frame} = model, now = model.now(atMs);
        model.step(now);
        const {beat} = model;
        return {
            'mic-bpm': frame?.tempo ? frame.tempo.toFixed(1) : '–',
            'mic-beat': !beat ? '–' : beat.beat_in_bar > 0 ? String(beat.beat_in_bar) : '●',
            'mic-pitch': frame?.pitch ? note(frame.pitch) : '–',
            'mic-hz': frame?.pitch ? `${frame.pitch.toFixed(1)} Hz` : '',
            'mic-level': frame && frame.rms > 0 ? `${decibels(frame.rms).toFixed(0)} dB` : '–',
            'mic-heard': model.state ? model.state.reason : '',
        };
    }
}
