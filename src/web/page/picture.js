// A canvas to draw on, and the page's colours.
//
// SPDX-License-Identifier: GPL-3.0-or-later

export const colours = {};
for (const name of ['ground', 'panel', 'raised', 'edge', 'text', 'soft', 'beat', 'one', 'good', 'bad',
    'foreseen', 'faint'])
    colours[name] = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const MARGIN = '100px'; // drawn before it comes into view

// A canvas that keeps as many dots as the screen has; again(picture) draws what is on it.
export class Picture {
    constructor(canvas, again) {
        this.canvas = canvas;
        this.again = again;
        this.context = canvas.getContext('2d');
        this.width = this.height = 0;
        this.isSeen = true; // it may be scrolled away
        new ResizeObserver(() => this.fit()).observe(canvas);
        new IntersectionObserver((entries) => {
            this.isSeen = entries[entries.length - 1].isIntersecting;
            this.draw();
        }, {rootMargin: MARGIN}).observe(canvas);
    }

    fit() {
        const scale = devicePixelRatio || 1, {canvas} = this;
        if (this.width === canvas.clientWidth && this.height === canvas.clientHeight
            && this.scale === scale)
            return;
        this.scale = scale;
        this.width = canvas.clientWidth;
        this.height = canvas.clientHeight;
        this.unit = parseFloat(getComputedStyle(canvas).fontSize);
        canvas.width = Math.round(this.width * scale);
        canvas.height = Math.round(this.height * scale);
        this.context.setTransform(scale, 0, 0, scale, 0, 0);
        this.draw();
    }

    draw() {
        if (this.isSeen && this.width > 0 && this.height > 0)
            this.again(this);
    }

    begin() {
        this.context.clearRect(0, 0, this.width, this.height);
        this.context.font = `${this.unit * 0.8}px system-ui, "DejaVu Sans", sans-serif`;
        this.context.lineJoin = 'round';
        return this.context;
    }

    text(text, x, y, colour = colours.soft, align = 'left', baseline = 'middle') {
        const {context} = this;
        context.fillStyle = colour;
        context.textAlign = align;
        context.textBaseline = baseline;
        context.fillText(text, x, y);
    }

    box(x, y, width, height, colour) {
        this.context.fillStyle = colour;
        this.context.fillRect(x, y, width, height);
    }

    line(points, colour, width, dash = []) {
        const {context} = this;
        context.beginPath();
        for (const [x, y] of points)
            context.lineTo(x, y);
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.setLineDash(dash);
        context.stroke();
        context.setLineDash([]);
    }
}
