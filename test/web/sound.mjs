// Microphone and listening in a browser whose microphone is a file, with a made-up server: what is
// sent and played, what is told, and what is left where the page came without TLS.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {execFileSync, spawn} from 'node:child_process';
import {createHash, X509Certificate} from 'node:crypto';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Browser} from './browser.mjs';
import {address, check, freePorts, isLive, plan, skip, until} from './check.mjs';
import {Mock, SINE_HZ} from './mock.mjs';
import {testPlayer} from './player.mjs';

const RATE = 48000, UNSAFE = 'stage.test'; // as good as any name that is not of this machine
const BPM = 125, BEATS = 16, BEAT = RATE * 60 / BPM, TONE_HZ = 437.5; // come round without a seam
const SINE_S = 150;
const program = `${process.env.BUILD || 'build/plain'}/jack-analyzer`;

// A mono WAV file of 16 bits a sample.
function writeWav(path, samples) {
    const file = Buffer.alloc(44 + 2 * samples.length);
    file.write('RIFF');
    file.writeUInt32LE(36 + 2 * samples.length, 4);
    file.write('WAVEfmt ', 8);
    [16, 1 | 1 << 16, RATE, 2 * RATE, 2 | 16 << 16].forEach((word, i) => file.writeUInt32LE(word, 16 + 4 * i));
    file.write('data', 36);
    file.writeUInt32LE(2 * samples.length, 40);
    samples.forEach((value, i) => file.writeInt16LE(Math.round(32767 * value), 44 + 2 * i));
    writeFileSync(path, file);
}

const sine = (i, hz) => Math.sin(2 * Math.PI * hz * i / RATE);

// What the microphone hears: a steady tone, drums on the beat and hats between them.
const music = Array.from({length: BEATS * BEAT}, (_, i) => {
    const kick = i % BEAT, hat = (i + BEAT / 2) % BEAT;
    return 0.15 * sine(i, TONE_HZ) + 0.5 * Math.exp(-kick / 2400) * sine(kick, 55) +
        0.15 * Math.exp(-hat / 700) * (2 * Math.random() - 1);
});

// Keeps the nodes of the page's sound, and of what is played the latest piece that is not silent: a
// busy machine plays in spurts.
const watching = `{
    const connect = AudioNode.prototype.connect;
    window.nodes = [];
    AudioNode.prototype.connect = function (...to) {
        window.nodes.push(this);
        if (this instanceof AnalyserNode) {
            const tap = window.tap = this.context.createScriptProcessor(2048, 1, 1);
            tap.onaudioprocess = ({inputBuffer}) => {
                const samples = inputBuffer.getChannelData(0).slice();
                if (samples[0] && samples[samples.length - 1])
                    window.piece = {samples, at: performance.now()};
            };
            connect.call(this, tap);
            connect.call(tap, this.context.destination);
        }
        return connect.apply(this, to);
    };
}`;

// Frequency of what was played in the last second, by its rises through zero; 0: nothing was.
const frequency = `(() => {
    if (!window.piece || performance.now() - window.piece.at > 1000)
        return 0;
    const rises = [...window.piece.samples].flatMap((value, i, all) =>
        i > 0 && all[i - 1] < 0 && value >= 0 ? [i - value / (value - all[i - 1])] : []);
    return (rises.length - 1) * window.tap.context.sampleRate / (rises[rises.length - 1] - rises[0]); })()`;

const playsSine = (page) => until(async () => Math.abs(await page.value(frequency) - SINE_HZ) < 15);

const state = (page) => page.text('listen-state');
const figures = (page) => page.text('listen-figures');

async function startListening(page) {
    await page.click('#listen');
    const fine = await playsSine(page);
    check(fine && await until(async () => (await state(page)).startsWith('Playing 48000 Hz.')),
        'what the analyser hears is played', await page.value(frequency), await state(page));
}

async function testListening(browser, mock) {
    const page = await browser.open(address(mock), {script: watching});
    await isLive(page);
    check(mock.listeners.size === 0, 'nothing is played before it is asked for');
    await startListening(page);
    console.log(`# from the click to sound: ${await page.value("Number(document.getElementById('listen').dataset.startedMs)")} ms`);
    check(await until(async () => /^\d+ ms late; gaps \d+, .* ppm$/.test(await figures(page))),
        'how late it is and what is missing is told', await figures(page));
    check(await until(async () => (await page.text('spectrum-source')).includes('FFT')),
        'the spectrogram then is of that sound', await page.text('spectrum-source'));
    const second = await browser.open(address(mock), {script: watching});
    await isLive(second);
    await startListening(second);
    check(mock.listeners.size === 2 && await playsSine(page), 'two can listen at once', mock.listeners.size);
    await second.close();
    mock.isPlaying = false;
    const gaps = async () => Number((await figures(page)).match(/gaps (\d+)/)?.[1]);
    await until(async () => await page.value(frequency) === 0);
    mock.isPlaying = true;
    check(await playsSine(page) && await until(async () => await gaps() > 0),
        'a gap is counted, and it plays on', await figures(page));
    await page.value("document.getElementById('volume').value = 0; document.getElementById('volume').dispatchEvent(new Event('input'))");
    const gain = 'window.nodes.find((node) => node instanceof GainNode).gain.value';
    check(await until(async () => await page.value(gain) < 0.01), 'its volume can be set', await page.value(gain));
    await page.key('l');
    check(await until(async () => mock.listeners.size === 0 && await state(page) === 'Paused.'),
        'a pause ends the stream', await state(page));
    await page.key('l');
    check(await playsSine(page), 'and it goes on');
    check(page.errors.length === 0, 'nothing is said on the console', page.errors);
    await page.close();
    check(await until(() => mock.listeners.size === 0), 'who leaves is heard no more');
}

