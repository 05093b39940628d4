/**
 * Keeps the state file: looks every few seconds, and writes when a verdict has changed or the file grows old. Each version is
 * written beside the old one, flushed, and renamed over it, so that a reader or a power cut finds one of them whole; which one
 * does not matter. Never more than one write under way; a disk that is full or gone is complained of once, and serving goes on.
 */

import { open, rename, rm } from 'node:fs/promises';
import type { Clock, Timer } from '../base/time.ts';
import type { Log } from '../model/log.ts';
import { encodeState, type UpstreamState } from './state-file.ts';

const LOOK_EVERY_MS = 5_000;
/** Far below the age at which a reader would ignore it. */
const REFRESH_AFTER_MS = 60_000;
/** How long a stop waits for a disk that does not answer. */
const STOP_LIMIT_MS = 2_000;

export interface StateWriterOptions {
  readonly path: string;
  readonly clock: Clock;
  /** What is known now. */
  readonly collect: () => readonly UpstreamState[];
  readonly log: Log;
}

export class StateWriter {
  private readonly options: StateWriterOptions;
  private timer: Timer | null = null;
  private writing: Promise<void> = Promise.resolve();
  private stopped = false;
  /** The verdicts that the file holds; null before the first write. */
  private written: string | null = null;
  private writtenMs = Number.NEGATIVE_INFINITY;
  private isFailing = false;

  constructor(options: StateWriterOptions) {
    this.options = options;
  }

  start(): void {
    const { clock } = this.options;
    this.timer = clock.at(clock.now() + LOOK_EVERY_MS, () => {
      this.writing = this.save(false).then(() => {
        if (!this.stopped) this.start();
      });
    });
  }

  /** Writes what is known a last time; resolves when it is written, cannot be, or takes too long. */
  async stop(): Promise<void> {
    const { clock } = this.options;
    this.stopped = true;
    this.timer?.cancel();
    await new Promise<void>((resolve) => {
      const limit = clock.at(clock.now() + STOP_LIMIT_MS, resolve);
      void this.writing
        .then(() => this.save(true))
        .then(() => {
          limit.cancel();
          resolve();
        });
    });
  }

  /** Somebody else keeps the file from now on. */
  abandon(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  /** Resolves when no write is under way. */
  settled(): Promise<void> {
    return this.writing;
  }

  /** Never rejects. */
  private async save(isLast: boolean): Promise<void> {
    const { path, clock, collect, log } = this.options;
    try {
      const upstreams = collect();
      const verdicts = JSON.stringify(upstreams, (key, value) => (key === 'ageMs' ? undefined : value));
      const nowMs = clock.now();
      if (!isLast && verdicts === this.written && nowMs < this.writtenMs + REFRESH_AFTER_MS) return;
      await replaceFile(path, encodeState(upstreams, clock.wall()));
      this.written = verdicts;
      this.writtenMs = nowMs;
      if (this.isFailing) log.info({ path }, `state file ${path} is written again`);
      this.isFailing = false;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.isFailing) log.warn({ path }, `state file ${path} cannot be written, serving goes on: ${reason}`);
      this.isFailing = true;
    }
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.tmp`;
  try {
    await rm(draft, { force: true });
    // Exclusive: a link that somebody put there is not followed.
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}
