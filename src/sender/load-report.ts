/**
 * What a backend imports as `pulsegate/load-report`: puts its load on a response, where the proxy reads and removes it
 * (ORCA, `endpoint-load-metrics: TEXT …`). Assumes that the host program has better things to do than to handle our errors:
 * nothing here throws, and a value that the proxy would refuse is left out instead of spoiling the report.
 */

/** All optional; a value that is missing is not reported. Rates are per second, as seen by the backend from everybody. */
export interface LoadReport {
  /** >= 0; may exceed 1. */
  readonly cpu_utilization?: number | undefined;
  /** What limits this backend, whatever that is; >= 0, may exceed 1. The proxy prefers it to `cpu_utilization`. */
  readonly application_utilization?: number | undefined;
  /** 0 to 1. */
  readonly mem_utilization?: number | undefined;
  /** Requests per second, >= 0. */
  readonly rps_fractional?: number | undefined;
  /** Errors per second, >= 0. */
  readonly eps?: number | undefined;
  /** >= 0; at most 64. Names of up to 128 characters without spaces, commas, colons and equals signs. */
  readonly named_metrics?: Readonly<Record<string, number>> | undefined;
}

/** The part of a node:http response that is used. */
export interface LoadReportTarget {
  setHeader(name: string, value: string): unknown;
}

/** The largest value the proxy believes, by field. */
const LARGEST = {
  cpu_utilization: 1e9,
  application_utilization: 1e9,
  mem_utilization: 1,
  rps_fractional: 1e9,
  eps: 1e9,
} as const;
const LARGEST_NAMED = Number.MAX_SAFE_INTEGER;
const MAX_NAMED = 64;
/** Half of what the proxy reads, so that the response's head keeps room. */
const MAX_CHARS = 4096;
/** What the proxy's reader can tell from its punctuation: visible ASCII without `,`, `:` and `=`. */
const NAME = /^[^,:=\x00-\x20\x7f-\uffff]{1,128}$/;

/**
 * Sets the load report of one response; call it before the response's head is sent. Without a usable value, or too late,
 * it does nothing.
 */
export function loadReport(res: LoadReportTarget, report: LoadReport): void {
  try {
    const metrics = format(report);
    if (metrics !== '') res.setHeader('endpoint-load-metrics', `TEXT ${metrics}`);
  } catch {
    // The head is already sent, or the report is not an object: the response matters more.
  }
}

function format(report: LoadReport): string {
  let text = '';
  const add = (name: string, value: unknown, largest: number): void => {
    if (typeof value !== 'number' || !(value >= 0 && value <= largest)) return;
    const item = `${text === '' ? '' : ','}${name}=${value}`;
    if (text.length + item.length <= MAX_CHARS) text += item;
  };
  for (const name of Object.keys(LARGEST) as (keyof typeof LARGEST)[]) add(name, report[name], LARGEST[name]);
  const named = Object.entries(report.named_metrics ?? {}).filter(([name]) => NAME.test(name));
  for (const [name, value] of named.slice(0, MAX_NAMED)) add(`named_metrics.${name}`, value, LARGEST_NAMED);
  return text;
}
