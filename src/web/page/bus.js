// The line to the analyser: one WebSocket that comes back by itself, and questions by HTTP.
//
// SPDX-License-Identifier: GPL-3.0-or-later

const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 8000, PING_MS = 5000, SILENT_MS = 15000;

const TOKEN = 'jack-analyzer-token';

// The token of an address like http://…/?token=…, which then leaves the address bar.
function firstToken() {
    const query = new URLSearchParams(location.search);
    if (query.has('token')) {
        sessionStorage.setItem(TOKEN, query.get('token'));
        query.delete('token');
        history.replaceState(null, '', location.pathname + (query.size ? `?${query}` : ''));
    }
    return sessionStorage.getItem(TOKEN) || '';
}

export class Bus {
    // take(message) gets every message; refused() is called when a token is asked for.
    constructor(take, refused) {
        this.take = take;
        this.refused = refused;
        this.token = firstToken();
        this.isOpen = false;
        this.retryAt = 0; // performance.now() of the next attempt
        this.waitMs = FIRST_WAIT_MS;
        this.lastId = 0;
        this.asked = new Map(); // id of a command: what to do with its answer
        this.connect();
        setInterval(() => this.watch(), PING_MS);
    }

    connect() {
        const query = this.token ? `?token=${encodeURIComponent(this.token)}` : '';
        const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
        const socket = new WebSocket(`${scheme}//${location.host}/api/v1/events${query}`);
        this.socket = socket;
        this.heardAt = performance.now();
        socket.onopen = () => {
            this.isOpen = true;
            this.waitMs = FIRST_WAIT_MS;
            this.send({command: 'subscribe', rate_hz: 30});
        };
        socket.onmessage = (event) => {
            this.heardAt = performance.now();
            let message;
            try {
                message = JSON.parse(event.data);
            } catch {
                return; // not for us
            }
            if (message.type === 'ack')
                this.answered(message);
            else
                this.take(message);
        };
        socket.onclose = () => this.closed(socket);
    }

    closed(socket) {
        if (socket !== this.socket)
            return;
        this.isOpen = false;
        for (const done of this.asked.values())
            done({ok: false, text: 'the connection was lost'});
        this.asked.clear();
        this.retryAt = performance.now() + this.waitMs * (0.75 + Math.random() / 2);
        setTimeout(() => this.connect(), this.retryAt - performance.now());
        this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
        this.ask('commands').catch(() => {}); // a WebSocket does not say why it was refused
    }

    // A line that is dead without having been closed is given up.
    watch() {
        if (!this.isOpen)
            return;
        if (performance.now() - this.heardAt < SILENT_MS) {
            this.send({type: 'ping'});
            return;
        }
        const socket = this.socket;
        socket.close();
        this.closed(socket);
    }

    send(message) {
        if (this.isOpen)
            this.socket.send(JSON.stringify(message));
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
        sessionStorage.setItem(TOKEN, token);
    }
}
