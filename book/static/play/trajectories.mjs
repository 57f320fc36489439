/** Paths of three methods over one quadratic valley, from a start that can be moved. */
import { Playground, define, element, fillIn, show, showAnySize, swatch } from "./play.mjs";
import { bestTuning, rate } from "./spectrum.mjs";

const NAMES = ["gd", "heavy-ball", "nag"];
const VIEW = [12, 2.6]; // half the width and height of the picture of the valley
const SMALL = 1e-6; // of the first gap; the steps to reach it are counted
const LONGEST = 100_000; // steps that are counted at most

/** One step from x with displacement d, both [first, second] → the next pair. */
export function step(method, curvatures, stepSize, momentum, [x, d]) {
  const kept = method === "gd" ? 0 : momentum;
  const query = method === "nag" ? x.map((value, i) => value + kept * d[i]) : x;
  const next = x.map((value, i) => value + kept * d[i] - stepSize * curvatures[i] * query[i]);
  return [next, next.map((value, i) => value - x[i])];
}

/** The iterates x_0 … x_steps from rest, on f(x) = ½ Σ λ_i x_i². */
export function iterates(method, curvatures, start, stepSize, momentum, steps) {
  const found = [start];
  let state = [start, start.map(() => 0)];
  for (let k = 0; k < steps; k++) {
    state = step(method, curvatures, stepSize, momentum, state);
    found.push(state[0]);
  }
  return found;
}

/** The gap f(x) − f⋆. */
export function gap(curvatures, x) {
  return x.reduce((sum, value, i) => sum + (curvatures[i] * value * value) / 2, 0);
}

/** The steps after which the gap stays at `part` of the first one or less, or Infinity. */
export function stepsTo(part, method, curvatures, start, stepSize, momentum) {
  const worst = rate(method, stepSize, momentum, curvatures[1] / curvatures[0]);
  if (worst >= 1) return Infinity;
  const enough = part * gap(curvatures, start);
  let state = [start, start.map(() => 0)];
  let last = 0;
  // A gap may rise again, but not any more once far below.
  for (let k = 1; k <= LONGEST; k++) {
    state = step(method, curvatures, stepSize, momentum, state);
    const now = gap(curvatures, state[0]);
    if (now > enough) last = k;
    if (now < enough * 1e-4) break;
  }
  return last + 1;
}

const words = {
  en: {
    label: "Paths of gradient descent, heavy ball and Nesterov on a quadratic, to play with",
    valley: "Iterates over the level lines of the quadratic",
    gaps: "Gap against the step",
    first: "along the valley",
    second: "across",
    gap: "gap ÷ first gap",
    start: "Starting point",
    at: "{x} along the valley, {y} across",
    method: "method",
    worst: "rate per step",
    steps: "steps to gap 10⁻⁶",
    best: "its best tuning",
    use: "Use",
    useFor: "Use the best tuning of {name}",
    diverges: "diverges",
    hidden: "All methods are hidden.",
    says: "Steps to a millionth of the first gap: {list}.",
    counted: "{name} {n}",
    grows: "{name} never, it diverges",
    slow: "{name} more than {n}",
    comma: "; ",
  },
  zh: {
    label: "梯度下降、重球法与 Nesterov 方法在二次函数上的轨迹（可操作）",
    valley: "二次函数等高线上的迭代点",
    gaps: "间隙随步数的变化",
    first: "沿谷方向",
    second: "横向",
    gap: "间隙 ÷ 初始间隙",
    start: "起点",
    at: "沿谷 {x}，横向 {y}",
    method: "方法",
    worst: "每步收敛率",
    steps: "间隙降至 10⁻⁶ 的步数",
    best: "最优参数",
    use: "采用",
    useFor: "采用{name}的最优参数",
    diverges: "发散",
    hidden: "所有方法均已隐藏。",
    says: "间隙降至初始值百万分之一所需步数：{list}。",
    counted: "{name} {n}",
    grows: "{name}永不达到，发散",
    slow: "{name}超过 {n}",
    comma: "；",
  },
};

class Trajectories extends Playground {
  static words = words;

  build() {
    const { words } = this;
    this.first = [this.number("start-x", 10), this.number("start-y", 1)];
    this.start = this.first;
    this.steps = this.number("steps", 60);
    this.stepSize = this.slider({
      label: words.stepSize, min: 0.02, max: 4, step: 0.01, value: this.number("step-size", 1),
    });
    this.momentum = this.slider({
      label: words.momentum, min: 0, max: 0.99, step: 0.01, value: this.number("momentum", 0.67),
    });
    this.conditionNumber = this.slider({
      label: words.conditionNumber, min: 1, max: 1000, log: true,
      value: this.number("condition-number", 25), format: (value) => showAnySize(value, 3),
    });
    this.resetButton();
    this.addPlots(words);
    this.addTable(words);
  }

