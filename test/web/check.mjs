// What the tests of the page share: results as TAP, and waiting for what is to come.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {createServer} from 'node:net';

const WAIT_MS = 20000;

let number = 0;

export function check(isFine, name, ...about) {
    console.log(`${isFine ? 'ok' : 'not ok'} ${++number} - ${name}`);
    if (!isFine)
        about.forEach((one) => console.log(`# ${JSON.stringify(one)}`));
}

export const skip = (name, why) => console.log(`ok ${++number} - ${name} # SKIP ${why}`);

export const plan = () => console.log(`1..${number}`);

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Asks until the answer is true; gives the last one.
export async function until(ask) {
    for (const end = Date.now() + WAIT_MS; ; await pause(50)) {
        const answer = await ask();
        if (answer || Date.now() > end)
            return answer;
    }
}

// Some that are free just now, all different.
export async function freePorts(count) {
    const servers = Array.from({length: count}, () => createServer());
    const ports = await Promise.all(servers.map((server) => new Promise((done) =>
        server.listen(0, '127.0.0.1', () => done(server.address().port)))));
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    return ports;
}

export const address = (mock, path = '') => `http://127.0.0.1:${mock.port}/${path}`;

export const isLive = (page) => until(async () => (await page.text('link')).includes('Live'));
