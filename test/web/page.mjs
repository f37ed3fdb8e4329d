// The page in a browser, with made-up music: what it shows, what it sends, how it comes back.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdirSync} from 'node:fs';
import {Browser} from './browser.mjs';
import {address, check, freePorts, isLive, pause, plan, skip, until} from './check.mjs';
import {Mock} from './mock.mjs';

const PICTURES = 'build/web';
const WIDTHS = [[360, 780], [1280, 900], [3840, 2160]];

const has = (mock, command, args) => until(() => mock.commands.some(([name, given]) =>
    name === command && JSON.stringify(given) === JSON.stringify(args)));

// How many dots of a canvas are not empty.
const inked = (page, id) => page.value(`(() => {
    const {width, height} = document.getElementById('${id}');
    const dots = document.getElementById('${id}').getContext('2d').getImageData(0, 0, width, height).data;
    return dots.filter((dot, i) => i % 4 === 3 && dot > 0).length; })()`);

const beats = (page) => page.value("Number(document.getElementById('wheel').dataset.beats || 0)");

// WCAG 2.1: least contrast of texts with what is behind them, 3 for large ones, else 4.5.
const contrasts = `(() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => numbers(colour).slice(0, 3).map((one) => one / 255)
        .map((one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);
    const isClear = (colour) => numbers(colour)[3] === 0;
    const behind = (node) => {
        while (node.parentElement && isClear(getComputedStyle(node).backgroundColor))
            node = node.parentElement;
        return getComputedStyle(node).backgroundColor;
    };
    const found = [];
    for (const node of document.querySelectorAll('body *')) {
        const hasText = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
        if (!(hasText || node.matches('input, select')) || !node.checkVisibility())
            continue;
        const style = getComputedStyle(node), size = parseFloat(style.fontSize);
        const [a, b] = [light(style.color), light(behind(node))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
        found.push({text: node.textContent.slice(0, 30), ratio, isFine: ratio >= least});
    }
    return found;
})()`;

async function testMusic(browser, mock) {
    const page = await browser.open(address(mock), {height: 2000});
    check(await isLive(page), 'it connects and says so', await page.text('link'), page.errors);
    check(await until(async () => await beats(page) >= 4), 'beats are shown when they are due',
        await beats(page));
    check(await until(async () => Math.abs(await page.text('bpm') - 128) < 1), 'the tempo is shown',
        await page.text('bpm'));
    check(await until(async () => /^[1-4]$/.test(await page.text('beat-number'))), 'so is the place in the bar');
    const seen = new Set();
    await until(async () => seen.add(await page.text('beat-word')).has('ONE'));
    check(seen.has('ONE'), 'beat 1 is told by a word, too', [...seen]);
    for (const id of ['wheel', 'meters', 'lamps', 'bands', 'chroma', 'timeline', 'tempo-history', 'waveform',
        'spectrogram', 'camelot-wheel'])
        check(await until(() => inked(page, id)) > 100, `${id} is drawn`);
    const moved = `(() => {
        const wheel = document.getElementById('wheel'), first = wheel.toDataURL();
        return new Promise((done) => setTimeout(() => done(wheel.toDataURL() !== first), 700)); })()`;
    check(await until(() => page.value(moved)), 'the wheel turns');
    check(await until(async () => await page.text('key') === 'A min' && await page.text('camelot') === '8A'),
        'the key is shown');
    check(await until(async () => await page.text('mixes') === 'mixes well with 7A, 9A, 8B'),
        'and what mixes with it', await page.text('mixes'));
    check(await until(async () => (await page.text('calibration-rows')).includes('Beats93 % sure97 %380')),
        'scores are told as a table, too', await page.text('calibration-rows'));
    check(await until(async () => await page.text('reason') === 'Beats come steadily.'),
        'the state has its reason');
    check(await until(async () => /^(drop|breakdown) in \d+$/.test(await page.text('countdown'))),
        'what is foreseen is counted down', await page.text('countdown'));
    check(await until(async () => await page.value("document.querySelectorAll('#scores canvas').length") === 3),
        'scores have their calibration');
    check(await until(async () => /Good level|Raise/.test(await page.text('advice'))), 'there is advice about the level', await page.text('advice'));
    check(await until(async () => (await page.text('machine')).includes('Xruns2')), 'figures of the machine');
    await page.resize(1280, 600);
    const still = `new Promise((done) => {
        const canvas = document.getElementById('spectrogram'), first = canvas.toDataURL();
        setTimeout(() => done(canvas.toDataURL() === first), 500); })`;
    check(await until(() => page.value(still)), 'what is scrolled away is not drawn');
    await page.value("document.getElementById('spectrogram').scrollIntoView()");
    check(await until(async () => !await page.value(still)), 'it is when it is looked at');
    check(page.errors.length === 0, 'nothing is said on the console', page.errors);
    await page.close();
}

