/** Writes docs/rfc.md at the end of a run, from the tables and from how each test that proves a row of them ended. */

import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';
import { findSources, idsIn, ROOT } from './evidence.ts';
import { renderPage, type Tally } from './page.ts';

const PAGE = join(ROOT, 'docs/rfc.md');

export const pageReporter: Reporter = {
  onTestRunEnd(modules) {
    const tallies = gather(modules);
    const results = (file: string, id: string) => tallies.get(`${file} ${id}`) ?? { passed: 0, failed: 0 };
    const page = renderPage(findSources(), results);
    writeFileSync(PAGE, page);
    const fails = page.split('\n').filter((line) => / \*\*(fails|no test)\*\* \|$/.test(line));
    if (fails.length > 0) process.exitCode = 1;
    for (const line of fails) process.stderr.write(`not proven: ${line.slice(2, 120)}\n`);
  },
};

/** By file and id. */
function gather(modules: readonly TestModule[]): Map<string, Tally> {
  const scripts = findSources().filter(({ title }) => title !== '');
  const tallies = new Map<string, Tally>();
  for (const module of modules) {
    const runBy = relative(ROOT, module.moduleId).replaceAll('\\', '/');
    const own = scripts.filter((script) => script.runBy === runBy);
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state !== 'passed' && state !== 'failed') continue;
      const file = own.find(({ title }) => test.fullName.startsWith(title))?.file ?? runBy;
      for (const id of new Set(idsIn(test.fullName))) {
        const key = `${file} ${id}`;
        const tally = tallies.get(key) ?? { passed: 0, failed: 0 };
        tally[state]++;
        tallies.set(key, tally);
      }
    }
  }
  return tallies;
}
