/** Where the ticks of an axis stand: [value, what is written there] each. */
import { svg } from "./marks.mjs";
import { show } from "./words.mjs";

/** Round numbers within a range: steps of 1, 2 or 5 times a power of ten, about `count` of them. */
export function ticks([low, high], count = 5) {
  if (!count) return [];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const value = (first + i) * step;
    return [value, [show(value, digits)]];
  });
}

/** Powers of ten within a range, about `count` of them; with their 2 and 5 where these are few. */
export function logTicks([low, high], count = 5) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 2) return fewTicks(low, high, first - 1, last);
  const step = Math.ceil((last - first) / count);
  const found = [];
  for (let power = last; power >= first; power -= step) {
    const raised = svg("tspan", { dy: -5, "font-size": "0.75em" }, show(power, 0));
    found.push([10 ** power, ["10", raised]]);
  }
  return found;
}

function fewTicks(low, high, first, last) {
  const found = [];
  for (let power = first; power <= last; power++) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value > low * 0.999 && value < high * 1.001) {
        found.push([value, [show(value, Math.max(0, -power))]]);
      }
    }
  }
  return found;
}
