import { afterEach, describe, expect, it } from 'vitest';
import { brokenInvariants, invariant, onBrokenInvariant } from '../../../src/base/invariant.ts';

describe('invariant', () => {
  const original = onBrokenInvariant(() => {});
  afterEach(() => void onBrokenInvariant(original));

  it('only counts in production', () => {
    onBrokenInvariant(original);
    const before = brokenInvariants();
    invariant(true, 'fine');
    invariant(false, 'broken');
    expect(brokenInvariants()).toBe(before + 1);
  });

  it('tells the handler what broke', () => {
    const sentences: string[] = [];
    onBrokenInvariant((sentence) => sentences.push(sentence));
    invariant(true, 'fine');
    invariant(false, 'broken');
    expect(sentences).toEqual(['broken']);
  });
});
