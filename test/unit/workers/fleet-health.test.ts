/** What workers see is judged as if one process had seen it. */

import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../src/model/lease.ts';
import { HEALTH, simulatedBackend } from '../../../src/sim/settings.ts';
import { ANY, createFleet, type TestWorker } from './fixtures.ts';

const UNPROBED = { health: { ...HEALTH, probe: null } };

/** A lease on this backend; those on others that it takes to get there end well. */
function leaseOn(worker: TestWorker, backend: string): Lease {
  const others: Lease[] = [];
  try {
    for (let tries = 0; tries < 1_000; tries++) {
      const lease = worker.pool.routed.acquire(ANY);
      if (lease?.backend.id === backend) return lease;
      if (lease !== null) others.push(lease);
    }
  } finally {
    for (const lease of others) lease.end('ok', 1, '');
  }
  throw new Error(`worker ${worker.number} never picks ${backend}`);
}

function statusOf(worker: TestWorker, backend: string): string | undefined {
  return worker.pool.routed.snapshot.entries.find((entry) => entry.backend.id === backend)?.status;
}

describe('a fleet of workers', () => {
  it('counts failures in a row over all workers, and all of them stop asking', async () => {
    const { members, upstream, transitions, told } = createFleet(['a', 'b', 'c'], 2, UNPROBED);
    for (let n = 0; n < 5; n++) {
      leaseOn(members[n % 2] as TestWorker, 'a').end('reset', 3, 'connection reset');
      await told();
    }
    await told();
    expect(transitions.map(({ backend, to }) => [backend, to])).toContainEqual(['a', 'ejected']);
    expect(upstream.backend('a')?.why).toContain('connection reset');
    for (const worker of members) {
      expect(statusOf(worker, 'a')).toBe('ejected');
      for (let n = 0; n < 50; n++) {
        const lease = worker.pool.routed.acquire(ANY);
        expect(lease?.backend.id).not.toBe('a');
        lease?.end('ok', 1, '');
      }
    }
  });

  it('lets a success between failures count, whichever worker had it', async () => {
    const { members, transitions, advance, told } = createFleet(['a', 'b', 'c'], 2, UNPROBED);
    const [one, two] = members as [TestWorker, TestWorker];
    for (let n = 0; n < 4; n++) leaseOn(one, 'a').end('reset', 1, '');
    await told();
    leaseOn(two, 'a').end('ok', 1, '');
    advance(100);
    for (let n = 0; n < 4; n++) leaseOn(one, 'a').end('reset', 1, '');
    await told();
    advance(100);
    await told();
    expect(transitions.filter(({ to }) => to === 'ejected')).toEqual([]);
  });

  it('shows what is in flight, requests, failures, retries and latencies of all workers together', async () => {
    const { members, upstream, advance } = createFleet(['a'], 2, UNPROBED);
    const [one, two] = members as [TestWorker, TestWorker];
    const open = [leaseOn(one, 'a'), leaseOn(one, 'a'), leaseOn(two, 'a')];
    leaseOn(two, 'a').end('ok', 40, '');
    leaseOn(one, 'a').end('http_5xx', 2, '500');
    one.pool.routed.recordRetry(0);
    advance(100);
    expect(upstream.report().backends[0]).toMatchObject({
      in_flight: 3,
      requests_total: 5,
      failures_total: 1,
      retries_total: 1,
    });
    expect(upstream.report().backends[0]?.latency_ms?.p50).toBeGreaterThan(38);
    for (const lease of open) lease.end('ok', 1, '');
    advance(100);
    expect(upstream.report().backends[0]).toMatchObject({ in_flight: 0, requests_total: 5 });
  });

  it('forgets what a worker had under way when it dies, and keeps what it had done', async () => {
    const { members, upstream, advance } = createFleet(['a', 'b'], 2, UNPROBED);
    const [one, two] = members as [TestWorker, TestWorker];
    leaseOn(one, 'a');
    leaseOn(one, 'b');
    leaseOn(two, 'b');
    advance(100);
    const requests = upstream.report().backends.map(({ requests_total }) => requests_total);
    one.die();
    const { backends } = upstream.report();
    expect(backends.map(({ in_flight }) => in_flight)).toEqual([0, 1]);
    expect(backends.map(({ requests_total }) => requests_total)).toEqual(requests);
  });

  it('does not blame a backend for what failed while the worker stood still', async () => {
    const { members, transitions, upstream, advance, told, clock } = createFleet(['a', 'b', 'c'], 1, UNPROBED);
    const [one] = members as [TestWorker];
    const leases = Array.from({ length: 6 }, () => leaseOn(one, 'a'));
    advance(3_000);
    one.stallEndedMs = clock.now();
    for (const lease of leases) lease.end('timeout', 3_000, 'no answer');
    advance(100);
    await told();
    expect(transitions.filter(({ to }) => to === 'ejected')).toEqual([]);
    // What begins after it counts again.
    for (let n = 0; n < 5; n++) leaseOn(one, 'a').end('timeout', 0, 'no answer');
    await told();
    expect(transitions.filter(({ to }) => to === 'ejected')).toHaveLength(1);
    expect(upstream.report().backends[0]?.in_flight).toBe(0);
  });

  it('gives a worker that joins later everything, and tells the others nothing twice', async () => {
    const { members, join, upstream, advance, told } = createFleet(['a', 'b', 'c'], 1, UNPROBED);
    const [one] = members as [TestWorker];
    for (let n = 0; n < 5; n++) leaseOn(one, 'a').end('reset', 1, '');
    upstream.setIntent('b', 'draining', 'test');
    const late = join(2);
    await told();
    expect(statusOf(late, 'a')).toBe('ejected');
    expect(statusOf(late, 'b')).toBe('draining');
    expect(statusOf(one, 'b')).toBe('draining');
    advance(1_000);
    expect(late.pool.routed.snapshot.entries.map(({ status }) => status)).toEqual(
      one.pool.routed.snapshot.entries.map(({ status }) => status),
    );
  });

  it('tells of a burst of changes once', async () => {
    const { members, upstream, advance, told } = createFleet(['a', 'b', 'c'], 1, UNPROBED);
    const [one] = members as [TestWorker];
    await told();
    advance(1_000);
    await told();
    const { version } = one.pool.routed.snapshot;
    for (const id of ['a', 'b', 'c']) upstream.setWeight(id, 3, 'test');
    await told();
    expect(one.pool.routed.snapshot.candidates.map(({ baseWeight }) => baseWeight)).toEqual([3, 3, 3]);
    expect(one.pool.routed.snapshot.version).toBe(version + 1);
  });

  it('follows the membership, and slots that change hands do not mix up counters', async () => {
    const { members, upstream, advance, told } = createFleet(['a', 'b'], 2, UNPROBED);
    const [one, two] = members as [TestWorker, TestWorker];
    const stays = leaseOn(one, 'a');
    const leaves = leaseOn(two, 'b');
    advance(100);
    upstream.setBackends(['a', 'c'].map((id) => simulatedBackend(id)));
    await told();
    advance(100);
    await told();
    expect(one.pool.routed.backends.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(upstream.report().backends.map(({ id, in_flight }) => [id, in_flight])).toEqual([
      ['a', 1],
      ['c', 0],
    ]);
    leaves.end('ok', 1, '');
    const later = leaseOn(two, 'c');
    advance(100);
    expect(upstream.report().backends.map(({ in_flight }) => in_flight)).toEqual([1, 1]);
    upstream.setBackends(['a', 'b'].map((id) => simulatedBackend(id)));
    await told();
    advance(100);
    stays.end('ok', 1, '');
    later.end('ok', 1, '');
    advance(100);
    expect(upstream.report().backends.map(({ id, in_flight }) => [id, in_flight])).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
    expect(upstream.routed.inFlight).toBe(0);
  });

  it('passes on what backends say that they have in flight, but not to who told it', async () => {
    const { members, advance } = createFleet(['a', 'b'], 2, { ...UNPROBED, balance: 'prequal' });
    const [one, two] = members as [TestWorker, TestWorker];
    const lease = leaseOn(one, 'a');
    lease.hint({
      status: 200,
      loadReport: 'TEXT named_metrics.rif=40',
      loadReportBin: '',
      drain: false,
      retryAfter: '',
    });
    lease.end('ok', 1, '');
    const slotOf = (worker: TestWorker) => worker.pool.routed.backend('a')?.slot as number;
    expect(one.pool.routed.ledger.totalInFlight(slotOf(one))).toBeGreaterThanOrEqual(39);
    expect(two.pool.routed.ledger.totalInFlight(slotOf(two))).toBe(0);
    advance(200);
    expect(two.pool.routed.ledger.totalInFlight(slotOf(two))).toBeGreaterThanOrEqual(39);
  });

  it('agrees on where a hash belongs', () => {
    const { members } = createFleet(['a', 'b', 'c', 'd', 'e'], 3, { ...UNPROBED, balance: 'ring_hash' });
    for (let hash = 1; hash < 2 ** 32; hash += 60_000_001) {
      const picked = members.map(({ pool }) => pool.routed.acquire({ ...ANY, hash })?.backend.id);
      expect(new Set(picked).size).toBe(1);
    }
  });
});

describe('a trial', () => {
  async function untilTrial(fleet: ReturnType<typeof createFleet>): Promise<void> {
    const [one] = fleet.members as [TestWorker];
    for (let n = 0; n < 5; n++) leaseOn(one, 'a').end('reset', 1, '');
    await fleet.told();
    fleet.advance(11_000);
    await fleet.told();
    expect(fleet.upstream.views.find(({ id }) => id === 'a')?.status).toBe('trial');
  }

  /** Who may send the trial's request now. */
  const owners = ({ members }: ReturnType<typeof createFleet>) =>
    members
      .filter(({ pool: { routed } }) => routed.ledger.hasRoom(routed.backend('a')?.slot as number, true))
      .map(({ number }) => number);

  it('is one worker’s at a time, the one that was busy last', async () => {
    const fleet = createFleet(['a', 'b', 'c'], 3, UNPROBED);
    await untilTrial(fleet);
    expect(owners(fleet)).toEqual([1]);
  });

  it('is the next worker’s when it is not begun within a second', async () => {
    const fleet = createFleet(['a', 'b', 'c'], 3, UNPROBED);
    await untilTrial(fleet);
    const seen = [];
    for (let n = 0; n < 4; n++) {
      seen.push(...owners(fleet));
      fleet.advance(1_000);
      await fleet.told();
    }
    expect(seen).toEqual([1, 2, 3, 1]);
  });

  it('stays with the worker that has begun it, and its outcome brings the backend back', async () => {
    const fleet = createFleet(['a', 'b', 'c'], 2, UNPROBED);
    await untilTrial(fleet);
    const lease = leaseOn(fleet.members[0] as TestWorker, 'a');
    expect(lease.isTrial).toBe(true);
    await fleet.told();
    fleet.advance(3_000);
    await fleet.told();
    expect(owners(fleet)).toEqual([]);
    lease.end('ok', 1, '');
    await fleet.told();
    expect(fleet.upstream.views.find(({ id }) => id === 'a')?.status).toBe('up');
    for (const worker of fleet.members) expect(statusOf(worker, 'a')).toBe('up');
  });

  it('passes to another worker when the one that has begun it dies', async () => {
    const fleet = createFleet(['a', 'b', 'c'], 2, UNPROBED);
    await untilTrial(fleet);
    leaseOn(fleet.members[0] as TestWorker, 'a');
    await fleet.told();
    fleet.members[0]?.die();
    await fleet.told();
    fleet.advance(10);
    await fleet.told();
    expect(owners(fleet)).toEqual([2]);
    const lease = leaseOn(fleet.members[0] as TestWorker, 'a');
    expect(lease.isTrial).toBe(true);
    lease.end('ok', 1, '');
    await fleet.told();
    expect(fleet.upstream.views.find(({ id }) => id === 'a')?.status).toBe('up');
  });
});
