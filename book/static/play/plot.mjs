/** A picture with two axes, drawn in the pixels of the page so that its letters keep their size. */
import { METHODS, SHAPES, fill, inkOf, svg } from "./marks.mjs";
import { logTicks, ticks } from "./ticks.mjs";

const MARGIN = { left: 58, right: 12, top: 10, bottom: 40 };
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const FAR = 1e5; // pixels; what lies farther out is drawn there

/**
 * Options: `label` names it for screen readers; `height` in pixels; `x` and `y` have `label`,
 * `range`, and where wanted `log: true` and `count` (about how many ticks); `square: true` makes a
 * unit of x as long as one of y by widening the range of the longer side; `margin` to change some.
 */
export class Plot {
  constructor({ label, height, x, y, square = false, margin = {} }, words, changed) {
    Object.assign(this, { height, square, words, changed, margin: { ...MARGIN, ...margin } });
    this.axes = { x: { ...x }, y: { ...y } };
    this.clip = `nag-clip-${(Plot.count = (Plot.count ?? 0) + 1)}`;
    this.window = svg("rect");
    this.frame = svg("g", { class: "nag-frame", "aria-hidden": "true" });
    this.marks = svg("g", { "clip-path": `url(#${this.clip})`, "aria-hidden": "true" });
    this.handles = svg("g");
    this.node = svg(
      "svg",
      { class: "nag-plot", role: "group", "aria-label": label, style: `height:${height}px` },
      svg("defs", {}, svg("clipPath", { id: this.clip }, this.window)),
      this.frame,
      this.marks,
      this.handles,
    );
  }

  /** Take the width that the page gives, and draw the axes. */
  fit() {
    this.width = Math.max(this.node.clientWidth, 200);
    this.node.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    const { left, right, top, bottom } = this.margin;
    this.box = { left, top, right: this.width - right, bottom: this.height - bottom };
    this.ranges = { x: this.axes.x.range, y: this.axes.y.range };
    if (this.square) this.widen();
    const { box } = this;
    const size = { x: left, y: top, width: box.right - left, height: box.bottom - top };
    fill(this.window, size, []);
    this.drawFrame(size);
  }

  widen() {
    const unit = (range) => range[1] - range[0];
    const across = this.box.right - this.box.left;
    const up = this.box.bottom - this.box.top;
    const scale = Math.min(across / unit(this.ranges.x), up / unit(this.ranges.y));
    const around = ([low, high], length) => {
      const half = length / scale / 2;
      return [(low + high) / 2 - half, (low + high) / 2 + half];
    };
    this.ranges = { x: around(this.ranges.x, across), y: around(this.ranges.y, up) };
  }

  drawFrame(size) {
    const { box } = this;
    const parts = [svg("rect", { class: "nag-box", ...size })];
    for (const [value, text] of this.ticksOf("x", 7)) {
      const x = this.px(value);
      parts.push(svg("line", { x1: x, x2: x, y1: box.top, y2: box.bottom }));
      parts.push(svg("text", { x, y: box.bottom + 16, "text-anchor": "middle" }, ...text));
    }
    for (const [value, text] of this.ticksOf("y", 5)) {
      const y = this.py(value);
      parts.push(svg("line", { x1: box.left, x2: box.right, y1: y, y2: y }));
      parts.push(svg("text", { x: box.left - 6, y: y + 4, "text-anchor": "end" }, ...text));
    }
    const middle = (box.left + box.right) / 2;
    const names = { "text-anchor": "middle", class: "nag-axis" };
    parts.push(svg("text", { x: middle, y: this.height - 6, ...names }, this.axes.x.label ?? ""));
    const turned = `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`;
    parts.push(svg("text", { transform: turned, ...names }, this.axes.y.label ?? ""));
    this.frame.replaceChildren(...parts);
  }

  ticksOf(name, count) {
    const { log, count: wanted = count } = this.axes[name];
    return (log ? logTicks : ticks)(this.ranges[name], wanted);
  }

  place(name, value, from, to) {
    const by = this.axes[name].log ? Math.log : Number;
    const [low, high] = this.ranges[name].map(by);
    const pixel = from + ((by(value) - low) / (high - low)) * (to - from);
    return Math.min(FAR, Math.max(-FAR, pixel));
  }

  /** Pixels of an x. */
  px(x) {
    return this.place("x", x, this.box.left, this.box.right);
  }

  /** Pixels of a y. */
  py(y) {
    return this.place("y", y, this.box.bottom, this.box.top);
  }

  /** The x and y under the pointer, within the axes. */
  at(event) {
    const seen = this.node.getBoundingClientRect();
    const part = (pixel, from, to) => Math.min(1, Math.max(0, (pixel - from) / (to - from)));
    const value = (name, share) => {
      const { log } = this.axes[name];
      const [low, high] = this.ranges[name].map(log ? Math.log : Number);
      const found = low + share * (high - low);
      return log ? Math.exp(found) : found;
    };
    return [
      value("x", part(event.clientX - seen.left, this.box.left, this.box.right)),
      value("y", part(event.clientY - seen.top, this.box.bottom, this.box.top)),
    ];
  }

