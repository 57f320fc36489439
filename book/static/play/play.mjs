/**
 * What the elements to play with share: words, controls, the text that is read aloud, redrawing.
 *
 * An element is a module of its own:
 *
 *     import { Playground, define } from "./play.mjs";
 *
 *     export function halve(x) { … }      // mathematics: pure, exported, equal to nagcore in tests
 *
 *     class Restart extends Playground {
 *       static words = { en: { label: "…", every: "…" }, zh: { label: "…", every: "…" } };
 *       build() {                           // once
 *         this.every = this.slider({
 *           label: this.words.every, min: 1, max: 99, step: 1, value: this.number("every", 40),
 *         });
 *         this.resetButton();
 *         this.gaps = this.plot({ label: "…", height: 260, x: {…}, y: {…} });   // see plot.mjs
 *       }
 *       draw() {                            // after each change, at most once a frame
 *         this.gaps.clear();
 *         this.gaps.line([[0, 1], [1, 0.5]], { method: "nag" });
 *         return "What can be seen now, in a sentence.";
 *       }
 *     }
 *     define("nag-restart", Restart);
 *
 * The name's height is reserved in play.css, for all widths, before and after it is defined.
 */
import { element } from "./marks.mjs";
import { Plot } from "./plot.mjs";
import { WORDS, pickWords, show } from "./words.mjs";

export { METHODS, element, inkOf, svg, swatch } from "./marks.mjs";
export { fillIn, pickWords, show, showAnySize } from "./words.mjs";

const QUIET = 400; // milliseconds without a change, after which the new state is read aloud

// Under node, where the mathematics is tested, there are no elements.
const Base = globalThis.HTMLElement ?? class {};

let named = 0; // counts, for names that no two controls of a page share

/** Register an element where there are elements. */
export function define(name, constructor) {
  globalThis.customElements?.define(name, constructor);
}

/** Stay within limits. */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** A named range of numbers, evenly or by factors, with its value in figures. */
class Slider {
  constructor({ label, min, max, step = 0.01, value, format = show, log = false }, changed) {
    Object.assign(this, { min, max, format, log, initial: value });
    this.input = element("input", { type: "range", id: `nag-control-${++named}` });
    const limits = log ? { min: 0, max: 200, step: 1 } : { min, max, step };
    for (const [name, limit] of Object.entries(limits)) this.input.setAttribute(name, limit);
    this.shown = element("output", { for: this.input.id });
    const name = element("label", { for: this.input.id }, label);
    this.node = element("div", { class: "nag-slider" }, name, this.shown, this.input);
    this.value = value;
    this.input.addEventListener("input", () => {
      this.take(this.fromPosition(Number(this.input.value)));
      changed();
    });
  }
  fromPosition(position) {
    if (!this.log) return position;
    return Number((this.min * (this.max / this.min) ** (position / 200)).toPrecision(3));
  }
  toPosition(value) {
    if (!this.log) return value;
    return Math.round((200 * Math.log(value / this.min)) / Math.log(this.max / this.min));
  }
  take(value) {
    this.exact = value;
    this.shown.textContent = this.format(value);
    this.input.setAttribute("aria-valuetext", this.format(value));
  }
  get value() {
    return this.exact;
  }
  set value(value) {
    this.take(clamp(value, this.min, this.max));
    this.input.value = this.toPosition(this.exact);
  }
}

/** One of several, as radio buttons. */
class Choice {
  constructor({ label, options, value }, changed) {
    const group = `nag-control-${++named}`;
    this.initial = value;
    this.inputs = Object.entries(options).map(([key, text]) => {
      const input = element("input", { type: "radio", name: group, value: key });
      input.addEventListener("change", changed);
      return [input, element("label", {}, input, element("span", {}, text))];
    });
    const labels = this.inputs.map(([, text]) => text);
    this.node = element("fieldset", {}, element("legend", {}, label), ...labels);
    this.value = value;
  }
  get value() {
    return this.inputs.find(([input]) => input.checked)[0].value;
  }
  set value(value) {
    for (const [input] of this.inputs) input.checked = input.value === value;
  }
}

/** On or off. */
class Check {
  constructor({ label, value = true }, changed) {
    this.initial = value;
    this.input = element("input", { type: "checkbox" });
    this.input.addEventListener("change", changed);
    this.node = element("label", { class: "nag-check" }, this.input, element("span", {}, label));
    this.value = value;
  }
  get value() {
    return this.input.checked;
  }
  set value(value) {
    this.input.checked = value;
  }
}

export class Playground extends Base {
  /** Words of the element by language; `label` names it. */
  static words = { en: {}, zh: {} };

  connectedCallback() {
    if (this.live) return; // moved within the page
    this.words = { ...pickWords(WORDS), ...pickWords(this.constructor.words) };
    const data = this.querySelector('script[type="application/json"]');
    this.data = data && JSON.parse(data.textContent);
    this.known = [];
    this.plots = [];
    this.controls = element("div", { class: "nag-controls" });
    this.stage = element("div", { class: "nag-stage" });
    this.live = element("p", { class: "nag-live", role: "status" });
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", this.words.label);
    this.replaceChildren(this.controls, this.stage, this.live);
    this.build();
    this.redraw(0);
    new ResizeObserver(() => this.update()).observe(this);
  }

  /** An attribute as a number. */
  number(name, otherwise) {
    return this.hasAttribute(name) ? Number(this.getAttribute(name)) : otherwise;
  }

  /** Draw soon, once, however often this is asked for. */
  update() {
    this.frame ??= requestAnimationFrame(() => this.redraw(QUIET));
  }

  redraw(quiet) {
    this.frame = undefined;
    for (const plot of this.plots) plot.fit();
    const sentence = this.draw();
    clearTimeout(this.silence);
    const speak = () => {
      if (this.live.textContent !== sentence) this.live.textContent = sentence;
    };
    if (quiet) this.silence = setTimeout(speak, quiet);
    else speak();
  }

  /** Put every control back to where it was; elements with more state of their own add to it. */
  reset() {
    for (const control of this.known) control.value = control.initial;
    this.update();
  }

  slider(options, parent = this.controls) {
    return this.keep(new Slider(options, () => this.update()), parent);
  }

  choice(options, parent = this.controls) {
    return this.keep(new Choice(options, () => this.update()), parent);
  }

  check(options, parent = this.controls) {
    return this.keep(new Check(options, () => this.update()), parent);
  }

  keep(control, parent) {
    this.known.push(control);
    parent.append(control.node);
    return control;
  }

  button(text, action, parent = this.controls) {
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", () => {
      action();
      this.update();
    });
    parent.append(button);
    return button;
  }

  resetButton(parent = this.controls) {
    return this.button(this.words.reset, () => this.reset(), parent);
  }

  plot(options, parent = this.stage) {
    const plot = new Plot(options, this.words, () => this.update());
    parent.append(plot.node);
    this.plots.push(plot);
    return plot;
  }
}
