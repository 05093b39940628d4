/**
 * Transcripts: what an engine is told, line by line, and what comes of it. Above `----` stands the input, below it the
 * transitions and, whenever requests would be served differently, who serves with which weight.
 */

import { HealthEngine } from '../../src/health/engine.ts';
import type { OutcomeClass } from '../../src/model/outcome.ts';
import type { HealthSettings } from '../../src/model/settings.ts';
import type { Signal } from '../../src/model/signal.ts';
import type { Candidate } from '../../src/model/snapshot.ts';
import type { Intent } from '../../src/model/status.ts';
import { project } from '../../src/pool/project.ts';
import { HEALTH, OUTLIERS, PROBE, simulatedBackend } from '../../src/sim/settings.ts';

type Bare<S> = S extends Signal ? Omit<S, 'at'> : never;
type Words = readonly string[];

/** Runs the commands of one transcript and returns what belongs below its line. */
export function runTranscript(input: string): string {
  const commands = input.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const [first, second, ...rest] = commands.map((line) => line.split(/\s+/));
  const hasSettings = first?.[0] === 'settings';
  const settings = createSettings(hasSettings ? first.slice(1) : []);
  const pool = hasSettings ? second : first;
  const steps = hasSettings || second === undefined ? rest : [second, ...rest];
  if (pool?.[0] !== 'pool') throw new Error(`expected "pool", got: ${pool?.join(' ')}`);
  return new Run(settings, pool.slice(1)).perform(steps);
}

class Run {
  private readonly settings: HealthSettings;
  private readonly engine: HealthEngine;
  private readonly lines: string[] = [];
  private served = '';

  constructor(settings: HealthSettings, members: Words) {
    this.settings = settings;
    this.engine = new HealthEngine(settings, members.map(createBackend), 0);
    this.showServing(0);
  }

  perform(steps: readonly Words[]): string {
    for (const [at, time, ...command] of steps) {
      if (at !== 'at' || time === undefined) throw new Error(`expected "at TIME …", got: ${at}`);
      const atMs = parseSeconds(time);
      this.tickUntil(atMs);
      const repeat = /^x(\d+)$/.exec(command.at(-1) ?? '');
      const words = repeat === null ? command : command.slice(0, -1);
      for (let n = 0; n < Number(repeat?.[1] ?? 1); n++) this.step({ ...this.signal(words), at: atMs } as Signal);
    }
    return `${this.lines.join('\n')}\n`;
  }

  private tickUntil(atMs: number): void {
    for (let due = this.engine.nextDeadline(); due <= atMs; due = this.engine.nextDeadline()) {
      this.step({ kind: 'tick', at: due });
    }
  }

  private step(signal: Signal): void {
    for (const { backend, from, to, source, reason } of this.engine.step(signal)) {
      this.lines.push(`${signal.at / 1_000}s  ${backend} ${from} -> ${to} (${source}): ${reason}`);
    }
    this.showServing(signal.at);
  }

  private showServing(at: number): void {
    const members = this.engine
      .views()
      .map((view, slot) => ({ view, backend: { ...simulatedBackend(view.id), slot } }));
    const { status, candidates } = project(members, this.settings.panic, 1, at);
    const served = `${status}, serving: ${candidates.map(describeCandidate).join(' ') || 'nobody'}`;
    if (served === this.served) return;
    this.served = served;
    this.lines.push(`${at / 1_000}s  = ${served}`);
  }

  private signal([kind, backend = '', ...words]: Words): Bare<Signal> {
    const [word = ''] = words;
    switch (kind) {
      case 'probe':
        return { kind, backend, ...describeProbe(word) };
      case 'outcome': {
        const epoch = words.includes('stale') ? 0 : (this.engine.record(backend)?.epoch ?? 0);
        return { kind, backend, outcome: word as OutcomeClass, epoch, latencyMs: 1, detail: '' };
      }
      case 'trial':
        return { kind, backend, epoch: this.engine.record(backend)?.epoch ?? 0 };
      case 'operator':
        return { kind: 'intent', backend, intent: word as Intent, by: 'ops' };
      case 'weight':
        return { kind, backend, weight: Number(word), by: 'ops' };
      case 'members':
        return { kind: 'membership', backends: [backend, ...words].map(createBackend) };
      case 'wait':
        return { kind: 'tick' };
      default:
        throw new Error(`unknown command: ${kind}`);
    }
  }
}

function describeProbe(word: string) {
  const details: Record<string, string> = {
    pass: '200 OK',
    fail: '500 Internal Server Error',
    refused: 'connect ECONNREFUSED',
  };
  const detail = details[word];
  if (detail === undefined) throw new Error(`unknown probe result: ${word}`);
  return { ok: word === 'pass', status: null, latencyMs: 1, detail, refused: word === 'refused' };
}

function describeCandidate({ backend, weight, trial }: Candidate): string {
  return trial ? `${backend.id}(trial)` : `${backend.id}:${weight}`;
}

function createBackend(member: string) {
  const [id = '', weight = '1'] = member.split('=');
  return simulatedBackend(id, Number(weight));
}

function parseSeconds(time: string): number {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(time)?.[1];
  if (seconds === undefined) throw new Error(`not a time in seconds: ${time}`);
  return Number(seconds) * 1_000;
}

/** `key=value` words over production's defaults. */
function createSettings(words: Words): HealthSettings {
  const given = new Map(words.map((word) => word.split('=') as [string, string]));
  const number = (key: string, otherwise: number) => Number(given.get(key) ?? otherwise);
  return {
    initialState: (given.get('initial_state') ?? HEALTH.initialState) as HealthSettings['initialState'],
    probe: given.get('probe') === 'off' ? null : PROBE,
    outliers: given.get('outliers') === 'off' ? null : OUTLIERS,
    budget: {
      maxRemoved: number('max_removed', HEALTH.budget.maxRemoved),
      minAvailable: number('min_available', HEALTH.budget.minAvailable),
    },
    panic: {
      threshold: number('threshold', HEALTH.panic.threshold),
      mode: (given.get('mode') ?? HEALTH.panic.mode) as HealthSettings['panic']['mode'],
    },
  };
}
