// The line to the analyser: live messages and commands by WebSocket, questions by HTTP.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {Line} from './line.js';
import {ofThisVisit} from './store.js';

const PING_MS = 5000, SILENT_MS = 15000;

const TOKEN = 'jack-analyzer-token';

// The token of an address like http://…/?token=…, which then leaves the address bar.
function firstToken() {
    const query = new URLSearchParams(location.search);
    if (query.has('token')) {
        ofThisVisit.set(TOKEN, query.get('token'));
        query.delete('token');
        const rest = query.toString();
        history.replaceState(null, '', location.pathname + (rest ? `?${rest}` : ''));
    }
    return ofThisVisit.get(TOKEN) || '';
}

export class Bus {
    // take(message) gets every message; refused() is called when a token is asked for.
    constructor(take, refused) {
        this.take = take;
        this.refused = refused;
        this.token = firstToken();
        this.lastId = 0;
        this.asked = new Map(); // id of a command: what to do with its answer
        this.line = new Line(() => this.address('events'), {
            opened: () => this.opened(),
            heard: (data) => this.heard(data),
            lost: () => this.lost(),
        });
        this.heardAt = performance.now();
        setInterval(() => this.watch(), PING_MS);
    }

    get isOpen() { return this.line.isOpen; }
    get retryAt() { return this.line.retryAt; }

    // Path and query of a WebSocket below /api/v1/.
    address(path, query = {}) {
        const all = new URLSearchParams({...query, ...this.token && {token: this.token}}).toString();
        return `/api/v1/${path}${all ? `?${all}` : ''}`;
    }

    opened() {
        this.heardAt = performance.now();
        this.send({command: 'subscribe', rate_hz: 30});
    }

    heard(data) {
        this.heardAt = performance.now();
        let message;
        try {
            message = JSON.parse(data);
        } catch {
            return; // not for us
        }
        if (message.type === 'ack')
            this.answered(message);
        else
            this.take(message);
    }

    lost() {
        for (const done of this.asked.values())
            done({ok: false, text: 'the connection was lost'});
        this.asked.clear();
        this.ask('commands').catch(() => {}); // a WebSocket does not say why it was refused
    }

    watch() {
        if (!this.isOpen)
            return;
        if (performance.now() - this.heardAt < SILENT_MS)
            this.send({type: 'ping'});
        else
            this.line.renew();
    }

    send(message) {
        this.line.send(JSON.stringify(message));
    }

    answered(message) {
        const done = this.asked.get(message.id);
        this.asked.delete(message.id);
        if (done)
            done(message);
    }

    // Runs a command; the promise gives {ok, text}.
    command(command, args = []) {
        if (!this.isOpen)
            return Promise.resolve({ok: false, text: 'not sent: there is no connection'});
        return new Promise((done) => {
            const id = ++this.lastId;
            this.asked.set(id, done);
            this.send({command, args, id});
        });
    }

    // GET, or PUT with a body, below /api/v1/. Errors have the server's sentence.
    async ask(path, body) {
        const headers = this.token ? {Authorization: `Bearer ${this.token}`} : {};
        const request = {headers};
        if (body !== undefined) {
            request.method = 'PUT';
            request.body = JSON.stringify(body);
            headers['Content-Type'] = 'application/json';
        }
        const answer = await fetch(`/api/v1/${path}`, request);
        const json = await answer.json().catch(() => ({}));
        if (answer.ok)
            return json;
        if (answer.status === 401)
            this.refused();
        throw new Error(json.error || answer.statusText);
    }

    setToken(token) {
        this.token = token;
        ofThisVisit.set(TOKEN, token);
        this.line.hurry();
    }
}
