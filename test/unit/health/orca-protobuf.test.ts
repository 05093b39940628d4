import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrcaDraft } from '../../../src/health/orca-draft.ts';
import { readOrcaProtobuf } from '../../../src/health/orca-protobuf.ts';
import type { LoadReport } from '../../../src/model/load.ts';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;

/** An independent writer of the wire format. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function tag(field: number, wireType: number): number[] {
  return varint(field * 8 + wireType);
}

function double(field: number, value: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [...tag(field, FIXED64), ...bytes];
}

function bytes(field: number, content: Iterable<number>): number[] {
  const copy = [...content];
  return [...tag(field, BYTES), ...varint(copy.length), ...copy];
}

function entry(field: number, key: string, value: number): number[] {
  return bytes(field, [...bytes(1, Buffer.from(key)), ...double(2, value)]);
}

function read(message: readonly number[]): LoadReport | string {
  const draft = new OrcaDraft();
  return readOrcaProtobuf(Uint8Array.from(message), draft) ?? draft.report();
}

const whole = [
  ...double(1, 0.1),
  ...double(2, 0.2),
  ...[...tag(3, VARINT), ...varint(2 ** 40)],
  ...entry(4, 'db', 3),
  ...entry(5, 'disk', 0.5),
  ...double(6, 60),
  ...double(7, 7),
  ...entry(8, 'größe', 8),
  ...double(9, 0.9),
];

describe('the protobuf reader', () => {
  it('reads every field, and passes over the deprecated rps and the request costs', () => {
    expect(read(whole)).toEqual({
      cpuUtilization: 0.1,
      memUtilization: 0.2,
      applicationUtilization: 0.9,
      rps: 60,
      eps: 7,
      namedMetrics: new Map([['größe', 8]]),
      utilization: new Map([['disk', 0.5]]),
    });
  });

  it('reads the empty message as a report of nothing', () => {
    expect(read([])).toMatchObject({ cpuUtilization: 0, rps: 0 });
  });

  it.each([
    ['varint', [...tag(100, VARINT), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['fixed64', [...tag(100, FIXED64), 1, 2, 3, 4, 5, 6, 7, 8]],
    ['bytes', bytes(100, [1, 2, 3])],
    ['fixed32', [...tag(100, FIXED32), 1, 2, 3, 4]],
    ['the greatest field number', [...tag(2 ** 29 - 1, VARINT), 0]],
    ['a known field in another wire type', [...tag(1, VARINT), 5]],
  ])('skips an unknown field: %s', (_, field) => {
    expect(read([...field, ...double(7, 7)])).toMatchObject({ eps: 7, cpuUtilization: 0 });
    expect(read(bytes(8, [...field, ...bytes(1, [0x61]), ...double(2, 4)]))).toMatchObject({
      namedMetrics: new Map([['a', 4]]),
    });
  });

  it('takes a map entry without a value as zero', () => {
    expect(read(bytes(8, bytes(1, [0x61])))).toMatchObject({ namedMetrics: new Map([['a', 0]]) });
  });

  it.each([
    ['a group', [...tag(100, START_GROUP), ...tag(100, END_GROUP)]],
    ['the end of a group', tag(100, END_GROUP)],
    ['wire type 6', tag(100, 6)],
    ['wire type 7', tag(100, 7)],
    ['field number 0', [...tag(0, VARINT), 0]],
    ['a field number beyond 29 bits', [...tag(2 ** 29, VARINT), 0]],
    ['a varint of eleven bytes', [...tag(100, VARINT), ...Array<number>(10).fill(0xff), 1]],
    ['a length beyond the message', [...tag(8, BYTES), 100, 1, 2]],
    ['a length of 2^63', [...tag(100, BYTES), ...Array<number>(9).fill(0x80), 1]],
    ['an entry longer than its field', bytes(8, [...tag(1, BYTES), 9, 0x61])],
    ['a group in an entry', bytes(8, tag(3, START_GROUP))],
    ['a value cut short in an entry', bytes(8, [...bytes(1, [0x61]), ...tag(2, FIXED64), 1])],
    ['a key that is not UTF-8', bytes(8, [...bytes(1, [0xff]), ...double(2, 1)])],
    ['an empty key', bytes(8, double(2, 1))],
    ['a field twice', [...double(7, 7), ...double(7, 7)]],
    ['an entry twice', [...entry(8, 'a', 1), ...entry(8, 'a', 1)]],
    ['NaN', double(1, Number.NaN)],
    ['infinity', double(6, Number.POSITIVE_INFINITY)],
    ['a negative value', double(9, -1)],
    ['minus zero', double(9, -0)],
    ['an absurd value', double(6, 1e308)],
    ['memory above one', double(2, 1.5)],
  ])('refuses %s', (_, message) => {
    expect(read(message)).toEqual(expect.stringMatching(/./));
  });

  it('accepts a prefix only where a field ends', () => {
    const ends = new Set<number>();
    for (let length = 0; length <= whole.length; length++) {
      if (typeof read(whole.slice(0, length)) !== 'string') ends.add(length);
    }
    // The empty message, and one end for each of the nine fields.
    expect(ends.size).toBe(10);
  });

  it('never throws or reads beyond the message, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(whole.length - 1), fc.nat(255), (noise, at, byte) => {
        read([...noise]);
        read(whole.with(at, byte));
      }),
      { numRuns: 2000 },
    );
  });

  it('reads a view into a larger buffer', () => {
    const buffer = Uint8Array.from([9, 9, 9, ...double(7, 7), 9, 9]);
    const draft = new OrcaDraft();
    expect(readOrcaProtobuf(buffer.subarray(3, 12), draft)).toBeNull();
    expect(draft.report().eps).toBe(7);
  });
});
