// The two pictures that move: the pulse wave and the rate over time.

const SHOWN_S = 10, BEHIND_S = 0.7; // the wave's end is this far behind, so that it can be drawn steadily
const HISTORY_S = 300;

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// A canvas as sharp as the screen, cleared; its context counts in the page's pixels.
function cleared(canvas) {
  const { width, height } = canvas.getBoundingClientRect(), scale = window.devicePixelRatio || 1;
  const sides = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== sides[0] || canvas.height !== sides[1]) [canvas.width, canvas.height] = sides;
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

export class WaveChart {
  #canvas;
  #wave = null; // {start_s, fs_hz, value}
  #end = 0; // time of the wave's newest sample, seconds
  #arrived = 0; // when it came, seconds on the page's clock
  #shown = 0; // up to where it is drawn
  #timer = null;

  constructor(canvas) { this.#canvas = canvas; this.draw(); }

  take(wave) {
    this.#wave = wave;
    if (!wave || !wave.value.length) return;
    const end = wave.start_s + (wave.value.length - 1) / wave.fs_hz;
    if (end < this.#end || end > this.#end + 3) this.#shown = end - BEHIND_S;
    this.#end = end;
    this.#arrived = performance.now() / 1000;
    this.#timer ??= requestAnimationFrame(() => this.#next());
  }

  clear() {
    this.#wave = null;
    this.#end = this.#shown = 0;
    this.draw();
  }

  #next() {
    this.#timer = null;
    const now = performance.now() / 1000, due = this.#end - BEHIND_S + (now - this.#arrived);
    // Towards where it should be, never backwards, never beyond what is known.
    this.#shown = Math.min(Math.max(this.#shown, due), this.#end);
    this.draw();
    if (this.#wave && now - this.#arrived < 2) this.#timer = requestAnimationFrame(() => this.#next());
  }

  draw(target = cleared(this.#canvas), tones = { line: colour("wave"), rule: colour("rule"), dot: colour("accent") }) {
    const { context, width, height } = target;
    context.strokeStyle = tones.rule;
    context.lineWidth = 1;
    for (let second = 0; second <= SHOWN_S; second++) { // a fine line each second
      const at = Math.round((second / SHOWN_S) * (width - 10)) + 0.5;
      context.beginPath(); context.moveTo(at, 0); context.lineTo(at, height); context.stroke();
    }
    if (!this.#wave?.value.length) return;
    const { start_s, fs_hz, value } = this.#wave, begin = this.#shown - SHOWN_S;
    const seen = value.filter((v, k) => v !== null && start_s + k / fs_hz >= begin);
    const low = Math.min(-1, ...seen), high = Math.max(1, ...seen);
    const x = (t) => ((t - begin) / SHOWN_S) * (width - 10);
    const y = (v) => 8 + ((high - v) / (high - low)) * (height - 16);
    context.strokeStyle = tones.line;
    context.lineWidth = 2.2;
    context.lineJoin = "round";
    context.beginPath();
    let tip = null, isDown = false;
    value.forEach((v, k) => {
      const t = start_s + k / fs_hz;
      if (v === null) { isDown = false; return; }
      if (t < begin || t > this.#shown) return;
      if (isDown) context.lineTo(x(t), y(v)); else context.moveTo(x(t), y(v));
      isDown = true;
      tip = [x(t), y(v)];
    });
    context.stroke();
    if (tip) {
      context.fillStyle = tones.dot;
      context.beginPath();
      context.arc(...tip, 4.5, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

export class HistoryChart {
  #canvas;
  #points = []; // {t, rate or null, quality}

  constructor(canvas) { this.#canvas = canvas; this.draw(); }

  get points() { return this.#points; }

  take(t, rate, quality) {
    const last = this.#points.at(-1);
    if (last && t - last.t < 0.9) return;
    this.#points.push({ t, rate, quality });
    if (this.#points.length > 3700) this.#points.shift();
    this.draw();
  }

  clear() { this.#points = []; this.draw(); }

  draw(target = cleared(this.#canvas),
    tones = { line: colour("wave"), rule: colour("rule"), ink: colour("muted") }) {
    const { context, width, height } = target, left = 40, bottom = 24, top = 8, right = 8;
    const end = Math.max(this.#points.at(-1)?.t ?? 0, 30), begin = Math.max(0, end - HISTORY_S);
    const shown = this.#points.filter(({ t, rate }) => t >= begin && rate !== null);
    const rates = shown.map(({ rate }) => rate), middle = rates.length ? (Math.min(...rates) + Math.max(...rates)) / 2 : 75;
    const half = Math.max(15, rates.length ? (Math.max(...rates) - Math.min(...rates)) * 0.6 + 4 : 15);
    const low = middle - half, high = middle + half;
    const x = (t) => left + ((t - begin) / (end - begin)) * (width - left - right);
    const y = (rate) => height - bottom - ((rate - low) / (high - low)) * (height - bottom - top);
    context.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    context.fillStyle = tones.ink; context.strokeStyle = tones.rule; context.lineWidth = 1;
    const step = half > 40 ? 20 : 10;
    context.textAlign = "right";
    for (let rate = Math.ceil(low / step) * step; rate <= high; rate += step) {
      context.beginPath(); context.moveTo(left, y(rate)); context.lineTo(width - right, y(rate)); context.stroke();
      context.fillText(String(rate), left - 8, y(rate) + 4);
    }
    context.textAlign = "center";
    const every = end - begin > 120 ? 60 : end - begin > 45 ? 15 : 5;
    for (let t = Math.ceil(begin / every) * every; t <= end - every / 4; t += every) {
      context.fillText(t >= 60 ? `${Math.floor(t / 60)}:${String(t % 60).padStart(2, "0")} min` : `${t} s`, x(t), height - 6);
    }
    context.fillStyle = context.strokeStyle = tones.line;
    context.lineWidth = 2;
    context.lineJoin = "round";
    let before = null;
    context.beginPath();
    for (const { t, rate } of shown) {
      if (before !== null && t - before < 3) context.lineTo(x(t), y(rate)); else context.moveTo(x(t), y(rate));
      before = t;
    }
    context.stroke();
    for (const { t, rate, quality } of shown) {
      context.globalAlpha = Math.max(0.25, quality);
      context.beginPath(); context.arc(x(t), y(rate), 3.2, 0, 2 * Math.PI); context.fill();
    }
    context.globalAlpha = 1;
  }
}
