// What the operator can do: buttons, keys, presets, outputs, options. What the server does not
// offer is not shown.
//
// SPDX-License-Identifier: GPL-3.0-or-later

const $ = (id) => document.getElementById(id);
const NUDGE_MS = 5, FINE_MS = 1;
const HEALTH_MS = 2000;
const PINS = {lock: 'The tempo is kept within 4 %.', half: 'Half the tempo is pinned.',
    double: 'Double the tempo is pinned.', 'wrong-octave': 'The other octave is pinned.'};

function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
}

export class Controls {
    constructor(bus) {
        this.bus = bus;
        this.options = new Map(); // by name
        this.outputs = new Map(); // by name: what shows one
        this.listenToButtons();
        this.listenToForms();
        addEventListener('keydown', (event) => this.key(event));
        setInterval(() => this.poll(), HEALTH_MS);
    }

    // --- Commands ---

    async run(command, args = []) {
        const answer = await this.bus.command(command, args);
        this.say(answer.ok, `${command}: ${answer.text}`);
        return answer;
    }

    say(isFine, text) {
        $('answer').textContent = text;
        $('answer').classList.toggle('bad', !isFine);
    }

    // What is ordered, here or by other hands.
    showOrders({hold, pin, test_beats: test, paused}) {
        const isOn = {hold, lock: pin === 'lock'};
        for (const button of document.querySelectorAll('[data-toggle]'))
            button.setAttribute('aria-pressed', String(Boolean(isOn[button.dataset.command])));
        const words = [hold && 'The tempo is held.', PINS[pin],
            typeof test === 'number' && `Test beats at ${test} BPM.`, paused && 'The analysis is paused.']
            .filter(Boolean);
        $('orders').hidden = !words.length;
        $('orders').textContent = words.join(' ');
    }

    press(button) {
        let args = JSON.parse(button.dataset.args || '[]');
        if ('toggle' in button.dataset)
            args = [button.getAttribute('aria-pressed') === 'true' ? 0 : 1];
        return this.run(button.dataset.command, args);
    }

    listenToButtons() {
        for (const button of document.querySelectorAll('[data-command]')) {
            const isTap = button.dataset.command === 'tap';
            // A tap is when the finger comes down, not when it leaves.
            if (isTap)
                button.addEventListener('pointerdown', () => this.press(button));
            button.addEventListener('click', (event) => {
                if (!isTap || event.detail === 0)
                    this.press(button);
            });
        }
        // After a click the space bar taps again, rather than pressing that button once more.
        document.addEventListener('click', (event) => {
            const button = event.target.closest('button');
            if (button && event.detail > 0)
                button.blur();
        });
    }

    key(event) {
        const {target} = event;
        if (event.ctrlKey || event.altKey || event.metaKey || target.closest('input, select, textarea'))
            return;
        const step = event.shiftKey ? FINE_MS : NUDGE_MS;
        const mayRepeat = event.key.startsWith('Arrow');
        const action = {
            ' ': () => this.run('tap'),
            r: () => this.run('resync'),
            h: () => this.press(document.querySelector('[data-command="hold"]')),
            l: () => $('listen').click(),
            ArrowLeft: () => this.run('nudge', [-step]),
            ArrowRight: () => this.run('nudge', [step]),
        }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
        if (!action || (event.key === ' ' && target.closest('button, summary')))
            return;
        event.preventDefault();
        if (!event.repeat || mayRepeat)
            action();
    }

    listenToForms() {
        const on = (id, act) => $(id).addEventListener('submit', (event) => {
            event.preventDefault();
            act();
        });
        const number = (id) => Number($(id).value);
        on('range', () => this.run('range', [number('range-from'), number('range-to')]));
        on('preset-form', async () => {
            await this.run('preset', [$('preset').value]);
            this.loadOptions();
        });
        on('level-form', () => this.run('level', [$('analysis-level').value]));
        on('test-beats', () => this.run('test-beats',
            [number('test-bpm'), 1, number('test-seconds')]));
        $('test-stop').addEventListener('click', () => this.run('test-beats', [number('test-bpm'), 0]));
        on('filter-form', () => {});
        $('filter').addEventListener('input', () => this.filterOptions());
        $('only-live').addEventListener('change', () => this.filterOptions());
        $('options-panel').addEventListener('toggle', () => this.showOptions());
        $('ports-again').addEventListener('click', () => this.loadPorts());
        $('ports-panel').addEventListener('toggle', () => $('ports-panel').open && this.loadPorts());
    }

    // --- What there is ---

    // Asks anew after every connection: it may be another version.
    load() {
        this.loadCommands();
        this.loadPresets();
        this.loadOptions();
        this.loadPorts();
        this.loadHealth();
    }

