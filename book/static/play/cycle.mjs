/** Heavy ball on a function on which it can cycle for ever, from a start that can be moved. */
import { Playground, define, element, fillIn, show, swatch } from "./play.mjs";

const NAMES = ["heavy-ball", "nag"];
const SETTLED = 400; // steps after which a start has made up its mind
const NEAR = 1e-3; // from the minimum; runs that converge are at rounding by then
const GRID = 4001; // points among which the ends of the intervals are searched
const LAST = 6; // hops that the left picture shows
/** The three points, as fractions of 1225. */
export const CYCLE = [792, -2208, 2592].map((part) => part / 1225);
/** Step size and momentum: the best for quadratics with L = 25 and μ = 1, and the safe one. */
export const TUNINGS = { "heavy-ball": [1 / 9, 4 / 9], "nag": [1 / 25, 2 / 3] };

/** The slope of the function: 25 x with a flat piece on [1, 2). */
export function slope(x) {
  return 25 * x - 24 * Math.min(Math.max(x - 1, 0), 1);
}

/** The iterates x_0 … x_steps of a method, with its tuning, from rest. */
export function iterates(method, start, steps) {
  const [stepSize, momentum] = TUNINGS[method];
  const found = [start];
  let [x, displacement] = [start, 0];
  for (let k = 0; k < steps; k++) {
    const query = method === "nag" ? x + momentum * displacement : x;
    const next = x + momentum * displacement - stepSize * slope(query);
    [x, displacement] = [next, next - x];
    found.push(x);
  }
  return found;
}

/** Whether heavy ball, started there at rest, ends in the cycle. */
export function fallsIntoCycle(start) {
  return Math.abs(iterates("heavy-ball", start, SETTLED)[SETTLED]) > NEAR;
}

/** The intervals of starts in [low, high] from which heavy ball cycles, their ends by bisection. */
export function cyclingIntervals(low, high, points = GRID, tolerance = 1e-6) {
  const starts = Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));
  const cycles = starts.map(fallsIntoCycle);
  const ends = cycles[0] ? [low] : [];
  for (let i = 1; i < points; i++) {
    if (cycles[i] === cycles[i - 1]) continue;
    let [left, right] = [starts[i - 1], starts[i]];
    while (right - left > tolerance) {
      const middle = (left + right) / 2;
      if (fallsIntoCycle(middle) === cycles[i - 1]) left = middle;
      else right = middle;
    }
    ends.push((left + right) / 2);
  }
  if (cycles[points - 1]) ends.push(high);
  return Array.from({ length: ends.length / 2 }, (_, i) => [ends[2 * i], ends[2 * i + 1]]);
}

const words = {
  en: {
    label: "Heavy ball’s cycle of three points, to play with",
    starts: "Starting points; heavy ball cycles from those in the bands",
    slopes: "Slope of the function with the last hops of heavy ball",
    runs: "Iterates against the step",
    start: "starting point",
    slope: "slope",
    iterate: "iterate",
    x: "x",
    shown: "steps shown",
    next: "One step",
    back: "One back",
    at: "{x}, {verdict}",
    cycles: "heavy ball cycles",
    converges: "heavy ball converges",
    says:
      "From {x}: {verdict}, Nesterov converges. After {k} steps heavy ball is at {heavy}, " +
      "Nesterov at {nag}.",
  },
  zh: {
    label: "重球法的三点循环（可操作）",
    starts: "起点；自色带内的起点出发，重球法陷入循环",
    slopes: "函数的斜率与重球法最近几次跳跃",
    runs: "迭代点随步数的变化",
    start: "起点",
    slope: "斜率",
    iterate: "迭代点",
    x: "x",
    shown: "显示的步数",
    next: "前进一步",
    back: "后退一步",
    at: "{x}，{verdict}",
    cycles: "重球法陷入循环",
    converges: "重球法收敛",
    says: "从 {x} 出发：{verdict}，Nesterov 方法收敛。{k} 步后重球法位于 {heavy}，Nesterov 方法位于 {nag}。",
  },
};

class Cycle extends Playground {
  static words = words;

