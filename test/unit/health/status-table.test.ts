import { describe, expect, it } from 'vitest';
import { objector, rule, type Verdicts } from '../../../src/health/status-table.ts';

const INTENTS = ['enabled', 'draining', 'disabled'] as const;
const SELVES = [
  { report: 'up', source: 'heartbeat' },
  { report: 'draining', source: 'probe' },
  { report: 'down', source: 'heartbeat' },
] as const;
const PROBES = ['off', 'unknown', 'up', 'down'] as const;
const HEARTBEATS = ['off', 'unknown', 'alive', 'suspect', 'lost'] as const;
const OUTCOMES = ['off', 'none', 'held', 'ejected', 'trial'] as const;
const REMOVALS = ['granted', 'over_budget', 'mass_failure'] as const;

const CALM: Verdicts = {
  intent: 'enabled',
  self: SELVES[0],
  probe: 'up',
  heartbeat: 'off',
  isHeartbeatRequired: false,
  outcomes: 'none',
  isSlow: false,
  removal: 'over_budget',
};

/** Every verdict of every source with every other. */
const ALL: readonly Verdicts[] = INTENTS.flatMap((intent) =>
  SELVES.flatMap((self) =>
    PROBES.flatMap((probe) =>
      HEARTBEATS.flatMap((heartbeat) =>
        OUTCOMES.flatMap((outcomes) =>
          REMOVALS.flatMap((removal) =>
            [true, false].flatMap((isHeartbeatRequired) =>
              [true, false].map((isSlow) => {
                return { intent, self, probe, heartbeat, isHeartbeatRequired, outcomes, isSlow, removal };
              }),
            ),
          ),
        ),
      ),
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

/** Rows of heartbeats where outcomes are silent: heartbeat, required, probe, granted, withheld. */
const HEARTBEAT_ROWS = `
unknown no  up      up       up
unknown yes up      starting starting
unknown yes off     starting starting
alive   yes up      up       up
alive   yes unknown starting starting
suspect no  up      suspect  suspect
suspect no  unknown starting starting
lost    no  up      suspect  suspect
lost    no  off     down     suspect
lost    no  unknown down     suspect
lost    yes up      down     suspect
lost    yes down    down     suspect`
  .trim()
  .split('\n')
  .map((row) => row.split(/\s+/));

describe('the status table', () => {
  it('rules on every combination of probe and outcomes of an enabled backend', () => {
    expect(ENABLED).toHaveLength(PROBES.length * OUTCOMES.length);
    for (const [probe, outcomes, granted, withheld] of ENABLED) {
      const verdicts = { ...CALM, probe, outcomes } as Verdicts;
      expect(rule({ ...verdicts, removal: 'granted' }).status, `${probe} ${outcomes} granted`).toBe(granted);
      expect(rule({ ...verdicts, removal: 'over_budget' }).status, `${probe} ${outcomes} withheld`).toBe(withheld);
      expect(rule({ ...verdicts, removal: 'mass_failure' }).status, `${probe} ${outcomes} held`).toBe(withheld);
    }
  });

  it.each(HEARTBEAT_ROWS)('heartbeat %s, required %s, probe %s: %s, or %s when withheld', (...row) => {
    const [heartbeat, required, probe, granted, withheld] = row;
    const verdicts = { ...CALM, heartbeat, probe, isHeartbeatRequired: required === 'yes' } as Verdicts;
    expect(rule({ ...verdicts, removal: 'granted' }).status).toBe(granted);
    expect(rule({ ...verdicts, removal: 'mass_failure' }).status).toBe(withheld);
  });

  it('lets the operator outrank all evidence', () => {
    for (const verdicts of ALL.filter(({ intent }) => intent !== 'enabled')) {
      expect(rule(verdicts)).toEqual({ status: verdicts.intent, source: 'operator' });
    }
  });

  it('takes a backend at its word when that is against it, whatever others say', () => {
    for (const verdicts of ALL.filter(({ intent, self }) => intent === 'enabled' && self.report !== 'up')) {
      expect(rule(verdicts)).toEqual({ status: verdicts.self.report, source: verdicts.self.source });
    }
  });

  it('never raises a backend because one source has good news while another objects', () => {
    for (const verdicts of ALL.filter((given) => objector(given) !== null || given.self.report !== 'up')) {
      expect(['up', 'trial', 'starting']).not.toContain(rule(verdicts).status);
    }
  });

  it('removes nobody without a grant, except at its own word or an operator’s', () => {
    for (const verdicts of ALL.filter(({ removal, self }) => removal !== 'granted' && self.report === 'up')) {
      if (verdicts.intent === 'enabled') expect(['down', 'ejected']).not.toContain(rule(verdicts).status);
    }
  });

  it('keeps who is slow in service, at less weight', () => {
    expect(rule({ ...CALM, isSlow: true })).toEqual({ status: 'suspect', source: 'outcomes' });
    expect(rule({ ...CALM, isSlow: true, outcomes: 'trial' }).status).toBe('trial');
  });

  it('names the source that decided', () => {
    expect(rule(CALM).source).toBe('probe');
    expect(rule({ ...CALM, probe: 'off' }).source).toBe('outcomes');
    expect(rule({ ...CALM, probe: 'off', heartbeat: 'alive' }).source).toBe('heartbeat');
    expect(rule({ ...CALM, outcomes: 'ejected', removal: 'granted' }).source).toBe('outcomes');
    expect(rule({ ...CALM, heartbeat: 'lost', probe: 'off', removal: 'granted' }).source).toBe('heartbeat');
    expect(rule({ ...CALM, heartbeat: 'suspect' }).source).toBe('heartbeat');
    expect(rule({ ...CALM, probe: 'down' }).source).toBe('budget');
    expect(rule({ ...CALM, probe: 'down', removal: 'mass_failure' }).source).toBe('self');
  });
});
