/**
 * How requests are shared out among priority levels. Each level counts for 1.4 times its healthy share, so that losing less than
 * 29 % of it moves nothing; what the first cannot carry goes to the next, and comes back as it recovers.
 * Source: Envoy, "Priority levels" and "Panic threshold". Ratios are not rounded, so shares move smoothly.
 */

export const OVER_PROVISIONING = 1.4;

/** Tolerance for sums of ratios. */
const EPSILON = 1e-9;

/** 0 to 1: how much of the requests a level could take. `judged` of 0 counts as nothing healthy. */
export function levelHealth(healthy: number, judged: number): number {
  return judged === 0 ? 0 : Math.min(1, (OVER_PROVISIONING * healthy) / judged);
}

/** Whether the levels together can carry everything: then none of them is in an emergency. */
export function carriesAll(healths: readonly number[]): boolean {
  return healths.reduce((sum, health) => sum + health, 0) >= 1 - EPSILON;
}

/** Shares of the requests, in the order of `healths`; together 1, or all 0 when no level has any health. */
export function sharesOf(healths: readonly number[]): readonly number[] {
  const total = Math.min(
    1,
    healths.reduce((sum, health) => sum + health, 0),
  );
  let left = 1;
  return healths.map((health) => {
    const share = total === 0 ? 0 : Math.min(left, health / total);
    // What rounding leaves over would be a level that takes one request in a million.
    left = left - share < EPSILON ? 0 : left - share;
    return share;
  });
}
