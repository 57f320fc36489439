/** The plane of step size and momentum, coloured by the convergence rate of a method. */
import { Playground, clamp, define, element, fillIn, inkOf, show, showAnySize } from "./play.mjs";
import { bestTuning, rate, ratePlane, roots, stabilityLimit } from "./spectrum.mjs";

const NAMES = ["gd", "heavy-ball", "nag"];
const CELLS = 160; // points of the coloured plane a side
const LEVEL = 0.025; // difference in rate between two colours
const WIDEST = 4; // the largest step size × L
const STEEP = "#8c3f7f"; // the eigenvalues at L
const FLAT = "#00785a"; // and at μ
// Matplotlib's viridis at nine places, from slow to fast.
const COLORS = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [109, 205, 89], [253, 231, 37],
];

/** The colour of a rate below 1 between `least` and 1, in bands, as [red, green, blue]. */
export function colorOf(value, least) {
  const band = Math.floor(value / LEVEL + 1e-9) * LEVEL;
  const share = clamp((band - least) / (1 - least), 0, 1);
  const place = (1 - share) * (COLORS.length - 1);
  const i = Math.min(Math.floor(place), COLORS.length - 2);
  return COLORS[i].map((from, c) => Math.round(from + (place - i) * (COLORS[i + 1][c] - from)));
}

/** The curve of eigenvalues from λ = μ to λ = L, as two lists of [real, imaginary]. */
export function spectrumCurve(method, stepSize, momentum, conditionNumber, points = 200) {
  const pairs = Array.from({ length: points + 1 }, (_, i) => {
    return roots(method, stepSize * conditionNumber ** (i / points - 1), momentum);
  });
  return [pairs.map(([first]) => first), pairs.map(([, second]) => second)];
}

const words = {
  en: {
    label: "Rate of convergence over step size and momentum, to play with",
    plane: "Plane of step size and momentum, coloured by the rate",
    eigenvalues: "Eigenvalues of one step in the complex plane",
    real: "real part",
    imaginary: "imaginary part",
    method: "Method",
    probe: "Probe",
    at: "step size × L {step}, momentum {momentum}, rate {rate}",
    toBest: "Go to the optimum",
    worst: "rate",
    fast: "fast",
    flat: "λ = μ",
    steep: "λ = L",
    converges:
      "At step size {step}/L and momentum {momentum}, {name} shrinks the error by the factor " +
      "{rate} per step in the worst case; with its best tuning by {best}.",
    diverges:
      "At step size {step}/L and momentum {momentum}, {name} diverges: the error grows by the " +
      "factor {rate} per step in the worst case; its best tuning shrinks it by {best}.",
  },
  zh: {
    label: "收敛率随步长与动量的变化（可操作）",
    plane: "步长与动量平面，颜色表示收敛率",
    eigenvalues: "一步迭代的特征值在复平面上的位置",
    real: "实部",
    imaginary: "虚部",
    method: "方法",
    probe: "探针",
    at: "步长 × L {step}，动量 {momentum}，收敛率 {rate}",
    toBest: "移到最优点",
    worst: "收敛率",
    fast: "快",
    flat: "λ = μ",
    steep: "λ = L",
    converges: "步长 {step}/L、动量 {momentum} 时，{name}在最坏情况下每步将误差缩小为原来的 {rate} 倍；取最优参数时为 {best} 倍。",
    diverges: "步长 {step}/L、动量 {momentum} 时，{name}发散：最坏情况下误差每步增大为原来的 {rate} 倍；取最优参数时每步缩小为原来的 {best} 倍。",
  },
};

class RatePlane extends Playground {
  static words = words;

  build() {
    const { words } = this;
    this.method = this.choice({
      label: words.method, value: this.getAttribute("method") ?? "heavy-ball",
      options: Object.fromEntries(NAMES.map((name) => [name, words[name]])),
    });
    this.conditionNumber = this.slider({
      label: words.conditionNumber, min: 1.1, max: 1000, log: true,
      value: this.number("condition-number", 25), format: (value) => showAnySize(value, 3),
    });
    this.button(words.toBest, () => (this.probe = this.best()));
    this.resetButton();
    this.first = [1, 0.4];
    this.probe = this.first;
    this.canvas = element("canvas", { width: CELLS, height: CELLS });
    const row = element("div", { class: "nag-beside" });
    this.stage.append(row);
    this.addPlots(words, row);
    this.stage.append(this.legend(words));
  }

