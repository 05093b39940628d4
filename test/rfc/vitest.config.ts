/** `npm run generate:rfc`: only the tests that prove a row of the tables, and then the page about them. */

import { defineConfig } from 'vitest/config';
import { findSources, ROOT } from './evidence.ts';
import { pageReporter } from './reporter.ts';

export default defineConfig({
  test: {
    root: ROOT,
    include: [...new Set(findSources().map(({ runBy }) => runBy))],
    testNamePattern: /\b[RF]\d/,
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // A machine that stands still for a second is no finding.
    retry: 1,
    reporters: ['dot', pageReporter],
  },
});
