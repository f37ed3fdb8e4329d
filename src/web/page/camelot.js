// The Camelot wheel: where the key is, and which keys mix well with it.
//
// SPDX-License-Identifier: GPL-3.0-or-later

import {colours} from './picture.js';

// Keys that differ by one step round the wheel, or in mode alone; of "8A" 7A, 9A and 8B.
export function neighbours(camelot) {
    const number = parseInt(camelot, 10), letter = camelot.slice(-1);
    const step = (by) => (number + by + 11) % 12 + 1;
    return [`${step(-1)}${letter}`, `${step(1)}${letter}`, `${number}${letter === 'A' ? 'B' : 'A'}`];
}

// Minor keys inside, major ones outside, 12 on top as on a clock. The key is filled and large, its
// neighbours have a double edge: both are seen without colour.
export function drawCamelot(picture, camelot) {
    const context = picture.begin();
    const middleX = picture.width / 2, middleY = picture.height / 2;
    const outer = Math.min(middleX, middleY) - 3, thick = outer * 0.27, turn = Math.PI / 6;
    const near = camelot ? neighbours(camelot) : [];
    const ring = (radius, width, angle, colour, part = 0.47) => {
        context.beginPath();
        context.arc(middleX, middleY, radius, angle - turn * part, angle + turn * part);
        context.lineWidth = width;
        context.strokeStyle = colour;
        context.stroke();
    };
    for (const letter of ['A', 'B']) {
        const radius = outer - thick * (letter === 'B' ? 0.5 : 1.55);
        for (let number = 1; number <= 12; number++) {
            const name = `${number}${letter}`, angle = number * turn - Math.PI / 2;
            const isKey = name === camelot, isNear = near.includes(name);
            ring(radius, thick * 0.94, angle, isKey ? colours.one : isNear ? colours.foreseen : colours.raised);
            if (isNear)
                ring(radius, thick * 0.78, angle, colours.raised, 0.42);
            context.font = `${isKey ? 700 : 400} ${picture.unit * (isKey ? 0.95 : 0.72)}px system-ui, "DejaVu Sans", sans-serif`;
            picture.text(name, middleX + Math.cos(angle) * radius, middleY + Math.sin(angle) * radius,
                isKey ? colours.ground : isNear ? colours.text : colours.soft, 'center');
        }
    }
    context.font = `700 ${picture.unit * 1.6}px system-ui, "DejaVu Sans", sans-serif`;
    picture.text(camelot || '–', middleX, middleY, camelot ? colours.one : colours.soft, 'center');
}
