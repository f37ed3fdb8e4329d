#!/usr/bin/env node
// Plays the analyser for the page: serves its files, tells made-up music, remembers commands.
//
//   test/web/mock.mjs [PORT]     to look at the page without sound
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import {extname} from 'node:path';
import {fileURLToPath} from 'node:url';

const PAGE = fileURLToPath(new URL('../../src/web/page', import.meta.url));
const TYPES = {'.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript',
    '.svg': 'image/svg+xml'};
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "connect-src 'self' ws: wss:";
const BPM = 128, BEAT_S = 60 / BPM, FRAME_S = 1 / 30, LEAD_S = 0.08;
const CYCLE = 64; // beats from one drop to the next
const RATE = 48000, BLOCK_FRAMES = 960;
export const SINE_HZ = 1000; // what is heard by whoever listens

const OPTIONS = [
    {name: 'tempo.min_bpm', type: 'float', value: 60, default: 60, min: 20, max: 400, unit: 'bpm',
        help: 'Slowest tempo that is looked for.', origin: 'default', effect: 'live'},
    {name: 'tempo.max_bpm', type: 'float', value: 200, default: 200, min: 20, max: 400, unit: 'bpm',
        help: 'Fastest tempo that is looked for.', origin: 'default', effect: 'live'},
    {name: 'onset.threshold', type: 'float', value: 0.3, default: 0.3, min: 0.01, max: 10, unit: null,
        help: 'How far the detection function must rise.', origin: 'default', effect: 'live'},
    {name: 'hit.enable', type: 'bool', value: true, default: true, unit: null,
        help: 'Whether drum hits are looked for.', origin: 'default', effect: 'live'},
    {name: 'governor.level', type: 'choice', value: 'auto', default: 'auto',
        choices: ['auto', 'low', 'medium', 'high', 'maximum'], unit: null,
        help: 'How much is analysed.', origin: 'default', effect: 'live'},
    {name: 'control.port', type: 'int', value: 7770, default: 7770, min: 1, max: 65535, unit: null,
        help: 'UDP port to listen on.', origin: 'default', effect: 'start'},
];
const COMMANDS = ['tap', 'resync', 'nudge', 'half', 'double', 'hold', 'lock', 'auto', 'range', 'feedback',
    'test-beats', 'set', 'get', 'preset', 'reset', 'pause', 'resume', 'mute', 'level', 'ping', 'get_stats'];
const ANSWERS = {
    options: {options: OPTIONS},
    presets: {presets: ['genre/techno', 'genre/house', 'target/qlcplus', 'box/pi4'].map((name) =>
        ({name, description: `About ${name}.`, file: `presets/${name}.conf`}))},
    commands: {commands: COMMANDS.map((name) => ({name, arguments: '', help: ''}))},
    ports: {ports: [
        {name: 'system:capture_1', type: 'audio', direction: 'output', physical: true, connected: true},
        {name: 'firefox:out_1', type: 'audio', direction: 'output', physical: false, connected: false}]},
    'stream/health': {status: 'ok', version: '0.1.0', jack: {client: 'jack-analyzer',
        state: 'running as "jack-analyzer" at 48000 Hz, 256 frames a period', rate: 48000, period: 256, cycles: 1000, xruns: 2}, outputs: [
        {name: 'default', kind: 'target', muted: false, sent: 4711, failed: 0},
        {name: 'midi', kind: 'midi', muted: true, sent: 12, failed: 0},
        {name: 'events', kind: 'events', in_use: false, muted: false, sent: 0, failed: 0}]},
};

// --- Made-up music ---

const wave = (time, period) => 0.5 + 0.5 * Math.sin(2 * Math.PI * time / period);

function energyAt(beat) {
    const place = beat % CYCLE;
    return place < 32 ? 0.85 : place < 48 ? 0.3 : 0.3 + (place - 48) / 32;
}

function frameAt(time) {
    const beat = time / BEAT_S, phase = beat % 1, energy = energyAt(beat);
    const rms = 0.25 * energy * (1 - 0.6 * phase);
    const chroma = Array.from({length: 12}, (_, i) => [9, 0, 4].includes(i) ? 0.7 + 0.3 * wave(time, 3 + i)
        : 0.15 * wave(time, 2 + i));
    return {type: 'analysis', stream: 'main', time, rms, peak: rms * 2.2, silence: false,
        loudness_momentary: -14 + 6 * energy, loudness_short: -14, energy,
        bands: Array.from({length: 8}, (_, i) => 0.3 * energy * Math.exp(-i / 3) * (1 - 0.5 * wave(time, 1 + i))),
        tempo_fast: BPM + 0.2, tempo: BPM + Math.sin(time / 20) / 5, tempo_confidence: 0.93,
        beat_phase: phase, bar_phase: (beat % 4) / 4, chroma, onset_detected: false, onset_strength: 0,
        pitch: null, pitch_confidence: 0, spectral_centroid: 2400};
}

