/**
 * A screen of its own on a terminal, drawn over in place: nothing flickers, nothing scrolls, and what stood there before comes back
 * when it closes. Control sequences are those of ECMA-48 and xterm.
 */

import type { TerminalSize } from '../model/terminal.ts';

/** The alternate screen, without cursor, lines not wrapped. */
const OPEN = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const CLOSE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const ERASE_LINE = '\x1b[K';
const ERASE_BELOW = '\x1b[J';

export class Screen {
  private readonly out: (text: string) => void;
  private drawn: string | null = null;

  constructor(out: (text: string) => void) {
    this.out = out;
    this.out(OPEN);
  }

  /** Text of lines, of which those above `rows` are left out. What is drawn already is not drawn again. */
  draw(text: string, { rows }: TerminalSize): void {
    const frame = frameOf(text, rows);
    if (frame === this.drawn) return;
    this.drawn = frame;
    this.out(frame);
  }

  /** The terminal has another size, and may show anything. */
  invalidate(): void {
    this.drawn = null;
  }

  close(): void {
    this.out(CLOSE);
  }
}

/** The control sequences that put `text` on the screen, whatever stands there. No line end at the last line, which would scroll. */
export function frameOf(text: string, rows: number): string {
  const lines = text.replace(/\n$/, '').split('\n').slice(0, rows);
  return `${HOME}${lines.map((line) => `${line}${ERASE_LINE}`).join('\r\n')}${ERASE_BELOW}`;
}
