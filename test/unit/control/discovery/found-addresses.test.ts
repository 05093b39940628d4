import { describe, expect, test } from 'vitest';
import { FoundAddresses, MOST_FOUND } from '../../../../src/control/discovery/found-addresses.ts';
import { simulatedBackend } from '../../../../src/sim/settings.ts';

const specs = (...ids: string[]) => ids.map((id) => simulatedBackend(id));
const ids = (found: readonly { id: string }[] | null) => found?.map(({ id }) => id) ?? null;

describe('the addresses of a name', () => {
  test('come at once, in an order that does not depend on the answer', () => {
    const found = new FoundAddresses();
    expect(ids(found.observe(specs('b', 'a')))).toEqual(['a', 'b']);
    expect(found.observe(specs('a', 'b'))).toBeNull();
    expect(ids(found.observe(specs('c', 'a', 'b')))).toEqual(['a', 'b', 'c']);
  });

  test('leave when they are missing twice in a row', () => {
    const found = new FoundAddresses();
    found.observe(specs('a', 'b'));
    expect(found.observe(specs('a'))).toBeNull();
    expect(ids(found.observe(specs('a')))).toEqual(['a']);
  });

  test('stay when every answer holds another part of them', () => {
    const found = new FoundAddresses();
    found.observe(specs('a', 'b', 'c', 'd'));
    for (let round = 0; round < 10; round++) {
      expect(found.observe(specs('a', 'b'))).toBeNull();
      expect(found.observe(specs('c', 'd'))).toBeNull();
    }
  });

  test('take another weight without leaving', () => {
    const found = new FoundAddresses();
    found.observe(specs('a', 'b'));
    const heavier = found.observe([{ ...simulatedBackend('a'), weight: 5 }, simulatedBackend('b')]);
    expect(heavier?.map(({ id, weight }) => [id, weight])).toEqual([
      ['a', 5],
      ['b', 1],
    ]);
  });

  test('are bounded, and who is in stays in [F84]', () => {
    const many = Array.from({ length: 300 }, (_, index) => simulatedBackend(`b${String(index).padStart(3, '0')}`));
    const found = new FoundAddresses();
    expect(found.observe(many)).toHaveLength(MOST_FOUND);
    expect(found.observe(many.slice().reverse())).toBeNull();
    expect(found.observe([...many, simulatedBackend('a')])).toBeNull();
  });
});
