/**
 * Transcripts: what an engine is told, line by line, and what comes of it. Above `----` stands the input, below it the
 * transitions and, whenever requests would be served differently, who serves with which weight.
 */

import { HealthEngine } from '../../src/health/engine.ts';
import type { Heartbeat, SelfReport } from '../../src/model/heartbeat.ts';
import type { LoadReport } from '../../src/model/load.ts';
import type { Memory } from '../../src/model/memory.ts';
import type { OutcomeClass } from '../../src/model/outcome.ts';
import type { HealthSettings } from '../../src/model/settings.ts';
import type { Signal } from '../../src/model/signal.ts';
import type { Candidate } from '../../src/model/snapshot.ts';
import type { Intent } from '../../src/model/status.ts';
import { project } from '../../src/pool/project.ts';
import { HEALTH, HEARTBEAT, OUTLIERS, PROBE, SLOW_START, simulatedBackend } from '../../src/sim/settings.ts';

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
  private beats = 0;

  constructor(settings: HealthSettings, members: Words) {
    this.settings = settings;
    this.engine = new HealthEngine(settings, members.map(createBackend), 0);
    this.showServing(0);
  }

  perform(steps: readonly Words[]): string {
    for (const [at, time, ...command] of steps) {
      if (at !== 'at' || time === undefined) throw new Error(`expected "at TIME …", got: ${at}`);
      const atMs = parseSeconds(time);
      // While we stand still, no timer fires.
      if (command[0] !== 'stall') this.tickUntil(atMs);
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
      this.lines.push(`${formatSeconds(signal.at)}  ${backend} ${from} -> ${to} (${source}): ${reason}`);
    }
    this.showServing(signal.at);
  }

  private showServing(at: number): void {
    const members = this.engine
      .views()
      .map((view, slot) => ({ view, backend: { ...simulatedBackend(view.id), slot } }));
    const { status, candidates } = project(
      members,
      { panic: this.settings.panic, zone: null, requireRole: null },
      1,
      at,
    );
    const served = `${status}, serving: ${candidates.map(describeCandidate).join(' ') || 'nobody'}`;
    if (served === this.served) return;
    this.served = served;
    this.lines.push(`${formatSeconds(at)}  = ${served}`);
  }

  private createHeartbeat(status: SelfReport, { boot = 1, ...numbers }: Numbers): Heartbeat {
    this.beats += 1;
    const load = Object.keys(numbers).length === 0 ? null : createReport(numbers);
    return { boot: `boot-${boot}`, seq: this.beats, status, version: null, role: null, load, inFlight: null };
  }

  private signal([kind, backend = '', ...words]: Words): Bare<Signal> {
    const [word = ''] = words;
    switch (kind) {
      case 'probe':
        return { kind, backend, ...describeProbe(word) };
      case 'outcome': {
        const epoch = words.includes('stale') ? 0 : (this.engine.record(backend)?.epoch ?? 0);
        const latencyMs = Number(words.find((given) => given.endsWith('ms'))?.slice(0, -2) ?? 1);
        return { kind, backend, outcome: word as OutcomeClass, epoch, latencyMs, detail: '' };
      }
      case 'heartbeat':
        return { kind, backend, heartbeat: this.createHeartbeat(word as SelfReport, createNumbers(words)) };
      case 'load':
        return { kind, backend, source: 'response', report: createReport(createNumbers(words)) };
      case 'notice': {
        const { retry_after = 0 } = createNumbers(words);
        return { kind, backend, isDraining: word === 'draining', retryAfterMs: retry_after * 1_000 };
      }
      case 'stall':
        return { kind, stalledMs: parseSeconds(backend) };
      case 'trial':
        return { kind, backend, epoch: this.engine.record(backend)?.epoch ?? 0, isAnswering: word === 'answering' };
      case 'memory':
        return { kind, backend, verdict: word as Memory['verdict'], ageMs: 30_000 };
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

type Numbers = Readonly<Record<string, number>>;

/** `name=number` words. */
function createNumbers(words: Words): Numbers {
  const pairs = words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]);
  return Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]));
}

function createReport({ cpu = 0, rps = 0, eps = 0 }: Numbers): LoadReport {
  const none = new Map<string, number>();
  const unreported = { memUtilization: 0, applicationUtilization: 0, namedMetrics: none, utilization: none };
  return { ...unreported, cpuUtilization: cpu, rps, eps };
}

function describeProbe(word: string) {
  const details: Record<string, string> = {
    pass: '200 OK',
    fail: '500 Internal Server Error',
    refused: 'connect ECONNREFUSED',
    silence: 'no answer within 2 s',
    drain: '503 Service Unavailable',
    'pass-drain': '200 OK',
    late: 'no answer within 8 s',
  };
  const detail = details[word];
  if (detail === undefined) throw new Error(`unknown probe result: ${word}`);
  const ok = word.startsWith('pass');
  return {
    ok,
    status: Number.parseInt(detail, 10) || null,
    latencyMs: { late: 8_000, silence: 2_000 }[word] ?? 1,
    detail,
    refused: word === 'refused',
    draining: word.endsWith('drain'),
  };
}

function describeCandidate({ backend, weight, trial }: Candidate): string {
  return trial ? `${backend.id}(trial)` : `${backend.id}:${Math.round(weight * 1_000) / 1_000}`;
}

function createBackend(member: string) {
  const [id = '', weight = '1'] = member.split('=');
  return simulatedBackend(id, Number(weight));
}

function formatSeconds(ms: number): string {
  return `${Math.round(ms) / 1_000}s`;
}

function parseSeconds(time: string): number {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(time)?.[1];
  if (seconds === undefined) throw new Error(`not a time in seconds: ${time}`);
  return Number(seconds) * 1_000;
}

/** `off`, or the window's length. */
function createSlowStart(word: string): HealthSettings['slowStart'] {
  if (word === 'off') return null;
  return word === '' ? SLOW_START : { ...SLOW_START, windowMs: parseSeconds(word) };
}

/** `key=value` words over production's defaults. */
function createSettings(words: Words): HealthSettings {
  const given = new Map(words.map((word) => word.split('=') as [string, string]));
  const number = (key: string, otherwise: number) => Number(given.get(key) ?? otherwise);
  return {
    ...HEALTH,
    initialState: (given.get('initial_state') ?? HEALTH.initialState) as HealthSettings['initialState'],
    probe: given.get('probe') === 'off' ? null : PROBE,
    outliers: given.get('outliers') === 'off' ? null : { ...OUTLIERS, dryRun: given.get('dry_run') === 'on' },
    heartbeat: { ...HEARTBEAT, required: given.get('heartbeat') === 'required' },
    slowStart: createSlowStart(given.get('slow_start') ?? ''),
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
