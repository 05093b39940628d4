/** The flight recorder's lines as an answer: written no faster than they are read, and given up when the reader leaves. */

import { pipeline, Readable } from 'node:stream';
import type { Streamed } from './answer.ts';

/** Lines are gathered into writes of about this size. */
const WRITE_CHARACTERS = 65_536;

export function recordingAnswer(lines: Iterable<string>): Streamed {
  return {
    status: 200,
    type: 'application/x-ndjson; charset=utf-8',
    // Nobody is left to tell when the reader has gone.
    stream: (response) => pipeline(Readable.from(gathered(lines)), response, () => {}),
  };
}

function* gathered(lines: Iterable<string>): Generator<string> {
  let text = '';
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length < WRITE_CHARACTERS) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}