  addPlots(words, row) {
    this.plane = this.plot({
      label: words.plane, height: 330,
      x: { label: words.stepSize, range: [0, WIDEST] }, y: { label: words.momentum, range: [0, 1] },
    }, row);
    const move = (x, y) => (this.probe = [x, y]);
    this.handle = this.plane.handle({ label: words.probe, by: [0.05, 0.01], move });
    // A mouse needs not press: the probe follows it.
    this.plane.node.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      move(...this.plane.at(event));
      this.update();
    });
    this.complex = this.plot({
      label: words.eigenvalues, height: 330, square: true,
      x: { label: words.real, range: [-1.3, 1.3], count: 4 },
      y: { label: words.imaginary, range: [-1.3, 1.3] },
    }, row);
  }

  /** The colours of the rates, and which eigenvalues are which. */
  legend(words) {
    this.scale = element("canvas", { width: 200, height: 12, "aria-hidden": "true" });
    this.low = element("span");
    const mark = (color, text, round = "50%") => {
      const style = `${inkOf(color)};border-radius:${round}`;
      const dot = element("span", { class: "nag-dot nag-mark", style });
      return element("span", {}, dot, " ", text);
    };
    const rates = element("span", {}, `${words.worst} `, this.low, " ", this.scale, " 1");
    const ends = [mark(FLAT, words.flat, 0), mark(STEEP, words.steep)];
    return element("p", { class: "nag-legend" }, rates, ...ends);
  }

  best() {
    return bestTuning(this.method.value, this.conditionNumber.value);
  }

  reset() {
    this.probe = this.first;
    super.reset();
  }

  draw() {
    const method = this.method.value;
    const conditionNumber = this.conditionNumber.value;
    const least = rate("heavy-ball", ...bestTuning("heavy-ball", conditionNumber), conditionNumber);
    const best = this.best();
    this.plane.clear();
    this.drawColors(method, conditionNumber, least);
    this.drawScale(least);
    this.plane.line(
      Array.from({ length: 101 }, (_, i) => [stabilityLimit(method, i / 100), i / 100]),
      { color: "#8c3f7f", dash: "7 3 2 3", width: 1.5 },
    );
    this.plane.mark(best, { method, size: 6, className: "nag-ringed" });
    const factor = rate(method, ...this.probe, conditionNumber);
    const [step, momentum] = this.probe.map((value) => show(value));
    const numbers = { name: this.words[method], step, momentum, rate: show(factor, 3) };
    this.handle.put(...this.probe, fillIn(this.words.at, numbers));
    this.drawEigenvalues(method, conditionNumber);
    numbers.best = show(rate(method, ...best, conditionNumber), 3);
    return fillIn(factor < 1 ? this.words.converges : this.words.diverges, numbers);
  }

  drawColors(method, conditionNumber, least) {
    const wanted = `${method} ${conditionNumber}`;
    if (this.painted !== wanted) {
      this.picture = this.paint(method, conditionNumber, least);
      this.painted = wanted;
    }
    const { left, top, right, bottom } = this.plane.box;
    const size = { x: left, y: top, width: right - left, height: bottom - top };
    this.plane.add("image", { href: this.picture, preserveAspectRatio: "none", ...size });
  }

  /** Colour one point of a grid after the other; the axes stretch the picture. */
  paint(method, conditionNumber, least) {
    const middles = Array.from({ length: CELLS }, (_, i) => (i + 0.5) / CELLS);
    const stepSizes = middles.map((share) => share * WIDEST);
    const plane = ratePlane(method, stepSizes, middles, conditionNumber);
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(CELLS, CELLS);
    plane.reverse().flat().forEach((value, i) => {
      if (value < 1) image.data.set([...colorOf(value, least), 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
    return this.canvas.toDataURL();
  }

  drawScale(least) {
    this.low.textContent = show(least, 3);
    const context = this.scale.getContext("2d");
    for (let x = 0; x < 200; x++) {
      context.fillStyle = `rgb(${colorOf(least + ((1 - least) * x) / 200, least)})`;
      context.fillRect(x, 0, 1, 12);
    }
  }

  drawEigenvalues(method, conditionNumber) {
    const { complex } = this;
    complex.clear();
    const turn = Array.from({ length: 121 }, (_, i) => (Math.PI * i) / 60);
    complex.line(turn.map((t) => [Math.cos(t), Math.sin(t)]), { width: 1, className: "nag-thin" });
    const factor = Math.min(rate(method, ...this.probe, conditionNumber), 9);
    const circle = turn.map((t) => [factor * Math.cos(t), factor * Math.sin(t)]);
    complex.line(circle, { width: 1, dash: "3 3" });
    const [stepSize, momentum] = this.probe;
    for (const curve of spectrumCurve(method, stepSize, momentum, conditionNumber)) {
      for (const point of curve) complex.mark(point, { size: 1, className: "nag-faint" });
    }
    const ends = [[stepSize / conditionNumber, FLAT, "square"], [stepSize, STEEP, "circle"]];
    for (const [reach, color, marker] of ends) {
      const pair = roots(method, reach, momentum);
      for (const point of method === "gd" ? pair.slice(0, 1) : pair) {
        complex.mark(point, { color, marker, size: 5 });
      }
    }
  }
}

define("nag-rate-plane", RatePlane);
