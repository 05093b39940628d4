/**
 * Walks the field lines of a head: stops at those with a known name, and gathers the others, which cross unchanged.
 * Lines are gathered in runs, so that the text of a typical head is cut a few times instead of once per line.
 */

import { areValidLines, FieldLine } from './field-line.ts';
import type { NameTable } from './name-table.ts';

export interface HeadLimits {
  /** Start line and field lines together, without the empty line. */
  readonly headerBytes: number;
  readonly headerCount: number;
  /** Names with `_`, which CGI and its heirs cannot tell from `-`. */
  readonly underscoreHeaders: 'reject' | 'drop' | 'allow';
}

export class HeadFields<Action extends string> {
  /** What the table says about the current line, which is left out of `kept` unless `keep` is called. */
  action: Action | null = null;
  /** Why `next` said false; empty at the end of the head. */
  problem = '';
  /** The problem is their number. */
  tooMany = false;
  /** The lines that cross, each ending in CRLF; whole once `next` has said false. */
  kept = '';
  private readonly text: string;
  private readonly limits: HeadLimits;
  private readonly names: NameTable<Action>;
  private readonly line = new FieldLine();
  private pos: number;
  /** Where the lines begin that cross and are not yet in `kept`. */
  private runStart: number;
  private count = 0;
  /** Every line has been found valid at once: they need only be told apart. */
  private readonly valid: boolean;

  /** @param from where the first field line of `text` begins, if there is one */
  constructor(text: string, from: number, limits: HeadLimits, names: NameTable<Action>) {
    this.text = text;
    this.limits = limits;
    this.names = names;
    this.pos = from;
    this.runStart = from;
    this.valid = areValidLines(text, from, limits.underscoreHeaders === 'allow');
  }

  /** Goes on to the next line with a known name. */
  next(): boolean {
    const { text, line, limits } = this;
    while (this.pos < text.length) {
      const start = this.pos;
      if (this.valid) line.locate(text, start);
      else if (!line.read(text, start)) return this.refuse(line.problem);
      if (++this.count > limits.headerCount) {
        this.tooMany = true;
        return this.refuse('too many field lines');
      }
      this.pos = line.next;
      if (line.hasUnderscore && limits.underscoreHeaders !== 'allow') {
        if (limits.underscoreHeaders === 'reject') return this.refuse('underscore in a field name');
        this.leaveOut(start);
        continue;
      }
      const action = this.names.find(text, line.nameStart, line.nameEnd);
      if (action !== undefined) {
        this.leaveOut(start);
        this.action = action;
        return true;
      }
    }
    if (this.runStart < text.length) this.kept += `${text.slice(this.runStart)}\r\n`;
    return false;
  }

  /** The current line's value. */
  get value(): string {
    return this.text.slice(this.line.valueStart, this.line.valueEnd);
  }

  /** The same for a framing field: unusable when a tab is near, since parsers differ in whether it ends the value. */
  get framingValue(): string {
    const { nameEnd, next } = this.line;
    const raw = this.text.slice(nameEnd + 1, next - 2);
    return raw.includes('\t') ? raw : this.value;
  }

  /** The current line as received, with its CRLF. */
  get whole(): string {
    return `${this.text.slice(this.line.nameStart, this.line.next - 2)}\r\n`;
  }

  /** Lets the current line cross after all. */
  keep(): void {
    this.runStart = this.line.nameStart;
  }

  private leaveOut(start: number): void {
    if (start > this.runStart) this.kept += this.text.slice(this.runStart, start);
    this.runStart = this.pos;
  }

  private refuse(problem: string): false {
    this.problem = problem;
    return false;
  }
}

/** The value of a field that may stand on several lines (RFC 9110 §5.3). */
export function joinValues(list: string, value: string): string {
  return list === '' ? value : `${list}, ${value}`;
}
