import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { completionCommand, flagsOf } from '../../../src/cli/completion.ts';
import { COMMAND_HELP, helpFor, overview } from '../../../src/cli/help.ts';
import { UsageError } from '../../../src/model/errors.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { startFake } from '../admin/fake-control.ts';
import { fakeWorld } from '../cli-main/support.ts';

const NAMES = Object.keys(COMMAND_HELP);

async function scriptFor(shell: string): Promise<string> {
  const { context, out } = fakeWorld();
  expect(await completionCommand([shell], context)).toBe(0);
  return out.join('');
}

/** Skips, and says why, where there is no such program. */
function testWith(program: string, title: string, run: () => Promise<void>): void {
  const isThere = spawnSync(program, ['--version']).error === undefined;
  test.skipIf(!isThere)(isThere ? title : `${title} (skipped: there is no ${program} here)`, run);
}

/** What bash offers after this line, its cursor at the end: what it would put in place of the word that it sees. */
async function offersOfBash(line: string): Promise<string[]> {
  const folder = temporaryFolder();
  const program = join(folder, 'pulsegate');
  writeFileSync(
    program,
    '#!/bin/sh\n[ "$*" = "completion targets" ] && printf "app/a\\napp/127.0.0.1:3001\\napp/127.0.0.1:3002\\n"\n',
  );
  chmodSync(program, 0o755);
  const file = join(folder, 'completion.bash');
  writeFileSync(file, await scriptFor('bash'));
  const run = `source "$1"; COMP_LINE="$2"; COMP_POINT=\${#COMP_LINE}; _pulsegate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const text = execFileSync('bash', ['--norc', '-c', run, 'bash', file, line], { env, encoding: 'utf8', cwd: folder });
  return text.split('\n').filter((word) => word !== '');
}

describe('completion', () => {
  testWith('bash', 'in bash offers commands, options and values', async () => {
    expect(await offersOfBash('pulsegate ')).toEqual(expect.arrayContaining([...NAMES, 'help', '--version']));
    expect(await offersOfBash('pulsegate st')).toEqual(['status']);
    expect(await offersOfBash('pulsegate status --')).toEqual(['--admin', '--json', '--watch', '--help']);
    expect(await offersOfBash('pulsegate status --w')).toEqual(['--watch']);
    expect(await offersOfBash('pulsegate run --log-format p')).toEqual(['pretty']);
    expect(await offersOfBash('pulsegate run -c comp')).toEqual(['completion.bash']);
    expect(await offersOfBash('pulsegate help we')).toEqual(['weight']);
    expect(await offersOfBash('pulsegate completion ')).toEqual(['bash', 'zsh', 'fish']);
    expect(await offersOfBash('pulsegate nonsense ')).toEqual([]);
  });

  testWith('bash', 'in bash offers backends, also where bash ends a word at a colon', async () => {
    expect(await offersOfBash('pulsegate drain ')).toEqual(['app/a', 'app/127.0.0.1:3001', 'app/127.0.0.1:3002']);
    expect(await offersOfBash('pulsegate why app/127.0.0.1:')).toEqual(['3001', '3002']);
    expect(await offersOfBash('pulsegate weight app/a')).toEqual(['app/a']);
  });

  testWith('zsh', 'is a script that zsh understands', async () => {
    const { status, stderr } = spawnSync('zsh', ['-n'], { input: await scriptFor('zsh'), encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  testWith('fish', 'is a script that fish understands', async () => {
    const { status, stderr } = spawnSync('fish', ['--no-execute'], {
      input: await scriptFor('fish'),
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  test.each(['bash', 'zsh', 'fish'])('for %s knows every command and option', async (shell) => {
    const script = await scriptFor(shell);
    for (const name of NAMES) expect(script).toMatch(new RegExp(`\\b${name}\\b`));
    for (const flag of new Set(NAMES.flatMap(flagsOf))) {
      expect(script).toContain(shell === 'fish' ? flag.replace(/^-+/, '') : flag);
    }
  });

  test.each([[], ['ksh'], ['bash', 'zsh'], ['constructor']])('refuses %j', async (...args) => {
    const { context, out } = fakeWorld();
    await expect(completionCommand(args, context)).rejects.toThrow(UsageError);
    expect(out).toEqual([]);
  });

  test('finds the backends by the admin API, and is silent without one', async () => {
    const { server, url } = await startFake('secret');
    const { context, out } = fakeWorld({ env: { PULSEGATE_ADMIN: url, PULSEGATE_ADMIN_TOKEN: 'secret' } });
    expect(await completionCommand(['targets'], context)).toBe(0);
    expect(out.join('')).toBe('app/a\napp/127.0.0.1:3002\nodd/name/x\n');
    await server.close();
    const alone = fakeWorld({ env: { PULSEGATE_ADMIN: url } });
    expect(await completionCommand(['targets'], alone.context)).toBe(0);
    expect([alone.out, alone.err]).toEqual([[], []]);
  });
});

describe('help', () => {
  test('fits 80 characters', () => {
    const texts = [overview(new Set(NAMES)), ...NAMES.map(helpFor)];
    for (const line of texts.join('\n').split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('lists the options that a command takes, as it may be typed', () => {
    expect(flagsOf('why')).toEqual(['--admin', '--help']);
    expect(flagsOf('run')).toEqual([
      ...['-c', '--config', '--log-format', '--log-level'],
      ...['--watch', '--pid-file', '--help'],
    ]);
  });
});
