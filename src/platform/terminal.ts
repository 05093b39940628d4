/** The terminal behind stdout and stdin. */

import type { ReadStream, WriteStream } from 'node:tty';
import type { Terminal, TerminalSize } from '../model/terminal.ts';

/** What a terminal is taken for that does not say how large it is. */
const USUAL_SIZE: TerminalSize = { columns: 80, rows: 24 };

/** null = stdout is no terminal. */
export const systemTerminal: Terminal | null = process.stdout.isTTY ? createTerminal(process.stdout) : null;

function createTerminal(stdout: WriteStream): Terminal {
  return {
    size: () => ({ columns: stdout.columns || USUAL_SIZE.columns, rows: stdout.rows || USUAL_SIZE.rows }),
    onResize(listener) {
      stdout.on('resize', listener);
      return () => stdout.off('resize', listener);
    },
    onKey(listener) {
      const { stdin } = process;
      return stdin.isTTY ? readKeys(stdin, listener) : () => {};
    },
  };
}

function readKeys(stdin: ReadStream, listener: (typed: string) => void): () => void {
  const hear = (typed: Buffer) => listener(typed.toString('latin1'));
  stdin.setRawMode(true);
  stdin.on('data', hear);
  stdin.resume();
  return () => {
    stdin.off('data', hear);
    stdin.pause();
    stdin.setRawMode(false);
  };
}
