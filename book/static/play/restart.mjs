// Restart: the gap of Nesterov's method on a quadratic under five rules of when to start again.
import { count } from "./labels.mjs";
import { Playground, define, element, fillIn, swatch } from "./play.mjs";

export const RULES = ["none", "every", "function", "gradient", "known"];

/** Eigenvalues from 1/κ to L = 1, evenly spaced in their logarithm. */
export function spacedSpectrum(dimension, conditionNumber) {
  return Float64Array.from({ length: dimension }, (_, i) =>
    conditionNumber ** (i / (dimension - 1) - 1));
}

/** β_k = (t_{k−1} − 1)/t_k of 1983, one after the other. */
export function* momenta1983() {
  yield 0;
  for (let before = 1; ; ) {
    const t = (1 + Math.sqrt(1 + 4 * before * before)) / 2;
    yield (before - 1) / t;
    before = t;
  }
}

/** (1 − √(μ/L))/(1 + √(μ/L)), the momentum of who knows κ. */
export const knownMomentum = (conditionNumber) =>
  (1 - Math.sqrt(1 / conditionNumber)) / (1 + Math.sqrt(1 / conditionNumber));

/** ⌈2e√κ⌉ − 1, the interval for which the bound of a fixed restart falls fastest. */
export const bestInterval = (conditionNumber) =>
  Math.ceil(2 * Math.E * Math.sqrt(conditionNumber)) - 1;

const CRITERIA = {
  none: () => false,
  known: () => false,
  every: (move, every) => move.since >= every,
  function: (move) => move.gap > move.gapBefore,
  gradient: (move) => move.uphill > 0,
};

/**
 * Run from x_0 − x⋆ = (1, …, 1) with step size 1/L, for so many steps or until the gap is
 * `accuracy` of the first.
 *
 * Returns the gaps from step 0 on over the first, the momentum of each step, and the steps after
 * which the method started again.
 */
export function run({ conditionNumber, rule, every, steps, dimension = 10, accuracy = 0 }) {
  const eigenvalues = spacedSpectrum(dimension, conditionNumber);
  const again = CRITERIA[rule];
  const constant = knownMomentum(conditionNumber);
  const x = new Float64Array(dimension).fill(1);
  const displacement = new Float64Array(dimension);
  const first = gapOf(eigenvalues, x);
  const out = { gaps: [1], momenta: [], restarts: [] };
  let sequence = momenta1983();
  let since = 0;
  let gapBefore = first;
  for (let k = 1; k <= steps && gapBefore > accuracy * first; k++) {
    const next = sequence.next().value;
    const momentum = rule === "known" ? constant : next;
    let uphill = 0;
    for (let i = 0; i < dimension; i++) {
      const y = x[i] + momentum * displacement[i];
      const gradient = eigenvalues[i] * y;
      displacement[i] = y - gradient - x[i];
      uphill += gradient * displacement[i];
      x[i] += displacement[i];
    }
    since += 1;
    const gap = gapOf(eigenvalues, x);
    out.gaps.push(gap / first);
    out.momenta.push(momentum);
    if (again({ since, gap, gapBefore, uphill }, every)) {
      out.restarts.push(k);
      displacement.fill(0);
      sequence = momenta1983();
      since = 0;
    }
    gapBefore = gap;
  }
  return out;
}

function gapOf(eigenvalues, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += eigenvalues[i] * x[i] * x[i];
  return sum / 2;
}

/** The first step after which the gap is at most `accuracy` of the first; Infinity if none is. */
export function stepsTo(gaps, accuracy) {
  const found = gaps.findIndex((gap) => gap <= accuracy);
  return found < 0 ? Infinity : found;
}

const LOOKS = {
  none: { color: "#0072b2", dash: "2 1.5", marker: "circle" },
  every: { color: "#00785a", dash: "", marker: "square" },
  function: { color: "#8c3f7f", dash: "", marker: "diamond" },
  gradient: { color: "#d55e00", dash: "", marker: "triangle" },
  known: { color: "#2b2b2b", dash: "", marker: "circle" },
};
const ACCURACY = 1e-10;
const LOWEST = 1e-11; // of the picture
const MOST = 20_000; // steps; the slowest rule at the largest κ takes a third of them
const INTERVALS = [2, 2000];

class Restart extends Playground {
  static words = {
    en: {
      label: "Restart of Nesterov's method on an ill-conditioned quadratic",
      rule: "Start again (and steps to 10⁻¹⁰)",
      none: "never",
      every: "every N steps",
      function: "when the value rises",
      gradient: "when the gradient says so",
      known: "never, but constant momentum from κ",
      interval: "N, steps between restarts",
      conditionNumber: "condition number κ",
      gaps: "Gap against steps",
      gap: "gap, first one 1",
      momenta: "Momentum of each step",
      handle: "Interval N of the restarts",
      place: "start again every {every} steps",
      said: "κ = {kappa}, start again {rule}: {steps} steps until the gap is 10⁻¹⁰ of the first, " +
        "restarts on the way: {restarts}. The first restart after {first} steps.",
      unbroken: "κ = {kappa}, {rule}: {steps} steps until the gap is 10⁻¹⁰ of the first.",
    },
    zh: {
      label: "病态二次函数上 Nesterov 方法的重启",
      rule: "何时重启（以及达到 10⁻¹⁰ 的步数）",
      none: "从不",
      every: "每 N 步",
      function: "函数值上升时",
      gradient: "按梯度准则",
      known: "从不，但用由 κ 得到的恒定动量",
      interval: "N，两次重启之间的步数",
      conditionNumber: "条件数 κ",
      gaps: "间隙随步数的变化",
      gap: "间隙（初始为 1）",
      momenta: "每一步的动量",
      handle: "重启间隔 N",
      place: "每 {every} 步重启",
      said: "κ = {kappa}，重启：{rule}。间隙降到初始值的 10⁻¹⁰ 需 {steps} 步，" +
        "其间重启 {restarts} 次，第一次在第 {first} 步之后。",
      unbroken: "κ = {kappa}，重启：{rule}。间隙降到初始值的 10⁻¹⁰ 需 {steps} 步。",
    },
  };

