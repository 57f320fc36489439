// The expected loss of SGD, heavy ball and Nesterov's method in the noisy quadratic model.

export const METHODS = ["sgd", "heavy-ball", "nag"];
export const TARGET = 0.01; // the expected loss to reach

/** h_i = 1/i for i = 1 … dimensions, those after the first `alone` gathered at the mean of groups. */
export function harmonicQuadratic({ dimensions = 10_000, alone = 16, ratio = 1.2 } = {}) {
  const curvatures = [];
  const counts = [];
  for (let start = 0, end = 0; end < dimensions; start = end) {
    const wide = Math.max(Math.trunc(end * ratio), end + 1);
    end = Math.min(start < alone ? start + 1 : wide, dimensions);
    let sum = 0;
    for (let i = start + 1; i <= end; i++) sum += 1 / i;
    curvatures.push(sum / (end - start));
    counts.push(end - start);
  }
  return { curvatures, counts };
}

// A map of the moments (E x², E x d, E d²) of one coordinate: three rows of three coefficients and
// what the noise adds, 12 numbers a curvature.
const WIDTH = 12;

/** The map of one step for every curvature; the noise of a gradient has the variance h/B. */
export function momentMaps(curvatures, { method, stepSize, momentum, batchSize }) {
  const maps = new Float64Array(WIDTH * curvatures.length);
  curvatures.forEach((h, i) => {
    // x' = a x + b d − α ε,  d' = c x + b d − α ε, with b and c rounded as nagcore rounds them
    const a = 1 - stepSize * h;
    const v = (stepSize * stepSize * h) / batchSize;
    const [b, c] = {
      "sgd": [0, -stepSize * h],
      "heavy-ball": [momentum, -stepSize * h],
      "nag": [momentum - stepSize * (h * momentum), a - 1],
    }[method];
    maps.set([a * a, 2 * a * b, b * b, v, a * c, a * b + b * c, b * b, v,
      c * c, 2 * c * b, b * b, v], WIDTH * i);
  });
  return maps;
}

/** The maps of twice as many steps. */
export function twice(maps) {
  const out = new Float64Array(maps.length);
  for (let at = 0; at < maps.length; at += WIDTH) {
    for (let row = at; row < at + WIDTH; row += 4) {
      const [p, q, r] = [maps[row], maps[row + 1], maps[row + 2]];
      for (let j = 0; j < 4; j++) {
        out[row + j] = p * maps[at + j] + q * maps[at + 4 + j] + r * maps[at + 8 + j];
      }
      out[row + 3] += maps[row + 3];
    }
  }
  return out;
}

/** The moments after the steps of the maps, written to `out`. */
export function advance(maps, moments, out = new Float64Array(moments.length)) {
  for (let at = 0, i = 0; i < moments.length; at += WIDTH, i += 3) {
    const [x, p, d] = [moments[i], moments[i + 1], moments[i + 2]];
    out[i] = maps[at] * x + maps[at + 1] * p + maps[at + 2] * d + maps[at + 3];
    out[i + 1] = maps[at + 4] * x + maps[at + 5] * p + maps[at + 6] * d + maps[at + 7];
    out[i + 2] = maps[at + 8] * x + maps[at + 9] * p + maps[at + 10] * d + maps[at + 11];
  }
  return out;
}

function startOf({ curvatures }) {
  const moments = new Float64Array(3 * curvatures.length);
  for (let i = 0; i < moments.length; i += 3) moments[i] = 1;
  return moments;
}

/** ½ Σ h E x². */
export function lossOf({ curvatures, counts }, moments) {
  let sum = 0;
  for (let i = 0; i < curvatures.length; i++) sum += curvatures[i] * counts[i] * moments[3 * i];
  return sum / 2;
}

/** The expected loss after each of these numbers of steps. */
export function losses(model, setting, steps) {
  const powers = [momentMaps(model.curvatures, setting)];
  const most = Math.max(...steps);
  while (2 ** powers.length <= most) powers.push(twice(powers.at(-1)));
  return steps.map((count) => {
    let moments = startOf(model);
    powers.forEach((maps, bit) => {
      if (Math.floor(count / 2 ** bit) % 2 === 1) moments = advance(maps, moments);
    });
    return lossOf(model, moments);
  });
}

/**
 * The first number of steps after which the loss is at most `target`, the last step in part;
 * Infinity where about `most` steps do not do it. The loss is looked at after every step up to
 * `perOctave`, and then at so many places between t and 2t; between two of them by bisection.
 */
export function stepsToTarget(model, setting, options = {}) {
  const { target = TARGET, perOctave = 256, most = 2 ** 29 } = options;
  const powers = [momentMaps(model.curvatures, setting)];
  let moments = startOf(model);
  let spare = startOf(model);
  let taken = 0;
  if (lossOf(model, moments) <= target) return 0;
  for (let octave = 0; taken < most; octave++) {
    const span = 2 ** Math.max(octave - 1, 0);
    const bits = Math.max(Math.floor(Math.log2(span / perOctave)), 0);
    for (const end = taken + span; taken < end; taken += 2 ** bits) {
      const after = advance(powers[bits], moments, spare);
      const loss = lossOf(model, after);
      // far beyond all bounds a mean of squares may come out negative, by rounding
      if (!(loss >= 0 && loss < Infinity)) return Infinity;
      if (loss <= target) return taken + bisect(model, powers.slice(0, bits + 1), moments, target);
      [moments, spare] = [after, moments];
    }
    if (octave) powers.push(twice(powers.at(-1)));
  }
  return Infinity;
}

function bisect(model, powers, start, target) {
  let moments = start;
  let done = 0;
  for (let power = powers.length - 2; power >= 0; power--) {
    const trial = advance(powers[power], moments);
    if (lossOf(model, trial) <= target) continue;
    moments = trial;
    done += 2 ** power;
  }
  const above = lossOf(model, moments);
  const below = lossOf(model, advance(powers[0], moments));
  return done + Math.max(Math.log(above / target) / Math.log(above / below), 1e-9);
}

/** The step size with which a method reaches the target first at this momentum and batch size. */
export function bestStepSize(model, setting, { target = TARGET } = {}) {
  const friction = setting.method === "sgd" ? 1 : 1 - setting.momentum;
  let [low, high] = lengths(model, setting.batchSize, target, friction).map(Math.log);
  let sides = Math.ceil((high - low) / 0.35) + 1;
  let best = low;
  let least = 2 ** 25;
  for (let round = 0; round < 4; round++) {
    const gap = (high - low) / (sides - 1);
    for (let i = 0; i < sides; i++) {
      const tried = { ...setting, stepSize: Math.exp(low + i * gap) * friction };
      const steps = stepsToTarget(model, tried, { target, perOctave: 4, most: least });
      if (steps < least) [least, best] = [steps, low + i * gap];
    }
    [low, high, sides] = [best - 0.9 * gap, best + 0.9 * gap, 7];
  }
  return Math.exp(best) * friction;
}

// Where to look for α/(1 − β). About 4B target / Σ h of it leaves as much noise in the end as the
// target; Nesterov's method bears more in steep directions. Above 4/(1 − β) every method diverges,
// and far below 1/h it is not the noise that decides.
function lengths({ curvatures, counts }, batchSize, target, friction) {
  const trace = curvatures.reduce((sum, h, i) => sum + h * counts[i], 0);
  const borne = (4 * batchSize * target) / trace;
  return [Math.min(borne / 20, 0.5), Math.min(30 * borne, 3.9 / friction)];
}
