import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeState, readState, type UpstreamState } from '../../../src/control/state-file.ts';
import { StateWriter } from '../../../src/control/state-writer.ts';
import type { Log } from '../../../src/model/log.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const CONFIGURED = [{ name: 'app', backends: [simulatedBackend('a'), simulatedBackend('b')] }];
const KNOWN: readonly UpstreamState[] = [
  {
    name: 'app',
    backends: [
      { id: 'a', url: 'http://a.test:80', verdict: 'up', ageMs: 90_000 },
      { id: 'b', url: 'http://b.test:80', verdict: 'down', ageMs: 500 },
    ],
  },
];

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulsegate-state-'));
  path = join(folder, 'state.json');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('reading the state file', () => {
  it('remembers each backend, older by the time that has passed', () => {
    writeFileSync(path, encodeState(KNOWN, NOON));
    expect(readState(path, CONFIGURED, NOON + 7_000)).toEqual({
      kind: 'read',
      ageMs: 7_000,
      memories: new Map([
        [
          'app',
          new Map([
            ['a', { verdict: 'up', ageMs: 97_000 }],
            ['b', { verdict: 'down', ageMs: 7_500 }],
          ]),
        ],
      ]),
    });
  });

  it('says when there is none', () => {
    expect(readState(path, CONFIGURED, NOON)).toEqual({ kind: 'absent' });
  });

  it('remembers nothing of a backend that is new, has gone, or has moved', () => {
    writeFileSync(path, encodeState(KNOWN, NOON));
    const moved = { ...simulatedBackend('b'), url: 'http://10.0.0.9:80' };
    const reading = readState(
      path,
      [{ name: 'app', backends: [simulatedBackend('a'), moved, simulatedBackend('c')] }],
      NOON,
    );
    const remembered = reading.kind === 'read' ? [...(reading.memories.get('app')?.keys() ?? [])] : reading;
    expect(remembered).toEqual(['a']);
  });

  it('keeps upstreams apart', () => {
    writeFileSync(path, encodeState(KNOWN, NOON));
    expect(readState(path, [{ name: 'other', backends: CONFIGURED[0]?.backends ?? [] }], NOON)).toEqual({
      kind: 'ignored',
      reason: 'it is about other backends',
    });
  });

  it('ignores a file that is older than an hour, or from the future', () => {
    writeFileSync(path, encodeState(KNOWN, NOON));
    const kindAt = (wallMs: number) => readState(path, CONFIGURED, wallMs).kind;
    expect(kindAt(NOON + 3_600_000)).toBe('read');
    expect(readState(path, CONFIGURED, NOON + 7_200_000)).toEqual({ kind: 'ignored', reason: 'it is 2 h old' });
    expect(kindAt(NOON - 60_000)).toBe('read');
    expect(readState(path, CONFIGURED, NOON - 300_000)).toEqual({
      kind: 'ignored',
      reason: 'it was written 5 min from now',
    });
  });

  it('ignores a file that is cut short or has a flipped character, wherever', () => {
    const whole = encodeState(KNOWN, NOON);
    for (let at = 0; at < whole.length - 1; at++) {
      writeFileSync(path, whole.slice(0, at));
      expect(readState(path, CONFIGURED, NOON).kind).toBe('ignored');
      writeFileSync(path, `${whole.slice(0, at)}${whole[at] === '0' ? '1' : '0'}${whole.slice(at + 1)}`);
      expect(readState(path, CONFIGURED, NOON).kind).toBe('ignored');
    }
  });

  it.each([
    ['', 'it is damaged: no JSON'],
    ['null', 'it is damaged: no state'],
    ['[]', 'its version is undefined, not 1'],
    ['{"version":2,"checksum":"","state":{}}', 'its version is 2, not 1'],
    ['{"version":1}', 'it is damaged: the checksum is wrong'],
  ])('ignores %j', (text, reason) => {
    writeFileSync(path, text);
    expect(readState(path, CONFIGURED, NOON)).toEqual({ kind: 'ignored', reason });
  });

  it('ignores what is not a file', () => {
    mkdirSync(path);
    expect(readState(path, CONFIGURED, NOON)).toEqual({ kind: 'ignored', reason: 'it is not a file' });
  });
});

