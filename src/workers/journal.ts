/**
 * What a worker tells of its requests, in the order in which it happened: numbers in one array, six for each entry, so that writing
 * is a few stores and a batch is one buffer. Owns the layout; who writes and who reads are one program.
 *
 * Outcomes go unsummed: one entry each costs less than summing would, and the engine judges what it would have judged in one
 * process, in the same order.
 */

import { OUTCOME_CLASSES, type OutcomeClass } from '../model/outcome.ts';
import type { Place } from '../model/snapshot.ts';

/** How a request ended. */
export const OUTCOME = 0;
/** The request that decides a trial is under way. */
export const TRIAL = 1;
/** A good answer to it has begun. */
export const ANSWERING = 2;

const FIELDS = 6;
const FIRST_ENTRIES = 64;
/** So many are told at once, whatever time it is. */
const MOST_ENTRIES = 4_096;

/** The bits of an entry's first number above its kind. */
const KIND_MASK = 3;
const OF_TRIAL = 4;
const OUTCOME_SHIFT = 3;

const NUMBERS: ReadonlyMap<OutcomeClass, number> = new Map(OUTCOME_CLASSES.map((name, index) => [name, index]));

export interface Batch {
  /** The bytes of a Float64Array: no other kind of view survives the serializers of all versions of Node. */
  readonly entries: Uint8Array;
  /** Why attempts failed, each text once. */
  readonly details: readonly string[];
}

export class JournalWriter {
  private values = new Float64Array(FIRST_ENTRIES * FIELDS);
  private length = 0;
  private details: string[] = [];
  private readonly detailNumbers = new Map<string, number>();
  private readonly onFull: () => void;

  /** @param onFull takes what is there */
  constructor(onFull: () => void) {
    this.onFull = onFull;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** @param pool number of the upstream */
  writeOutcome(pool: number, place: Place, outcome: OutcomeClass, latencyMs: number, detail: string): void {
    const number = outcome === 'ok' ? 0 : (NUMBERS.get(outcome) as number);
    this.write(OUTCOME | (number << OUTCOME_SHIFT), pool, place, latencyMs, detail === '' ? -1 : this.numberOf(detail));
  }

  writeTrial(pool: number, place: Place, isAnswering: boolean): void {
    this.write(isAnswering ? ANSWERING : TRIAL, pool, place, 0, -1);
  }

  /** What was written since the last time. */
  take(): Batch {
    const entries = new Uint8Array(this.values.slice(0, this.length).buffer);
    const { details } = this;
    this.length = 0;
    this.details = [];
    this.detailNumbers.clear();
    return { entries, details };
  }

  private numberOf(detail: string): number {
    const known = this.detailNumbers.get(detail);
    if (known !== undefined) return known;
    const number = this.details.push(detail) - 1;
    this.detailNumbers.set(detail, number);
    return number;
  }

  private write(kind: number, pool: number, { backend, epoch, trial }: Place, value: number, detail: number): void {
    if (this.length === this.values.length) this.grow();
    const { values, length } = this;
    values[length] = trial ? kind | OF_TRIAL : kind;
    values[length + 1] = pool;
    values[length + 2] = backend.slot;
    values[length + 3] = epoch;
    values[length + 4] = value;
    values[length + 5] = detail;
    this.length = length + FIELDS;
    if (this.length === MOST_ENTRIES * FIELDS) this.onFull();
  }

  private grow(): void {
    const larger = new Float64Array(this.values.length * 2);
    larger.set(this.values);
    this.values = larger;
  }
}

/** One entry after the other; the fields are those of the entry that `next` went to. */
export class JournalReader {
  kind = OUTCOME;
  outcome: OutcomeClass = 'ok';
  pool = 0;
  slot = 0;
  epoch = 0;
  /** Its request decides a trial. */
  isOfTrial = false;
  latencyMs = 0;
  detail = '';
  private readonly values: Float64Array;
  private readonly details: readonly string[];
  private at = 0;

  constructor({ entries, details }: Batch) {
    this.values = numbersIn(entries);
    this.details = details;
  }

  /** False when there is no other. */
  next(): boolean {
    const { values, at } = this;
    if (at >= values.length) return false;
    const head = values[at] as number;
    this.kind = head & KIND_MASK;
    this.isOfTrial = (head & OF_TRIAL) !== 0;
    this.outcome = OUTCOME_CLASSES[head >> OUTCOME_SHIFT] as OutcomeClass;
    this.pool = values[at + 1] as number;
    this.slot = values[at + 2] as number;
    this.epoch = values[at + 3] as number;
    this.latencyMs = values[at + 4] as number;
    this.detail = this.details[values[at + 5] as number] ?? '';
    this.at = at + FIELDS;
    return true;
  }
}

/** Entries of a batch; few of them are of trials. */
export function outcomesIn({ entries }: Batch): number {
  return entries.length / (FIELDS * Float64Array.BYTES_PER_ELEMENT);
}

/** Copied: what came in a message lies anywhere in its buffer, and numbers must be aligned. */
export function numbersIn(bytes: Uint8Array): Float64Array {
  return new Float64Array(new Uint8Array(bytes).buffer);
}
