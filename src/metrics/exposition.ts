/**
 * Metrics as Prometheus reads them: text format 0.0.4, in pieces. Each piece is about a millisecond's work, so that whoever
 * writes them can let requests have their turn between two.
 */

import { FAMILIES, SERIES_DROPPED } from './families.ts';
import type { Page } from './page.ts';
import type { Family } from './samples.ts';

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const PIECE_CHARACTERS = 65_536;

/** A line is never torn. @param droppedTotal series left out of all pages, this one included */
export function* exposition(page: Page, droppedTotal: number): Generator<string> {
  let text = '';
  for (const family of FAMILIES) {
    text += headOf(family);
    for (const lines of family.samples(page)) {
      text += lines;
      if (text.length < PIECE_CHARACTERS) continue;
      yield text;
      text = '';
    }
  }
  yield `${text}${headOf(SERIES_DROPPED)}${SERIES_DROPPED.name} ${droppedTotal}\n`;
}

function headOf({ name, help, type }: Pick<Family, 'name' | 'help' | 'type'>): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}
