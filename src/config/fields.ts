/**
 * The kinds of value a configuration key can have. Each reads the written form, yields what the program uses, and says
 * in its message what the value must be; issues.ts adds what was received.
 */

import { z } from 'zod';
import { isRefusal, type Refusal } from '../model/backend-url.ts';
import {
  DURATION_PATTERN,
  PERCENTAGE_PATTERN,
  parseDuration,
  parsePercentage,
  parseSize,
  SIZE_PATTERN,
} from './scalars.ts';

/** A key that may be left out. `fallback` is in written form, as a user would type it. */
export function key<S extends z.ZodType>(schema: S, fallback: z.input<S>, doc: string): z.ZodPrefault<S> {
  return schema.prefault(fallback as never).describe(doc);
}

/** A key that must be there. */
export function required<S extends z.ZodType>(schema: S, doc: string): S {
  return schema.describe(doc);
}

interface QuantityRange {
  /** Inclusive, in written form. */
  readonly min?: string;
  /** Inclusive, in written form. */
  readonly max?: string;
}

/** Milliseconds. Longest: 1000 h, so that no sum of them loses precision. */
export function duration(range: QuantityRange = {}) {
  const must = 'must be a duration such as 250ms, 5s, 2m or 1h';
  return quantity(DURATION_PATTERN, must, parseDuration, { min: '0s', max: '1000h', ...range });
}

/** Bytes. */
export function size(range: QuantityRange) {
  return quantity(SIZE_PATTERN, 'must be a size such as 512B, 64KiB or 1MiB', parseSize, range);
}

/** A ratio from 0 to 1. */
export function share(range: QuantityRange = {}) {
  const must = 'must be a percentage such as 20%';
  return quantity(PERCENTAGE_PATTERN, must, parsePercentage, { min: '0%', max: '100%', ...range });
}

export function count(min: number, max: number) {
  return z.int().min(min).max(max);
}

/** Text that `pattern` matches; `must` says what that is. */
export function text(pattern: RegExp, must: string) {
  return z.string({ error: must }).regex(pattern, { error: must });
}

/** Text that satisfies `holds`; `must` says what that is. */
export function textThat(holds: (text: string) => boolean, must: string) {
  return z.string({ error: must }).refine(holds, { error: must });
}

/** Text that `parse` reads. */
export function parsed<T extends object>(parse: (text: string) => T | Refusal) {
  return z.string().transform((written, context): T => {
    const read = parse(written);
    if (!isRefusal(read)) return read;
    context.addIssue({ code: 'custom', message: read.must });
    return z.NEVER;
  });
}

function quantity(pattern: RegExp, must: string, parse: (text: string) => number | null, range: QuantityRange) {
  const min = range.min === undefined ? Number.NEGATIVE_INFINITY : (parse(range.min) as number);
  const max = range.max === undefined ? Number.POSITIVE_INFINITY : (parse(range.max) as number);
  return z
    .string({ error: must })
    .regex(pattern, { error: must, abort: true })
    .transform((written, context) => {
      const value = parse(written) as number;
      if (value < min) context.addIssue({ code: 'custom', message: `must be at least ${range.min}` });
      if (value > max) context.addIssue({ code: 'custom', message: `must be at most ${range.max}` });
      return value;
    });
}
