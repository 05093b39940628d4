/**
 * What the policies are compared on: fleets of several sizes behind several proxies, and what disturbs them. Every case is
 * data; the arena plays it.
 */

/** What goes wrong, besides the load. */
export type Disturbance =
  | { readonly kind: 'none' }
  /** Every so often a new share of the backends runs at `speed`, its processors used by somebody else. */
  | { readonly kind: 'antagonist'; readonly share: number; readonly speed: number; readonly everyMs: number }
  /** That share of the backends always runs at `speed`: an older generation of machines. */
  | { readonly kind: 'mixed'; readonly share: number; readonly speed: number }
  /** One backend answers every request at once, with 503. */
  | { readonly kind: 'black_hole' }
  /** Every backend answers that share of its requests at once with 503. */
  | { readonly kind: 'flaky'; readonly failureShare: number }
  /** One backend after the other starts anew, with cold caches: from `speed` to full speed over `rampMs`. */
  | { readonly kind: 'restarts'; readonly speed: number; readonly everyMs: number; readonly rampMs: number }
  /** Every so often a share of the backends slows down together, for a while. */
  | {
      readonly kind: 'correlated';
      readonly share: number;
      readonly speed: number;
      readonly everyMs: number;
      readonly forMs: number;
    };

/** How well backends tell of themselves in their answers: the truth, nothing, what was true a second ago, or some lie. */
export type Reports = 'fresh' | 'none' | 'stale' | 'lying';

export interface ArenaCase {
  /** What makes it different, without fleet and proxies. */
  readonly kind: string;
  readonly backends: number;
  readonly cores: number;
  readonly proxies: number;
  /** Of what the fleet can do with its disturbance, on average; 1 = as much as it can. */
  readonly load: number;
  readonly disturbance: Disturbance;
  readonly reports: Reports;
  /** How much work requests are: exponential of the same mean, or one in twenty is ten times as much. */
  readonly work: 'exponential' | 'two_sizes';
}

const MIXED: Disturbance = { kind: 'mixed', share: 0.5, speed: 0.5 };
const ANTAGONIST: Disturbance = { kind: 'antagonist', share: 0.2, speed: 0.5, everyMs: 2_000 };
const NONE: Disturbance = { kind: 'none' };

type Kind = Pick<ArenaCase, 'load' | 'disturbance' | 'reports' | 'work'>;

const KINDS: Readonly<Record<string, Partial<Kind>>> = {
  'half load': { load: 0.5 },
  'equal machines': { load: 0.85 },
  'near the limit': { load: 0.95 },
  overload: { load: 1.5 },
  'two sizes of requests': { load: 0.7, work: 'two_sizes' },
  'half at half speed, half load': { load: 0.5, disturbance: MIXED },
  'half at half speed': { load: 0.85, disturbance: MIXED },
  'half at half speed, no reports': { load: 0.85, disturbance: MIXED, reports: 'none' },
  antagonist: { load: 0.85, disturbance: ANTAGONIST },
  'antagonist, no reports': { load: 0.85, disturbance: ANTAGONIST, reports: 'none' },
  'antagonist, stale reports': { load: 0.85, disturbance: ANTAGONIST, reports: 'stale' },
  'antagonist, a fifth lies': { load: 0.85, disturbance: ANTAGONIST, reports: 'lying' },
  'black hole': { load: 0.8, disturbance: { kind: 'black_hole' } },
  'one in fifty fails': { load: 0.8, disturbance: { kind: 'flaky', failureShare: 0.02 } },
  'cold restarts': { load: 0.75, disturbance: { kind: 'restarts', speed: 0.2, everyMs: 3_000, rampMs: 2_500 } },
  'a third slows together': {
    load: 0.75,
    disturbance: { kind: 'correlated', share: 0.34, speed: 0.3, everyMs: 5_000, forMs: 1_500 },
  },
};

const FLEETS = [3, 10, 100];
const PROXIES = [1, 4, 16];

/** All of them: every kind with every fleet and every number of proxies. */
export const ARENA_CASES: readonly ArenaCase[] = Object.entries(KINDS).flatMap(([kind, parts]) =>
  FLEETS.flatMap((backends) =>
    PROXIES.map((proxies) => ({
      kind,
      backends,
      proxies,
      cores: 4,
      load: 0.85,
      disturbance: NONE,
      reports: 'fresh' as const,
      work: 'exponential' as const,
      ...parts,
    })),
  ),
);