async function testReturn(browser) {
    let mock = new Mock();
    const port = await mock.start();
    const page = await browser.open(address(mock), {script: watching});
    await isLive(page);
    await startListening(page);
    await page.click('#mic');
    await until(() => mock.heard[0]?.frames > 0);
    await mock.stop();
    check(await until(async () => (await state(page)).includes('tried again')), 'a lost connection is told',
        await state(page));
    mock = new Mock();
    await mock.start(port);
    check(await playsSine(page), 'listening comes back by itself', await state(page));
    check(await until(() => mock.heard[0]?.frames > 10000), 'so does the microphone', mock.heard);
    await page.close();
    await mock.stop();
}

async function testMicrophone(browser, mock) {
    const page = await browser.open(address(mock));
    await isLive(page);
    mock.heard.length = 0;
    await page.click('#mic');
    check(await until(() => mock.heard[0]?.frames > 20000), 'a microphone is sent', mock.heard);
    check(await until(async () => /^A4 −\d+ ct$/.test(await page.text('mic-pitch'))), 'its pitch is shown',
        await page.text('mic-pitch'), await page.text('mic-state'));
    check(await until(async () => Math.abs(parseFloat(await page.text('mic-hz')) - TONE_HZ) < 3), 'in Hz, too',
        await page.text('mic-hz'), mock.heard);
    check(await until(async () => /^-\d+ dB$/.test(await page.text('mic-level'))), 'so is its level',
        await page.text('mic-level'));
    check(await until(async () => await page.text('mic-bpm') === '120.0'), 'and its tempo', await page.text('mic-bpm'));
    const track = await page.value(`navigator.mediaDevices.getUserMedia({audio: true}).then((sound) => {
        const all = sound.getTracks()[0].getSettings();
        sound.getTracks()[0].stop();
        return all; })`);
    check(track.deviceId, 'it is the made-up one', track);
    await page.click('#mic');
    check(await until(async () => mock.heard[0].hasEnded && await page.text('mic-state') === 'Off.'), 'it is let go',
        await page.text('mic-state'));
    check(page.errors.length === 0, 'nothing is said on the console', page.errors);
    await page.close();
}

async function testToken(browser) {
    const mock = new Mock({token: 'secret&word'});
    await mock.start();
    const page = await browser.open(address(mock, '?token=secret%26word'), {script: watching});
    await isLive(page);
    await startListening(page);
    await page.click('#mic');
    check(await until(() => mock.heard[0]?.frames > 0), 'sound bears the token, too', mock.heard);
    await page.close();
    await mock.stop();
}

// What a browser without a microphone, or one that may not use it, says.
async function testRefusal(browser, mock) {
    for (const [name, words] of [['NotAllowedError', 'allow the microphone'], ['NotFoundError', 'no microphone']]) {
        const page = await browser.open(address(mock), {script: `navigator.mediaDevices.getUserMedia =
            () => Promise.reject(new DOMException('no', '${name}'))`});
        await isLive(page);
        await page.click('#mic');
        check(await until(async () => (await page.text('mic-state')).includes(words)), `${name} is explained`,
            await page.text('mic-state'));
        await page.close();
    }
}

// A page that came without TLS and not from this machine, to the browser's mind.
async function testUnsafe(browser, mock) {
    const page = await browser.open(`http://${UNSAFE}:${mock.port}/`, {script: watching});
    await isLive(page);
    check(await page.value('isSecureContext') === false, 'the page is not safe to the browser');
    check(await page.value("document.getElementById('mic').disabled"), 'it has no microphone');
    const help = await page.text('mic-help');
    check(['localhost', `ssh -L ${mock.port}:`, '--make-cert'].every((word) => help.includes(word)) &&
        await page.value("document.getElementById('mic-help').checkVisibility()"), 'and says what to do', help);
    await startListening(page);
    check(await page.value('window.nodes.some((node) => node instanceof ScriptProcessorNode)'),
        'without a worklet');
    check(page.errors.length === 0, 'nothing is said on the console', page.errors);
    await page.close();
}

