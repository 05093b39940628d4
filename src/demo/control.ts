/**
 * The demo's remote control, reached through the proxy like any other backend: `POST /__demo/{id}/{action}` breaks or
 * heals one backend, `GET /__demo/` shows them all. It owns nothing; conditions belong to the backends.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { StartError } from '../model/errors.ts';
import type { Condition, DemoBackend } from './backend.ts';
import { sendJson } from './http.ts';

const ACTIONS: Readonly<Record<string, Condition>> = {
  kill: 'killed',
  hang: 'hanging',
  slow: 'slow',
  fail: 'failing',
  heal: 'normal',
};
const ACTION_NAMES = Object.keys(ACTIONS).join('|');

/** A request handler over `backends`. */
export function createDemoControl(
  backends: readonly DemoBackend[],
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    request.resume();
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (path === '/healthz') {
      sendJson(response, 200, { status: 'ok' });
      return;
    }
    const [root, id, action, ...rest] = path.replace(/^\/|\/$/g, '').split('/');
    if (root !== '__demo' || rest.length > 0) {
      notFound(response, `No such page: ${path}. Try GET /__demo/.`);
    } else if (id === undefined) {
      list(request, response, backends);
    } else {
      act(request, response, backends, id, action);
    }
  };
}

function list(request: IncomingMessage, response: ServerResponse, backends: readonly DemoBackend[]): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    notAllowed(response, 'GET, HEAD');
    return;
  }
  sendJson(response, 200, {
    backends: backends.map(describe),
    usage: `POST /__demo/{${backends.map((backend) => backend.id).join('|')}}/{${ACTION_NAMES}}`,
  });
}

function act(
  request: IncomingMessage,
  response: ServerResponse,
  backends: readonly DemoBackend[],
  id: string,
  action: string | undefined,
): void {
  const backend = backends.find((candidate) => candidate.id === id);
  const condition = action !== undefined && Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (backend === undefined) {
    notFound(response, `No backend "${id}": there are ${backends.map((candidate) => candidate.id).join(', ')}.`);
  } else if (condition === undefined) {
    notFound(response, `No action "${action ?? ''}": there are ${Object.keys(ACTIONS).join(', ')}.`);
  } else if (request.method !== 'POST') {
    notAllowed(response, 'POST');
  } else {
    backend.change(condition).then(
      () => sendJson(response, 200, describe(backend)),
      (error: unknown) => {
        if (!(error instanceof StartError)) throw error;
        sendJson(response, 409, { error: 'port_in_use', message: error.message });
      },
    );
  }
}

function describe(backend: DemoBackend): object {
  const { id, host, port, condition, answered } = backend;
  return { id, address: `${host}:${port}`, condition, answered };
}

function notFound(response: ServerResponse, message: string): void {
  sendJson(response, 404, { error: 'not_found', message });
}

function notAllowed(response: ServerResponse, allow: string): void {
  sendJson(response, 405, { error: 'method_not_allowed', message: `Use ${allow} here.` }, { allow });
}
