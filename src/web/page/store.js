// What the browser keeps for this page: nothing where it is told not to, as in private windows.
//
// SPDX-License-Identifier: GPL-3.0-or-later

// The storage is asked for each time: even naming it may be forbidden.
class Store {
    constructor(storage) {
        this.storage = storage;
        this.instead = new Map(); // as long as the page is open
    }

    get(name) {
        try {
            return this.storage().getItem(name) ?? this.instead.get(name) ?? null;
        } catch {
            return this.instead.get(name) ?? null;
        }
    }

    set(name, text) {
        this.instead.set(name, text);
        try {
            this.storage().setItem(name, text);
        } catch {
            // It is kept as long as the page is.
        }
    }
}

export const kept = new Store(() => localStorage);       // from visit to visit
export const ofThisVisit = new Store(() => sessionStorage);
