/** The parts that pictures and controls are made of: elements, and the look of the methods. */

/** Colour, dash and mark of each method, the same as in every figure of the book. */
export const METHODS = {
  "gd": { color: "#2b2b2b", dash: "", marker: "circle" },
  "heavy-ball": { color: "#d55e00", dash: "7 2 2 2", marker: "triangle" },
  "nag": { color: "#0072b2", dash: "", marker: "diamond" },
  "sgd": { color: "#b07800", dash: "6 2", marker: "square" },
};

/** Marks as paths of about the size of one. */
export const SHAPES = {
  circle: "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1-1 0Z",
  triangle: "M0-1.2L1.1 0.8L-1.1 0.8Z",
  diamond: "M0-1.2L1.2 0L0 1.2L-1.2 0Z",
  square: "M-.9-.9H.9V.9H-.9Z",
  "triangle-down": "M0 1.2L1.1-.8L-1.1-.8Z",
  "triangle-left": "M-1.2 0L.8 1.1L.8-1.1Z",
  "triangle-right": "M1.2 0L-.8 1.1L-.8-1.1Z",
  "thin-diamond": "M0-1.3L.75 0L0 1.3L-.75 0Z",
  plus: "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
  cross: "M-.6-1.1L0-.5L.6-1.1L1.1-.6L.5 0L1.1 .6L.6 1.1L0 .5L-.6 1.1L-1.1 .6L-.5 0L-1.1-.6Z",
  pentagon: "M0-1.15L1.1-.36L.68.93L-.68.93L-1.1-.36Z",
  hexagon: "M0-1.15L1-.58L1 .58L0 1.15L-1 .58L-1-.58Z",
  "hexagon-flat": "M-1.15 0L-.58-1L.58-1L1.15 0L.58 1L-.58 1Z",
  star: "M0-1.4L.35-.45L1.35-.43L.55.18L.85 1.15L0 .58L-.85 1.15L-.55.18L-1.35-.43L-.35-.45Z",
};
/** Make an HTML element with attributes and children. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** Set attributes and add children. */
export function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** The style that gives a line or a mark its colour, which play.css turns round in the dark. */
export function inkOf(color) {
  return color ? `--c:${color}` : "";
}

/** A short piece of a line with its mark, for a legend; a method's name or its look. */
export function swatch(method) {
  const { color, dash = "", marker = "circle" } = METHODS[method] ?? method;
  const place = { transform: "translate(17 7) scale(4)" };
  return svg(
    "svg",
    { class: "nag-swatch", "aria-hidden": "true", viewBox: "0 0 34 14" },
    svg("path", { class: "nag-line", style: inkOf(color), d: "M0 7H34", "stroke-dasharray": dash }),
    svg("path", { class: "nag-mark", style: inkOf(color), d: SHAPES[marker], ...place }),
  );
}
