import { expect, test } from 'vitest';
import { classifyConnectError } from '../../../src/proxy/classify.ts';

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

test.each(['EADDRNOTAVAIL', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])(
  'F73: %s is a want of ours, and no fault of the backend',
  (code) => {
    expect(classifyConnectError(failure(code))).toBe('local_error');
  },
);

test('a refusal is the backend’s', () => {
  expect(classifyConnectError(failure('ECONNREFUSED'))).toBe('connect_refused');
});
