// Curves with a band: what a few seeds of a training say together.
import { ticks } from "./ticks.mjs";
import { show } from "./words.mjs";

/** Numbers from whole ones n, which stand for n / 10^digits; null stands for what was lost. */
export const decode = (whole, digits) => whole.map((n) => (n === null ? Infinity : n / 10 ** digits));

/** The q-th quantile of finite numbers, linear between the two nearest, as numpy's. */
export function quantile(values, q) {
  const sorted = Float64Array.from(values).sort();
  const place = q * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** The median, infinite where half of the values or more are. */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Median, least and greatest of the runs at each place; ends are those of the finite values. */
export function bandOf(runs) {
  return runs[0].map((_, place) => {
    const values = runs.map((run) => run[place]);
    const finite = values.filter(Number.isFinite);
    const ends = finite.length ? [Math.min(...finite), Math.max(...finite)] : [NaN, NaN];
    return { middle: median(values), low: ends[0], high: ends[1] };
  });
}

/** The band of runs that come as whole numbers. */
export const bandsOf = (runs, digits) => bandOf(runs.map((run) => decode(run, digits)));

/** The last place that is not beyond x; the first where all are. */
export function placeAt(places, x) {
  return Math.max(places.findLastIndex((place) => place <= x * (1 + 1e-9)), 0);
}

/** Which of n points bear a mark, about eight; the place of a curve among others shifts them. */
export function markedPlaces(n, place) {
  const every = Math.max(1, Math.floor(n / 8));
  const marked = [];
  for (let i = place % every; i < n; i += every) marked.push(i);
  return marked;
}

/** Ticks of a logarithmic axis: 1, 2 and 5 times powers of ten, round numbers where it is short. */
export function fineTicks([low, high]) {
  if (high / low < 4) return ticks([low, high], 5);
  const factors = high / low > 50 ? [1] : [1, 2, 5];
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) found.push([value, [show(value, Math.max(0, -power))]]);
    }
  }
  return found;
}
