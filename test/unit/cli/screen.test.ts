import { describe, expect, test } from 'vitest';
import { frameOf, Screen } from '../../../src/cli/screen.ts';

const SIZE = { columns: 80, rows: 3 };

function createScreen() {
  const written: string[] = [];
  return { written, screen: new Screen((text) => written.push(text)) };
}

/** What a terminal of so many rows shows after `text`: only the sequences that a frame is made of. */
function show(text: string, before: readonly string[]): string[] {
  const rows = [...before];
  let row = 0;
  let column = 0;
  for (const [token] of text.matchAll(/\x1b\[H|\x1b\[K|\x1b\[J|\r|\n|[^\x1b\r\n]/gu)) {
    const line = rows[row] ?? '';
    if (token === '\x1b[H') [row, column] = [0, 0];
    else if (token === '\x1b[K') rows[row] = line.slice(0, column);
    else if (token === '\x1b[J') rows.splice(row, rows.length, line.slice(0, column));
    else if (token === '\r') column = 0;
    else if (token === '\n') row += 1;
    else {
      rows[row] = line.slice(0, column).padEnd(column) + token + line.slice(column + 1);
      column += 1;
    }
  }
  return rows;
}

describe('a screen of its own', () => {
  test('is opened at once, and everything is put back when it closes', () => {
    const { written, screen } = createScreen();
    screen.close();
    const [open = '', close = ''] = written;
    for (const mode of ['?1049', '?25', '?7']) {
      const [on, off] = mode === '?1049' ? ['h', 'l'] : ['l', 'h'];
      expect(open).toContain(`\x1b[${mode}${on}`);
      expect(close).toContain(`\x1b[${mode}${off}`);
    }
    // The cursor must be there again, and lines wrap, on the screen that comes back.
    expect(close.endsWith('\x1b[?1049l')).toBe(true);
  });

  test('draws over whatever stands there, line by line, and clears nothing before', () => {
    const frame = frameOf('one\ntwo\n', 24);
    expect(show(frame, ['########', '########', '########', '##'])).toEqual(['one', 'two']);
    expect(frame).not.toContain('\x1b[2J');
  });

  test('never draws below the last line, nor ends it, which would scroll', () => {
    expect(show(frameOf('1\n2\n3\n4\n5\n', 3), [])).toEqual(['1', '2', '3']);
    expect(frameOf('1\n2\n3\n', 3).match(/\n/g)).toHaveLength(2);
  });

  test('draws nothing that is drawn already, unless the terminal has changed', () => {
    const { written, screen } = createScreen();
    for (const text of ['one\n', 'one\n', 'two\n']) screen.draw(text, SIZE);
    expect(written).toHaveLength(3);
    screen.invalidate();
    screen.draw('two\n', SIZE);
    expect(written).toHaveLength(4);
  });
});