function* eventsOfBeat(seq, emitted) {
    const time = seq * BEAT_S, event = (type, more) => ({type, stream: 'main', time, emitted, ...more});
    yield event('beat', {seq, beat_in_bar: 1 + seq % 4, bpm: BPM, confidence: 0.94});
    for (let ahead = 1; ahead <= 8; ahead++)
        yield event('prediction', {time: time + ahead * BEAT_S, kind: 'beat', label: 'beat', value: BPM,
            confidence: 0.9});
    yield event('hit', {drum: seq % 2 ? 'snare' : 'kick', strength: 0.9});
    yield event('hit', {drum: 'hat', strength: 0.5});
    yield event('onset', {strength: 0.8, band: 'full'});
    const place = seq % CYCLE, soon = {0: 'drop', 32: 'breakdown', 48: 'buildup'};
    if (soon[place])
        yield event('transition', {kind: soon[place], delta_db: place ? -5 : 8, confidence: 0.8});
    if (soon[place])
        yield event('section', {label: place === 0 ? 'drop' : soon[place], confidence: 0.7, bars: 8});
    const [due, label] = place < 32 ? [32, 'breakdown'] : [CYCLE, 'drop'];
    if (due - place <= 24)
        yield event('prediction', {time: time + (due - place) * BEAT_S, kind: 'energy', label,
            value: due - place, confidence: 0.6});
    if (seq % 4 === 0)
        yield event('prediction', {time: time + 4 * BEAT_S, kind: 'harmony', label: 'F:maj', value: 4,
            confidence: 0.6});
    if (seq % 4 === 0)
        yield event('chord', {chord: seq % 8 ? 'F:maj' : 'A:min', confidence: 0.8});
}

// What whoever connects is told first.
const LASTING = [
    {type: 'state', time: 3, emitted: 3, state: 'locked', reason: 'Beats come steadily.'},
    {type: 'key', time: 9, emitted: 9, key: 'A:min', camelot: '8A', confidence: 0.7},
    {type: 'section', time: 9, emitted: 9, label: 'groove', confidence: 0.66, bars: 8},
    ...[['beat', 420, 0.98, 0.7], ['energy', 12, 0.67, -120], ['harmony', 34, 0.68, 0.9]].map(
        ([kind, n, rate, late]) => ({type: 'score', time: 9, emitted: 9, kind, n, hits: Math.round(n * rate),
            hit_rate: rate, median_error_ms: late, calibration: [[0.35, 0.3, 4], [0.6, 0.55, 9],
                [0.75, 0.8, 20], [0.93, 0.97, 380]], window_s: 120, total_n: n, total_hits: n, unjudged: 0})),
].map((one) => ({stream: 'main', ...one}));

// A block of a sine, as whoever listens gets it: 20 ms at 48 kHz, two channels.
function blockOf(seq) {
    const block = Buffer.alloc(32 + 8 * BLOCK_FRAMES);
    block.write('JAPC');
    block.writeUInt16LE(1, 4);
    block.writeUInt16LE(1, 6);
    block.writeUInt32LE(seq, 8);
    block.writeBigUInt64LE(BigInt(seq * BLOCK_FRAMES), 12);
    block.writeUInt32LE(RATE, 20);
    block.writeUInt16LE(2, 24);
    for (let i = 0; i < BLOCK_FRAMES; i++) {
        const value = 0.1 * Math.sin(2 * Math.PI * SINE_HZ * (seq * BLOCK_FRAMES + i) / RATE);
        block.writeFloatLE(value, 32 + 8 * i);
        block.writeFloatLE(value, 36 + 8 * i);
    }
    return block;
}

// --- WebSocket: as much of RFC 6455 as a browser needs ---

function frameOf(data) {
    const body = Buffer.from(data), first = typeof data === 'string' ? 0x81 : 0x82;
    const head = body.length < 126 ? Buffer.from([first, body.length])
        : Buffer.from([first, 126, body.length >> 8, body.length & 255]);
    return Buffer.concat([head, body]);
}

