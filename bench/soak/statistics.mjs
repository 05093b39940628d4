/** A straight line through samples, and how sure its slope is. */

/** Of the normal distribution, two-sided: 99 % of intervals so wide hold the true slope. */
const DEVIATIONS = 2.58;

/**
 * Least squares. Neighbouring samples resemble each other, which makes a slope look surer than it is: the number of samples counts
 * as (1 - r) / (1 + r) of itself, r being the correlation of neighbouring residuals (Bayley and Hammersley 1946).
 * @param {readonly { x: number, y: number }[]} samples
 * @returns {{ slope: number, low: number, high: number }}  per unit of x, with its confidence interval; of fewer than 8 samples nothing is known
 */
export function trendOf(samples) {
  const n = samples.length;
  if (n < 8) return { slope: 0, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const meanX = samples.reduce((sum, { x }) => sum + x, 0) / n;
  const meanY = samples.reduce((sum, { y }) => sum + y, 0) / n;
  let xx = 0;
  let xy = 0;
  for (const { x, y } of samples) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
  }
  const slope = xy / xx;
  const residuals = samples.map(({ x, y }) => y - meanY - slope * (x - meanX));
  const squares = residuals.reduce((sum, residual) => sum + residual ** 2, 0);
  if (squares === 0) return { slope, low: slope, high: slope };
  const neighbours = residuals
    .slice(1)
    .reduce((sum, residual, index) => sum + residual * /** @type {number} */ (residuals[index]), 0);
  const correlation = Math.min(0.95, Math.max(0, neighbours / squares));
  const effective = Math.max(3, n * ((1 - correlation) / (1 + correlation)));
  const error = Math.sqrt(squares / (effective - 2) / xx) * Math.sqrt(n / effective);
  return { slope, low: slope - DEVIATIONS * error, high: slope + DEVIATIONS * error };
}
