/** The benchmarks' modules are plain JavaScript, which `npm run bench` needs no build for: what tests use of them, with types. */

interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Row {
  readonly name: string;
  readonly kind: string;
  readonly title: string;
  readonly left: readonly { readonly name: string; readonly why: string }[];
  readonly targets: readonly {
    readonly name: string;
    readonly version: string;
    readonly figures: Readonly<Record<string, Figure | number>>;
  }[];
}

export interface FaultResult {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  readonly dueMs: number;
  readonly tookMs: number;
  readonly failure: string;
}

interface Modules {
  'goals.mjs': {
    goalsTable(results: {
      readonly proxy: readonly object[];
      readonly micro: readonly { readonly name: string; readonly ns: { readonly median: number } }[];
      readonly scale: null;
    }): string;
  };
  'lib/documents.mjs': { documents(): readonly { readonly file: string; readonly text: string }[] };
  'lib/figures.mjs': {
    summarise(values: readonly number[]): Figure;
    withSpread(figure: Figure, digits: number): string;
  };
  'lib/results.mjs': {
    readRows(file: string): readonly { readonly name: string }[];
    writeRow(file: string, row: { readonly name: string }, order: readonly string[]): void;
  };
  'proxy/tables.mjs': {
    rowTable(row: Row): string;
    overview(rows: readonly Row[]): string;
    leftOut(row: Row): string;
  };
  'proxy/rows.mjs': { readonly ROWS: readonly { readonly name: string }[] };
  'proxy/exchange.mjs': {
    responseBody(size: number): string;
    readonly responseFields: Readonly<Record<string, string>>;
  };
  'proxy/prove.mjs': {
    prove(
      target: { readonly forwards: boolean },
      row: { readonly name: string },
      place: { readonly port: number; readonly tls: null; readonly folder: string },
    ): Promise<void>;
  };
  'proxy/plan.mjs': {
    secondsOf(options: object, row: { readonly name: string }): number;
    targetsOf(options: object, row: { readonly name: string }): readonly { readonly name: string }[];
  };
  'proxy/clients/latencies.mjs': {
    createLatencies(): { add(ms: number): void; at(share: number): number; readonly total: number };
  };
  'faults/oracle.mjs': {
    judge(
      results: readonly FaultResult[],
      executions: ReadonlyMap<string, number>,
      faultAtMs: number,
    ): Readonly<Record<string, unknown>>;
  };
  'faults/summary.mjs': {
    summary(runs: readonly Readonly<Record<string, unknown>>[]): Readonly<Record<string, unknown>>;
  };
  'faults/exchange.mjs': { answerTo(backend: string, id: string, body: string, bytes?: number): string };
  'faults/rows.mjs': { readonly ROWS: readonly { readonly name: string; readonly extra?: boolean }[] };
}

/** A module of bench/. */
export async function benchModule<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
  return (await import(new URL(`../../../bench/${name}`, import.meta.url).href)) as Modules[Name];
}
