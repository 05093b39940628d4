import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runTranscript } from './transcript.ts';

const FOLDER = new URL('.', import.meta.url);
const LINE = '----\n';

describe('health, as told by transcripts', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))) {
    it(file.slice(0, -'.txt'.length).replaceAll('-', ' '), () => {
      const path = new URL(file, FOLDER);
      const [input = '', expected] = readFileSync(path, 'utf8').split(LINE);
      const actual = runTranscript(input);
      if (process.env.UPDATE === '1') writeFileSync(path, input + LINE + actual);
      else expect(actual).toBe(expected);
    });
  }
});
