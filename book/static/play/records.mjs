// Records: curves of recorded trainings, with the reach of their seeds.
import { bandOf, bandsOf, decode, fineTicks, markedPlaces, placeAt } from "./bands.mjs";
import { Select, count, threeFigures } from "./labels.mjs";
import { Playground, define, element, fillIn, inkOf, show, swatch } from "./play.mjs";
import { RECORD_WORDS } from "./record-words.mjs";

class Records extends Playground {
  static words = RECORD_WORDS;

  build() {
    const { words } = this;
    this.chosen = new Set((this.getAttribute("methods") ?? "nag").split(" "));
    this.first = new Set(this.chosen);
    const keys = Object.keys(this.data.tasks);
    const tasks = Object.fromEntries(keys.map((key) => [key, words[key] ?? key]));
    const first = { label: words.task, options: tasks, value: this.getAttribute("task") };
    this.tasks = this.keep(new Select(first, () => this.update()), this.controls);
    const options = { steps: words.steps, seconds: words.seconds };
    this.axis = this.choice({ label: words.axis, options, value: this.getAttribute("axis") });
    const spreads = { reach: words.reach, each: words.each };
    this.spread = this.choice({ label: words.spread, options: spreads, value: "reach" });
    this.look = this.slider({
      label: words.look, min: 0, max: 100, step: 1, value: 100, format: (part) => `${part} %`,
    });
    this.resetButton();
    const row = element("div", { class: "nag-beside" });
    this.stage.append(row);
    this.curves = this.plot({
      label: words.curves, height: 320, x: { range: [0, 1] }, y: { range: [1, 10], log: true },
    }, row);
    const coarse = this.curves.ticksOf.bind(this.curves);
    this.curves.ticksOf = (name, most) =>
      name === "y" ? fineTicks(this.curves.ranges.y) : coarse(name, most);
    this.curves.node.addEventListener("pointermove", (event) => this.follow(event));
    this.curves.node.addEventListener("pointerdown", (event) => this.follow(event));
    this.side = element("div", { class: "nag-side" });
    row.append(this.side);
    this.note = element("p", { class: "nag-note" });
    this.stage.append(this.note);
  }

  /** The look goes where the pointer is. */
  follow(event) {
    const [low, high] = this.curves.ranges.x;
    this.look.value = Math.round((100 * (this.curves.at(event)[0] - low)) / (high - low));
    this.update();
  }

  reset() {
    this.chosen = new Set(this.first);
    super.reset();
  }

  /** The task of now: decoded once, and its table made when it changes. */
  take() {
    const name = this.tasks.value;
    if (this.task?.name === name) return;
    const task = this.data.tasks[name];
    this.task = { ...task, name, methods: {} };
    for (const [method, { lr, runs, seconds }] of Object.entries(task.curves)) {
      const values = runs.map((run) => decode(run, task.digits));
      const times = seconds && bandsOf(seconds, task.secondsDigits);
      this.task.methods[method] =
        { lr, values, band: bandOf(values), seconds: times?.map((band) => band.middle) };
    }
    const all = Object.keys(this.task.methods);
    if (all.filter((method) => this.chosen.has(method)).length < 2) this.chosen = new Set(all);
    this.makeTable();
  }

  makeTable() {
    const { words } = this;
    this.heading = element("th", { scope: "col" });
    const all = Object.keys(this.task.methods);
    const head = element("th", { scope: "col" }, words.method, " ");
    const both = element("span", { class: "nag-together" });
    this.button(words.all, () => (this.chosen = new Set(all)), both);
    this.button(words.none, () => this.chosen.clear(), both);
    head.append(both);
    this.rows = all.map((method) => this.makeRow(method));
    const names = element("tr", {}, head, element("th", { scope: "col" }, words.stepSize),
      this.heading);
    const body = element("tbody", {}, ...this.rows.map(({ node }) => node));
    this.side.replaceChildren(
      element("table", { class: "nag-table" }, element("thead", {}, names), body));
  }

