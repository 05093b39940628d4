import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { StartError } from '../../../src/model/errors.ts';
import type { Log } from '../../../src/model/log.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import type { PemFile, Reading } from '../../../src/tls/certificate.ts';
import { FileWatch } from '../../../src/tls/file-watch.ts';
import { temporaryFolder } from '../../support/processes.ts';

let folder: string;
let lines: string[];
let watch: FileWatch;

const log: Log = {
  debug: () => {},
  info: (_, sentence) => lines.push(`info ${sentence}`),
  warn: (_, sentence) => lines.push(`warn ${sentence}`),
  error: (_, sentence) => lines.push(`error ${sentence}`),
};

beforeEach(() => {
  folder = temporaryFolder();
  lines = [];
  watch = new FileWatch({ clock: new VirtualClock(), log });
});

function path(name: string): string {
  return join(folder, name);
}

function write(name: string, text: string): void {
  writeFileSync(path(name), text);
}

/** A pair is of use when both files hold the same word, and it is not `bad`. */
function read([a, b]: readonly PemFile[]): Reading<string> {
  const words = [a, b].map((file) => file?.content.toString());
  if (words[0] !== words[1]) return { ok: false, problem: 'the files do not belong together' };
  return words[0] === 'bad'
    ? { ok: false, problem: 'bad' }
    : { ok: true, value: words[0] ?? '', summary: `now ${words[0]}` };
}

function open() {
  return watch.open({ what: 'pair', paths: [path('a'), path('b')], read });
}

describe('watched files', () => {
  it('that are of no use at the start are a StartError that says which and why', async () => {
    write('a', 'one');
    await expect(open()).rejects.toThrow(new StartError(`Cannot use the pair: ${path('b')} cannot be read (ENOENT).`));
    write('b', 'two');
    await expect(open()).rejects.toThrow('Cannot use the pair: the files do not belong together.');
  });

  it('are taken over when they have changed, and only then', async () => {
    write('a', 'one');
    write('b', 'one');
    const files = await open();
    let changes = 0;
    files.onChange = () => changes++;
    expect(await watch.reload()).toEqual([]);
    utimesSync(path('a'), 1, 1);
    expect(await watch.reload()).toEqual([]);
    expect([files.value, changes, lines]).toEqual(['one', 0, []]);

    write('a', 'two');
    write('b', 'two');
    expect(await watch.reload()).toEqual([]);
    expect([files.value, changes, lines]).toEqual(['two', 1, ['info pair renewed: now two']]);
  });

  it('that become of no use leave the last good ones in use, and are complained of once [F61]', async () => {
    write('a', 'one');
    write('b', 'one');
    const files = await open();
    write('a', 'two');
    expect(await watch.reload()).toEqual(['the files do not belong together']);
    expect([files.value, lines], 'the other file may be about to follow').toEqual(['one', []]);
    await watch.reload();
    await watch.reload();
    expect(lines).toEqual(['error pair not renewed, the last good one stays in use: the files do not belong together']);

    rmSync(path('b'));
    expect(await watch.reload()).toEqual([`${path('b')} cannot be read (ENOENT)`]);
    await watch.reload();
    await watch.reload();
    expect(lines.slice(1)).toEqual([
      `error pair not renewed, the last good one stays in use: ${path('b')} cannot be read (ENOENT)`,
    ]);
    expect(files.value).toBe('one');

    write('b', 'two');
    expect(await watch.reload()).toEqual([]);
    expect([files.value, lines.slice(2)]).toEqual(['two', ['info pair renewed: now two']]);
  });

  it('are judged again when time alone may have made them of use', async () => {
    write('a', 'one');
    write('b', 'one');
    let isEarly = false;
    const files = await watch.open({
      what: 'pair',
      paths: [path('a'), path('b')],
      read: (contents) => (isEarly ? { ok: false, problem: 'not valid yet' } : read(contents)),
    });
    isEarly = true;
    write('a', 'two');
    write('b', 'two');
    expect(await watch.reload()).toEqual(['not valid yet']);
    isEarly = false;
    expect(await watch.reload()).toEqual([]);
    expect(files.value).toBe('two');
  });

  it('are noticed through a link that is moved, as orchestrators renew them, and when replaced by rename', async () => {
    for (const version of ['1', '2']) {
      mkdirSync(path(version));
      for (const name of ['a', 'b']) write(`${version}/${name}`, version);
    }
    symlinkSync(path('1'), path('now'));
    const files = await watch.open({ what: 'pair', paths: [path('now/a'), path('now/b')], read });
    symlinkSync(path('2'), path('next'));
    renameSync(path('next'), path('now'));
    await watch.reload();
    expect(files.value).toBe('2');
  });

  it('are looked at every five seconds, until the watch is closed', async () => {
    const clock = new VirtualClock();
    watch = new FileWatch({ clock, log });
    write('a', 'one');
    write('b', 'one');
    const files = await open();
    const changed = () =>
      new Promise<void>((resolve) => {
        files.onChange = resolve;
      });
    for (const word of ['two', 'six']) {
      write('a', word);
      write('b', word);
      const change = changed();
      clock.advanceTo(clock.now() + 5_000);
      await change;
      expect(files.value).toBe(word);
      // The next look is set down when this one is over.
      await watch.reload();
      await new Promise(setImmediate);
    }
    watch.close();
    write('a', 'ten');
    write('b', 'ten');
    clock.advanceTo(clock.now() + 60_000);
    await watch.reload();
    expect(files.value).toBe('six');
  });
});