async function testCommands(browser, mock) {
    const page = await browser.open(address(mock));
    await isLive(page);
    mock.commands.length = 0;
    for (const [key, name, args, shift] of [[' ', 'tap', []], ['r', 'resync', []], ['h', 'hold', [1]],
        ['ArrowLeft', 'nudge', [-5]], ['ArrowRight', 'nudge', [5]], ['ArrowRight', 'nudge', [1], true]]) {
        await page.key(key, {shift});
        check(await has(mock, name, args), `key "${key}" sends ${name} ${args}`, mock.commands);
    }
    const pressed = "document.querySelector('[data-command=hold]').getAttribute('aria-pressed')";
    check(await until(async () => await page.value(pressed) === 'true'), 'what is held is marked');
    await page.key('h');
    check(await has(mock, 'hold', [0]), 'the same key lets go again');
    mock.order('lock', [1]);
    const lock = "document.querySelector('[data-command=lock]').getAttribute('aria-pressed')";
    check(await until(async () => await page.value(lock) === 'true') &&
        (await page.text('orders')).includes('within 4 %'), 'what others have ordered is shown', await page.text('orders'));
    mock.order('auto', []);
    check(await until(async () => await page.value(lock) === 'false'), 'and what they have undone');
    await page.click('[data-command="half"]');
    check(await has(mock, 'half', []), 'a button sends its command');
    mock.commands.length = 0;
    await page.key(' ');
    check(await has(mock, 'tap', []) && !mock.commands.some(([name]) => name === 'half'),
        'after a click the space bar taps', mock.commands);
    await page.click('[data-command="tap"]');
    await until(() => mock.commands.length >= 2);
    await pause(300);
    check(mock.commands.length === 2 && mock.commands[1][0] === 'tap', 'a click on Tap is one tap', mock.commands);
    await page.click('[data-args=\'["wrong-octave"]\']');
    check(await has(mock, 'feedback', ['wrong-octave']), 'feedback is sent');
    await page.click('#range button');
    check(await has(mock, 'range', [60, 200]), 'the range is sent, as the options have it', mock.commands);
    await page.click('#preset-form button');
    check(await has(mock, 'preset', ['genre/techno']), 'a preset is applied');
    check(await until(async () => (await page.text('answer')).includes('preset done')), 'the answer is shown');
    await page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    await page.click('#test-beats button');
    check(await has(mock, 'test-beats', [120, 1, 60]), 'test beats are sent');
    await page.click('#outputs button');
    check(await has(mock, 'mute', ['default', 1]), 'an output is muted');
    check(await until(async () => (await page.text('outputs')).includes('events not in use')), 'one that is not in use is told',
        await page.text('outputs'));
    check(await until(async () => await page.value("document.querySelectorAll('#ports tr').length") === 2), 'the ports are listed');
    await testOptions(page, mock);
    await page.close();
}

async function testOptions(page, mock) {
    const change = (id, value) => page.value(`(() => {
        const input = document.getElementById('option-${id}');
        input.value = '${value}';
        input.dispatchEvent(new Event('change')); })()`);
    await until(() => page.value("Boolean(document.getElementById('option-onset.threshold'))"));
    await change('onset.threshold', 0.5);
    check(await until(() => mock.puts.some(([name, value]) => name === 'onset.threshold' && value === 0.5)),
        'an option is changed', mock.puts);
    check(await until(async () => (await page.text('answer')).includes('onset.threshold is now 0.5')),
        'and shown as it is now', await page.text('answer'));
    await change('onset.threshold', 11);
    check(await until(async () => (await page.text('options')).includes('0.01 to 10, not 11')),
        'the server says what is wrong with a value', await page.text('answer'));
    check(await page.value("document.getElementById('option-control.port').disabled"),
        'what needs a new start cannot be changed');
}

