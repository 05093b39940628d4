/**
 * Attacks on a proxy in a process of its own while a client in good faith asks on: it is always answered, memory stays bounded, and
 * when the attack is over nothing of it is left. `node bench/attacks/run.mjs` runs the same at full size, where the
 * client may not be much slower either.
 */

import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ATTACKS } from '../support/attacks.ts';
import { besiege, type Scale } from '../support/siege.ts';

const MAX_RESIDENT_MIB = 512;
const MAX_SLOWDOWN = 3;

const SHORT: Scale = { peaceSeconds: 0, attackSeconds: 2, headerSeconds: 2, connections: 250, lanes: 5 };
const LONG: Scale = { peaceSeconds: 10, attackSeconds: 20, headerSeconds: 10, connections: 5_000, lanes: 20 };

const isLong = process.env.PULSEGATE_ATTACKS === 'long';
const scale = isLong ? LONG : SHORT;
/** Where the figures are wanted: one line of JSON for each attack. */
const figuresFile = process.env.PULSEGATE_ATTACK_FIGURES;

/** An attack with slow bodies takes two descriptors for each connection, and both ends are ours. */
const descriptors = execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'latin1' }).trim();
const hasDescriptors = descriptors === 'unlimited' || Number(descriptors) > 2.5 * scale.connections;

describe('while the proxy suffers', () => {
  for (const attack of ATTACKS) {
    const isMissing = attack.program !== null && !existsSync(attack.program);
    const lacksDescriptors = attack.program !== null && !hasDescriptors;
    const reason = isMissing ? `${attack.program} is missing` : lacksDescriptors ? `ulimit -n is ${descriptors}` : '';
    if (reason !== '') console.log(`skipping ${attack.name}: ${reason}`);
    it.skipIf(reason !== '')(
      `${attack.name}, another client is served${reason === '' ? '' : ` (skipped: ${reason})`}`,
      { timeout: (scale.peaceSeconds + scale.attackSeconds) * 1_000 + 90_000 },
      async () => {
        const figures = await besiege(attack, scale);
        if (figuresFile !== undefined) appendFileSync(figuresFile, `${JSON.stringify(figures)}\n`);
        expect(figures.survived).toBe(true);
        // It was an attack.
        expect(figures.done).toBeGreaterThanOrEqual(attack.least(scale));
        expect(figures.descriptors.peak).toBeGreaterThan(attack.held(scale));
        expect(figures.errors).toEqual([]);
        expect(figures.peakMiB).toBeLessThan(MAX_RESIDENT_MIB);
        expect(figures.recoveryMs, JSON.stringify(figures.descriptors)).not.toBeNull();
        if (isLong) expect(figures.p99Ms).toBeLessThan(MAX_SLOWDOWN * figures.peaceP99Ms);
      },
    );
  }
});