function createWriter(target: string) {
  const clock = new VirtualClock();
  const said: string[] = [];
  const say = (level: string) => (_fields: object, sentence: string) => void said.push(`${level}: ${sentence}`);
  const log: Log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const known = { upstreams: KNOWN, asked: 0 };
  const collect = () => {
    known.asked += 1;
    return known.upstreams;
  };
  const writer = new StateWriter({ path: target, clock, collect, log });
  writer.start();
  /** Lets time pass, and what is written then be written. */
  const pass = async (ms: number) => {
    const before = known.asked;
    clock.advanceTo(clock.now() + ms);
    expect(known.asked).toBe(before + 1);
    await writer.settled();
  };
  return { writer, clock, known, said, pass };
}

describe('the state writer', () => {
  const savedAt = () => JSON.parse(readFileSync(path, 'utf8')).state.savedAtMs as number;

  it('writes what is known, for its owner only, and leaves nothing else behind', async () => {
    const { clock, pass } = createWriter(path);
    expect(existsSync(path)).toBe(false);
    await pass(5_000);
    expect(readState(path, CONFIGURED, clock.wall())).toMatchObject({ kind: 'read', ageMs: 0 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it('writes again when a verdict has changed, or after a minute', async () => {
    const { clock, known, pass } = createWriter(path);
    await pass(5_000);
    const first = savedAt();
    known.upstreams = KNOWN.map((upstream) => ({
      ...upstream,
      backends: upstream.backends.map((backend) => ({ ...backend, ageMs: backend.ageMs + 5_000 })),
    }));
    await pass(5_000);
    expect(savedAt()).toBe(first);
    known.upstreams = [{ name: 'app', backends: [] }];
    await pass(5_000);
    const second = savedAt();
    expect(second).toBe(clock.wall());
    for (let looks = 0; looks < 11; looks++) await pass(5_000);
    expect(savedAt()).toBe(second);
    await pass(5_000);
    expect(savedAt()).toBe(second + 60_000);
  });

  it('has at most one write under way', async () => {
    const { clock, known, writer } = createWriter(path);
    clock.advanceTo(60_000);
    expect(known.asked).toBe(1);
    await writer.settled();
    clock.advanceTo(65_000);
    expect(known.asked).toBe(2);
    await writer.settled();
  });

  it('writes a last time when stopped, and never after', async () => {
    const { writer, clock, known } = createWriter(path);
    clock.advanceTo(1_000);
    await writer.stop();
    expect(savedAt()).toBe(clock.wall());
    clock.advanceTo(60_000);
    expect(known.asked).toBe(1);
  });

  it('complains once while it cannot write, and says when it can again', async () => {
    const missing = join(folder, 'missing');
    const { pass, said, writer } = createWriter(join(missing, 'state.json'));
    for (let looks = 0; looks < 3; looks++) await pass(5_000);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^warn: state file .*state\.json cannot be written, serving goes on: ENOENT/);
    mkdirSync(missing);
    await pass(5_000);
    expect(said.slice(1)).toEqual([`info: state file ${join(missing, 'state.json')} is written again`]);
    await writer.stop();
    expect(said).toHaveLength(2);
  });

  it('leaves the old file whole when the new one cannot take its place', async () => {
    mkdirSync(join(path, 'occupied'), { recursive: true });
    const { pass, said } = createWriter(path);
    await pass(5_000);
    expect(said).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(['state.json']);
    expect(readdirSync(path)).toEqual(['occupied']);
  });

  it('does not mind what a crash left half written', async () => {
    writeFileSync(`${path}.tmp`, '{"version":1,"che');
    const { clock, pass } = createWriter(path);
    await pass(5_000);
    expect(readState(path, CONFIGURED, clock.wall()).kind).toBe('read');
    expect(readdirSync(folder)).toEqual(['state.json']);
  });
});