  makeRow(method) {
    const box = element("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      if (box.checked) this.chosen.add(method);
      else this.chosen.delete(method);
      this.update();
    });
    const label = element("label", { class: "nag-check" }, box, swatch(this.looks(method)),
      element("span", {}, this.nameOf(method)));
    const shown = element("td");
    const lr = element("td", {}, String(this.task.methods[method].lr));
    const node = element("tr", {}, element("th", { scope: "row" }, label), lr, shown);
    return { method, box, shown, node };
  }

  looks(method) {
    const [name, color, dash, marker] = this.data.looks[method];
    return { name, color, dash, marker };
  }

  /** The name of a method in the page's language; a momentum behind it stays. */
  nameOf(method) {
    const { name } = this.looks(method);
    const [first, ...rest] = name.split(", ");
    return [this.words[first] ?? first, ...rest].join(", ");
  }

  draw() {
    this.take();
    const { task, words } = this;
    const timed = task.secondsDigits !== undefined;
    const [, seconds] = this.axis.inputs.map(([input]) => input);
    seconds.disabled = !timed;
    const unit = timed && this.axis.value === "seconds" ? "seconds" : `${task.unit}s`;
    this.axis.inputs[0][1].lastChild.textContent = words[`${task.unit}s`];
    if (!timed) this.axis.value = "steps";
    const shown = Object.keys(task.methods).filter((method) => this.chosen.has(method));
    const along = (method) => (unit === "seconds" ? task.methods[method].seconds : task.places);
    this.scale(shown, along, unit);
    this.curves.node.classList.toggle("nag-many", shown.length > 5);
    if (this.spread.value === "each") {
      for (const method of shown) this.drawSeeds(method, along(method));
    } else {
      for (const method of shown) this.drawBand(method, along(method));
      shown.forEach((method, place) => this.drawMedian(method, along(method), place));
    }
    const x = (this.look.value / 100) * this.curves.axes.x.range[1];
    const { top, bottom } = this.curves.box;
    const at = { x1: this.curves.px(x), x2: this.curves.px(x), y1: top, y2: bottom };
    this.curves.add("line", { ...at, class: "nag-line nag-thin", "stroke-width": 1 });
    for (const method of shown) {
      const place = placeAt(along(method), x);
      const point = [along(method)[place], task.methods[method].band[place].middle];
      const look = { ...this.looks(method), size: 5 };
      if (Number.isFinite(point[1])) this.curves.mark(point, look);
    }
    this.sayOrigin(timed);
    return this.say(shown, along, unit, x);
  }

  /** Axes that hold the medians, without the fall at the very start. */
  scale(shown, along, unit) {
    const { task, words } = this;
    const ends = shown.map((method) => along(method).at(-1));
    const bands = shown.flatMap((method) => task.methods[method].band.slice(1));
    const low = Math.min(...bands.map((band) => band.low).filter(Number.isFinite));
    const high = Math.max(...bands.map((band) => band.middle).filter(Number.isFinite));
    const { axes } = this.curves;
    axes.x.range = [0, ends.length ? Math.max(...ends) : 1];
    axes.x.label = words[unit];
    axes.y.label = words[task.quantity];
    axes.y.range = shown.length ? [low * 0.95, high * 1.05] : [0.1, 1];
    this.curves.fit();
    this.curves.clear();
    if (task.target !== undefined) {
      const line = axes.x.range.map((x) => [x, task.target]);
      this.curves.line(line, { dash: "6 2 1 2", width: 1, color: "#8c3f7f" });
      this.curves.text([axes.x.range[1], task.target], words.target,
        { "text-anchor": "end", dx: -4, dy: -4 });
    }
  }

  /** The band of a method, from the least of its seeds to the greatest. */
  drawBand(method, xs) {
    const whole = this.task.methods[method].band.flatMap(({ low, high }, i) =>
      Number.isFinite(low) ? [[xs[i], low, high]] : []);
    const pixel = ([x, y]) => `${this.curves.px(x).toFixed(1)} ${this.curves.py(y).toFixed(1)}`;
    const edge = [...whole.map(([x, low]) => [x, low]),
      ...whole.reverse().map(([x, , high]) => [x, high])];
    const style = inkOf(this.looks(method).color);
    this.curves.add("path", { class: "nag-area", d: `M${edge.map(pixel).join("L")}Z`, style });
  }

  /** The median of a method; its place among those shown shifts the marks. */
  drawMedian(method, xs, place) {
    const look = this.looks(method);
    const points = this.task.methods[method].band.map(({ middle }, i) => [xs[i], middle]);
    this.curves.line(points, look);
    for (const i of markedPlaces(points.length, place)) {
      if (Number.isFinite(points[i][1])) this.curves.mark(points[i], look);
    }
  }

  drawSeeds(method, xs) {
    for (const run of this.task.methods[method].values) {
      const look = { ...this.looks(method), width: 1, dash: "" };
      this.curves.line(xs.map((x, i) => [x, run[i]]), look);
    }
  }

  sayOrigin(timed) {
    const { task, words } = this;
    const made = this.data.records[task.record];
    const seeds = Object.values(task.methods)[0].values.length;
    const sentences = [fillIn(words.origin, { name: task.record, seeds, ...made })];
    if (made.stale) sentences.push(words.stale);
    if (!made.clean) sentences.push(words.unclean);
    if (!timed) sentences.push(words.noSeconds);
    this.note.textContent = sentences.join(words.stop);
  }

  say(shown, along, unit, x) {
    const { task, words } = this;
    const here = shown.length ? along(shown[0])[placeAt(along(shown[0]), x)] : 0;
    const where = unit === "seconds" ? show(x, 2) : count(here);
    const place = { x: where, unit: words[unit] };
    this.heading.textContent = fillIn(words.at, place);
    const values = this.rows.flatMap(({ method, box, shown: cell }) => {
      box.checked = this.chosen.has(method);
      const { middle, low, high } = task.methods[method].band[placeAt(along(method), x)];
      cell.textContent = Number.isFinite(middle) ? threeFigures(middle) : words.lost;
      const told = { name: this.nameOf(method), middle: cell.textContent };
      const ends = { low: threeFigures(low), high: threeFigures(high) };
      const one = fillIn(words.one, { ...told, ...ends });
      return box.checked ? [Number.isFinite(middle) ? one : `${told.name} ${words.lost}`] : [];
    });
    const quantity = words[task.quantity];
    const list = values.join(words.comma) || words.empty;
    const name = words[task.name] ?? task.name;
    return fillIn(words.said, { task: name, quantity, ...place, values: list });
  }
}

define("nag-records", Records);
