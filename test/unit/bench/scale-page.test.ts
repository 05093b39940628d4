/** docs/scale.md shows what bench/results/scale.json holds, and nothing that was typed by hand. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');

test('the page about scale agrees with the results', async () => {
  const { withSections } = (await import(pathToFileURL(join(ROOT, 'bench/scale/tables.mjs')).href)) as {
    withSections(page: string, result: unknown): string;
  };
  const page = readFileSync(join(ROOT, 'docs/scale.md'), 'utf8');
  const results = join(ROOT, 'bench/results/scale.json');
  if (existsSync(results)) expect(page).toBe(withSections(page, JSON.parse(readFileSync(results, 'utf8'))));
  else expect(page).toContain('<!-- scale:begin -->\n\nNot measured yet.\n\n<!-- scale:end -->');
});
