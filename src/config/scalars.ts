/**
 * The written forms of quantities: durations, sizes and percentages. One unit each, no sums, no bare numbers, so that
 * nobody has to remember whether a key counts seconds or milliseconds.
 */

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

export const DURATION_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
export const SIZE_PATTERN = /^(\d+)(B|KiB|MiB|GiB)$/;
export const PERCENTAGE_PATTERN = /^(\d+(?:\.\d+)?)%$/;

/** Milliseconds from `250ms`, `1.5s`, `2m` or `1h`; null when `text` is no duration. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, DURATION_PATTERN, DURATION_UNITS);
}

/** Bytes from `512B`, `64KiB`, `1MiB` or `1GiB`; null when `text` is no size. */
export function parseSize(text: string): number | null {
  return parseQuantity(text, SIZE_PATTERN, SIZE_UNITS);
}

/** A ratio from `20%`; null when `text` is no percentage. */
export function parsePercentage(text: string): number | null {
  const digits = PERCENTAGE_PATTERN.exec(text)?.[1];
  return digits === undefined ? null : Number(digits) / 100;
}

function parseQuantity(text: string, pattern: RegExp, units: Readonly<Record<string, number>>): number | null {
  const match = pattern.exec(text);
  return match === null ? null : Math.round(Number(match[1]) * (units[match[2] as string] as number));
}
