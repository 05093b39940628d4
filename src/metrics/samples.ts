/**
 * The words of the exposition: what a family of samples is, and how a sample is written. Sets of labels that are known beforehand are
 * written from zero, so that the first event is an increase, too.
 */

import { BOUNDS_MS, durationFigures } from './durations.ts';
import { escapeLabel, type Page } from './page.ts';

export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Whole lines, one or several at a time. */
  samples(page: Page): Iterable<string>;
}

export function family(
  name: string,
  type: Family['type'],
  labels: string,
  help: string,
  samples: Family['samples'],
): Family {
  return { name, type, labels: labels.split(' '), help, samples };
}

/** A metric without labels. @param figureOf null = not known here: no sample */
export function single(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  figureOf: (page: Page) => number | null,
): Family {
  return {
    ...{ name, type, labels: [], help },
    *samples(page) {
      const value = figureOf(page);
      if (value !== null) yield `${name} ${value}\n`;
    },
  };
}

export function upstreamLabel(upstream: string): string {
  return `upstream="${escapeLabel(upstream)}"`;
}

export function of(name: string, upstream: string, value: number): string {
  return `${name}{${upstreamLabel(upstream)}} ${value}\n`;
}

/** One sample for each value of the last label; what has no count has zero. */
export function* each(
  name: string,
  labels: string,
  label: string,
  values: readonly string[],
  counts: readonly number[],
): Generator<string> {
  const before = labels === '' ? label : `${labels},${label}`;
  let text = '';
  for (let i = 0; i < values.length; i++) text += `${name}{${before}="${values[i]}"} ${counts[i] ?? 0}\n`;
  yield text;
}

/** In one piece, so that its parts agree although counting goes on. */
export function histogram(name: string, upstream: string, counts: ArrayLike<number>): string {
  const { below, count, sumSeconds } = durationFigures(counts);
  const label = upstreamLabel(upstream);
  let text = '';
  for (let i = 0; i < below.length; i++) {
    text += `${name}_bucket{${label},le="${(BOUNDS_MS[i] as number) / 1_000}"} ${below[i]}\n`;
  }
  return `${text}${name}_bucket{${label},le="+Inf"} ${count}\n${name}_sum{${label}} ${sumSeconds}\n${name}_count{${label}} ${count}\n`;
}
