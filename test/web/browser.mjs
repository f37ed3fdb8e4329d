// Chromium without a window, steered by the DevTools protocol over a pipe.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const KEYS = {' ': 'Space', r: 'KeyR', h: 'KeyH', ArrowLeft: 'ArrowLeft', ArrowRight: 'ArrowRight', Tab: 'Tab',
    Enter: 'Enter'};
const CODES = {' ': 32, r: 82, h: 72, ArrowLeft: 37, ArrowRight: 39, Tab: 9, Enter: 13};
const TEXTS = {' ': ' ', r: 'r', h: 'h', Enter: '\r'};

export class Browser {
    // flags: further ones of the program.
    constructor(path, flags = []) {
        this.folder = mkdtempSync(join(tmpdir(), 'ja-browser-'));
        this.process = spawn(path, ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
            '--disable-dev-shm-usage', '--remote-debugging-pipe', `--user-data-dir=${this.folder}`, ...flags, 'about:blank'],
            {stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe']});
        this.process.on('exit', () => this.end());
        this.process.stdio[3].on('error', () => {}); // told by its end
        this.waiting = new Map();
        this.pages = new Map();
        this.lastId = 0;
        let text = '';
        this.process.stdio[4].setEncoding('utf8').on('data', (data) => {
            const messages = (text + data).split('\0');
            text = messages.pop();
            messages.forEach((message) => this.hear(JSON.parse(message)));
        });
    }

    end() {
        this.hasEnded = true;
        for (const {fail} of this.waiting.values())
            fail(new Error('the browser has ended'));
        this.waiting.clear();
    }

    hear({id, result, error, method, params, sessionId}) {
        const waiting = this.waiting.get(id);
        this.waiting.delete(id);
        if (waiting && error)
            waiting.fail(new Error(error.message));
        else if (waiting)
            waiting.done(result);
        else if (this.pages.has(sessionId))
            this.pages.get(sessionId).hear(method, params);
    }

    call(method, params = {}, sessionId = undefined) {
        const id = ++this.lastId;
        this.process.stdio[3].write(`${JSON.stringify({id, method, params, sessionId})}\0`);
        return new Promise((done, fail) => this.waiting.set(id, {done, fail}));
    }

    // script: runs in the page before its own.
    async open(address, {width = 1280, height = 900, reducedMotion = false, script = ''} = {}) {
        const {targetId} = await this.call('Target.createTarget', {url: 'about:blank'});
        const {sessionId} = await this.call('Target.attachToTarget', {targetId, flatten: true});
        const page = new Page(this, targetId, sessionId);
        this.pages.set(sessionId, page);
        for (const domain of ['Page', 'Runtime', 'Log'])
            await page.call(`${domain}.enable`);
        await page.resize(width, height);
        await page.call('Emulation.setEmulatedMedia', {features: [{name: 'prefers-reduced-motion',
            value: reducedMotion ? 'reduce' : 'no-preference'}]});
        await page.call('Page.addScriptToEvaluateOnNewDocument', {source: script});
        await page.go(address);
        return page;
    }

    async close() {
        const ended = new Promise((done) => this.process.on('exit', done));
        if (!this.hasEnded)
            await this.call('Browser.close').then(() => ended, () => {});
        rmSync(this.folder, {recursive: true, force: true, maxRetries: 5});
    }
}

class Page {
    constructor(browser, targetId, sessionId) {
        Object.assign(this, {browser, targetId, sessionId, errors: []});
    }

    // What the console would show in red.
    hear(method, params) {
        if (method === 'Runtime.exceptionThrown')
            this.errors.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
        else if (method === 'Runtime.consoleAPICalled' && params.type === 'error')
            this.errors.push(params.args.map((one) => one.value ?? one.description).join(' '));
        else if (method === 'Log.entryAdded' && params.entry.level === 'error')
            this.errors.push(`${params.entry.text} ${params.entry.url || ''}`);
    }

    call(method, params) {
        return this.browser.call(method, params, this.sessionId);
    }

    // Was there an answer?
    async go(address) {
        return !(await this.call('Page.navigate', {url: address})).errorText;
    }

    resize(width, height) {
        return this.call('Emulation.setDeviceMetricsOverride', {width, height, deviceScaleFactor: 1, mobile: false});
    }

    // The value of an expression in the page.
    async value(expression) {
        const {result, exceptionDetails} = await this.call('Runtime.evaluate',
            {expression, awaitPromise: true, returnByValue: true});
        if (exceptionDetails)
            throw new Error(exceptionDetails.exception?.description || exceptionDetails.text);
        return result.value;
    }

    text(id) {
        return this.value(`document.getElementById('${id}')?.textContent ?? ''`);
    }

    async key(key, {shift = false} = {}) {
        const common = {key, code: KEYS[key], windowsVirtualKeyCode: CODES[key], modifiers: shift ? 8 : 0};
        await this.call('Input.dispatchKeyEvent', {type: TEXTS[key] ? 'keyDown' : 'rawKeyDown', text: TEXTS[key],
            ...common});
        await this.call('Input.dispatchKeyEvent', {type: 'keyUp', ...common});
    }

    // Like a hand with a mouse: in the middle of what a selector finds.
    async click(selector) {
        const place = await this.value(`(() => {
            const found = document.querySelector(${JSON.stringify(selector)});
            found.scrollIntoView({block: 'center', behavior: 'instant'});
            const {x, y, width, height} = found.getBoundingClientRect();
            return {x: x + width / 2, y: y + height / 2}; })()`);
        for (const type of ['mousePressed', 'mouseReleased'])
            await this.call('Input.dispatchMouseEvent', {type, ...place, button: 'left', clickCount: 1});
    }

    async screenshot(path) {
        const {data} = await this.call('Page.captureScreenshot', {captureBeyondViewport: false});
        writeFileSync(path, Buffer.from(data, 'base64'));
    }

    async close() {
        await this.browser.call('Target.closeTarget', {targetId: this.targetId});
        this.browser.pages.delete(this.sessionId);
    }
}
