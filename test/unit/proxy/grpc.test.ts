/** What gRPC's own words mean to a proxy: statuses, deadlines, and our answers in its terms. */

import { describe, expect, it } from 'vitest';
import { RequestHead } from '../../../src/http1/request-head.ts';
import { answerToRefusal } from '../../../src/proxy/answers.ts';
import { grpcStatusOf, grpcTimeoutMs, isClientsDeadline, judgedStatusOf } from '../../../src/proxy/grpc.ts';

it.each([
  [400, 13],
  [404, 12],
  [405, 12],
  [408, 4],
  [413, 8],
  [429, 8],
  [431, 8],
  [501, 12],
  [502, 14],
  [503, 14],
  [504, 4],
  [508, 2],
])('our %s is their %s', (status, expected) => {
  expect(grpcStatusOf(answerToRefusal(status, 'x'))).toBe(expected);
});

it('of all statuses, five speak of a failure of the backend, and one asks to slow down', () => {
  const judged = Array.from({ length: 17 }, (_, code) => judgedStatusOf(String(code)));
  expect(judged).toEqual([...[200, 200, 500, 200, 500, 200, 200, 200, 429, 200, 200, 200, 200, 500, 503, 500, 200]]);
});

it.each([null, '', 'OK', '-1', '0x', '100'])('%j is as good as none, which is UNKNOWN', (value) => {
  expect(judgedStatusOf(value)).toBe(500);
});

describe('grpc-timeout', () => {
  const timeoutOf = (fields: string, isHttp2 = true) => {
    const head = new RequestHead();
    head.fields = fields;
    head.isHttp2 = isHttp2;
    return grpcTimeoutMs(head);
  };

  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['100m', 100],
    ['5000u', 5],
    ['1000000n', 1],
    ['99999999S', 99_999_999_000],
  ])('%s is %s ms', (value, ms) => {
    expect(timeoutOf(`a: b\r\ngrpc-timeout: ${value}\r\nc: d\r\n`)).toBeCloseTo(ms, 6);
    expect(timeoutOf(`grpc-timeout: ${value}\r\n`)).toBeCloseTo(ms, 6);
  });

  it.each(['', '1', 'S', '1s', '-1S', '1.5S', '123456789S', '1S1S'])('%j says nothing', (value) => {
    expect(timeoutOf(`grpc-timeout: ${value}\r\n`)).toBe(Infinity);
  });

  it('is a field of that very name, in HTTP/2', () => {
    expect(timeoutOf('x-grpc-timeout: 1S\r\n')).toBe(Infinity);
    expect(timeoutOf('grpc-timeout: 1S\r\n', false)).toBe(Infinity);
    expect(timeoutOf('a: b\r\n')).toBe(Infinity);
  });

  it('excuses DEADLINE_EXCEEDED about when it is over, and nothing else', () => {
    expect(isClientsDeadline('4', 100, 100)).toBe(true);
    expect(isClientsDeadline('4', 90, 100)).toBe(true);
    expect(isClientsDeadline('4', 50, 100)).toBe(false);
    expect(isClientsDeadline('14', 100, 100)).toBe(false);
    expect(isClientsDeadline('4', 1_000_000, Infinity)).toBe(false);
  });
});
