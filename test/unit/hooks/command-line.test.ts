import { describe, expect, test } from 'vitest';
import { environmentOf, renderArguments, valuesOf } from '../../../src/hooks/command-line.ts';
import type { Call } from '../../../src/hooks/pace.ts';
import { change, notice } from './support.ts';

function callOf(event: Call['event'], trigger: Call['trigger'] = 'down', suppressed = 0): Call {
  return { trigger, event, subject: 'app a', suppressed };
}

describe('what a command is given', () => {
  test('are its arguments with the placeholders replaced, each as often as it stands there', () => {
    const values = valuesOf(callOf(change('b', 'down')), 'http://127.0.0.1:3001');
    expect(
      renderArguments(['restart', 'app@{backend}', '{upstream}/{backend}:{from}-{to}', '{url}', '{reason}'], values),
    ).toEqual(['restart', 'app@b', 'app/b:starting-down', 'http://127.0.0.1:3001', '3 probes failed in a row']);
  });

  test('is nothing for what does not apply to a whole upstream', () => {
    const values = valuesOf(callOf(notice('panic'), 'panic'), null);
    expect(renderArguments(['{upstream}', '{backend}', '{from}', '{to}', '{url}', '{reason}'], values)).toEqual([
      'app',
      '',
      '',
      'panic',
      '',
      '1 of 4',
    ]);
  });

  test('is replaced once: a value that looks like a placeholder stays as it is', () => {
    const values = valuesOf(callOf(change('b', 'down', 'app', '{backend} $& $1')), null);
    expect(renderArguments(['{reason}', '{other}'], values)).toEqual(['{backend} $& $1', '{other}']);
  });

  test('cannot become an option, nor end an argument, nor be endless', () => {
    const reason = `--exec=x\0\n\x1b[2J${'y'.repeat(5_000)}`;
    const values = valuesOf(callOf(change('b', 'down', 'app', reason)), null);
    const [bare = '', written, after] = renderArguments(['{reason}', '--why={reason}', 'x{reason}'], values);
    expect(bare.startsWith(' --exec=x???[2Jyyy')).toBe(true);
    expect(bare).toHaveLength(1_025);
    expect(written?.startsWith('--why=--exec=x')).toBe(true);
    expect(after?.startsWith('x--exec')).toBe(true);
  });

  test('is an environment with the event and little else', () => {
    const own = { PATH: '/opt/bin', HOME: '/root', LANG: 'C', TOKEN: 'hush', PULSEGATE_ADMIN_TOKEN: 'hush' };
    const event = change('b', 'down');
    const call = callOf(event, 'down', 3);
    expect(environmentOf('restart', call, valuesOf(call, 'http://b'), own)).toEqual({
      PATH: '/opt/bin',
      HOME: '/root',
      LANG: 'C',
      SHLVL: '1',
      PULSEGATE_HOOK: 'restart',
      PULSEGATE_EVENT: 'down',
      PULSEGATE_EVENT_ID: String(event.id),
      PULSEGATE_AT: event.at,
      PULSEGATE_UPSTREAM: 'app',
      PULSEGATE_BACKEND: 'b',
      PULSEGATE_FROM: 'starting',
      PULSEGATE_TO: 'down',
      PULSEGATE_REASON: event.reason,
      PULSEGATE_URL: 'http://b',
      PULSEGATE_SUPPRESSED: '3',
    });
    expect(environmentOf('restart', call, valuesOf(call, null), {}).PATH).toContain('/usr/bin');
  });
});
