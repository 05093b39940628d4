import { createServer } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { reloadCommand } from '../../../src/cli/reload.ts';
import { StartError, UsageError } from '../../../src/model/errors.ts';
import { listen } from '../../support/recording-backend.ts';
import { fakeWorld } from '../cli-main/support.ts';

/** An admin API that answers every request so. */
async function world(status: number, body: unknown) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { authorization = '', 'content-type': type } = request.headers;
    asked.push([request.method, request.url, authorization, type, text].join(' '));
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const port = await listen(server);
  onTestFinished(() => void server.close());
  const env = { PULSEGATE_ADMIN: `http://127.0.0.1:${port}`, PULSEGATE_ADMIN_TOKEN: 'secret' };
  return { ...fakeWorld({ env }), asked };
}

const PROBLEM = { file: 'p.yaml', line: 3, column: 5, path: 'listeners[0].bind', message: 'must be host:port' };

describe('reload', () => {
  test('asks for it, with the token, and prints the generation', async () => {
    const { context, out, err, asked } = await world(200, { generation: 4 });
    expect(await reloadCommand([], context)).toBe(0);
    expect([out, err]).toEqual([['reloaded: generation 4\n'], []]);
    expect(asked).toEqual(['POST /config/reload Bearer secret application/json {}']);
  });

  test('prints the problems of a file that is refused as check does, with exit code 2', async () => {
    const problems = [PROBLEM, { ...PROBLEM, line: 7, message: 'x\x1b[2J' }, { file: 1 }, null];
    const body = { error: 'invalid_config', message: '2 problems', problems };
    const { context, out, err } = await world(422, body);
    expect(await reloadCommand([], context)).toBe(2);
    expect(out).toEqual([]);
    expect(err.join('')).toBe(
      'p.yaml:3:5 listeners[0].bind: must be host:port\np.yaml:7:5 listeners[0].bind: x?[2J\n' +
        'Not reloaded: the configuration before it stays in force.\n',
    );
  });

  test('prints what is refused without a place in the file, too', async () => {
    const body = { error: 'cannot_start', message: 'Cannot listen on 127.0.0.1:80: it is in use.' };
    const { context, err } = await world(422, body);
    expect(await reloadCommand([], context)).toBe(2);
    expect(err[0]).toBe('Cannot listen on 127.0.0.1:80: it is in use.\n');
  });

  test('fails in one line where there is nothing to reload', async () => {
    for (const [status, body, message] of [
      [404, { error: 'not_found', message: 'there is nothing at this path' }, /there is nothing at this path/],
      [401, { error: 'unauthorized', message: 'x' }, /refuses the token/],
      [200, { status: 'UP' }, /no admin API of Pulsegate/],
    ] as const) {
      const { context } = await world(status, body);
      const reloaded = reloadCommand([], context);
      await expect(reloaded).rejects.toThrow(StartError);
      await expect(reloaded).rejects.toThrow(message);
    }
  });

  test('takes nothing else', async () => {
    const { context, asked } = await world(200, { generation: 4 });
    await expect(reloadCommand(['now'], context)).rejects.toThrow(UsageError);
    expect(asked).toEqual([]);
  });
});
