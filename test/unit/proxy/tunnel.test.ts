import { describe, expect, it } from 'vitest';
import { Tunnel, type TunnelEnd } from '../../../src/proxy/tunnel.ts';

/** What was done to an end, in order. */
class FakeEnd implements TunnelEnd {
  readonly done: string[] = [];
  isFull = false;

  sendData(chunk: Buffer, start: number, end: number): void {
    this.done.push(chunk.toString('latin1', start, end));
  }

  flush(): boolean {
    return !this.isFull;
  }

  resume(): void {
    this.done.push('<resume>');
  }

  close(): void {
    this.done.push('<close>');
  }

  reset(): void {
    this.done.push('<reset>');
  }
}

function open(timeouts: { tunnelIdleMs?: number; tunnelMs?: number | null } = {}, isWebSocket = false) {
  const over: [boolean, string][] = [];
  const tunnel = new Tunnel({
    timeouts: { tunnelIdleMs: 600_000, tunnelMs: null, ...timeouts },
    isWebSocket,
    nowMs: 0,
    onOver: (whole, detail) => over.push([whole, detail]),
  });
  const client = new FakeEnd();
  const backend = new FakeEnd();
  tunnel.open(client, backend);
  tunnel.sweep(0, Infinity);
  return { tunnel, client, backend, over };
}

function send(side: Tunnel['client'], text: string): boolean {
  const bytes = Buffer.from(text, 'latin1');
  return side.onBytes(bytes, 0, bytes.length);
}

describe('Tunnel', () => {
  it('stops reading one side as long as the other is full, and counts what came from each', () => {
    const { tunnel, client, backend } = open();
    expect(send(tunnel.client, 'a')).toBe(true);
    backend.isFull = true;
    expect(send(tunnel.client, 'b')).toBe(false);
    expect(send(tunnel.backend, 'c')).toBe(true);
    backend.isFull = false;
    tunnel.backend.onDrain();
    tunnel.backend.onDrain();
    expect(backend.done).toEqual(['a', 'b']);
    expect(client.done).toEqual(['c', '<resume>']);
    expect([tunnel.client.bytes, tunnel.backend.bytes]).toEqual([2, 1]);
  });

  it('is over when both sides have closed and are gone', () => {
    const { tunnel, client, backend, over } = open();
    tunnel.client.onEnd();
    expect(backend.done).toEqual(['<close>']);
    send(tunnel.backend, 'last');
    tunnel.backend.onEnd();
    expect(client.done).toEqual(['last', '<close>']);
    tunnel.client.onGone('');
    expect(over).toEqual([]);
    tunnel.backend.onGone('');
    expect(over).toEqual([[true, '']]);
  });

  it('resets the side that is left when the other broke off, also after it had closed its direction', () => {
    for (const hadEnded of [false, true]) {
      const { tunnel, client, backend, over } = open();
      if (hadEnded) tunnel.backend.onEnd();
      tunnel.backend.onGone('read ECONNRESET');
      expect(client.done).toEqual(hadEnded ? ['<close>', '<reset>'] : ['<reset>']);
      expect(backend.done).toEqual([]);
      expect(over).toEqual([[false, 'the backend broke off: read ECONNRESET']]);
      tunnel.client.onGone('');
      expect(over).toHaveLength(1);
    }
  });

  it('closes both sides after silence, and only then', () => {
    const { tunnel, client, backend } = open({ tunnelIdleMs: 1_000 });
    tunnel.sweep(900, Infinity);
    send(tunnel.client, 'a');
    tunnel.sweep(1_000, Infinity);
    tunnel.sweep(1_900, Infinity);
    expect(backend.done).toEqual(['a']);
    tunnel.sweep(2_000, Infinity);
    expect([client.done, backend.done]).toEqual([['<close>'], ['a', '<close>']]);
  });

  it('closes both sides at the end of its life, however much flows', () => {
    const { tunnel, client, backend } = open({ tunnelMs: 1_000 });
    for (let nowMs = 0; nowMs < 1_000; nowMs += 100) {
      send(tunnel.client, 'a');
      tunnel.sweep(nowMs, Infinity);
    }
    expect(client.done).toEqual([]);
    tunnel.sweep(1_000, Infinity);
    expect([client.done, backend.done.at(-1)]).toEqual([['<close>'], '<close>']);
  });

  it('closes both sides a second before the drain deadline, and discards what they still say', () => {
    const { tunnel, client, backend, over } = open();
    tunnel.sweep(8_900, 10_000);
    expect(client.done).toEqual([]);
    tunnel.sweep(9_000, 10_000);
    expect(send(tunnel.backend, 'too late')).toBe(true);
    expect([client.done, backend.done]).toEqual([['<close>'], ['<close>']]);
    tunnel.client.onEnd();
    tunnel.client.onGone('');
    tunnel.backend.onGone('read ECONNRESET');
    expect(over).toEqual([[true, 'the proxy stops']]);
  });

  it('reads on from a side that it had stopped reading, so that it sees that side close', () => {
    const { tunnel, client, backend } = open({ tunnelMs: 1_000 });
    client.isFull = true;
    send(tunnel.backend, 'a');
    tunnel.sweep(1_000, Infinity);
    expect(backend.done).toEqual(['<close>', '<resume>']);
  });

  it('cuts a side that does not close when it was told to', () => {
    const { tunnel, client, backend, over } = open({ tunnelMs: 1_000 });
    tunnel.sweep(1_000, Infinity);
    tunnel.client.onEnd();
    tunnel.client.onGone('');
    tunnel.sweep(1_100, Infinity);
    tunnel.sweep(2_000, Infinity);
    expect(over).toEqual([]);
    tunnel.sweep(2_100, Infinity);
    expect([client.done, backend.done]).toEqual([['<close>'], ['<close>', '<reset>']]);
    expect(over).toEqual([[false, 'a side did not close']]);
  });

  it('waits half a minute for the words of one side when the other has closed, and longer while they come', () => {
    const { tunnel, client } = open();
    tunnel.client.onEnd();
    tunnel.sweep(100, Infinity);
    tunnel.sweep(30_000, Infinity);
    send(tunnel.backend, 'a');
    tunnel.sweep(30_100, Infinity);
    tunnel.sweep(60_000, Infinity);
    expect(client.done).toEqual(['a']);
    tunnel.sweep(60_100, Infinity);
    expect(client.done).toEqual(['a', '<close>']);
  });

  it('does not wait for ever for two sides that have closed but do not take their last bytes', () => {
    const { tunnel, over } = open();
    tunnel.client.onEnd();
    tunnel.backend.onEnd();
    tunnel.sweep(100, Infinity);
    tunnel.sweep(30_000, Infinity);
    expect(over).toEqual([]);
    tunnel.sweep(30_100, Infinity);
    expect(over).toEqual([[false, 'a side did not close']]);
  });

  it('says 1001 to both sides of a WebSocket, to each only between its frames', () => {
    const { tunnel, client, backend } = open({ tunnelMs: 1_000 }, true);
    send(tunnel.backend, '\x81\x02h');
    send(tunnel.client, '\x81\x81\0\0\0\0x');
    tunnel.sweep(1_000, Infinity);
    expect(client.done).toEqual(['\x81\x02h', '<close>']);
    expect(backend.done.slice(1)).toEqual([expect.stringMatching(/^\x88\x82.{6}$/s), '<close>']);
  });

  it('says nothing to a side to which the other has closed', () => {
    const { tunnel, client } = open({ tunnelMs: 1_000 }, true);
    tunnel.backend.onEnd();
    tunnel.sweep(1_000, Infinity);
    expect(client.done).toEqual(['<close>']);
  });
});