async function testReturn(browser) {
    let mock = new Mock();
    const port = await mock.start();
    const page = await browser.open(address(mock));
    await isLive(page);
    mock.isPlaying = false;
    check(await until(async () => /^Stale: no data.* for \d+ s$/.test(await page.text('line'))),
        'without data it says that it is stale', await page.text('line'));
    check(await until(() => page.value("document.body.classList.contains('stale')")), 'and looks so');
    check(await until(async () => await page.text('beat-number') === '–'), 'beats that have stopped are not shown',
        await page.text('beat-number'));
    const state = {type: 'state', stream: 'main', time: mock.time, emitted: mock.time, state: 'no_input', reason: ''};
    mock.tell(state);
    check(await until(async () => (await page.text('advice')).includes('No sound comes in')),
        'without input the advice is not about the level', await page.text('advice'));
    mock.tell({...state, state: 'locked', reason: ''});
    mock.isPlaying = true;
    check(await isLive(page), 'with data it is live again');
    await mock.stop();
    check(await until(async () => /no connection.*; next try in/.test(await page.text('line'))),
        'a lost connection is told', await page.text('line'));
    await page.key(' ');
    check(await until(async () => (await page.text('answer')).includes('not sent')),
        'and that a command was not sent', await page.text('answer'));
    mock = new Mock();
    await mock.start(port);
    check(await isLive(page), 'it comes back by itself', await page.text('link'));
    const before = await beats(page);
    check(await until(async () => await beats(page) > before), 'and beats go on');
    await page.close();
    await mock.stop();
}

async function testLess(browser) {
    const mock = new Mock({absent: ['ports', 'presets', 'options', 'stream/health']});
    await mock.start();
    const page = await browser.open(address(mock));
    await isLive(page);
    const hidden = await until(() => page.value(`['ports-panel', 'preset-form', 'options-panel'].every((id) =>
        document.getElementById(id).hidden)`));
    check(hidden, 'what the server does not have is hidden');
    check(page.errors.every((error) => error.includes('404')), 'nothing breaks', page.errors);
    await page.close();
    await mock.stop();
}

async function testToken(browser) {
    const mock = new Mock({token: 'secret&word'});
    await mock.start();
    const page = await browser.open(address(mock));
    check(await until(() => page.value("document.getElementById('token')?.hidden === false")), 'a token is asked for');
    await page.value(`document.getElementById('token-text').value = 'secret&word';
        document.getElementById('token').requestSubmit()`);
    check(await isLive(page), 'with it all is shown', await page.text('link'));
    await page.close();
    const linked = await browser.open(address(mock, '?token=secret%26word'));
    check(await isLive(linked), 'so it is by an address with the token');
    check(await linked.value('location.search') === '', 'which does not stay in the address bar');
    await linked.close();
    await mock.stop();
}

async function testLooks(browser, mock) {
    mkdirSync(PICTURES, {recursive: true});
    for (const [width, height] of WIDTHS) {
        const page = await browser.open(address(mock), {width, height});
        await isLive(page);
        await page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
        await until(async () => (await page.value(contrasts)).length > 60 && await inked(page, 'timeline') > 100);
        const wide = await page.value('document.documentElement.scrollWidth');
        check(wide <= width, `nothing sticks out at ${width} pixels`, wide);
        const head = await page.value("document.querySelector('header').clientHeight");
        check(head < 70, `the head is one line at ${width} pixels`, head);
        const small = await page.value(`[...document.querySelectorAll('button, select, summary')]
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
            .map((one) => one.textContent)`);
        check(small.length === 0, `everything can be hit with a finger at ${width} pixels`, small);
        const found = await page.value(contrasts), faint = found.filter((one) => !one.isFine);
        check(found.length > 60 && faint.length === 0, `every text can be read at ${width} pixels`,
            found.length, faint);
        await page.value("document.querySelectorAll('details').forEach((one) => { one.open = false; }); scrollTo(0, 0)");
        await page.screenshot(`${PICTURES}/page-${width}.png`);
        await page.close();
    }
}

// Where nothing may be kept, as in a private window, or is at all.
async function testPrivate(browser, mock) {
    const page = await browser.open(address(mock), {script: `for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, {get() { throw new DOMException('no', 'SecurityError'); }})`});
    check(await isLive(page), 'it needs nothing to be kept', page.errors);
    await page.click('#calm');
    check(await page.value("document.getElementById('calm').getAttribute('aria-pressed')") === 'true',
        'and its switches work');
    check(page.errors.length === 0, 'without a word on the console', page.errors);
    await page.close();
}

