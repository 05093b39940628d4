import { describe, expect, it } from 'vitest';
import { rule, type Verdicts } from '../../../src/health/status-table.ts';

const INTENTS = ['enabled', 'draining', 'disabled'] as const;
const PROBES = ['off', 'unknown', 'up', 'down'] as const;
const OUTCOMES = ['off', 'none', 'held', 'ejected', 'trial'] as const;

const ALL: readonly Verdicts[] = INTENTS.flatMap((intent) =>
  PROBES.flatMap((probe) =>
    OUTCOMES.flatMap((outcomes) =>
      [true, false].map((removalGranted) => ({ intent, probe, outcomes, removalGranted })),
    ),
  ),
);

/** Rows of an enabled backend: probe, outcomes, then the status when a removal is granted, and when it is withheld. */
const ENABLED = `
off     off     up       up
off     none    up       up
off     held    ejected  suspect
off     ejected ejected  suspect
off     trial   trial    trial
unknown off     starting starting
unknown none    starting starting
unknown held    ejected  suspect
unknown ejected ejected  suspect
unknown trial   trial    trial
up      off     up       up
up      none    up       up
up      held    ejected  suspect
up      ejected ejected  suspect
up      trial   trial    trial
down    off     down     suspect
down    none    down     suspect
down    held    down     suspect
down    ejected down     suspect
down    trial   down     suspect`
  .trim()
  .split('\n')
  .map((row) => row.split(/\s+/));

describe('the status table', () => {
  it('rules on every combination of verdicts of an enabled backend', () => {
    expect(ENABLED).toHaveLength(PROBES.length * OUTCOMES.length);
    for (const [probe, outcomes, granted, withheld] of ENABLED) {
      const verdicts = { intent: 'enabled', probe, outcomes } as Verdicts;
      expect(rule({ ...verdicts, removalGranted: true }).status, `${probe} ${outcomes} granted`).toBe(granted);
      expect(rule({ ...verdicts, removalGranted: false }).status, `${probe} ${outcomes} withheld`).toBe(withheld);
    }
  });

  it('lets the operator outrank all evidence', () => {
    for (const verdicts of ALL.filter(({ intent }) => intent !== 'enabled')) {
      expect(rule(verdicts)).toEqual({ status: verdicts.intent, source: 'operator' });
    }
  });

  it('never raises a backend because one source has good news while another objects', () => {
    for (const verdicts of ALL.filter(({ probe, outcomes }) => probe === 'down' || outcomes === 'ejected')) {
      expect(['up', 'trial', 'starting']).not.toContain(rule(verdicts).status);
    }
  });

  it('names the source that decided', () => {
    const verdicts: Verdicts = { intent: 'enabled', probe: 'up', outcomes: 'none', removalGranted: true };
    expect(rule(verdicts).source).toBe('probe');
    expect(rule({ ...verdicts, probe: 'off' }).source).toBe('outcomes');
    expect(rule({ ...verdicts, outcomes: 'ejected' }).source).toBe('outcomes');
    expect(rule({ ...verdicts, probe: 'down', removalGranted: false }).source).toBe('budget');
  });
});
