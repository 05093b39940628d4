import { expect, it } from 'vitest';
import { createSseDecoder } from '../../../src/dashboard/sse.ts';

it('finds the same messages however the text is cut', () => {
  const text = ': hello\n\nevent: state\ndata: {"a":"x\\ny"}\n\nevent: patch\ndata: {}\n\ndata: plain\n\n';
  const whole = [
    { event: 'state', data: '{"a":"x\\ny"}' },
    { event: 'patch', data: '{}' },
    { event: 'message', data: 'plain' },
  ];
  for (let cut = 0; cut <= text.length; cut++) {
    const decode = createSseDecoder();
    expect([...decode(text.slice(0, cut)), ...decode(text.slice(cut))]).toEqual(whole);
  }
});

it('gives nothing of a message that has not ended', () => {
  expect(createSseDecoder()('event: state\ndata: {"a":1}\n')).toEqual([]);
});