// Figures, for whoever compares: nothing is asked of a busy machine.
async function measure(browser, mock) {
    const page = await browser.open(address(mock));
    await isLive(page);
    const paint = await until(() => page.value(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime`));
    const figure = (name) => page.value(`[...document.querySelectorAll('#machine div')].find((one) =>
        one.textContent.startsWith('${name}'))?.lastChild.textContent`);
    check(paint > 0 && await until(async () => parseFloat(await figure('Drawing')) > 0), 'what it costs is measured', paint);
    const [cost, pictures] = [await figure('Drawing'), await figure('Pictures')];
    console.log(`# first paint after ${Math.round(paint)} ms; drawing takes ${cost}, ${pictures}`);
    await page.close();
}

async function testCalm(browser, mock) {
    const pressed = "document.getElementById('calm').getAttribute('aria-pressed')";
    const page = await browser.open(address(mock), {reducedMotion: true});
    await isLive(page);
    check(await page.value(pressed) === 'true', 'it is calm where the system asks for it');
    // Brightest dot of the lamps in a second.
    const glow = `new Promise((done) => {
        const lamps = document.getElementById('lamps'), context = lamps.getContext('2d');
        const end = performance.now() + 1500;
        let most = 0;
        const look = () => {
            const {data} = context.getImageData(0, 0, lamps.width, lamps.height * 0.7);
            for (let i = 0; i < data.length; i += 4)
                most = Math.max(most, data[i], data[i + 1], data[i + 2]);
            if (performance.now() < end) requestAnimationFrame(look); else done(most);
        };
        look(); })`;
    const calm = await page.value(glow);
    await page.click('#calm');
    check(await page.value(pressed) === 'false', 'a switch changes that');
    let bright; // a slow browser misses flashes
    check(await until(async () => calm < (bright = await page.value(glow)) * 0.8), 'calm lamps glow less', calm, bright);
    const share = await page.value(`(() => {
        const {width, height} = document.getElementById('lamps').getBoundingClientRect();
        return width * height / innerWidth / innerHeight; })()`);
    check(share < 0.25, 'what flashes is less than a quarter of the page', share);
    await page.close();
}

// The page against the program itself, which serves it with its own rules for scripts.
async function testProgram(browser) {
    const build = process.env.BUILD || 'build/plain', program = `${build}/jack-analyzer`;
    const render = `${build}/test/tools/ja-render`, sound = `${PICTURES}/drums.wav`;
    if (!existsSync(program) || !existsSync(render) ||
        !execFileSync(program, ['--list-options']).includes('web.port')) {
        skip('the page of the program', 'it is not built, or without the web');
        return;
    }
    execFileSync(render, ['synth:drums?bpm=120&seconds=60', sound]);
    const [port, control, target, query] = await freePorts(4);
    const running = spawn(program, ['--file', sound, '--paced', '-S', `web.port=${port}`, '-S', 'web.root=src/web/page',
        '-S', `control.port=${control}`, '-S', `target.default.port=${target}`, '-S', `oscquery.port=${query}`],
        {stdio: 'ignore'});
    try {
        await until(() => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.ok, () => false));
        const page = await browser.open(`http://127.0.0.1:${port}/`);
        check(await isLive(page), 'the program serves its page and its data', await page.text('line'));
        check(await until(async () => await beats(page) >= 4), 'its beats are shown', await beats(page));
        check(await until(async () => Math.abs(await page.text('bpm') - 120) < 2), 'its tempo is shown',
            await page.text('bpm'));
        await page.key('h');
        check(await until(async () => (await page.text('answer')).includes('holding')), 'it takes commands',
            await page.text('answer'));
        await page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
        check(await until(() => page.value("document.querySelectorAll('.option').length > 50")), 'its options are shown');
        check(await until(async () => (await page.text('outputs')).includes('target default')),
            'so are its outputs', await page.text('outputs'));
        check(await until(async () => (await page.text('machine')).includes('Latency')), 'and its figures');
        check(page.errors.length === 0, 'its rules for scripts are kept', page.errors);
        await page.close();
    } finally {
        running.kill();
    }
}

const browser = new Browser('chromium');
const mock = new Mock();
await mock.start();
try {
    await testMusic(browser, mock);
    await testCommands(browser, mock);
    await testReturn(browser);
    await testLess(browser);
    await testToken(browser);
    await testLooks(browser, mock);
    await testPrivate(browser, mock);
    await measure(browser, mock);
    await testCalm(browser, mock);
    await testProgram(browser);
} catch (error) {
    check(false, 'the test comes to its end', error.stack);
}
plan();
await mock.stop();
await browser.close();
process.exit(0);
