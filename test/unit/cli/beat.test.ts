import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beatCommand } from '../../../src/cli/beat.ts';
import type { CommandContext } from '../../../src/cli/context.ts';
import { UsageError } from '../../../src/model/errors.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createWatch } from '../../support/until.ts';

const said: string[] = [];
const signatures: unknown[] = [];
const watch = createWatch();
let to = '';
let stop = (): void => {};
let output = '';

const receiver = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  request.on('end', () => {
    said.push(JSON.parse(text).status);
    signatures.push(request.headers['x-pulsegate-signature']);
    response.end('{"accepted":true,"state":"up","why":"alive","next_in_ms":100,"commands":[]}');
    watch.notify();
  });
});

const unused = () => {
  throw new Error('not needed by this command');
};
const context: CommandContext = {
  out: (text) => {
    output += text;
  },
  err: (text) => {
    output += text;
  },
  env: { SECRET: 's3cret' },
  terminal: null,
  clock: systemClock,
  startApp: unused,
  startDemoFleet: unused,
  onStopSignal: (listener) => {
    stop = listener;
  },
  onReloadSignal: unused,
  onHandOverSignal: unused,
  configFile: unused,
};

function beat(...args: string[]): Promise<number> {
  return beatCommand(['--to', to, '--upstream', 'app', '--backend', 'b', ...args], context);
}

async function heard(status: string): Promise<void> {
  await watch.until(
    () => (said.includes(status) ? true : null),
    () => `no heartbeat said ${status}, only ${said}`,
  );
}

beforeEach(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  to = `http://127.0.0.1:${(receiver.address() as { port: number }).port}`;
  output = '';
  said.length = 0;
  signatures.length = 0;
});

afterEach(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

describe('beat', () => {
  it('says `up` until it is stopped, and `draining` last', async () => {
    const exit = beat('--key', 'k', '--secret-env', 'SECRET');
    await heard('up');
    stop();
    expect(await exit).toBe(0);
    expect(said.at(-1)).toBe('draining');
    expect(signatures.every((signature) => /^sha256=[0-9a-f]{64}$/.test(String(signature)))).toBe(true);
    expect(output).toContain('app/b is up\n');
  });

  it.each([
    ['exit 0', 'up'],
    ['exit 3', 'down'],
    ['no-such-command 2>/dev/null', 'down'],
  ])('lets the exit code of `%s` decide: %s', async (command, status) => {
    const exit = beat('--exec', command);
    await heard(status);
    stop();
    expect(await exit).toBe(0);
  });

  it('ends a check that takes longer than the interval, and takes it for `down`', async () => {
    const exit = beat('--interval', '100ms', '--exec', 'sleep 600; true');
    await heard('down');
    stop();
    expect(await exit).toBe(0);
    expect(output).toContain('the check took longer than 100 ms: down\n');
  });

  it('does not wait for a check when it is stopped', async () => {
    const exit = beat('--interval', '1h', '--exec', 'sleep 600; true');
    stop();
    expect(await exit).toBe(0);
    expect(said).toEqual(['draining']);
  });

  it('names what is wrong with its arguments', async () => {
    await expect(beatCommand(['--to', to], context)).rejects.toThrow(UsageError);
    await expect(beat('--interval', '1 fortnight')).rejects.toThrow('expected 100ms to 1h');
    await expect(beat('--secret-env', 'NO_SUCH')).rejects.toThrow('the variable NO_SUCH is not set');
    await expect(beat('--key', 'k')).rejects.toThrow('`key` and `secret` must be given together');
    await expect(beat('--nonsense')).rejects.toThrow(UsageError);
  });
});