  build() {
    const { words } = this;
    const options = Object.fromEntries(RULES.map((rule) => [rule, words[rule]]));
    const rule = this.getAttribute("rule") ?? "none";
    this.rule = this.choice({ label: words.rule, options, value: rule });
    this.counts = this.rule.inputs.map(([input, label]) => {
      const shown = element("b");
      input.after(swatch(LOOKS[input.value]));
      label.append(shown);
      return shown;
    });
    const whole = (value) => count(Math.round(value));
    const kappa = this.number("condition-number", 1000);
    this.kappa = this.slider({
      label: words.conditionNumber, min: 10, max: 10_000, log: true, value: kappa, format: whole,
    });
    const [min, max] = INTERVALS;
    const every = this.number("interval", bestInterval(kappa));
    this.every = this.slider({
      label: words.interval, min, max, log: true, value: every, format: whole,
    });
    this.every.input.addEventListener("input", () => (this.rule.value = "every"));
    this.resetButton();
    this.gaps = this.plot({
      label: words.gaps, height: 280, margin: { bottom: 22 },
      x: { range: [0, 1] }, y: { label: words.gap, range: [LOWEST, 2], log: true, count: 4 },
    });
    this.momenta = this.plot({
      label: words.momenta, height: 120,
      x: { label: words.step, range: [0, 1] },
      y: { label: words.momentum, range: [0, 1], count: 2 },
    });
    this.handle = this.gaps.handle({
      label: words.handle, by: [1, 1], everywhere: false,
      move: (x) => {
        this.every.value = Math.round(x);
        this.rule.value = "every";
      },
    });
    this.handle.node.lastChild.style.setProperty("--c", LOOKS.every.color);
  }

  /** The runs of all rules; only that with an interval is made anew while κ stays. */
  runs() {
    const conditionNumber = this.kappa.value;
    const made = (rule, every) =>
      run({ conditionNumber, rule, every, steps: MOST, accuracy: ACCURACY / 100 });
    if (this.made?.conditionNumber !== conditionNumber) {
      this.made = { conditionNumber };
      for (const rule of RULES) if (rule !== "every") this.made[rule] = made(rule);
    }
    return { ...this.made, every: made("every", Math.round(this.every.value)) };
  }

  draw() {
    const runs = this.runs();
    const chosen = this.rule.value;
    const steps = RULES.map((rule) => stepsTo(runs[rule].gaps, ACCURACY));
    this.counts.forEach((shown, i) => (shown.textContent = count(steps[i])));
    const end = 50 * Math.ceil(0.32 * Math.sqrt(this.kappa.value));
    for (const plot of this.plots) {
      plot.axes.x.range = [0, end];
      plot.fit();
      plot.clear();
    }
    this.drawGaps(runs, chosen, end);
    this.momenta.line(runs[chosen].momenta.slice(0, end).entries(), LOOKS[chosen]);
    const needed = steps[RULES.indexOf(chosen)];
    const restarts = runs[chosen].restarts.filter((k) => k < needed);
    return fillIn(restarts.length ? this.words.said : this.words.unbroken, {
      kappa: count(Math.round(this.kappa.value)),
      rule: this.words[chosen].replace("N", count(Math.round(this.every.value))),
      steps: count(needed),
      restarts: restarts.length,
      first: count(restarts[0]),
    });
  }

  drawGaps(runs, chosen, end) {
    const { gaps, restarts } = runs[chosen];
    this.gaps.line([[0, ACCURACY], [end, ACCURACY]], { dash: "6 2 1 2", width: 1 });
    if (chosen !== "none") {
      const behind = runs.none.gaps.slice(0, end + 1).entries();
      this.gaps.line(behind, { className: "nag-thin", dash: "", width: 1.5 });
    }
    this.gaps.line(gaps.slice(0, end + 1).entries(), LOOKS[chosen]);
    for (const k of restarts) {
      if (k <= end && gaps[k] > LOWEST) this.gaps.mark([k, gaps[k]], LOOKS[chosen]);
    }
    const every = Math.round(this.every.value);
    const at = Math.min(every, end);
    const height = runs.every.gaps[at] ?? runs.every.gaps.at(-1);
    this.gaps.line([[at, LOWEST], [at, 2]], { className: "nag-thin", dash: "3 3", width: 1 });
    this.handle.put(at, Math.max(height, LOWEST), fillIn(this.words.place, { every: count(every) }));
  }
}

define("nag-restart", Restart);
