// One WebSocket that comes back by itself, later and later, until it is closed.
//
// SPDX-License-Identifier: GPL-3.0-or-later

const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 8000;

export class Line {
    // address() gives path and query, each time anew; handlers: opened(), heard(data), lost().
    constructor(address, handlers) {
        this.address = address;
        this.handlers = handlers;
        this.isOpen = false;
        this.waitMs = FIRST_WAIT_MS;
        this.retryAt = 0; // performance.now() of the next attempt
        this.connect();
    }

    connect() {
        const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
        const socket = new WebSocket(`${scheme}//${location.host}${this.address()}`);
        this.socket = socket;
        socket.binaryType = 'arraybuffer';
        const ifStill = (act) => (event) => socket === this.socket && act(event);
        socket.onopen = ifStill(() => {
            this.isOpen = true;
            this.waitMs = FIRST_WAIT_MS;
            this.handlers.opened?.();
        });
        socket.onmessage = ifStill((event) => this.handlers.heard(event.data));
        socket.onclose = ifStill(() => this.lost());
    }

    lost() {
        this.isOpen = false;
        this.socket = null;
        const wait = this.waitMs * (0.75 + Math.random() / 2);
        this.retryAt = performance.now() + wait;
        this.timer = setTimeout(() => this.connect(), wait);
        this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
        this.handlers.lost?.();
    }

    // Gives up a connection that is dead without having been closed, and makes a new one.
    renew() {
        this.socket?.close();
        this.lost();
    }

    // At once, not when the next attempt would be due.
    hurry() {
        if (this.socket)
            return;
        clearTimeout(this.timer);
        this.waitMs = FIRST_WAIT_MS;
        this.connect();
    }

    send(data) {
        if (this.isOpen)
            this.socket.send(data);
    }

    // Bytes that have not left yet.
    get waiting() {
        return this.isOpen ? this.socket.bufferedAmount : 0;
    }

    close() {
        const {socket} = this;
        clearTimeout(this.timer);
        this.isOpen = false;
        this.socket = null;
        socket?.close();
    }
}
