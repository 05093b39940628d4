/**
 * Writes the files that are derived from the configuration's schema; with `--check`, only says which are stale and
 * fails. The files are committed, so that readers and editors need no build.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { configJsonSchema } from '../config/json-schema.ts';
import { renderReferencePage } from '../config/reference-page.ts';
import { endProcess, packageFile, processArguments, writeError } from '../platform/process.ts';

const schema = configJsonSchema();
const FILES: Readonly<Record<string, string>> = {
  'config/pulsegate.schema.json': `${JSON.stringify(schema, null, 2)}\n`,
  'docs/configuration.md': renderReferencePage(schema),
};

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

const stale = Object.entries(FILES).filter(([name, text]) => read(packageFile(name)) !== text);
if (processArguments.includes('--check')) {
  for (const [name] of stale) writeError(`${name} is stale: run npm run generate\n`);
  endProcess(stale.length === 0 ? 0 : 1);
} else {
  for (const [name, text] of stale) writeFileSync(packageFile(name), text);
}