  build() {
    const { words } = this;
    this.reach = this.number("reach", 10);
    this.longest = this.number("steps", 40);
    this.first = this.number("start", 3.3);
    this.start = this.first;
    this.intervals = cyclingIntervals(-this.reach, this.reach);
    this.shown = this.slider({
      label: words.shown, min: 0, max: this.longest, step: 1, value: this.longest,
      format: (value) => String(value),
    });
    this.button(words.back, () => (this.shown.value -= 1));
    this.button(words.next, () => (this.shown.value += 1));
    this.resetButton();
    this.addPlots(words);
    const key = (name) => element("span", {}, swatch(name), " ", words[name]);
    this.stage.append(element("p", { class: "nag-legend" }, ...NAMES.map(key)));
  }

  addPlots(words) {
    this.line = this.plot({
      label: words.starts, height: 92, x: { label: words.start, range: [-this.reach, this.reach] },
      y: { range: [-1, 1], count: 0 },
    });
    this.handle = this.line.handle({
      label: words.start, by: [0.02, 0], move: (x) => (this.start = x), method: "heavy-ball",
    });
    const row = element("div", { class: "nag-beside", style: "--nag-columns: 2fr 3fr" });
    this.stage.append(row);
    this.slopes = this.plot({
      label: words.slopes, height: 270,
      x: { label: words.x, range: [-3, 3.6], count: 6 },
      y: { label: words.slope, range: [-80, 80] },
    }, row);
    this.runs = this.plot({
      label: words.runs, height: 270,
      x: { label: words.step, range: [0, this.longest] },
      y: { label: words.iterate, range: [-4, 4] },
    }, row);
  }

  reset() {
    this.start = this.first;
    super.reset();
  }

  draw() {
    const steps = this.shown.value;
    const runs = NAMES.map((name) => iterates(name, this.start, steps));
    const verdict = this.words[fallsIntoCycle(this.start) ? "cycles" : "converges"];
    this.drawStarts(verdict);
    this.drawSlopes(runs[0]);
    this.runs.clear();
    for (const point of CYCLE) {
      this.runs.line([[0, point], [this.longest, point]], { dash: "2 4", width: 1 });
    }
    NAMES.forEach((method, i) => {
      const points = runs[i].map((x, k) => [k, x]);
      this.runs.line(points, { method, width: 1.5 });
      for (const point of points) this.runs.mark(point, { method, size: 2.8 });
    });
    const [heavy, nag] = runs.map((run) => show(run[steps], 3));
    return fillIn(this.words.says, { x: show(this.start), verdict, k: steps, heavy, nag });
  }

  drawStarts(verdict) {
    this.line.clear();
    const { top, bottom } = this.line.box;
    for (const [low, high] of this.intervals) {
      const x = this.line.px(low);
      const size = { x, width: this.line.px(high) - x, y: top, height: bottom - top };
      this.line.add("rect", { class: "nag-area", style: "--c:#d55e00", ...size });
    }
    this.line.mark([0, 0], { marker: "star", size: 5 });
    this.handle.put(this.start, 0, fillIn(this.words.at, { x: show(this.start), verdict }));
  }

  drawSlopes(run) {
    this.slopes.clear();
    this.slopes.line([-4, 1, 2, 5].map((x) => [x, slope(x)]), { width: 1.5 });
    const seen = run.slice(-LAST - 1).map((x) => [x, slope(x)]);
    for (let i = 1; i < seen.length; i++) this.hop(seen[i - 1], seen[i], i / (seen.length - 1));
    const look = { method: "heavy-ball" };
    for (const x of CYCLE) this.slopes.mark([x, slope(x)], { ...look, size: 5, hollow: true });
    this.slopes.mark([0, 0], { marker: "star", size: 5 });
    this.slopes.mark(seen[seen.length - 1], { ...look, size: 5 });
  }

  /** A bow from one iterate to the next, the paler the longer ago. */
  hop(from, to, share) {
    const [a, b] = [this.slopes.px(from[0]), this.slopes.py(from[1])];
    const [c, d] = [this.slopes.px(to[0]), this.slopes.py(to[1])];
    const [bend, lift] = [(a + c) / 2 + (d - b) * 0.3, (b + d) / 2 - (c - a) * 0.3];
    this.slopes.add("path", {
      class: "nag-line", style: "--c:#d55e00", d: `M${a} ${b}Q${bend} ${lift} ${c} ${d}`,
      "stroke-width": 1.5, "stroke-opacity": 0.25 + 0.75 * share,
    });
  }
}

define("nag-cycle", Cycle);
