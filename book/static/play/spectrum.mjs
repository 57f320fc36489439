/**
 * Rates on quadratics, read off the roots of one eigenvector: what nagcore.theory.spectrum computes
 * by running the rules. Lengths are in units in which L = 1: a step size here is α L, and the
 * curvatures go from 1/κ to 1.
 */

/** The sum and the product of the two roots z, for one eigenvector with α λ = reach. */
function sumAndProduct(method, reach, momentum) {
  if (method === "gd") return [1 - reach, 0];
  if (method === "heavy-ball") return [1 + momentum - reach, momentum];
  return [(1 + momentum) * (1 - reach), momentum * (1 - reach)];
}

/** The two eigenvalues of one step as [real, imaginary]; gradient descent's second is 0. */
export function roots(method, reach, momentum) {
  const [sum, product] = sumAndProduct(method, reach, momentum);
  const half = sum / 2;
  const inside = half * half - product;
  if (inside < 0) {
    const height = Math.sqrt(-inside);
    return [[half, height], [half, -height]];
  }
  // The larger one first, and the other from the product: a difference would lose digits.
  const larger = half + (half < 0 ? -1 : 1) * Math.sqrt(inside);
  return [[larger, 0], [larger === 0 ? 0 : product / larger, 0]];
}

/** The larger absolute value of the two: the factor by which the error shrinks per step. */
export function radius(method, reach, momentum) {
  const [sum, product] = sumAndProduct(method, reach, momentum);
  const inside = (sum * sum) / 4 - product;
  return inside < 0 ? Math.sqrt(product) : Math.abs(sum) / 2 + Math.sqrt(inside);
}

/** The worst rate over all quadratics with this condition number; 1 or more is divergence. */
export function rate(method, stepSize, momentum, conditionNumber) {
  const flattest = radius(method, stepSize / conditionNumber, momentum);
  return Math.max(flattest, radius(method, stepSize, momentum));
}

/** Step size and momentum with the best rate on quadratics. */
export function bestTuning(method, conditionNumber) {
  if (method === "gd") return [2 / (1 + 1 / conditionNumber), 0];
  if (method === "heavy-ball") {
    const root = 1 / Math.sqrt(conditionNumber);
    return [4 / (1 + root) ** 2, ((1 - root) / (1 + root)) ** 2];
  }
  const root = Math.sqrt(3 * conditionNumber + 1);
  return [4 / (3 + 1 / conditionNumber), (root - 2) / (root + 2)];
}

/** The step size below which a method converges with this momentum. */
export function stabilityLimit(method, momentum) {
  if (method === "gd") return 2;
  if (method === "heavy-ball") return 2 * (1 + momentum);
  return (2 + 2 * momentum) / (1 + 2 * momentum);
}

/** The rates over a grid, row by row, one row for each momentum. */
export function ratePlane(method, stepSizes, momenta, conditionNumber) {
  return momenta.map((momentum) => {
    return stepSizes.map((stepSize) => rate(method, stepSize, momentum, conditionNumber));
  });
}
