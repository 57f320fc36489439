/** Labels and controls that the figures of numbers need beside those of play.mjs. */
import { element, show } from "./play.mjs";

/** A whole number with its thousands apart. */
export function count(value) {
  return show(value, 0).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A number with its first three figures. */
export function threeFigures(value) {
  return show(value, Math.max(0, 2 - Math.floor(Math.log10(value))));
}

/** One of many, as a list that opens. */
export class Select {
  constructor({ label, options, value }, changed) {
    const entries = Object.entries(options);
    this.initial = value;
    this.input = element("select", {},
      ...entries.map(([key, text]) => element("option", { value: key }, text)));
    this.input.addEventListener("change", changed);
    this.node = element("label", { class: "nag-select" }, `${label} `, this.input);
    this.value = value;
  }
  get value() {
    return this.input.value;
  }
  set value(value) {
    this.input.value = value;
  }
}
