import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigWatch } from '../../../src/cli/config-watch.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'pulsegate-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** Changes told so far, after looks as many seconds. */
function watching(files: () => readonly string[]): (seconds: number) => number {
  const clock = new VirtualClock();
  let changes = 0;
  const watch = new ConfigWatch({
    files,
    clock,
    onChange: () => {
      changes += 1;
    },
  });
  onTestFinished(() => watch.close());
  return (seconds) => {
    clock.advanceTo(clock.now() + seconds * 1_000);
    return changes;
  };
}

describe('a watched configuration', () => {
  it('is told of once it has changed and stays the same', () => {
    const file = join(folder(), 'a.yaml');
    writeFileSync(file, 'one');
    const changesIn = watching(() => [file]);
    expect(changesIn(5)).toBe(0);
    writeFileSync(file, 'number two');
    expect(changesIn(1)).toBe(0);
    writeFileSync(file, 'number three');
    expect(changesIn(1)).toBe(0);
    expect(changesIn(1)).toBe(1);
    expect(changesIn(10)).toBe(1);
  });

  it('may be renamed over, removed and put back', () => {
    const path = folder();
    const file = join(path, 'a.yaml');
    writeFileSync(file, 'one');
    const changesIn = watching(() => [file]);
    writeFileSync(join(path, 'new'), 'two');
    renameSync(join(path, 'new'), file);
    expect(changesIn(3)).toBe(1);
    unlinkSync(file);
    expect(changesIn(3)).toBe(2);
    writeFileSync(file, 'two');
    expect(changesIn(3)).toBe(3);
  });

  it('may be reached by a link to a folder that is swapped for another', () => {
    const path = folder();
    const [one, two] = ['one', 'two'].map((name) => join(path, name)) as [string, string];
    writeFileSync(one, 'same');
    writeFileSync(two, 'same');
    symlinkSync(one, join(path, '..data'));
    symlinkSync(join(path, '..data'), join(path, 'pulsegate.yaml'));
    const changesIn = watching(() => [join(path, 'pulsegate.yaml')]);
    expect(changesIn(3)).toBe(0);
    symlinkSync(two, join(path, '..data_tmp'));
    renameSync(join(path, '..data_tmp'), join(path, '..data'));
    expect(changesIn(3)).toBe(1);
  });

  it('may name other files, which count from then on', () => {
    const path = folder();
    const [file, secret] = [join(path, 'a.yaml'), join(path, 'secret')];
    writeFileSync(file, 'one');
    writeFileSync(secret, 'one');
    const files = [file];
    const changesIn = watching(() => files);
    files.push(secret);
    expect(changesIn(3)).toBe(0);
    writeFileSync(secret, 'another');
    expect(changesIn(3)).toBe(1);
  });
});