// Calls take(text or bytes) for each message of a browser, which are short and masked.
function readFrames(socket, take) {
    let waiting = Buffer.alloc(0);
    socket.on('data', (data) => {
        waiting = Buffer.concat([waiting, data]);
        for (;;) {
            if (waiting.length < 6)
                return;
            const short = waiting[1] & 127, extra = short === 126 ? 2 : 0;
            const size = extra ? waiting.readUInt16BE(2) : short, from = 6 + extra;
            if (waiting.length < from + size)
                return;
            const mask = waiting.subarray(from - 4, from);
            const body = Buffer.from(waiting.subarray(from, from + size).map((byte, i) => byte ^ mask[i % 4]));
            if ((waiting[0] & 15) === 8)
                socket.end();
            else
                take((waiting[0] & 15) === 1 ? body.toString() : body);
            waiting = waiting.subarray(from + size);
        }
    });
}

// --- The server ---

// absent: paths below /api/v1/ that are not there. token: what must be borne.
export class Mock {
    constructor({absent = [], token = ''} = {}) {
        this.commands = []; // [name, arguments] in order
        this.puts = [];     // [option, value] in order
        this.absent = absent;
        this.token = token;
        this.orders = {hold: false, pin: null, test_beats: null, paused: false};
        this.isPlaying = true;
        this.all = new Set();       // sockets
        this.sockets = new Set();   // of the bus
        this.listeners = new Set(); // to the sound
        this.heard = [];            // streams that came by a microphone: {id, rate, frames}
        this.block = 0;
        this.time = 10 * BEAT_S;
        this.seq = 11;
    }

    async start(port = 0) {
        this.server = createServer((request, response) => this.answer(request, response));
        this.server.on('upgrade', (request, socket) => this.open(request, socket));
        await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
        this.port = this.server.address().port;
        this.last = performance.now();
        this.timers = [setInterval(() => this.play(), FRAME_S * 1000),
            setInterval(() => this.tell({type: 'metrics', stream: 'main', metrics: {total_latency: 12.4,
                average_latency: 0.2, chunks_processed: 1, quality_metrics: {snr: null, rms: 0.2},
                cpu_usage: 3.2, load: 2.1, level: 'maximum', worst_hop_ms: 0.6, queue_ms: 4.1,
                lost_blocks: 0, xruns: 2, clients: this.sockets.size}}), 1000),
            setInterval(() => this.sound(), 20)];
        return this.port;
    }

    async stop() {
        this.timers.forEach(clearInterval);
        for (const socket of this.all)
            socket.destroy();
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }

    play() {
        const now = performance.now(), passed = (now - this.last) / 1000;
        this.last = now;
        if (!this.isPlaying)
            return;
        this.time += passed;
        this.tell(frameAt(this.time));
        for (; this.seq * BEAT_S < this.time + LEAD_S; this.seq++)
            for (const event of eventsOfBeat(this.seq, this.time))
                this.tell(event);
    }

    // To all who are on the bus.
    tell(message) {
        const frame = frameOf(JSON.stringify(message));
        for (const socket of this.sockets)
            socket.write(frame);
    }

    isBorne(request) {
        const query = new URL(request.url, 'http://mock').searchParams;
        return !this.token || query.get('token') === this.token ||
            request.headers.authorization === `Bearer ${this.token}`;
    }

    open(request, socket) {
        if (!this.isBorne(request)) {
            socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
            return;
        }
        const accept = createHash('sha1').update(request.headers['sec-websocket-key'] +
            '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
        this.all.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => this.all.delete(socket));
        const {pathname, searchParams} = new URL(request.url, 'http://mock');
        const [, , , what, kind, id] = pathname.split('/');
        if (what === 'monitor')
            return this.openMonitor(socket);
        if (kind === 'audio')
            return this.openMicrophone(socket, id, Number(searchParams.get('rate')));
        socket.on('close', () => this.sockets.delete(socket));
        readFrames(socket, (text) => this.hear(socket, JSON.parse(text)));
        for (const message of [{type: 'hello', version: '0.1.0', streams: ['main'],
            catalogue: {outputs: [], events: []}}, {type: 'operator', ...this.orders}, ...LASTING])
            socket.write(frameOf(JSON.stringify(message)));
        this.sockets.add(socket);
        return undefined;
    }

