// Noise: batch size against momentum in the noisy quadratic model.
import { count } from "./labels.mjs";
import { METHODS, TARGET, bestStepSize, harmonicQuadratic, losses, stepsToTarget }
  from "./noisy-quadratic.mjs";
import { Playground, define, element, fillIn, show, showAnySize, swatch } from "./play.mjs";

const MOST = 24; // octaves of the axis of steps
const PLACES = 200; // of a curve

class Noise extends Playground {
  static words = {
    en: {
      label: "Batch size against momentum in the noisy quadratic model",
      sgd: "SGD",
      batch: "batch size B",
      momentum: "momentum β",
      friction: "1 − β",
      factor: "step size / best",
      losses: "Expected loss against steps",
      loss: "expected loss",
      steps: "steps",
      plane: "The batch size and the momentum chosen, and the best momenta",
      handle: "Batch size and momentum",
      place: "batch size {batch}, momentum {momentum}",
      method: "method",
      stepSize: "step size α",
      needed: "steps to 0.01",
      best: "with its best β",
      take: "{steps} at β = {momentum}",
      said: "Batch size {batch}, momentum {momentum}: SGD takes {sgd} steps to an expected loss " +
        "of 0.01, heavy ball {heavyBall}, Nesterov's method {nag}.",
    },
    zh: {
      label: "带噪二次模型中的批大小与动量",
      sgd: "SGD",
      batch: "批大小 B",
      momentum: "动量 β",
      friction: "1 − β",
      factor: "步长 / 最佳步长",
      losses: "期望损失随步数的变化",
      loss: "期望损失",
      steps: "步数",
      plane: "所选的批大小与动量，以及最佳动量",
      handle: "批大小与动量",
      place: "批大小 {batch}，动量 {momentum}",
      method: "方法",
      stepSize: "步长 α",
      needed: "降到 0.01 的步数",
      best: "用最佳 β",
      take: "{steps}（β = {momentum}）",
      said: "批大小 {batch}，动量 {momentum}：期望损失降到 0.01，SGD 需 {sgd} 步，" +
        "重球法需 {heavyBall} 步，Nesterov 方法需 {nag} 步。",
    },
  };

  build() {
    const { words } = this;
    this.model = harmonicQuadratic();
    this.found = new Map();
    const octaves = this.data.nag.length - 1;
    this.batch = this.slider({
      label: words.batch, min: 0, max: octaves, step: 1, format: (bits) => count(2 ** bits),
      value: Math.log2(this.number("batch-size", 1024)),
    });
    // the slider moves −log₁₀(1 − β)
    this.digits = this.slider({
      label: words.momentum, min: 0, max: 6, step: 0.05, format: showMomentum,
      value: -Math.log10(1 - this.number("momentum", 0.99)),
    });
    this.factor = this.slider({ label: words.factor, min: 1 / 8, max: 8, log: true, value: 1 });
    this.resetButton();
    const row = element("div", { class: "nag-beside" });
    this.stage.append(row);
    this.curves = this.plot({
      label: words.losses, height: 270, x: { label: words.steps, range: [1, 2 ** MOST], log: true },
      y: { label: words.loss, range: [1e-3, 10], log: true },
    }, row);
    this.plane = this.plot({
      label: words.plane, height: 270, x: { label: words.batch, range: [1, 2 ** octaves], log: true },
      y: { label: words.friction, range: [1e-6, 1], log: true },
    }, row);
    this.handle = this.plane.handle({
      label: words.handle, by: [2, 1.25],
      move: (batch, friction) => {
        this.batch.value = Math.round(Math.log2(batch));
        this.digits.value = -Math.log10(friction);
      },
    });
    this.cells = this.table();
  }

  /** The table under the pictures; a button takes the best momentum of its method. */
  table() {
    const { words } = this;
    const head = [words.method, words.stepSize, words.needed, words.best];
    const names = element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)));
    const body = element("tbody");
    const cells = METHODS.map((method) => {
      const name = element("th", { scope: "row" }, swatch(method), ` ${words[method]}`);
      const [stepSize, steps, best] = [0, 1, 2].map(() => element("td"));
      const row = element("tr", {}, name, stepSize, steps, best);
      body.append(row);
      const take = () => (this.digits.value = -Math.log10(this.bestFriction(method)));
      return { stepSize, steps, best: method === "sgd" ? best : this.button("", take, best) };
    });
    this.stage.append(element("table", { class: "nag-table" }, element("thead", {}, names), body));
    return cells;
  }

  bestFriction(method) {
    return this.data[method][this.batch.value][1];
  }

  /** A setting with the best step size for it, searched once. */
  best(method, momentum) {
    const setting = { method, batchSize: 2 ** this.batch.value, momentum };
    return { ...setting, stepSize: this.once(setting, () => bestStepSize(this.model, setting)) };
  }

  draw() {
    const momentum = 1 - 10 ** -this.digits.value;
    this.curves.clear();
    this.curves.line([[1, TARGET], [2 ** MOST, TARGET]], { dash: "6 2 1 2", width: 1 });
    const steps = METHODS.map((method, i) => {
      const setting = this.best(method, method === "sgd" ? 0 : momentum);
      setting.stepSize *= this.factor.value;
      const needed = this.steps(setting);
      this.drawCurve(setting, needed);
      this.cells[i].stepSize.textContent = showAnySize(setting.stepSize);
      this.cells[i].steps.textContent = count(Math.ceil(needed));
      this.cells[i].best.textContent = this.sayBest(method);
      return count(Math.ceil(needed));
    });
    this.drawPlane(1 - momentum);
    const [batch, beta] = [count(2 ** this.batch.value), showMomentum(this.digits.value)];
    const [sgd, heavyBall, nag] = steps;
    return fillIn(this.words.said, { batch, momentum: beta, sgd, heavyBall, nag });
  }

  /** The steps of a setting to the target, counted once. */
  steps(setting) {
    return this.once(setting, () =>
      stepsToTarget(this.model, setting, { perOctave: 64, most: 2 ** MOST }));
  }

  once(setting, compute) {
    const key = JSON.stringify(setting);
    if (!this.found.has(key)) this.found.set(key, compute());
    return this.found.get(key);
  }

  sayBest(method) {
    if (method === "sgd") return "–";
    const friction = this.bestFriction(method);
    const steps = count(Math.ceil(this.steps(this.best(method, 1 - friction))));
    return fillIn(this.words.take, { steps, momentum: showMomentum(-Math.log10(friction)) });
  }

  drawCurve(setting, needed) {
    const { method } = setting;
    const places = Array.from({ length: PLACES + 1 }, (_, i) =>
      Math.round(2 ** ((i / PLACES) * MOST)));
    const found = losses(this.model, setting, places);
    this.curves.line(places.map((place, i) => [place, found[i]]), { method });
    const mark = { method, size: 4.5 };
    if (Number.isFinite(needed)) this.curves.mark([Math.max(needed, 1), TARGET], mark);
  }

  drawPlane(friction) {
    const batch = 2 ** this.batch.value;
    this.plane.clear();
    for (const method of ["heavy-ball", "nag"]) this.plane.line(this.data[method], { method });
    const words = { batch: count(batch), momentum: showMomentum(this.digits.value) };
    this.handle.put(batch, friction, fillIn(this.words.place, words));
  }
}

/** β from −log₁₀(1 − β), with two figures of 1 − β. */
function showMomentum(digits) {
  return show(1 - 10 ** -digits, Math.ceil(digits + 1e-9) + 1);
}

define("nag-noise", Noise);
