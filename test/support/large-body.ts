/** 200 MiB in which every mebibyte differs, so that a byte lost, doubled or moved changes the hash. */

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';

const BLOCK_BYTES = 1 << 20;
const BLOCKS = 200;

export const LARGE_BYTES = BLOCKS * BLOCK_BYTES;

/** Writes the body (of as many blocks), no faster than `target` takes it, and ends `target`; resolves with the SHA-256. */
export async function writeLargeBody(target: Writable, blocks = BLOCKS): Promise<string> {
  const hash = createHash('sha256');
  for (let i = 0; i < blocks; i++) {
    const block = Buffer.alloc(BLOCK_BYTES, createHash('sha256').update(String(i)).digest());
    hash.update(block);
    if (!target.write(block)) await new Promise((resolve) => target.once('drain', resolve));
  }
  await new Promise<void>((resolve) => target.end(() => resolve()));
  return hash.digest('hex');
}

export function writeLargeFile(path: string): Promise<string> {
  return writeLargeBody(createWriteStream(path));
}
