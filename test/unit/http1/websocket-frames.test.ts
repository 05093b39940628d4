import { describe, expect, it } from 'vitest';
import { closeFrame, FrameCursor } from '../../../src/http1/websocket-frames.ts';

/** Frames of every form of length, masked and not; FIN, opcodes and reserved bits as they come. */
const FRAMES: readonly Buffer[] = [
  frame(0, false),
  frame(0, true),
  frame(1, true),
  frame(125, false),
  frame(126, false),
  frame(65_535, true),
  frame(65_536, false),
  frame(70_000, true),
];

describe('FrameCursor', () => {
  it('is between frames where one has ended, and nowhere else', () => {
    for (const whole of FRAMES) {
      const cursor = new FrameCursor();
      for (let pos = 0; pos < whole.length; pos++) {
        cursor.follow(whole, pos, pos + 1);
        expect(cursor.isBetweenFrames).toBe(pos === whole.length - 1);
      }
    }
  });

  it('finds the same however the bytes are split', () => {
    const stream = Buffer.concat(FRAMES);
    for (const size of [1, 2, 3, 7, 1_000, 65_536, stream.length]) {
      const cursor = new FrameCursor();
      const ends: number[] = [];
      for (let pos = 0; pos < stream.length; pos += size) {
        cursor.follow(stream, pos, Math.min(stream.length, pos + size));
        if (cursor.isBetweenFrames) ends.push(Math.min(stream.length, pos + size));
      }
      const all = endsOf(FRAMES);
      expect(ends.every((end) => all.includes(end))).toBe(true);
      expect(ends.at(-1)).toBe(stream.length);
    }
  });

  it('takes a length of 64 bits for what it is', () => {
    const cursor = new FrameCursor();
    const header = Buffer.from([0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    cursor.follow(header, 0, header.length);
    cursor.follow(Buffer.alloc(1_000_000), 0, 1_000_000);
    expect(cursor.isBetweenFrames).toBe(false);
  });
});

describe('closeFrame', () => {
  it('says 1001, masked towards a server', () => {
    expect([...closeFrame(null)]).toEqual([0x88, 2, 0x03, 0xe9]);
    expect([...closeFrame(Buffer.from([1, 2, 3, 4]))]).toEqual([0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe9 ^ 2]);
  });
});

function frame(length: number, isMasked: boolean): Buffer {
  const mask = isMasked ? 0x80 : 0;
  const header = [0xc1, mask | (length < 126 ? length : length < 65_536 ? 126 : 127)];
  if (length >= 65_536) header.push(0, 0, 0, 0, 0, length >> 16);
  if (length >= 126) header.push((length >> 8) & 0xff, length & 0xff);
  if (isMasked) header.push(0x81, 0xfe, 0x7f, 0xff);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0x81)]);
}

function endsOf(frames: readonly Buffer[]): number[] {
  let end = 0;
  return frames.map(({ length }) => {
    end += length;
    return end;
  });
}
