/** docs/rfc.md as text: every row of the tables with the tests that prove it, and how they ended. */

import type { Source } from './evidence.ts';
import { GROUPS } from './faults.ts';
import { type Rule, TOPICS } from './rules.ts';

export interface Tally {
  passed: number;
  failed: number;
}

/** How the tests of a file that prove a row ended. */
export type Results = (file: string, id: string) => Tally;

const HEAD = `# What is proven

Every rule of the HTTP standards that binds a gateway, and every fault that we know proxies to suffer, with the tests
that prove what becomes of it here; in parentheses, how many cases they have. The statements are ours: where one of
them and a standard differ, the standard counts. \`npm run generate:rfc\` runs these tests and writes this page;
\`test/rfc/rules.ts\` says how a test comes to stand here.
`;

export function renderPage(sources: readonly Source[], results: Results): string {
  const cellsOf = (row: { id: string; pending?: string; exempt?: string }) => evidenceOf(row, sources, results);
  const rules = TOPICS.map(
    ({ title, rules }) =>
      `### ${title}\n\n| id | RFC | | rule | tests | result |\n|---|---|---|---|---|---|\n${rules
        .map((rule) => `| ${rule.id} | ${rule.section} | ${rule.level} | ${statementOf(rule)} | ${cellsOf(rule)} |\n`)
        .join('')}`,
  );
  const faults = GROUPS.map(
    ({ title, faults }) =>
      `### ${title}\n\n| id | fault | what must happen | tests | result |\n|---|---|---|---|---|\n${faults
        .map((fault) => `| ${fault.id} | ${fault.fault} | ${fault.outcome} | ${cellsOf(fault)} |\n`)
        .join('')}`,
  );
  return `${HEAD}\n## Rules\n\n${rules.join('\n')}\n## Faults\n\n${faults.join('\n')}`;
}

function statementOf({ text, ours }: Rule): string {
  return ours === undefined ? text : `${text} *${ours}*`;
}

/** The last two cells of a row. */
function evidenceOf(
  { id, pending, exempt }: { id: string; pending?: string; exempt?: string },
  sources: readonly Source[],
  results: Results,
): string {
  const proofs = sources.filter(({ ids }) => ids.has(id)).map(({ file }) => ({ file, ...results(file, id) }));
  if (proofs.length > 0) {
    const fails = proofs.some(({ passed, failed }) => failed > 0 || passed === 0);
    const links = proofs.map(
      ({ file, passed, failed }) => `[${labelOf(file)}](../${file}) (${passed}${failed > 0 ? `, ${failed} fail` : ''})`,
    );
    return `${links.join(', ')} | ${fails ? '**fails**' : 'passes'}`;
  }
  if (exempt !== undefined) return ` | does not bind: ${exempt}`;
  return ` | ${pending === undefined ? '**no test**' : `waits for ${pending}`}`;
}

function labelOf(file: string): string {
  return (file.split('/').at(-1) as string).replace(/\.(test\.ts|txt)$/, '');
}

/** Numbers of cases change with every variant of a test; everything else is known without a run. */
export function withoutCounts(page: string): string {
  return page.replaceAll(/ \(\d+\)(?=,| \|)/g, '');
}
