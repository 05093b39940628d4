import { describe, expect, test } from 'vitest';
import type { Command } from '../../../src/cli/context.ts';
import { dispatch, type Program } from '../../../src/cli/dispatch.ts';
import { COMMAND_HELP } from '../../../src/cli/help.ts';
import { StartError, UsageError } from '../../../src/model/errors.ts';
import { fakeWorld } from './support.ts';

const PROGRAM: Program = {
  version: '1.2.3',
  commands: new Map<string, Command>([
    [
      'run',
      async (args, context) => {
        context.out(args.join(' '));
        return 7;
      },
    ],
    [
      'check',
      async () => {
        throw new UsageError('wrong usage');
      },
    ],
    [
      'demo',
      async () => {
        throw new StartError('port taken');
      },
    ],
    [
      'schema',
      async () => {
        throw new TypeError('a defect');
      },
    ],
  ]),
};

async function call(...argv: string[]) {
  const { context, out, err } = fakeWorld();
  const code = await dispatch(argv, PROGRAM, context);
  return { code, out: out.join(''), err: err.join('') };
}

describe('the command line', () => {
  test('hands a command what follows its name, and ends with its code', async () => {
    expect(await call('run', '-c', 'x')).toEqual({ code: 7, out: '-c x', err: '' });
  });

  test.each([
    ['check', 2, 'wrong usage\n'],
    ['demo', 1, 'port taken\n'],
  ])('turns an expected failure of %s into exit code %d and one line', async (name, code, err) => {
    expect(await call(name)).toEqual({ code, out: '', err });
  });

  test('lets a defect through, stack and all', async () => {
    await expect(call('schema')).rejects.toThrow(TypeError);
  });

  test('answers an unknown command with the one that was meant', async () => {
    expect(await call('rnu')).toEqual({ code: 2, out: '', err: 'Unknown command "rnu"; did you mean "run"?\n' });
    expect(await call('frobnicate')).toMatchObject({
      code: 2,
      err: 'Unknown command "frobnicate"; see pulsegate --help\n',
    });
  });

  test('says of planned commands that they are not available yet', async () => {
    expect(await call('replay', 'x')).toEqual({ code: 2, out: '', err: 'pulsegate replay is not available yet\n' });
  });

  test('is wrong usage without a command', async () => {
    expect(await call()).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/^Usage: pulsegate <command>/) });
  });

  test.each([['--help'], ['-h'], ['help']])('%s lists every command', async (...argv) => {
    const { code, out } = await call(...argv);
    expect(code).toBe(0);
    for (const name of Object.keys(COMMAND_HELP)) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(out).toMatch(/replay .*\(not available yet\)/);
    expect(out).not.toMatch(/^ +run .*not available/m);
  });

  test.each(Object.keys(COMMAND_HELP))('%s has --help and --version', async (name) => {
    expect(await call(name, '--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Usage: pulsegate ${name}`),
    });
    expect(await call('help', name)).toEqual(await call(name, '--help'));
    expect(await call(name, '--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
  });

  test.each([['constructor'], ['__proto__'], ['toString']])('%s is no command', async (name) => {
    expect(await call(name, '--help')).toMatchObject({ code: 2 });
  });
});