    // The answer, or undefined where the server has none.
    offer(path) {
        return this.bus.ask(path).catch(() => undefined);
    }

    async loadCommands() {
        const answer = await this.offer('commands');
        if (!answer)
            return;
        const names = new Set(answer.commands.map((one) => one.name));
        for (const button of document.querySelectorAll('[data-command]'))
            button.hidden = !names.has(button.dataset.command);
        for (const part of document.querySelectorAll('[data-needs]'))
            part.hidden = !part.dataset.needs.split(' ').some((name) => names.has(name));
        $('preset-form').hidden = !names.has('preset') || !$('preset').options.length;
    }

    async loadPresets() {
        const answer = await this.offer('presets');
        const names = answer ? answer.presets : [];
        const chosen = $('preset').value;
        const kinds = new Map();
        for (const {name, description} of names) {
            const kind = name.split('/')[0];
            if (!kinds.has(kind))
                kinds.set(kind, element('optgroup', {label: kind}));
            kinds.get(kind).append(element('option', {value: name, title: description || '',
                textContent: name}));
        }
        $('preset').replaceChildren(...kinds.values());
        if (names.some((one) => one.name === chosen))
            $('preset').value = chosen;
        $('preset-form').hidden = !names.length;
    }

    async loadHealth() {
        const health = await this.offer('stream/health');
        if (!health)
            return;
        this.showMachine('health', health);
        for (const output of health.outputs) {
            if (!this.outputs.has(output.name))
                this.outputs.set(output.name, this.addOutput(output.name));
            this.outputs.get(output.name)(output);
        }
    }

    // Returns what shows how the output is now.
    addOutput(name) {
        const button = element('button', {type: 'button'});
        const title = element('strong'), counts = element('span');
        const showMute = (isMuted) => {
            button.setAttribute('aria-pressed', String(isMuted));
            button.textContent = isMuted ? 'Muted' : 'Mute';
            button.setAttribute('aria-label', `${button.textContent} ${name}`);
        };
        button.addEventListener('click', async () => {
            const wish = button.getAttribute('aria-pressed') !== 'true';
            const answer = await this.run('mute', [name, wish ? 1 : 0]);
            if (answer.ok)
                showMute(wish);
        });
        $('outputs').append(element('li', {}, element('span', {}, title, ' ', counts), button));
        return ({kind, in_use: isUsed, muted, sent, failed}) => {
            title.textContent = kind === name ? name : `${kind} ${name}`;
            counts.textContent = isUsed === false ? 'not in use'
                : `${sent} sent${failed > 0 ? `, ${failed} failed` : ''}`;
            button.hidden = isUsed === false;
            showMute(muted);
        };
    }

    async loadPorts() {
        const answer = await this.offer('ports');
        $('ports-panel').hidden = !answer;
        const ports = answer ? answer.ports : [];
        const yes = (is) => (is ? '✓ yes' : 'no');
        $('ports').replaceChildren(...ports.map((port) => element('tr', {},
            ...[port.name, port.type, port.direction, yes(port.physical), yes(port.connected)]
                .map((text) => element('td', {textContent: text})))));
    }

    // --- Options ---

    async loadOptions() {
        const answer = await this.offer('options');
        $('options-panel').hidden = !answer;
        this.options = new Map((answer ? answer.options : []).map((one) => [one.name, one]));
        for (const [id, name] of [['range-from', 'tempo.min_bpm'], ['range-to', 'tempo.max_bpm']])
            if (this.options.has(name) && document.activeElement !== $(id))
                $(id).value = Number(this.options.get(name).value);
        if (this.options.has('governor.level'))
            $('analysis-level').value = this.options.get('governor.level').value;
        this.showOptions();
    }

    // From where to where the bands reach.
    bandsHz() {
        const value = (name, fallback) => Number((this.options.get(name) || {value: fallback}).value);
        return [value('bands.min_hz', 40), value('bands.max_hz', 16000)];
    }

    // Samples a second, as far as is known.
    jackRate() {
        return this.machine?.health?.jack?.rate || undefined;
    }

    // Only once somebody looks: there are many.
    showOptions() {
        if (!$('options-panel').open)
            return;
        const modules = new Map();
        for (const option of this.options.values()) {
            const name = option.name.slice(0, option.name.lastIndexOf('.'));
            if (!modules.has(name))
                modules.set(name, element('div', {}, element('h3', {textContent: name})));
            modules.get(name).append(this.optionRow(option));
        }
        $('options').replaceChildren(...modules.values());
        this.filterOptions();
    }