// The program itself, by TLS and under a name that is not localhost: then all is there.
async function testProgram(browser, folder) {
    if (!hasWeb()) {
        skip('the sound of the program', 'it is not built, or without the web');
        return;
    }
    writeWav(join(folder, 'sine.wav'), Array.from({length: RATE * SINE_S}, (_, i) => 0.1 * sine(i, SINE_HZ)));
    const [port, control, target] = await freePorts(3), place = `://${UNSAFE}:${port}/`;
    const [cert, key] = certificate(folder);
    const start = () => spawn(program, ['-c', join(folder, 'none.conf'), '--file', join(folder, 'sine.wav'), '--paced',
        ...[`web.port=${port}`, `web.hosts=${UNSAFE}`, 'web.root=src/web/page', `web.cert=${cert}`, `web.key=${key}`,
            `control.port=${control}`, `target.default.port=${target}`, 'oscquery.enable=false', 'web.level=maximum']
            .flatMap((option) => ['-S', option])], {stdio: 'ignore'});
    const end = (one) => new Promise((done) => {
        if (one.exitCode !== null || one.signalCode !== null)
            done();
        one.on('exit', done);
        one.kill();
    });
    let running = start();
    try {
        const page = await browser.open('about:blank', {script: watching});
        await until(async () => await page.go(`http${place}`) && await isOpen(page));
        check(await page.value('location.href') === `https${place}`, 'the program sends the browser to https',
            await page.value('location.href'));
        check(await page.value('isSecureContext') && await isLive(page), 'by TLS a page is safe to the browser',
            await page.text('line'));
        await startListening(page);
        await page.click('#mic');
        check(await until(async () => Math.abs(parseFloat(await page.text('mic-hz')) - TONE_HZ) < 3),
            "the program tells a microphone's pitch", await page.text('mic-hz'), await page.text('mic-state'));
        check(await until(async () => Math.abs(parseFloat(await page.text('mic-bpm')) - BPM) < 2),
            'its tempo', await page.text('mic-bpm'), await page.text('mic-heard'));
        check(await until(async () => /^[1-9●]$/.test(await page.text('mic-beat'))), 'and its beat',
            await page.text('mic-beat'));
        console.log(`# microphone: ${await page.text('mic-hz')}, ${await page.text('mic-bpm')} BPM; ${await figures(page)}`);
        await page.screenshot('build/web/sound.png');
        await end(running);
        check(await until(async () => (await state(page)).includes('tried again')), 'its end is told', await state(page));
        running = start();
        check(await playsSine(page), 'another start is heard', await state(page));
        check(await until(async () => (await page.text('mic-state')).startsWith('Hearing')), 'and hears the microphone',
            await page.text('mic-state'));
        check(page.errors.every((error) => error.includes('ERR_CONNECTION')), 'its rules for scripts are kept',
            page.errors);
        await page.close();
    } finally {
        await end(running);
    }
}

const hasWeb = () => existsSync(program) && execFileSync(program, ['--list-options']).includes('web.cert');

const isOpen = (page) => page.value("document.getElementById('link') !== null");

// Paths of a certificate and its key, made by the program.
function certificate(folder) {
    const made = ['web-cert.pem', 'web-key.pem'].map((name) => join(folder, 'jack-analyzer', name));
    writeFileSync(join(folder, 'none.conf'), '');
    if (!existsSync(made[0]))
        execFileSync(program, ['-c', join(folder, 'none.conf'), '--make-cert', '-S', `web.hosts=${UNSAFE}`],
            {env: {...process.env, XDG_STATE_HOME: folder, STATE_DIRECTORY: ''}});
    return made;
}

// Makes the browser trust that certificate alone.
function trust(folder) {
    if (!hasWeb())
        return [];
    const key = new X509Certificate(readFileSync(certificate(folder)[0])).publicKey;
    const print = createHash('sha256').update(key.export({type: 'spki', format: 'der'})).digest('base64');
    return [`--ignore-certificate-errors-spki-list=${print}`];
}

const folder = mkdtempSync(join(tmpdir(), 'ja-sound-'));
mkdirSync('build/web', {recursive: true});
writeWav(join(folder, 'music.wav'), music);
const browser = new Browser('chromium', ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-audio-capture=${join(folder, 'music.wav')}`, `--host-resolver-rules=MAP ${UNSAFE} 127.0.0.1`,
    ...trust(folder)]);
const mock = new Mock();
await mock.start();
try {
    testPlayer();
    await testListening(browser, mock);
    await testMicrophone(browser, mock);
    await testToken(browser);
    await testRefusal(browser, mock);
    await testUnsafe(browser, mock);
    await testReturn(browser);
    await testProgram(browser, folder);
} catch (error) {
    check(false, 'the test comes to its end', error.stack);
}
plan();
await mock.stop();
await browser.close();
rmSync(folder, {recursive: true});
process.exit(0);
