/** `node bench/render.mjs`: writes the results into the documents (`bench/lib/documents.mjs` says which and how). */

import { writeFileSync } from 'node:fs';
import { documents } from './lib/documents.mjs';
import { root } from './lib/machine.mjs';
import { say } from './lib/options.mjs';

for (const { file, text } of documents()) {
  writeFileSync(root + file, text);
  say(`${file} written`);
}