    openMonitor(socket) {
        this.listeners.add(socket);
        socket.on('close', () => this.listeners.delete(socket));
        readFrames(socket, () => {});
        socket.write(frameOf(JSON.stringify({type: 'audio_stream_start', stream: 'main', data: {
            sample_rate: RATE, channels: 2, format: 'float32le', encoding: 'binary'}})));
        this.soundFrom = this.soundFrom ?? performance.now();
    }

    // As many blocks as have come to be since the first listener.
    sound() {
        while (this.block * BLOCK_FRAMES / RATE < (performance.now() - this.soundFrom) / 1000) {
            const frame = frameOf(blockOf(this.block++));
            for (const socket of this.listeners)
                if (this.isPlaying)
                    socket.write(frame);
        }
    }

    // Tells level, and pitch by the times from one rise through zero to the next: their median.
    openMicrophone(socket, id, rate) {
        const stream = {id, rate, frames: 0};
        this.heard.push(stream);
        socket.on('close', () => { stream.hasEnded = true; });
        let last = 0, crossings = [], energy = 0, since = 0;
        readFrames(socket, (data) => {
            for (let at = 0; at + 4 <= data.length; at += 4, stream.frames++, since++) {
                const value = data.readFloatLE(at);
                if (last < 0 && value >= 0)
                    crossings.push(stream.frames - value / (value - last));
                last = value;
                energy += value * value;
            }
            if (since < rate / 10)
                return;
            const turns = crossings.slice(1).map((one, i) => one - crossings[i]).sort((a, b) => a - b);
            const pitch = turns.length ? rate / turns[Math.floor(turns.length / 2)] : null;
            socket.write(frameOf(JSON.stringify({type: 'analysis', stream: id, time: stream.frames / rate,
                rms: Math.sqrt(energy / since), peak: 0.5, tempo: 120, tempo_confidence: 0.9, pitch,
                pitch_confidence: 0.9})));
            crossings = [];
            energy = since = 0;
        });
    }

    hear(socket, message) {
        if (message.type === 'ping')
            return socket.write(frameOf('{"type":"pong"}'));
        const {command, args = [], id} = message;
        if (command !== 'subscribe')
            this.commands.push([command, args]);
        this.order(command, args);
        return socket.write(frameOf(JSON.stringify({type: 'ack', id, command, ok: true, text: `${command} done`})));
    }

    // What goes on until it is undone.
    order(command, [number]) {
        if (command === 'auto')
            Object.assign(this.orders, {hold: false, pin: null});
        else if (command === 'hold')
            this.orders.hold = number === 1;
        else if (command === 'lock')
            this.orders.pin = number === 1 ? 'lock' : null;
        else if (command === 'half' || command === 'double')
            this.orders.pin = command;
        this.tell({type: 'operator', ...this.orders});
    }

    async answer(request, response) {
        const {pathname} = new URL(request.url, 'http://mock');
        const send = (status, type, body) => response.writeHead(status, {'Content-Type': type,
            'Content-Security-Policy': POLICY, 'Cache-Control': 'no-store'}).end(body);
        const json = (status, value) => send(status, 'application/json', JSON.stringify(value));
        if (!pathname.startsWith('/api/')) {
            const path = pathname === '/' ? '/index.html' : pathname;
            const body = await readFile(PAGE + path).catch(() => null);
            return body ? send(200, TYPES[extname(path)], body) : json(404, {error: 'there is no such file'});
        }
        const what = pathname.slice('/api/v1/'.length);
        if (!this.isBorne(request))
            return json(401, {error: 'a token is needed', code: 'unauthorized'});
        if (request.method === 'PUT')
            return this.put(decodeURIComponent(what.split('/')[1]), request, json);
        return ANSWERS[what] && !this.absent.includes(what) ? json(200, ANSWERS[what])
            : json(404, {error: 'there is no such path', code: 'not_found'});
    }

    async put(name, request, json) {
        let text = '';
        for await (const part of request)
            text += part;
        const option = OPTIONS.find((one) => one.name === name), {value} = JSON.parse(text);
        if (value < option.min || value > option.max)
            return json(400, {error: `${name} is ${option.min} to ${option.max}, not ${value}`});
        this.puts.push([name, value]);
        return json(200, {...option, value});
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const port = await new Mock().start(Number(process.argv[2] || 8090));
    console.log(`http://127.0.0.1:${port}/`);
}