    filterOptions() {
        const words = $('filter').value.toLowerCase().split(/\s+/);
        for (const module of $('options').children) {
            let shown = 0;
            for (const row of module.querySelectorAll('.option')) {
                const text = row.textContent.toLowerCase();
                row.hidden = ($('only-live').checked && 'start' in row.dataset) ||
                    !words.every((word) => text.includes(word));
                shown += !row.hidden;
            }
            module.hidden = shown === 0;
        }
    }

    optionRow(option) {
        const id = `option-${option.name}`;
        const isLive = isChangeable(option);
        const input = Object.assign(inputFor(option), {id, disabled: !isLive});
        const help = element('p', {id: `${id}-help`, textContent: describe(option)});
        const trouble = element('p', {className: 'bad', hidden: true, role: 'alert'});
        const row = element('div', {className: 'option'},
            element('label', {htmlFor: id, textContent: option.name}),
            element('div', {className: 'value'}, input, option.unit
                ? element('span', {textContent: option.unit}) : ''),
            help, trouble);
        input.setAttribute('aria-describedby', help.id);
        if (!isLive)
            row.dataset.start = '';
        row.classList.toggle('changed', isChanged(option));
        input.addEventListener('change', () => this.setOption(option, input, row, trouble));
        return row;
    }

    async setOption(option, input, row, trouble) {
        try {
            const value = readInput(option, input);
            const answer = await this.bus.ask(`options/${encodeURIComponent(option.name)}`, {value});
            const now = answer && answer.name === option.name ? answer : {...option, value};
            this.options.set(option.name, now);
            trouble.hidden = true;
            row.replaceWith(this.optionRow(now));
            $(`option-${option.name}`).focus();
            this.say(true, `${option.name} is now ${asText(now.value) || 'empty'}`);
        } catch (error) {
            trouble.textContent = error.message;
            trouble.hidden = false;
            this.say(false, error.message);
        }
    }

    // --- Counters ---

    poll() {
        if (this.bus.isOpen && !document.hidden)
            this.loadHealth();
    }

    // Figures from two places, each under its name.
    showMachine(source, json) {
        this.machine = {...this.machine, [source]: json};
        const {metrics = {}, health = {}, page = {}} = this.machine, jack = health.jack || {};
        const figures = [
            ['Latency', metrics.total_latency, 'ms'], ['Work per hop', metrics.average_latency, 'ms'],
            ['Longest hop', metrics.worst_hop_ms, 'ms'], ['Waiting sound', metrics.queue_ms, 'ms'],
            ['Load', metrics.load, '%'], ['Processor', metrics.cpu_usage, '%'],
            ['Analysis', metrics.level, ''], ['Lost blocks', metrics.lost_blocks, ''],
            ['Xruns', metrics.xruns, ''], ['Clients', metrics.clients, ''],
            ['JACK', jack.state, ''], ['Drawing', page.drawing, 'ms'], ['Pictures', page.pictures, '/s'],
        ].filter(([, value]) => value !== undefined && value !== null);
        const shown = figures.map(([name, value, unit]) =>
            [name, `${typeof value === 'number' ? +value.toFixed(2) : value} ${unit}`]);
        $('machine').replaceChildren(...shown.map(([name, text]) => element('div', {},
            element('dt', {textContent: name}), element('dd', {textContent: text}))));
    }
}

const isChangeable = (option) => option.effect !== 'start';

const isChanged = (option) => asText(option.value) !== asText(option.default);

const isNumber = (option) => option.type === 'int' || option.type === 'float';

function inputFor(option) {
    if (option.type === 'bool')
        return element('input', {type: 'checkbox', checked: option.value});
    if (option.type === 'choice')
        return element('select', {}, ...option.choices.map((choice) =>
            element('option', {textContent: choice, selected: choice === option.value})));
    if (!isNumber(option))
        return element('input', {type: 'text', value: asText(option.value)});
    const {min, max, value} = option;
    return element('input', {type: 'number', step: option.type === 'int' ? '1' : 'any', min, max, value});
}

const asText = (value) => (Array.isArray(value) ? value.join(', ') : String(value));

// What it is, as the server wants it; the server says what is wrong with it.
function readInput(option, input) {
    if (option.type === 'bool')
        return input.checked;
    return isNumber(option) && input.value !== '' ? Number(input.value) : input.value;
}

function describe(option) {
    const range = isNumber(option) ? `${option.min} to ${option.max}; ` : '';
    const origin = isChanged(option) && option.origin ? `; now from ${option.origin}` : '';
    const when = isChangeable(option) ? '' : ' Takes effect at the next start: set it in the configuration.';
    return `${option.help} (${range}default ${asText(option.default) || 'none'}${origin})${when}`;
}