  /** Take away what was drawn; handles stay. */
  clear() {
    this.marks.replaceChildren();
  }

  /** Add any SVG element, in pixels. */
  add(tag, attributes = {}, ...children) {
    const node = svg(tag, attributes, ...children);
    this.marks.append(node);
    return node;
  }

  /** Draw a line; points that are no numbers leave a gap. Look: `method`, or `color` and `dash`. */
  line(points, { method, color, dash, width = 2, className = "" } = {}) {
    let pen = "M";
    let path = "";
    for (const [x, y] of points) {
      const [a, b] = [this.px(x), this.py(y)];
      path += Number.isFinite(a + b) ? `${pen}${a.toFixed(1)} ${b.toFixed(1)}` : "";
      pen = Number.isFinite(a + b) ? "L" : "M";
    }
    const look = METHODS[method] ?? {};
    return this.add("path", {
      d: path,
      class: `nag-line ${className}`,
      style: inkOf(color ?? look.color),
      "stroke-dasharray": dash ?? look.dash ?? "",
      "stroke-width": width,
    });
  }

  /** Draw a mark at a point. Look: `method`, or `color` and `marker`; `hollow` leaves it open. */
  mark([x, y], { method, color, marker, size = 3.5, hollow = false, className = "" } = {}) {
    const look = METHODS[method] ?? {};
    return this.add("path", {
      d: SHAPES[marker ?? look.marker ?? "circle"],
      class: `nag-mark ${hollow ? "nag-hollow" : ""} ${className}`,
      style: inkOf(color ?? look.color),
      transform: `translate(${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}) scale(${size})`,
    });
  }

  /** Write at a point. */
  text([x, y], words, attributes = {}) {
    return this.add("text", { x: this.px(x), y: this.py(y), ...attributes }, words);
  }

  /**
   * A point that pointer, touch and arrow keys move. `move(x, y)` takes the place it is moved to.
   * `by` is how far a key moves it, on a logarithmic axis by which factor, with Shift five times.
   * A press anywhere in the picture moves it, unless `everywhere` is false. Give it its place while
   * drawing: `handle.put(x, y, words)`.
   */
  handle({ label, by, move, everywhere = true, method = undefined }) {
    const node = svg(
      "g",
      { class: "nag-handle", tabindex: 0, role: "slider" },
      svg("circle", { class: "nag-reach", r: 22 }),
      svg("circle", { class: "nag-ring", r: 13 }),
      svg("circle", { class: "nag-knob", r: 7, style: inkOf(METHODS[method]?.color) }),
    );
    node.setAttribute("aria-label", `${label}. ${this.words.keys}`);
    node.setAttribute("aria-roledescription", this.words.point);
    this.handles.append(node);
    const handle = { node, by, x: 0, y: 0, put: (x, y, words) => this.put(handle, x, y, words) };
    const go = (x, y) => {
      // Known at once: a second key may come before the next frame.
      Object.assign(handle, { x, y });
      move(x, y);
      this.changed();
    };
    node.addEventListener("keydown", (event) => {
      const way = KEYS[event.key];
      if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      go(...this.beside(handle, way, event.shiftKey ? 5 : 1));
    });
    this.drag(everywhere ? this.node : node, node, go);
    return handle;
  }

  /** The place some steps beside a point, within the axes. */
  beside(handle, way, far) {
    return ["x", "y"].map((name, i) => {
      const [low, high] = this.ranges[name];
      const steps = way[i] * far;
      const { log } = this.axes[name];
      const to = log ? handle[name] * handle.by[i] ** steps : handle[name] + handle.by[i] * steps;
      return Math.min(high, Math.max(low, to));
    });
  }

  drag(target, node, go) {
    let held = false;
    target.addEventListener("pointerdown", (event) => {
      // A finger beside the point may be scrolling the page; its tap comes as a click.
      if (event.button !== 0 || (event.pointerType === "touch" && !node.contains(event.target))) {
        return;
      }
      held = true;
      target.setPointerCapture(event.pointerId);
      event.preventDefault();
      node.focus({ preventScroll: true, focusVisible: false });
      go(...this.at(event));
    });
    target.addEventListener("pointermove", (event) => held && go(...this.at(event)));
    for (const end of ["pointerup", "pointercancel"]) {
      target.addEventListener(end, () => (held = false));
    }
    target.addEventListener("click", (event) => {
      if (event.pointerType === "touch") go(...this.at(event));
    });
  }

  put(handle, x, y, words) {
    Object.assign(handle, { x, y });
    const [low, high] = this.ranges.x;
    const place = `translate(${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)})`;
    const numbers = { "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": x };
    fill(handle.node, { transform: place, "aria-valuetext": words, ...numbers }, []);
  }
}