  addPlots(words) {
    this.valley = this.plot({
      label: words.valley, height: 250,
      x: { label: words.first, range: [-VIEW[0], VIEW[0]] },
      y: { label: words.second, range: [-VIEW[1], VIEW[1]] },
    });
    this.handle = this.valley.handle({
      label: words.start, by: [0.5, 0.1], move: (x, y) => (this.start = [x, y]),
    });
    this.gaps = this.plot({
      label: words.gaps, height: 180,
      x: { label: words.step, range: [0, this.steps] },
      y: { label: words.gap, range: [1e-8, 1e2], log: true },
    });
  }

  addTable(words) {
    const heads = [words.method, words.worst, words.steps, words.best];
    const row = (name) => {
      const cells = { rate: element("td"), steps: element("td") };
      const check = this.check({ label: words[name] }, element("span"));
      check.node.insertBefore(swatch(name), check.node.lastChild);
      const last = element("td");
      const use = () => {
        [this.stepSize.value, this.momentum.value] = bestTuning(name, this.conditionNumber.value);
      };
      const button = this.button(words.use, use, last);
      button.setAttribute("aria-label", fillIn(words.useFor, { name: words[name] }));
      const title = element("th", { scope: "row" }, check.node);
      return { name, check, cells, row: element("tr", {}, title, cells.rate, cells.steps, last) };
    };
    this.rows = NAMES.map(row);
    const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
    const body = element("tbody", {}, ...this.rows.map((each) => each.row));
    this.stage.append(element("table", { class: "nag-table" }, element("thead", {}, head), body));
  }

  reset() {
    this.start = this.first;
    super.reset();
  }

  draw() {
    const curvatures = [1 / this.conditionNumber.value, 1];
    const settings = [this.stepSize.value, this.momentum.value];
    this.valley.clear();
    this.gaps.clear();
    this.drawLevels(curvatures);
    const parts = this.rows.map(({ name, check, cells }) => {
      this.showNumbers(name, cells, curvatures, settings);
      if (!check.value) return "";
      this.drawPath(name, curvatures, settings);
      return this.describe(name, curvatures, settings);
    });
    this.valley.mark([0, 0], { marker: "star", size: 6 });
    const [x, y] = this.start.map((value) => show(value, 1));
    this.handle.put(...this.start, fillIn(this.words.at, { x, y }));
    const said = parts.filter(Boolean);
    if (!said.length) return this.words.hidden;
    return fillIn(this.words.says, { list: said.join(this.words.comma) });
  }

  drawLevels(curvatures) {
    const top = gap(curvatures, VIEW);
    for (let level = 1; level <= 8; level++) {
      const height = top * (level / 8) ** 2;
      const [rx, ry] = curvatures.map((curvature) => Math.sqrt((2 * height) / curvature));
      const [cx, cy] = [this.valley.px(0), this.valley.py(0)];
      const size = { rx: this.valley.px(rx) - cx, ry: cy - this.valley.py(ry) };
      this.valley.add("ellipse", { class: "nag-line nag-thin", cx, cy, ...size });
    }
  }

  drawPath(name, curvatures, [stepSize, momentum]) {
    const path = iterates(name, curvatures, this.start, stepSize, momentum, this.steps);
    this.valley.line(path, { method: name, width: 1.5 });
    for (const point of path.slice(1)) this.valley.mark(point, { method: name, size: 2.8 });
    const first = gap(curvatures, this.start);
    const gaps = path.map((point, k) => [k, gap(curvatures, point) / first]);
    this.gaps.line(gaps.map(([k, value]) => [k, Math.max(value, 1e-30)]), { method: name });
  }

  count(name, curvatures, settings) {
    return stepsTo(SMALL, name, curvatures, this.start, ...settings);
  }

  showNumbers(name, cells, curvatures, settings) {
    const worst = rate(name, ...settings, this.conditionNumber.value);
    const steps = this.count(name, curvatures, settings);
    cells.rate.textContent = show(worst, 3);
    const known = steps > LONGEST ? `> ${LONGEST}` : String(steps);
    cells.steps.textContent = worst < 1 ? known : this.words.diverges;
  }

  describe(key, curvatures, settings) {
    const name = this.words[key];
    const n = this.count(key, curvatures, settings);
    if (n === Infinity) return fillIn(this.words.grows, { name });
    if (n > LONGEST) return fillIn(this.words.slow, { name, n: LONGEST });
    return fillIn(this.words.counted, { name, n });
  }
}

define("nag-trajectories", Trajectories);
